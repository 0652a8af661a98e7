//! The most tokens that a call can be billed for, before it is sent.
//!
//! A token stands for at least one byte of text in every vocabulary in use, so the bytes of what is
//! said bound its tokens, whatever the model. Providers add some of their own: marks around each
//! message, and a hidden prompt where there are tools (`Anthropic`'s has some hundreds of tokens).
//! What is no text is bounded by the model's window, where that is known.

use serde_json::Value;

use crate::call::money::Usd;
use crate::call::request::{Content, Message, Operation, Request};
use crate::call::task::Target;

/// Tokens that a provider may put around each message.
const AROUND_MESSAGE: u64 = 32;
/// Tokens that a provider may put around the whole.
const AROUND_CALL: u64 = 64;
/// Tokens of the hidden prompt that comes with tools or with a form for the answer.
const HIDDEN_PROMPT: u64 = 1_000;
/// Tokens of one picture: `gpt-4o-mini` counts 48,169 for one of 8 tiles.
const PICTURE: u64 = 50_000;

/// Parameters whose text a model reads.
const READ: [&str; 3] = ["tools", "response_format", "functions"];

/// The most output tokens of one choice where a call states none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MostOutput {
    /// Nobody says.
    #[default]
    Unknown,
    /// So many.
    Tokens(u64),
    /// So many, or as many as the question has bytes, if those are more.
    Echo(u64),
}

/// The most that a call of this target can cost; `None` where its price or its tokens are not
/// known beforehand.
pub fn cost_at_most(request: &Request, target: &Target) -> Option<Usd> {
    longer_cost_at_most(request, target, 0)
}

/// The same of a call that has so many more tokens of input.
pub fn longer_cost_at_most(request: &Request, target: &Target, more: u64) -> Option<Usd> {
    let price = target.price.as_ref()?;
    let input = input_at_most(request, target.window).map(|input| input.saturating_add(more));
    let ceiling = price.ceiling(request, input.unwrap_or(u64::MAX))?;
    let output = output_at_most(request, target.max_output);
    let known = |tokens: Option<u64>, each: Usd| match tokens {
        None if each == Usd::ZERO => Some(0),
        tokens => tokens,
    };
    Some(ceiling.at_most(known(input, ceiling.input)?, known(output, ceiling.output)?))
}

/// The most input tokens that a call can be billed for, at a model with this window; `None` where
/// it holds something that nobody can bound.
pub fn input_at_most(request: &Request, window: Option<u64>) -> Option<u64> {
    let mut most = AROUND_CALL;
    for message in &request.messages {
        match message_at_most(message) {
            Some(tokens) => most += tokens,
            None => return window,
        }
    }
    let read = |value: &Value| value.to_string().len() as u64 + HIDDEN_PROMPT;
    most += READ.iter().filter_map(|name| request.params.get(*name)).map(read).sum::<u64>();
    Some(most)
}

/// The most output tokens that a call can be billed for, over all its choices: what it states, else
/// the most that the model gives; `None` where neither is known. An embedding has none.
pub fn output_at_most(request: &Request, most: MostOutput) -> Option<u64> {
    if request.operation == Operation::Embed {
        return Some(0);
    }
    let each = match (request.params.max_tokens(), most) {
        (Some(stated), _) => stated,
        (None, MostOutput::Tokens(most)) => most,
        (None, MostOutput::Echo(most)) => most.max(input_at_most(request, None)?),
        (None, MostOutput::Unknown) => return None,
    };
    Some(each.saturating_mul(request.params.choices()))
}

fn message_at_most(message: &Message) -> Option<u64> {
    let content = match &message.content {
        Content::Text(text) => text.len() as u64,
        Content::Parts(Value::Array(parts)) => {
            parts.iter().map(part_at_most).sum::<Option<u64>>()?
        }
        Content::Parts(other) => other.to_string().len() as u64,
        Content::Absent => 0,
    };
    let rest: u64 = message.rest.iter().map(|(name, value)| text_of(name, value)).sum();
    Some(AROUND_MESSAGE + content + rest)
}

fn text_of(name: &str, value: &Value) -> u64 {
    (name.len() + value.to_string().len()) as u64
}

/// `None` for sound, films and documents, whose tokens their bytes do not tell.
fn part_at_most(part: &Value) -> Option<u64> {
    match part.get("type").and_then(Value::as_str) {
        Some("image_url" | "image" | "input_image") => Some(PICTURE),
        Some("text" | "input_text" | "refusal" | "thinking" | "tool_use" | "tool_result")
        | None => Some(part.to_string().len() as u64),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn asked(params: Value, content: Value) -> Request {
        let mut request = Request::new("m").user("");
        request.messages[0].content = match content {
            Value::String(text) => Content::Text(text),
            parts => Content::Parts(parts),
        };
        let params: serde_json::Map<String, Value> = serde_json::from_value(params).unwrap();
        request.params = Arc::new(params.into());
        request
    }

    #[test]
    fn bytes_bound_the_tokens_of_text_whatever_its_script() {
        let of = |text: &str| input_at_most(&asked(json!({}), json!(text)), None).unwrap();
        assert_eq!(of("日本語") - of(""), 9);
        assert_eq!(of("four") - of(""), 4);
        let tools = json!({"tools": [{"type": "function"}], "temperature": 1});
        let with = input_at_most(&asked(tools, json!("")), None).unwrap();
        assert_eq!(with - of(""), HIDDEN_PROMPT + 21);
    }

    #[test]
    fn what_is_no_text_is_bounded_by_the_window() {
        let sound = asked(json!({}), json!([{"type": "input_audio", "input_audio": {}}]));
        assert_eq!(input_at_most(&sound, Some(128_000)), Some(128_000));
        assert_eq!(input_at_most(&sound, None), None);
        let picture = asked(json!({}), json!([{"type": "image_url", "image_url": {}}]));
        assert_eq!(input_at_most(&picture, None), Some(PICTURE + AROUND_MESSAGE + AROUND_CALL));
    }

    #[test]
    fn output_is_bounded_by_what_is_stated_then_by_the_model() {
        let of = |params, most| output_at_most(&asked(params, json!("word")), most);
        let hundred = MostOutput::Tokens(100);
        assert_eq!(of(json!({"max_tokens": 5, "n": 3}), hundred), Some(15));
        assert_eq!(of(json!({"max_completion_tokens": 5}), MostOutput::Unknown), Some(5));
        assert_eq!(of(json!({"n": 2}), hundred), Some(200));
        assert_eq!(of(json!({}), MostOutput::Echo(200)), Some(200));
        assert_eq!(of(json!({}), MostOutput::Echo(2)), Some(AROUND_MESSAGE + AROUND_CALL + 4));
        assert_eq!(of(json!({}), MostOutput::Unknown), None);
    }
}
