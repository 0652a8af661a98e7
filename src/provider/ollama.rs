//! Ollama's own chat: sampling parameters under `options`, images in raw base64, arguments of tool
//! calls as objects, and a stream of lines.

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::draft::Draft;
use crate::provider::errors::{self, Told};
use crate::provider::finish::{self, Finish};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint, Flow, Rejected, answered, headroom};
use crate::wire::frames::{Frame, Framing};
use crate::wire::message::{KeyHeader, WireReply, WireRequest};

mod embed;
mod request;
#[cfg(test)]
mod tests;

/// How long the server worked, in nanoseconds; kept as keys of the whole answer.
const DURATIONS: &[&str] =
    &["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];

/// The dialect `ollama`.
#[derive(Debug)]
pub struct Ollama;

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn accepts(
        &self,
        _quirks: &Quirks,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        request::accepts(model, name, value)
    }

    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        Some(&embed::OllamaEmbeddings)
    }

    fn fetches_pictures(&self) -> bool {
        false
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
        if is_error(&answer) {
            return Err(failure_of(500, &Told::read(&reply.body)).into());
        }
        if !answer.get("message").is_some_and(Value::is_object) {
            return Err(finish::no_choices().into());
        }
        let mut draft = Draft::default();
        take(&mut draft, &answer);
        match answer.get("done") {
            Some(Value::Bool(false)) => Err(draft.cut_off()),
            _ => draft.response(),
        }
    }

    fn probe(&self, endpoint: &Endpoint) -> Option<WireRequest> {
        let url = [url(&endpoint.base_url).trim_end_matches("/chat"), "/tags"].concat();
        Some(WireRequest::get(url, endpoint.key.as_ref().map(KeyHeader::bearer)))
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure> {
        let line: Value = answered::piece(&frame.data)?;
        if is_error(&line) {
            return Err(failure_of(500, &Told::read(frame.data.as_bytes())));
        }
        take(draft, &line);
        match line.get("done") {
            Some(Value::Bool(true)) => Ok(Flow::End),
            _ => Ok(Flow::More),
        }
    }
}

/// Variables of other tools hold the host, the API's root, or the whole URL.
fn url(base: &str) -> String {
    match base {
        _ if base.ends_with("/api/chat") => base.to_owned(),
        _ if base.ends_with("/api") => [base, "/chat"].concat(),
        _ => [base, "/api/chat"].concat(),
    }
}

fn is_error(answer: &Value) -> bool {
    answer.get("error").is_some_and(|error| !error.is_null())
}

/// A whole answer and a line of a stream have one form; the last line has the counts.
fn take(draft: &mut Draft, line: &Value) {
    let text = |key| line.get(key).and_then(Value::as_str);
    draft.model = draft.model.take().or_else(|| text("model").map(str::to_owned));
    let created = || text("created_at")?.parse::<jiff::Timestamp>().ok();
    draft.created = draft.created.or_else(|| created().map(jiff::Timestamp::as_second));
    let message = line.get("message").unwrap_or(&Value::Null);
    draft.reasoning(0, answered::text(message, "thinking"));
    draft.text(0, answered::text(message, "content"));
    for call in answered::each(message.get("tool_calls")) {
        take_call(draft, call);
    }
    take_logprobs(draft, line);
    if line.get("done").is_some_and(|done| *done == false) {
        return;
    }
    draft.counted(usage_of(line));
    for key in DURATIONS {
        if let Some(duration) = line.get(*key).filter(|duration| duration.is_number()) {
            draft.extra.insert((*key).to_owned(), duration.clone());
        }
    }
    let raw = text("done_reason").unwrap_or("stop");
    let finish = match raw {
        // The last two answer an empty request: the model was only loaded, or put away.
        "stop" | "" | "load" | "unload" => Finish::Stop,
        "length" => Finish::Length,
        _ => Finish::Broken,
    };
    draft.finish(0, finish, raw);
}

/// Calls come whole, with arguments as an object, and from older servers without an id.
fn take_call(draft: &mut Draft, call: &Value) {
    let nth = draft.calls(0);
    let function = call.get("function").unwrap_or(&Value::Null);
    let arguments = answered::arguments(function.get("arguments"));
    let id = match answered::text(call, "id") {
        "" => format!("call_{nth}"),
        id => id.to_owned(),
    };
    draft.call(0, nth, &id, answered::text(function, "name"), &arguments);
}

fn take_logprobs(draft: &mut Draft, line: &Value) {
    let told = answered::each(line.get("logprobs"));
    if told.is_empty() {
        return;
    }
    let all = draft.extra.entry("logprobs").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(all) = all {
        all.extend_from_slice(told);
    }
}

/// The prompt's count is missing, or 0, when the server had all of it in memory: that is unknown,
/// not nothing. What was reused and what was reasoning is not told apart.
fn usage_of(line: &Value) -> Option<Usage> {
    let input = answered::count(line.get("prompt_eval_count")).filter(|count| *count > 0);
    let output = answered::count(line.get("eval_count"));
    if input.is_none() && output.unwrap_or(0) == 0 {
        return None;
    }
    Some(Usage { input, output, source: UsageSource::Provider, ..Usage::default() })
}

/// Ollama's errors are words and a status: what its own table says, and the common one after it.
fn failure_of(status: u16, told: &Told<'_>) -> Failure {
    let (kind, remedy) = match status {
        400 if told.says(&["exceed"]) && told.says(&["context"]) => {
            (FailureKind::ContextWindowExceeded, None)
        }
        400 if told.says(&["does not support tools", "does not support thinking"]) => {
            (FailureKind::UnsupportedParams, None)
        }
        500 if told.says(&["requires more system memory", "out of memory"]) => {
            (FailureKind::InternalServer, Some(Remedy::GiveUp))
        }
        502 => (FailureKind::ServiceUnavailable, None),
        _ => errors::kind_of(status, told),
    };
    let mut failure = errors::failure(status, told, kind, remedy);
    if status == 404 && told.says(&["not found"]) && !told.says(&["pull"]) {
        failure.message.push_str("; fetch it with `ollama pull`");
    }
    failure
}
