//! Input tokens of a request: its talk, what its messages carry beside their text, its pictures and
//! its tools.

use std::sync::Arc;

use serde_json::Value;

use crate::audit::estimate::picture;
use crate::audit::estimate::vocabulary::{Text, Vocabulary};
use crate::call::request::{Content, Message, Params};

/// Part of the compact JSON of tools that is counted: they are shown in a shorter form.
const TOOLS_SHARE: f64 = 0.8;
/// A part that is neither text nor picture: a page of a file, some seconds of sound.
const OTHER_PART: u64 = 1_000;

/// Tokens, and whether they are what the provider will count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The tokens.
    pub tokens: u64,
    /// Whether they were counted exactly.
    pub is_exact: bool,
}

impl Counted {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            is_exact: self.is_exact && other.is_exact,
        }
    }

    fn about(tokens: u64) -> Self {
        Self { tokens, is_exact: tokens == 0 }
    }
}

/// The last talk that was counted: its next target, and its next repeat, ask the same.
#[derive(Debug, Default)]
pub struct Talk {
    messages: Vec<Message>,
    counted: Vec<(Vocabulary, Arc<str>, Counted)>,
}

impl Talk {
    /// The input tokens of these messages for a model, without its tools.
    pub fn count(
        &mut self,
        messages: &[Message],
        vocabulary: &Vocabulary,
        model: &Arc<str>,
    ) -> Counted {
        if self.messages != *messages {
            self.messages = messages.to_vec();
            self.counted.clear();
        }
        // Only pictures are counted by the model's name.
        let is_plain = self.messages.iter().all(Message::is_text);
        let known = self
            .counted
            .iter()
            .find(|(with, name, _)| with == vocabulary && (is_plain || name == model));
        if let Some((.., counted)) = known {
            return *counted;
        }
        let counted = talk_tokens(&self.messages, vocabulary, model);
        self.counted.push((*vocabulary, Arc::clone(model), counted));
        counted
    }
}

/// The input tokens of a talk.
pub fn talk_tokens(messages: &[Message], vocabulary: &Vocabulary, model: &str) -> Counted {
    let begun = Counted { tokens: vocabulary.per_call, is_exact: vocabulary.is_exact };
    let each = messages.iter().map(|message| message_tokens(message, vocabulary, model));
    each.fold(begun, Counted::plus)
}

fn message_tokens(message: &Message, vocabulary: &Vocabulary, model: &str) -> Counted {
    let beside = Counted { tokens: vocabulary.per_message, is_exact: true };
    let content = match &message.content {
        Content::Text(text) => text_tokens(text, vocabulary),
        // The built-in provider reads text alone, part by part on lines of their own.
        Content::Parts(_) if vocabulary.text == Text::Builtin => {
            text_tokens(&message.plain_text(), vocabulary)
        }
        Content::Parts(Value::Array(parts)) => {
            let each = parts.iter().map(|part| part_tokens(part, vocabulary, model));
            each.fold(Counted { tokens: 0, is_exact: true }, Counted::plus)
        }
        Content::Parts(_) | Content::Absent => Counted { tokens: 0, is_exact: true },
    };
    if vocabulary.text == Text::Builtin {
        return beside.plus(content);
    }
    let rest = message.rest.iter().map(|(name, value)| match (name.as_str(), value) {
        ("name", Value::String(name)) => {
            let name = text_tokens(name, vocabulary);
            name.plus(Counted { tokens: 1, is_exact: true })
        }
        ("tool_calls", Value::Array(calls)) => {
            Counted::about(calls.iter().map(|call| call_tokens(call, vocabulary)).sum())
        }
        // It is shown to nobody.
        ("tool_call_id", _) | (_, Value::Null) => Counted { tokens: 0, is_exact: true },
        (_, value) => Counted::about(vocabulary.tokens(&value.to_string()).0),
    });
    rest.fold(beside.plus(content), Counted::plus)
}

fn text_tokens(text: &str, vocabulary: &Vocabulary) -> Counted {
    let (tokens, is_whole) = vocabulary.tokens(text);
    Counted { tokens, is_exact: is_whole }
}

