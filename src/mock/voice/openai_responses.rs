//! The voice of `OpenAI`'s Responses.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, CREATED, Voice, named_event, only, openai_chat, words};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Content, Words, text};
use crate::mock::voice::headings::Headings;

/// The least that `max_output_tokens` may be.
const LEAST_TOKENS: u64 = 16;

/// The voice of Responses.
#[derive(Debug)]
pub struct OpenAiResponses {
    /// What its headers are called: Azure writes some of them in another way.
    pub headings: &'static Headings,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow)]
    instructions: Option<Words<'a>>,
    #[serde(borrow)]
    input: Option<Content<'a, Item<'a>>>,
    max_output_tokens: Option<u64>,
    stream: Option<bool>,
}

/// A message, a tool call or its result; a message may leave its type out.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    output: Option<Content<'a>>,
}

impl<'a> Item<'a> {
    /// What is said in it; a call of a tool says nothing.
    fn said(self) -> Option<Said<'a>> {
        match (self.role, self.output) {
            (Some(role), _) => Some(Said { role, text: text(self.content) }),
            (None, output @ Some(_)) => Some(Said { role: "tool".into(), text: text(output) }),
            (None, None) => None,
        }
    }
}

impl Voice for OpenAiResponses {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> =
            serde_json::from_slice(asked.body).map_err(|error| openai_chat::unreadable(&error))?;
        let missing = |param: &'static str| {
            let message = format!("Missing required parameter: '{param}'.");
            Refusal::bad_param(param, "missing_required_parameter", message)
        };
        let Words(model) = body.model.ok_or_else(|| missing("model"))?;
        let instructions =
            body.instructions.map(|Words(text)| Said { role: "system".into(), text });
        let mut messages: Vec<Said<'_>> = instructions.into_iter().collect();
        match body.input.ok_or_else(|| missing("input"))? {
            Content::Text(text) => messages.push(Said { role: "user".into(), text }),
            Content::Parts(items) => messages.extend(items.into_iter().filter_map(Item::said)),
        }
        if messages.is_empty() {
            return Err(missing("input"));
        }
        if let Some(most) = body.max_output_tokens.filter(|most| *most < LEAST_TOKENS) {
            let message = format!(
                "Invalid 'max_output_tokens': integer below minimum value. \
                 Expected a value >= {LEAST_TOKENS}, but got {most} instead."
            );
            let code = "integer_below_min_value";
            return Err(Refusal::bad_param("max_output_tokens", code, message));
        }
        Ok(Question {
            model,
            messages,
            max_tokens: body.max_output_tokens,
            choices: 1,
            stream: body.stream.unwrap_or(asked.streamed),
            stream_usage: true,
        })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        super::json(&ended(question, answer))
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let (choice, id) = (only(answer), message_id(answer));
        let mut events = Events::default();
        let begun = response(question, answer, "in_progress");
        events.push("response.created", json!({"response": begun}));
        events.push("response.in_progress", json!({"response": begun}));
        let item = |status, content: &[Value]| json!({"output_index": 0, "item": message(&id, status, content)});
        events.push("response.output_item.added", item("in_progress", &[]));
        let place = json!({"item_id": id, "output_index": 0, "content_index": 0});
        let place = |more| joined(place.clone(), more);
        events.push("response.content_part.added", place(json!({"part": part("")})));
        for word in words(choice) {
            events
                .push("response.output_text.delta", place(json!({"delta": word, "logprobs": []})));
        }
        let text = &*choice.text;
        events.push("response.output_text.done", place(json!({"text": text, "logprobs": []})));
        events.push("response.content_part.done", place(json!({"part": part(text)})));
        let status = status(choice.cut);
        events.push("response.output_item.done", item(status, &[part(text)]));
        let last = ["response.", status].concat();
        events.push(&last, json!({"response": ended(question, answer)}));
        events.all
    }

    fn refuse(&self, refusal: &Refusal, _id: &str) -> Vec<u8> {
        openai_chat::refuse(refusal)
    }

    fn headings(&self) -> &'static Headings {
        self.headings
    }
}

/// Events in the making: each has its number in it.
#[derive(Default)]
struct Events {
    all: Vec<Bytes>,
}

impl Events {
    fn push(&mut self, kind: &str, event: Value) {
        let head = json!({"type": kind, "sequence_number": self.all.len()});
        self.all.push(named_event(kind, &joined(head, event)));
    }
}

/// Two objects as one.
fn joined(mut first: Value, mut second: Value) -> Value {
    if let (Some(all), Some(more)) = (first.as_object_mut(), second.as_object_mut()) {
        all.append(more);
    }
    first
}

fn status(cut: bool) -> &'static str {
    if cut { "incomplete" } else { "completed" }
}

fn message_id(answer: &Answer<'_>) -> String {
    format!("msg_mock_{:016x}", answer.id)
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({
        "type": "message", "id": id, "role": "assistant", "status": status, "content": content,
    })
}

/// A response with nothing in it yet.
fn response(question: &Question<'_>, answer: &Answer<'_>, status: &str) -> Value {
    json!({
        "id": format!("resp_mock_{:016x}", answer.id), "object": "response",
        "created_at": CREATED, "status": status, "error": null, "incomplete_details": null,
        "instructions": null, "max_output_tokens": question.max_tokens, "metadata": {},
        "model": question.model, "output": [], "parallel_tool_calls": true,
        "previous_response_id": null, "store": false, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "usage": null,
    })
}

fn ended(question: &Question<'_>, answer: &Answer<'_>) -> Value {
    let choice = only(answer);
    let status = status(choice.cut);
    let mut response = response(question, answer, status);
    if choice.cut {
        response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    }
    response["output"] = json!([message(&message_id(answer), status, &[part(&choice.text)])]);
    response["usage"] = json!({
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    });
    response
}
