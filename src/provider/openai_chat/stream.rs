//! The stream of chat completions: chunks with deltas, closed by `[DONE]`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Counts, finish_of};
use super::parts;
use crate::call::failure::Failure;
use crate::provider::Flow;
use crate::provider::answered;
use crate::provider::draft::Draft;
use crate::provider::errors;

/// What ends a stream.
const DONE: &str = "[DONE]";

#[derive(Deserialize)]
struct Chunk<'f> {
    #[serde(borrow, default)]
    id: Option<Cow<'f, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'f, str>>,
    #[serde(default)]
    created: Option<f64>,
    #[serde(borrow, default, deserialize_with = "answered::few")]
    choices: Option<Vec<Choice<'f>>>,
    #[serde(default)]
    usage: Option<Counts>,
    /// Where Groq puts the usage.
    #[serde(default)]
    x_groq: Option<Groq>,
    #[serde(default)]
    service_tier: Option<Value>,
    #[serde(default)]
    system_fingerprint: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Groq {
    #[serde(default)]
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Choice<'f> {
    #[serde(default)]
    index: usize,
    #[serde(borrow, default)]
    delta: Option<Delta<'f>>,
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'f, str>>,
}

#[derive(Deserialize)]
struct Delta<'f> {
    #[serde(borrow, default)]
    content: Option<Said<'f>>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'f, str>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Cow<'f, str>>,
    #[serde(borrow, default)]
    reasoning: Option<Cow<'f, str>>,
    #[serde(borrow, default, deserialize_with = "answered::few")]
    tool_calls: Option<Vec<ToolCall<'f>>>,
}

#[derive(Deserialize)]
struct ToolCall<'f> {
    /// A few hosts leave it out; then the place in the list counts.
    #[serde(default)]
    index: Option<usize>,
    #[serde(borrow, default)]
    id: Option<Cow<'f, str>>,
    #[serde(borrow, default)]
    function: Option<Function<'f>>,
}

#[derive(Deserialize)]
struct Function<'f> {
    #[serde(borrow, default)]
    name: Option<Cow<'f, str>>,
    #[serde(borrow, default)]
    arguments: Option<Said<'f>>,
}

/// Text, or what some hosts send in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum Said<'f> {
    #[serde(borrow)]
    Text(Cow<'f, str>),
    Other(Value),
}

pub(super) fn fold(draft: &mut Draft, data: &str) -> Result<Flow, Failure> {
    if data.trim() == DONE {
        return Ok(Flow::End);
    }
    let chunk: Chunk<'_> = answered::piece(data)?;
    if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
        return Err(errors::failure_in_ok(&error));
    }
    // Azure's first chunk tells what its filter found, with names and times that are empty.
    let is_told = |text: &Cow<'_, str>| !text.is_empty();
    draft.id = draft.id.take().or(chunk.id.filter(is_told).map(Cow::into_owned));
    draft.model = draft.model.take().or(chunk.model.filter(is_told).map(Cow::into_owned));
    let created = chunk.created.filter(|created| *created > 0.0);
    draft.created = draft.created.or(created.map(|created| created as i64));
    // Counts grow from chunk to chunk where a host sends several; the last are the whole.
    let usage = chunk.usage.or(chunk.x_groq.and_then(|groq| groq.usage));
    draft.counted(usage.and_then(|counts| counts.parts()));
    for (key, value) in
        [("service_tier", chunk.service_tier), ("system_fingerprint", chunk.system_fingerprint)]
    {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            draft.extra.insert(key.to_owned(), value);
        }
    }
    for choice in chunk.choices.into_iter().flatten() {
        take(draft, choice);
    }
    Ok(Flow::More)
}

fn arguments(said: Option<Said<'_>>) -> Cow<'_, str> {
    match said {
        Some(Said::Text(text)) => text,
        Some(Said::Other(object)) => answered::arguments(Some(&object)).into(),
        None => Cow::default(),
    }
}

fn take(draft: &mut Draft, choice: Choice<'_>) {
    let index = choice.index;
    if let Some(delta) = choice.delta {
        match &delta.content {
            Some(Said::Text(text)) => draft.text(index, text),
            Some(Said::Other(Value::Array(list))) => {
                for (text, reasoning) in list.chunks(1).filter_map(parts::split) {
                    draft.text(index, &text);
                    draft.reasoning(index, &reasoning);
                }
            }
            Some(Said::Other(_)) | None => {}
        }
        draft.refusal(index, &delta.refusal.unwrap_or_default());
        let reasoning = delta.reasoning_content.or(delta.reasoning);
        draft.reasoning(index, &reasoning.unwrap_or_default());
        for (place, call) in delta.tool_calls.into_iter().flatten().enumerate() {
            let (name, arguments) = call.function.map_or_else(Default::default, |function| {
                (function.name.unwrap_or_default(), arguments(function.arguments))
            });
            let id = call.id.unwrap_or_default();
            draft.call(index, call.index.unwrap_or(place), &id, &name, &arguments);
        }
    }
    if let Some(reason) = choice.finish_reason {
        draft.finish(index, finish_of(&reason), &reason);
    }
}
