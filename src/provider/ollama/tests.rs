//! What goes out and what is made of what comes back, by hand-written replies.

use serde_json::json;

use super::*;
use crate::call::request::{Message, Params};
use crate::provider::golden;
use crate::provider::quirks::Quirks;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn reply(status: u16, body: impl Into<String>) -> WireReply {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    WireReply { status, headers, body: body.into().into() }
}

fn endpoint(base_url: &str, key: Option<&str>) -> Endpoint {
    Endpoint {
        provider: "ollama".into(),
        base_url: base_url.into(),
        key: key.map(Secret::new),
        ..Endpoint::default()
    }
}

fn encoded(messages: Value, params: Value) -> Result<Value, Failure> {
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    let params: Params = serde_json::from_value(params).expect("params");
    let request =
        Request { model: "llama2".into(), messages, params: params.into(), ..Request::default() };
    let sent = Ollama.encode(&endpoint("http://h", None), &request)?;
    Ok(serde_json::from_slice(&sent.body).expect("json"))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

fn decoded(body: &Value) -> Result<Response, Rejected> {
    Ollama.decode(&reply(200, body.to_string()))
}

fn folded(stream: &str) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for data in stream.lines() {
        let frame = Frame { event: String::new(), data: data.to_owned() };
        match Ollama.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    Err(draft.cut_off())
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_tells() {
    golden::check_params(&Ollama);
}

#[test]
fn a_request_always_says_whether_to_stream() {
    let request = Request {
        model: "llama2".into(),
        messages: vec![Message::text("user", "hi")],
        params: Params::default().into(),
        ..Request::default()
    };
    for base in ["http://h", "http://h/api", "http://h/api/chat"] {
        let sent = Ollama.encode(&endpoint(base, None), &request).expect("it can be said");
        assert_eq!((&*sent.url, sent.key.is_none()), ("http://h/api/chat", true));
        assert_eq!(
            sent.body,
            r#"{"model":"llama2","messages":[{"role":"user","content":"hi"}],"stream":false}"#
        );
    }
    let sent = Ollama.encode(&endpoint("http://h", Some("k")), &request).expect("it can be said");
    let key = sent.key.expect("a key");
    assert_eq!((&*key.name, &*key.prefix, key.key.expose()), ("authorization", "Bearer ", "k"));
    assert_eq!(Ollama.framing(), Framing::Lines);
}

#[test]
fn a_talk_with_tools_and_images_is_said_in_ollamas_words() {
    let body = encoded(
        json!([
            {"role": "developer", "content": "short"},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
            {"role": "assistant", "content": null, "reasoning_content": "Hm.", "tool_calls": [
                {"id": "c1", "type": "function",
                    "function": {"name": "look", "arguments": "{\"w\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "a quay"},
            {"role": "assistant", "function_call": {"name": "see", "arguments": ""}},
            {"role": "function", "name": "see", "content": "again"},
        ]),
        json!({"options": {"num_gpu": 1, "seed": 2}, "seed": 1, "top_k": 5, "truncate": false,
            "extra": {"keep_alive": -1}}),
    )
    .expect("it can be said");
    let said = &body["messages"];
    assert_eq!(said[0], json!({"role": "system", "content": "short"}));
    assert_eq!(said[1], json!({"role": "user", "content": "a\nb", "images": ["AA=="]}));
    assert_eq!(
        said[2],
        json!({"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [
            {"id": "c1", "function": {"index": 0, "name": "look", "arguments": {"w": 1}}}]})
    );
    assert_eq!(
        said[3],
        json!({"role": "tool", "content": "a quay", "tool_name": "look", "tool_call_id": "c1"})
    );
    assert_eq!(said[4]["tool_calls"][0]["function"]["arguments"], json!({}));
    assert_eq!((&said[5]["role"], &said[5]["tool_name"]), (&json!("tool"), &json!("see")));
    assert_eq!(body["options"], json!({"seed": 2, "top_k": 5, "num_gpu": 1}));
    assert_eq!((&body["truncate"], &body["keep_alive"]), (&json!(false), &json!(-1)));
}

#[test]
fn what_cannot_be_said_is_told() {
    let user = |part: Value| json!([{"role": "user", "content": [part]}]);
    let call = json!([{"role": "assistant", "tool_calls": [
        {"function": {"name": "look", "arguments": "{"}}]}]);
    for messages in [
        user(json!({"type": "image_url", "image_url": {"url": "https://h/a.png"}})),
        user(json!({"type": "input_audio", "input_audio": {}})),
        call,
    ] {
        let failure = encoded(messages.clone(), json!({})).expect_err("it cannot be said");
        assert_eq!(failure.kind, FailureKind::BadRequest, "{messages}");
    }
    for (name, value) in [
        ("tools", json!([{"type": "web_search"}])),
        ("tool_choice", json!({"type": "function", "function": {"name": "look"}})),
        ("options", json!(5)),
        ("reasoning_effort", json!("deeply")),
    ] {
        assert!(
            Ollama.accepts(&Quirks::default(), "llama2", name, &value).is_err(),
            "{name}: {value}"
        );
    }
}

#[test]
fn tools_stay_at_home_when_none_may_be_called() {
    let params = json!({"tools": [{"type": "function", "function": {"name": "look"}}],
        "tool_choice": "none", "response_format": {"type": "text"}, "max_completion_tokens": 3,
        "max_tokens": 9});
    let body = encoded(json!([{"role": "user", "content": "hi"}]), params).expect("said");
    assert_eq!(
        (body.get("tools"), body.get("tool_choice"), body.get("format")),
        (None, None, None)
    );
    assert_eq!(body["options"], json!({"num_predict": 3}));
    assert_eq!(body.get("max_tokens"), None);
}

#[test]
fn an_answer_becomes_a_chat_completion() {
    let response = decoded(&json!({"model": "llama2", "created_at": "2026-11-22T08:00:00.123456Z",
        "message": {"role": "assistant", "content": "hi", "thinking": "Hm."}, "done": true,
        "done_reason": "stop", "total_duration": 312_000_000, "prompt_eval_count": 22,
        "eval_count": 3, "new": null}))
    .expect("an answer");
    let body = json_of(&response);
    assert_eq!(body["choices"][0]["message"]["content"], "hi");
    assert_eq!(body["choices"][0]["message"]["reasoning_content"], "Hm.");
    assert_eq!((&body["model"], &body["created"]), (&json!("llama2"), &json!(1_795_334_400)));
    assert_eq!(body["total_duration"], 312_000_000);
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(25));
}

#[test]
fn a_prompt_in_memory_leaves_its_tokens_unknown() {
    let told = |counts: Value| {
        let mut answer = json!({"message": {"content": "hi"}, "done": true});
        answer.as_object_mut().expect("an object").extend(counts.as_object().expect("c").clone());
        decoded(&answer).expect("an answer").usage.map(|usage| (usage.input, usage.output))
    };
    assert_eq!(told(json!({"eval_count": 3})), Some((None, Some(3))));
    assert_eq!(told(json!({"eval_count": 3, "prompt_eval_count": 0})), Some((None, Some(3))));
    assert_eq!(told(json!({"prompt_eval_count": null})), None);
}

#[test]
fn every_done_reason_is_known() {
    for (raw, word) in [("stop", "stop"), ("length", "length"), ("news", "stop")] {
        let answer = json!({"message": {"content": "hi"}, "done": true, "done_reason": raw});
        let response = decoded(&answer).expect("an answer");
        assert_eq!(json_of(&response)["choices"][0]["finish_reason"], word);
        assert_eq!(response.finish_reason_raw.as_deref(), Some(raw));
    }
    for raw in ["load", "unload", "stop"] {
        let answer = json!({"message": {"content": ""}, "done": true, "done_reason": raw});
        let failure = decoded(&answer).expect_err("empty").failure;
        assert_eq!(failure.kind, FailureKind::ApiResponseValidation);
    }
    let calls = json!({"message": {"content": "", "tool_calls": [
        {"function": {"name": "look", "arguments": {"w": 1}}}, {"id": "x", "function": {"name": "no"}}]},
        "done": true, "done_reason": "stop"});
    let choice = &json_of(&decoded(&calls).expect("an answer"))["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    assert_eq!(
        choice["message"]["tool_calls"],
        json!([{"id": "call_0", "type": "function",
                "function": {"name": "look", "arguments": "{\"w\":1}"}},
            {"id": "x", "type": "function", "function": {"name": "no", "arguments": "{}"}}])
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    for body in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"message":null}"#,
        r#"{"message":{"content":"a"},"done":false}"#,
    ] {
        let failure = Ollama.decode(&reply(200, body)).expect_err(body).failure;
        assert_eq!(failure.kind, FailureKind::ApiResponseValidation, "{body}");
    }
    let failure = decoded(&json!({"error": "runner died"})).expect_err("an error").failure;
    assert_eq!((failure.kind, &*failure.message), (FailureKind::InternalServer, "runner died"));
}

#[test]
fn a_status_and_its_words_name_the_kind() {
    use FailureKind as Kind;
    for (status, words, kind, retryable) in [
        (400, "llama2 does not support tools", Kind::UnsupportedParams, false),
        (400, "llama2 does not support chat", Kind::BadRequest, false),
        (400, "the input exceeds the model's context", Kind::ContextWindowExceeded, false),
        (400, "bad options", Kind::BadRequest, false),
        (401, "unauthorized", Kind::Authentication, false),
        (403, "no", Kind::PermissionDenied, false),
        (404, "model 'llama9' not found", Kind::NotFound, false),
        (404, "404 page", Kind::NotFound, false),
        (429, "too many requests", Kind::RateLimit, true),
        (
            500,
            "model requires more system memory (8 GiB) than is available",
            Kind::InternalServer,
            false,
        ),
        (500, "runner died", Kind::InternalServer, true),
        (502, "cloud is away", Kind::ServiceUnavailable, true),
        (503, "server busy, maximum pending requests exceeded", Kind::ServiceUnavailable, true),
    ] {
        let body = json!({"error": words, "signin_url": "https://h"}).to_string();
        let failure = Ollama.decode(&reply(status, body)).expect_err(words).failure;
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {words}");
        assert!(failure.message.starts_with(words), "{}", failure.message);
        assert_eq!(failure.message.contains("ollama pull"), words.contains("llama9"));
    }
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let response = folded(
        r#"{"model":"llama2","created_at":"2026-11-22T08:00:00Z","message":{"role":"assistant","thinking":"Hm."},"done":false}
{"model":"llama2","created_at":"2026-11-22T08:00:00Z","message":{"role":"assistant","content":"h"},"done":false}
{"model":"llama2","message":{"role":"assistant","content":"i"},"done":false}
{"model":"llama2","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"look","arguments":{}}}]},"done":false}
{"model":"llama2","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":22,"eval_count":3}"#,
    )
    .expect("an answer");
    let body = json_of(&response);
    let choice = &body["choices"][0];
    assert_eq!(
        (&choice["message"]["content"], &choice["finish_reason"]),
        (&json!("hi"), &json!("tool_calls"))
    );
    assert_eq!(choice["message"]["reasoning_content"], "Hm.");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "look");
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(25));
}

#[test]
fn a_stream_that_breaks_off_keeps_its_text() {
    let start = r#"{"message":{"content":"Hel"},"done":false}"#;
    for (end, kind) in [
        ("", FailureKind::ApiResponseValidation),
        (r#"{"message":{"#, FailureKind::ApiResponseValidation),
        (r#"{"error":"runner died"}"#, FailureKind::InternalServer),
    ] {
        let rejected = folded(&format!("{start}\n{end}")).expect_err(end);
        assert_eq!((rejected.failure.kind, rejected.failure.retryable), (kind, true), "{end}");
        assert!(rejected.response.expect("its text").body.get().contains("Hel"));
    }
}
