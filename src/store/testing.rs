//! Entries for the tests of this folder and of the reports.

use std::sync::Arc;

use serde_json::json;

use crate::call::failure::{Failure, FailureKind};
use crate::call::json::Json;
use crate::call::moment::Moment;
use crate::call::money::{CostStatus, Usd};
use crate::call::record::{Entry, FailedTry, Record, Status, VERSION};
use crate::call::request::{Message, Params};
use crate::call::score::Scores;
use crate::call::task::TaskId;
use crate::call::usage::{Usage, UsageSource};
use crate::store::format::Labels;

/// When the tests take place.
pub(crate) const NOON: i64 = 1_795_312_800_123;

/// The `n`th task.
pub(crate) fn task(n: u64) -> TaskId {
    format!("{n:032x}").parse().unwrap()
}

/// Labels.
pub(crate) fn labels(prompt: &str, row: &str, model: &str, variant: Option<&str>) -> Labels {
    let variant = variant.map(Arc::from);
    Labels { prompt: prompt.into(), row: row.into(), model: model.into(), variant }
}

/// Usage as a provider tells it.
pub(crate) fn usage(input: u64, output: u64) -> Usage {
    let source = UsageSource::Provider;
    Usage { input: Some(input), output: Some(output), source, ..Usage::default() }
}

/// An answer in one attempt; the task has the number of its place.
pub(crate) fn ok(index: u64, content: &str) -> Entry {
    let response = json!({
        "id": "c", "object": "chat.completion", "created": 0, "model": "small",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
    });
    let record = Record {
        v: VERSION,
        task: task(index),
        job: "nightly".into(),
        run: "20261122T020000Z-0000".into(),
        prompt: "sums".into(),
        row: (index + 1).to_string(),
        repeat: 0,
        model: "small".into(),
        variant: None,
        model_used: "lab/small-1".into(),
        provider: "lab".into(),
        status: Status::Ok,
        messages: vec![Message::text("user", "What is 1 + 1?")],
        params: Arc::new(Params::default()),
        dropped_params: Vec::new(),
        response: Some(Json::from(&response)),
        finish_reason_raw: Some("stop".into()),
        schema_valid: None,
        schema_fault: None,
        usage: Some(usage(10, 2)),
        cost_usd: Some(Usd::from_pico(14_000_000)),
        cost_at_most_usd: None,
        cached_cost_usd: None,
        fallback: false,
        cost_status: CostStatus::Known,
        price_version: Some("job".into()),
        latency_ms: Some(100 + index),
        ttft_ms: None,
        queued_ms: 5,
        started_at: Some(Moment::from_millis(NOON)),
        attempts: 1,
        request_id: Some(format!("req-{index}")),
        scorer: None,
        scores: Scores::new(),
        error: None,
        tags: Arc::default(),
    };
    Entry { index, expected: Arc::default(), record, tries: Vec::new() }
}

/// A task that failed in its only attempt, which was not answered.
pub(crate) fn failed(index: u64, message: &str) -> Entry {
    let mut entry = ok(index, "");
    let tried = failed_try(1, FailureKind::RateLimit, message);
    let record = &mut entry.record;
    record.status = Status::Error;
    record.response = None;
    record.finish_reason_raw = None;
    record.usage = None;
    record.cost_usd = None;
    record.cost_status = CostStatus::NoAnswer;
    record.price_version = None;
    record.request_id = None;
    record.error = Some(tried.failure.clone());
    entry.tries = vec![tried];
    entry
}

/// An attempt that was not answered.
pub(crate) fn failed_try(attempt: u32, kind: FailureKind, message: &str) -> FailedTry {
    FailedTry {
        attempt,
        at: Moment::from_millis(NOON - 1000),
        model_used: "lab/small-1".into(),
        provider: "lab".into(),
        queued_ms: 1,
        latency_ms: 20,
        request_id: None,
        usage: None,
        cost_usd: None,
        cached_cost_usd: None,
        cost_at_most_usd: None,
        fallback: false,
        cost_status: CostStatus::NoAnswer,
        price_version: None,
        // Older journals hold what would be taken out of a new failure.
        failure: Failure { message: message.to_owned(), ..Failure::new(kind, "") },
        invalid: false,
        waited_ms: None,
    }
}
