//! What goes out and what is made of what comes back, by hand-written replies.

use serde_json::json;

use super::*;
use crate::call::completion::Completion;
use crate::call::failure::{FailureKind, Remedy};
use crate::call::request::Message;
use crate::call::usage::Usage;
use crate::provider::golden;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn reply(status: u16, body: impl Into<String>) -> WireReply {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    WireReply { status, headers, body: body.into().into() }
}

fn answer(finish: &Value, message: &Value, usage: &Value) -> String {
    json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "finish_reason": finish, "message": message}], "usage": usage, "own": [1]})
    .to_string()
}

fn decoded(body: impl Into<String>) -> Result<Response, Rejected> {
    OpenAiChat.decode(&reply(200, body))
}

fn usage(counts: &Value) -> Option<Usage> {
    let said = json!({"role": "assistant", "content": "hi"});
    decoded(answer(&json!("stop"), &said, counts)).expect("an answer").usage
}

#[test]
fn a_request_goes_out_as_it_was_stated_and_no_more() {
    let params: Params =
        serde_json::from_value(json!({"temperature": 0, "max_tokens": 5, "extra": {"k": [1]}}))
            .expect("params");
    let request = Request {
        model: "gpt-4o-mini".into(),
        messages: vec![Message::text("system", "short"), Message::text("user", "hi")],
        params: params.into(),
        ..Request::default()
    };
    let endpoint = Endpoint {
        provider: "lab".into(),
        base_url: "http://h/v1".into(),
        key: Some(Secret::new("sk-1")),
        ..Endpoint::default()
    };
    let sent = OpenAiChat.encode(&endpoint, &request).expect("it can be said");
    assert_eq!(sent.url, "http://h/v1/chat/completions");
    let key = sent.key.expect("a key");
    assert_eq!((&*key.name, &*key.prefix, key.key.expose()), ("authorization", "Bearer ", "sk-1"));
    assert_eq!(
        std::str::from_utf8(&sent.body).expect("text"),
        r#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"short"},{"role":"user","content":"hi"}],"temperature":0,"max_tokens":5,"k":[1]}"#
    );
}

#[test]
fn an_answer_in_form_is_kept_byte_for_byte() {
    let body = answer(&json!("stop"), &json!({"role": "assistant", "content": "hi"}), &json!(null));
    let response = decoded(body.clone()).expect("an answer");
    assert_eq!(response.body.get(), body);
    assert_eq!(response.finish_reason_raw.as_deref(), Some("stop"));
    assert_eq!(response.usage, None);
}

#[test]
fn a_hosts_own_words_become_openais() {
    let said = json!({"role": "assistant", "content": "hi"});
    for (theirs, ours) in [("eos", "stop"), ("max_tokens", "length"), ("strange", "stop")] {
        let response = decoded(answer(&json!(theirs), &said, &json!(null))).expect("an answer");
        let body: Value = serde_json::from_str(response.body.get()).expect("json");
        assert_eq!(body["choices"][0]["finish_reason"], ours);
        assert_eq!(body["own"], json!([1]));
        assert_eq!(response.finish_reason_raw.as_deref(), Some(theirs));
    }
    let calls = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "t"}]});
    let response = decoded(answer(&json!(null), &calls, &json!(null))).expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let pretty = serde_json::to_string_pretty(&body).expect("json");
    assert!(!decoded(pretty).expect("an answer").body.get().contains('\n'));
}

