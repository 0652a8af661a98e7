//! Embeddings of Ollama: `/api/embed`.

use serde_json::{Map, Value};

use super::{failure_of, url};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::embedding::{self, Form};
use crate::provider::errors::Told;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, headroom};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(super) struct OllamaEmbeddings;

/// Older servers answer with one list.
const FORM: Form =
    Form { vector: &["/embeddings/0", "/embedding"], input: &["/prompt_eval_count"] };

impl Dialect for OllamaEmbeddings {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match name {
            "encoding_format" => Err("Ollama always answers in numbers".to_owned()),
            _ => embedding::accepts(name, value),
        }
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let mut body = Map::new();
        body.insert("model".to_owned(), (*request.model).into());
        body.insert("input".to_owned(), embedding::text(request).into());
        body.extend(embedding::params(request, &[]));
        let chats = url(&endpoint.base_url);
        let url = [chats.trim_end_matches("/chat"), "/embed"].concat();
        let body = Value::Object(body).to_string();
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            let failure = failure_of(reply.status, &Told::read(&reply.body));
            return Err(headroom::advise(failure, &reply.headers).into());
        }
        embedding::read(reply, FORM, None)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}
