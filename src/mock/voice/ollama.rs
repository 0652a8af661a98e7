//! The voice of Ollama's own chat.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, CREATED_AT, Voice, only, words};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Content, Words, text};
use crate::mock::voice::headings::{Headings, PLAIN};

/// How long each token claims to have taken, in nanoseconds; no time is zero here.
const NANOS_PER_TOKEN: u64 = 1_000_000;

/// The voice of Ollama's chat.
#[derive(Debug)]
pub struct Ollama;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(default)]
    options: Options,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

#[derive(Default, Deserialize)]
struct Options {
    /// Below zero: as many as there are.
    num_predict: Option<i64>,
}

impl Voice for Ollama {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body)
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        let Some(Words(model)) = body.model else {
            return Err(Refusal::bad_request("model is required"));
        };
        if body.messages.is_empty() {
            return Err(Refusal::bad_request("messages are required"));
        }
        let messages = body
            .messages
            .into_iter()
            .map(|message| Said { role: message.role, text: text(message.content) });
        Ok(Question {
            model: untagged(model),
            messages: messages.collect(),
            max_tokens: body.options.num_predict.and_then(|most| u64::try_from(most).ok()),
            choices: 1,
            stream: body.stream.unwrap_or(true),
            stream_usage: true,
        })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        super::json(&last(question, answer, &only(answer).text))
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let pieces = words(only(answer)).map(|word| line(question, word));
        let lines = pieces.chain([last(question, answer, "")]);
        lines.map(|line| [&*super::json(&line), b"\n"].concat().into()).collect()
    }

    fn refuse(&self, refusal: &Refusal, _id: &str) -> Vec<u8> {
        super::json(&json!({"error": refusal.message}))
    }

    fn stream_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn headings(&self) -> &'static Headings {
        &PLAIN
    }
}

/// A name without a tag means the latest.
fn untagged(model: Cow<'_, str>) -> Cow<'_, str> {
    match model {
        Cow::Borrowed(name) => name.strip_suffix(":latest").unwrap_or(name).into(),
        Cow::Owned(name) => match name.strip_suffix(":latest") {
            Some(name) => name.to_owned().into(),
            None => name.into(),
        },
    }
}

fn line(question: &Question<'_>, text: &str) -> Value {
    json!({
        "model": question.model, "created_at": CREATED_AT,
        "message": {"role": "assistant", "content": text}, "done": false,
    })
}

fn last(question: &Question<'_>, answer: &Answer<'_>, text: &str) -> Value {
    let (prompt, completion) = (answer.prompt_tokens, answer.completion_tokens);
    json!({
        "model": question.model, "created_at": CREATED_AT,
        "message": {"role": "assistant", "content": text}, "done": true,
        "done_reason": if only(answer).cut { "length" } else { "stop" },
        "total_duration": (prompt + completion) * NANOS_PER_TOKEN, "load_duration": 0,
        "prompt_eval_count": prompt, "prompt_eval_duration": prompt * NANOS_PER_TOKEN,
        "eval_count": completion, "eval_duration": completion * NANOS_PER_TOKEN,
    })
}
