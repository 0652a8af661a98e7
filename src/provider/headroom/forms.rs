//! The headers of limits, by the names that providers give them.
//!
//! To add a provider's names, add a row to [`FORMS`]. Numbers and times are read in every way that
//! any of them writes, so that a host which mimics another in all but that is understood.

use std::time::Duration;

use crate::call::duration::parse_duration;
use crate::call::moment::Moment;
use crate::pace::headroom::{Left, Scarce};
use crate::wire::message::Headers;

/// How a limit comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comes {
    /// Steadily: the reset is when all of it is back.
    Steadily,
    /// All at the reset.
    AtOnce,
}

/// What the headers tell of one limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    /// What it counts.
    pub(super) what: Scarce,
    /// How it comes back, as far as its names say.
    pub(super) comes: Comes,
    /// What is left.
    pub(super) left: Left,
}

/// The names of one limit.
struct Form {
    what: Scarce,
    comes: Comes,
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

/// The names that say most come first: of several forms for one thing the first is read.
const FORMS: &[Form] = &[
    // OpenAI, Azure, Groq, and most that mimic them.
    Form {
        what: Scarce::Requests,
        comes: Comes::Steadily,
        limit: "x-ratelimit-limit-requests",
        remaining: "x-ratelimit-remaining-requests",
        reset: "x-ratelimit-reset-requests",
    },
    Form {
        what: Scarce::Tokens,
        comes: Comes::Steadily,
        limit: "x-ratelimit-limit-tokens",
        remaining: "x-ratelimit-remaining-tokens",
        reset: "x-ratelimit-reset-tokens",
    },
    // Anthropic.
    Form {
        what: Scarce::Requests,
        comes: Comes::Steadily,
        limit: "anthropic-ratelimit-requests-limit",
        remaining: "anthropic-ratelimit-requests-remaining",
        reset: "anthropic-ratelimit-requests-reset",
    },
    Form {
        what: Scarce::Tokens,
        comes: Comes::Steadily,
        limit: "anthropic-ratelimit-tokens-limit",
        remaining: "anthropic-ratelimit-tokens-remaining",
        reset: "anthropic-ratelimit-tokens-reset",
    },
    Form {
        what: Scarce::Input,
        comes: Comes::Steadily,
        limit: "anthropic-ratelimit-input-tokens-limit",
        remaining: "anthropic-ratelimit-input-tokens-remaining",
        reset: "anthropic-ratelimit-input-tokens-reset",
    },
    Form {
        what: Scarce::Output,
        comes: Comes::Steadily,
        limit: "anthropic-ratelimit-output-tokens-limit",
        remaining: "anthropic-ratelimit-output-tokens-remaining",
        reset: "anthropic-ratelimit-output-tokens-reset",
    },
    // Mistral, which has a reset in some answers only.
    Form {
        what: Scarce::Requests,
        comes: Comes::Steadily,
        limit: "x-ratelimit-limit-req-minute",
        remaining: "x-ratelimit-remaining-req-minute",
        reset: "x-ratelimit-reset-req-minute",
    },
    Form {
        what: Scarce::Tokens,
        comes: Comes::Steadily,
        limit: "x-ratelimit-limit-tokens-minute",
        remaining: "x-ratelimit-remaining-tokens-minute",
        reset: "x-ratelimit-reset-tokens-minute",
    },
    // OpenRouter, and gateways that follow GitHub.
    Form {
        what: Scarce::Requests,
        comes: Comes::AtOnce,
        limit: "x-ratelimit-limit",
        remaining: "x-ratelimit-remaining",
        reset: "x-ratelimit-reset",
    },
    // The first drafts of the IETF.
    Form {
        what: Scarce::Requests,
        comes: Comes::AtOnce,
        limit: "ratelimit-limit",
        remaining: "ratelimit-remaining",
        reset: "ratelimit-reset",
    },
];

/// Epoch times from here on, the first in seconds (2001) and the second in milliseconds (1973);
/// what is less is seconds from now.
const EPOCH_SECONDS: f64 = 1e9;
const EPOCH_MILLIS: f64 = 1e11;

/// A reset that is further away is none: monthly limits have headers of their own.
const LONGEST: Duration = Duration::from_hours(24 * 31);

/// What the headers tell; of several forms for one thing, the first.
pub(super) fn told(headers: &Headers, now: Moment) -> impl Iterator<Item = Told> {
    // The provider's own clock counts where it is told: ours may be off by more than the wait.
    let now = || date(headers).unwrap_or(now);
    let rows = FORMS.iter().filter_map(|form| form.told(headers, now));
    let mut all: Vec<Told> = rows.chain(listed(headers)).collect();
    let mut seen = Vec::new();
    all.retain(|told| {
        let is_first = !seen.contains(&told.what);
        seen.push(told.what);
        is_first
    });
    all.into_iter()
}

impl Form {
    fn told(&self, headers: &Headers, now: impl Fn() -> Moment) -> Option<Told> {
        let remaining = number(headers.get(self.remaining)?)?;
        let limit = headers.get(self.limit).and_then(number);
        let reset = headers.get(self.reset).and_then(|text| time(text, now));
        let reset = reset.filter(|reset| *reset <= LONGEST);
        let left = Left { remaining, limit, reset };
        (limit != Some(0)).then_some(Told { what: self.what, comes: self.comes, left })
    }
}

/// The IETF's later drafts: `ratelimit: "default";r=50;t=30`, and how many in all in
/// `ratelimit-policy: "default";q=100;w=60`. Of several limits, that with the least left.
fn listed(headers: &Headers) -> Option<Told> {
    let policies = headers.get("ratelimit-policy").unwrap_or_default();
    let item = |text| {
        let (name, item) = item(text);
        let policy = policies.split(',').map(self::item).find(|(other, _)| *other == name);
        let policy = policy.map(|(_, policy)| policy).unwrap_or_default();
        // A limit of bytes, or of requests at a time, is none that is paced by.
        let is_of_requests = param(policy, "qu").is_none_or(|unit| unit == "requests");
        let remaining = param(item, "r").and_then(number).filter(|_| is_of_requests)?;
        let limit = param(policy, "q").and_then(number);
        let reset = param(item, "t").and_then(seconds).filter(|reset| *reset <= LONGEST);
        (limit != Some(0)).then_some(Left { remaining, limit, reset })
    };
    let left = headers.get("ratelimit")?.split(',').filter_map(item);
    let left = left.min_by_key(|left| left.remaining)?;
    Some(Told { what: Scarce::Requests, comes: Comes::AtOnce, left })
}

/// The name of an item of a list, and its parameters.
fn item(text: &str) -> (&str, &str) {
    let (name, params) = text.split_once(';').unwrap_or((text, ""));
    (name.trim(), params)
}

fn param<'t>(params: &'t str, name: &str) -> Option<&'t str> {
    let mut pairs = params.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().trim_matches('"'))
}

