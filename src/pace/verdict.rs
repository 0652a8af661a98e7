//! What the end of a call tells about the provider's pace and health, what that leads to, and what
//! stands between a call and its send.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::pace::rate::Waiting;

/// What the end of a call tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The provider is there and took the call, whatever it thought of what was asked.
    Answered,
    /// It refused the call because there are too many; it may have said for how long.
    Refused(Option<Duration>),
    /// It is faulty or away; it may have said for how long.
    Faulty(Option<Duration>),
    /// No answer came in time.
    Late,
    /// No call to this model can succeed now.
    Closes,
    /// No call with this key can succeed now.
    Locks,
    /// No call to this model can succeed, unless one did before.
    Misled,
}

impl Verdict {
    /// Whether the provider did not do what it is there for.
    pub fn is_faulty(&self) -> bool {
        matches!(self, Self::Faulty(_) | Self::Late)
    }

    /// What a failure tells. `was_answered` is whether an answer came all the same, which may have
    /// been billed: an empty answer is the prompt's fault or the model's, and not an outage.
    pub fn of(failure: &Failure, was_answered: bool) -> Self {
        match (failure.kind, failure.remedy()) {
            (FailureKind::Authentication, _) => Self::Locks,
            (_, Remedy::CloseLane) => Self::Closes,
            // A request that is too large for every minute says nothing about the others.
            (FailureKind::RateLimit, Remedy::GiveUp) => Self::Answered,
            (FailureKind::RateLimit, _) => Self::Refused(failure.retry_after),
            (FailureKind::ApiConnection, Remedy::GiveUp)
            | (FailureKind::PermissionDenied | FailureKind::NotFound, _) => Self::Misled,
            // A gateway that tells so (504) is a server's fault like others.
            (FailureKind::Timeout, _) if failure.http_status.is_none() => Self::Late,
            (FailureKind::ApiResponseValidation, _) if was_answered => Self::Answered,
            // It came and was no outage: this answer is too long or too deep, another may not be.
            (FailureKind::ApiResponseValidation, Remedy::GiveUp) => Self::Answered,
            (
                FailureKind::ApiConnection
                | FailureKind::Timeout
                | FailureKind::ServiceUnavailable
                | FailureKind::InternalServer
                | FailureKind::ApiResponseValidation
                | FailureKind::Api,
                _,
            ) => Self::Faulty(failure.retry_after),
            _ => Self::Answered,
        }
    }
}

/// What the end of a call leads to, beside what the pilot does itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upshot {
    /// Nothing.
    None,
    /// The provider is away; the next call tries at this time.
    Away(Instant),
    /// The provider is back.
    Back,
    /// It was away, or refused everything, for too long.
    GaveUp,
    /// The model, or the provider as a whole, takes no calls.
    Closes,
}

/// What stands between a call and its send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Time.
    Wait(Waiting),
    /// Another call, which tries whether the provider is back.
    Trial,
}
