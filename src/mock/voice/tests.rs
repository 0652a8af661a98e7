//! What the voices have in common: each hears the same talk, whatever its form, and refuses in its
//! own words.

use std::borrow::Cow;
use std::time::Duration;

use hyper::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::Asked;
use super::table::{Errand, Place, place};
use crate::mock::answer::{Answer, Question};
use crate::mock::answers::Answers;
use crate::mock::refusal::Refusal;

/// A path of each dialect, and the same talk in its form.
fn talks() -> Vec<(&'static str, Value)> {
    let result = |text: &str| json!({"type": "tool_result", "tool_use_id": "t", "content": text});
    let image = json!({"type": "image", "source": {"type": "base64", "data": "aGk="}});
    let text = |text: &str| json!({"type": "text", "text": text});
    let openai = json!([
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [text("one"), {"type": "image_url"}, text("two")]},
        {"role": "assistant", "tool_calls": [{"id": "t"}]},
        {"role": "tool", "tool_call_id": "t", "content": "a \"result\""},
    ]);
    let system_alone = |role: &str| json!({"role": role, "parts": [{"text": "Be short."}]});
    let called = json!({"name": "f", "response": {"output": "a \"result\""}});
    vec![
        ("/v1/chat/completions", json!({"model": "lark", "max_tokens": 9, "messages": openai})),
        (
            "/openai/deployments/lark/chat/completions",
            json!({"model": "ignored", "max_completion_tokens": 9, "messages": openai}),
        ),
        ("/v2/chat", json!({"model": "lark", "max_tokens": 9, "messages": openai})),
        (
            "/api/chat",
            json!({"model": "lark:latest", "stream": false, "options": {"num_predict": 9}, "messages": [
                {"role": "system", "content": "Be short."},
                {"role": "user", "content": "one\ntwo", "images": ["aGk="]},
                {"role": "assistant", "content": "", "tool_calls": []},
                {"role": "tool", "content": "a \"result\"", "tool_name": "f"},
            ]}),
        ),
        (
            "/v1/messages",
            json!({"model": "lark", "max_tokens": 9, "system": [text("Be short.")], "messages": [
                {"role": "user", "content": [text("one"), image, text("two")]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "input": {}}]},
                {"role": "user", "content": [result("a \"result\"")]},
            ]}),
        ),
        (
            "/v1beta/models/lark:generateContent",
            json!({"system_instruction": system_alone("user"),
            "generationConfig": {"maxOutputTokens": 9}, "contents": [
                {"role": "user", "parts": [{"text": "one"}, {"inlineData": {}}, {"text": "two"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
                {"role": "user", "parts": [{"functionResponse": called}]},
            ]}),
        ),
        (
            "/model/lark/converse",
            json!({"system": [{"text": "Be short."}, {"cachePoint": {"type": "default"}}],
            "inferenceConfig": {"maxTokens": 9}, "messages": [
                {"role": "user", "content": [{"text": "one"}, {"image": {}}, {"text": "two"}]},
                {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t"}}]},
                {"role": "user", "content": [{"toolResult": {"content": [{"text": "a \"result\""}]}}]},
            ]}),
        ),
    ]
}

fn at(path: &str) -> Place<'static> {
    let uri: Uri = path.parse().expect("a path");
    place(Box::leak(Box::new(uri)), &HeaderMap::new())
}

fn heard<'b>(path: &str, body: &'b [u8]) -> Result<Question<'b>, Refusal> {
    let Place { voice, errand } = at(path);
    let Errand::Completion { model, streamed } = errand else { panic!("{path}: no completion") };
    voice.hear(Asked { model, streamed, body })
}

#[test]
fn the_same_talk_is_heard_in_every_dialect() {
    let said = [
        ("system", "Be short."),
        ("user", "one\ntwo"),
        ("assistant", ""),
        ("tool", "a \"result\""),
    ];
    for (path, body) in talks() {
        let body = body.to_string();
        let question = heard(path, body.as_bytes()).expect("a question");
        let talk: Vec<_> =
            question.messages.iter().map(|said| (&*said.role, &*said.text)).collect();
        assert_eq!(talk, said, "{path}");
        assert_eq!((&*question.model, question.max_tokens), ("lark", Some(9)), "{path}");
        assert!(!question.stream, "{path}");
    }
}

