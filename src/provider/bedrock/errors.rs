//! From an error of Bedrock's to a [`Failure`]: by its name first, which says more than the status
//! and is the same in a stream.

use std::borrow::Cow;

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::provider::errors::{Told, failure, kind_of};
use crate::provider::headroom;
use crate::wire::message::WireReply;

/// Texts of a validation error that mean a prompt longer than the window.
const WINDOW_TEXTS: &[&str] = &[
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "expected maxlength",
    "maximum context length",
];

/// Texts of a validation error that mean a model that cannot be asked by this id.
const MODEL_TEXTS: &[&str] = &["model identifier is invalid", "on-demand throughput"];

/// Names that mean a key, a signature or a clock that is wrong.
const KEY_NAMES: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "RequestExpired",
    "UnrecognizedClientException",
];

/// The same by text.
const KEY_TEXTS: &[&str] = &["security token included in the request is"];

/// The failure that an error reply tells of.
pub(super) fn failure_of(reply: &WireReply) -> Failure {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let body = body.filter(Value::is_object);
    let header = reply.headers.get("x-amzn-errortype").map(str::to_owned);
    let name = header.or_else(|| body.as_ref().and_then(name_of)).unwrap_or_default();
    let told = match &body {
        Some(body) => told(&name, body),
        None => Told { codes: codes(&name), ..Told::read(&reply.body) },
    };
    headroom::advise(classify(reply.status, &told), &reply.headers)
}

/// The failure in a reply of status 200, such as for an unknown operation.
pub(super) fn failure_in_ok(body: &Value) -> Option<Failure> {
    let error = if body["Output"].is_object() { &body["Output"] } else { body };
    let name = name_of(error)?;
    let told = told(&name, error);
    Some(classify(status_of(&told).unwrap_or(500), &told))
}

/// The failure in a frame of a stream, whose event is its name.
pub(super) fn failure_in_stream(event: &str, data: &str) -> Failure {
    let body: Value = serde_json::from_str(data).unwrap_or_default();
    let name = if event == "error" { body["code"].as_str().unwrap_or(event) } else { event };
    let mut told = told(name, &body);
    if let Some(original) = body["originalMessage"].as_str() {
        told.message = format!("{}: {original}", told.message).into();
    }
    classify(status_of(&told).unwrap_or(500), &told)
}

fn name_of(body: &Value) -> Option<String> {
    body["__type"].as_str().map(str::to_owned)
}

fn told(name: &str, body: &Value) -> Told<'static> {
    let keys = ["message", "Message", "errorMessage"];
    let message = keys.iter().find_map(|key| body[*key].as_str());
    let message = message.map_or_else(|| body.to_string(), str::to_owned);
    Told { message: Cow::Owned(message), codes: codes(name) }
}

/// A name without what may stand around it, `com.amazon.coral#Name:http://...`; those of a stream
/// begin with a small letter.
fn codes(name: &str) -> Vec<String> {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    if name.is_empty() { Vec::new() } else { vec![name] }
}

/// The status that goes with a name.
fn status_of(told: &Told<'_>) -> Option<u16> {
    Some(match told.codes.first()?.as_str() {
        "ValidationException" | "ServiceQuotaExceededException" => 400,
        "AccessDeniedException" | "NotAuthorized" | "MPAgreementBeingCreated" => 403,
        "ResourceNotFoundException" | "FTUFormNotFilled" | "UnknownOperationException" => 404,
        "ModelTimeoutException" => 408,
        "ConflictException" => 409,
        "ModelErrorException" | "ModelStreamErrorException" => 424,
        "ThrottlingException" | "ModelNotReadyException" => 429,
        "InternalServerException" | "InternalFailure" => 500,
        "ServiceUnavailableException" => 503,
        name if KEY_NAMES.contains(&name) => 403,
        _ => return None,
    })
}

fn classify(status: u16, told: &Told<'_>) -> Failure {
    use FailureKind as Kind;
    let is = |name: &str| told.has_code(&[name]);
    let (kind, remedy) = match status_of(told).unwrap_or(status) {
        400 | 401 | 403 if told.has_code(KEY_NAMES) || told.says(KEY_TEXTS) => {
            (Kind::Authentication, None)
        }
        400 if is("ServiceQuotaExceededException") => (Kind::QuotaExceeded, None),
        400 if told.says(WINDOW_TEXTS) => (Kind::ContextWindowExceeded, None),
        400 if told.says(MODEL_TEXTS) => (Kind::NotFound, None),
        // The subscription is being made, which takes a minute.
        403 if is("MPAgreementBeingCreated") => (Kind::PermissionDenied, Some(Remedy::Retry)),
        403 => (Kind::PermissionDenied, None),
        404 if is("FTUFormNotFilled") => (Kind::PermissionDenied, None),
        409 | 424 => (Kind::InternalServer, None),
        // Tokens are too many for this minute, which says nothing of the window.
        429 if told.says(&["per day"]) => (Kind::QuotaExceeded, None),
        429 if is("ModelNotReadyException") => (Kind::ServiceUnavailable, None),
        429 => (Kind::RateLimit, None),
        status => kind_of(status, told),
    };
    let failure = failure(status, told, kind, remedy);
    advised(failure, told)
}

/// What helps where the provider's own words do not say it.
fn advised(mut failure: Failure, told: &Told<'_>) -> Failure {
    let advice = match told.codes.first().map(String::as_str) {
        Some("RequestExpired" | "InvalidSignatureException") => {
            "; check the clock of this machine, and the secret key"
        }
        Some("ExpiredTokenException" | "ExpiredToken") => "; renew the temporary credentials",
        Some("FTUFormNotFilled") => "; fill in the form of the model's maker in the AWS console",
        _ if told.says(&["on-demand throughput"]) => {
            "; ask an inference profile of the model, such as `bedrock/us.<model id>`"
        }
        _ => return failure,
    };
    failure.message.push_str(advice);
    failure
}
