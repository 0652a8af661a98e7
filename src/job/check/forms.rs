//! The forms that answers must have: their schemas, what becomes of answers that do not fit, and
//! who cannot be asked for them.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::call::form::{OnInvalid, PARAM};
use crate::call::request::{Message, Params, Request};
use crate::call::task::Target;
use crate::eval::schema::SchemaFault;
use crate::job::asking::{not_taken, unsayable};
use crate::job::check::Check;
use crate::job::check::models::Models;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{JobFile, OnUnsupported};
use crate::job::file_values::SchemaFile;
use crate::job::form::{Compiled, SetForm};
use crate::job::key_path::KeyPath;
use crate::job::params;
use crate::job::prompts::PromptSet;
use crate::job::{JobTarget, LaneSpec};
use crate::provider::access::Access;

/// The keys of a form.
const SCHEMA: &str = "response_schema";
const ON_INVALID: &str = "on_invalid";
const RETRIES: &str = "invalid_retries";

/// How often a model is told what does not fit, where nothing is stated.
const USUAL_RETRIES: u64 = 2;

/// What to do where a model does not take a schema.
const IN_WORDS: &str = "write on_unsupported = \"drop\" to ask it for the schema in words and check \
                        its answers all the same, or leave the model away";

/// What the job or a prompt set states of a form.
struct Stated {
    path: KeyPath,
    schema: Option<Compiled>,
    on_invalid: Option<OnInvalid>,
    retries: Option<u64>,
}

