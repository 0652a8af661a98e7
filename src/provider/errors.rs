//! From an error reply in `OpenAI`'s shape, or in the shape of one of its many imitators, to a
//! [`Failure`]: by status and JSON code first, by text last.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::provider::headroom;
use crate::wire::message::WireReply;

/// The longest text of an error that is kept, in bytes: enough for any provider's own message.
const LONGEST_MESSAGE: usize = 2000;

/// The longest code that is kept, in characters.
const LONGEST_CODE: usize = 200;

/// Codes of a 429 that mean money or quota, not pace (the vendor's error guide).
const QUOTA_CODES: &[&str] = &[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "usage_limit_exceeded",
    "billing_hard_limit_reached",
];

/// Texts that mean money or quota where no code says so.
const QUOTA_TEXTS: &[&str] = &[
    "exceeded your current quota",
    "check your plan and billing",
    "insufficient balance",
    "insufficient credit",
    "out of credits",
];

/// Texts by which hosts say that the prompt is too long; only with 400, 413 and 422.
const WINDOW_TEXTS: &[&str] = &[
    "maximum context length",
    "context length",
    "context window",
    "exceed the context",
    "exceeds the context",
    "exceeded the context",
    "exceed context",
    "exceeds context",
    "exceeded context",
    "input tokens exceed",
    "longer than the model's context",
    "longer than the models context",
    "available context size",
    "maximum input length",
    "input too long",
    "prompt is too long",
    "`inputs` tokens + `max_new_tokens`",
    "requested token count exceeds",
    "too large for model",
    "exceeds the model",
];

/// Codes that mean a content policy.
const POLICY_CODES: &[&str] = &[
    "content_policy_violation",
    "cyber_policy",
    "bio_policy",
    "content_filter",
    "invalid_prompt",
    "ResponsibleAIPolicyViolation",
    "image_content_policy_violation",
];

/// Texts that mean a content policy.
const POLICY_TEXTS: &[&str] = &[
    "our usage polic",
    "the usage polic",
    "safety system",
    "content management policy",
    "flagged",
];

/// Texts of a 429 that mean a limit by the day (Groq, `OpenRouter`'s free models).
const DAY_TEXTS: &[&str] = &["per day", "per-day", "daily", "(rpd)", "(tpd)"];

/// A limit by the day is waited for where the provider asks for no more than this.
const SHORT_WAIT: Duration = Duration::from_mins(2);

/// Codes of `OpenRouter`'s, whatever the status, for a host behind it that is away.
const UPSTREAM_CODES: &[&str] = &["provider_overloaded", "provider_unavailable"];

/// Texts by which a few hosts answer 400 for a bad key.
const KEY_TEXTS: &[&str] = &["api key not valid", "invalid api key", "incorrect api key"];

/// The failure that an error reply tells of, with what its headers say about coming back.
pub fn failure_of(reply: &WireReply) -> Failure {
    let told = Told::read(&reply.body);
    let failure = headroom::advise(classify(reply.status, &told), &reply.headers);
    let is_long = failure.retry_after.is_none_or(|wait| wait > SHORT_WAIT);
    let is_advised = reply.headers.get("x-should-retry").is_some();
    match failure.kind {
        FailureKind::RateLimit if told.says(DAY_TEXTS) && is_long && !is_advised => {
            failure.with_remedy(Remedy::CloseLane)
        }
        _ => failure,
    }
}

/// The failure in an error object that came inside a reply of status 200.
pub fn failure_in_ok(error: &Value) -> Failure {
    let told = Told::of_error(error);
    let number = told.codes.iter().find_map(|code| code.parse().ok());
    let number = number.filter(|status| (400..600).contains(status));
    let word = || told.codes.iter().find_map(|code| status_of(code));
    classify(number.or_else(word).unwrap_or(500), &told)
}

