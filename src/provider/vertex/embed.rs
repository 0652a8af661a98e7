//! Embeddings on Vertex AI: `:predict` for Google's models, `:embedContent` for those that answer
//! there alone, and the path that speaks like `OpenAI` for open ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::place::{self, Place};
use super::{SETTINGS, advised, decoded, is_googles};
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::embedding;
use crate::provider::gemini::embed;
use crate::provider::located::Fault;
use crate::provider::openai_chat::embed::OpenAiEmbeddings;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(super) struct VertexEmbeddings;

/// Models that know no `:predict`.
const EMBED_CONTENT: &str = "gemini-embedding-2";

/// Parameters of `:predict` that belong to the text and not to the call.
const OF_TEXT: &[&str] = &["task_type", "title"];

impl Dialect for VertexEmbeddings {
    fn name(&self) -> &'static str {
        "vertex"
    }

    fn knows(
        &self,
        _base_url: &str,
        _settings: &BTreeMap<String, String>,
        model: &str,
    ) -> Result<(), Fault> {
        match Place::of(model) {
            Place::Gemini(_) | Place::Tuned(_) | Place::Open(_) => Ok(()),
            Place::Claude(_) | Place::Raw { .. } | Place::Retired => Err(embedding::none_of(model)),
        }
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match Place::of(model) {
            Place::Open(_) => embedding::accepts(name, value),
            _ => embed::accepts(name, value),
        }
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let place = Place::of(&request.model);
        let (key, url) = (place::key(endpoint), place.url(endpoint)?);
        let (method, body) = match place {
            Place::Open(model) => {
                let endpoint = Endpoint { base_url: url.into(), ..endpoint.clone() };
                let request = Request { model: model.into(), ..request.clone() };
                let wire = OpenAiEmbeddings.encode(&endpoint, &request)?;
                return Ok(WireRequest { key, ..wire });
            }
            Place::Gemini(model) if model.starts_with(EMBED_CONTENT) => {
                (":embedContent", embed::body(request))
            }
            Place::Gemini(_) | Place::Tuned(_) => (":predict", instance(request)),
            Place::Claude(_) | Place::Raw { .. } | Place::Retired => {
                return Err(embedding::unsaid(&embedding::none_of(&request.model)));
            }
        };
        let body = serde_json::to_vec(&body).map_err(asked::no_json)?;
        Ok(WireRequest { key, ..WireRequest::new([&*url, method].concat(), body) })
    }

    /// The open models answer in a form of their own.
    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        let is_open = memchr::memmem::find(&reply.body, b"\"data\"").is_some();
        match is_open && !is_googles(reply) {
            true => decoded(reply, &OpenAiEmbeddings),
            false => embed::decode(reply).map_err(advised),
        }
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}

/// The body of `:predict`.
fn instance(request: &Request) -> Map<String, Value> {
    let mut instance = Map::new();
    instance.insert("content".to_owned(), embedding::text(request).into());
    let mut parameters = embedding::params(request, &[("dimensions", "outputDimensionality")]);
    for name in OF_TEXT {
        instance.extend(parameters.shift_remove_entry(*name));
    }
    let mut body = Map::new();
    body.insert("instances".to_owned(), json!([instance]));
    if !parameters.is_empty() {
        body.insert("parameters".to_owned(), parameters.into());
    }
    body
}
