//! Embeddings of Cohere: `/v2/embed`, in a list for each kind of number that is asked for.

use serde_json::{Map, Value, json};

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
pub(super) struct CohereEmbeddings;

/// Version 1 had the list itself.
pub(in crate::provider) const FORM: Form = Form {
    vector: &["/embeddings/float/0", "/embeddings/0"],
    input: &["/meta/billed_units/input_tokens", "/meta/tokens/input_tokens"],
};

/// What the text is for, which Cohere wants to be told: the same for both texts of a comparison.
/// LiteLLM sends it where nobody states another one.
pub(in crate::provider) const INPUT_TYPE: &str = "search_document";

/// Parameters whose names differ.
pub(in crate::provider) const RENAMED: &[(&str, &str)] = &[("dimensions", "output_dimension")];

impl Dialect for CohereEmbeddings {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match name {
            "embedding_types" | "encoding_format" => {
                Err("floats are asked for, and nothing else can be compared".to_owned())
            }
            _ => embedding::accepts(name, value),
        }
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let mut body = Map::new();
        body.insert("model".to_owned(), (*request.model).into());
        body.insert("texts".to_owned(), json!([embedding::text(request)]));
        body.insert("input_type".to_owned(), INPUT_TYPE.into());
        body.insert("embedding_types".to_owned(), json!(["float"]));
        body.extend(embedding::params(request, RENAMED));
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
