//! One attempt: encode, pass, send, decode.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use crate::call::estimate;
use crate::call::failure::{Failure, FailureKind};
use crate::call::moment::Moment;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::Usage;
use crate::engine::exchange::{self, Exchange};
use crate::engine::lane::Lane;
use crate::engine::pictures;
use crate::engine::stop::Stop;
use crate::pace::tokens::Need;
use crate::provider::Rejected;

/// How an attempt ended.
pub(super) struct Attempt {
    /// The answer, or why there is none.
    pub(super) outcome: Result<Response, Rejected>,
    /// Where its time went.
    pub(super) facts: Facts,
}

/// When an attempt was sent and where its time went.
pub(super) struct Facts {
    /// When it was sent.
    pub(super) at: Moment,
    /// How long it waited for its turn.
    pub(super) queued: Duration,
    /// From the send to the last byte.
    pub(super) took: Duration,
    /// From the send to the first token of a stream.
    pub(super) first_token: Option<Duration>,
    /// The provider's name for the call.
    pub(super) request_id: Option<String>,
}

/// Makes one attempt; `None` when the run was stopped before its outcome was known.
pub(super) async fn make(lane: &Lane, request: &Request, stop: &mut Stop) -> Option<Attempt> {
    let came = Instant::now();
    let shown = tokio::select! {
        biased;
        shown = pictures::shown(request, lane.dialect, &*lane.web) => shown,
        () = stop.cancelled() => return None,
    };
    let wire = match shown.and_then(|request| lane.endpoint.encode(lane.dialect, &request)) {
        Ok(wire) => wire,
        Err(failure) => return Some(unsent(failure)),
    };
    let need = if lane.counts_tokens { need_of(request) } else { Need::default() };
    let pass = tokio::select! {
        biased;
        pass = lane.gate.enter(need) => pass,
        () = stop.draining() => return None,
    };
    let (at, sent) = (Moment::now(), Instant::now());
    let flight = Flight::begin(lane);
    let exchange = tokio::select! {
        biased;
        exchange = exchange::make(lane, wire, request.is_streamed()) => exchange,
        () = stop.cancelled() => return None,
    };
    drop(flight);
    let took = sent.elapsed();
    let Exchange { outcome, request_id, first_token } = exchange;
    let first_token = first_token.map(|at| at - sent);
    pass.leave(used(&outcome));
    heed(lane, &outcome);
    let facts = Facts { at, queued: sent - came, took, first_token, request_id };
    Some(Attempt { outcome, facts })
}

/// A request that its dialect cannot say was never sent.
fn unsent(failure: Failure) -> Attempt {
    let (queued, took) = (Duration::ZERO, Duration::ZERO);
    let at = Moment::now();
    let facts = Facts { at, queued, took, first_token: None, request_id: None };
    Attempt { outcome: Err(failure.into()), facts }
}

fn need_of(request: &Request) -> Need {
    let (input, output) = estimate::reserved_tokens(request);
    Need { input, output }
}

/// The tokens that the call used, where that is known. A refusal used none.
fn used(outcome: &Result<Response, Rejected>) -> Option<Need> {
    let of = |usage: Usage| {
        let (input, output) = (usage.prompt_tokens()?, usage.completion_tokens()?);
        Some(Need { input, output })
    };
    let (response, status) = match outcome {
        Ok(response) => (Some(response), None),
        Err(rejected) => (rejected.response.as_deref(), rejected.failure.http_status),
    };
    match response {
        Some(response) => response.usage.and_then(of),
        None => status.is_some_and(|status| status >= 400).then(Need::default),
    }
}

/// A wait that the provider asks for is felt by the whole lane.
fn heed(lane: &Lane, outcome: &Result<Response, Rejected>) {
    let Err(Rejected { failure, .. }) = outcome else { return };
    match failure.kind {
        FailureKind::QuotaExceeded => return,
        FailureKind::RateLimit => lane.gate.refused(),
        _ => {}
    }
    if let Some(wait) = failure.retry_after {
        tracing::info!(
            provider = &*lane.endpoint.provider,
            status = failure.http_status,
            wait_ms = wait.as_millis(),
            "the provider asks to wait, and the whole lane does"
        );
        lane.gate.pause_until(Instant::now() + wait);
    }
}

/// Counts a call as in flight for as long as it lives.
struct Flight<'l>(&'l Lane);

impl<'l> Flight<'l> {
    fn begin(lane: &'l Lane) -> Self {
        lane.state.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(lane)
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