#[test]
fn of_a_key_that_stands_twice_the_last_counts() {
    for twice in [r#""model":"a","model":"b""#, r#""id":"a","model":"b","id":"c""#, r#""model":7"#]
    {
        let said = r#"{"role":"assistant","content":"no","content":"yes"}"#;
        let once = r#"{"role":"assistant","content":"yes"}"#;
        for said in [said, once] {
            let body = format!(
                r#"{{"id":"x","object":"chat.completion",{twice},"choices":[{{"message":{said},"finish_reason":"stop"}}]}}"#
            );
            let response = decoded(body).expect("an answer");
            let completion: Completion = serde_json::from_str(response.body.get()).expect("read");
            assert_eq!(completion.choices[0].message.content, "yes");
        }
    }
}

#[test]
fn an_answer_with_nothing_in_it_is_an_error_that_keeps_its_tokens() {
    let counts = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    for (finish, message, kind, remedy) in [
        ("stop", json!({"content": ""}), FailureKind::ApiResponseValidation, Remedy::RetryOnce),
        ("stop", json!({"content": " \n"}), FailureKind::ApiResponseValidation, Remedy::RetryOnce),
        ("stop", json!({"content": null}), FailureKind::ApiResponseValidation, Remedy::RetryOnce),
        ("length", json!({"content": ""}), FailureKind::ApiResponseValidation, Remedy::GiveUp),
        (
            "content_filter",
            json!({"content": "I"}),
            FailureKind::ContentPolicyViolation,
            Remedy::GiveUp,
        ),
        ("network_error", json!({}), FailureKind::InternalServer, Remedy::Retry),
    ] {
        let rejected = decoded(answer(&json!(finish), &message, &counts)).expect_err(finish);
        assert_eq!((rejected.failure.kind, rejected.failure.remedy()), (kind, remedy), "{message}");
        let usage = rejected.response.expect("what came").usage.expect("the tokens");
        assert_eq!(usage.total_tokens(), Some(5));
    }
    for body in [r#"{"choices":[]}"#, "{}"] {
        let failure = decoded(body).expect_err("no choices").failure;
        assert_eq!(failure.kind, FailureKind::ApiResponseValidation);
    }
    let declined = json!({"content": null, "refusal": "I will not."});
    assert!(decoded(answer(&json!("stop"), &declined, &json!(null))).is_ok());
}

#[test]
fn what_is_no_answer_at_all_is_told_as_such() {
    let failure = decoded(r#"{"error":{"message":"slow","code":429}}"#).expect_err("error").failure;
    assert_eq!(failure.kind, FailureKind::RateLimit);
    for body in ["", "<html>", r#"{"choices":[{"#, "[]", "\u{1F980}"] {
        let failure = decoded(body).expect_err(body).failure;
        assert_eq!(failure.kind, FailureKind::ApiResponseValidation, "{body}");
        assert!(failure.retryable, "{body}");
    }
}

#[test]
fn tokens_are_taken_apart_once() {
    let told = usage(&json!({"prompt_tokens": 1210, "completion_tokens": 96, "total_tokens": 1306,
        "prompt_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 6},
        "completion_tokens_details": {"reasoning_tokens": 64}}))
    .expect("told");
    assert_eq!((told.input, told.cached, told.cache_write), (Some(180), Some(1024), Some(6)));
    assert_eq!((told.output, told.reasoning), (Some(32), Some(64)));
    assert_eq!(told.total_tokens(), Some(1306));

    let xai = usage(&json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 35,
        "completion_tokens_details": {"reasoning_tokens": 20}}))
    .expect("told");
    assert_eq!((xai.output, xai.reasoning, xai.total_tokens()), (Some(5), Some(20), Some(35)));

    let deepseek = usage(&json!({"prompt_tokens": 10, "completion_tokens": 5,
        "prompt_cache_hit_tokens": 8}))
    .expect("told");
    assert_eq!((deepseek.input, deepseek.cached), (Some(2), Some(8)));

    assert_eq!(usage(&json!({"prompt_tokens": 0, "completion_tokens": 0})), None);
    let half = usage(&json!({"prompt_tokens": 7.0, "completion_tokens": null})).expect("told");
    assert_eq!((half.input, half.output, half.total_tokens()), (Some(7), None, None));
}

fn folded(stream: &str) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for data in stream.lines() {
        let frame = Frame { event: String::new(), data: data.to_owned() };
        match OpenAiChat.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    if draft.is_finished() { draft.response() } else { Err(draft.cut_off()) }
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let response = folded(
        r#"{"id":"s1","model":"m","created":5,"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}
{"id":"s1","choices":[{"index":0,"delta":{"content":"Hel"}}],"usage":null}
{"id":"s1","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"eos"}],"service_tier":"flex"}
{"id":"s1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}
[DONE]"#,
    )
    .expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    assert_eq!(body["choices"][0]["message"]["content"], "Hello");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!((&body["service_tier"], &body["created"]), (&json!("flex"), &json!(5)));
    assert_eq!(response.finish_reason_raw.as_deref(), Some("eos"));
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(5));
}

#[test]
fn tool_calls_are_put_together_from_their_pieces() {
    let response = folded(
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c9","function":{"name":"look","arguments":""}}]}}]}
{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"w\":"}}]}}]}
{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"d","function":{"name":"no"}}]}}]}
{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
    )
    .expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    let calls = &body["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls[0]["function"], json!({"name": "look", "arguments": "{\"w\":1}"}));
    assert_eq!(calls[1]["function"]["arguments"], "{}");
    assert_eq!(body["choices"][0]["message"]["content"], Value::Null);
}

