//! Parameters: those that are none, those that a provider does not take, and those that do not go
//! together.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::request::{Message, Operation, Params, Request};
use crate::job::asking::{DROP, not_sent, not_taken, unsayable};
use crate::job::check::Check;
use crate::job::check::providers::is_mock;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::OnUnsupported;
use crate::job::key_path::KeyPath;
use crate::job::params::{self, NOT_PARAMS};
use crate::provider::Provider;
use crate::provider::access::Access;

/// Variables that ask for each parameter that is dropped to be logged.
const DROPPED: [&str; 2] = ["RUNNER_DROPPED_PARAMS", "LITELLM_DROPPED_PARAMS"];

/// What to do where a fallback does not take a parameter.
const DROP_THERE: &str =
    "take the fallback out, or write on_unsupported = \"drop\" to send it the rest without it";

/// Who is to take parameters.
#[derive(Clone, Copy, Debug)]
pub struct Taker<'c> {
    /// The provider that answers.
    pub provider: &'c Provider,
    /// The model's name as the provider knows it.
    pub model: &'c str,
    /// What is wanted of it.
    pub operation: Operation,
    /// What to do about a parameter that it does not take.
    pub policy: OnUnsupported,
    /// Where the job names it: an entry of `[[models]]`, or one of an entry's `fallbacks`.
    pub path: &'c KeyPath,
    /// Whether it is one of the `fallbacks`.
    pub is_fallback: bool,
}

impl Taker<'_> {
    /// Where its name stands.
    fn name(&self) -> KeyPath {
        if self.is_fallback { self.path.clone() } else { self.path.key("model") }
    }
}

impl Check<'_> {
    /// Keys that are no parameters, slips of the pen, and what cannot be asked yet.
    pub fn params(&mut self, table: &Map<String, Value>, path: &KeyPath) {
        for name in table.keys() {
            self.param(name, &path.key(name));
        }
        if let Some([first, second]) = params::stated_twice(table) {
            let place = Place::Key { path: path.key(first), on: On::Key };
            let message = format!("`{first}` and `{second}` are two names for one limit");
            let fault = Diagnostic::at_key(path.key(second), message).also(place, "the other");
            self.faults.push(fault.help("keep the one that the model takes"));
        }
    }

    /// A key that is no parameter, or a slip of the pen.
    pub fn param(&mut self, name: &str, path: &KeyPath) {
        if let Some((_, help)) = NOT_PARAMS.iter().find(|(known, _)| *known == name) {
            let message = format!("`{name}` is no parameter");
            self.faults.push(Diagnostic::at_key(path.clone(), message).help(*help));
        } else if let Some(meant) = params::meant(name) {
            let fault = Diagnostic::at_key(path.clone(), format!("unknown parameter `{name}`"));
            self.faults.push(fault.help(format!("did you mean `{meant}`?")));
        }
    }

    /// The parameters that the provider takes, and those that are dropped.
    pub fn taken(&mut self, mut stated: Params, taker: Taker<'_>) -> (Params, Vec<String>) {
        let Taker { provider, model, operation, policy, .. } = taker;
        // Whoever cannot be asked for this at all was told so.
        let Some(tongue) = provider.tongue(operation, model) else { return (stated, Vec::new()) };
        self.fits_mock(&stated, taker);
        let before = self.faults.len();
        let mut dropped = Vec::new();
        for (name, why) in provider.refusals_in(tongue, model, &stated) {
            if policy == OnUnsupported::Error {
                self.refuse(&name, &why, taker);
                continue;
            }
            if policy == OnUnsupported::Warn || self.tells_dropped() {
                not_sent(provider, model, &name, &why);
            }
            stated.shift_remove(&name);
            dropped.push(name);
        }
        if self.faults.len() == before {
            self.fit_together(&stated, taker);
        }
        (stated, dropped)
    }

    /// Whether each parameter that is left out is to be logged.
    pub fn tells_dropped(&self) -> bool {
        let is_set = |value: String| value.eq_ignore_ascii_case("true") || value == "1";
        DROPPED.iter().any(|name| self.env.get(name).is_some_and(is_set))
    }

    /// Parameters that a model takes one by one, and not all together.
    fn fit_together(&mut self, params: &Params, taker: Taker<'_>) {
        let Taker { provider, model, operation, path, .. } = taker;
        let request = Request {
            operation,
            model: model.into(),
            messages: vec![Message::text("user", "Hi")],
            params: Arc::new(params.clone()),
        };
        let endpoint = provider.endpoint(&Access::default());
        let Some(why) = unsayable(provider, &endpoint, &request) else { return };
        let message = format!("`{}/{model}` cannot be asked so: {why}", provider.name);
        self.push_once(if taker.is_fallback {
            let help = "take the fallback out, or change the parameters that the message names";
            Diagnostic::at_value(taker.name(), message).help(help)
        } else {
            let places = [path.key("params"), KeyPath::top().key("params"), taker.name()];
            let place = places.into_iter().find(|place| self.document.has(place));
            let fault = Diagnostic::at_key(place.unwrap_or_else(|| path.clone()), message);
            fault.help("change the parameters that the message names")
        });
    }

    /// A parameter that this model does not take: where it was stated, or at the name of a
    /// fallback, which is what brings the fault about.
    fn refuse(&mut self, name: &str, why: &str, taker: Taker<'_>) {
        let message = not_taken(name, why, taker.provider, taker.model);
        self.push_once(if taker.is_fallback {
            Diagnostic::at_value(taker.name(), message).help(DROP_THERE)
        } else {
            let top = KeyPath::top();
            let tables = [taker.path.key("params"), top.key("matrix"), top.key("params")];
            let places = tables.map(|table| table.key(name));
            let place = places.into_iter().find(|place| self.document.has(place));
            Diagnostic::at_key(place.unwrap_or_else(|| taker.name()), message).help(DROP)
        });
    }

    /// The built-in provider gives one answer to a call.
    fn fits_mock(&mut self, params: &Params, taker: Taker<'_>) {
        let choices = params.get("n").and_then(Value::as_u64).unwrap_or(1);
        if is_mock(taker.provider) && choices > 1 {
            let message = "the built-in provider gives one answer to a call: `n` must be 1";
            let fault = Diagnostic::at_value(taker.name(), message);
            self.push_once(fault.help("to ask more than once, write repeats = 2 at the top"));
        }
    }

    /// A fault that may be found again with another combination of the matrix.
    pub fn push_once(&mut self, fault: Diagnostic) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}
