//! `OpenAI`'s Responses API, for the models that answer nowhere else, and the hosts that mimic it.
//!
//! The talk is a list of items, tools are flat, an answer is a list of items too, and what went
//! wrong comes in a reply of status 200. The parameters of chat completions go out under its names.

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::request::{Params, Request};
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::openai_chat::embed::OpenAiEmbeddings;
use crate::provider::openai_chat::rules;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, answered, errors};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `openai-responses`.
#[derive(Debug)]
pub struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai-responses"
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        params::accepts(name, value)?;
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
        Some(&OpenAiEmbeddings)
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let body = params::body(&endpoint.quirks, request)?;
        let url = [&*endpoint.base_url, "/responses"].concat();
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        let answer = answered::json(reply)?;
        if answer.get("status").is_none() && !answer["error"].is_null() {
            return Err(errors::failure_in_ok(&answer["error"]).into());
        }
        let mut draft = Draft::default();
        answer::take_items(&mut draft, &answer);
        match answer::end(&mut draft, &answer) {
            None => draft.response(),
            Some(failure) => Err(draft.broken(failure)),
        }
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let url = [&*endpoint.base_url, "/models"].concat();
        Some(WireRequest::get(url, endpoint.key.as_ref().map(KeyHeader::bearer)))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, frame)
    }
}

/// The model's name without the mark that asks for this interface.
pub(super) fn bare(model: &str) -> &str {
    model.strip_prefix("responses/").unwrap_or(model)
}

mod answer;
mod items;
pub(super) mod params;
mod stream;
#[cfg(test)]
mod tests;
mod tools;
