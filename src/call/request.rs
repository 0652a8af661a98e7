//! What is asked, in `OpenAI`'s words and without a provider in mind.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What is wanted of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// An answer to the talk.
    #[default]
    Chat,
    /// The embedding of what is said, as the text of the answer: a JSON list of numbers.
    Embed,
}

/// One provider-neutral call: what every dialect encodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What is wanted.
    pub operation: Operation,
    /// The model's name as its provider knows it.
    pub model: Arc<str>,
    /// The talk so far; at least one message.
    pub messages: Vec<Message>,
    /// Only what the user stated.
    pub params: Arc<Params>,
}

impl Request {
    /// A call of this model, with nothing said yet: `provider/name`, or a well-known bare name.
    pub fn new(model: impl Into<Arc<str>>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// The same call with one more message of the user's.
    pub fn user(mut self, text: impl Into<String>) -> Self {
        self.messages.push(Message::text("user", text));
        self
    }

    /// The same call with one more system message.
    pub fn system(mut self, text: impl Into<String>) -> Self {
        self.messages.push(Message::text("system", text));
        self
    }

    /// The same call with a picture in its last message: an `https:` or `data:` URL.
    pub fn picture(mut self, url: &str) -> Self {
        if let Some(last) = self.messages.last_mut() {
            last.show(url);
        }
        self
    }

    /// The same call with a parameter, by its `OpenAI` name.
    pub fn param(mut self, name: &str, value: impl Into<Value>) -> Self {
        Arc::make_mut(&mut self.params).insert(name.to_owned(), value.into());
        self
    }

    /// Whether the user asked for a stream.
    pub fn is_streamed(&self) -> bool {
        let is_asked = self.params.get("stream").and_then(Value::as_bool).unwrap_or(false);
        is_asked && self.operation == Operation::Chat
    }
}

/// One message of a talk; keys that we do not know travel as they stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Text, or a list of parts; absent in an assistant's turn that only calls tools.
    #[serde(default, skip_serializing_if = "Content::is_absent")]
    pub content: Content,
    /// Everything else: `name`, `tool_calls`, `tool_call_id`, ...
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What a message says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A list of parts, or an explicit null.
    Parts(Value),
    /// The key is not there at all.
    #[default]
    #[serde(skip)]
    Absent,
}

impl Content {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl Message {
    /// A message of plain text.
    pub fn text(role: &str, text: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: Content::Text(text.into()), rest: Map::new() }
    }

    /// Adds a picture to what it says.
    pub fn show(&mut self, url: &str) {
        let mut parts = match std::mem::take(&mut self.content) {
            Content::Text(text) => vec![json!({"type": "text", "text": text})],
            Content::Parts(Value::Array(parts)) => parts,
            Content::Parts(_) | Content::Absent => Vec::new(),
        };
        parts.push(json!({"type": "image_url", "image_url": {"url": url}}));
        self.content = Content::Parts(parts.into());
    }

    /// Whether it is nothing but text.
    pub fn is_text(&self) -> bool {
        matches!(self.content, Content::Text(_))
    }

    /// How long the texts are that it holds, in bytes; pictures among them, as they stand there.
    pub fn length(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Parts(parts) => length_of(parts),
            Content::Absent => 0,
        }
    }

    /// The plain text of the message; of a list of parts, the text parts joined by newlines.
    pub fn plain_text(&self) -> String {
        match &self.content {
            Content::Text(text) => text.clone(),
            Content::Parts(Value::Array(parts)) => {
                let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
                texts.collect::<Vec<_>>().join("\n")
            }
            Content::Parts(_) | Content::Absent => String::new(),
        }
    }
}

fn length_of(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(length_of).sum(),
        Value::Object(fields) => fields.values().map(length_of).sum(),
        _ => 0,
    }
}

/// Parameters of a call by their `OpenAI` names, in the order they were stated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Params(Map<String, Value>);

impl Params {
    /// These parameters with `others` laid over them.
    pub fn overlaid(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for (name, value) in &others.0 {
            all.0.insert(name.clone(), value.clone());
        }
        all
    }

    /// The most output tokens that one choice may have, where the user stated it.
    pub fn max_tokens(&self) -> Option<u64> {
        let named = self.get("max_completion_tokens").or_else(|| self.get("max_tokens"));
        named.and_then(Value::as_u64)
    }

    /// How many choices are asked for, which are all billed.
    pub fn choices(&self) -> u64 {
        self.get("n").and_then(Value::as_u64).unwrap_or(1).max(1)
    }
}

impl From<Map<String, Value>> for Params {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl Deref for Params {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Params {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_goes_through_unchanged() {
        for value in [
            json!({"role": "user", "content": "hi"}),
            json!({"role": "user", "content": [{"type": "text", "text": "hi"}], "name": "ann"}),
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c"}]}),
            json!({"role": "assistant", "tool_calls": []}),
        ] {
            let message: Message = serde_json::from_value(value.clone()).expect("a message");
            assert_eq!(serde_json::to_value(&message).expect("json"), value);
        }
    }

    #[test]
    fn later_parameters_win_and_keep_their_place() {
        let below: Params = serde_json::from_value(json!({"a": 1, "b": 2})).expect("params");
        let above: Params = serde_json::from_value(json!({"c": 3, "a": 4})).expect("params");
        let both = serde_json::to_string(&below.overlaid(&above)).expect("json");
        assert_eq!(both, r#"{"a":4,"b":2,"c":3}"#);
    }
}