/// The status with which an error of this code comes where no answer has begun.
fn status_of(code: &str) -> Option<u16> {
    match code {
        "context_length_exceeded"
        | "invalid_request_error"
        | "unsupported_parameter"
        | "unsupported_value" => Some(400),
        _ if POLICY_CODES.contains(&code) => Some(400),
        // The faults of a picture: `invalid_base64_image`, `image_too_large`, ...
        _ if code.contains("image") => Some(400),
        "invalid_api_key" | "authentication_error" => Some(401),
        "model_not_found" => Some(404),
        "rate_limit_exceeded" | "rate_limit_error" | "slow_down" => Some(429),
        _ if QUOTA_CODES.contains(&code) => Some(429),
        "server_is_overloaded" | "service_unavailable_error" | "overloaded_error" => Some(503),
        "vector_store_timeout" => Some(504),
        _ => None,
    }
}

/// What an error body tells, whatever its shape.
pub(super) struct Told<'b> {
    /// The provider's words.
    pub(super) message: Cow<'b, str>,
    /// Its codes and types, the most telling first.
    pub(super) codes: Vec<String>,
}

impl<'b> Told<'b> {
    pub(super) fn read(body: &'b [u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(map)) => match map.get("error") {
                Some(error @ Value::Object(_)) => Self::of_error(error),
                Some(Value::String(text)) => Self::of_text(Cow::Owned(text.clone())),
                _ => Self::of_error(&Value::Object(map)),
            },
            Ok(Value::String(text)) => Self::of_text(Cow::Owned(text)),
            _ => Self::of_text(String::from_utf8_lossy(body)),
        }
    }

    pub(super) fn of_error(error: &Value) -> Self {
        let text = |key| error.get(key).and_then(Value::as_str).map(str::to_owned);
        let detail = || error.get("detail").map(detail_text);
        let message = text("message").or_else(detail).unwrap_or_else(|| error.to_string());
        let code = match error.get("code") {
            Some(Value::String(code)) => Some(code.clone()),
            Some(Value::Number(code)) => Some(code.to_string()),
            _ => None,
        };
        // `OpenRouter`'s own word, and what Azure's filter said; their codes only repeat the status.
        let inner = ["/metadata/error_type", "/innererror/code"];
        let inner = inner.iter().find_map(|place| error.pointer(place)?.as_str());
        let codes = [code, text("type"), text("status"), inner.map(str::to_owned)];
        let codes = codes.into_iter().flatten();
        Self { message: message.into(), codes: codes.filter(|code| !code.is_empty()).collect() }
    }

    fn of_text(text: Cow<'b, str>) -> Self {
        Self { message: text, codes: Vec::new() }
    }

    pub(super) fn has_code(&self, known: &[&str]) -> bool {
        self.codes.iter().any(|code| known.contains(&code.as_str()))
    }

    pub(super) fn says(&self, known: &[&str]) -> bool {
        let lower = self.message.to_lowercase();
        known.iter().any(|text| lower.contains(text))
    }
}

