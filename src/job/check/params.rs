//! Parameters: those that are none, those that a provider does not take, and those that do not go
//! together.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::request::{Message, Params, Request};
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
    pub fn taken(
        &mut self,
        mut stated: Params,
        provider: &Provider,
        model: &str,
        policy: OnUnsupported,
        path: &KeyPath,
    ) -> (Params, Vec<String>) {
        let before = self.faults.len();
        let mut dropped = Vec::new();
        for (name, why) in provider.refusals(model, &stated) {
            if policy == OnUnsupported::Error {
                self.refuse(&name, &why, provider, model, path);
                continue;
            }
            if policy == OnUnsupported::Warn || self.tells_dropped() {
                not_sent(provider, model, &name, &why);
            }
            stated.shift_remove(&name);
            dropped.push(name);
        }
        if self.faults.len() == before {
            self.fit_together(&stated, provider, model, path);
        }
        (stated, dropped)
    }

    /// Whether each parameter that is left out is to be logged.
    pub fn tells_dropped(&self) -> bool {
        let is_set = |value: String| value.eq_ignore_ascii_case("true") || value == "1";
        DROPPED.iter().any(|name| self.env.get(name).is_some_and(is_set))
    }

    /// Parameters that a model takes one by one, and not all together.
    fn fit_together(&mut self, params: &Params, provider: &Provider, model: &str, path: &KeyPath) {
        let request = Request {
            model: model.into(),
            messages: vec![Message::text("user", "Hi")],
            params: Arc::new(params.clone()),
        };
        let endpoint = provider.endpoint(&Access::default());
        if let Some(why) = unsayable(provider, &endpoint, &request) {
            let places = [path.key("params"), KeyPath::top().key("params"), path.key("model")];
            let place = places.into_iter().find(|place| self.document.has(place));
            let message = format!("`{}/{model}` cannot be asked so: {why}", provider.name);
            let fault = Diagnostic::at_key(place.unwrap_or_else(|| path.clone()), message);
            let fault = fault.help("change the parameters that the message names");
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }

    /// A parameter that this model does not take, where it was stated.
    fn refuse(&mut self, name: &str, why: &str, provider: &Provider, model: &str, path: &KeyPath) {
        let own = path.key("params").key(name);
        let places =
            [own, KeyPath::top().key("matrix").key(name), KeyPath::top().key("params").key(name)];
        let place = places.into_iter().find(|place| self.document.has(place));
        let message = not_taken(name, why, provider, model);
        let fault = Diagnostic::at_key(place.unwrap_or_else(|| path.key("model")), message);
        let fault = fault.help(DROP);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The built-in provider gives one answer to a call.
    pub fn fits_mock(&mut self, provider: &Provider, params: &Params, path: &KeyPath) {
        let choices = params.get("n").and_then(Value::as_u64).unwrap_or(1);
        if is_mock(provider) && choices > 1 {
            let message = "the built-in provider gives one answer to a call: `n` must be 1";
            let fault = Diagnostic::at_value(path.key("model"), message);
            let fault = fault.help("to ask more than once, write repeats = 2 at the top");
            if self.faults.last() != Some(&fault) {
                self.faults.push(fault);
            }
        }
    }
}
