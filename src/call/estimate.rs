//! Tokens before a call: an estimate, good enough to pace by and marked as such where shown.
//!
//! English prose has about four bytes to a token in today's encodings; text outside ASCII has
//! about one token a character. A message carries a few tokens of its own (`OpenAI`'s cookbook
//! counts 3 for each message and 3 to prime the answer).

use serde_json::Value;

use crate::call::request::{Content, Message, Operation, Request};

/// Tokens that each message carries beside its text.
const PER_MESSAGE: u64 = 4;
/// Tokens that prime the answer.
const PER_CALL: u64 = 3;
/// An image part, where nothing is known of its size (`OpenAI`'s low detail).
const PER_IMAGE: u64 = 85;

/// The likely count of input tokens of a talk.
pub fn input_tokens(messages: &[Message]) -> u64 {
    PER_CALL + messages.iter().map(message_tokens).sum::<u64>()
}

/// The tokens that a call is likely to count against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Its input.
    pub input: u64,
    /// The most output that it allows, over all its choices, where it states that.
    pub stated_output: Option<u64>,
    /// What its output is taken to be where it states none and nothing was seen of the model: as
    /// long as the input, at least 256, over all its choices.
    pub usual_output: u64,
}

/// What a call is likely to count.
pub fn expected(request: &Request) -> Expected {
    if request.operation == Operation::Embed {
        let input = request.messages.iter().map(|said| text_tokens(&said.plain_text())).sum();
        return Expected { input, stated_output: Some(0), usual_output: 0 };
    }
    let input = input_tokens(&request.messages);
    let choices = request.params.get("n").and_then(Value::as_u64).unwrap_or(1).max(1);
    let over_all = |output: u64| output.saturating_mul(choices);
    Expected {
        input,
        stated_output: request.params.max_tokens().map(over_all),
        usual_output: over_all(input.max(256)),
    }
}

fn message_tokens(message: &Message) -> u64 {
    let content = match &message.content {
        Content::Text(text) => text_tokens(text),
        Content::Parts(Value::Array(parts)) => parts.iter().map(part_tokens).sum(),
        Content::Parts(_) | Content::Absent => 0,
    };
    let rest: u64 = message.rest.values().map(|value| text_tokens(&value.to_string())).sum();
    PER_MESSAGE + content + rest
}

fn part_tokens(part: &Value) -> u64 {
    match part.get("text").and_then(Value::as_str) {
        Some(text) => text_tokens(text),
        None => PER_IMAGE,
    }
}

/// The likely count of tokens of a text.
pub fn text_tokens(text: &str) -> u64 {
    let characters = bytecount(text);
    let ascii = characters.ascii.div_ceil(4);
    ascii + characters.other
}

struct Characters {
    ascii: u64,
    other: u64,
}

/// ASCII bytes, and characters outside ASCII (each begins with a byte of 0xC0 or more).
fn bytecount(text: &str) -> Characters {
    let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
    let other = text.bytes().filter(|byte| *byte >= 0xC0).count() as u64;
    Characters { ascii, other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_follows_the_text() {
        assert_eq!(text_tokens(""), 0);
        assert_eq!(text_tokens("four"), 1);
        assert_eq!(text_tokens("日本語"), 3);
        assert_eq!(input_tokens(&[Message::text("user", "Hello! How are you?")]), 12);
    }
}
