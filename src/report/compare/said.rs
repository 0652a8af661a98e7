//! What an answer says, as two runs are compared by it: its text, the tools that it calls, or the
//! words with which it declines. What differs from call to call, such as the ids of tool calls, is
//! no part of it.

use std::borrow::Cow;

use serde_json::Value;

use crate::report::Row;

/// What was said; `None` without an answer.
pub(super) fn text(row: &Row<'_>) -> Option<String> {
    let answer = row.record.response.as_ref()?;
    let content = row.content.as_deref().filter(|content| !content.is_empty());
    let calls = answer.tool_calls();
    let said = content.map(Cow::from).into_iter().chain(calls.iter().map(|one| call(one).into()));
    let refusal = answer.refusal().filter(|words| !words.is_empty());
    Some(said.chain(refusal).collect::<Vec<_>>().join("\n"))
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

/// The call of a tool.
fn call(call: &Value) -> String {
    let function = &call["function"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{}({})", text(&function["name"]), text(&function["arguments"]))
}
