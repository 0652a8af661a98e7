//! Embeddings as `OpenAI` and all that mimic it give them: `/embeddings`, beside the chats.

use serde_json::{Map, Value};

use super::{PATH, url};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::embedding::{self, Form};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, asked, errors};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(in crate::provider) struct OpenAiEmbeddings;

/// Some hosts tell one count for all.
const FORM: Form = Form {
    vector: &["/data/0/embedding"],
    input: &["/usage/prompt_tokens", "/usage/total_tokens"],
};

impl Dialect for OpenAiEmbeddings {
    fn name(&self) -> &'static str {
        "openai"
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

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let path = endpoint.quirks.path.as_deref().unwrap_or(PATH);
        let beside = path.split_once("/chat/completions").map_or("", |(before, _)| before);
        let url = url(&endpoint.base_url, Some(&[beside, "/embeddings"].concat()));
        let body = body(&endpoint.quirks, request)?;
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        match (200..300).contains(&reply.status) {
            true => embedding::read(reply, FORM, None),
            false => Err(errors::failure_of(reply).into()),
        }
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}

/// The body of a request.
pub(in crate::provider) fn body(quirks: &Quirks, request: &Request) -> Result<Vec<u8>, Failure> {
    const ENCODING: &str = "encoding_format";
    let mut body = Map::new();
    body.insert("model".to_owned(), (*request.model).into());
    body.insert("input".to_owned(), embedding::text(request).into());
    if !quirks.unsupported.contains(ENCODING) {
        body.insert(ENCODING.to_owned(), "float".into());
    }
    body.extend(embedding::params(request, &[]));
    serde_json::to_vec(&body).map_err(asked::no_json)
}
