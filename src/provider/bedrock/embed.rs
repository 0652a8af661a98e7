//! Embeddings on Bedrock: Converse gives none, so each maker's own body goes to `InvokeModel`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors;
use super::target::Target;
use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::cohere::embed as cohere;
use crate::provider::draft::Draft;
use crate::provider::embedding::{self, Form};
use crate::provider::located::Fault;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, answered, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// The tongue of embeddings.
#[derive(Debug)]
pub(super) struct BedrockEmbeddings;

/// Titan has one list, Cohere one for each text, in one of two forms.
const FORM: Form = Form {
    vector: &["/embedding", "/embeddingsByType/float", "/embeddings/float/0", "/embeddings/0"],
    input: &["/inputTextTokenCount"],
};

/// Tells the tokens whatever the model.
const TOKENS: &str = "x-amzn-bedrock-input-token-count";

/// Whose body it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    Amazon,
    Cohere,
}

impl Maker {
    fn of(model: &str) -> Option<Self> {
        let last = model.rsplit('/').next().unwrap_or(model);
        [("amazon.titan-embed-text", Self::Amazon), ("cohere.embed-", Self::Cohere)]
            .into_iter()
            .find_map(|(family, maker)| last.contains(family).then_some(maker))
    }
}

impl Dialect for BedrockEmbeddings {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn knows(
        &self,
        base_url: &str,
        settings: &BTreeMap<String, String>,
        model: &str,
    ) -> Result<(), Fault> {
        Maker::of(model).ok_or_else(|| none_of(model))?;
        Target::of(base_url, settings, model).map(drop)
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match name {
            "embedding_types" | "embeddingTypes" | "encoding_format" => {
                Err("floats are asked for, and nothing else can be compared".to_owned())
            }
            "user" => Err("Bedrock knows no such parameter".to_owned()),
            _ => embedding::accepts(name, value),
        }
    }

    fn settings(&self) -> &'static [&'static str] {
        &["region"]
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let maker = Maker::of(&request.model);
        let maker = maker.ok_or_else(|| embedding::unsaid(&none_of(&request.model)))?;
        let target = Target::of(&endpoint.base_url, &endpoint.settings, &request.model);
        let target = target.map_err(|fault| embedding::unsaid(&fault))?;
        let text = embedding::text(request);
        let mut body = Map::new();
        match maker {
            Maker::Amazon => {
                body.insert("inputText".to_owned(), text.into());
                body.extend(embedding::params(request, &[]));
            }
            Maker::Cohere => {
                body.insert("texts".to_owned(), json!([text]));
                body.insert("input_type".to_owned(), cohere::INPUT_TYPE.into());
                body.extend(embedding::params(request, cohere::RENAMED));
            }
        }
        let bytes = serde_json::to_vec(&body).map_err(asked::no_json)?;
        let wire = WireRequest::with_bearer(target.at("invoke"), endpoint.key.as_ref(), bytes);
        Ok(WireRequest { region: target.region, ..wire })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        if let Some(failure) = errors::failure_in_ok(&answered::json(reply)?) {
            return Err(failure.into());
        }
        let tokens = reply.headers.get(TOKENS).and_then(|text| text.parse().ok());
        embedding::read(reply, FORM, tokens)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        embedding::fold(draft, frame)
    }
}

fn none_of(model: &str) -> Fault {
    Fault {
        help:
            "on Bedrock `amazon.titan-embed-text-...` and `cohere.embed-...` are asked, by their \
               model ids"
                .to_owned(),
        ..embedding::none_of(model)
    }
}
