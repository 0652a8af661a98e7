//! The headers that go with a request, and those of a reply that are kept.

use bytes::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use memchr::memmem;

use crate::call::failure::{Failure, FailureKind};
use crate::wire::message::{Method, WireRequest};

/// The headers of a request: its own, its key, and those that were added to all.
pub(super) fn of(request: &WireRequest) -> Result<HeaderMap, Failure> {
    let bad = |name: &str| {
        let message = format!("the value of the header `{name}` cannot be sent");
        Failure::new(FailureKind::BadRequest, message)
    };
    let name = |name: &str| HeaderName::try_from(name).map_err(|_| bad(name));
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 5);
    headers.insert(USER_AGENT, HeaderValue::from_static(super::USER_AGENT));
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    if request.method == Method::Post {
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
    }
    for (name, value) in &request.headers {
        let value = HeaderValue::from_str(value).map_err(|_| bad(name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    if let Some(key) = &request.key {
        let text = [&*key.prefix, key.key.expose()].concat();
        headers.insert(name(&key.name)?, sensitive(text).ok_or_else(|| bad(&key.name))?);
    }
    for added in &*request.added {
        let value = sensitive(added.value.expose().to_owned()).ok_or_else(|| bad(&added.name))?;
        headers.insert(name(&added.name)?, value);
    }
    Ok(headers)
}

/// A value that no log shows.
fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from(text)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The headers that something in the runner reads.
pub(super) fn is_of_interest(name: &str) -> bool {
    matches!(
        name,
        "x-request-id"
            | "request-id"
            | "x-should-retry"
            | "content-type"
            | "date"
            | "x-amzn-requestid"
            | "x-amzn-errortype"
            | "x-amzn-bedrock-input-token-count"
            | "x-gemini-service-tier"
    ) || name.starts_with("retry-after")
        || memmem::find(name.as_bytes(), b"ratelimit").is_some()
}
