//! Prompt sets: rows, and what is asked for each.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::form::PARAM;
use crate::call::request::{Message, Params};
use crate::job::form::SetForm;
use crate::job::key_path::KeyPath;
use crate::job::params::beside_messages;
use crate::job::pictures::{self, PictureFault};
use crate::job::rows::table::Source;
use crate::job::rows::text::kind;
use crate::job::rows::{Cause, PROMPT, Row, RowFault, SetKey};
use crate::job::template::{Blame, Columns, Template, TemplateFault};
use crate::job::words;

/// A named set of prompts. It can be read as often as one likes, and never holds more than a row.
#[derive(Clone, Debug)]
pub struct PromptSet {
    /// Its name in the job.
    pub name: Arc<str>,
    /// How faults call its source: the file as one would open it from here.
    pub shown: Arc<str>,
    /// Where its rows come from.
    pub source: Source,
    /// The system message of every row.
    pub system: Option<Template>,
    /// The user's message; without one the row brings its own.
    pub user: Option<Template>,
    /// A picture that goes with the user's message.
    pub image: Option<Template>,
    /// The folder from which the paths of pictures start.
    pub folder: Arc<Path>,
    /// The column that names a row.
    pub id: Option<Arc<str>>,
    /// The texts that scorers hold the answers against.
    pub expected: Arc<Vec<ExpectedText>>,
    /// Whether a prompt brings the columns of its row along.
    pub keeps_columns: bool,
    /// The form that answers must have, if any.
    pub form: Option<Arc<SetForm>>,
}

/// A text of a scorer, such as the right answer: a template over the columns of the row.
#[derive(Clone, Debug)]
pub struct ExpectedText {
    /// Where the job states it.
    pub path: KeyPath,
    /// The template.
    pub template: Template,
    /// Whether it is rendered again when the answer is there, with the
    /// variables `output` and `input`.
    pub sees_answer: bool,
}

/// One row, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The row's name.
    pub row: String,
    /// What is asked.
    pub messages: Vec<Message>,
    /// Parameters that the row brings: the body of a Batch line, and the form of its set.
    pub params: Params,
    /// The texts of [`PromptSet::expected`], rendered; those that see the answer without it.
    pub expected: Arc<[String]>,
    /// The columns of the row, where the set keeps them.
    pub columns: Option<Arc<Columns>>,
}

/// Keys of a Batch body that are no parameters: the job names the models, and how they are called.
const NOT_PARAMS: [&str; 3] = ["model", "messages", "stream"];

impl PromptSet {
    /// The prompts, from the first row.
    pub fn prompts(&self) -> impl Iterator<Item = Result<Prompt, RowFault>> + Send + use<> {
        let set = self.clone();
        let rows = set.source.rows(&set.shown);
        rows.zip(1..).map(move |(row, number)| set.prompt(row?, number))
    }

    /// The files that it is read from.
    pub fn files(&self) -> Vec<Arc<Path>> {
        let schema = self.form.iter().filter_map(|form| form.schema.file.clone());
        self.source.files().into_iter().chain(schema).collect()
    }

    /// The same set without one of its keys, so that faults of the others show.
    pub fn with_blank(mut self, key: SetKey) -> Self {
        match key {
            SetKey::Own("id") => self.id = None,
            SetKey::Own("system") => self.system = Some(Template::blank()),
            SetKey::Own("image") => self.image = None,
            SetKey::Own(_) => self.user = Some(Template::blank()),
            SetKey::Expected(nth) => {
                Arc::make_mut(&mut self.expected)[nth].template = Template::blank();
            }
        }
        self
    }

    /// The `nth` of its texts for an answer to one of its prompts.
    pub fn text(
        &self,
        nth: usize,
        prompt: &Prompt,
        input: &str,
        output: &str,
    ) -> Result<String, TemplateFault> {
        let text = &self.expected[nth];
        match &prompt.columns {
            Some(columns) if text.sees_answer => {
                text.template.render(&Arc::new(columns.beside(input, output)))
            }
            _ => Ok(prompt.expected[nth].clone()),
        }
    }

    /// Where a key of it stands in the job.
    pub fn path(&self, key: SetKey) -> KeyPath {
        match key {
            SetKey::Own(key) => KeyPath::top().key("prompts").key(&self.name).key(key),
            SetKey::Expected(nth) => self.expected[nth].path.clone(),
        }
    }

