//! Cohere's stream: named events, closed by `message-end`.

use serde_json::Value;

use crate::call::failure::Failure;
use crate::provider::draft::Draft;
use crate::provider::errors::Told;
use crate::provider::{Flow, answered};
use crate::wire::frames::Frame;

/// What a delta holds is an object where the whole answer has a list.
pub(super) fn fold(draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
    if frame.data.trim() == "[DONE]" {
        return Ok(Flow::End);
    }
    let event: Value = answered::piece(&frame.data)?;
    // The payload repeats the event's name; one of the two is enough.
    let kind = event.get("type").and_then(Value::as_str).unwrap_or(&frame.event);
    let delta = event.get("delta").unwrap_or(&Value::Null);
    let message = delta.get("message").unwrap_or(&Value::Null);
    match kind {
        "message-start" => draft.id = draft.id.take().or_else(|| super::text(&event, "id")),
        "content-start" | "content-delta" => {
            for block in answered::each(message.get("content")) {
                super::take_block(draft, block);
            }
        }
        "tool-plan-delta" => draft.text(0, answered::text(message, "tool_plan")),
        "tool-call-start" | "tool-call-delta" => take_calls(draft, kind, &event, message),
        "citation-start" => super::take_citations(draft, message),
        "message-end" => {
            draft.id = draft.id.take().or_else(|| super::text(&event, "id"));
            return match super::ended(draft, delta) {
                Some(failure) => Err(failure),
                None => Ok(Flow::End),
            };
        }
        "" | "error" if event.get("message").is_some_and(Value::is_string) => {
            return Err(super::failure_of(500, &Told::of_error(&event)));
        }
        _ => {}
    }
    Ok(Flow::More)
}

/// An index says only which pieces belong together: it may begin anywhere.
fn take_calls(draft: &mut Draft, kind: &str, event: &Value, message: &Value) {
    let index = answered::count(event.get("index")).unwrap_or(0);
    for call in answered::each(message.get("tool_calls")) {
        let next = draft.calls(0);
        let known = draft.notes.get(&index).copied().filter(|_| kind == "tool-call-delta");
        let nth = known.unwrap_or(next);
        draft.notes.insert(index, nth);
        super::take_call(draft, nth, call);
    }
}
