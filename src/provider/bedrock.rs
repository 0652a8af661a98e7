//! Amazon Bedrock's Converse: one form for the models of many makers.
//!
//! The model stands in the path, the system text beside the messages, and a content is a list of
//! blocks with one key each. What only some makers know goes below `additionalModelRequestFields`.
//! Streams are binary frames; the tokens come after the last word.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::bedrock::target::Target;
use crate::provider::draft::Draft;
use crate::provider::located::Fault;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::provider::{answered, asked};
use crate::wire::frames::{Frame, Framing};
use crate::wire::message::{WireReply, WireRequest};

mod answer;
mod body;
mod embed;
mod errors;
mod family;
mod messages;
mod params;
mod parts;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod tools;

/// The dialect `bedrock`.
#[derive(Debug)]
pub struct Bedrock;

impl Dialect for Bedrock {
    fn name(&self) -> &'static str {
        "bedrock"
    }

    fn knows(
        &self,
        base_url: &str,
        settings: &BTreeMap<String, String>,
        model: &str,
    ) -> Result<(), Fault> {
        Target::of(base_url, settings, model).map(drop)
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        params::accepts(model, name, value)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::BedrockEmbeddings)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["region"]
    }

    fn fetches_pictures(&self) -> bool {
        false
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let target = Target::of(&endpoint.base_url, &endpoint.settings, &request.model).map_err(
            |fault| {
                let message = format!("{}; {}", fault.message, fault.help);
                Failure::new(FailureKind::BadRequest, message)
            },
        )?;
        let body = body::of(request)?;
        let bytes = serde_json::to_vec(&body).map_err(asked::no_json)?;
        let url = target.url(request.is_streamed());
        let wire = WireRequest::with_bearer(url, endpoint.key.as_ref(), bytes);
        Ok(WireRequest { region: target.region, ..wire })
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        let told = answered::json(reply)?;
        if let Some(failure) = errors::failure_in_ok(&told) {
            return Err(failure.into());
        }
        let mut draft = Draft::default();
        draft.id = reply.headers.get("x-amzn-requestid").map(str::to_owned);
        match answer::take_whole(&mut draft, &told) {
            None => draft.response(),
            Some(failure) => Err(draft.broken(failure)),
        }
    }

    fn framing(&self) -> Framing {
        Framing::Binary
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, frame)
    }
}