    /// What is asked for one row, the `number`th from 1.
    pub fn prompt(&self, mut row: Row, number: u64) -> Result<Prompt, RowFault> {
        let name = row.name.take();
        let columns = Arc::new(Columns(std::mem::take(&mut row.cells)));
        let id = self.name_of(&row, &columns, name, number)?;
        let system = self.rendered("system", self.system.as_ref(), &row, &columns)?;
        let image = self.rendered("image", self.image.as_ref(), &row, &columns)?;
        let expected = self.expected_of(&row, &columns)?;
        let kept = self.keeps_columns.then(|| Arc::clone(&columns));
        if let Some(user) = self.rendered("user", self.user.as_ref(), &row, &columns)? {
            self.replaces_nothing(&row, &columns)?;
            let mut messages: Vec<Message> =
                system.map(|text| Message::text("system", text)).into_iter().collect();
            messages.push(Message::text("user", user));
            self.show(image.as_deref(), &mut messages).map_err(|why| self.unseen(&row, why))?;
            let params = Params::default();
            let prompt = Prompt { row: id, messages, params, expected, columns: kept };
            return self.formed(&row, prompt);
        }
        // Whatever a template did with the columns, it is done.
        let columns = Arc::unwrap_or_clone(columns).0;
        let (mut messages, params) = self.own_messages(&row, columns)?;
        let has_system = matches!(messages[0].role.as_str(), "system" | "developer");
        if let Some(system) = system.filter(|_| !has_system) {
            messages.insert(0, Message::text("system", system));
        }
        self.show(image.as_deref(), &mut messages).map_err(|why| self.unseen(&row, why))?;
        self.formed(&row, Prompt { row: id, messages, params, expected, columns: kept })
    }

    /// The prompt, with the parameter that asks for the form of the set.
    fn formed(&self, row: &Row, mut prompt: Prompt) -> Result<Prompt, RowFault> {
        let Some(form) = &self.form else { return Ok(prompt) };
        if prompt.params.contains_key(PARAM) {
            let message =
                format!("the row states `{PARAM}`, beside the `response_schema` of its set");
            return Err(self.fault(row, message).help("keep one of them"));
        }
        prompt.params.insert(PARAM.to_owned(), (*form.schema.param).clone());
        Ok(prompt)
    }

    /// What scorers hold the answer to this row against.
    fn expected_of(&self, row: &Row, columns: &Arc<Columns>) -> Result<Arc<[String]>, RowFault> {
        let mut blank = None;
        let texts = self.expected.iter().enumerate().map(|(nth, text)| {
            let columns = match text.sees_answer {
                true => blank.get_or_insert_with(|| Arc::new(columns.beside("", ""))),
                false => columns,
            };
            let rendered = text.template.render(columns);
            rendered.map_err(|fault| self.blamed(SetKey::Expected(nth), fault, row, columns))
        });
        texts.collect()
    }

    /// Adds the picture to the last message of the user, and reads those that are named by a path.
    fn show(&self, image: Option<&str>, messages: &mut [Message]) -> Result<(), PictureFault> {
        pictures::read(messages, &self.folder)?;
        let image = image.map(str::trim).filter(|image| !image.is_empty());
        let last = messages.iter_mut().rev().find(|message| message.role == "user");
        if let (Some(image), Some(message)) = (image, last) {
            message.show(&pictures::url(image, &self.folder)?);
        }
        Ok(())
    }

    fn unseen(&self, row: &Row, why: PictureFault) -> RowFault {
        self.fault(row, why.message).help(why.help)
    }

    /// A row that brings its own messages is not asked something else in their place.
    fn replaces_nothing(&self, row: &Row, columns: &Columns) -> Result<(), RowFault> {
        let own = [("messages", "messages"), ("body", "custom_id")];
        let user = self.user.as_ref();
        let lost = own.into_iter().find(|(name, beside)| {
            let is_own =
                columns.0.get(*name).is_some_and(|value| value.is_array() || value.is_object());
            is_own && columns.0.contains_key(*beside) && user.is_some_and(|user| !user.names(name))
        });
        let Some((name, _)) = lost else { return Ok(()) };
        let message = format!("the row has `{name}`, which the `user` template would replace");
        let help = format!("leave `user` away to ask the row as it is, or use `{name}` in it");
        Err(self.fault(row, message).help(help))
    }

