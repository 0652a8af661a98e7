//! Refusals: why a question is not answered, whatever the dialect the refusal is told in.

use std::time::Duration;

use hyper::StatusCode;

use crate::call::duration::DurationText;
use crate::mock::limits::{Barred, Unit};

/// The code of every refusal for too much at a time.
const RATE_LIMIT: Option<&str> = Some("rate_limit_exceeded");

/// One refusal, in the words of `OpenAI`'s error object; voices of other dialects go by its status
/// and its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// The kind of error: `invalid_request_error`, `requests`, `tokens`, `server_error`.
    pub kind: &'static str,
    /// The code, where the kind has several.
    pub code: Option<&'static str>,
    /// The parameter that is to blame.
    pub param: Option<&'static str>,
    /// A sentence for people.
    pub message: String,
    /// How long to wait before trying again, where that can help.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// The request itself is at fault.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code: None,
            param: None,
            message: message.into(),
            retry_after: None,
        }
    }

    /// One parameter of the request is at fault.
    pub fn bad_param(param: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), code: Some(code), ..Self::bad_request(message) }
    }

    /// Nothing lives at this path.
    pub fn unknown_path(method: &str, path: &str) -> Self {
        let message = format!("Invalid URL ({method} {path})");
        Self { status: StatusCode::NOT_FOUND, ..Self::bad_request(message) }
    }

    /// Something lives at this path, but is asked in another way.
    pub fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!(
            "Not allowed to {method} on {path}. \
             (HINT: Perhaps you meant to use a different HTTP method?)"
        );
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self { status, code: Some("method_not_supported"), ..Self::bad_request(message) }
    }

    /// A fault of the provider's own, as the script wants it.
    pub fn server_error() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "server_error",
            ..Self::bad_request(
                "The server had an error while processing your request. Sorry about that!",
            )
        }
    }

    /// A limit that others used up, as the script wants it.
    pub fn rate_limit(model: &str, wait: Duration) -> Self {
        let message =
            format!("Rate limit reached for {model}. Please try again in {}.", text(wait));
        Self::too_many("requests", message, Some(wait))
    }

    /// A limit of the script bars the request; `wait` is for where the limit does not tell one.
    pub fn barred(barred: Barred, model: &str, wait: Duration) -> Self {
        match barred {
            Barred::Spent { name, unit, limit, requested, wait } => {
                let message = format!(
                    "Rate limit reached for {model} on {name}: Limit {limit}, \
                     Requested {requested}. Please try again in {}.",
                    text(wait)
                );
                let kind = if unit == Unit::Requests { "requests" } else { "tokens" };
                Self::too_many(kind, message, Some(wait))
            }
            Barred::TooLarge { name, limit, requested } => {
                let message = format!(
                    "Request too large for {model} on {name}: Limit {limit}, Requested {requested}. \
                     The input or output tokens must be reduced in order to run successfully."
                );
                Self::too_many("tokens", message, None)
            }
            Barred::Crowded { limit } => {
                let message = format!("Too many concurrent requests for {model}: Limit {limit}.");
                Self::too_many("requests", message, Some(wait))
            }
        }
    }

    fn too_many(kind: &'static str, message: String, retry_after: Option<Duration>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self { status, kind, code: RATE_LIMIT, param: None, message, retry_after }
    }
}

/// A wait for people: no finer than a millisecond, and never shorter than it is.
fn text(wait: Duration) -> DurationText {
    DurationText(Duration::from_millis(whole_millis(wait)))
}

/// Whole milliseconds, rounded up: whoever waits that long has waited long enough.
pub fn whole_millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_full_milliseconds() {
        let spent = Barred::Spent {
            name: "requests per min (RPM)",
            unit: Unit::Requests,
            limit: 500,
            requested: 1,
            wait: Duration::from_micros(119_001),
        };
        let refusal = Refusal::barred(spent, "lark", Duration::from_secs(1));
        assert_eq!(
            refusal.message,
            "Rate limit reached for lark on requests per min (RPM): Limit 500, Requested 1. \
             Please try again in 120ms."
        );
        assert_eq!(refusal.retry_after, Some(Duration::from_micros(119_001)));
        let large = Barred::TooLarge { name: "tokens per min (TPM)", limit: 10, requested: 11 };
        assert_eq!(Refusal::barred(large, "lark", Duration::ZERO).retry_after, None);
    }
}
