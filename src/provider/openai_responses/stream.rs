//! The stream: named events, the last of which holds the whole answer with its tokens.

use serde_json::Value;

use super::answer;
use crate::call::failure::Failure;
use crate::provider::draft::Draft;
use crate::provider::{Flow, answered, asked, errors};
use crate::wire::frames::Frame;

pub(super) fn fold(draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
    if frame.data.trim() == "[DONE]" {
        return Ok(Flow::End);
    }
    let event: Value = answered::piece(&frame.data)?;
    // The payload repeats the event's name; one of the two is enough.
    let kind = event.get("type").and_then(Value::as_str).unwrap_or(&frame.event);
    let delta = answered::text(&event, "delta");
    match kind {
        "response.created" | "response.in_progress" | "response.queued" => {
            answer::begin(draft, &event["response"]);
        }
        "response.output_text.delta" => draft.text(0, delta),
        "response.refusal.delta" => draft.refusal(0, delta),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            draft.reasoning(0, delta);
        }
        "response.reasoning_summary_part.added" if !is_first(&event) => {
            draft.reasoning(0, "\n\n");
        }
        "response.output_item.added" => begin_item(draft, &event),
        "response.output_item.done" => end_item(draft, &event),
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            if let Some(nth) = draft.notes.get(&index(&event)).copied() {
                draft.call(0, nth, "", "", delta);
            }
        }
        "response.completed" | "response.incomplete" | "response.failed" => {
            return end(draft, &event["response"]);
        }
        "error" => {
            let error = event.get("error").filter(|error| error.is_object()).unwrap_or(&event);
            return Err(errors::failure_in_ok(error));
        }
        _ => {}
    }
    Ok(Flow::More)
}

/// Whether a part of a summary is its first.
fn is_first(event: &Value) -> bool {
    answered::count(event.get("summary_index")).unwrap_or(0) == 0
}

/// The place of an item in the answer.
fn index(event: &Value) -> u64 {
    answered::count(event.get("output_index")).unwrap_or(0)
}

fn begin_item(draft: &mut Draft, event: &Value) {
    let item = &event["item"];
    if matches!(asked::kind(item), "function_call" | "custom_tool_call") {
        let nth = draft.calls(0);
        if answer::take_call(draft, nth, item, false) {
            draft.notes.insert(index(event), nth);
        }
    }
}

/// A whole item: what of it did not come piece by piece.
fn end_item(draft: &mut Draft, event: &Value) {
    let item = &event["item"];
    answer::keep(draft, item);
    let is_said = matches!(asked::kind(item), "message" | "reasoning");
    if !is_said && !draft.notes.contains_key(&index(event)) {
        let nth = draft.calls(0);
        answer::take_call(draft, nth, item, true);
    }
}

fn end(draft: &mut Draft, response: &Value) -> Result<Flow, Failure> {
    if !draft.has_begun() {
        // A model that does not stream sends all of it here.
        answer::take_items(draft, response);
    }
    match answer::end(draft, response) {
        Some(failure) => Err(failure),
        None => Ok(Flow::End),
    }
}