#[test]
fn a_stream_that_breaks_off_keeps_its_text() {
    let rejected = folded(r#"{"choices":[{"delta":{"content":"Hel"}}]}"#).expect_err("cut off");
    assert_eq!(rejected.failure.kind, FailureKind::ApiResponseValidation);
    assert!(rejected.response.expect("its text").body.get().contains("Hel"));
    let stream = "{\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n{\"error\":{\"message\":\"x\",\"code\":503}}";
    let rejected = folded(stream).expect_err("an error inside");
    assert_eq!(rejected.failure.kind, FailureKind::ServiceUnavailable);
    assert!(rejected.response.is_some());
}

#[test]
fn an_answer_with_a_slip_in_its_form_is_not_thrown_away() {
    for body in [
        "\u{FEFF}{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}",
        r#"{"id":7,"object":null,"choices":[{"message":{"content":"hi"},"finish_reason":0}],"usage":"-"}"#,
        r#"{"id":"a","id":"b","choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#,
        r#"{"choices":{"message":{"content":"hi"}},"usage":{"prompt_tokens_details":[]}}"#,
        r#"{"id":1,"choices":[{"text":"hi"}]}"#,
    ] {
        let response = decoded(body).expect(body);
        let body: Value = serde_json::from_str(response.body.get()).expect("json");
        assert_eq!(body["choices"][0]["message"]["content"], "hi");
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
    }
    let told = usage(&json!({"prompt_tokens": "3", "completion_tokens": "4"})).expect("told");
    assert_eq!(told.total_tokens(), Some(7));
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&OpenAiChat);
}

fn body_of(quirks: Value, messages: Value, params: Value) -> Value {
    let request = Request {
        model: "m".into(),
        messages: serde_json::from_value(messages).expect("messages"),
        params: serde_json::from_value::<Params>(params).expect("params").into(),
        ..Request::default()
    };
    let quirks: Quirks = serde_json::from_value(quirks).expect("quirks");
    let endpoint =
        Endpoint { base_url: "http://h".into(), quirks: quirks.into(), ..Endpoint::default() };
    let sent = OpenAiChat.encode(&endpoint, &request).expect("it can be said");
    serde_json::from_slice(&sent.body).expect("json")
}

#[test]
fn a_message_is_said_in_the_words_that_the_host_knows() {
    let old = json!([{"role": "developer", "content": "short"},
        {"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "42"}]);
    let said = body_of(json!({}), old.clone(), json!({}));
    assert_eq!(said["messages"][0]["role"], "system");
    assert_eq!(said["messages"][1]["tool_calls"][0]["id"], said["messages"][2]["tool_call_id"]);
    assert_eq!(said["messages"][2]["role"], "tool");
    let ours = body_of(json!({"openai_rules": true}), old, json!({}));
    assert_eq!(ours["messages"][0]["role"], "developer");

    let parts = json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "assistant", "content": null, "refusal": null, "tool_calls": []}]);
    let said = body_of(json!({"plain_text": true, "no_nulls": true}), parts.clone(), json!({}));
    assert_eq!(said["messages"][0]["content"], "a\nb");
    assert_eq!(said["messages"][1], parts[1]);
    assert_eq!(said["messages"][2], json!({"role": "assistant", "tool_calls": []}));
    let said = body_of(json!({}), parts.clone(), json!({}));
    assert_eq!(said["messages"][0], parts[0]);
    let turn = json!({"role": "assistant", "content": null, "tool_calls": []});
    assert_eq!(said["messages"][2], turn, "only the content may be null");
}

#[test]
fn a_host_with_a_strict_schema_gets_what_it_knows() {
    let quirks = json!({"strict_schema": true});
    let talk = json!([
        {"role": "user", "name": "ann", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "reasoning_content": "hm", "annotations": []},
        {"role": "tool", "name": "look", "tool_call_id": "c", "content": "x"}]);
    let tools = json!([{"type": "function", "function": {"name": "look"}}]);
    let said = body_of(quirks, talk, json!({"tools": tools}));
    let document = json!({"type": "document_url", "document_url": "data:application/pdf;base64,AA==", "document_name": "a.pdf"});
    assert_eq!(
        said["messages"],
        json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": "AA=="}, document]},
            {"role": "assistant", "content": [{"type": "text", "text": "No."}]},
            {"role": "tool", "name": "look", "tool_call_id": "c", "content": "x"}])
    );
    assert_eq!(said["tools"][0]["function"]["parameters"]["type"], "object");
}

