//! The voice of Gemini's `generateContent`, on Google AI Studio and on Vertex AI.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Asked, Voice, words};
use crate::mock::answer::{Answer, Choice, Question, Said};
use crate::mock::refusal::{Refusal, whole_millis};
use crate::mock::voice::content::{Words, joined};
use crate::mock::voice::headings::{GOOGLE, Headings};

/// Gemini allows this many choices.
const MOST_CHOICES: u32 = 8;

/// The voice of `generateContent`.
#[derive(Debug)]
pub struct Gemini {
    /// The form of its streams.
    pub form: Form,
}

/// The form of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events: `alt=sse`.
    Events,
    /// One long list.
    List,
}

/// Google takes every key in both spellings.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, alias = "system_instruction", rename = "systemInstruction")]
    system: Option<Turn<'a>>,
    #[serde(borrow)]
    contents: Option<Vec<Turn<'a>>>,
    #[serde(default, alias = "generation_config", rename = "generationConfig")]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(alias = "max_output_tokens", rename = "maxOutputTokens")]
    max_tokens: Option<u64>,
    #[serde(alias = "candidate_count", rename = "candidateCount")]
    choices: Option<u32>,
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Words<'a>>,
    #[serde(borrow, alias = "function_response", rename = "functionResponse")]
    result: Option<Called<'a>>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

impl<'a> Turn<'a> {
    /// A turn is one message, and one more for each result of a tool in it.
    fn said(self) -> Vec<Said<'a>> {
        let role: Cow<'a, str> = match self.role.as_deref() {
            Some("model") => "assistant".into(),
            _ => "user".into(),
        };
        let results = self.parts.iter().filter_map(|part| part.result.as_ref());
        let mut said: Vec<_> = results.map(Called::said).collect();
        if said.is_empty() || self.parts.iter().any(|part| part.text.is_some()) {
            said.push(Said { role, text: self.text() });
        }
        said
    }

    fn text(self) -> Cow<'a, str> {
        joined(self.parts.into_iter().filter_map(|part| part.text))
    }
}

impl<'a> Called<'a> {
    fn said(&self) -> Said<'a> {
        /// Plain text is wrapped so, as a result must be an object.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wrapped<'a> {
            #[serde(borrow)]
            output: Cow<'a, str>,
        }
        let raw = self.response.map_or("", RawValue::get);
        let wrapped: Option<Wrapped<'a>> = serde_json::from_str(raw).ok();
        let text = wrapped.map_or(Cow::Borrowed(raw), |wrapped| wrapped.output);
        Said { role: "tool".into(), text }
    }
}

impl Voice for Gemini {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body).map_err(|error| {
            Refusal::bad_request(format!("Invalid JSON payload received. {error}"))
        })?;
        let model = asked.model.ok_or_else(|| {
            Refusal::bad_request("* GenerateContentRequest.model: model is not specified")
        })?;
        let turns = body.contents.unwrap_or_default();
        if turns.is_empty() {
            let message = "* GenerateContentRequest.contents: contents is not specified";
            return Err(Refusal::bad_request(message));
        }
        let choices = body.config.choices.unwrap_or(1);
        if !(1..=MOST_CHOICES).contains(&choices) {
            let message = format!(
                "Unable to submit request because candidateCount is {choices}; \
                 it must be from 1 to {MOST_CHOICES}."
            );
            return Err(Refusal::bad_request(message));
        }
        if body.config.max_tokens == Some(0) {
            return Err(Refusal::bad_request("max_output_tokens must be positive."));
        }
        let system = body.system.map(|turn| Said { role: "system".into(), text: turn.text() });
        Ok(Question {
            model,
            messages: system.into_iter().chain(turns.into_iter().flat_map(Turn::said)).collect(),
            max_tokens: body.config.max_tokens,
            choices,
            stream: asked.streamed,
            stream_usage: true,
        })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        let candidates = answer.choices.iter().enumerate();
        let candidates = candidates.map(|(index, choice)| ended(index, &choice.text, choice));
        super::json(&response(question, answer, &candidates.collect::<Vec<_>>(), true))
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        for (index, choice) in answer.choices.iter().enumerate() {
            let mut left = words(choice).peekable();
            while let Some(word) = left.next() {
                let is_last = left.peek().is_none();
                pieces.push(if is_last { ended(index, word, choice) } else { said(index, word) });
            }
            if choice.text.is_empty() {
                pieces.push(ended(index, "", choice));
            }
        }
        let last = pieces.len() - 1;
        let pieces = pieces.into_iter().enumerate().map(|(nth, candidate)| {
            let response = response(question, answer, &[candidate], nth == last);
            self.piece(&response, nth == 0, nth == last)
        });
        pieces.collect()
    }

    fn refuse(&self, refusal: &Refusal, _id: &str) -> Vec<u8> {
        match self.form {
            Form::Events => super::json(&error(refusal)),
            Form::List => super::json(&[error(refusal)]),
        }
    }

    fn stream_type(&self) -> &'static str {
        match self.form {
            Form::Events => "text/event-stream",
            Form::List => "application/json; charset=UTF-8",
        }
    }

    fn headings(&self) -> &'static Headings {
        &GOOGLE
    }
}

impl Gemini {
    /// One piece of a stream, as the form wants it.
    fn piece(&self, response: &Value, is_first: bool, is_last: bool) -> Bytes {
        let (before, after) = match (self.form, is_first, is_last) {
            (Form::Events, ..) => ("data: ", "\r\n\r\n"),
            (Form::List, true, true) => ("[", "]\n"),
            (Form::List, true, false) => ("[", ""),
            (Form::List, false, false) => (",\r\n", ""),
            (Form::List, false, true) => (",\r\n", "]\n"),
        };
        [before.as_bytes(), &super::json(response), after.as_bytes()].concat().into()
    }
}

/// Google's error object.
pub(super) fn error(refusal: &Refusal) -> Value {
    let status = match refusal.status.as_u16() {
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    };
    let code = refusal.status.as_u16();
    let mut error = json!({"code": code, "message": refusal.message, "status": status});
    if let Some(wait) = refusal.retry_after {
        // Google has no header for it.
        let millis = whole_millis(wait);
        let delay = format!("{}.{:03}s", millis / 1_000, millis % 1_000);
        let kind = "type.googleapis.com/google.rpc.RetryInfo";
        error["details"] = json!([{"@type": kind, "retryDelay": delay}]);
    }
    json!({"error": error})
}

fn said(index: usize, text: &str) -> Value {
    json!({"content": {"parts": [{"text": text}], "role": "model"}, "index": index})
}

fn ended(index: usize, text: &str, choice: &Choice<'_>) -> Value {
    let mut candidate = said(index, text);
    candidate["finishReason"] = if choice.cut { "MAX_TOKENS" } else { "STOP" }.into();
    candidate
}

/// A response of these candidates; only one that `is_last` knows the tokens of the answer.
fn response(
    question: &Question<'_>,
    answer: &Answer<'_>,
    candidates: &[Value],
    is_last: bool,
) -> Value {
    let output = if is_last { answer.completion_tokens } else { 0 };
    let mut usage = json!({"promptTokenCount": answer.prompt_tokens});
    if output > 0 {
        // What is zero is left out.
        usage["candidatesTokenCount"] = output.into();
    }
    usage["totalTokenCount"] = (answer.prompt_tokens + output).into();
    json!({
        "candidates": candidates, "usageMetadata": usage, "modelVersion": question.model,
        "responseId": format!("mock_{:016x}", answer.id),
    })
}
