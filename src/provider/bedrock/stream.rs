//! The stream of an answer: named events, of which `metadata` is the last, after the stop.

use serde_json::Value;

use super::{answer, errors};
use crate::call::failure::Failure;
use crate::provider::Flow;
use crate::provider::answered;
use crate::provider::draft::Draft;
use crate::wire::frames::Frame;

pub(super) fn fold(draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
    if frame.event == "error" || frame.event.ends_with("Exception") {
        return Err(errors::failure_in_stream(&frame.event, &frame.data));
    }
    let data: Value = match frame.data.trim() {
        "" => return Ok(Flow::More),
        data => answered::piece(data)?,
    };
    let index = data["contentBlockIndex"].as_u64().unwrap_or(0);
    match frame.event.as_str() {
        // Blocks of text often begin without a word.
        "contentBlockStart" if data["start"]["toolUse"].is_object() => {
            answer::begin_call(draft, index, &data["start"]["toolUse"]);
        }
        "contentBlockDelta" => take_delta(draft, index, &data["delta"]),
        "messageStop" => answer::end(draft, data["stopReason"].as_str()),
        "metadata" => {
            return match answer::close(draft, &data) {
                Some(failure) => Err(failure),
                None if draft.is_finished() => Ok(Flow::End),
                None => Ok(Flow::More),
            };
        }
        _ => {}
    }
    Ok(Flow::More)
}

fn take_delta(draft: &mut Draft, index: u64, delta: &Value) {
    draft.text(0, answered::text(delta, "text"));
    answer::take_reasoning(draft, index, &delta["reasoningContent"]);
    let input = answered::text(&delta["toolUse"], "input");
    if !input.is_empty() {
        answer::more_input(draft, index, input);
    }
}
