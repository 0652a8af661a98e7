//! `OpenAI` chat completions, and all that mimic it.
//!
//! A request goes out as it stands, with not one parameter more. A reply is already in our form;
//! it is kept byte for byte unless a host left out or renamed something.

use std::borrow::Cow;

use bytes::Bytes;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::answered::{counted, unreadable};
use crate::provider::draft::Draft;
use crate::provider::errors;
use crate::provider::finish::{self, Finish};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

/// The dialect `openai`.
#[derive(Debug)]
pub struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn renames(&self) -> bool {
        true
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let body =
            serde_json::to_vec(&Body { request, quirks: &endpoint.quirks }).map_err(|why| {
                Failure::new(FailureKind::BadRequest, format!("the request is no JSON: {why}"))
            })?;
        let url = [&*endpoint.base_url, "/chat/completions"].concat();
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            return Err(errors::failure_of(reply).into());
        }
        let Ok(answer) = serde_json::from_slice::<Answer<'_>>(&reply.body) else {
            // What can be mended is a paid answer all the same.
            let mended = mend::mended(&reply.body).map_err(|why| unreadable(reply, &why))?;
            return read(&WireReply { body: mended, ..reply.clone() });
        };
        judge(reply, &answer)
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let url = [&*endpoint.base_url, "/models"].concat();
        Some(WireRequest::get(url, endpoint.key.as_ref().map(KeyHeader::bearer)))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, &frame.data)
    }
}

fn read(reply: &WireReply) -> Result<Response, Rejected> {
    let answer = serde_json::from_slice(&reply.body).map_err(|why| unreadable(reply, &why))?;
    judge(reply, &answer)
}

/// The answer, or why it is none.
fn judge(reply: &WireReply, answer: &Answer<'_>) -> Result<Response, Rejected> {
    if let (None, Some(error)) = (&answer.choices, &answer.error) {
        return Err(errors::failure_in_ok(error).into());
    }
    let response = Response {
        body: normalised(reply, answer)?,
        finish_reason_raw: answer.finish_reason().map(str::to_owned),
        usage: answer.usage.as_ref().and_then(Counts::parts),
    };
    match fault_of(answer) {
        None => Ok(response),
        Some(failure) => Err(Rejected { failure, response: Some(Box::new(response)) }),
    }
}

/// The parameter whose keys go to the provider as its own.
const EXTRA: &str = "extra";

/// Asks for the tokens at the end of a stream.
#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

const INCLUDE_USAGE: StreamOptions = StreamOptions { include_usage: true };

/// A request's JSON: the model, the messages, and what the user stated, by the host's names.
struct Body<'r> {
    request: &'r Request,
    quirks: &'r Quirks,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { request, quirks } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", &*request.model)?;
        map.serialize_entry("messages", &request.messages)?;
        for (name, value) in request.params.iter() {
            match value {
                // What the provider alone knows goes to the top level, whatever it is called.
                Value::Object(extra) if name == EXTRA => {
                    for (name, value) in extra {
                        map.serialize_entry(name, value)?;
                    }
                }
                value => map.serialize_entry(quirks.name(name), value)?,
            }
        }
        if request.is_streamed() && !request.params.contains_key("stream_options") {
            // Without it a stream tells no tokens, and so no cost.
            map.serialize_entry("stream_options", &INCLUDE_USAGE)?;
        }
        map.end()
    }
}

/// What is read of an answer; everything else only passes through.
#[derive(Deserialize)]
struct Answer<'b> {
    #[serde(borrow, default)]
    id: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    object: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'b>>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'b> {
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    message: Option<Said<'b>>,
}

#[derive(Deserialize)]
struct Said<'b> {
    #[serde(borrow, default)]
    content: Option<&'b RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'b RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'b RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'b RawValue>,
    #[serde(borrow, default)]
    audio: Option<&'b RawValue>,
}

impl Answer<'_> {
    fn finish_reason(&self) -> Option<&str> {
        self.choices.as_deref()?.first()?.finish_reason.as_deref()
    }

    /// Whether the answer already has `OpenAI`'s form in every point that readers rely on.
    fn is_in_form(&self) -> bool {
        let known = |choice: &Choice<'_>| {
            let reason = choice.finish_reason.as_deref();
            reason.is_some_and(|reason| finish_of(reason).as_str() == reason)
        };
        self.id.is_some()
            && self.object.as_deref() == Some("chat.completion")
            && self.choices.as_deref().is_some_and(|choices| choices.iter().all(known))
    }
}

impl Said<'_> {
    /// Whether there is anything in it for the user.
    fn is_empty(&self) -> bool {
        let blank = |raw: &&RawValue| {
            matches!(raw.get(), "null" | "[]" | "{}")
                || is_blank_string(raw.get())
                || is_blank_list(raw.get())
        };
        [self.content, self.refusal, self.tool_calls, self.function_call, self.audio]
            .iter()
            .flatten()
            .all(blank)
    }

    fn has_tool_calls(&self) -> bool {
        self.tool_calls.is_some_and(|calls| !matches!(calls.get(), "null" | "[]"))
    }
}

/// Whether a JSON value is a list of parts without any text in them.
fn is_blank_list(json: &str) -> bool {
    if !json.starts_with('[') {
        return false;
    }
    let parts: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    let is_blank = |part: &Value| {
        part.get("type").is_some_and(|kind| kind == "text")
            && part.get("text").and_then(Value::as_str).is_some_and(|text| text.trim().is_empty())
    };
    parts.iter().all(is_blank)
}

