//! Embeddings of Gemini: `:embedContent`.

use serde_json::{Map, Value, json};

use super::{key_header, place, refusal};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::embedding::{self, Form};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(super) struct GeminiEmbeddings;

/// Google AI Studio tells no tokens for older models. The last forms are those of `:predict` on
/// Vertex AI.
const FORM: Form = Form {
    vector: &["/embedding/values", "/embeddings/0/values", "/predictions/0/embeddings/values"],
    input: &["/usageMetadata/promptTokenCount", "/predictions/0/embeddings/statistics/token_count"],
};

/// Parameters whose names differ.
pub(in crate::provider) const RENAMED: &[(&str, &str)] =
    &[("dimensions", "outputDimensionality"), ("task_type", "taskType")];

impl Dialect for GeminiEmbeddings {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        accepts(name, value)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["api_version"]
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let bytes = serde_json::to_vec(&body(request)).map_err(asked::no_json)?;
        let url = [&*place(endpoint, &request.model), ":embedContent"].concat();
        Ok(WireRequest { key: key_header(endpoint), ..WireRequest::new(url, bytes) })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decode(reply)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}

/// Whether Google knows this parameter of an embedding.
pub(in crate::provider) fn accepts(name: &str, value: &Value) -> Result<(), String> {
    match name {
        "encoding_format" | "user" => Err("Google knows no such parameter".to_owned()),
        _ => embedding::accepts(name, value),
    }
}

/// The body of a request.
pub(in crate::provider) fn body(request: &Request) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("content".to_owned(), json!({"parts": [{"text": embedding::text(request)}]}));
    body.extend(embedding::params(request, RENAMED));
    body
}

/// The embedding in a reply.
pub(in crate::provider) fn decode(reply: &WireReply) -> Result<Response, Rejected> {
    match (200..300).contains(&reply.status) {
        true => embedding::read(reply, FORM, None),
        false => Err(refusal::failure_of(reply).into()),
    }
}
