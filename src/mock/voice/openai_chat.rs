//! The voice of `OpenAI`'s chat completions, and of Azure's.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Asked, CREATED, Voice, event, json, words};
use crate::mock::answer::{Answer, Choice, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::{Content, Words, text};
use crate::mock::voice::headings::Headings;

/// `OpenAI` allows this many choices.
const MOST_CHOICES: u32 = 128;

/// The voice of chat completions.
#[derive(Debug)]
pub struct OpenAiChat {
    /// What its headers are called: Azure writes some of them in another way.
    pub headings: &'static Headings,
    /// Whether a stream tells the tokens without being asked for them.
    pub tells_tokens: bool,
}

impl Voice for OpenAiChat {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let question = hear(asked)?;
        Ok(Question { stream_usage: question.stream_usage || self.tells_tokens, ..question })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        say(question, answer)
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        say_in_pieces(question, answer)
    }

    fn refuse(&self, refusal: &Refusal, _id: &str) -> Vec<u8> {
        refuse(refusal)
    }

    fn headings(&self) -> &'static Headings {
        self.headings
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Message<'a>>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u32>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

fn hear(asked: Asked<'_>) -> Result<Question<'_>, Refusal> {
    let body: Body<'_> = serde_json::from_slice(asked.body).map_err(|error| unreadable(&error))?;
    let Some(model) = asked.model.or(body.model.map(|Words(model)| model)) else {
        let message = "you must provide a model parameter";
        return Err(Refusal::bad_param("model", "missing_required_parameter", message));
    };
    let Some(messages) = body.messages else {
        let message = "Missing required parameter: 'messages'.";
        return Err(Refusal::bad_param("messages", "missing_required_parameter", message));
    };
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, \
                       but got an empty array instead.";
        return Err(Refusal::bad_param("messages", "empty_array", message));
    }
    let max_tokens = body.max_completion_tokens.or(body.max_tokens);
    if max_tokens == Some(0) {
        let message = "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, \
                       but got 0 instead.";
        return Err(Refusal::bad_param("max_tokens", "integer_below_min_value", message));
    }
    let choices = body.n.unwrap_or(1);
    if !(1..=MOST_CHOICES).contains(&choices) {
        let message = format!("Invalid 'n': expected 1 to {MOST_CHOICES}, but got {choices}.");
        return Err(Refusal::bad_param("n", "invalid_value", message));
    }
    let messages = messages
        .into_iter()
        .map(|message| Said { role: message.role, text: text(message.content) });
    Ok(Question {
        model,
        messages: messages.collect(),
        max_tokens,
        choices,
        stream: body.stream.unwrap_or(asked.streamed),
        stream_usage: body.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
    })
}

/// A body that is no JSON, or not that of a request.
pub(super) fn unreadable(error: &serde_json::Error) -> Refusal {
    if error.is_data() {
        return Refusal::bad_request(format!("Invalid request body: {error}."));
    }
    Refusal::bad_request(format!(
        "We could not parse the JSON body of your request. ({error}) \
         The OpenAI API expects a JSON payload, but what was sent was not valid JSON."
    ))
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<WholeChoice<'a>>,
    usage: Usage,
}

#[derive(Serialize)]
struct WholeChoice<'a> {
    index: usize,
    message: Reply<'a>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Reply<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Clone, Copy, Serialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
    completion_tokens_details: CompletionTokens,
}

