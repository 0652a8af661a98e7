//! What the benches have in common: an answer, a record of it, and a server within the process.

#![allow(dead_code, reason = "each bench takes what it needs")]

use std::sync::Arc;

use runner::call::failure::Failure;
use runner::call::moment::Moment;
use runner::call::money::{CostStatus, Usd};
use runner::call::record::{Entry, Record, Status, VERSION};
use runner::call::request::{Message, Params};
use runner::call::score::Scores;
use runner::call::usage::{Usage, UsageSource};
use runner::wire::frames::Framing;
use runner::wire::message::{Headers, WireReply, WireRequest};
use runner::wire::transport::{Opened, Pending, Transport};

/// What is asked: 320 characters, as in the scenarios over sockets.
pub(crate) const PROMPT: &str = "Tell me about rivers and glass engines in small towns, with the reasons \
    why careful readers count every line, and name three things that nobody would expect to find \
    in the archive of a harbour; write in plain words, for somebody who has never been there, and \
    end with the one question that is left open by all that you said before.";

/// An answer in OpenAI's form.
pub(crate) const REPLY: &str = r#"{"id":"chatcmpl-7","object":"chat.completion","created":1795312800,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"The rivers run past the glass works, where engines of glass were built for a hundred years, and the readers of the harbour's books count the lines because each of them is a ship that came home; nobody has asked who counts them now.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":95,"completion_tokens":58,"total_tokens":153}}"#;

/// A task that was answered.
pub(crate) fn entry(index: u64) -> Entry {
    let usage = Usage {
        input: Some(95),
        output: Some(58),
        source: UsageSource::Provider,
        ..Usage::default()
    };
    let record = Record {
        v: VERSION,
        task: format!("{index:032x}").parse().expect("32 hex digits"),
        job: "nightly".into(),
        run: "20261122T020000Z-0000".into(),
        prompt: "all".into(),
        row: index.to_string(),
        repeat: 0,
        model: "small".into(),
        variant: None,
        model_used: "lab/small-1".into(),
        provider: "lab".into(),
        fallback: false,
        status: Status::Ok,
        messages: vec![Message::text("user", PROMPT)],
        params: Arc::new(Params::default()),
        dropped_params: Vec::new(),
        response: Some(serde_json::from_str(REPLY).expect("JSON")),
        finish_reason_raw: Some("stop".into()),
        schema_valid: None,
        schema_fault: None,
        usage: Some(usage),
        cost_usd: Some(Usd::from_pico(14_000_000)),
        cost_status: CostStatus::Known,
        cost_at_most_usd: None,
        cached_cost_usd: None,
        price_version: Some("job".into()),
        latency_ms: Some(400),
        ttft_ms: None,
        queued_ms: 0,
        started_at: Some(Moment::from_millis(1_795_312_800_123)),
        attempts: 1,
        request_id: Some("req-7".into()),
        scorer: None,
        scores: Scores::new(),
        error: None,
        tags: Arc::default(),
    };
    Entry { index, expected: Arc::default(), record, tries: Vec::new() }
}

/// The reply of a server.
pub(crate) fn reply() -> WireReply {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    WireReply { status: 200, headers, body: REPLY.into() }
}

/// A server within the process, which answers at once.
pub(crate) struct Instantly;

impl Transport for Instantly {
    fn send(&self, _: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async { Ok(reply()) })
    }

    fn open(&self, _: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async { Ok(Opened::Whole(reply())) })
    }
}
