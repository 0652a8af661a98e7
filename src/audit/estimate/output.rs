//! How long an answer will likely be, where no earlier answer tells.

use std::borrow::Cow;

use serde_json::Value;

use crate::call::request::{Message, Params, Request};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::answers::Answers;
use crate::mock::dice::Dice;

/// An answer to a question that asks for nothing in particular.
const USUAL: u64 = 250;
/// An answer as JSON without a schema.
const JSON: u64 = 120;
/// An answer that is one word, letter or number.
const WORD: u64 = 4;
/// An answer of a sentence, and one that is to be short.
const SENTENCE: u64 = 30;
const SHORT: u64 = 80;

/// What in a prompt asks for an answer of some length. The first that is found counts.
const WISHES: [(&[&str], u64); 4] = [
    (
        &[
            "one word",
            "single word",
            "number alone",
            "only the number",
            "just the number",
            "a number",
            "single number",
            "yes or no",
            "true or false",
            "only the letter",
            "single letter",
            "one letter",
            "only the label",
            "a single digit",
        ],
        WORD,
    ),
    (&["one sentence", "single sentence", "a sentence", "one line", "single line"], SENTENCE),
    (&["briefly", "in short", "be brief", "be concise", "short answer", "two sentences"], SHORT),
    (&["one paragraph", "a paragraph", "summarize", "summarise", "summary"], 150),
];

/// The tokens of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// All output tokens, over all choices.
    pub output: u64,
    /// Those of them that are reasoning.
    pub reasoning: u64,
    /// Whether the allowed tokens end it.
    pub is_cut: bool,
}

/// The answer that the built-in provider will give: its input tokens and its output tokens.
pub fn builtin(request: &Request, prepared: &Answers) -> (u64, u64) {
    let said = |message: &Message| Said {
        role: Cow::Owned(message.role.clone()),
        text: Cow::Owned(message.plain_text()),
    };
    let question = Question {
        model: Cow::Borrowed(&request.model),
        messages: request.messages.iter().map(said).collect(),
        max_tokens: request.params.max_tokens(),
        choices: u32::try_from(request.params.choices()).unwrap_or(u32::MAX),
        stream: false,
        stream_usage: false,
    };
    // The seed changes latencies and faults, and no answer.
    let form = request.params.get("response_format");
    let form = form.and_then(|format| format.pointer("/json_schema/schema"));
    let id = Dice::new(0, &question).question();
    let answer = Answer::in_form(&question, id, prepared, form);
    (answer.prompt_tokens, answer.completion_tokens)
}

/// What is assumed of an answer, by what the prompt obviously asks for; `reasons` says whether the
/// model thinks before it answers.
pub fn assumed(request: &Request, reasons: bool) -> Length {
    let params = &request.params;
    let (said, thought) = (visible(request), if reasons { thoughts(params) } else { 0 });
    let wanted = said + thought;
    let most = params.max_tokens().unwrap_or(u64::MAX);
    let n = params.choices();
    Length {
        output: wanted.min(most).saturating_mul(n),
        reasoning: thought.min(most).saturating_mul(n),
        is_cut: wanted > most,
    }
}

/// Tokens that can be seen of an answer.
fn visible(request: &Request) -> u64 {
    if let Some(format) = request.params.get("response_format") {
        let schema = format.get("json_schema");
        match (format.get("type").and_then(Value::as_str), schema) {
            // An instance has the names of its schema, and values about as long.
            (_, Some(schema)) => return properties(schema).clamp(2, 200) * 12,
            (Some("json_object"), None) => return JSON,
            _ => {}
        }
    }
    let asks = |message: &&Message| matches!(&*message.role, "system" | "developer" | "user");
    let talk = request.messages.iter().filter(asks);
    // A wish stands at the beginning or at the end of a message, and a text may be long.
    let texts: Vec<String> = talk.map(|message| edges(&message.plain_text())).collect();
    let is_wished = |words: &&str| texts.iter().any(|text| text.contains(*words));
    let wish = WISHES.iter().find(|(words, _)| words.iter().any(is_wished));
    wish.map_or(USUAL, |(_, tokens)| *tokens)
}

/// The first and the last 300 bytes of a text, in lower case.
fn edges(text: &str) -> String {
    const EDGE: usize = 300;
    if text.len() <= 2 * EDGE {
        return text.to_lowercase();
    }
    let begin = &text[..text.floor_char_boundary(EDGE)];
    let end = &text[text.ceil_char_boundary(text.len() - EDGE)..];
    format!("{begin} {end}").to_lowercase()
}

/// How many properties a JSON Schema names, at all levels.
fn properties(schema: &Value) -> u64 {
    match schema {
        Value::Object(map) => {
            let own = map.get("properties").and_then(Value::as_object).map_or(0, |map| map.len());
            own as u64 + map.values().map(properties).sum::<u64>()
        }
        Value::Array(items) => items.iter().map(properties).sum(),
        _ => 0,
    }
}

/// Tokens of thought, by the effort that is asked for.
fn thoughts(params: &Params) -> u64 {
    match params.get("reasoning_effort").and_then(Value::as_str) {
        Some("none" | "disable") => 0,
        Some("minimal") => 64,
        Some("low") => 250,
        None | Some("medium") => 700,
        Some(_) => 2_000,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(text: &str, params: Value) -> Request {
        let params: Params = serde_json::from_value(params).expect("params");
        Request { params: params.into(), ..Request::new("m").system("Be kind.").user(text) }
    }

    #[test]
    fn an_answer_is_assumed_by_what_is_asked_and_bounded_by_what_is_allowed() {
        let long = format!("{} Answer with yes or no.", "word ".repeat(1_000));
        let format = json!({"response_format": {"type": "json_schema", "json_schema": {"schema":
            {"properties": {"a": {}, "b": {"properties": {"c": {}}}}}}}});
        for (text, params, output, is_cut) in [
            ("What is love?", json!({}), 250, false),
            ("What is love?", json!({"max_tokens": 64}), 64, true),
            ("What is love?", json!({"max_completion_tokens": 64, "n": 3}), 192, true),
            ("In ONE WORD: why?", json!({"max_tokens": 64}), 4, false),
            (&long, json!({}), 4, false),
            ("Fill it in.", format, 36, false),
        ] {
            let told = assumed(&asked(text, params), false);
            assert_eq!((told.output, told.is_cut), (output, is_cut), "{text:.20}");
        }
        let deep = assumed(&asked("Why?", json!({"reasoning_effort": "low", "n": 2})), true);
        assert_eq!((deep.output, deep.reasoning), (1_000, 500));
    }

    #[test]
    fn the_built_in_provider_is_foreseen() {
        let mut request = asked("twelve chars", json!({"max_tokens": 2}));
        request.model = "echo".into();
        assert_eq!(builtin(&request, &Answers::default()), (3 + 4 + 2 + 4 + 3, 2));
    }
}