    /// The messages that the row brings itself, and its parameters.
    fn own_messages(
        &self,
        row: &Row,
        mut columns: Map<String, Value>,
    ) -> Result<(Vec<Message>, Params), RowFault> {
        if let Some(messages) = columns.remove("messages") {
            return Ok((self.messages(row, messages)?, beside_messages(columns)));
        }
        if columns.contains_key("custom_id") && columns.contains_key("body") {
            return self.batch_body(row, columns.remove("body").unwrap_or_default());
        }
        match columns.remove(PROMPT) {
            Some(Value::String(text)) => Ok((vec![Message::text("user", text)], Params::default())),
            Some(other) => {
                let message = format!("the column `prompt` is {}, not text", kind(&other));
                Err(self
                    .fault(row, message)
                    .help("write text, or a template: user = \"{{ ... }}\""))
            }
            None => {
                let message = "no `user` template, and no column `prompt` or `messages`";
                let help = "give the row a `prompt` or `messages`, or write a template: user = \"{{ ... }}\"";
                Err(self.fault(row, message).help(help).cause(Cause::NothingToAsk))
            }
        }
    }

    fn batch_body(&self, row: &Row, body: Value) -> Result<(Vec<Message>, Params), RowFault> {
        let Value::Object(mut body) = body else {
            let fault = self.fault(row, "`body` is no object");
            return Err(fault
                .help("a Batch line is {\"custom_id\": \"1\", \"body\": {\"messages\": [...]}}"));
        };
        let Some(messages) = body.remove("messages") else {
            let fault = self.fault(row, "`body` has no `messages`");
            return Err(fault.help("only Batch lines for /v1/chat/completions can be asked"));
        };
        let messages = self.messages(row, messages)?;
        body.retain(|name, _| !NOT_PARAMS.contains(&name.as_str()));
        Ok((messages, body.into()))
    }

    fn messages(&self, row: &Row, messages: Value) -> Result<Vec<Message>, RowFault> {
        let help = "write a list such as [{\"role\": \"user\", \"content\": \"Hi\"}]";
        let Value::Array(items) = messages else {
            let message = format!("`messages` is {}, not a list", kind(&messages));
            return Err(self.fault(row, message).help(help));
        };
        if items.is_empty() {
            return Err(self.fault(row, "`messages` is empty").help(help));
        }
        items
            .into_iter()
            .enumerate()
            .map(|(nth, item)| match item {
                Value::Object(ref fields) if fields.get("role").is_some_and(Value::is_string) => {
                    serde_json::from_value(item).map_err(|why| {
                        self.fault(row, format!("messages[{nth}] is no message: {why}")).help(help)
                    })
                }
                Value::Object(_) => {
                    Err(self.fault(row, format!("messages[{nth}] has no `role`")).help(help))
                }
                other => {
                    let message = format!("messages[{nth}] is {}, not an object", kind(&other));
                    Err(self.fault(row, message).help(help))
                }
            })
            .collect()
    }

