//! Blocks of an answer into a draft: a whole answer's and a stream's alike.

use serde_json::{Value, json};

use super::JSON_TOOL;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::answered;
use crate::provider::draft::Draft;
use crate::provider::finish::Finish;

/// What is noted of a block whose arguments are the answer itself.
const IS_TEXT: usize = usize::MAX;

/// The key of the blocks that must come back unchanged in the next turn.
pub(in crate::provider) const THINKING_BLOCKS: &str = "thinking_blocks";

/// A whole answer.
pub(super) fn take_whole(draft: &mut Draft, message: &Value) {
    begin(draft, message);
    for (block, index) in message["content"].as_array().into_iter().flatten().zip(0..) {
        begin_block(draft, index, block);
    }
    end(draft, message);
}

/// What stands at the head of an answer: names and the first counts.
pub(super) fn begin(draft: &mut Draft, message: &Value) {
    let text = |key: &str| message[key].as_str().map(str::to_owned);
    draft.id = draft.id.take().or(text("id"));
    draft.model = draft.model.take().or(text("model"));
    take_usage(draft, &message["usage"]);
}

/// What stands at the end: why it ended. Its text is known by then.
pub(super) fn end(draft: &mut Draft, ending: &Value) {
    let details = &ending["stop_details"];
    if let Some(words) = details["explanation"].as_str() {
        draft.refusal(0, words);
    }
    if details.is_object() {
        draft.message_extra(0, "stop_details", details.clone());
    }
    if let Some(reason) = ending["stop_reason"].as_str() {
        let finish = match finish_of(reason) {
            // The only tool that was called is the one that carries the answer.
            Finish::ToolCalls if draft.calls(0) == 0 => Finish::Stop,
            finish => finish,
        };
        draft.finish(0, finish, reason);
    }
}

/// A block: whole, or the empty beginning of one that a stream fills.
pub(super) fn begin_block(draft: &mut Draft, index: u64, block: &Value) {
    let text = |key: &str| block[key].as_str().unwrap_or_default();
    match text("type") {
        "text" => draft.text(0, text("text")),
        "thinking" => {
            draft.reasoning(0, text("thinking"));
            keep(draft, block);
        }
        "redacted_thinking" => keep(draft, block),
        "tool_use" => {
            let is_json = text("name") == JSON_TOOL;
            let nth = if is_json { IS_TEXT } else { draft.calls(0) };
            draft.notes.insert(index, nth);
            if !is_json {
                draft.call(0, nth, text("id"), text("name"), "");
            }
            if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                more_input(draft, index, &block["input"].to_string());
            }
        }
        _ => {}
    }
}

/// More of the arguments of the tool call in this block.
pub(super) fn more_input(draft: &mut Draft, index: u64, piece: &str) {
    match draft.notes.get(&index) {
        Some(&IS_TEXT) => draft.text(0, piece),
        Some(&nth) => draft.call(0, nth, "", "", piece),
        None => {}
    }
}

/// More of the thinking, or of its signature.
pub(super) fn more_thinking(draft: &mut Draft, key: &str, piece: &str) {
    if key == "thinking" {
        draft.reasoning(0, piece);
    }
    let blocks = draft.message_extra_mut(0, THINKING_BLOCKS);
    if let Some(last) = blocks.as_array_mut().and_then(|blocks| blocks.last_mut()) {
        let so_far = last[key].as_str().unwrap_or_default();
        last[key] = [so_far, piece].concat().into();
    }
}

fn keep(draft: &mut Draft, block: &Value) {
    let blocks = draft.message_extra_mut(0, THINKING_BLOCKS);
    match blocks {
        Value::Array(blocks) => blocks.push(block.clone()),
        other => *other = json!([block]),
    }
}

/// Why an answer ended, by Anthropic's word.
fn finish_of(reason: &str) -> Finish {
    match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        // A turn that was paused, and a window that ran full, are answers that are not whole.
        "max_tokens" | "model_context_window_exceeded" | "pause_turn" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        _ => Finish::Broken,
    }
}

/// Lays counts over those told before: a stream's are cumulative, and its last frame repeats only
/// some. Anthropic's input leaves out what was read from and written to the cache, so these are
/// disjoint as they come; what was written for an hour is part of what was written, and thinking is
/// part of the output, and both are taken out here.
pub(super) fn take_usage(draft: &mut Draft, told: &Value) {
    let count = |value: &Value| answered::count(Some(value));
    let before = draft.usage.unwrap_or_default();
    let by_age = &told["cache_creation"];
    let hour = count(&by_age["ephemeral_1h_input_tokens"]).or(before.cache_write_1h);
    let minutes = match count(&told["cache_creation_input_tokens"]) {
        Some(all) => Some(all.saturating_sub(hour.unwrap_or(0))),
        None => count(&by_age["ephemeral_5m_input_tokens"]).or(before.cache_write),
    };
    let all_output = count(&told["output_tokens"]).or(before.completion_tokens());
    let thinking = count(&told["output_tokens_details"]["thinking_tokens"]).or(before.reasoning);
    let usage = Usage {
        input: count(&told["input_tokens"]).or(before.input),
        cached: count(&told["cache_read_input_tokens"]).or(before.cached),
        cache_write: minutes,
        cache_write_1h: hour,
        audio_input: None,
        output: all_output.map(|all| all.saturating_sub(thinking.unwrap_or(0))),
        reasoning: thinking,
        audio_output: None,
        source: UsageSource::Provider,
    };
    let is_told = usage.prompt_tokens().unwrap_or(0) > 0 || all_output.unwrap_or(0) > 0;
    // Some hosts send zeros for what they do not know.
    if is_told {
        draft.usage = Some(usage);
    }
    if let Some(tier) = told["service_tier"].as_str() {
        draft.extra.insert("service_tier".to_owned(), tier.into());
    }
}
