//! Embeddings: what the tongues in which they are asked for have in common.
//!
//! A text goes out, and a list of numbers comes back. It travels on as the text of an answer, digit
//! by digit as the provider wrote it, so that it is journalled, counted and priced like any other
//! answer; there is no output to pay for.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::answered::{count, unreadable};
use crate::provider::asked;
use crate::provider::draft::Draft;
use crate::provider::finish::Finish;
use crate::provider::located::Fault;
use crate::provider::{Flow, Rejected, errors};
use crate::wire::frames::Frame;
use crate::wire::message::WireReply;

/// Parameters that only an answer in words can have.
const OF_CHATS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_k",
    "top_logprobs",
    "top_p",
    "verbosity",
    "web_search_options",
];

/// Where a reply has what is read of it, as JSON pointers; the first that is there counts.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The numbers.
    pub vector: &'static [&'static str],
    /// The tokens of the text.
    pub input: &'static [&'static str],
}

/// Whether a call for an embedding can have this parameter; `Err` tells people why not.
pub fn accepts(name: &str, value: &Value) -> Result<(), String> {
    match name {
        _ if OF_CHATS.contains(&name) => Err("an embedding has no such parameter".to_owned()),
        "encoding_format" if *value != "float" => Err("it must be `float`".to_owned()),
        _ => Ok(()),
    }
}

/// What to say of a model that gives no embeddings.
pub fn none_of(model: &str) -> Fault {
    Fault {
        message: format!("`{}` gives no embeddings", model.escape_debug()),
        help: "name an embedding model, such as text-embedding-3-small or ollama/nomic-embed-text"
            .to_owned(),
    }
}

/// A fault as the failure of a call.
pub fn unsaid(fault: &Fault) -> Failure {
    asked::unsayable(format!("{}; {}", fault.message, fault.help))
}

/// The text whose embedding is wanted.
pub fn text(request: &Request) -> String {
    let texts = request.messages.iter().map(|message| message.plain_text());
    texts.collect::<Vec<_>>().join("\n")
}

/// The parameters of a call by the provider's names, where these are known to be others, and under
/// them what the provider alone knows.
pub fn params(request: &Request, renamed: &[(&str, &str)]) -> Map<String, Value> {
    let stated = request.params.iter().filter(|(name, _)| *name != "extra");
    let mut params: Map<String, Value> = stated
        .map(|(name, value)| {
            let known = renamed.iter().find(|(ours, _)| ours == name);
            (known.map_or(name.as_str(), |(_, theirs)| theirs).to_owned(), value.clone())
        })
        .collect();
    asked::add_extra(&mut params, &request.params);
    params
}

/// The embedding in a reply of status 200; `tokens` are those of the text, where a header told them.
pub fn read(reply: &WireReply, form: Form, tokens: Option<u64>) -> Result<Response, Rejected> {
    let body: &RawValue =
        serde_json::from_slice(&reply.body).map_err(|why| unreadable(reply, &why))?;
    let told = |pointers: &[&str]| pointers.iter().find_map(|pointer| at(body, pointer));
    let text = |pointer| at(body, pointer).and_then(|raw| serde_json::from_str(raw.get()).ok());
    let number = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).ok();
    let vector = told(form.vector).filter(|raw| raw.get() != "null");
    let error = at(body, "/error").and_then(number).filter(|error| !error.is_null());
    if let (None, Some(error)) = (vector, error) {
        return Err(errors::failure_in_ok(&error).into());
    }
    let input = tokens.or_else(|| count(told(form.input).and_then(number).as_ref()));
    // No text has none: a server that says so had it in memory.
    let input = input.filter(|tokens| *tokens > 0);
    let usage = |input| Usage {
        input: Some(input),
        output: Some(0),
        source: UsageSource::Provider,
        ..Usage::default()
    };
    let mut draft = Draft::default();
    (draft.id, draft.model, draft.usage) = (text("/id"), text("/model"), input.map(usage));
    draft.finish(0, Finish::Stop, "");
    let read = vector.ok_or_else(|| "there is none in the answer".to_owned());
    let untold = |response| Response { finish_reason_raw: None, ..response };
    match read.and_then(|raw| numbers(raw.get()).map(Cow::into_owned)) {
        Ok(numbers) => {
            draft.text(0, &numbers);
            draft.response().map(untold)
        }
        Err(why) => {
            let message = format!("the embedding cannot be read: {why}");
            let failure = Failure::new(FailureKind::ApiResponseValidation, message);
            let rejected = draft.broken(failure.with_remedy(Remedy::RetryOnce));
            let response = rejected.response.map(|response| Box::new(untold(*response)));
            Err(Rejected { response, ..rejected })
        }
    }
}

/// Embeddings never come piece by piece.
pub fn fold(_draft: &mut Draft, _frame: &Frame) -> Result<Flow, Failure> {
    let message = "an embedding came as a stream";
    Err(Failure::new(FailureKind::ApiResponseValidation, message))
}

/// A list of numbers on one line, as it was written; some hosts answer in base64, whatever is asked.
fn numbers(raw: &str) -> Result<Cow<'_, str>, String> {
    if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw) {
        return floats(&text).map(Cow::Owned).ok_or_else(|| "it is no list of numbers".to_owned());
    }
    let list: Vec<f64> = serde_json::from_str(raw).map_err(|why| match why.is_data() {
        true => "it is no list of numbers".to_owned(),
        false => why.to_string(),
    })?;
    match list.is_empty() {
        true => Err("it is an empty list".to_owned()),
        false if raw.contains(char::is_whitespace) => {
            Ok(raw.split_whitespace().collect::<String>().into())
        }
        false => Ok(raw.into()),
    }
}

/// Numbers of 4 bytes each in base64.
fn floats(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let is_list = rest.is_empty() && !numbers.is_empty();
    if !is_list || !numbers.iter().all(|number| number.is_finite()) {
        return None;
    }
    serde_json::to_string(&numbers).ok()
}

/// What stands at a JSON pointer, as it is written.
fn at<'b>(body: &'b RawValue, pointer: &str) -> Option<&'b RawValue> {
    pointer.split('/').skip(1).try_fold(body, |here, step| {
        if let Ok(nth) = step.parse::<usize>() {
            let list: Vec<&'b RawValue> = serde_json::from_str(here.get()).ok()?;
            return list.get(nth).copied();
        }
        let map: HashMap<String, &'b RawValue> = serde_json::from_str(here.get()).ok()?;
        map.get(step).copied()
    })
}

#[cfg(test)]
mod tests;
