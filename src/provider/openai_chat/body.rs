//! A request's JSON: the model, the messages, and what the user stated, by the host's names.

use std::borrow::Cow;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::ability::Ability;
use super::{rules, strict};
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::{Content, Message, Params, Request};
use crate::provider::asked;
use crate::provider::quirks::Quirks;

/// The parameter whose keys go to the provider as its own.
const EXTRA: &str = "extra";

/// Room for what stands around the texts in most bodies, in bytes.
const AROUND: usize = 256;

/// The body of a request. `asks_usage` says whether a stream may be asked for its tokens.
pub(in crate::provider) fn bytes(
    quirks: &Quirks,
    request: &Request,
    asks_usage: bool,
) -> Result<Vec<u8>, Failure> {
    if let Some((name, why)) = unsayable(quirks, request) {
        let message = format!("`{name}` cannot be sent: {why}");
        return Err(Failure::new(FailureKind::UnsupportedParams, message));
    }
    let mut fields = fields(quirks, request);
    if asks_usage && request.is_streamed() && !fields.has("stream_options") {
        // Without it a stream tells no tokens, and so no cost.
        fields.put("stream_options", Cow::Owned(json!({"include_usage": true})));
    }
    let messages = request.messages.iter().map(|message| said(quirks, message)).collect();
    let said: usize = request.messages.iter().map(Message::length).sum();
    let mut bytes = Vec::with_capacity(said + AROUND);
    let body = Body { model: &request.model, messages, fields };
    serde_json::to_writer(&mut bytes, &body).map_err(asked::no_json)?;
    Ok(bytes)
}

/// A parameter that a row of the prompts brought and that the host does not take; those of the job
/// were looked at before.
fn unsayable(quirks: &Quirks, request: &Request) -> Option<(String, String)> {
    let why = |name: &str, value: &Value| match quirks.unsupported.contains(name) {
        true => Some("the provider does not take it".to_owned()),
        false => rules::accepts(quirks, &request.model, name, value).err(),
    };
    let alone =
        request.params.iter().find_map(|(name, value)| Some((name.clone(), why(name, value)?)));
    let clash = || rules::clashes(quirks, &request.model, &request.params).into_iter().next();
    alone.or_else(|| clash().map(|(name, why)| (name.to_owned(), why)))
}

struct Body<'r> {
    model: &'r str,
    messages: Vec<Cow<'r, Message>>,
    fields: Fields<'r>,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.fields.has("model") {
            map.serialize_entry("model", self.model)?;
        }
        if !self.fields.has("messages") {
            map.serialize_entry("messages", &self.messages)?;
        }
        for (name, value) in &self.fields.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Parameters by the names under which they go out. No name stands twice: which of two values a
/// host would take is anybody's guess.
#[derive(Default)]
struct Fields<'r>(Vec<(&'r str, Cow<'r, Value>)>);

impl<'r> Fields<'r> {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    /// What is put later counts.
    fn put(&mut self, name: &'r str, value: Cow<'r, Value>) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name, value)),
        }
    }
}

fn fields<'r>(quirks: &'r Quirks, request: &'r Request) -> Fields<'r> {
    let params = &request.params;
    let counts_completion = quirks.openai_rules && Ability::of(&request.model).counts_completion;
    let mut fields = Fields::default();
    for (name, value) in params.iter() {
        if quirks.openai_rules && rules::goes_unsaid(&request.model, name, value) {
            continue;
        }
        let (name, value) = match (name.as_str(), value) {
            (EXTRA, Value::Object(_)) => continue,
            ("functions" | "function_call", _) => match modern(params, name) {
                Some((name, value)) => (name, Cow::Owned(value)),
                None => continue,
            },
            ("max_tokens", _) if counts_completion => {
                ("max_completion_tokens", Cow::Borrowed(value))
            }
            ("reasoning_effort", _) if quirks.thinking_switch => {
                let is_on = *value != "none";
                if !params.contains_key("thinking") {
                    let kind = if is_on { "enabled" } else { "disabled" };
                    fields.put("thinking", Cow::Owned(json!({"type": kind})));
                }
                if !is_on {
                    continue;
                }
                ("reasoning_effort", Cow::Borrowed(value))
            }
            (name, _) => (name, Cow::Borrowed(value)),
        };
        let value = match name {
            "tools" if quirks.strict_schema => Cow::Owned(strict::tools(&value)),
            _ => translated(quirks, name, value),
        };
        fields.put(quirks.name(name), value);
    }
    // What the provider alone knows goes to the top level, whatever it is called.
    for (name, value) in params.get(EXTRA).and_then(Value::as_object).into_iter().flatten() {
        fields.put(name, Cow::Borrowed(value));
    }
    fields
}

/// A value in the host's own word, where it has one.
fn translated<'r>(quirks: &Quirks, name: &str, value: Cow<'r, Value>) -> Cow<'r, Value> {
    let words = quirks.values.get(name);
    match words.and_then(|words| words.get(value.as_str()?)) {
        Some(word) => Cow::Owned(Value::from(word.as_str())),
        None => value,
    }
}

/// `functions` and `function_call` in today's words; hosts that are not `OpenAI` never knew the old
/// ones. Where today's words are stated too, they count.
pub(in crate::provider) fn modern(params: &Params, name: &str) -> Option<(&'static str, Value)> {
    match name {
        "functions" if params.contains_key("tools") => None,
        "functions" => Some(("tools", asked::tools(params)?.into_owned().into())),
        _ if params.contains_key("tool_choice") => None,
        _ => {
            let choice = params.get("function_call")?;
            let named = choice.get("name").map(|name| json!({"name": name}));
            let choice = match named {
                Some(function) => json!({"type": "function", "function": function}),
                None => choice.clone(),
            };
            Some(("tool_choice", choice))
        }
    }
}

/// A message in the words of the host.
fn said<'r>(quirks: &Quirks, message: &'r Message) -> Cow<'r, Message> {
    let mut said = asked::modern(message);
    if !quirks.openai_rules && said.role == "developer" {
        // Nearly all hosts that mimic OpenAI know the older word alone.
        "system".clone_into(&mut said.to_mut().role);
    }
    if quirks.plain_text && is_all_text(&said) {
        let text = said.plain_text();
        said.to_mut().content = Content::Text(text);
    }
    // Null is how answers say that there is none; in a request it is of the wrong type.
    if said.rest.values().any(Value::is_null) {
        said.to_mut().rest.retain(|_, value| !value.is_null());
    }
    if quirks.no_nulls && said.content == Content::Parts(Value::Null) {
        said.to_mut().content = Content::Absent;
    }
    if quirks.openai_rules && said.role == "tool" && said.rest.contains_key("name") {
        // The role `function` had one.
        said.to_mut().rest.shift_remove("name");
    }
    if quirks.strict_schema {
        strict::straighten(said.to_mut());
    }
    said
}

fn is_all_text(message: &Message) -> bool {
    asked::parts(message).is_some_and(|parts| parts.iter().all(|part| asked::kind(part) == "text"))
}
