//! Answers: whole ones and the pieces of a stream, which have the same form.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal;
use crate::call::failure::Failure;
use crate::call::response::Response;
use crate::call::usage::Usage;
use crate::provider::answered::{self, counted, unreadable};
use crate::provider::counts::Totals;
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
    #[serde(rename = "promptTokensDetails")]
    prompt_kinds: Option<Vec<Kind>>,
    #[serde(rename = "toolUsePromptTokensDetails")]
    tool_kinds: Option<Vec<Kind>>,
    #[serde(rename = "cacheTokensDetails")]
    cached_kinds: Option<Vec<Kind>>,
    #[serde(rename = "candidatesTokensDetails")]
    candidate_kinds: Option<Vec<Kind>>,
    /// How it was served, by AI Studio's word and by Vertex AI's.
    #[serde(rename = "serviceTier")]
    service_tier: Option<String>,
    #[serde(rename = "trafficType")]
    traffic: Option<String>,
}

/// Tokens of text, images, sound and so on.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kind {
    modality: Option<String>,
    #[serde(deserialize_with = "counted")]
    token_count: Option<u64>,
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
    let header = reply.headers.get("x-gemini-service-tier");
    if let Some(tier) = header.and_then(tier_of) {
        draft.extra.entry("service_tier").or_insert_with(|| tier.into());
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
    draft.counted(answer.usage_metadata.as_ref().and_then(Counts::parts));
    if let Some(tier) = answer.usage_metadata.as_ref().and_then(Counts::tier) {
        draft.extra.insert("service_tier".to_owned(), tier.into());
    }
    let candidates = answer.candidates.unwrap_or_default();
    let blocked = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
    if let (Some(reason), true) = (blocked, candidates.is_empty()) {
        // What was blocked before anything was said has no output, and zeros are left out.
        let silent = |usage: Usage| Usage { output: usage.output.or(Some(0)), ..usage };
        draft.usage = draft.usage.map(silent);
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
    /// Gemini's prompt includes what was cached, which is taken out, but not what its own tools
    /// read, which is added; its candidates do not include the thoughts. Sound is part of the
    /// prompt, of what was cached and of the candidates, and is taken out of each. Zeros are left
    /// out: where it tells no candidates, what the total has beyond the rest is output.
    fn parts(&self) -> Option<Usage> {
        let tools = self.tool_use.unwrap_or(0);
        let all = self.prompt.map(|prompt| prompt.saturating_add(tools));
        let thoughts = self.thoughts.unwrap_or(0);
        let rest = || Some(self.total?.saturating_sub(all?.saturating_add(thoughts)));
        let said = self.candidates.or_else(rest);
        let heard = sound(self.prompt_kinds.as_deref());
        let read = sound(self.tool_kinds.as_deref()).unwrap_or(0);
        let totals = Totals {
            input: all,
            cached: self.cached,
            cache_write: None,
            audio_input: heard.map(|heard| heard.saturating_add(read)),
            audio_cached: sound(self.cached_kinds.as_deref()),
            output: said.map(|said| said.saturating_add(thoughts)),
            reasoning: self.thoughts,
            audio_output: sound(self.candidate_kinds.as_deref()),
            // It may count what nobody is charged for.
            total: None,
        };
        totals.parts()
    }

    /// The service that it was served by; some tell it in words of their own.
    fn tier(&self) -> Option<&str> {
        match self.traffic.as_deref() {
            Some("ON_DEMAND") => return Some("default"),
            Some("ON_DEMAND_FLEX") => return Some("flex"),
            Some("ON_DEMAND_PRIORITY") => return Some("priority"),
            Some("PROVISIONED_THROUGHPUT") => return Some("provisioned_throughput"),
            _ => {}
        }
        let told = self.service_tier.as_deref().filter(|tier| !tier.is_empty())?;
        Some(tier_of(told).unwrap_or(told))
    }
}

/// A service in `OpenAI`'s word; `None` for one that is not known.
fn tier_of(word: &str) -> Option<&'static str> {
    match &*word.to_ascii_lowercase() {
        "standard" | "default" | "payg" => Some("default"),
        "flex" => Some("flex"),
        "priority" => Some("priority"),
        _ => None,
    }
}

/// The tokens of sound among these; `None` where they are not told apart at all.
fn sound(kinds: Option<&[Kind]>) -> Option<u64> {
    let kinds = kinds.filter(|kinds| !kinds.is_empty())?;
    let is_sound = |kind: &&Kind| kind.modality.as_deref() == Some("AUDIO");
    let counts = kinds.iter().filter(is_sound).filter_map(|kind| kind.token_count);
    Some(counts.fold(0, u64::saturating_add))
}