    /// The row's name: the column that `id` names, else its own, else its number.
    fn name_of(
        &self,
        row: &Row,
        columns: &Columns,
        name: Option<String>,
        number: u64,
    ) -> Result<String, RowFault> {
        let Some(column) = &self.id else {
            let batch = columns.0.get("custom_id").filter(|_| columns.0.contains_key("body"));
            let named = batch.and_then(|id| match id {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            return Ok(named.or(name).unwrap_or_else(|| number.to_string()));
        };
        match columns.0.get(&**column) {
            Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(yes)) => Ok(yes.to_string()),
            Some(Value::String(_)) => {
                let message = format!("the column `{column}`, which names the row, is empty");
                Err(self.fault(row, message).help("name every row, or none: leave `id` away"))
            }
            Some(other) => {
                let message = format!("`{column}` is {}, which names no row", kind(other));
                Err(self.fault(row, message).help("name a column of text or numbers in `id`"))
            }
            None => {
                let key = SetKey::Own("id");
                let cause = Cause::Lacks { key, column: column.to_string(), range: None };
                let help = "name every row, or none: leave `id` away";
                Err(self.fault(row, format!("this row has no `{column}`")).help(help).cause(cause))
            }
        }
    }

    fn rendered(
        &self,
        key: &'static str,
        template: Option<&Template>,
        row: &Row,
        columns: &Arc<Columns>,
    ) -> Result<Option<String>, RowFault> {
        let Some(template) = template else { return Ok(None) };
        let rendered = template.render(columns);
        rendered.map(Some).map_err(|fault| self.blamed(SetKey::Own(key), fault, row, columns))
    }

    fn blamed(&self, key: SetKey, fault: TemplateFault, row: &Row, columns: &Columns) -> RowFault {
        let TemplateFault { message, range, blame } = fault;
        match blame {
            Blame::Template => self.fault(row, message).cause(Cause::Template { key, range }),
            Blame::Row => {
                self.fault(
                    row,
                    format!(
                        "the template `{}` does not fit this row: {message}",
                        self.shown_key(key)
                    ),
                )
                .help("{{ column | default('...') }} and {% if column is defined %} allow for gaps")
            }
            Blame::Lacks(column) => {
                let message =
                    format!("this row has no `{column}`, which `{}` names", self.shown_key(key));
                let names: Vec<&str> = columns.0.keys().map(String::as_str).collect();
                let help = if names.is_empty() {
                    "the row is empty".to_owned()
                } else {
                    format!("it has {}", words::all(&names))
                };
                self.fault(row, message).help(help).cause(Cause::Lacks { key, column, range })
            }
        }
    }

    /// A key as messages call it: the set's own by its name, those of scorers by their whole path.
    fn shown_key(&self, key: SetKey) -> String {
        match key {
            SetKey::Own(key) => key.to_owned(),
            SetKey::Expected(_) => self.path(key).to_string(),
        }
    }

    fn fault(&self, row: &Row, message: impl Into<String>) -> RowFault {
        RowFault::new(&self.shown, row.at.clone(), message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(items: Value) -> PromptSet {
        let Value::Array(items) = items else { unreachable!("a list") };
        PromptSet {
            name: "s".into(),
            shown: "prompts.s.inline".into(),
            source: Source::Inline(Arc::new(items)),
            system: None,
            user: None,
            image: None,
            folder: Path::new("").into(),
            id: None,
            expected: Arc::default(),
            keeps_columns: false,
            form: None,
        }
    }

    fn template(text: &str) -> Template {
        Template::new(text).expect("a template")
    }

    fn asked(set: &PromptSet) -> Vec<Result<Value, String>> {
        set.prompts()
            .map(|prompt| match prompt {
                Ok(prompt) => Ok(json!([prompt.row, prompt.messages, prompt.params])),
                Err(fault) => Err(fault.message),
            })
            .collect()
    }

    fn message(role: &str, text: &str) -> Value {
        json!({"role": role, "content": text})
    }

    #[test]
    fn text_and_templates_become_messages() {
        let plain = set(json!(["hi", {"prompt": "ho"}]));
        let expected = [
            Ok(json!(["1", [message("user", "hi")], {}])),
            Ok(json!(["2", [message("user", "ho")], {}])),
        ];
        assert_eq!(asked(&plain), expected);

        let mut made = set(json!([{"a": 1, "k": "x"}, {"a": "two", "k": 7}]));
        made.user = Some(template("{{ a }}?"));
        made.system = Some(template("be {{ k }}"));
        made.id = Some("k".into());
        let expected = [
            Ok(json!(["x", [message("system", "be x"), message("user", "1?")], {}])),
            Ok(json!(["7", [message("system", "be 7"), message("user", "two?")], {}])),
        ];
        assert_eq!(asked(&made), expected);
    }

    #[test]
    fn rows_may_bring_their_messages() {
        let own =
            json!([{"role": "user", "content": [{"type": "text", "text": "x"}], "name": "n"}]);
        let mut set = set(json!([
            {"messages": own},
            {"messages": [message("system", "mine"), message("user", "x")]},
            {"custom_id": "q-1", "method": "POST", "url": "/v1/chat/completions",
             "body": {"model": "gpt-4", "messages": [message("user", "x")], "stream": true, "top_p": 0.5}},
        ]));
        set.system = Some(template("ours"));
        let expected = [
            Ok(json!(["1", [message("system", "ours"), own[0]], {}])),
            Ok(json!(["2", [message("system", "mine"), message("user", "x")], {}])),
            Ok(json!(["q-1", [message("system", "ours"), message("user", "x")], {"top_p": 0.5}])),
        ];
        assert_eq!(asked(&set), expected);
    }

    #[test]
    fn a_row_that_cannot_be_asked_says_why() {
        for (row, why) in [
            (json!({"messages": []}), "`messages` is empty"),
            (json!({"messages": "x"}), "`messages` is text, not a list"),
            (json!({"messages": [{"content": "x"}]}), "messages[0] has no `role`"),
            (json!({"messages": [3]}), "messages[0] is a number, not an object"),
            (json!({"prompt": 3}), "the column `prompt` is a number, not text"),
            (json!({"q": 3}), "no `user` template, and no column `prompt` or `messages`"),
            (json!({"custom_id": "x", "body": {"input": "x"}}), "`body` has no `messages`"),
        ] {
            assert_eq!(asked(&set(json!([row]))), [Err(why.to_owned())]);
        }
        let mut ids =
            set(json!([{"prompt": "x", "id": ""}, {"prompt": "x"}, {"prompt": "x", "id": []}]));
        ids.id = Some("id".into());
        let faults: Vec<String> = asked(&ids).into_iter().filter_map(Result::err).collect();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}
