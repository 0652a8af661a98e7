//! Error bodies as hosts send them, and what they mean.

use bytes::Bytes;

use super::*;
use crate::wire::message::Headers;

fn failure(status: u16, body: &'static str) -> Failure {
    let body = Bytes::from_static(body.as_bytes());
    failure_of(&WireReply { status, headers: Headers::default(), body })
}

#[test]
fn a_status_and_a_code_name_the_kind() {
    use FailureKind as Kind;
    for (status, body, kind, retryable) in [
        (
            400,
            r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192"}}"#,
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            422,
            r#"{"detail":[{"loc":["body"],"msg":"prompt is too long"}]}"#,
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            400,
            r#"{"error":{"message":"x","code":"content_filter"}}"#,
            Kind::ContentPolicyViolation,
            false,
        ),
        (400, r#"{"error":{"message":"Incorrect API key provided"}}"#, Kind::Authentication, false),
        (
            400,
            r#"{"error":{"message":"x","code":"unsupported_parameter"}}"#,
            Kind::UnsupportedParams,
            false,
        ),
        (400, r#"{"message":"no"}"#, Kind::BadRequest, false),
        (401, "", Kind::Authentication, false),
        (402, r#"{"error":"pay"}"#, Kind::QuotaExceeded, false),
        (
            403,
            r#"{"error":{"message":"Your input was flagged"}}"#,
            Kind::ContentPolicyViolation,
            false,
        ),
        (403, "no", Kind::PermissionDenied, false),
        (404, "<html>nginx</html>", Kind::NotFound, false),
        (408, "", Kind::Timeout, true),
        (409, "", Kind::InternalServer, true),
        (413, "", Kind::BadRequest, false),
        (429, r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#, Kind::RateLimit, true),
        (
            429,
            r#"{"error":{"message":"x","type":"insufficient_quota","code":null}}"#,
            Kind::QuotaExceeded,
            false,
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota"}}"#,
            Kind::QuotaExceeded,
            false,
        ),
        (429, r#"{"error":{"message":"Request too large for m"}}"#, Kind::RateLimit, false),
        (429, r#"{"error":{"message":"maximum context length"}}"#, Kind::RateLimit, true),
        (500, "", Kind::InternalServer, true),
        (502, "<html></html>", Kind::InternalServer, true),
        (503, "", Kind::ServiceUnavailable, true),
        (504, "", Kind::Timeout, true),
        (529, "", Kind::ServiceUnavailable, true),
        (302, "", Kind::BadRequest, false),
    ] {
        let failure = failure(status, body);
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {body}");
        assert_eq!(failure.http_status, Some(status));
    }
}

#[test]
fn words_of_single_hosts_name_the_kind() {
    use FailureKind as Kind;
    for (status, body, kind, retryable) in [
        (429, r#"{"error":{"message":"requests per day (RPD): 9"}}"#, Kind::RateLimit, false),
        (
            400,
            r#"{"message":"current length is 9 while limit is 8"}"#,
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            422,
            r#"{"detail":[{"msg":"Extra inputs are not permitted"}]}"#,
            Kind::UnsupportedParams,
            false,
        ),
        (
            402,
            r#"{"error":{"code":402,"metadata":{"error_type":"in_flight_budget_exhausted"}}}"#,
            Kind::RateLimit,
            true,
        ),
        (
            502,
            r#"{"error":{"code":502,"metadata":{"error_type":"provider_overloaded"}}}"#,
            Kind::ServiceUnavailable,
            true,
        ),
        (403, "blocked by moderation", Kind::ContentPolicyViolation, false),
    ] {
        let failure = failure(status, body);
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {body}");
    }
}

#[test]
fn the_providers_words_are_kept_on_one_line() {
    let failure1 = failure(400, "{\"error\":{\"message\":\"a\\n b\",\"type\":\"t\"}}");
    assert_eq!((failure1.message.as_str(), failure1.provider_code.as_deref()), ("a b", Some("t")));
    let page = failure(502, "<!DOCTYPE html><p>bad gateway");
    assert_eq!(page.message, "status 502 with an HTML page, probably from a proxy");
}

/// Found by fuzzing: nothing was left of such words, and nobody was told why a call failed.
#[test]
fn words_of_nothing_but_control_characters_are_none() {
    for body in ["\u{6}\0\0", "{\"error\":{\"message\":\"\\u0000 \\u001b\"}}", " \n"] {
        assert_eq!(failure(429, body).message, "status 429 with an empty body", "{body:?}");
    }
}

#[test]
fn a_host_that_takes_no_stream_options_is_told_how_to_be_asked_without() {
    let told = failure(422, r#"{"detail":[{"loc":["body","stream_options"],"msg":"x"}]}"#);
    assert!(told.message.contains("unsupported = ["), "{}", told.message);
    let told = failure(400, r#"{"message":"unknown field: stream_options"}"#);
    assert!(told.message.contains("unsupported = [\"stream_options\"]"), "{}", told.message);
}

#[test]
fn an_error_inside_an_answer_counts_by_its_own_code() {
    let error = serde_json::json!({"message": "slow down", "code": 429});
    assert_eq!(failure_in_ok(&error).kind, FailureKind::RateLimit);
    for (code, kind) in [
        ("upstream", FailureKind::InternalServer),
        ("context_length_exceeded", FailureKind::ContextWindowExceeded),
        ("insufficient_quota", FailureKind::QuotaExceeded),
        ("rate_limit_exceeded", FailureKind::RateLimit),
        ("server_is_overloaded", FailureKind::ServiceUnavailable),
        ("server_error", FailureKind::InternalServer),
        ("invalid_prompt", FailureKind::ContentPolicyViolation),
        ("image_too_large", FailureKind::BadRequest),
        ("vector_store_timeout", FailureKind::Timeout),
        ("599", FailureKind::InternalServer),
        ("7", FailureKind::InternalServer),
    ] {
        let error = serde_json::json!({"message": "boom", "code": code});
        assert_eq!(failure_in_ok(&error).kind, kind, "{code}");
    }
}

#[test]
fn a_limit_by_the_day_is_waited_for_when_it_is_nearly_over() {
    for (wait, retryable) in [("20", true), ("3600", false)] {
        let mut headers = Headers::default();
        headers.push("retry-after", wait);
        let body = Bytes::from_static(b"{\"error\":\"daily limit reached\"}");
        let failure = failure_of(&WireReply { status: 429, headers, body });
        assert_eq!((failure.kind, failure.retryable), (FailureKind::RateLimit, retryable));
    }
}