impl Check<'_> {
    /// Gives each set the form that its answers must have.
    pub fn forms(&mut self, file: &JobFile, sets: &mut [PromptSet]) {
        let top = KeyPath::top();
        let of_job = Stated {
            schema: self.schema(file.response_schema.as_ref(), &top.key(SCHEMA)),
            on_invalid: file.on_invalid,
            retries: file.invalid_retries,
            path: top,
        };
        let mut is_any = file.response_schema.is_some();
        for (name, section) in file.prompts.iter().flat_map(|prompts| &prompts.0) {
            let path = KeyPath::top().key("prompts").key(name);
            let stated = Stated {
                schema: self.schema(section.response_schema.as_ref(), &path.key(SCHEMA)),
                on_invalid: section.on_invalid,
                retries: section.invalid_retries,
                path,
            };
            let has_own = section.response_schema.is_some();
            is_any |= has_own;
            match has_own || file.response_schema.is_some() {
                true => self.only_retried(&stated, of_job.on_invalid),
                false => self.needs_schema(&stated),
            }
            let schema = if has_own { stated.schema } else { of_job.schema.clone() };
            let on_invalid = stated.on_invalid.or(of_job.on_invalid).unwrap_or_default();
            let retries = stated.retries.or(of_job.retries).unwrap_or(USUAL_RETRIES) as u32;
            let form = schema.map(|schema| Arc::new(SetForm::new(schema, on_invalid, retries)));
            let set = sets.iter_mut().find(|set| *set.name == **name);
            set.into_iter().for_each(|set| set.form.clone_from(&form));
        }
        match is_any {
            true => self.only_retried(&of_job, None),
            false => self.needs_schema(&of_job),
        }
    }

    /// Keys that say what becomes of answers that do not fit, where nothing must fit.
    fn needs_schema(&mut self, stated: &Stated) {
        for key in [ON_INVALID, RETRIES] {
            let path = stated.path.key(key);
            if self.document.has(&path) {
                let message = format!(
                    "`{key}` is for answers that do not fit a `{SCHEMA}`, and there is none"
                );
                let help =
                    format!("state it: {SCHEMA} = \"schemas/answer.json\", or leave this away");
                self.faults.push(Diagnostic::at_key(path, message).help(help));
            }
        }
    }

    fn only_retried(&mut self, stated: &Stated, below: Option<OnInvalid>) {
        let on_invalid = stated.on_invalid.or(below).unwrap_or_default();
        if stated.retries.is_some() && on_invalid != OnInvalid::Retry {
            let message = format!("`{RETRIES}` belongs to `{ON_INVALID} = \"retry\"`");
            let fault = Diagnostic::at_key(stated.path.key(RETRIES), message);
            self.faults.push(fault.help("leave it away, or write on_invalid = \"retry\""));
        }
    }

    /// A schema, compiled; one that is at fault is told.
    fn schema(&mut self, stated: Option<&SchemaFile>, at: &KeyPath) -> Option<Compiled> {
        let (schema, file) = match stated? {
            SchemaFile::Inline(schema) => (schema.clone(), None),
            SchemaFile::Path(path) => {
                let full: Arc<Path> = self.folder().join(path).into();
                (self.schema_file(&full, at)?, Some(full))
            }
        };
        match Compiled::of(&schema, file.clone()) {
            Ok(compiled) => Some(compiled),
            Err(fault) => {
                self.no_schema(&fault, at, file.as_deref());
                None
            }
        }
    }

    /// The object in a file.
    fn schema_file(&mut self, full: &Path, at: &KeyPath) -> Option<Value> {
        if !self.must_be_file(full, at) {
            return None;
        }
        let shown = full.display();
        let read = std::fs::read(full).map_err(|why| format!("`{shown}` cannot be read: {why}"));
        let read = read.and_then(|bytes| {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            serde_json::from_slice(bytes).map_err(|why| format!("`{shown}` is no JSON: {why}"))
        });
        let why = match read {
            Ok(schema @ Value::Object(_)) => return Some(schema),
            Ok(_) => format!("`{shown}` holds no JSON object"),
            Err(why) => why,
        };
        let help = "name a file that holds one JSON Schema: { \"type\": \"object\", ... }";
        self.faults.push(Diagnostic::at_value(at.clone(), why).help(help));
        None
    }

    fn no_schema(&mut self, fault: &SchemaFault, at: &KeyPath, file: Option<&Path>) {
        let SchemaFault { at: pointer, message } = fault;
        let what = match file {
            Some(file) => format!("`{}`", file.display()),
            None => format!("`{SCHEMA}`"),
        };
        let place = if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") };
        let message = format!("{what} is no JSON Schema that can be used{place}: {message}");
        let help = match pointer.rsplit('/').next() {
            Some("$ref" | "$dynamicRef" | "$recursiveRef") => {
                "nothing is fetched: write it into the schema, and refer to it as \"#/$defs/name\""
            }
            _ => "https://json-schema.org says what a schema can say",
        };
        let path = if file.is_some() { at.clone() } else { self.within(at, pointer) };
        self.faults.push(Diagnostic::at_value(path, message).help(help));
    }

    /// The key to which a JSON pointer leads from here.
    fn within(&self, at: &KeyPath, pointer: &str) -> KeyPath {
        pointer.split('/').skip(1).fold(at.clone(), |path, step| {
            let name = step.replace("~1", "/").replace("~0", "~");
            let item = name.parse().map(|nth| path.index(nth));
            item.ok().filter(|item| self.document.has(item)).unwrap_or_else(|| path.key(&name))
        })
    }

    /// Models that cannot be asked for the form of a set that they get, and parameters that ask for
    /// another one.
    pub fn forms_taken(&mut self, file: &JobFile, models: &Models, sets: &[PromptSet]) {
        if sets.iter().all(|set| set.form.is_none()) {
            return;
        }
        self.one_form(file, sets);
        for JobTarget { target, lane, sets: places, on_unsupported, .. } in &models.targets {
            for set in places.iter().filter_map(|place| sets.get(*place)) {
                let Some(form) = &set.form else { continue };
                let at = self.schema_of(set);
                let lane = &models.lanes[*lane];
                self.form_taken(form, &at, target, lane, *on_unsupported);
                for fallback in target.fallbacks.iter() {
                    let lane = &models.lanes[fallback.lane];
                    self.form_taken(form, &at, &fallback.target, lane, *on_unsupported);
                }
            }
        }
    }

    /// Where the schema of a set is stated.
    fn schema_of(&self, set: &PromptSet) -> KeyPath {
        let own = KeyPath::top().key("prompts").key(&set.name).key(SCHEMA);
        if self.document.has(&own) { own } else { KeyPath::top().key(SCHEMA) }
    }

    fn form_taken(
        &mut self,
        form: &SetForm,
        at: &KeyPath,
        target: &Target,
        lane: &LaneSpec,
        policy: OnUnsupported,
    ) {
        let LaneSpec { provider, model, .. } = lane;
        let mut own = Params::default();
        own.insert(PARAM.to_owned(), (*form.schema.param).clone());
        let mut all = params::overlaid(&target.params, &own);
        for (name, why) in provider.refusals(model, &all) {
            if policy == OnUnsupported::Error {
                let message = not_taken(&name, &why, provider, model);
                let message = format!("{message} (it is how a `{SCHEMA}` is asked for)");
                self.push_once(Diagnostic::at_key(at.clone(), message).help(IN_WORDS));
                return;
            }
            all.shift_remove(&name);
        }
        let request = Request {
            model: Arc::clone(model),
            messages: vec![Message::text("user", "Hi")],
            params: Arc::new(all),
            ..Request::default()
        };
        let Some(why) = unsayable(provider, &provider.endpoint(&Access::default()), &request)
        else {
            return;
        };
        let message = format!("`{}/{model}` cannot be asked for this schema: {why}", provider.name);
        let help = "change the parameters that the message names, or leave the model away";
        self.push_once(Diagnostic::at_key(at.clone(), message).help(help));
    }

    /// Only one of a schema and `response_format` can say what is asked.
    fn one_form(&mut self, file: &JobFile, sets: &[PromptSet]) {
        let schema = sets.iter().find(|set| set.form.is_some()).map(|set| self.schema_of(set));
        let Some(schema) = schema else { return };
        let top = KeyPath::top();
        let mut tables = vec![top.key("params"), top.key("matrix")];
        for (nth, model) in file.models.iter().flatten().enumerate() {
            let gets = |set: &PromptSet| match &model.prompts {
                Some(names) => names.iter().any(|name| **name == *set.name),
                None => true,
            };
            if sets.iter().any(|set| set.form.is_some() && gets(set)) {
                tables.push(top.key("models").index(nth).key("params"));
            }
        }
        for path in tables.iter().map(|table| table.key(PARAM)) {
            if self.document.has(&path) {
                let message = format!("`{PARAM}` and `{SCHEMA}` both say what form answers have");
                let other = Place::Key { path: schema.clone(), on: On::Key };
                let fault = Diagnostic::at_key(path, message).also(other, "the other");
                self.faults.push(fault.help(format!("keep one: `{SCHEMA}` is checked, too")));
            }
        }
    }
}
