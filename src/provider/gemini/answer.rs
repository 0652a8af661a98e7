//! Answers: whole ones and the pieces of a stream, which have the same form.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal;
use crate::call::failure::Failure;
use crate::call::response::Response;
use crate::call::usage::{Usage, UsageSource};
use crate::provider::answered::{self, counted, unreadable};
use crate::provider::draft::Draft;
use crate::provider::finish::Finish;
use crate::provider::{Flow, Rejected};
use crate::wire::message::WireReply;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Counts>,
    model_version: Option<String>,
    response_id: Option<String>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Candidate {
    index: Option<usize>,
    content: Option<Content>,
    finish_reason: Option<String>,
    logprobs_result: Option<Value>,
    grounding_metadata: Option<Value>,
    citation_metadata: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    parts: Option<Vec<Part>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Part {
    text: Option<String>,
    thought: Option<bool>,
    thought_signature: Option<String>,
    function_call: Option<Call>,
    inline_data: Option<Inline>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call {
    id: Option<String>,
    name: Option<String>,
    args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Inline {
    mime_type: Option<String>,
    data: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counts {
    #[serde(rename = "promptTokenCount", deserialize_with = "counted")]
    prompt: Option<u64>,
    #[serde(rename = "toolUsePromptTokenCount", deserialize_with = "counted")]
    tool_use: Option<u64>,
    #[serde(rename = "cachedContentTokenCount", deserialize_with = "counted")]
    cached: Option<u64>,
    #[serde(rename = "candidatesTokenCount", deserialize_with = "counted")]
    candidates: Option<u64>,
    #[serde(rename = "thoughtsTokenCount", deserialize_with = "counted")]
    thoughts: Option<u64>,
    #[serde(rename = "totalTokenCount", deserialize_with = "counted")]
    total: Option<u64>,
}

pub(super) fn decode(reply: &WireReply) -> Result<Response, Rejected> {
    let unreadable = |why| unreadable(reply, &why);
    let body = reply.body.trim_ascii();
    let answers: Vec<Answer> = match body.first() {
        // A stream that was not asked for as events.
        Some(b'[') => serde_json::from_slice(body).map_err(unreadable)?,
        _ => vec![serde_json::from_slice(body).map_err(unreadable)?],
    };
    let mut draft = Draft::default();
    for answer in answers {
        if let Err(failure) = take(&mut draft, answer) {
            return Err(draft.broken(failure));
        }
    }
    draft.response()
}

pub(super) fn fold(draft: &mut Draft, data: &str) -> Result<Flow, Failure> {
    match data.trim() {
        "" | "[DONE]" => Ok(Flow::More),
        list if list.starts_with('[') => {
            let answers: Vec<Answer> = answered::piece(list)?;
            answers.into_iter().try_fold(Flow::More, |_, answer| take(draft, answer))
        }
        one => take(draft, answered::piece(one)?),
    }
}

fn take(draft: &mut Draft, answer: Answer) -> Result<Flow, Failure> {
    if let Some(error) = answer.error.filter(|error| !error.is_null()) {
        return Err(refusal::failure_in_ok(&error));
    }
    draft.id = draft.id.take().or(answer.response_id);
    draft.model = draft.model.take().or(answer.model_version);
    // Each piece counts all that came before it.
    draft.usage = answer.usage_metadata.as_ref().and_then(Counts::parts).or(draft.usage);
    let candidates = answer.candidates.unwrap_or_default();
    let blocked = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
    if let (Some(reason), true) = (blocked, candidates.is_empty()) {
        draft.finish(0, Finish::ContentFilter, &reason);
        return Ok(Flow::End);
    }
    for (place, candidate) in candidates.into_iter().enumerate() {
        add(draft, candidate.index.unwrap_or(place), candidate);
    }
    Ok(Flow::More)
}

fn add(draft: &mut Draft, choice: usize, candidate: Candidate) {
    // Even an empty candidate is one.
    draft.text(choice, "");
    for part in candidate.content.and_then(|content| content.parts).into_iter().flatten() {
        add_part(draft, choice, part);
    }
    for (name, value) in [
        ("logprobs_result", candidate.logprobs_result),
        ("grounding_metadata", candidate.grounding_metadata),
        ("citation_metadata", candidate.citation_metadata),
    ] {
        if let Some(value) = value {
            draft.message_extra(choice, name, value);
        }
    }
    if let Some(reason) = candidate.finish_reason {
        draft.finish(choice, finish_of(&reason), &reason);
    }
}

fn add_part(draft: &mut Draft, choice: usize, part: Part) {
    let text = part.text.unwrap_or_default();
    if part.thought == Some(true) {
        return draft.reasoning(choice, &text);
    }
    draft.text(choice, &text);
    let signature =
        part.thought_signature.map(|signature| json!({"google": {"thought_signature": signature}}));
    if let Some(call) = part.function_call {
        let nth = draft.calls(choice);
        let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| {
            // Older models give none. It must differ from those of other answers in a talk.
            format!("call_{}_{choice}_{nth}", draft.id.as_deref().unwrap_or("gemini"))
        });
        let arguments = call.args.filter(|args| !args.is_null()).map(|args| args.to_string());
        let name = call.name.unwrap_or_default();
        draft.call(choice, nth, &id, &name, arguments.as_deref().unwrap_or("{}"));
        if let Some(signature) = signature {
            draft.call_extra(choice, nth, "extra_content", signature);
        }
        return;
    }
    if let Some(signature) = signature {
        draft.message_extra(choice, "extra_content", signature);
    }
    if let Some(Inline { mime_type, data: Some(data) }) = part.inline_data {
        let kind = mime_type.unwrap_or_else(|| "application/octet-stream".to_owned());
        draft.media(choice, &format!("data:{kind};base64,{data}"));
    }
}

/// Why an answer ended. Gemini has no word for tool calls; the draft knows them.
fn finish_of(reason: &str) -> Finish {
    match reason {
        "STOP" | "FINISH_REASON_UNSPECIFIED" | "" => Finish::Stop,
        "MAX_TOKENS" | "CONTINUATION" => Finish::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "OTHER" | "BLOCKLIST" | "PROHIBITED_CONTENT"
        | "SPII" | "MODEL_ARMOR" | "ESCALATION" | "NO_IMAGE" => Finish::ContentFilter,
        reason if reason.starts_with("IMAGE_") => Finish::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "MALFORMED_RESPONSE"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE" => Finish::Malformed,
        // Words that are newer than this table.
        _ => Finish::Broken,
    }
}

impl Counts {
    /// Gemini's prompt includes cached tokens, which are taken out, but not what its own tools
    /// read, which is added; its candidates do not include the thoughts. It leaves zeros out: where
    /// it tells no candidates, what the total has beyond the rest is output.
    fn parts(&self) -> Option<Usage> {
        let prompt = self.prompt;
        let cached = self.cached;
        let reasoning = self.thoughts;
        let tools = self.tool_use.unwrap_or(0);
        let all = prompt.map(|prompt| prompt.saturating_add(tools));
        let rest = || {
            let known = all?.saturating_add(reasoning.unwrap_or(0));
            Some(self.total?.saturating_sub(known))
        };
        let output = self.candidates.or_else(rest);
        if all.is_none() && output.is_none() {
            return None;
        }
        Some(Usage {
            input: all.map(|all| all.saturating_sub(cached.unwrap_or(0))),
            cached,
            cache_write: None,
            output,
            reasoning,
            source: UsageSource::Provider,
            ..Usage::default()
        })
    }
}
