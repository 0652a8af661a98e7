//! Azure OpenAI: chat completions and responses under URLs of its own, with a key header of its own
//! and a content filter. The model is the name that the user gave to a deployment.
//!
//! There are two styles of URL. The dated one names the deployment in the path and the version of
//! the interface in the query; the `v1` style needs no version and is taken where `api_version` says
//! `v1`, `latest` or `preview`, or the base URL ends in `/openai/v1`.

use std::borrow::Cow;

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::request::{Params, Request};
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::located::segment;
use crate::provider::openai_chat::{OpenAiChat, body, rules, speaks_responses};
use crate::provider::openai_responses::{OpenAiResponses, params};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `azure`.
#[derive(Debug)]
pub struct Azure;

/// The same for models that answer on `/responses` alone.
#[derive(Debug)]
pub struct AzureResponses;

/// The version of chats when nobody states one. It is LiteLLM's, so that a deployment is called at
/// the URL at which its users called it before.
const API_VERSION: &str = "2025-02-01-preview";

/// From this version on a stream can be asked for its tokens.
const FIRST_WITH_USAGE: &str = "2024-09-01";

/// The setting that chooses the style.
const SETTINGS: &[&str] = &["api_version"];

impl Dialect for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn for_model(&self, quirks: &Quirks, model: &str) -> Option<&'static dyn Dialect> {
        speaks_responses(&ruled(quirks), model).then_some(&AzureResponses as _)
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        rules::accepts(&ruled(quirks), model, name, value)
    }

    fn clashes(
        &self,
        quirks: &Quirks,
        model: &str,
        params: &Params,
    ) -> Vec<(&'static str, String)> {
        rules::clashes(&ruled(quirks), model, params)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::AzureEmbeddings)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    fn renames(&self) -> bool {
        true
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let style = Style::of(endpoint).unwrap_or(Style::Dated(API_VERSION));
        let knows_usage = match style {
            Style::Dated(version) => version >= FIRST_WITH_USAGE,
            Style::V1 { .. } => true,
        };
        let asks_usage = knows_usage && !endpoint.quirks.unsupported.contains("stream_options");
        let body = body::bytes(&ruled(&endpoint.quirks), request, asks_usage)?;
        let deployment = ["/deployments/", &*segment(&request.model)].concat();
        let url = style.url(root(&endpoint.base_url), &deployment, "/chat/completions");
        Ok(sent(endpoint, url, body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiChat)
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let style = Style::of(endpoint).unwrap_or(Style::Dated(API_VERSION));
        let url = style.url(root(&endpoint.base_url), "", "/models");
        let key = endpoint.key.as_ref().map(|key| KeyHeader::plain("api-key", key));
        Some(WireRequest::get(url, key))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        OpenAiChat.fold(draft, frame)
    }
}

impl Dialect for AzureResponses {
    fn name(&self) -> &'static str {
        Azure.name()
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        OpenAiResponses.accepts(&ruled(quirks), model, name, value)
    }

    fn clashes(
        &self,
        quirks: &Quirks,
        model: &str,
        params: &Params,
    ) -> Vec<(&'static str, String)> {
        rules::clashes(&ruled(quirks), model, params)
    }

    fn settings(&self) -> &'static [&'static str] {
        SETTINGS
    }

    /// Without a version the `v1` style is taken: the usual version of chats is too old for this.
    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let style = Style::of(endpoint).unwrap_or(Style::V1 { is_preview: false });
        let body = params::body(&ruled(&endpoint.quirks), request)?;
        let url = style.url(root(&endpoint.base_url), "", "/responses");
        Ok(sent(endpoint, url, body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiResponses)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        OpenAiResponses.fold(draft, frame)
    }
}

/// A style of URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style<'e> {
    Dated(&'e str),
    V1 { is_preview: bool },
}

impl<'e> Style<'e> {
    /// The style that is stated, if one is.
    fn of(endpoint: &'e Endpoint) -> Option<Self> {
        let version = endpoint.settings.get("api_version").map(String::as_str);
        match version {
            Some("v1" | "latest") => Some(Self::V1 { is_preview: false }),
            Some("preview") => Some(Self::V1 { is_preview: true }),
            // The path was pasted on purpose, and takes no date.
            _ if is_v1(&endpoint.base_url) => Some(Self::V1 { is_preview: false }),
            version => version.map(Self::Dated),
        }
    }

    fn url(self, root: &str, deployment: &str, method: &str) -> String {
        match self {
            Self::Dated(version) => {
                let version = segment(version);
                format!("{root}/openai{deployment}{method}?api-version={version}")
            }
            Self::V1 { is_preview: false } => format!("{root}/openai/v1{method}"),
            Self::V1 { is_preview: true } => {
                format!("{root}/openai/v1{method}?api-version=preview")
            }
        }
    }
}

fn sent(endpoint: &Endpoint, url: String, body: Vec<u8>) -> WireRequest {
    let key = endpoint.key.as_ref().map(|key| KeyHeader::plain("api-key", key));
    WireRequest { key, ..WireRequest::new(url, body) }
}

/// An answer in the words of this dialect; what goes wrong is told in Azure's own.
fn decoded(reply: &WireReply, tongue: &dyn Dialect) -> Result<Response, Rejected> {
    match (200..300).contains(&reply.status) {
        true => tongue.decode(reply),
        false => Err(errors::failure_of(reply).into()),
    }
}

/// The rules of `OpenAI`'s own models hold, whoever defined the provider.
fn ruled(quirks: &Quirks) -> Cow<'_, Quirks> {
    match quirks.openai_rules {
        true => Cow::Borrowed(quirks),
        false => Cow::Owned(Quirks { openai_rules: true, ..quirks.clone() }),
    }
}

/// The resource: people paste it with more or less of the path behind it.
fn root(base: &str) -> &str {
    cut(base, "/openai").map_or_else(|| base.trim_end_matches('/'), |(root, _)| root)
}

fn is_v1(base: &str) -> bool {
    let rest = cut(base, "/openai").map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest == "/v1" || rest.starts_with("/v1/"))
}

/// What stands before and behind a segment of the path. The host may begin with the same word.
fn cut<'b>(base: &'b str, segment: &str) -> Option<(&'b str, &'b str)> {
    let host = base.find("://").map_or(0, |at| at + "://".len());
    let path = host + base[host..].find('/')?;
    base[path..].match_indices(segment).find_map(|(at, _)| {
        let (before, after) = (&base[..path + at], &base[path + at + segment.len()..]);
        (after.is_empty() || after.starts_with('/')).then_some((before, after))
    })
}

mod embed;
mod errors;
pub mod foundry;
#[cfg(test)]
mod tests;
