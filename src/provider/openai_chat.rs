//! `OpenAI` chat completions, and all that mimic it.
//!
//! A request goes out as it stands, with not one parameter more; what the host calls otherwise is
//! data, and what `OpenAI`'s own models refuse is known by their names. A reply is already in our
//! form; it is kept byte for byte unless a host left out or renamed something.

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::request::{Params, Request};
use crate::call::response::Response;
use crate::provider::answered::unreadable;
use crate::provider::draft::Draft;
use crate::provider::errors;
use crate::provider::openai_responses::OpenAiResponses;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `openai`.
#[derive(Debug)]
pub struct OpenAiChat;

/// Where chats are, after the base URL.
const PATH: &str = "/chat/completions";

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn for_model(&self, quirks: &Quirks, model: &str) -> Option<&'static dyn Dialect> {
        speaks_responses(quirks, model).then_some(&OpenAiResponses as _)
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        rules::accepts(quirks, model, name, value)
    }

    fn clashes(
        &self,
        quirks: &Quirks,
        model: &str,
        params: &Params,
    ) -> Vec<(&'static str, String)> {
        rules::clashes(quirks, model, params)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::OpenAiEmbeddings)
    }

    fn renames(&self) -> bool {
        true
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let asks_usage = !endpoint.quirks.unsupported.contains("stream_options");
        let body = body::bytes(&endpoint.quirks, request, asks_usage)?;
        let url = url(&endpoint.base_url, endpoint.quirks.path.as_deref());
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        if let Ok(judged) = answer::read(reply) {
            return judged;
        }
        // What can be mended is a paid answer all the same.
        let unreadable = |why: serde_json::Error| unreadable(reply, &why);
        let body = mend::mended(&reply.body).map_err(unreadable)?;
        answer::read(&WireReply { body, ..reply.clone() }).map_err(unreadable)?
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        // The list is beside the chats.
        let path = endpoint.quirks.path.as_deref().unwrap_or(PATH);
        let beside = path.split_once("/chat/completions").map_or("", |(before, _)| before);
        let url = url(&endpoint.base_url, Some(&[beside, "/models"].concat()));
        Some(WireRequest::get(url, endpoint.key.as_ref().map(KeyHeader::bearer)))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, &frame.data)
    }
}

/// Whether a host is asked for this model on `/responses`: `OpenAI`'s own, where the model answers
/// nowhere else, or where the user says so before its name.
pub(super) fn speaks_responses(quirks: &Quirks, model: &str) -> bool {
    quirks.openai_rules
        && (model.starts_with("responses/") || ability::answers_on_responses_alone(model))
}

/// A base may already hold the version with which the host's own path begins.
fn url(base: &str, path: Option<&str>) -> String {
    let path = path.unwrap_or(PATH);
    match path.strip_prefix("/v1") {
        Some(rest) if base.ends_with("/v1") => [base, rest].concat(),
        _ => [base, path].concat(),
    }
}

pub(super) mod ability;
mod answer;
pub(super) mod body;
pub(super) mod embed;
pub mod form;
mod mend;
mod parts;
pub(super) mod ranges;
pub(super) mod rules;
mod stream;
mod strict;
#[cfg(test)]
mod tests;
