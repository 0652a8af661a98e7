//! Anthropic's Messages API, and the hosts that mimic it.
//!
//! The system text stands beside the messages, tools' arguments are objects, and `max_tokens` is
//! demanded. An answer is a list of blocks; a stream brings the same blocks piece by piece.

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::provider::{answered, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};
use crate::wire::secret::Secret;

/// The version of the interface that is asked for: the one that takes sampling parameters.
const VERSION: &str = "2023-06-01";

/// How tokens begin that are refused as a key and travel as a bearer.
const BEARER_PREFIX: &str = "sk-ant-oat";

/// The tool whose arguments are the answer, for models without a JSON mode of their own.
pub(in crate::provider) const JSON_TOOL: &str = "json_tool_call";

/// The dialect `anthropic`.
#[derive(Debug)]
pub struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        params::accepts(model, name, value)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["api_version"]
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let body = body::of(request)?;
        let bytes = serde_json::to_vec(&body).map_err(asked::no_json)?;
        let mut headers = vec![("anthropic-version", version(endpoint))];
        if let Some(betas) = request.params.get("betas").and_then(betas) {
            headers.push(("anthropic-beta", betas));
        }
        let key = endpoint.key.as_ref().map(key_header);
        let url = url(&endpoint.base_url, "messages");
        Ok(WireRequest { headers, key, ..WireRequest::new(url, bytes) })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        let message = answered::json(reply)?;
        if message["type"] == "error" || !message["error"].is_null() {
            return Err(errors::failure_in_ok(&message["error"]).into());
        }
        let mut draft = Draft::default();
        answer::take_whole(&mut draft, &message);
        draft.response()
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let key = endpoint.key.as_ref().map(key_header);
        let list = WireRequest::get(url(&endpoint.base_url, "models"), key);
        Some(WireRequest { headers: vec![("anthropic-version", version(endpoint))], ..list })
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, frame)
    }
}

/// A base may or may not end in the version of the path.
fn url(base: &str, what: &str) -> String {
    let base = base.trim_end_matches('/');
    let version = if base.ends_with("/v1") { "/" } else { "/v1/" };
    [base, version, what].concat()
}

fn version(endpoint: &Endpoint) -> String {
    endpoint.settings.get("api_version").map_or(VERSION, String::as_str).to_owned()
}

/// Exactly one of the two headers; the wrong one is a 401.
fn key_header(key: &Secret) -> KeyHeader {
    match key.expose().starts_with(BEARER_PREFIX) {
        true => KeyHeader::bearer(key),
        false => KeyHeader::plain("x-api-key", key),
    }
}

/// The body of a request, for another place that takes the same bodies.
pub(super) fn body(request: &Request) -> Result<Value, Failure> {
    body::of(request)
}

/// Betas are asked for in a header: a name, or a list of names.
pub(super) fn betas(value: &Value) -> Option<String> {
    let names: Vec<&str> = match value {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    (!names.is_empty()).then(|| names.join(","))
}

pub(in crate::provider) mod ability;
pub(in crate::provider) mod answer;
pub(in crate::provider) mod body;
mod errors;
pub(in crate::provider) mod messages;
pub(in crate::provider) mod params;
pub(in crate::provider) mod parts;
pub(in crate::provider) mod schema;
mod stream;
#[cfg(test)]
mod tests;
pub(in crate::provider) mod tools;
