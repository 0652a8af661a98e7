//! A `chat.completion` as typed values, for programs that read one.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::call::usage::Usage;

/// One answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Completion {
    /// The provider's name for it.
    #[serde(default, deserialize_with = "or_default")]
    pub id: String,
    /// The model that answered, by the provider's word.
    #[serde(default, deserialize_with = "word")]
    pub model: String,
    /// At least one.
    #[serde(default)]
    pub choices: Vec<Choice>,
    /// The tokens, if the provider told any.
    #[serde(skip)]
    pub usage: Option<Usage>,
    /// The tokens that are charged, where the provider tells them apart from those it counted.
    #[serde(skip)]
    pub billed: Option<Box<Usage>>,
    /// The service that the provider says it was served by, such as `default` or `flex`.
    #[serde(skip)]
    pub service_tier: Option<Box<str>>,
}

/// One of the answers to a call.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Choice {
    /// What was said.
    #[serde(default)]
    pub message: Said,
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    #[serde(default, deserialize_with = "or_default")]
    pub finish_reason: String,
}

/// What the model said.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Said {
    /// Its text; empty where it only calls tools.
    #[serde(default, deserialize_with = "text")]
    pub content: String,
    /// The tools that it wants called, as `OpenAI` writes them.
    #[serde(default, deserialize_with = "or_default")]
    pub tool_calls: Vec<Value>,
    /// Everything else, such as `reasoning_content`.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Said {
    /// The words with which the model declines, where it says nothing else; else nothing.
    pub fn declined(&self) -> &str {
        let words = self.rest.get("refusal").and_then(Value::as_str).unwrap_or_default();
        if self.content.is_empty() { words } else { "" }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A text; nothing of anything else.
fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Value::deserialize(deserializer)?.as_str().unwrap_or_default().to_owned())
}

/// Text, or the text parts of a list of parts.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part.get("text")?.as_str()).collect::<String>()
        }
        _ => String::new(),
    })
}
