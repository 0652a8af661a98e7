//! Cohere's chat, version 2: `OpenAI`'s messages with other names for the parameters, content in
//! blocks, and a stream of named events.

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::counts::Totals;
use crate::provider::draft::Draft;
use crate::provider::errors::{self, Told};
use crate::provider::finish::{self, Finish};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, answered, headroom};
use crate::wire::frames::Frame;
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

pub(super) mod embed;
mod request;
mod stream;
#[cfg(test)]
mod tests;

/// The dialect `cohere`.
#[derive(Debug)]
pub struct Cohere;

impl Dialect for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        request::accepts(name, value)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::CohereEmbeddings)
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let body = Value::Object(request::body(request)?);
        let url = url(&endpoint.base_url);
        Ok(WireRequest::with_bearer(url, endpoint.key.as_ref(), body.to_string()))
    }

    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected> {
        if !(200..300).contains(&reply.status) {
            let failure = failure_of(reply.status, &Told::read(&reply.body));
            return Err(headroom::advise(failure, &reply.headers).into());
        }
        let answer = answered::json(reply)?;
        let Some(message) = answer.get("message").filter(|message| message.is_object()) else {
            // An error object has words where an answer has a message.
            return Err(match answer.get("message") {
                Some(Value::String(_)) => failure_of(500, &Told::of_error(&answer)).into(),
                _ => finish::no_choices().into(),
            });
        };
        let mut draft = Draft::default();
        draft.id = text(&answer, "id");
        take_message(&mut draft, message);
        match ended(&mut draft, &answer) {
            None => draft.response(),
            Some(failure) => Err(draft.broken(failure)),
        }
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let root = endpoint.base_url.trim_end_matches("/chat").trim_end_matches("/v2");
        // The list lives on in the first version alone.
        let url = [root, "/v1/models"].concat();
        Some(WireRequest::get(url, endpoint.key.as_ref().map(KeyHeader::bearer)))
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        stream::fold(draft, frame)
    }
}

/// Variables of other tools hold the host, the version, or the whole URL.
fn url(base: &str) -> String {
    match base {
        _ if base.ends_with("/v2/chat") => base.to_owned(),
        _ if base.ends_with("/v2") => [base, "/chat"].concat(),
        _ => [base, "/v2/chat"].concat(),
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The text said beside tool calls stands in `tool_plan`; for us it is the content.
fn take_message(draft: &mut Draft, message: &Value) {
    draft.text(0, answered::text(message, "tool_plan"));
    for block in answered::each(message.get("content")) {
        take_block(draft, block);
    }
    for (nth, call) in answered::each(message.get("tool_calls")).iter().enumerate() {
        take_call(draft, nth, call);
    }
    take_citations(draft, message);
}

fn take_block(draft: &mut Draft, block: &Value) {
    draft.text(0, block.as_str().unwrap_or_else(|| answered::text(block, "text")));
    draft.reasoning(0, answered::text(block, "thinking"));
}

fn take_call(draft: &mut Draft, nth: usize, call: &Value) {
    let function = call.get("function").unwrap_or(&Value::Null);
    let arguments = answered::arguments(function.get("arguments"));
    let (id, name) = (answered::text(call, "id"), answered::text(function, "name"));
    draft.call(0, nth, id, name, &arguments);
}

/// Which documents the answer rests on; a key of the whole answer, as a stream brings them one by
/// one.
fn take_citations(draft: &mut Draft, message: &Value) {
    let citations = answered::each(message.get("citations"));
    if citations.is_empty() {
        return;
    }
    let all = draft.extra.entry("citations").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.extend_from_slice(citations);
    }
}

/// Why the answer ended and what it cost; `told` is a whole answer, or the last event's delta.
/// A failure where it ended in one.
fn ended(draft: &mut Draft, told: &Value) -> Option<Failure> {
    if let Some(usage) = told.get("usage") {
        draft.counted(usage_of(usage));
        if let Some(billed) = usage.get("billed_units").filter(|billed| billed.is_object()) {
            draft.billed = billed_of(billed).map(Box::new);
            draft.extra.insert("billed_units".to_owned(), billed.clone());
        }
    }
    let raw = answered::text(told, "finish_reason");
    let finish = match raw {
        "COMPLETE" | "STOP_SEQUENCE" | "" => Finish::Stop,
        "MAX_TOKENS" => Finish::Length,
        "TOOL_CALL" => Finish::ToolCalls,
        "ERROR_TOXIC" => Finish::ContentFilter,
        _ => Finish::Broken,
    };
    draft.finish(0, finish, raw);
    let message = match told.get("error") {
        None | Some(Value::Null) => format!("the answer broke off (finish reason `{raw}`)"),
        Some(Value::String(words)) => words.clone(),
        Some(error) => Told::of_error(error).message.into_owned(),
    };
    match raw {
        "TIMEOUT" => Some(Failure::new(FailureKind::Timeout, message)),
        "ERROR" => Some(Failure::new(FailureKind::InternalServer, message)),
        _ if told.get("error").is_some_and(|error| !error.is_null()) => {
            Some(Failure::new(FailureKind::InternalServer, message))
        }
        _ => None,
    }
}

/// `tokens` is what the model saw, templates included, and that is what is counted here;
/// `billed_units` is what is charged, and is counted only where `tokens` is missing. Cached tokens
/// are part of the input and are taken out; reasoning is part of the output and is not told apart.
fn usage_of(usage: &Value) -> Option<Usage> {
    let counts = ["tokens", "billed_units"].into_iter().find_map(|key| {
        let told = usage.get(key)?;
        let count = |name| answered::count(told.get(name)).filter(|count| *count > 0);
        let (input, output) = (count("input_tokens"), count("output_tokens"));
        (input.is_some() || output.is_some()).then_some((input, output))
    });
    let (input, output) = counts?;
    let totals = Totals {
        input,
        cached: answered::count(usage.get("cached_tokens")),
        output,
        ..Totals::default()
    };
    totals.parts()
}

/// What is charged: templates are not, and the prompts of a cache are not told apart.
fn billed_of(units: &Value) -> Option<Usage> {
    let (input, output) = (units.get("input_tokens"), units.get("output_tokens"));
    let (input, output) = (answered::count(input), answered::count(output));
    let is_told = input.is_some() || output.is_some();
    let source = UsageSource::Provider;
    is_told.then(|| Usage { input, output, source, ..Usage::default() })
}

/// Cohere's errors are words and a status: what its own table says, and the common one after it.
fn failure_of(status: u16, told: &Told<'_>) -> Failure {
    let (kind, remedy) = match status {
        400 if told.says(&["too many tokens"]) => (FailureKind::ContextWindowExceeded, None),
        // The limit of a minute names the trial key too; only a month's is used up for good.
        429 if told.says(&["trial key"]) && told.says(&["month"]) => {
            (FailureKind::QuotaExceeded, None)
        }
        498 => (FailureKind::ContentPolicyViolation, None),
        _ => errors::kind_of(status, told),
    };
    errors::failure(status, told, kind, remedy)
}
