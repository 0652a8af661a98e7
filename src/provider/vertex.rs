//! Vertex AI: Google's models and those of others, as Google Cloud serves them.
//!
//! Gemini takes the bodies of Google AI Studio; here stand the URL, the key, and what differs.
//! Claude and the open models are asked in their makers' tongues, on other paths of the same host.
//! Errors that come before a model is reached have Google's form for all of them.

use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, gemini};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

mod claude;
mod embed;
mod open;
pub(super) mod place;
#[cfg(test)]
mod tests;

use claude::VertexClaude;
use open::VertexOpen;
use place::Place;

/// What every tongue of Vertex AI reads of an endpoint.
const SETTINGS: &[&str] = &["api_version", "project", "location"];

/// How long a name or a value of a label may be.
const LONGEST_LABEL: usize = 63;

/// The dialect `vertex`.
#[derive(Debug)]
pub struct Vertex;

impl Dialect for Vertex {
    fn name(&self) -> &'static str {
        "vertex"
    }

    fn for_model(&self, _quirks: &Quirks, model: &str) -> Option<&'static dyn Dialect> {
        match Place::of(model) {
            Place::Claude(_) => Some(&VertexClaude),
            Place::Raw { .. } | Place::Open(_) => Some(&VertexOpen),
            Place::Gemini(_) | Place::Tuned(_) | Place::Retired => None,
        }
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match name {
            "metadata" | "labels" => labels(value),
            _ => gemini::accepts(model, name, value),
        }
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::VertexEmbeddings)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let place = Place::of(&request.model);
        if let Place::Retired = place {
            return Err(retired(&request.model));
        }
        let mut body = gemini::body(request)?;
        if let Some(Value::Object(system)) = body.get_mut("systemInstruction") {
            // Here a content without a role may be refused.
            system.entry("role").or_insert_with(|| "user".into());
        }
        if let Some(Value::String(cache)) = body.get_mut("cachedContent") {
            *cache = place::cache(endpoint, cache)?;
        }
        let headers = tier(&mut body);
        let url = [&*place.url(endpoint)?, gemini::method(request)].concat();
        let body = serde_json::to_vec(&body).expect("a JSON value is JSON");
        Ok(WireRequest { headers, key: place::key(endpoint), ..WireRequest::new(url, body) })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        gemini::decode(reply).map_err(advised)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        gemini::fold(draft, frame)
    }
}

/// The headers that ask for a tier, which AI Studio takes in the body.
fn tier(body: &mut Map<String, Value>) -> Vec<(&'static str, String)> {
    let tier = body.remove("serviceTier");
    match tier.as_ref().and_then(Value::as_str) {
        Some(tier @ ("flex" | "priority")) => vec![
            ("x-vertex-ai-llm-request-type", "shared".to_owned()),
            ("x-vertex-ai-llm-shared-request-type", tier.to_owned()),
        ],
        _ => Vec::new(),
    }
}

/// Labels are words of small letters, for the bill.
fn labels(value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    let is_word = |text: &str| {
        let is_small = |c: char| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '-' | '_');
        text.chars().count() <= LONGEST_LABEL && text.chars().all(is_small)
    };
    let is_label = |(name, value): (&String, &Value)| {
        let begins_well = name.starts_with(|c: char| c.is_alphabetic());
        begins_well && is_word(name) && value.as_str().is_some_and(is_word)
    };
    match value.as_object().is_some_and(|labels| labels.iter().all(is_label)) {
        true => Ok(()),
        false => Err("Vertex AI takes it as labels: names and values of up to 63 small letters, \
                      digits, `-` and `_`"
            .to_owned()),
    }
}

/// A model of the time before Gemini: its call is gone with it.
fn retired(model: &str) -> Failure {
    let message = format!(
        "Google has shut `{model}` down; take a model that answers today, such as gemini-3.5-flash"
    );
    Failure::new(FailureKind::NotFound, message)
}

/// An answer in the words of the model's maker; an error may come in Google's.
fn decoded(reply: &WireReply, makers: &dyn Dialect) -> Result<Response, Rejected> {
    match is_googles(reply) {
        true => gemini::decode(reply).map_err(advised),
        false => makers.decode(reply).map_err(advised),
    }
}

/// Whether an error reply has Google's form, and not that of a model's maker.
fn is_googles(reply: &WireReply) -> bool {
    if (200..300).contains(&reply.status) {
        return false;
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    let error = &body.get(0).unwrap_or(&body)["error"];
    error["status"].is_string() && error["code"].is_number()
}

/// What people do not find in the words of a 404: where a model is differs from model to model.
fn advised(mut rejected: Rejected) -> Rejected {
    let failure = &mut rejected.failure;
    if failure.kind == FailureKind::NotFound && !failure.message.contains("/locations/global/") {
        failure.message.push_str(
            "; many models are only in some locations, the newest only in location = \"global\"",
        );
    }
    rejected
}