#[test]
fn responses_are_heard_in_items_too() {
    let body = json!({"model": "lark", "instructions": "Be short.", "max_output_tokens": 16, "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "one"},
            {"type": "input_image", "image_url": "data:"}, {"type": "input_text", "text": "two"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "a result"},
    ]});
    let body = body.to_string();
    let question = heard("/v1/responses", body.as_bytes()).expect("a question");
    let talk: Vec<_> = question.messages.iter().map(|said| (&*said.role, &*said.text)).collect();
    assert_eq!(talk, [("system", "Be short."), ("user", "one\ntwo"), ("tool", "a result")]);
    let plain = br#"{"model":"lark","input":"hi"}"#;
    let question = heard("/v1/responses", plain).expect("a question");
    assert!(matches!(question.messages[0].text, Cow::Borrowed("hi")));
}

#[test]
fn what_is_no_question_is_refused() {
    let message = json!([{"role": "user", "content": "hi"}]);
    for (path, body, wanted) in [
        ("/v1/responses", json!({"model": "m"}), "Missing required parameter: 'input'."),
        (
            "/v1/responses",
            json!({"model": "m", "input": "hi", "max_output_tokens": 5}),
            "Invalid 'max_output_tokens'",
        ),
        ("/v1/messages", json!({"model": "m", "messages": message}), "max_tokens: Field required"),
        (
            "/v1/messages",
            json!({"model": "m", "max_tokens": 1, "messages": []}),
            "messages: at least one",
        ),
        (
            "/v1beta/models/m:generateContent",
            json!({}),
            "* GenerateContentRequest.contents: contents is not specified",
        ),
        ("/v2/chat", json!({"messages": message}), "invalid request: model is required"),
        ("/v2/chat", json!({"model": "m"}), "invalid request: list of messages must not be empty"),
        ("/api/chat", json!({"messages": message}), "model is required"),
        ("/model/m/converse", json!({}), "The messages field"),
        ("/model/m/converse", json!({"messages": 4}), "Malformed input request: invalid type"),
    ] {
        let body = body.to_string();
        let refusal = heard(path, body.as_bytes()).expect_err("no question");
        assert!(refusal.message.starts_with(wanted), "{path}: {}", refusal.message);
        assert_eq!(refusal.status, 400, "{path}");
    }
}

#[test]
fn ollama_streams_unless_told_otherwise() {
    let body = br#"{"model":"lark","messages":[{"role":"user","content":"hi"}]}"#;
    assert!(heard("/api/chat", body).expect("a question").stream);
    assert!(!heard("/v2/chat", body).expect("a question").stream);
}

#[test]
fn a_refusal_has_its_vendors_form() {
    let refusal = Refusal::rate_limit("lark", Duration::from_millis(1_250));
    let message = &refusal.message;
    let google = json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.250s"}]}});
    let vertex = "/v1/projects/p/locations/l/publishers/anthropic/models/lark:rawPredict";
    for (path, wanted) in [
        (
            "/v1/responses",
            json!({"error": {"message": message, "type": "requests", "param": null, "code": "rate_limit_exceeded"}}),
        ),
        (
            "/v1/messages",
            json!({"type": "error", "error": {"type": "rate_limit_error", "message": message}, "request_id": "r"}),
        ),
        ("/v1beta/models/lark:streamGenerateContent?alt=sse", google.clone()),
        ("/v1beta/models/lark:streamGenerateContent", json!([google.clone()])),
        (vertex, google.clone()),
        ("/v2/chat", json!({"id": "r", "message": message})),
        ("/api/chat", json!({"error": message})),
        ("/model/lark/converse", json!({"message": message})),
    ] {
        let voice = at(path).voice;
        let told: Value = serde_json::from_slice(&voice.refuse(&refusal, "r")).expect("JSON");
        assert_eq!(told, wanted, "{path}");
        let name = (path.starts_with("/model/")).then_some("ThrottlingException");
        assert_eq!(voice.name(&refusal), name, "{path}");
    }
    let bad = at(vertex).voice.refuse(&Refusal::bad_request("no"), "r");
    assert!(bad.starts_with(br#"{"type":"error","error":{"type":"invalid_request_error""#));
}

#[test]
fn a_stream_of_gemini_without_events_is_one_list() {
    let prepared = Answers::default();
    for text in ["hi", "one two three"] {
        let question = Question::of("echo", text);
        let answer = Answer::to(&question, 10, &prepared);
        let voice = at("/v1beta/models/echo:streamGenerateContent").voice;
        let list: Vec<Value> =
            serde_json::from_slice(&voice.say_in_pieces(&question, &answer).concat())
                .expect("a list");
        let said: String = list
            .iter()
            .filter_map(|piece| piece["candidates"][0]["content"]["parts"][0]["text"].as_str())
            .collect();
        assert_eq!(said, text);
        assert!(
            list.iter().rev().skip(1).all(|piece| piece["candidates"][0]["finishReason"].is_null())
        );
        assert_eq!(list.last().expect("one")["candidates"][0]["finishReason"], "STOP");
    }
}
