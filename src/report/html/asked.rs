//! What was asked, as a page shows it: roles and texts, cut to a length.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::request::{Content, Message};
use crate::report::answer::Answer;

use super::guard;

/// Characters of an address that are shown; pictures come as addresses of megabytes.
const ADDRESS: usize = 200;

/// A text, or its beginning with the number of characters that it has as a whole.
#[derive(Debug, PartialEq)]
pub(super) struct Cut<'a> {
    text: Cow<'a, str>,
    whole: Option<usize>,
}

impl Cut<'_> {
    /// Writes it as JSON: the text, or a list of its beginning and the number.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self.whole {
            None => guard::write_text(out, &self.text),
            Some(whole) => {
                out.push(b'[');
                guard::write_text(out, &self.text);
                out.extend(format!(",{whole}]").into_bytes());
            }
        }
    }

    fn into_owned(self) -> Cut<'static> {
        Cut { text: Cow::Owned(self.text.into_owned()), whole: self.whole }
    }

    /// The text alone, with an ellipsis where it was cut.
    pub(super) fn into_text(self) -> String {
        let mut text = self.text.into_owned();
        if self.whole.is_some() {
            text.push('…');
        }
        text
    }
}

/// At most this many characters of a text.
pub(super) fn cut(text: &str, characters: usize) -> Cut<'_> {
    // A text of no more bytes needs no counting.
    let end = match text.len() <= characters {
        true => None,
        false => text.char_indices().nth(characters).map(|(end, _)| end),
    };
    match end {
        None => Cut { text: text.into(), whole: None },
        Some(end) => Cut { text: text[..end].into(), whole: Some(text.chars().count()) },
    }
}

/// The roles and texts of messages, each text cut to so many characters.
pub(super) fn asked(messages: &RawValue, characters: usize) -> Vec<(Cow<'_, str>, Cut<'_>)> {
    if let Ok(plain) = serde_json::from_str::<Vec<Plain<'_>>>(messages.get()) {
        return plain.into_iter().map(|plain| plain.shown(characters)).collect();
    }
    let Ok(messages) = serde_json::from_str::<Vec<Message>>(messages.get()) else {
        return vec![("messages".into(), cut(messages.get(), characters))];
    };
    let shown = |message: Message| {
        let mut text = match message.content {
            Content::Text(text) => text,
            Content::Parts(Value::Array(parts)) => {
                parts.iter().map(part).collect::<Vec<_>>().join("\n")
            }
            Content::Parts(_) | Content::Absent => String::new(),
        };
        if let Some(calls) = message.rest.get("tool_calls").and_then(Value::as_array) {
            let lines = calls.iter().map(call);
            text = std::iter::once(text)
                .filter(|text| !text.is_empty())
                .chain(lines)
                .collect::<Vec<_>>()
                .join("\n");
        }
        (message.role.into(), cut(&text, characters).into_owned())
    };
    messages.into_iter().map(shown).collect()
}

/// A message of plain text, which needs no copy unless it has escapes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

impl<'a> Plain<'a> {
    fn shown(self, characters: usize) -> (Cow<'a, str>, Cut<'a>) {
        let cut = match self.content {
            Cow::Borrowed(text) => cut(text, characters),
            Cow::Owned(text) => cut(&text, characters).into_owned(),
        };
        (self.role, cut)
    }
}

/// The tools that an answer calls, a line each; `None` when it calls none.
pub(super) fn tool_calls(answer: &Answer<'_>) -> Option<String> {
    let lines: Vec<String> = answer.tool_calls().iter().map(call).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn call(call: &Value) -> String {
    let text = |at: &str| call.pointer(at).and_then(Value::as_str);
    match text("/function/name") {
        Some(name) => format!("{name}({})", text("/function/arguments").unwrap_or_default()),
        None => call.to_string(),
    }
}

fn part(part: &Value) -> String {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("part");
    if let Some(text) = part.get("text").and_then(Value::as_str) {
        return text.to_owned();
    }
    let address = part.pointer("/image_url/url").and_then(Value::as_str);
    match address {
        Some(address) => format!("[{kind}: {}]", cut(address, ADDRESS).into_text()),
        None => format!("[{kind}]"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(messages: &Value, characters: usize) -> Value {
        let raw = serde_json::value::to_raw_value(messages).unwrap();
        let lines = asked(&raw, characters).into_iter().map(|(role, text)| {
            let mut out = Vec::new();
            text.write(&mut out);
            (role, serde_json::from_slice::<Value>(&out).unwrap())
        });
        serde_json::to_value(lines.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_was_asked_is_shown_as_roles_and_texts() {
        let call = json!({"id": "1", "type": "function",
            "function": {"name": "sum", "arguments": "{\"a\":1}"}});
        let picture = json!({"type": "image_url", "image_url": {"url": "x".repeat(300)}});
        for (message, text) in [
            (json!({"role": "user", "content": "é 1 + 1?"}), json!("é 1 + 1?")),
            (json!({"role": "user", "content": "éé23456789ab"}), json!(["éé23456789", 12])),
            (
                json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "x"}]}),
                json!("a\n[x]"),
            ),
            (
                json!({"role": "user", "content": null, "tool_calls": [call]}),
                json!(["sum({\"a\":1", 12]),
            ),
            (json!({"role": "user"}), json!("")),
        ] {
            assert_eq!(shown(&json!([message]), 10), json!([["user", text]]), "{message}");
        }
        let text = shown(&json!([{"role": "user", "content": [picture]}]), 1000);
        assert_eq!(text[0][1], format!("[image_url: {}…]", "x".repeat(200)));
        assert_eq!(shown(&json!({"a": 1}), 4), json!([["messages", ["{\"a\"", 7]]]));
    }

    #[test]
    fn the_tools_that_an_answer_calls_are_shown() {
        let response = json!({"choices": [{"message": {"tool_calls": [
            {"function": {"name": "f", "arguments": "{}"}}, {"other": 1},
        ]}}]});
        let shown =
            |answer: &Value| tool_calls(&serde_json::from_str(&answer.to_string()).unwrap());
        assert_eq!(shown(&response).unwrap(), "f({})\n{\"other\":1}");
        assert_eq!(shown(&json!({"choices": [{"message": {"content": "x"}}]})), None);
    }
}
