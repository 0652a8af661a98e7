//! Claude on Vertex AI: Anthropic's bodies, the version in the body, the model in the URL.

use serde_json::Value;

use super::place::{self, Place};
use super::{SETTINGS, decoded};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::anthropic::{self, Anthropic};
use crate::provider::draft::Draft;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The version that Vertex AI knows. It stands in the body, and takes the header's place.
const VERSION: &str = "vertex-2023-10-16";

/// The tongue of Claude on Vertex AI.
#[derive(Debug)]
pub(super) struct VertexClaude;

impl Dialect for VertexClaude {
    fn name(&self) -> &'static str {
        "vertex-anthropic"
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        Anthropic.accepts(quirks, model, name, value)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let mut body = anthropic::body(request)?;
        if let Some(body) = body.as_object_mut() {
            body.shift_remove("model");
            // Whoever states another version in `extra` gets that.
            body.entry("anthropic_version").or_insert_with(|| VERSION.into());
        }
        let body = serde_json::to_vec(&body).map_err(asked::no_json)?;
        let betas = request.params.get("betas").and_then(anthropic::betas);
        let headers = betas.map(|betas| ("anthropic-beta", betas)).into_iter().collect();
        let method = if request.is_streamed() { ":streamRawPredict" } else { ":rawPredict" };
        let url = [&*Place::of(&request.model).url(endpoint)?, method].concat();
        Ok(WireRequest { headers, key: place::key(endpoint), ..WireRequest::new(url, body) })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &Anthropic)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        Anthropic.fold(draft, frame)
    }
}