/// A count; `None` for what is negative or none at all. What stands behind a comma or a semicolon
/// is the policy of the IETF's first drafts.
fn number(text: &str) -> Option<u64> {
    let text = text.split([',', ';']).next()?.trim();
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}

/// How long until a time: `6m0s`, seconds, seconds or milliseconds of the epoch, or RFC 3339.
fn time(text: &str, now: impl Fn() -> Moment) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return match number {
            _ if number >= EPOCH_MILLIS => Some(until(number as i64, now())),
            _ if number >= EPOCH_SECONDS => Some(until((number * 1000.0) as i64, now())),
            _ => Duration::try_from_secs_f64(number).ok(),
        };
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(until(moment.as_millisecond(), now()));
    }
    // Go writes these where nothing is left to wait for.
    let is_instant = ["µs", "us", "ns"].iter().any(|unit| text.ends_with(unit));
    if is_instant { Some(Duration::ZERO) } else { parse_duration(text).ok() }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

fn until(millis: i64, now: Moment) -> Duration {
    let millis = millis.saturating_sub(now.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn date(headers: &Headers) -> Option<Moment> {
    let date = httpdate::parse_http_date(headers.get("date")?).ok()?;
    let date = jiff::Timestamp::try_from(date).ok()?;
    Some(Moment::from_millis(date.as_millisecond()))
}
