//! The voice of Cohere's chat, version 2.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Voice, named_event, only, words};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Content, Words, text};
use crate::mock::voice::headings::{Headings, PLAIN};

/// The voice of Cohere's chat.
#[derive(Debug)]
pub struct Cohere;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    max_tokens: Option<u64>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

impl Voice for Cohere {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body)
            .map_err(|error| Refusal::bad_request(format!("invalid request: {error}")))?;
        let Some(Words(model)) = body.model else {
            return Err(Refusal::bad_request("invalid request: model is required"));
        };
        if body.messages.is_empty() {
            let message = "invalid request: list of messages must not be empty";
            return Err(Refusal::bad_request(message));
        }
        if body.max_tokens == Some(0) {
            let message = "invalid request: max_tokens must be greater than or equal to 1";
            return Err(Refusal::bad_request(message));
        }
        let messages = body
            .messages
            .into_iter()
            .map(|message| Said { role: message.role, text: text(message.content) });
        Ok(Question {
            model,
            messages: messages.collect(),
            max_tokens: body.max_tokens,
            choices: 1,
            stream: body.stream.unwrap_or(asked.streamed),
            stream_usage: true,
        })
    }

    fn say(&self, _: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        let content = json!([{"type": "text", "text": only(answer).text}]);
        super::json(&json!({
            "id": id(answer), "finish_reason": finish_reason(answer),
            "message": {"role": "assistant", "content": content}, "usage": usage(answer),
        }))
    }

    fn say_in_pieces(&self, _: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let event = |data: Value| named_event(data["type"].as_str().unwrap_or_default(), &data);
        let block = |kind: &str, content: Value| {
            event(json!({"type": kind, "index": 0, "delta": {"message": {"content": content}}}))
        };
        let empty = json!({
            "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [],
        });
        let start = json!({"type": "message-start", "id": id(answer), "delta": {"message": empty}});
        let mut events =
            vec![event(start), block("content-start", json!({"type": "text", "text": ""}))];
        events
            .extend(words(only(answer)).map(|word| block("content-delta", json!({"text": word}))));
        events.push(event(json!({"type": "content-end", "index": 0})));
        let delta = json!({"finish_reason": finish_reason(answer), "usage": usage(answer)});
        events.push(event(json!({"type": "message-end", "id": id(answer), "delta": delta})));
        events
    }

    fn refuse(&self, refusal: &Refusal, id: &str) -> Vec<u8> {
        super::json(&json!({"id": id, "message": refusal.message}))
    }

    fn headings(&self) -> &'static Headings {
        &PLAIN
    }
}

fn id(answer: &Answer<'_>) -> String {
    format!("mock-{:016x}", answer.id)
}

fn finish_reason(answer: &Answer<'_>) -> &'static str {
    if only(answer).cut { "MAX_TOKENS" } else { "COMPLETE" }
}

/// What is charged is what the model saw: nothing is added to the messages here.
fn usage(answer: &Answer<'_>) -> Value {
    let tokens = json!({
        "input_tokens": answer.prompt_tokens, "output_tokens": answer.completion_tokens,
    });
    json!({"billed_units": tokens, "tokens": tokens, "cached_tokens": 0})
}
