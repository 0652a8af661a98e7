//! The voice of Anthropic's Messages.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Asked, Voice, named_event, only, words};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Content, Words, joined, text};
use crate::mock::voice::headings::{ANTHROPIC, Headings};

/// The voice of Messages.
#[derive(Debug)]
pub struct Anthropic;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow)]
    system: Option<Content<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Turn<'a>>>,
    max_tokens: Option<u64>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Content<'a, Block<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Words<'a>>,
    /// What it is hangs on the type.
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

impl<'a> Turn<'a> {
    /// A turn is one message, and one more for each result of a tool in it.
    fn said(self) -> Vec<Said<'a>> {
        let Self { role, content } = self;
        let blocks = match content {
            Content::Text(text) => return vec![Said { role, text }],
            Content::Parts(blocks) => blocks,
        };
        let (results, others): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| block.r#type == "tool_result");
        let mut said: Vec<_> = results.iter().map(Block::result).collect();
        if said.is_empty() || others.iter().any(|block| block.text.is_some()) {
            let text = joined(others.into_iter().filter_map(|block| block.text));
            said.push(Said { role, text });
        }
        said
    }
}

impl<'a> Block<'a> {
    fn result(&self) -> Said<'a> {
        let content = self.content.and_then(|raw| serde_json::from_str(raw.get()).ok());
        Said { role: "tool".into(), text: text(content) }
    }
}

impl Voice for Anthropic {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body).map_err(|error| {
            Refusal::bad_request(format!("The request body is not valid JSON: {error}"))
        })?;
        let missing = |field| Refusal::bad_request(format!("{field}: Field required"));
        let named = asked.model.or(body.model.map(|Words(model)| model));
        let model = named.ok_or_else(|| missing("model"))?;
        let turns = body.messages.ok_or_else(|| missing("messages"))?;
        let max_tokens = body.max_tokens.ok_or_else(|| missing("max_tokens"))?;
        if turns.is_empty() {
            return Err(Refusal::bad_request("messages: at least one message is required"));
        }
        if max_tokens == 0 {
            let message = "max_tokens: Input should be greater than or equal to 1";
            return Err(Refusal::bad_request(message));
        }
        let system = body.system.map(|told| Said { role: "system".into(), text: told.text() });
        Ok(Question {
            model,
            messages: system.into_iter().chain(turns.into_iter().flat_map(Turn::said)).collect(),
            max_tokens: Some(max_tokens),
            choices: 1,
            stream: body.stream.unwrap_or(asked.streamed),
            stream_usage: true,
        })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        let choice = only(answer);
        let mut message = message(question, answer);
        message["content"] = json!([{"type": "text", "text": choice.text}]);
        message["stop_reason"] = stop_reason(answer).into();
        message["usage"] = usage(answer, answer.completion_tokens);
        super::json(&message)
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let event = |data: Value| named_event(data["type"].as_str().unwrap_or_default(), &data);
        let start = json!({"type": "message_start", "message": message(question, answer)});
        let block = json!({"type": "text", "text": ""});
        let mut events = vec![
            event(start),
            event(json!({"type": "content_block_start", "index": 0, "content_block": block})),
            event(json!({"type": "ping"})),
        ];
        events.extend(words(only(answer)).map(|word| {
            let delta = json!({"type": "text_delta", "text": word});
            event(json!({"type": "content_block_delta", "index": 0, "delta": delta}))
        }));
        let delta = json!({"stop_reason": stop_reason(answer), "stop_sequence": null});
        let usage = json!({"output_tokens": answer.completion_tokens});
        events.push(event(json!({"type": "content_block_stop", "index": 0})));
        events.push(event(json!({"type": "message_delta", "delta": delta, "usage": usage})));
        events.push(event(json!({"type": "message_stop"})));
        events
    }

    fn refuse(&self, refusal: &Refusal, id: &str) -> Vec<u8> {
        let kind = match refusal.status.as_u16() {
            404 => "not_found_error",
            429 => "rate_limit_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let error = json!({"type": kind, "message": refusal.message});
        super::json(&json!({"type": "error", "error": error, "request_id": id}))
    }

    fn headings(&self) -> &'static Headings {
        &ANTHROPIC
    }
}

fn stop_reason(answer: &Answer<'_>) -> &'static str {
    if only(answer).cut { "max_tokens" } else { "end_turn" }
}

/// The message as a stream begins it: empty, with a first token counted.
fn message(question: &Question<'_>, answer: &Answer<'_>) -> Value {
    json!({
        "id": format!("msg_mock_{:016x}", answer.id), "type": "message", "role": "assistant",
        "model": question.model, "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": usage(answer, 1),
    })
}

fn usage(answer: &Answer<'_>, output: u64) -> Value {
    json!({
        "input_tokens": answer.prompt_tokens, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0, "output_tokens": output, "service_tier": "standard",
    })
}
