//! Talks for hosts that refuse every key and part that their schema does not know (Mistral).

use serde_json::{Map, Value, json};

use crate::call::request::{Content, Message};
use crate::provider::{answered, asked};

/// The keys that a message may have, beside its role and content.
const KEYS: &[&str] = &["tool_calls", "tool_call_id", "prefix"];

/// Brings a message into the schema. What is dropped says nothing that another turn needs: marks of
/// other houses, reasoning of earlier turns, and the name of a user.
pub(super) fn straighten(message: &mut Message) {
    let is_result = message.role == "tool";
    message.rest.retain(|key, _| KEYS.contains(&key.as_str()) || is_result && key == "name");
    if let Content::Parts(Value::Array(parts)) = &mut message.content {
        for part in parts {
            if let Some(made) = in_its_words(part) {
                *part = made;
            }
        }
    }
}

/// A part that has another form there.
fn in_its_words(part: &Value) -> Option<Value> {
    match asked::kind(part) {
        "refusal" => Some(json!({"type": "text", "text": answered::text(part, "refusal")})),
        "input_audio" => {
            let data = part.pointer("/input_audio/data")?;
            Some(json!({"type": "input_audio", "input_audio": data}))
        }
        "file" => {
            let file = part.get("file")?;
            if let Some(id) = file.get("file_id") {
                return Some(json!({"type": "file", "file_id": id}));
            }
            let mut made = Map::from_iter([("type".to_owned(), "document_url".into())]);
            made.insert("document_url".to_owned(), file.get("file_data")?.clone());
            if let Some(name) = file.get("filename") {
                made.insert("document_name".to_owned(), name.clone());
            }
            Some(made.into())
        }
        _ => None,
    }
}

/// Tools, each with the parameters that it must have.
pub(super) fn tools(tools: &Value) -> Value {
    let mut tools = tools.clone();
    for tool in tools.as_array_mut().into_iter().flatten() {
        if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
            let none = || json!({"type": "object", "properties": {}});
            function.entry("parameters").or_insert_with(none);
        }
    }
    tools
}
