//! What a provider's headers say about coming back, and about what is left of its limits.

mod forms;

use std::time::Duration;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::moment::Moment;
use crate::pace::headroom::{Headroom, Scarce};
use crate::provider::headroom::forms::{Comes, Told};
use crate::wire::message::Headers;

/// Lays what the headers say over a failure: how long to wait, and whether to come back at all.
/// They go before what the body said; what is left of the limits is asked last.
pub fn advise(mut failure: Failure, headers: &Headers) -> Failure {
    let now = Moment::now();
    failure.retry_after = retry_after(headers, now).or(failure.retry_after);
    if failure.kind == FailureKind::RateLimit && failure.retry_after.is_none() {
        failure.retry_after = until_some_is_left(headers, now);
    }
    match headers.get("x-should-retry").map(str::trim) {
        Some("true") if may_come_back(&failure) => failure.with_remedy(Remedy::Retry),
        Some("false") => failure.with_remedy(Remedy::GiveUp),
        _ => failure,
    }
}

/// What is left of the limits by the headers of an answer, in any of the common forms.
pub fn read(headers: &Headers, now: Moment) -> Headroom {
    let mut headroom = Headroom::default();
    for Told { what, left, .. } in forms::told(headers, now) {
        let place = match what {
            Scarce::Requests => &mut headroom.requests,
            Scarce::Tokens => &mut headroom.tokens,
            Scarce::Input => &mut headroom.input_tokens,
            Scarce::Output => &mut headroom.output_tokens,
        };
        *place = Some(left);
    }
    headroom
}

/// Whoever is refused does not come back sooner than this, unless the limit is whole sooner: many
/// may have been refused with it.
const LEAST_WAIT: Duration = Duration::from_millis(500);

/// A call takes about this share of a minute's tokens, where nothing more is known of it.
const USUAL_SHARE: f64 = 0.01;

/// How long until something is left of every limit that is used up. Where a limit comes back
/// steadily, the reset is when all of it is back: one request's share of that is waited for, or a
/// hundredth of the tokens. Where it comes back at once, or nobody knows how, the reset is.
fn until_some_is_left(headers: &Headers, now: Moment) -> Option<Duration> {
    let wait = |Told { what, comes, left }: Told| {
        let reset =
            left.reset.filter(|reset| left.remaining == 0 && !reset.is_zero())?.min(LONGEST);
        let share = match (comes, left.limit) {
            (Comes::AtOnce, _) | (_, None) => return Some(reset),
            (Comes::Steadily, Some(limit)) if what == Scarce::Requests => 1.0 / limit as f64,
            (Comes::Steadily, Some(_)) => USUAL_SHARE,
        };
        Some(reset.mul_f64(share).max(LEAST_WAIT).min(reset))
    };
    forms::told(headers, now).filter_map(wait).max()
}

/// Whether a provider's word can turn giving up into trying again: an empty purse stays empty.
fn may_come_back(failure: &Failure) -> bool {
    !failure.remedy().retries() && failure.kind != FailureKind::QuotaExceeded
}

/// How long the provider asks to wait: `retry-after-ms` first, else `retry-after` in seconds or
/// as an HTTP date. `None` when it says nothing that can be read.
pub fn retry_after(headers: &Headers, now: Moment) -> Option<Duration> {
    if let Some(text) = headers.get("retry-after-ms") {
        let millis: Option<f64> = text.trim().parse().ok();
        if let Some(wait) = millis.and_then(|millis| seconds(millis / 1000.0)) {
            return Some(wait);
        }
    }
    let text = headers.get("retry-after")?.trim();
    match text.parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => until_date(text, now),
    }
}

/// No provider means a longer wait than this; it keeps the sums of times within their range.
const LONGEST: Duration = Duration::from_hours(24 * 366);

fn seconds(number: f64) -> Option<Duration> {
    if number > LONGEST.as_secs_f64() {
        return Some(LONGEST);
    }
    Duration::try_from_secs_f64(number).ok()
}

fn until_date(text: &str, now: Moment) -> Option<Duration> {
    let date = httpdate::parse_http_date(text).ok()?;
    let then = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis();
    let millis = i64::try_from(then).ok()?.saturating_sub(now.as_millis());
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)).min(LONGEST))
}

#[cfg(test)]
mod tests;
