//! One attempt: encode, pass, send, decode.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::call::duration::DurationText;
use crate::call::estimate::{self, Expected};
use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::fallback::FallbackOn;
use crate::call::moment::Moment;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::Usage;
use crate::engine::budget::Hold;
use crate::engine::exchange::{self, Exchange};
use crate::engine::lane::Lane;
use crate::engine::pictures;
use crate::engine::purse::{Purse, Unpaid};
use crate::engine::stop::Stop;
use crate::pace::door::{Barred, Closure};
use crate::pace::gate::pass::{End, Pass};
use crate::pace::headroom::Headroom;
use crate::pace::tokens::Need;
use crate::pace::verdict::Verdict;
use crate::provider::Rejected;

/// How an attempt ended.
pub(super) struct Attempt {
    /// The answer, or why there is none.
    pub(super) outcome: Result<Response, Rejected>,
    /// Where its time went.
    pub(super) facts: Facts,
    /// The money that was held for it, where that is capped; to be settled by what it cost.
    pub(super) hold: Option<Hold>,
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

/// What came of asking for an attempt.
pub(super) enum Made {
    /// It was made.
    Ended(Box<Attempt>),
    /// The lane takes no calls, for now or for good.
    Barred(Barred),
    /// No money is left for it.
    Unaffordable,
    /// The task's time was over before it was sent.
    TooLate,
    /// The run was stopped before its outcome was known.
    Stopped,
}

/// What is to be attempted.
pub(super) struct Asking<'t> {
    /// What is asked.
    pub(super) request: &'t Request,
    /// After which failures somebody else can be asked: it does not wait long for a provider that
    /// fails so.
    pub(super) elsewhere: FallbackOn,
    /// What pays for it, where money is capped.
    pub(super) purse: Option<Purse<'t>>,
}

/// Makes one attempt. `begun` is when the task was sent first, and is set if that is now.
pub(super) async fn make(
    lane: &Lane,
    asking: Asking<'_>,
    begun: &mut Option<Instant>,
    stop: &mut Stop,
) -> Made {
    let Asking { request, elsewhere, purse } = asking;
    let came = Instant::now();
    let shown = tokio::select! {
        biased;
        shown = pictures::shown(request, lane.dialect, &*lane.web) => shown,
        () = stop.cancelled() => return Made::Stopped,
    };
    let encode = |tongue| Ok((lane.endpoint.encode(tongue, &*shown?)?, tongue));
    let (wire, tongue) = match lane.tongue(request.operation).and_then(encode) {
        Ok(encoded) => encoded,
        Err(failure) => return Made::Ended(Box::new(unsent(failure))),
    };
    let counts = lane.counts_tokens || lane.gate.wants_estimates();
    let expected = if counts { estimate::expected(request) } else { Expected::default() };
    let pass = tokio::select! {
        biased;
        () = stop.draining() => return Made::Stopped,
        () = emptied(lane, purse.as_ref()) => return Made::Unaffordable,
        pass = lane.gate.enter(expected, elsewhere) => pass,
        () = over(lane, *begun) => return Made::TooLate,
    };
    let pass = match pass {
        Ok(pass) => pass,
        Err(barred) => return Made::Barred(barred),
    };
    let mut hold = match purse {
        None => None,
        Some(purse) => tokio::select! {
            biased;
            () = stop.draining() => return Made::Stopped,
            hold = purse.open(lane) => match hold {
                Ok(hold) => Some(hold),
                Err(Unpaid::Short) => return Made::Unaffordable,
                Err(Unpaid::Unrecorded) => return Made::Stopped,
            },
            () = over(lane, *begun) => return Made::TooLate,
        },
    };
    hold.iter_mut().for_each(Hold::send);
    let (at, sent) = (Moment::now(), Instant::now());
    begun.get_or_insert(sent);
    let exchange = tokio::select! {
        biased;
        exchange = exchange::make(lane, tongue, wire, request.is_streamed()) => exchange,
        () = stop.cancelled() => return Made::Stopped,
        () = over(lane, *begun) => Exchange::failed(too_late(lane).into()),
    };
    let took = sent.elapsed();
    let Exchange { outcome, request_id, first_token, headroom } = exchange;
    let first_token = first_token.map(|at| at - sent);
    leave(lane, pass, &outcome, headroom);
    let facts = Facts { at, queued: sent - came, took, first_token, request_id };
    Made::Ended(Box::new(Attempt { outcome, facts, hold }))
}

/// Waits until no money is left for the call; for ever, where none is capped.
async fn emptied(lane: &Lane, purse: Option<&Purse<'_>>) {
    match purse {
        Some(purse) => purse.emptied(lane).await,
        None => std::future::pending().await,
    }
}

/// Waits until the task's time is over; for ever, where it has all the time there is.
async fn over(lane: &Lane, begun: Option<Instant>) {
    match (begun, lane.task_timeout) {
        (Some(begun), Some(limit)) => sleep_until(begun + limit).await,
        _ => std::future::pending().await,
    }
}

/// The failure of a task whose time is over.
pub(super) fn too_late(lane: &Lane) -> Failure {
    let limit = lane.task_timeout.unwrap_or_default();
    let message = format!(
        "the task was not done within {}, its waits and retries included \
         (`limits.task_timeout`)",
        DurationText(limit)
    );
    Failure::new(FailureKind::Timeout, message).with_remedy(Remedy::GiveUp)
}

/// Ends the call at the gate, which learns from it.
fn leave(lane: &Lane, pass: Pass<'_>, outcome: &Result<Response, Rejected>, headroom: Headroom) {
    let verdict = match outcome {
        Ok(_) => Verdict::Answered,
        Err(rejected) => Verdict::of(&rejected.failure, rejected.response.is_some()),
    };
    if let Verdict::Refused(Some(wait)) | Verdict::Faulty(Some(wait)) = verdict {
        tracing::info!(
            provider = &*lane.endpoint.provider,
            wait_ms = wait.as_millis(),
            "the provider asks to wait, and the whole lane does"
        );
    }
    let reason = &|| closure(outcome);
    pass.leave(&End { used: used(outcome), verdict, headroom, reason });
}

/// Why a lane closes after this outcome.
fn closure(outcome: &Result<Response, Rejected>) -> Closure {
    let (kind, reason) = match outcome {
        Ok(_) => (FailureKind::Api, "the lane closed".into()),
        Err(Rejected { failure, .. }) => (failure.kind, failure.message.as_str().into()),
    };
    Closure { kind, reason, is_parked: false }
}

/// A call that was never sent.
pub(super) fn unsent(failure: Failure) -> Attempt {
    let (queued, took) = (Duration::ZERO, Duration::ZERO);
    let at = Moment::now();
    let facts = Facts { at, queued, took, first_token: None, request_id: None };
    Attempt { outcome: Err(failure.unsent().into()), facts, hold: None }
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
