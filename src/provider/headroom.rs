//! What a provider's headers say about coming back.

use std::time::Duration;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::moment::Moment;
use crate::wire::message::Headers;

/// Lays what the headers say over a failure: how long to wait, and whether to come back at all.
pub fn advise(mut failure: Failure, headers: &Headers) -> Failure {
    failure.retry_after = retry_after(headers, Moment::now());
    match headers.get("x-should-retry").map(str::trim) {
        Some("true") if may_come_back(&failure) => failure.with_remedy(Remedy::Retry),
        Some("false") => failure.with_remedy(Remedy::GiveUp),
        _ => failure,
    }
}

/// Whether a provider's word can turn giving up into trying again: an empty purse stays empty.
fn may_come_back(failure: &Failure) -> bool {
    failure.remedy() == Remedy::GiveUp && failure.kind != FailureKind::QuotaExceeded
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
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        pairs.iter().for_each(|(name, value)| headers.push(name, value));
        headers
    }

    #[test]
    fn a_wait_is_read_in_every_form() {
        // Sun, 22 Nov 2026 02:00:00 GMT
        let now = Moment::from_millis(1_795_312_800_000);
        for (pairs, millis) in [
            (&[("retry-after", "20")][..], Some(20_000)),
            (&[("retry-after", "0.25")], Some(250)),
            (&[("retry-after-ms", "1250"), ("retry-after", "20")], Some(1250)),
            (&[("retry-after-ms", "soon"), ("retry-after", "20")], Some(20_000)),
            (&[("retry-after", "Sun, 22 Nov 2026 02:01:30 GMT")], Some(90_000)),
            (&[("retry-after", "Sun, 22 Nov 2026 01:00:00 GMT")], Some(0)),
            (&[("retry-after", "-5")], None),
            (&[("retry-after", "later")], None),
            (&[("retry-after", "1.8e19")], Some(366 * 86_400_000)),
            (&[("retry-after-ms", "inf")], Some(366 * 86_400_000)),
            (&[("retry-after", "NaN")], None),
            (&[], None),
        ] {
            let wait = retry_after(&headers(pairs), now);
            assert_eq!(wait, millis.map(Duration::from_millis), "{pairs:?}");
        }
    }

    #[test]
    fn the_provider_has_the_last_word_on_coming_back() {
        let bad = || Failure::new(FailureKind::BadRequest, "");
        let busy = || Failure::new(FailureKind::RateLimit, "");
        let advised = |failure, says| advise(failure, &headers(&[("x-should-retry", says)]));
        assert_eq!(advised(bad(), "true").remedy(), Remedy::Retry);
        assert_eq!(advised(busy(), "false").remedy(), Remedy::GiveUp);
        assert_eq!(advised(busy(), "maybe").remedy(), Remedy::Retry);
    }
}
