//! What hosts put where `OpenAI` has plain text: lists of parts in place of the content (Mistral,
//! Databricks), and objects in place of the JSON text of a tool's arguments.

use serde_json::{Map, Value};

use crate::provider::{answered, asked};

/// The text and the reasoning in a list of parts. `None` when there is any other part in it.
pub(super) fn split(parts: &[Value]) -> Option<(String, String)> {
    let (mut text, mut reasoning) = (String::new(), String::new());
    for part in parts {
        match asked::kind(part) {
            "text" => text.push_str(answered::text(part, "text")),
            "thinking" => match part.get("thinking") {
                Some(Value::String(thought)) => reasoning.push_str(thought),
                thoughts => answered::each(thoughts)
                    .iter()
                    .for_each(|thought| reasoning.push_str(answered::text(thought, "text"))),
            },
            "reasoning" => answered::each(part.get("summary"))
                .iter()
                .for_each(|thought| reasoning.push_str(answered::text(thought, "text"))),
            _ => return None,
        }
    }
    Some((text, reasoning))
}

/// Brings a whole message into `OpenAI`'s form.
pub(super) fn straighten(message: &mut Map<String, Value>) {
    let parts = message.get("content").and_then(Value::as_array);
    if let Some((text, reasoning)) = parts.and_then(|parts| split(parts)) {
        message.insert("content".to_owned(), text.into());
        if !reasoning.is_empty() {
            message.entry("reasoning_content").or_insert_with(|| reasoning.into());
        }
    }
    let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten() {
        if let Some(arguments) = call.pointer_mut("/function/arguments")
            && !arguments.is_string()
        {
            *arguments = answered::arguments(Some(arguments)).into();
        }
    }
}

/// Whether a message is not in `OpenAI`'s form yet: its content, and its tool calls, as JSON.
pub(super) fn is_bent(content: Option<&str>, calls: Option<&str>) -> bool {
    if content.is_some_and(|content| content.starts_with('[')) {
        return true;
    }
    let calls = calls.filter(|calls| calls.starts_with('['));
    let calls: Vec<Value> =
        calls.and_then(|calls| serde_json::from_str(calls).ok()).unwrap_or_default();
    calls.iter().any(|call| {
        call.pointer("/function/arguments").is_some_and(|arguments| !arguments.is_string())
    })
}
