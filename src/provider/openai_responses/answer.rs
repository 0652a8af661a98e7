//! Items of an answer into a draft, and how it ended.

use serde_json::{Value, json};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::usage::Usage;
use crate::provider::counts::Totals;
use crate::provider::draft::Draft;
use crate::provider::finish::Finish;
use crate::provider::{answered, asked, errors};

/// The key of the reasoning that must come back before the calls that it led to. Only reasoning
/// that came with its encrypted content can.
pub(super) const REASONING_ITEMS: &str = "reasoning_items";

/// The items of a whole answer.
pub(super) fn take_items(draft: &mut Draft, answer: &Value) {
    for item in answered::each(answer.get("output")) {
        match asked::kind(item) {
            "message" => take_message(draft, item),
            "reasoning" => {
                let thoughts = [item.get("summary"), item.get("content")];
                let thoughts = thoughts.into_iter().flat_map(answered::each);
                let texts: Vec<_> = thoughts.map(|part| answered::text(part, "text")).collect();
                draft.reasoning(0, &texts.join("\n\n"));
            }
            _ => {
                let nth = draft.calls(0);
                take_call(draft, nth, item, true);
            }
        }
        keep(draft, item);
    }
}

fn take_message(draft: &mut Draft, item: &Value) {
    for part in answered::each(item.get("content")) {
        draft.text(0, answered::text(part, "text"));
        draft.refusal(0, answered::text(part, "refusal"));
    }
}

/// What has no place among text and calls, and is worth keeping.
pub(super) fn keep(draft: &mut Draft, item: &Value) {
    let mut add = |key, value: &Value| match draft.message_extra_mut(0, key) {
        // A stream may tell an item twice.
        Value::Array(all) if all.contains(value) => {}
        Value::Array(all) => all.push(value.clone()),
        other => *other = json!([value]),
    };
    if item.get("encrypted_content").is_some_and(|content| !content.is_null()) {
        add(REASONING_ITEMS, item);
    }
    for part in answered::each(item.get("content")) {
        answered::each(part.get("annotations")).iter().for_each(|note| add("annotations", note));
    }
}

/// A call that the user is to answer; whatever `OpenAI` runs by itself has no `call_id`. Calls that
/// are not of functions go by their type, with all that they hold as arguments. A stream brings the
/// arguments piece by piece: then `is_whole` is not so. Whether it was one.
pub(super) fn take_call(draft: &mut Draft, nth: usize, item: &Value, is_whole: bool) -> bool {
    let kind = asked::kind(item);
    let id = answered::text(item, "call_id");
    if id.is_empty() || kind.ends_with("_output") {
        return false;
    }
    let name = answered::text(item, "name");
    let name = if name.is_empty() { kind } else { name };
    let arguments = match kind {
        "function_call" => answered::arguments(item.get("arguments")),
        "custom_tool_call" => answered::text(item, "input").to_owned(),
        _ => item.to_string(),
    };
    let is_piecemeal = matches!(kind, "function_call" | "custom_tool_call");
    let arguments = if is_whole || !is_piecemeal { &*arguments } else { "" };
    draft.call(0, nth, id, name, arguments);
    true
}

/// How an answer ended, what it cost and who gave it; a failure where it is none.
pub(super) fn end(draft: &mut Draft, answer: &Value) -> Option<Failure> {
    begin(draft, answer);
    draft.counted(usage_of(&answer["usage"]));
    if let Some(tier) = answer.get("service_tier").filter(|tier| tier.is_string()) {
        draft.extra.insert("service_tier".to_owned(), tier.clone());
    }
    let status = answered::text(answer, "status");
    let reason = answer.pointer("/incomplete_details/reason").and_then(Value::as_str);
    if !matches!(status, "completed" | "incomplete" | "") && draft.usage.is_some() {
        draft.finish(0, Finish::Broken, status);
    }
    match (status, reason) {
        ("completed", _) => draft.finish(0, Finish::Stop, status),
        ("incomplete", Some("content_filter")) => {
            draft.finish(0, Finish::ContentFilter, "content_filter");
        }
        ("incomplete", reason) => draft.finish(0, Finish::Length, reason.unwrap_or(status)),
        ("failed", _) if answer["error"].is_null() => {
            return Some(Failure::new(FailureKind::InternalServer, "the answer failed"));
        }
        ("failed", _) => return Some(errors::failure_in_ok(&answer["error"])),
        ("queued" | "in_progress" | "cancelled", _) => {
            let message = format!("the answer was not made (status `{status}`)");
            let failure = Failure::new(FailureKind::ApiResponseValidation, message);
            return Some(failure.with_remedy(Remedy::GiveUp));
        }
        // A host that mimics the interface may say nothing; what came is judged as it is.
        _ => {}
    }
    None
}

/// Who answers, as far as it is told.
pub(super) fn begin(draft: &mut Draft, answer: &Value) {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
    draft.id = draft.id.take().or_else(|| text("id"));
    draft.model = draft.model.take().or_else(|| text("model"));
    let created = answer.get("created_at").and_then(Value::as_f64);
    draft.created = draft.created.or(created.map(|seconds| seconds as i64));
}

/// The input includes what was read from and written to the cache, and the output includes the
/// reasoning; these are taken out.
fn usage_of(told: &Value) -> Option<Usage> {
    let count = |pointer: &str| answered::count(told.pointer(pointer));
    let totals = Totals {
        input: count("/input_tokens"),
        cached: count("/input_tokens_details/cached_tokens"),
        cache_write: count("/input_tokens_details/cache_write_tokens"),
        audio_input: count("/input_tokens_details/audio_tokens"),
        audio_cached: None,
        output: count("/output_tokens"),
        reasoning: count("/output_tokens_details/reasoning_tokens"),
        audio_output: count("/output_tokens_details/audio_tokens"),
        total: count("/total_tokens"),
    };
    totals.parts()
}