#[derive(Clone, Copy, Serialize)]
struct PromptTokens {
    cached_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct CompletionTokens {
    reasoning_tokens: u64,
}

/// A `chat.completion`.
fn say(question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
    let choices = answer.choices.iter().enumerate().map(|(index, choice)| WholeChoice {
        index,
        message: Reply { role: "assistant", content: &choice.text },
        finish_reason: finish_reason(choice),
    });
    json(&Completion {
        id: &id(answer),
        object: "chat.completion",
        created: CREATED,
        model: &question.model,
        choices: choices.collect(),
        usage: usage(answer),
    })
}

fn id(answer: &Answer<'_>) -> String {
    format!("chatcmpl-mock-{:016x}", answer.id)
}

fn finish_reason(choice: &Choice<'_>) -> &'static str {
    if choice.cut { "length" } else { "stop" }
}

fn usage(answer: &Answer<'_>) -> Usage {
    Usage {
        prompt_tokens: answer.prompt_tokens,
        completion_tokens: answer.completion_tokens,
        total_tokens: answer.prompt_tokens + answer.completion_tokens,
        prompt_tokens_details: PromptTokens { cached_tokens: 0 },
        completion_tokens_details: CompletionTokens { reasoning_tokens: 0 },
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [ChunkChoice<'a>],
    /// Left out of a stream that does not tell it; null until the last chunk of one that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Told>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    NotYet,
    Now(Usage),
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: usize,
    delta: Delta<'a>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
}

/// Server-sent events without names, the last of them `[DONE]`.
fn say_in_pieces(question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
    let id = id(answer);
    let chunk = |choices: &[ChunkChoice<'_>], usage: Told| {
        event(&Chunk {
            id: &id,
            object: "chat.completion.chunk",
            created: CREATED,
            model: &question.model,
            choices,
            usage: question.stream_usage.then_some(usage),
        })
    };
    let mut events = Vec::new();
    for (index, choice) in answer.choices.iter().enumerate() {
        let mut piece = |delta, finish_reason| {
            events.push(chunk(&[ChunkChoice { index, delta, finish_reason }], Told::NotYet));
        };
        piece(Delta { role: Some("assistant"), content: Some("") }, None);
        for word in words(choice) {
            piece(Delta { role: None, content: Some(word) }, None);
        }
        piece(Delta::default(), Some(finish_reason(choice)));
    }
    if question.stream_usage {
        events.push(chunk(&[], Told::Now(usage(answer))));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events
}

#[derive(Serialize)]
struct Error<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

/// `OpenAI`'s error object.
pub(super) fn refuse(refusal: &Refusal) -> Vec<u8> {
    let Refusal { kind, code, param, message, .. } = refusal;
    json(&Error { error: ErrorBody { message, r#type: kind, param: *param, code: *code } })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::mock::answers::Answers;

    fn hear(body: &[u8]) -> Result<Question<'_>, Refusal> {
        super::hear(Asked { model: None, streamed: false, body })
    }

    fn heard(body: &Value) -> Result<(String, Vec<String>), String> {
        let body = serde_json::to_vec(body).expect("json");
        let question = hear(&body).map_err(|refusal| refusal.message)?;
        let texts = question.messages.iter().map(|said| said.text.clone().into_owned());
        Ok((question.model.clone().into_owned(), texts.collect()))
    }

    #[test]
    fn every_form_of_content_is_heard() {
        let body = json!({"model": "lark", "unknown": {"a": [1]}, "messages": [
            {"role": "system", "content": "plain", "name": "x"},
            {"role": "user", "content": "with \"escapes\" and é\n"},
            {"role": "user", "content": [
                {"type": "text", "text": "one"},
                {"type": "image_url", "image_url": {"url": "data:..."}},
                {"type": "text", "text": "two\t"}]},
            {"role": "assistant", "content": null},
            {"role": "assistant", "tool_calls": []},
        ]});
        let (model, texts) = heard(&body).expect("a question");
        assert_eq!(model, "lark");
        assert_eq!(texts, ["plain", "with \"escapes\" and é\n", "one\ntwo\t", "", ""]);
    }

    #[test]
    fn a_plain_text_is_not_copied() {
        let body = br#"{"model":"lark","messages":[{"role":"user","content":"hi"}]}"#;
        let question = hear(body).expect("a question");
        assert!(matches!(question.messages[0].text, Cow::Borrowed("hi")));
        assert!(matches!(question.model, Cow::Borrowed("lark")));
    }

    #[test]
    fn a_bad_request_is_told_what_is_wrong() {
        let message = json!([{"role": "user", "content": "hi"}]);
        for (body, wanted) in [
            (json!({"messages": message}), "you must provide a model parameter"),
            (json!({"model": "m"}), "Missing required parameter: 'messages'."),
            (json!({"model": "m", "messages": []}), "Invalid 'messages': empty array."),
            (json!({"model": "m", "messages": message, "max_tokens": 0}), "Invalid 'max_tokens'"),
            (json!({"model": "m", "messages": message, "n": 0}), "Invalid 'n': expected 1 to 128"),
            (json!({"model": 4, "messages": message}), "Invalid request body: invalid type"),
            (json!([]), "Invalid request body"),
        ] {
            let told = heard(&body).expect_err("a refusal");
            assert!(told.starts_with(wanted), "{told}");
        }
        assert!(hear(b"{").expect_err("a refusal").message.starts_with("We could not parse"));
    }

    #[test]
    fn an_answer_has_the_form_of_a_chat_completion() {
        let question = Question { max_tokens: Some(1), ..Question::of("mock/echo", "hello there") };
        let prepared = Answers::default();
        let answer = Answer::to(&question, 10, &prepared);
        let said: Value = serde_json::from_slice(&say(&question, &answer)).expect("json");
        assert_eq!(
            said,
            json!({
                "id": "chatcmpl-mock-000000000000000a", "object": "chat.completion",
                "created": CREATED, "model": "mock/echo",
                "choices": [{"index": 0, "finish_reason": "length",
                    "message": {"role": "assistant", "content": "hell"}}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11,
                    "prompt_tokens_details": {"cached_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0}},
            })
        );
    }

    fn pieces(stream_usage: bool) -> Vec<Value> {
        let question = Question { stream_usage, ..Question::of("echo", "hello there") };
        let prepared = Answers::default();
        let answer = Answer::to(&question, 10, &prepared);
        let mut events = say_in_pieces(&question, &answer);
        assert_eq!(events.pop().as_deref(), Some(&b"data: [DONE]\n\n"[..]));
        let data = |event: &Bytes| {
            let text = std::str::from_utf8(event).expect("utf-8");
            let text = text.strip_prefix("data: ").and_then(|text| text.strip_suffix("\n\n"));
            serde_json::from_str(text.expect("an event")).expect("json")
        };
        events.iter().map(data).collect()
    }

    #[test]
    fn the_pieces_of_a_stream_add_up() {
        let chunks = pieces(false);
        let deltas: Vec<&Value> = chunks.iter().map(|c| &c["choices"][0]["delta"]).collect();
        assert_eq!(deltas[0], &json!({"role": "assistant", "content": ""}));
        assert_eq!(deltas[1..3], [&json!({"content": "hello "}), &json!({"content": "there"})]);
        assert_eq!(
            chunks[3]["choices"][0],
            json!({"index": 0, "delta": {}, "finish_reason": "stop"})
        );
        assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));

        let chunks = pieces(true);
        let (last, others) = chunks.split_last().expect("chunks");
        assert_eq!(last["choices"], json!([]));
        assert_eq!(last["usage"]["total_tokens"], json!(3 + 4 + 3 + 3));
        assert!(
            others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some())
        );
    }
}
