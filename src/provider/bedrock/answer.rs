//! Blocks of an answer into a draft: a whole answer's and a stream's alike.

use serde_json::{Value, json};

use crate::call::failure::{Failure, FailureKind};
use crate::call::usage::{Usage, UsageSource};
use crate::provider::answered;
use crate::provider::anthropic::JSON_TOOL;
use crate::provider::anthropic::answer::THINKING_BLOCKS;
use crate::provider::draft::Draft;
use crate::provider::finish::Finish;

/// What is noted of a block whose arguments are the answer itself.
const IS_TEXT: usize = usize::MAX;

/// Where blocks of thinking are noted, above the numbers of all blocks.
const THINKING: u64 = 1 << 32;

/// Where it is noted that the model broke off, and how.
const BROKE_OFF: u64 = u64::MAX;

/// How a model breaks off: what it began is no answer and no call of a tool.
const BROKEN: [&str; 2] = ["malformed_model_output", "malformed_tool_use"];

/// A whole answer; the failure of one that the model broke off.
pub(super) fn take_whole(draft: &mut Draft, told: &Value) -> Option<Failure> {
    let content = told["output"]["message"]["content"].as_array();
    for (block, index) in content.into_iter().flatten().zip(0..) {
        take_block(draft, index, block);
    }
    end(draft, told["stopReason"].as_str());
    close(draft, told)
}

fn take_block(draft: &mut Draft, index: u64, block: &Value) {
    let call = &block["toolUse"];
    if call.is_object() {
        begin_call(draft, index, call);
        if call["input"].as_object().is_none_or(|input| !input.is_empty()) {
            more_input(draft, index, &answered::arguments(call.get("input")));
        }
    }
    draft.text(0, answered::text(block, "text"));
    take_reasoning(draft, index, &block["reasoningContent"]);
    take_reasoning(draft, index, &block["reasoningContent"]["reasoningText"]);
    for cited in block["citationsContent"]["content"].as_array().into_iter().flatten() {
        draft.text(0, answered::text(cited, "text"));
    }
    if let Some(data) = block["image"]["source"]["bytes"].as_str() {
        let format = block["image"]["format"].as_str().unwrap_or("png");
        draft.media(0, &format!("data:image/{format};base64,{data}"));
    }
}

/// The beginning of a call of a tool; its arguments follow.
pub(super) fn begin_call(draft: &mut Draft, index: u64, call: &Value) {
    let name = answered::text(call, "name");
    if name == JSON_TOOL {
        draft.notes.insert(index, IS_TEXT);
        return;
    }
    let nth = draft.calls(0);
    draft.notes.insert(index, nth);
    draft.call(0, nth, answered::text(call, "toolUseId"), name, "");
}

/// More of the arguments of the call in this block.
pub(super) fn more_input(draft: &mut Draft, index: u64, piece: &str) {
    match draft.notes.get(&index) {
        Some(&IS_TEXT) => draft.text(0, piece),
        Some(&nth) => draft.call(0, nth, "", "", piece),
        None => {}
    }
}

/// More of the thinking in this block: its text, its signature, or what is hidden of it. It is kept
/// in Anthropic's form, so that it can go back to any host of the same model.
pub(super) fn take_reasoning(draft: &mut Draft, index: u64, told: &Value) {
    if let Some(text) = told["text"].as_str() {
        draft.reasoning(0, text);
    }
    for (theirs, ours) in
        [("text", "thinking"), ("signature", "signature"), ("redactedContent", "data")]
    {
        let Some(piece) = told[theirs].as_str() else { continue };
        let noted = draft.notes.get(&(THINKING + index)).copied();
        let blocks = draft.message_extra_mut(0, THINKING_BLOCKS);
        if !blocks.is_array() {
            *blocks = json!([]);
        }
        let Some(blocks) = blocks.as_array_mut() else { return };
        let nth = noted.unwrap_or(blocks.len());
        if noted.is_none() {
            let kind = if ours == "data" { "redacted_thinking" } else { "thinking" };
            blocks.push(json!({"type": kind}));
        }
        let so_far = answered::text(&blocks[nth], ours);
        blocks[nth][ours] = [so_far, piece].concat().into();
        draft.notes.insert(THINKING + index, nth);
    }
}

/// Why the answer ended. One that the model broke off ends only when its tokens are told.
pub(super) fn end(draft: &mut Draft, reason: Option<&str>) {
    let Some(reason) = reason else { return };
    if let Some(nth) = BROKEN.iter().position(|broken| *broken == reason) {
        draft.notes.insert(BROKE_OFF, nth);
        return;
    }
    let finish = match reason {
        "end_turn" | "stop_sequence" => Finish::Stop,
        // A window that ran full leaves an answer that is not whole.
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        // The only tool that was called is the one that carries the answer.
        "tool_use" if draft.calls(0) == 0 => Finish::Stop,
        "tool_use" => Finish::ToolCalls,
        "guardrail_intervened" | "content_filtered" => Finish::ContentFilter,
        _ => Finish::Broken,
    };
    draft.finish(0, finish, reason);
}

/// What is told last: the tokens. Whoever broke off has failed, and was paid all the same.
pub(super) fn close(draft: &mut Draft, told: &Value) -> Option<Failure> {
    take_usage(draft, &told["usage"]);
    if let Some(tier) = told["serviceTier"]["type"].as_str() {
        draft.extra.insert("service_tier".to_owned(), tier.into());
    }
    let how = BROKEN[draft.notes.get(&BROKE_OFF).copied()?];
    draft.finish(0, Finish::Broken, how);
    let message = format!("the model broke off (stop reason `{how}`)");
    Some(Failure::new(FailureKind::InternalServer, message))
}

/// The input leaves out what was read from and written to the cache, so the three are disjoint as
/// they come; what was written for an hour is part of what was written, and is taken out. The
/// output includes the thinking, of which nobody tells the share.
fn take_usage(draft: &mut Draft, told: &Value) {
    let count = |key: &str| answered::count(told.get(key));
    let by_age = answered::each(told.get("cacheDetails"));
    let hours = by_age.iter().filter(|kind| kind["ttl"] == "1h");
    let hours: Vec<u64> =
        hours.filter_map(|kind| answered::count(kind.get("inputTokens"))).collect();
    let hour = (!hours.is_empty()).then(|| hours.into_iter().fold(0, u64::saturating_add));
    let written = count("cacheWriteInputTokens");
    let usage = Usage {
        input: count("inputTokens"),
        cached: count("cacheReadInputTokens"),
        cache_write: written.map(|all| all.saturating_sub(hour.unwrap_or(0))),
        cache_write_1h: hour,
        audio_input: None,
        output: count("outputTokens"),
        reasoning: None,
        audio_output: None,
        source: UsageSource::Provider,
    };
    if usage.input.is_some() || usage.output.is_some() {
        draft.counted(Some(usage));
    }
}