/// Whether a JSON value is a string of nothing but white space.
fn is_blank_string(json: &str) -> bool {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return false };
    // The common answer begins with a letter, and needs no unescaping to be seen as text.
    if inner.starts_with(|c: char| c != '\\' && !c.is_whitespace()) {
        return false;
    }
    serde_json::from_str::<Cow<'_, str>>(json).is_ok_and(|text| text.trim().is_empty())
}

/// Why an answer ended, by the word of `OpenAI` or of a host that mimics it.
fn finish_of(reason: &str) -> Finish {
    match reason {
        "length" | "max_tokens" | "model_length" | "MAX_TOKENS" => Finish::Length,
        "tool_calls" | "tool_use" | "tool_call" => Finish::ToolCalls,
        "function_call" => Finish::FunctionCall,
        "content_filter" | "sensitive" | "safety" | "content-filter" | "refusal" => {
            Finish::ContentFilter
        }
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" | "" => Finish::Stop,
        _ => Finish::Broken,
    }
}

/// Why this answer is none, if so.
fn fault_of(answer: &Answer<'_>) -> Option<Failure> {
    let Some(choice) = answer.choices.as_deref().unwrap_or_default().first() else {
        return Some(finish::no_choices());
    };
    let reason = choice.finish_reason.as_deref().unwrap_or("stop");
    let is_empty = choice.message.as_ref().is_none_or(Said::is_empty);
    finish_of(reason).fault(reason, is_empty)
}

/// The answer as one line of JSON in `OpenAI`'s form: the host's own bytes where they are.
fn normalised(reply: &WireReply, answer: &Answer<'_>) -> Result<Box<RawValue>, Failure> {
    if answer.is_in_form() && !reply.body.contains(&b'\n') {
        return raw(&reply.body).map_err(|why| unreadable(reply, &why));
    }
    let mut body: Map<String, Value> =
        serde_json::from_slice(&reply.body).map_err(|why| unreadable(reply, &why))?;
    body.entry("id").or_insert_with(|| Value::String(String::new()));
    body.insert("object".to_owned(), "chat.completion".into());
    let choices = body.get_mut("choices").and_then(Value::as_array_mut);
    for (value, choice) in choices.into_iter().flatten().zip(answer.choices.iter().flatten()) {
        let calls = choice.message.as_ref().is_some_and(Said::has_tool_calls);
        let reason = match choice.finish_reason.as_deref() {
            None | Some("") if calls => "tool_calls",
            None => "stop",
            Some(reason) => finish_of(reason).as_str(),
        };
        value["finish_reason"] = reason.into();
    }
    serde_json::value::to_raw_value(&body).map_err(|why| unreadable(reply, &why))
}

fn raw(body: &Bytes) -> serde_json::Result<Box<RawValue>> {
    let text = std::str::from_utf8(body).map_err(serde::ser::Error::custom)?;
    RawValue::from_string(text.to_owned())
}

/// Token counts as `OpenAI` and its imitators name them. A count that is no whole number was not
/// told.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts {
    #[serde(default, deserialize_with = "counted")]
    prompt_tokens: Option<u64>,
    #[serde(default, deserialize_with = "counted")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "counted")]
    total_tokens: Option<u64>,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`'s name for cached tokens.
    #[serde(default, deserialize_with = "counted")]
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct PromptDetails {
    #[serde(default, deserialize_with = "counted")]
    cached_tokens: Option<u64>,
    #[serde(default, deserialize_with = "counted")]
    cache_write_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct CompletionDetails {
    #[serde(default, deserialize_with = "counted")]
    reasoning_tokens: Option<u64>,
}

impl Counts {
    /// `OpenAI`'s prompt includes cached tokens and its completion includes reasoning; both are
    /// taken out here. A host whose total is more than the two (xAI) left the reasoning out of the
    /// completion, so there the difference is the reasoning.
    pub(super) fn parts(&self) -> Option<Usage> {
        let (prompt, completion) = (self.prompt_tokens, self.completion_tokens);
        if prompt.unwrap_or(0) == 0 && completion.unwrap_or(0) == 0 {
            // Some gateways send zeros for what they do not know.
            return None;
        }
        let details = self.prompt_tokens_details.as_ref();
        let cached = details.and_then(|told| told.cached_tokens).or(self.prompt_cache_hit_tokens);
        let cache_write = details.and_then(|told| told.cache_write_tokens);
        let told = self.completion_tokens_details.as_ref().and_then(|told| told.reasoning_tokens);
        let beyond = match (prompt, completion, self.total_tokens) {
            (Some(prompt), Some(completion), Some(total)) => {
                total.saturating_sub(prompt.saturating_add(completion))
            }
            _ => 0,
        };
        let (output, reasoning) = match beyond {
            0 => (completion.map(|all| all.saturating_sub(told.unwrap_or(0))), told),
            beyond => (completion, Some(beyond)),
        };
        let apart = cached.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
        Some(Usage {
            input: prompt.map(|all| all.saturating_sub(apart)),
            cached,
            cache_write,
            output,
            reasoning,
            source: UsageSource::Provider,
        })
    }
}

mod mend;
mod stream;
#[cfg(test)]
mod tests;
