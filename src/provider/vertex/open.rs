//! Open models on Vertex AI, and those of makers whose bodies are like `OpenAI`'s.

use serde_json::{Map, Value};

use super::place::{self, Place};
use super::{SETTINGS, decoded};
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::openai_chat::OpenAiChat;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, asked};
use crate::wire::frames::Frame;
use crate::wire::message::{WireReply, WireRequest};

/// Parameters that Mistral knows by another name.
const MISTRALS: &[(&str, &str)] =
    &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")];

/// Parameters that Mistral refuses: one unknown field is a 422.
const NOT_MISTRALS: &[&str] = &[
    "audio",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "safety_identifier",
    "store",
    "stream_options",
    "top_logprobs",
    "user",
    "verbosity",
    "web_search_options",
];

/// The tongue of open models on Vertex AI.
#[derive(Debug)]
pub(super) struct VertexOpen;

impl Dialect for VertexOpen {
    fn name(&self) -> &'static str {
        "vertex-openai"
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        match Place::of(model) {
            Place::Raw { publisher: "mistralai", .. }
                if NOT_MISTRALS.contains(&name) && !value.is_null() =>
            {
                Err(format!("Mistral knows no `{name}`"))
            }
            _ => OpenAiChat.accepts(quirks, model, name, value),
        }
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let place = Place::of(&request.model);
        let url = place.url(endpoint)?;
        let base_url = url.clone().into();
        let key = place::key(endpoint);
        let request_of = |model: &str| Request { model: model.into(), ..request.clone() };
        match place {
            Place::Raw { publisher, model } => {
                // The version of a model stands in the URL alone.
                let name = model.split('@').next().unwrap_or(model);
                let wire = OpenAiChat.encode(endpoint, &request_of(name))?;
                let is_mistrals = publisher == "mistralai";
                let body = raw_body(&wire.body, request, is_mistrals)?;
                let streamed = request.is_streamed();
                let method = if streamed { ":streamRawPredict" } else { ":rawPredict" };
                Ok(WireRequest { url: [&*url, method].concat(), key, body: body.into(), ..wire })
            }
            Place::Open(model) => {
                let endpoint = Endpoint { base_url, ..endpoint.clone() };
                let wire = OpenAiChat.encode(&endpoint, &request_of(model))?;
                Ok(WireRequest { key, ..wire })
            }
            _ => {
                let message = format!("`{}` is no model of this kind", request.model);
                Err(Failure::new(FailureKind::BadRequest, message))
            }
        }
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiChat)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        OpenAiChat.fold(draft, frame)
    }
}

/// A body for a maker who is asked directly: the tokens of a stream come without being asked for.
fn raw_body(body: &[u8], request: &Request, is_mistrals: bool) -> Result<Vec<u8>, Failure> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(asked::no_json)?;
    let mut said = Map::new();
    for (name, mut value) in body {
        if name == "stream_options" && !request.params.contains_key(&name) {
            continue;
        }
        if is_mistrals && name == "tool_choice" && value == "required" {
            value = "any".into();
        }
        let known = MISTRALS.iter().find(|(ours, _)| is_mistrals && *ours == name);
        said.insert(known.map_or(name, |(_, theirs)| (*theirs).to_owned()), value);
    }
    serde_json::to_vec(&said).map_err(asked::no_json)
}