#[test]
fn a_row_cannot_bring_what_the_host_does_not_take() {
    for (quirks, model, params) in [
        (json!({"unsupported": ["user"]}), "m", json!({"user": "u"})),
        (json!({}), "m", json!({"n": 0})),
        (json!({"openai_rules": true}), "gpt-5", json!({"stop": "x"})),
        (json!({"openai_rules": true}), "gpt-5.5", json!({"temperature": 0})),
    ] {
        let request = Request {
            model: model.into(),
            messages: vec![Message::text("user", "hi")],
            params: serde_json::from_value::<Params>(params).expect("params").into(),
            ..Request::default()
        };
        let quirks: Quirks = serde_json::from_value(quirks).expect("quirks");
        let failure = body::bytes(&quirks, &request, true).expect_err(model);
        assert_eq!(failure.kind, FailureKind::UnsupportedParams);
    }
}

#[test]
fn no_name_stands_twice_in_a_request() {
    let params = json!({"max_completion_tokens": 5, "temperature": 1, "stream": true,
        "extra": {"max_tokens": 9, "temperature": 0, "stream_options": {}}});
    let request = Request {
        model: "m".into(),
        messages: vec![Message::text("user", "hi")],
        params: serde_json::from_value::<Params>(params).expect("params").into(),
        ..Request::default()
    };
    let quirks = json!({"rename": {"max_completion_tokens": "max_tokens"}});
    let quirks: Quirks = serde_json::from_value(quirks).expect("quirks");
    let bytes = body::bytes(&quirks, &request, true).expect("said");
    assert_eq!(
        std::str::from_utf8(&bytes).expect("text"),
        r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"temperature":0,"stream":true,"stream_options":{}}"#
    );
}

#[test]
fn a_host_has_a_path_of_its_own() {
    assert_eq!(url("http://h/v1", None), "http://h/v1/chat/completions");
    let path = Some("/v1/chat/completions");
    assert_eq!(url("http://h", path), "http://h/v1/chat/completions");
    assert_eq!(url("http://h/v1", path), "http://h/v1/chat/completions");
    assert_eq!(url("http://h", Some("/chat/completions/")), "http://h/chat/completions/");
    let list = |path: Option<&str>| {
        let quirks = Quirks { path: path.map(str::to_owned), ..Quirks::default() };
        let base_url = "http://h".into();
        let endpoint = Endpoint { base_url, quirks: quirks.into(), ..Endpoint::default() };
        OpenAiChat.probe(&endpoint).expect("a list").url
    };
    assert_eq!((list(None), list(path)), ("http://h/models".into(), "http://h/v1/models".into()));
}

#[test]
fn lists_of_parts_and_objects_as_arguments_become_text() {
    let message = json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "97"}]});
    let response = decoded(answer(&json!("stop"), &message, &json!(null))).expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    let said = &body["choices"][0]["message"];
    assert_eq!((&said["content"], &said["reasoning_content"]), (&json!("97"), &json!("hm")));

    let thought = json!({"content": [{"type": "thinking", "thinking": "hm"}]});
    assert!(decoded(answer(&json!("stop"), &thought, &json!(null))).is_err(), "it says nothing");

    let calls = json!({"content": "", "tool_calls": [{"id": "c", "function": {"name": "look", "arguments": {"w": 1}}}]});
    let response = decoded(answer(&json!("tool_calls"), &calls, &json!(null))).expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    let function = &body["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(function["arguments"], r#"{"w":1}"#);

    let response = folded(
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}
{"choices":[{"delta":{"content":[{"type":"text","text":"9"},{"type":"reference","reference_ids":[1]},{"type":"text","text":"7"}]}}]}
{"choices":[{"delta":{"tool_calls":[{"id":"c","function":{"name":"look","arguments":{"w":1}}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}
[DONE]"#,
    )
    .expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    let said = &body["choices"][0]["message"];
    assert_eq!((&said["content"], &said["reasoning_content"]), (&json!("97"), &json!("hm")));
    assert_eq!(said["tool_calls"][0]["function"]["arguments"], r#"{"w":1}"#);
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(5));
}
