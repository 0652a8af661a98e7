//! The talk: what was said, by whom, and how it is sent and saved.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;

use crate::call::request::{Message, Params, Request};
use crate::cli::exit::CliError;
use crate::provider::names::Resolved;

/// What stands at the end of an answer that was stopped: the model reads it, too.
const STOPPED: &str = "[interrupted by the user]";

/// What was said so far.
#[derive(Debug)]
pub(super) struct Talk {
    /// The system message, where there is one.
    pub(super) system: Option<String>,
    model: Arc<str>,
    who: Resolved,
    params: Arc<Params>,
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    message: Message,
    /// The model that said it.
    by: Option<Arc<str>>,
}

impl Talk {
    pub(super) fn new(
        model: &str,
        who: Resolved,
        system: Option<String>,
        params: Arc<Params>,
    ) -> Self {
        Self { system, model: model.into(), who, params, turns: Vec::new() }
    }

    /// The model, as the user wrote it.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Who answers.
    pub(super) fn who(&self) -> &Resolved {
        &self.who
    }

    /// What stands before a line.
    pub(super) fn prompt(&self) -> String {
        format!("{}> ", self.model.replace(char::is_control, " "))
    }

    /// The user says something.
    pub(super) fn say(&mut self, text: String) {
        self.turns.push(Turn { message: Message::text("user", text), by: None });
    }

    /// The model answers.
    pub(super) fn answer(&mut self, text: String) {
        let message = Message::text("assistant", text);
        self.turns.push(Turn { message, by: Some(Arc::clone(&self.model)) });
    }

    /// The model was stopped while it answered.
    pub(super) fn answer_in_part(&mut self, said: &str) {
        self.answer(format!("{} {STOPPED}", said.trim_end()));
    }

    /// What the user said last was not answered.
    pub(super) fn take_back(&mut self) {
        self.turns.pop();
    }

    /// Nothing was said.
    pub(super) fn forget(&mut self) {
        self.turns.clear();
    }

    /// Goes on with another model.
    pub(super) fn change_model(&mut self, name: &str, who: Resolved) {
        self.model = name.into();
        self.who = who;
    }

    /// The whole talk, to be answered.
    pub(super) fn request(&self) -> Request {
        self.request_of(&self.model)
    }

    /// The same, asked of another model.
    pub(super) fn request_of(&self, model: &str) -> Request {
        let system = self.system.as_ref().map(|text| Message::text("system", text));
        let messages = system.into_iter().chain(self.messages().cloned()).collect();
        Request {
            model: model.into(),
            messages,
            params: Arc::clone(&self.params),
            ..Request::default()
        }
    }

    /// Writes the talk into a new file.
    pub(super) fn save(&self, path: &Path) -> Result<(), CliError> {
        let shown = path.display();
        let is_markdown = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md"));
        let text = if is_markdown { self.markdown() } else { self.json() };
        let opened = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = opened.map_err(|why| match why.kind() {
            ErrorKind::AlreadyExists => CliError::usage(
                format!("`{shown}` is there already, and is not overwritten"),
                "name another file",
            ),
            _ => CliError::world(&format!("write `{shown}`"), why)
                .with_help("name a file in a folder that can be written"),
        })?;
        file.write_all(text.as_bytes())
            .map_err(|why| CliError::world(&format!("write `{shown}`"), why))
    }

    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.turns.iter().map(|turn| &turn.message)
    }

    fn json(&self) -> String {
        let all = self.request().messages;
        let text = serde_json::to_string_pretty(&all).expect("messages are JSON");
        text + "\n"
    }

    fn markdown(&self) -> String {
        let system = self.system.iter().map(|text| ("System".to_owned(), text.clone()));
        let turns = self.turns.iter().map(|turn| {
            let speaker = match &turn.by {
                Some(model) => format!("Assistant ({model})"),
                None => "User".to_owned(),
            };
            (speaker, turn.message.plain_text())
        });
        let sections = system.chain(turns);
        let sections: Vec<String> =
            sections.map(|(speaker, text)| format!("## {speaker}\n\n{}\n", text.trim())).collect();
        sections.join("\n")
    }
}
