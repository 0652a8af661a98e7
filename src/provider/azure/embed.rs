//! Embeddings on Azure: `OpenAI`'s bodies at the deployment's own address.

use serde_json::Value;

use super::{API_VERSION, SETTINGS, Style, decoded, foundry, root, sent};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::embedding;
use crate::provider::located::segment;
use crate::provider::openai_chat::embed::{OpenAiEmbeddings, body};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(super) struct AzureEmbeddings;

/// The same for models of other houses.
#[derive(Debug)]
pub(super) struct AzureAiEmbeddings;

impl Dialect for AzureEmbeddings {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        embedding::accepts(name, value)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let style = Style::of(endpoint).unwrap_or(Style::Dated(API_VERSION));
        let deployment = ["/deployments/", &*segment(&request.model)].concat();
        let url = style.url(root(&endpoint.base_url), &deployment, "/embeddings");
        Ok(sent(endpoint, url, body(&endpoint.quirks, request)?))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiEmbeddings)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}

impl Dialect for AzureAiEmbeddings {
    fn name(&self) -> &'static str {
        "azure-ai"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        embedding::accepts(name, value)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        Ok(foundry::sent(endpoint, "/embeddings", body(&endpoint.quirks, request)?))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiEmbeddings)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}
