//! The voice of Amazon Bedrock's Converse.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Asked, Voice, only, words};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Words, joined};
use crate::mock::voice::headings::{AMAZON, Headings};

/// The type of a header whose value is text.
const TEXT: u8 = 7;

/// Bytes of a frame beside its headers and its payload: two lengths, two checksums.
const FRAMING: usize = 16;

/// The voice of Converse.
#[derive(Debug)]
pub struct Bedrock;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    system: Vec<Block<'a>>,
    #[serde(borrow, default)]
    messages: Vec<Turn<'a>>,
    #[serde(default, rename = "inferenceConfig")]
    config: Config,
}

#[derive(Default, Deserialize)]
struct Config {
    #[serde(rename = "maxTokens")]
    max_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Turn<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Words<'a>>,
    #[serde(borrow, rename = "toolResult")]
    result: Option<Called<'a>>,
}

#[derive(Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    content: Vec<Given<'a>>,
}

#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow)]
    text: Option<Words<'a>>,
    #[serde(borrow)]
    json: Option<&'a RawValue>,
}

impl<'a> Turn<'a> {
    /// A turn is one message, and one more for each result of a tool in it.
    fn said(self) -> Vec<Said<'a>> {
        let mut said = Vec::new();
        let mut texts = Vec::new();
        for block in self.content {
            said.extend(block.result.map(Called::said));
            texts.extend(block.text);
        }
        if said.is_empty() || !texts.is_empty() {
            said.push(Said { role: self.role, text: joined(texts) });
        }
        said
    }
}

impl<'a> Called<'a> {
    fn said(self) -> Said<'a> {
        let text = |given: Given<'a>| given.text.or(given.json.map(|raw| Words(raw.get().into())));
        Said { role: "tool".into(), text: joined(self.content.into_iter().filter_map(text)) }
    }
}

impl Voice for Bedrock {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body)
            .map_err(|error| Refusal::bad_request(format!("Malformed input request: {error}")))?;
        let model = asked
            .model
            .ok_or_else(|| Refusal::bad_request("The provided model identifier is invalid."))?;
        if body.messages.is_empty() {
            let message = "The messages field in the request must not be empty.";
            return Err(Refusal::bad_request(message));
        }
        if body.config.max_tokens == Some(0) {
            let message = "Value at 'inferenceConfig.maxTokens' failed to satisfy constraint: \
                           Member must have value greater than or equal to 1";
            return Err(Refusal::bad_request(message));
        }
        let system = body.system.into_iter().filter_map(|block| block.text);
        let system: Vec<_> = system.collect();
        let system =
            (!system.is_empty()).then(|| Said { role: "system".into(), text: joined(system) });
        let talk = body.messages.into_iter().flat_map(Turn::said);
        Ok(Question {
            model,
            messages: system.into_iter().chain(talk).collect(),
            max_tokens: body.config.max_tokens,
            choices: 1,
            stream: asked.streamed,
            stream_usage: true,
        })
    }

    fn say(&self, _: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        let content = json!([{"text": only(answer).text}]);
        super::json(&json!({
            "metrics": {"latencyMs": 0},
            "output": {"message": {"content": content, "role": "assistant"}},
            "stopReason": stop_reason(answer), "usage": usage(answer),
        }))
    }

    fn say_in_pieces(&self, _: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        let mut frames = vec![frame("messageStart", &json!({"role": "assistant"}))];
        frames.extend(words(only(answer)).map(|word| {
            let delta = json!({"contentBlockIndex": 0, "delta": {"text": word}});
            frame("contentBlockDelta", &delta)
        }));
        let reason = json!({"stopReason": stop_reason(answer)});
        let metadata = json!({"usage": usage(answer), "metrics": {"latencyMs": 0}});
        frames.push(frame("contentBlockStop", &json!({"contentBlockIndex": 0})));
        frames.push(frame("messageStop", &reason));
        frames.push(frame("metadata", &metadata));
        frames
    }

    fn refuse(&self, refusal: &Refusal, _id: &str) -> Vec<u8> {
        super::json(&json!({"message": refusal.message}))
    }

    fn name(&self, refusal: &Refusal) -> Option<&'static str> {
        Some(match refusal.status.as_u16() {
            404 | 405 => "UnknownOperationException",
            429 => "ThrottlingException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        })
    }

    fn stream_type(&self) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn headings(&self) -> &'static Headings {
        &AMAZON
    }
}

fn stop_reason(answer: &Answer<'_>) -> &'static str {
    if only(answer).cut { "max_tokens" } else { "end_turn" }
}

fn usage(answer: &Answer<'_>) -> Value {
    json!({
        "inputTokens": answer.prompt_tokens, "outputTokens": answer.completion_tokens,
        "totalTokens": answer.prompt_tokens + answer.completion_tokens,
        "cacheReadInputTokens": 0, "cacheWriteInputTokens": 0,
    })
}

/// A frame of Amazon's event stream, in big-endian numbers: its length, its headers' length and the
/// CRC-32 of the two; the headers; the payload; and the CRC-32 of all before.
fn frame(event: &str, payload: &Value) -> Bytes {
    let mut headers = Vec::new();
    for (name, value) in
        [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")]
    {
        headers.push(name.len() as u8);
        headers.extend_from_slice(name.as_bytes());
        headers.push(TEXT);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = super::json(payload);
    let mut frame = Vec::with_capacity(FRAMING + headers.len() + payload.len());
    frame.extend_from_slice(&((FRAMING + headers.len() + payload.len()) as u32).to_be_bytes());
    frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&headers);
    frame.extend_from_slice(&payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the format's description.
    const SAMPLE: &str = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f\
        636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373\
        6167652d747970650700056576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c746122\
        3a7b2274657874223a226869227d7dde556953";

    #[test]
    fn a_frame_has_its_lengths_and_checksums() {
        let delta = json!({"contentBlockIndex": 0, "delta": {"text": "hi"}});
        let frame = frame("contentBlockDelta", &delta);
        let sample = (0..SAMPLE.len()).step_by(2).map(|at| &SAMPLE[at..at + 2]);
        let sample = sample.map(|byte| u8::from_str_radix(byte, 16).expect("hex"));
        assert_eq!(frame, sample.collect::<Vec<_>>());
    }
}
