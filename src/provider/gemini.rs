//! Gemini's `generateContent`, as Google AI Studio serves it.
//!
//! URL and key stand here; `body`, `accepts`, `decode` and `fold` know of neither, so that
//! another place that takes the same bodies can use them.

use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::gemini::params::Asked;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `gemini`.
#[derive(Debug)]
pub struct Gemini;

/// The version in the path unless `api_version` or the base URL names another: previews live here.
const API_VERSION: &str = "v1beta";

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match name {
            "metadata" if !value.is_null() => Err("Google AI Studio keeps no labels".to_owned()),
            _ => accepts(model, name, value),
        }
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::GeminiEmbeddings)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["api_version"]
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let body = serde_json::to_vec(&body(request)?).expect("a JSON value is JSON");
        let url = [&*place(endpoint, &request.model), method(request)].concat();
        let key = key_header(endpoint);
        Ok(WireRequest { key, ..WireRequest::new(url, body) })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decode(reply)
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        Some(WireRequest::get([&*root(endpoint), "/models"].concat(), key_header(endpoint)))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        fold(draft, frame)
    }
}

fn key_header(endpoint: &Endpoint) -> Option<KeyHeader> {
    endpoint.key.as_ref().map(|key| KeyHeader::plain("x-goog-api-key", key))
}

/// The model's URL without the method.
fn place(endpoint: &Endpoint, model: &str) -> String {
    let folder = if model.contains('/') { "/" } else { "/models/" };
    [&*root(endpoint), folder, model].concat()
}

/// The URL with its version. A base URL that ends in one already has it.
fn root(endpoint: &Endpoint) -> String {
    let base = endpoint.base_url.trim_end_matches('/');
    let last = base.rsplit('/').next().unwrap_or_default();
    let mut letters = last.chars();
    let is_versioned =
        letters.next() == Some('v') && letters.next().is_some_and(|c| c.is_ascii_digit());
    let stated = endpoint.settings.get("api_version").map(String::as_str);
    let version = match is_versioned {
        true => String::new(),
        false => format!("/{}", stated.unwrap_or(API_VERSION)),
    };
    [base, &version].concat()
}

/// What is asked of the model, as the URL ends. Without `alt=sse` a stream is one long JSON array.
pub(super) fn method(request: &Request) -> &'static str {
    match request.is_streamed() {
        true => ":streamGenerateContent?alt=sse",
        false => ":generateContent",
    }
}

/// Whether a body can say this parameter.
pub(super) fn accepts(model: &str, name: &str, value: &Value) -> Result<(), String> {
    Asked::default().take(model, name, value)
}

/// The body of a request: the talk, and what the user stated.
pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    let mut body = contents::talk(&request.model, &request.messages)
        .map_err(|why| Failure::new(FailureKind::BadRequest, why))?;
    let unsaid = |why| Failure::new(FailureKind::UnsupportedParams, why);
    let mut asked = Asked::default();
    for (name, value) in request.params.iter() {
        asked
            .take(&request.model, name, value)
            .map_err(|why| unsaid(format!("`{name}` cannot be sent: {why}")))?;
    }
    params::merge(&mut body, asked.into_fields());
    let thinking = body.get("generationConfig").and_then(|config| config.get("thinkingConfig"));
    let has = |key| thinking.is_some_and(|thinking| thinking.get(key).is_some());
    if has("thinkingLevel") && has("thinkingBudget") {
        let why = "a thinking level (`reasoning_effort`) and a thinking budget exclude each other";
        return Err(unsaid(why.to_owned()));
    }
    Ok(body)
}

/// The answer in a reply.
pub(super) fn decode(reply: &WireReply) -> Result<Response, Rejected> {
    if !(200..300).contains(&reply.status) {
        return Err(refusal::failure_of(reply).into());
    }
    answer::decode(reply)
}

/// Takes one frame of a stream: each is an answer of its own with the next piece in it.
pub(super) fn fold(draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
    answer::fold(draft, &frame.data)
}

mod answer;
mod contents;
pub(super) mod embed;
mod params;
mod parts;
mod refusal;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;
