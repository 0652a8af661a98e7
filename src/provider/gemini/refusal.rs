//! Errors in Google's form: the status first, then the details, the text last. How long to wait
//! stands in the body.

use std::time::Duration;

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::provider::errors::{self, Told};
use crate::provider::headroom;
use crate::wire::message::WireReply;

/// Who is told to wait longer has used up a day's quota, not a minute's (the facts sheet).
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// How long a quota by the minute takes to be whole again.
const MINUTE: Duration = Duration::from_mins(1);

const KEY_TEXTS: &[&str] = &["api key not valid", "api_key_invalid", "api key expired"];

/// Texts that tell of a place or a project from which nobody may ask.
const BARRED_TEXTS: &[&str] = &["location is not supported", "billing"];

const WINDOW_TEXTS: &[&str] = &["exceeds the maximum number of tokens"];

/// The failure that an error reply tells of.
pub(super) fn failure_of(reply: &WireReply) -> Failure {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    // Streams wrap their errors in a list.
    let error = body.get(0).unwrap_or(&body).get("error").filter(|error| error.is_object());
    // Without an error in Google's form it is a page of a proxy on the way.
    let foreign = || {
        let told = Told::read(&reply.body);
        let (kind, remedy) = errors::kind_of(reply.status, &told);
        errors::failure(reply.status, &told, kind, remedy)
    };
    let failure = error.map_or_else(foreign, |error| classify(reply.status, error));
    headroom::advise(failure, &reply.headers)
}

/// The failure in an error that came inside a reply of status 200.
pub(super) fn failure_in_ok(error: &Value) -> Failure {
    let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    classify(status.filter(|status| (400..600).contains(status)).unwrap_or(500), error)
}

fn classify(status: u16, error: &Value) -> Failure {
    let details = Details::of(error);
    let mut told = Told::of_error(error);
    // Google's `code` is the status once more; its words say more.
    told.codes.retain(|code| code.parse::<u16>().is_err());
    told.codes.splice(0..0, details.reasons.iter().map(|&reason| reason.to_owned()));
    let wait = details.wait.or_else(|| wait_in(&told.message));
    let (kind, remedy) = kind_of(status, &told, &details, wait);
    let mut failure = errors::failure(status, &told, kind, remedy);
    failure.retry_after = match kind {
        FailureKind::RateLimit => wait.or(details.is_by_minute().then_some(MINUTE)),
        FailureKind::QuotaExceeded => None,
        _ => wait,
    };
    failure
}

fn kind_of(
    status: u16,
    told: &Told<'_>,
    details: &Details<'_>,
    wait: Option<Duration>,
) -> (FailureKind, Option<Remedy>) {
    let is_window = || {
        let counts = || told.says(&["token count"]) && told.says(&["exceeds"]);
        told.says(WINDOW_TEXTS) || counts()
    };
    let kind = match status {
        // A bad key is not a 401 here.
        400 if told.has_code(&["API_KEY_INVALID"]) || told.says(KEY_TEXTS) => {
            FailureKind::Authentication
        }
        400 if is_window() => FailureKind::ContextWindowExceeded,
        // The same name is given to requests that are wrong in themselves.
        400 if told.has_code(&["FAILED_PRECONDITION"]) && told.says(BARRED_TEXTS) => {
            FailureKind::PermissionDenied
        }
        // The words are the same whether a minute's quota is used up or a day's.
        429 if details.is_by_day() || wait.is_some_and(|wait| wait > LONGEST_WAIT) => {
            FailureKind::QuotaExceeded
        }
        429 => FailureKind::RateLimit,
        _ => return errors::kind_of(status, told),
    };
    (kind, None)
}

/// What the list `details` of an error tells.
#[derive(Debug, Default)]
struct Details<'e> {
    reasons: Vec<&'e str>,
    quotas: Vec<&'e str>,
    wait: Option<Duration>,
}

impl<'e> Details<'e> {
    fn of(error: &'e Value) -> Self {
        let mut details = Self::default();
        for detail in error["details"].as_array().into_iter().flatten() {
            details.reasons.extend(detail["reason"].as_str());
            let violations = detail["violations"].as_array().into_iter().flatten();
            details.quotas.extend(violations.filter_map(|one| one["quotaId"].as_str()));
            details.wait = details.wait.or(detail["retryDelay"].as_str().and_then(duration));
        }
        details
    }

    fn is_by_day(&self) -> bool {
        self.quotas.iter().any(|quota| quota.contains("PerDay") || quota.contains("Daily"))
    }

    fn is_by_minute(&self) -> bool {
        self.quotas.iter().any(|quota| quota.contains("PerMinute"))
    }
}

/// The wait in a message such as "Please retry in 12.5s."
fn wait_in(message: &str) -> Option<Duration> {
    let lower = message.to_lowercase();
    let (_, rest) = lower.split_once("retry in ")?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ' '));
    duration(rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', ' ']))
}

/// A duration such as `34.07s`, `250ms` or `1h2m3s`; what follows it is not read.
fn duration(text: &str) -> Option<Duration> {
    let mut seconds = None;
    let mut rest = text.trim();
    while let Some(end) = rest.find(|c: char| !c.is_ascii_digit() && c != '.') {
        let Ok(number) = rest[..end].parse::<f64>() else { break };
        let unit = rest[end..].trim_start();
        let length = unit.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(unit.len());
        let scale = match &unit[..length] {
            "ms" => 0.001,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            _ => break,
        };
        seconds = Some(seconds.unwrap_or(0.0) + number * scale);
        rest = unit[length..].trim_start();
    }
    Duration::try_from_secs_f64(seconds?).ok()
}
