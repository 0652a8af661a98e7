//! An answer, kept byte for byte unless a host left out or renamed something.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::parts;
use crate::call::failure::Failure;
use crate::call::json::Json;
use crate::call::response::Response;
use crate::call::usage::Usage;
use crate::provider::Rejected;
use crate::provider::answered::{counted, few, unreadable};
use crate::provider::counts::Totals;
use crate::provider::errors;
use crate::provider::finish::{self, Finish};
use crate::wire::message::WireReply;

/// Reads a reply, and judges whether it is an answer; the outer `Err` when it cannot be read.
pub(super) fn read(reply: &WireReply) -> serde_json::Result<Result<Response, Rejected>> {
    let text = str::from_utf8(&reply.body).map_err(serde::de::Error::custom)?;
    if let Ok(answer) = serde_json::from_str(text) {
        return Ok(judge(reply, text, &answer));
    }
    // Of a key that stands twice the last one counts, as for most readers of JSON: it is paid for.
    let plain = serde_json::from_str::<Value>(text)?.to_string();
    let answer = serde_json::from_str(&plain)?;
    Ok(judge(reply, &plain, &answer))
}

/// The answer, or why it is none.
fn judge(reply: &WireReply, text: &str, answer: &Answer<'_>) -> Result<Response, Rejected> {
    if let (None, Some(error)) = (&answer.choices, &answer.error) {
        return Err(errors::failure_in_ok(error).into());
    }
    let response = Response {
        body: normalised(reply, text, answer)?,
        finish_reason_raw: answer.finish_reason().map(str::to_owned),
        usage: answer.usage.as_ref().and_then(Counts::parts),
        billed: None,
        service_tier: answer.service_tier.as_ref().and_then(Value::as_str).map(Box::from),
    };
    match fault_of(answer) {
        None => Ok(response),
        Some(failure) => Err(Rejected { failure, response: Some(Box::new(response)) }),
    }
}

/// What is read of an answer; everything else only passes through.
#[derive(Deserialize)]
struct Answer<'b> {
    #[serde(borrow, default)]
    id: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    object: Option<Cow<'b, str>>,
    /// Only looked at because others do, for whom it must not stand twice.
    #[serde(default, rename = "model")]
    _model: Option<IgnoredAny>,
    #[serde(borrow, default, deserialize_with = "few")]
    choices: Option<Vec<Choice<'b>>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(default)]
    service_tier: Option<Value>,
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
        let bent = |said: &Said<'_>| {
            parts::is_bent(said.content.map(RawValue::get), said.tool_calls.map(RawValue::get))
        };
        self.id.is_some()
            && self.object.as_deref() == Some("chat.completion")
            && self.choices.as_deref().is_some_and(|choices| choices.iter().all(known))
            && !self.choices.iter().flatten().filter_map(|one| one.message.as_ref()).any(bent)
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
    let list: Vec<Value> = serde_json::from_str(json).unwrap_or_default();
    parts::split(&list).is_some_and(|(text, _)| text.trim().is_empty())
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
pub(super) fn finish_of(reason: &str) -> Finish {
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
fn normalised(reply: &WireReply, text: &str, answer: &Answer<'_>) -> Result<Json, Failure> {
    if answer.is_in_form() && memchr(b'\n', text.as_bytes()).is_none() {
        return Ok(Json::of_read(text));
    }
    let mut body: Map<String, Value> =
        serde_json::from_str(text).map_err(|why| unreadable(reply, &why))?;
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
        if let Some(message) = value.get_mut("message").and_then(Value::as_object_mut) {
            parts::straighten(message);
        }
    }
    Ok(Json::from(&Value::from(body)))
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
    /// `DeepSeek`'s names for what was cached, and for the rest of the prompt.
    #[serde(default, deserialize_with = "counted")]
    prompt_cache_hit_tokens: Option<u64>,
    #[serde(default, deserialize_with = "counted")]
    prompt_cache_miss_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    #[serde(rename = "cached_tokens", deserialize_with = "counted")]
    cached: Option<u64>,
    #[serde(rename = "cache_write_tokens", deserialize_with = "counted")]
    cache_write: Option<u64>,
    #[serde(rename = "audio_tokens", deserialize_with = "counted")]
    audio: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    #[serde(deserialize_with = "counted")]
    reasoning_tokens: Option<u64>,
    #[serde(deserialize_with = "counted")]
    audio_tokens: Option<u64>,
}

impl Counts {
    /// `OpenAI`'s prompt includes what was read from and written to the cache and sound, its
    /// completion includes reasoning, sound, and predictions that were rejected; what is told of
    /// these apart is taken out. A host whose total is more than the two (xAI) left the reasoning
    /// out of the completion.
    pub(super) fn parts(&self) -> Option<Usage> {
        let (hit, miss) = (self.prompt_cache_hit_tokens, self.prompt_cache_miss_tokens);
        let prompt = self.prompt_tokens_details.as_ref();
        let completion = self.completion_tokens_details.as_ref();
        let totals = Totals {
            input: self.prompt_tokens.or_else(|| Some(hit?.saturating_add(miss?))),
            cached: prompt.and_then(|told| told.cached).or(hit),
            cache_write: prompt.and_then(|told| told.cache_write),
            audio_input: prompt.and_then(|told| told.audio),
            audio_cached: None,
            output: self.completion_tokens,
            reasoning: completion.and_then(|told| told.reasoning_tokens),
            audio_output: completion.and_then(|told| told.audio_tokens),
            total: self.total_tokens,
        };
        totals.parts()
    }
}