fn part_tokens(part: &Value, vocabulary: &Vocabulary, model: &str) -> Counted {
    if let Some(text) = part.get("text").and_then(Value::as_str) {
        return text_tokens(text, vocabulary);
    }
    let is_picture = part.get("image_url").is_some();
    Counted::about(if is_picture { picture::tokens(model, part) } else { OTHER_PART })
}

/// A call of a tool that the talk remembers: its arguments, and a few for its name.
fn call_tokens(call: &Value, vocabulary: &Vocabulary) -> u64 {
    let function = &call["function"];
    let text = |key: &str| function[key].as_str().map_or(0, |text| vocabulary.tokens(text).0);
    3 + text("name") + text("arguments")
}

/// The input tokens of what the parameters of a call say: its tools, and the schema of its answer.
pub fn param_tokens(params: &Params, vocabulary: &Vocabulary) -> Counted {
    if vocabulary.text == Text::Builtin {
        return Counted { tokens: 0, is_exact: true };
    }
    let json = |value: &Value| vocabulary.tokens(&value.to_string()).0;
    let tools = ["tools", "functions"].iter().filter_map(|name| params.get(*name));
    let tools = tools.filter(|tools| tools.as_array().is_some_and(|tools| !tools.is_empty()));
    let tools =
        tools.map(|tools| vocabulary.with_tools + (json(tools) as f64 * TOOLS_SHARE).ceil() as u64);
    let format = params.get("response_format").and_then(|format| format.get("json_schema"));
    Counted::about(tools.sum::<u64>() + format.map_or(0, json))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn talk(messages: Value) -> Vec<Message> {
        serde_json::from_value(messages).expect("messages")
    }

    #[test]
    fn a_conversation_counts_as_openai_counts_it() {
        let messages = talk(json!([
            {"role": "system", "content": "Hello, runner!"},
            {"role": "user", "name": "hello", "content": "1234567"},
            {"role": "assistant", "content": "3.14159"},
            {"role": "user", "content": [{"type": "text", "text": "don't DON'T"}]},
        ]));
        for (model, tokens) in [
            ("gpt-4o", 3 + (4 + 4) + (4 + 2 + 3) + (4 + 4) + (4 + 2)),
            ("gpt-4", 3 + (4 + 4) + (4 + 2 + 3) + (4 + 4) + (4 + 4)),
        ] {
            let counted = talk_tokens(&messages, &Vocabulary::of("openai", model), model);
            assert_eq!(counted, Counted { tokens, is_exact: true }, "{model}");
        }
    }

    #[test]
    fn what_is_not_plain_text_is_not_exact() {
        let vocabulary = Vocabulary::of("openai", "gpt-4o");
        let url = "https://example.com/a.png";
        for message in [
            json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}),
            json!({"role": "assistant", "tool_calls": [
                {"id": "c", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}),
        ] {
            let counted = talk_tokens(&talk(json!([message])), &vocabulary, "gpt-4o");
            assert!(!counted.is_exact && counted.tokens > 10, "{counted:?}");
        }
        let tools = json!({"tools": [{"type": "function", "function": {"name": "weather"}}]});
        let params: Params = serde_json::from_value(tools).expect("params");
        let counted = param_tokens(&params, &vocabulary);
        assert!(!counted.is_exact && counted.tokens > 15, "{counted:?}");
        assert!(param_tokens(&Params::default(), &vocabulary).is_exact);
    }

    #[test]
    fn a_talk_is_counted_once_for_each_vocabulary() {
        let mut known = Talk::default();
        let mut count = |text: &str, model: &str| {
            let messages = [Message::text("user", text)];
            known.count(&messages, &Vocabulary::of("openai", model), &model.into());
            known.counted.len()
        };
        let sizes = ["gpt-4o", "gpt-4o", "gpt-5", "gpt-4"].map(|model| count("hi", model));
        assert_eq!(sizes, [1, 1, 1, 2]);
        assert_eq!(count("ho", "gpt-4"), 1);
    }
}
