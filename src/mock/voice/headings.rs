//! Headings: what each vendor calls the headers that tell of limits, waits and the request's name.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderValue, RETRY_AFTER};

use crate::call::duration::DurationText;
use crate::call::moment::Moment;
use crate::mock::limits::Level;
use crate::mock::refusal::whole_millis;

/// The names of a vendor's headers, which are all in lower case.
#[derive(Debug)]
pub struct Headings {
    /// The header that names the request.
    pub request_id: &'static str,
    /// The headers of the limit of requests.
    pub requests: Option<LevelNames>,
    /// The headers of the limit of tokens.
    pub tokens: Option<LevelNames>,
    /// How the time until a limit is whole again is written.
    pub reset: Reset,
    /// The headers that say how long to wait.
    pub wait: Wait,
}

/// The three headers of one limit.
#[derive(Debug)]
pub struct LevelNames {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
}

/// How the time until a limit is whole again is written.
#[derive(Clone, Copy, Debug)]
pub enum Reset {
    /// `6m0s`.
    Duration,
    /// Whole seconds.
    Seconds,
    /// The moment when it is.
    Moment,
}

/// The headers that say how long to wait.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// `retry-after` in seconds, and `retry-after-ms`; a client that knows only the first waits a
    /// little longer.
    SecondsAndMillis,
    /// `retry-after` in seconds.
    Seconds,
    /// None.
    Untold,
}

/// `OpenAI`, and most that mimic it.
pub const OPENAI: Headings = Headings {
    request_id: "x-request-id",
    requests: Some(LevelNames {
        limit: "x-ratelimit-limit-requests",
        remaining: "x-ratelimit-remaining-requests",
        reset: "x-ratelimit-reset-requests",
    }),
    tokens: Some(LevelNames {
        limit: "x-ratelimit-limit-tokens",
        remaining: "x-ratelimit-remaining-tokens",
        reset: "x-ratelimit-reset-tokens",
    }),
    reset: Reset::Duration,
    wait: Wait::SecondsAndMillis,
};

/// Azure: the same but for how it writes times.
pub const AZURE: Headings = Headings { reset: Reset::Seconds, ..OPENAI };

/// Anthropic.
pub const ANTHROPIC: Headings = Headings {
    request_id: "request-id",
    requests: Some(LevelNames {
        limit: "anthropic-ratelimit-requests-limit",
        remaining: "anthropic-ratelimit-requests-remaining",
        reset: "anthropic-ratelimit-requests-reset",
    }),
    tokens: Some(LevelNames {
        limit: "anthropic-ratelimit-tokens-limit",
        remaining: "anthropic-ratelimit-tokens-remaining",
        reset: "anthropic-ratelimit-tokens-reset",
    }),
    reset: Reset::Moment,
    wait: Wait::Seconds,
};

/// Vendors that have no headers of their own for limits.
pub const PLAIN: Headings =
    Headings { requests: None, tokens: None, wait: Wait::Seconds, ..OPENAI };

/// Google: how long to wait stands in the body of an error.
pub const GOOGLE: Headings = Headings { wait: Wait::Untold, ..PLAIN };

/// Amazon: it says nothing of waits.
pub const AMAZON: Headings =
    Headings { request_id: "x-amzn-requestid", wait: Wait::Untold, ..PLAIN };

impl Headings {
    /// Says how full the limits are.
    pub fn tell_levels(
        &self,
        headers: &mut HeaderMap,
        requests: Option<Level>,
        tokens: Option<Level>,
    ) {
        for (level, names) in [(requests, &self.requests), (tokens, &self.tokens)] {
            let (Some(level), Some(names)) = (level, names) else { continue };
            headers.insert(names.limit, level.limit.into());
            headers.insert(names.remaining, level.remaining.into());
            headers.insert(names.reset, self.reset.value(level.reset));
        }
    }

    /// Says how long to wait.
    pub fn tell_wait(&self, headers: &mut HeaderMap, wait: Duration) {
        let millis = whole_millis(wait);
        if !matches!(self.wait, Wait::Untold) {
            headers.insert(RETRY_AFTER, millis.div_ceil(1_000).into());
        }
        if matches!(self.wait, Wait::SecondsAndMillis) {
            headers.insert("retry-after-ms", millis.into());
        }
    }
}

impl Reset {
    fn value(self, time: Duration) -> HeaderValue {
        let millis = whole_millis(time);
        match self {
            Self::Duration => ascii(DurationText(Duration::from_millis(millis)).to_string()),
            Self::Seconds => millis.div_ceil(1_000).into(),
            Self::Moment => {
                let then = Moment::now().as_millis().saturating_add_unsigned(millis);
                ascii(Moment::from_millis(then).to_string())
            }
        }
    }
}

/// A header's value, of a text that is made of digits and letters.
pub fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and letters make a header")
}
