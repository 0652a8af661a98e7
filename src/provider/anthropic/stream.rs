//! The stream of an answer: named events, closed by `message_stop`.

use serde_json::Value;

use super::{answer, errors};
use crate::call::failure::Failure;
use crate::provider::Flow;
use crate::provider::answered;
use crate::provider::draft::Draft;
use crate::wire::frames::Frame;

pub(super) fn fold(draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
    if frame.data.trim().is_empty() || frame.data.trim() == "[DONE]" {
        return Ok(Flow::More);
    }
    let data: Value = answered::piece(&frame.data)?;
    let index = data["index"].as_u64().unwrap_or(0);
    match data["type"].as_str().unwrap_or(&frame.event) {
        "message_start" => answer::begin(draft, &data["message"]),
        "content_block_start" => answer::begin_block(draft, index, &data["content_block"]),
        "content_block_delta" => take_delta(draft, index, &data["delta"]),
        "message_delta" => {
            answer::take_usage(draft, &data["usage"]);
            answer::end(draft, &data["delta"]);
        }
        "message_stop" => return Ok(Flow::End),
        "error" => return Err(errors::failure_in_ok(&data["error"])),
        _ => {}
    }
    Ok(Flow::More)
}

fn take_delta(draft: &mut Draft, index: u64, delta: &Value) {
    let text = |key: &str| delta[key].as_str().unwrap_or_default();
    match text("type") {
        "text_delta" => draft.text(0, text("text")),
        "input_json_delta" => answer::more_input(draft, index, text("partial_json")),
        "thinking_delta" => answer::more_thinking(draft, "thinking", text("thinking")),
        "signature_delta" => answer::more_thinking(draft, "signature", text("signature")),
        _ => {}
    }
}
