//! Models of other houses on Azure: chat completions whose path and key header hang on the host.

use std::borrow::Cow;

use reqwest::Url;
use serde_json::Value;

use super::embed::AzureAiEmbeddings;
use super::{cut, decoded};
use crate::call::failure::Failure;
use crate::call::request::{Params, Request};
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::located::segment;
use crate::provider::openai_chat::ability::Ability;
use crate::provider::openai_chat::{OpenAiChat, body, rules};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `azure-ai`.
#[derive(Debug)]
pub struct AzureAi;

/// The version of the interface when nobody states one.
const API_VERSION: &str = "2024-05-01-preview";

impl Dialect for AzureAi {
    fn name(&self) -> &'static str {
        "azure-ai"
    }

    fn accepts(
        &self,
        quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        rules::accepts(&ruled(quirks, model), model, name, value)
    }

    fn clashes(
        &self,
        quirks: &Quirks,
        model: &str,
        params: &Params,
    ) -> Vec<(&'static str, String)> {
        rules::clashes(&ruled(quirks, model), model, params)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&AzureAiEmbeddings)
    }

    fn settings(&self) -> &'static [&'static str] {
        &["api_version"]
    }

    fn renames(&self) -> bool {
        true
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let asks_usage = !endpoint.quirks.unsupported.contains("stream_options");
        let body = body::bytes(&ruled(&endpoint.quirks, &request.model), request, asks_usage)?;
        Ok(sent(endpoint, "/chat/completions", body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        decoded(reply, &OpenAiChat)
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        OpenAiChat.fold(draft, frame)
    }
}

/// A request for what stands at this path, below the address of the models.
pub(super) fn sent(endpoint: &Endpoint, path: &str, body: Vec<u8>) -> WireRequest {
    let url = Url::parse(&endpoint.base_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let is_shared = host.ends_with(".services.ai.azure.com");
    let takes_api_key = is_shared || host.ends_with(".openai.azure.com");
    let key = endpoint.key.as_ref().map(|key| match takes_api_key {
        true => KeyHeader::plain("api-key", key),
        false => KeyHeader::bearer(key),
    });
    // Without it, what the shared interface does not know is refused and not handed to the
    // model: `stream_options` too.
    let headers = match is_shared {
        true => vec![("extra-parameters", "pass-through".to_owned())],
        false => Vec::new(),
    };
    let url = url_of(endpoint, is_shared, path);
    WireRequest { headers, key, ..WireRequest::new(url, body) }
}

fn url_of(endpoint: &Endpoint, is_shared: bool, path: &str) -> String {
    let base = endpoint.base_url.trim_end_matches('/');
    if is_shared {
        let root = cut(base, "/models").map_or(base, |(root, _)| root);
        let version = endpoint.settings.get("api_version").map_or(API_VERSION, String::as_str);
        return format!("{root}/models{path}?api-version={}", segment(version));
    }
    let root = base.strip_suffix("/chat/completions").unwrap_or(base);
    let root = root.strip_suffix("/v1").unwrap_or(root);
    format!("{root}/v1{path}")
}

/// The rules of `OpenAI`'s own models hold for those, and for no others.
fn ruled<'q>(quirks: &'q Quirks, model: &str) -> Cow<'q, Quirks> {
    match Ability::of(model).is_known {
        true => Cow::Owned(Quirks { openai_rules: true, ..quirks.clone() }),
        false => Cow::Borrowed(quirks),
    }
}