/// `detail` is a text, or a list of faults with a place and a text (`FastAPI`'s form).
fn detail_text(detail: &Value) -> String {
    let one = |fault: &Value| {
        let place =
            fault.get("loc").and_then(Value::as_array).and_then(|place| place.last()?.as_str());
        match (fault.get("msg").and_then(Value::as_str), place) {
            (Some(text), Some(place)) => format!("{place}: {text}"),
            (Some(text), None) => text.to_owned(),
            (None, _) => fault.to_string(),
        }
    };
    match detail {
        Value::String(text) => text.clone(),
        Value::Array(faults) => faults.iter().map(one).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

fn classify(status: u16, told: &Told<'_>) -> Failure {
    let (kind, remedy) = kind_of(status, told);
    failure(status, told, kind, remedy)
}

/// A failure of this kind with what the body told; the remedy is its kind's where none is given.
pub(super) fn failure(
    status: u16,
    told: &Told<'_>,
    kind: FailureKind,
    remedy: Option<Remedy>,
) -> Failure {
    let mut failure = Failure::new(kind, message(status, &told.message));
    failure.http_status = Some(status);
    failure.provider_code = told.codes.first().map(|code| {
        let visible = code.chars().filter(|c| !c.is_control());
        visible.take(LONGEST_CODE).collect()
    });
    if kind == FailureKind::BadRequest && told.says(&["stream_options"]) {
        // It may be the runner's own: a stream is asked for its tokens.
        let help = "; where the provider does not take it, write unsupported = [\"stream_options\"] in \
                    its [providers.<name>]";
        failure.message.push_str(help);
    }
    match remedy {
        Some(remedy) => failure.with_remedy(remedy),
        None => failure,
    }
}

/// The kind of an error, and the remedy where that is not its kind's. Dialects ask here for what
/// their own tables do not know.
pub(super) fn kind_of(status: u16, told: &Told<'_>) -> (FailureKind, Option<Remedy>) {
    let kind = match status {
        300..=399 => return (FailureKind::BadRequest, Some(Remedy::GiveUp)),
        _ if told.has_code(UPSTREAM_CODES) => FailureKind::ServiceUnavailable,
        400 | 413 | 422 => refused(status, told),
        401 => FailureKind::Authentication,
        402 if told.has_code(&["in_flight_budget_exhausted"]) => FailureKind::RateLimit,
        402 => FailureKind::QuotaExceeded,
        403 if told.says(POLICY_TEXTS) || told.says(&["moderation"]) => {
            FailureKind::ContentPolicyViolation
        }
        403 => FailureKind::PermissionDenied,
        404 | 410 => FailureKind::NotFound,
        408 | 504 => FailureKind::Timeout,
        429 => return throttled(told),
        498 | 503 | 529 => FailureKind::ServiceUnavailable,
        499 => return (FailureKind::ApiConnection, Some(Remedy::RetryOnce)),
        // A conflict is over when the other request is.
        409 | 500 | 502..=599 => FailureKind::InternalServer,
        400..=497 | 501 => FailureKind::BadRequest,
        _ => FailureKind::Api,
    };
    (kind, None)
}

/// 400, 413 and 422: the request as it stands is at fault.
fn refused(status: u16, told: &Told<'_>) -> FailureKind {
    let is_counted = || told.says(&["current length is"]) && told.says(&["while limit is"]);
    let is_named = told.has_code(&["context_length_exceeded"]) || told.says(WINDOW_TEXTS);
    if is_named || is_counted() {
        return FailureKind::ContextWindowExceeded;
    }
    if told.has_code(POLICY_CODES) || status == 400 && told.says(POLICY_TEXTS) {
        return FailureKind::ContentPolicyViolation;
    }
    if status == 400 && (told.has_code(&["invalid_api_key"]) || told.says(KEY_TEXTS)) {
        return FailureKind::Authentication;
    }
    let is_extra = || told.says(&["extra inputs are not permitted"]);
    if told.has_code(&["unsupported_parameter", "unsupported_value"]) || is_extra() {
        return FailureKind::UnsupportedParams;
    }
    FailureKind::BadRequest
}

/// 429: too fast, or out of money. Only the first gets better by waiting.
fn throttled(told: &Told<'_>) -> (FailureKind, Option<Remedy>) {
    if told.has_code(QUOTA_CODES) || told.says(QUOTA_TEXTS) {
        return (FailureKind::QuotaExceeded, None);
    }
    if told.says(&["request too large"]) {
        // Larger than a whole minute's tokens: the same request can never pass.
        return (FailureKind::RateLimit, Some(Remedy::GiveUp));
    }
    (FailureKind::RateLimit, None)
}

/// The provider's words on one line; of a page of HTML, that it was one.
fn message(status: u16, text: &str) -> String {
    // What is no text is not shown, and would leave nothing.
    let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
    let looks_like_html = text.starts_with("<!") || text.to_lowercase().starts_with("<html");
    if looks_like_html {
        return format!("status {status} with an HTML page, probably from a proxy");
    }
    if text.is_empty() {
        return match status {
            300..=399 => {
                format!("status {status}: a redirect, which is not followed; check base_url")
            }
            _ => format!("status {status} with an empty body"),
        };
    }
    let mut end = text.len().min(LONGEST_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
