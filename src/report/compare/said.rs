//! What an answer says, as two runs are compared by it: its text, the tools that it calls, or the
//! words with which it declines. What differs from call to call, such as the ids of tool calls, is
//! no part of it.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::report::Row;

/// What was said; `None` without an answer.
pub(super) fn text(row: &Row<'_>) -> Option<String> {
    let response = row.record.response?;
    let content = row.answer.content.as_deref().unwrap_or_default();
    let is_plain = !content.is_empty() && !response.get().contains("\"tool_calls\"");
    let rest = if is_plain { Vec::new() } else { rest(response) };
    let parts = Some(content).filter(|content| !content.is_empty()).into_iter();
    Some(parts.map(str::to_owned).chain(rest).collect::<Vec<_>>().join("\n"))
}

/// A stand-in for what was said, or for the type of the error.
pub(super) fn hash(row: &Row<'_>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    match (&row.record.error, text(row)) {
        (Some(failure), _) => hasher.update(b"e").update(failure.kind.as_str().as_bytes()),
        (None, text) => hasher.update(b"t").update(text.unwrap_or_default().as_bytes()),
    };
    let hash = hasher.finalize();
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("8 of 32 bytes"))
}

/// The calls of tools, and the words of a refusal.
fn rest(response: &RawValue) -> Vec<String> {
    let Ok(response) = serde_json::from_str::<Value>(response.get()) else { return Vec::new() };
    let message = &response["choices"][0]["message"];
    let call = |call: &Value| {
        let function = &call["function"];
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}({})", text(&function["name"]), text(&function["arguments"]))
    };
    let calls = message["tool_calls"].as_array();
    let mut rest: Vec<String> = calls.into_iter().flatten().map(call).collect();
    rest.extend(message["refusal"].as_str().map(str::to_owned));
    rest
}
