//! From an error of Anthropic's to a [`Failure`]: its own table first, the common one after.

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind};
use crate::provider::errors::{Told, failure, kind_of};
use crate::provider::headroom;
use crate::wire::message::WireReply;

/// Codes that mean money, whatever the status.
const QUOTA_CODES: &[&str] = &[
    "billing_error",
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
];

/// Texts of a 400 that mean money or an account on hold.
const QUOTA_TEXTS: &[&str] =
    &["credit balance", "spend limit", "usage limit", "on hold", "on-hold"];

/// Texts of a 400 that mean a prompt longer than the window.
const WINDOW_TEXTS: &[&str] = &[
    "prompt is too long",
    "exceed context limit",
    "input length and `max_tokens`",
    "input length and max_tokens",
];

/// Texts of a 400 that name a parameter or role that this model does not take.
const PARAM_TEXTS: &[&str] = &["extra inputs are not permitted", "role 'system' is not supported"];

/// The failure that an error reply tells of, with what its headers say about coming back.
pub(super) fn failure_of(reply: &WireReply) -> Failure {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let told = told(Told::read(&reply.body), body.as_ref().map(|body| &body["error"]));
    headroom::advise(classify(reply.status, &told), &reply.headers)
}

/// The failure in an error that came inside a reply or a stream of status 200.
pub(super) fn failure_in_ok(error: &Value) -> Failure {
    let told = told(Told::of_error(error), Some(error));
    classify(status_of(error["type"].as_str().unwrap_or_default()), &told)
}

/// The code in the details says more than the type, so it comes first.
fn told<'b>(mut told: Told<'b>, error: Option<&Value>) -> Told<'b> {
    let code = error.and_then(|error| error["details"]["error_code"].as_str());
    if let Some(code) = code.filter(|code| !code.is_empty()) {
        told.codes.insert(0, code.to_owned());
    }
    told
}

/// The status with which an error of this type comes where no stream has begun.
fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

fn classify(status: u16, told: &Told<'_>) -> Failure {
    let own = match status {
        _ if told.has_code(QUOTA_CODES) => Some(FailureKind::QuotaExceeded),
        400 if told.says(WINDOW_TEXTS) => Some(FailureKind::ContextWindowExceeded),
        400 if told.says(&["content filtering policy"]) => {
            Some(FailureKind::ContentPolicyViolation)
        }
        400 if told.says(QUOTA_TEXTS) => Some(FailureKind::QuotaExceeded),
        400 if told.says(PARAM_TEXTS) => Some(FailureKind::UnsupportedParams),
        _ => None,
    };
    let (kind, remedy) = own.map_or_else(|| kind_of(status, told), |kind| (kind, None));
    failure(status, told, kind, remedy)
}
