//! What goes out and what is made of what comes back, by hand-written replies.

#![expect(clippy::needless_pass_by_value, reason = "values are written in place with json!")]

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::call::failure::FailureKind as Kind;
use crate::call::request::{Message, Params};
use crate::provider::golden;
use crate::wire::message::Headers;

fn endpoint(key: &str) -> Endpoint {
    Endpoint {
        provider: "anthropic".into(),
        base_url: "http://h".into(),
        key: Some(Secret::new(key)),
        ..Endpoint::default()
    }
}

fn request(model: &str, messages: Value, params: Value) -> Request {
    let params: Params = serde_json::from_value(params).expect("params");
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    Request { model: model.into(), messages, params: params.into(), ..Request::default() }
}

fn sent(model: &str, messages: Value, params: Value) -> Result<Value, Failure> {
    let wire = Anthropic.encode(&endpoint("k-1"), &request(model, messages, params))?;
    Ok(serde_json::from_slice(&wire.body).expect("json"))
}

fn talk(messages: Value) -> Value {
    sent("claude-sonnet-4-5", messages, json!({})).expect("it can be said")
}

fn reply(status: u16, body: &Value) -> WireReply {
    WireReply { status, headers: Headers::default(), body: body.to_string().into() }
}

fn read(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&Anthropic);
}

#[test]
fn a_request_goes_to_the_messages_with_one_key_header() {
    let plain =
        request("claude-3-haiku-20240307", json!([{"role": "user", "content": "hi"}]), json!({}));
    let wire = Anthropic.encode(&endpoint("sk-ant-api-1"), &plain).expect("said");
    assert_eq!(wire.url, "http://h/v1/messages");
    assert_eq!(url("http://h/v1/", "messages"), "http://h/v1/messages");
    assert_eq!(wire.headers, [("anthropic-version", "2023-06-01".to_owned())]);
    let key = wire.key.expect("a key");
    assert_eq!((&*key.name, &*key.prefix, key.key.expose()), ("x-api-key", "", "sk-ant-api-1"));
    assert_eq!(
        std::str::from_utf8(&wire.body).expect("text"),
        r#"{"model":"claude-3-haiku-20240307","max_tokens":4096,"messages":[{"role":"user","content":"hi"}]}"#
    );
    let key = key_header(&Secret::new("sk-ant-oat01-x"));
    assert_eq!((&*key.name, &*key.prefix), ("authorization", "Bearer "));
}

#[test]
fn system_texts_stand_apart_unless_the_model_takes_them_later() {
    let messages = json!([{"role": "system", "content": "a"}, {"role": "developer", "content": "b"},
        {"role": "user", "content": "hi"}, {"role": "system", "content": "c"}]);
    assert_eq!(talk(messages.clone())["system"], "a\n\nb\n\nc");
    let body = sent("claude-sonnet-5", messages, json!({})).expect("said");
    assert_eq!(body["system"], "a\n\nb");
    assert_eq!(body["messages"][1], json!({"role": "system", "content": "c"}));
    let mark = json!({"type": "ephemeral"});
    let body = talk(json!([{"role": "system", "content": "a", "cache_control": mark},
        {"role": "user", "content": "hi"}]));
    assert_eq!(body["system"], json!([{"type": "text", "text": "a", "cache_control": mark}]));
    assert!(
        sent("claude-sonnet-5", json!([{"role": "system", "content": "a"}]), json!({})).is_err()
    );
}

#[test]
fn parts_become_blocks() {
    let body = talk(json!([{"role": "user", "content": [{"type": "text", "text": "see"},
        {"type": "text", "text": ""},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA=", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://h/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBB="}}]}]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAA="}},
        {"type": "image", "source": {"type": "url", "url": "https://h/a.png"}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "BBB="},
         "title": "a.pdf"}])
    );
    for part in [
        json!({"type": "input_audio"}),
        json!({"type": "image_url", "image_url": {"url": "a.png"}}),
        json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}),
    ] {
        let failure =
            sent("claude-sonnet-5", json!([{"role": "user", "content": [part]}]), json!({}));
        assert_eq!(failure.expect_err("refused").kind, Kind::BadRequest);
    }
}

#[test]
fn calls_and_results_go_back_in_their_places() {
    let body = talk(json!([{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}],
         "tool_calls": [{"id": "c.1", "type": "function", "function": {"name": "look", "arguments": "{\"w\":1}"}},
            {"id": "c2", "type": "function", "function": {"name": "no", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "c.1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": "and?"}]));
    assert_eq!(
        body["messages"][1]["content"],
        json!([
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "tool_use", "id": "c_2e1", "name": "look", "input": {"w": 1}},
        {"type": "tool_use", "id": "c2", "name": "no", "input": {}}])
    );
    assert_eq!(
        body["messages"][2],
        json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "c_2e1", "content": "one"},
        {"type": "tool_result", "tool_use_id": "c2"}]})
    );
    assert_eq!(body["messages"][3], json!({"role": "user", "content": "and?"}));
    let body = talk(json!([{"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "one"}]));
    assert_eq!(
        body["messages"][1]["content"][0]["id"],
        body["messages"][2]["content"][0]["tool_use_id"]
    );
}

#[test]
fn values_that_anthropic_does_not_take_are_refused() {
    for (name, value) in [
        ("top_k", json!(-1)),
        ("top_k", json!(1.5)),
        ("min_p", json!(0.1)),
        ("repetition_penalty", json!(1.1)),
        ("parallel_tool_calls", json!("no")),
        ("thinking", json!({"type": "enabled", "budget_tokens": 1023})),
    ] {
        let told = |value| Anthropic.accepts(&Quirks::default(), "claude-haiku-4-5", name, value);
        assert!(told(&value).is_err(), "{name} {value}");
        assert_eq!(told(&Value::Null), Ok(()), "{name}");
    }
}

#[test]
fn parameters_that_do_not_go_together_are_refused_before_they_are_sent() {
    let hi = json!([{"role": "user", "content": "hi"}]);
    let tools = json!([{"type": "function", "function": {"name": "look"}}]);
    for params in [
        json!({"temperature": 0, "top_p": 1}),
        json!({"reasoning_effort": "low", "max_tokens": 256}),
        json!({"reasoning_effort": "low", "tools": tools, "tool_choice": "required"}),
    ] {
        let failure = sent("claude-sonnet-4-5", hi.clone(), params).expect_err("refused");
        assert_eq!(failure.kind, Kind::UnsupportedParams);
    }
    let params = json!({"reasoning_effort": "high", "max_tokens": 4096});
    let body = sent("claude-sonnet-4-5", hi.clone(), params).expect("said");
    assert_eq!(
        (&body["max_tokens"], &body["thinking"]["budget_tokens"]),
        (&json!(4096), &json!(3072))
    );
    let params = json!({"tools": tools, "tool_choice": "none", "parallel_tool_calls": false});
    let body = sent("claude-sonnet-4-5", hi, params).expect("said");
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
}

fn answer(stop: &str, content: Value) -> Value {
    json!({"id": "m1", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
        "content": content, "stop_reason": stop, "stop_sequence": null, "new": [1],
        "usage": {"input_tokens": 40, "cache_creation_input_tokens": 6, "cache_read_input_tokens": 2048,
            "output_tokens": 25, "output_tokens_details": {"thinking_tokens": 9}, "service_tier": "standard"}})
}

#[test]
fn an_answer_is_put_into_our_form_and_its_tokens_are_taken_apart() {
    let content = json!([{"type": "thinking", "thinking": "short", "signature": "c2ln"},
        {"type": "text", "text": "Tagged"}, {"type": "unknown"}, {"type": "text", "text": "."}]);
    let response =
        Anthropic.decode(&reply(200, &answer("end_turn", content.clone()))).expect("an answer");
    let body = read(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Tagged."), &json!("short"))
    );
    assert_eq!(message["thinking_blocks"], json!([content[0]]));
    assert_eq!((&body["id"], &body["model"]), (&json!("m1"), &json!("claude-sonnet-5")));
    assert_eq!(body["service_tier"], "standard");
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.cache_write), (Some(40), Some(2048), Some(6)));
    assert_eq!(
        (usage.output, usage.reasoning, usage.total_tokens()),
        (Some(16), Some(9), Some(2119))
    );
}

#[test]
fn every_reason_to_end_has_a_word_of_openais() {
    let text = json!([{"type": "text", "text": "x"}]);
    for (theirs, ours) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("strange", "stop"),
    ] {
        let response = Anthropic.decode(&reply(200, &answer(theirs, text.clone()))).expect(theirs);
        assert_eq!(read(&response)["choices"][0]["finish_reason"], ours);
        assert_eq!(response.finish_reason_raw.as_deref(), Some(theirs));
    }
    let calls = json!([{"type": "tool_use", "id": "t1", "name": "look", "input": {"w": 1}},
        {"type": "tool_use", "id": "t2", "name": "no", "input": {}}]);
    let body = read(&Anthropic.decode(&reply(200, &answer("tool_use", calls))).expect("calls"));
    let choice = &body["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"w\":1}");
    assert_eq!(choice["message"]["tool_calls"][1]["function"]["arguments"], "{}");
    let json = json!([{"type": "tool_use", "id": "t", "name": JSON_TOOL, "input": {"a": 1}}]);
    let body = read(&Anthropic.decode(&reply(200, &answer("tool_use", json))).expect("json"));
    assert_eq!(body["choices"][0]["message"]["content"], "{\"a\":1}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_is_blocked_or_empty_or_no_answer_is_an_error() {
    let mut refused = answer("refusal", json!([]));
    refused["stop_details"] = json!({"type": "refusal", "category": "bio", "explanation": "No."});
    let rejected = Anthropic.decode(&reply(200, &refused)).expect_err("blocked");
    assert_eq!(rejected.failure.kind, Kind::ContentPolicyViolation);
    let response = rejected.response.expect("what came");
    assert_eq!(read(&response)["choices"][0]["message"]["refusal"], "No.");
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(2119));
    for body in
        [answer("end_turn", json!([])), answer("max_tokens", json!(null)), json!([]), json!({})]
    {
        let failure = Anthropic.decode(&reply(200, &body)).expect_err("empty").failure;
        assert_eq!(failure.kind, Kind::ApiResponseValidation, "{body}");
    }
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "x"}});
    let failure = Anthropic.decode(&reply(200, &error)).expect_err("an error").failure;
    assert_eq!(failure.kind, Kind::ServiceUnavailable);
}

fn folded(stream: &[Value]) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for data in stream {
        let frame = Frame { event: String::new(), data: data.to_string() };
        match Anthropic.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    Err(draft.cut_off())
}

fn start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn head() -> Value {
    json!({"type": "message_start", "message": {"id": "m2", "model": "claude-sonnet-5", "content": [],
        "stop_reason": null, "usage": {"input_tokens": 40, "cache_read_input_tokens": 5, "output_tokens": 1}}})
}

#[test]
fn the_output_of_a_stream_that_breaks_off_is_not_counted() {
    let began = [head(), start(0, json!({"type": "text", "text": "Hel"}))];
    let usage = |stream: &[Value]| {
        let rejected = folded(stream).expect_err("cut off");
        rejected.response.expect("what came").usage.expect("counts")
    };
    let cut = usage(&began);
    assert_eq!((cut.prompt_tokens(), cut.completion_tokens()), (Some(45), None));
    let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "x"}});
    assert_eq!(usage(&[&began[..], &[error]].concat()).completion_tokens(), None);
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}});
    assert_eq!(usage(&[&began[..], &[end]].concat()).completion_tokens(), Some(7));
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let response = folded(&[
        head(),
        json!({"type": "ping"}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        delta(0, json!({"type": "thinking_delta", "thinking": "sho"})),
        delta(0, json!({"type": "thinking_delta", "thinking": "rt"})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        json!({"type": "content_block_stop", "index": 0}),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "Hel"})),
        delta(1, json!({"type": "news_delta", "text": "no"})),
        delta(1, json!({"type": "text_delta", "text": "lo"})),
        start(2, json!({"type": "tool_use", "id": "t2", "name": "label", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"tag\":"})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "1}"})),
        start(3, json!({"type": "tool_use", "id": "t3", "name": "no", "input": {}})),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"},
            "usage": {"output_tokens": 31, "output_tokens_details": {"thinking_tokens": 4}}}),
        json!({"type": "message_stop"}),
    ])
    .expect("an answer");
    let body = read(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("Hello"), &json!("short"))
    );
    assert_eq!(
        message["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "short", "signature": "c2ln"}])
    );
    assert_eq!(
        message["tool_calls"][0]["function"],
        json!({"name": "label", "arguments": "{\"tag\":1}"})
    );
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}");
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let usage = response.usage.expect("told");
    assert_eq!(
        (usage.input, usage.cached, usage.output, usage.reasoning),
        (Some(40), Some(5), Some(27), Some(4))
    );
}

#[test]
fn a_stream_that_breaks_off_or_fails_keeps_what_came() {
    let begun = [head(), start(0, json!({"type": "text", "text": "Hel"}))];
    let rejected = folded(&begun).expect_err("cut off");
    assert_eq!(rejected.failure.kind, Kind::ApiResponseValidation);
    assert!(rejected.response.expect("its text").body.get().contains("Hel"));
    for (kind, ours) in [
        ("overloaded_error", Kind::ServiceUnavailable),
        ("api_error", Kind::InternalServer),
        ("rate_limit_error", Kind::RateLimit),
        ("strange", Kind::InternalServer),
    ] {
        let error = json!({"type": "error", "error": {"type": kind, "message": "x"}});
        let rejected = folded(&[begun.to_vec(), vec![error]].concat()).expect_err(kind);
        assert_eq!((rejected.failure.kind, rejected.failure.retryable), (ours, true));
        assert!(rejected.response.is_some());
    }
}

#[test]
fn an_error_is_told_by_its_type_and_code() {
    for (status, kind, message, code, ours, retryable) in [
        (400, "invalid_request_error", "x", "", Kind::BadRequest, false),
        (
            400,
            "invalid_request_error",
            "prompt is too long: 9 > 8",
            "",
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "would exceed context limit",
            "",
            Kind::ContextWindowExceeded,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "blocked by content filtering policy",
            "",
            Kind::ContentPolicyViolation,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "Your credit balance is too low",
            "",
            Kind::QuotaExceeded,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "workspace spend limit reached",
            "",
            Kind::QuotaExceeded,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "the organisation is on hold",
            "",
            Kind::QuotaExceeded,
            false,
        ),
        (
            400,
            "invalid_request_error",
            "top_k: Extra inputs are not permitted",
            "",
            Kind::UnsupportedParams,
            false,
        ),
        (401, "authentication_error", "x", "", Kind::Authentication, false),
        (402, "billing_error", "x", "", Kind::QuotaExceeded, false),
        (403, "billing_error", "x", "", Kind::QuotaExceeded, false),
        (403, "permission_error", "x", "", Kind::PermissionDenied, false),
        (404, "not_found_error", "x", "", Kind::NotFound, false),
        (408, "", "x", "", Kind::Timeout, true),
        (409, "conflict_error", "x", "", Kind::InternalServer, true),
        (412, "", "x", "", Kind::BadRequest, false),
        (413, "request_too_large", "x", "", Kind::BadRequest, false),
        (422, "", "x", "", Kind::BadRequest, false),
        (429, "rate_limit_error", "x", "", Kind::RateLimit, true),
        (429, "rate_limit_error", "x", "enforced_spend_limit_reached", Kind::QuotaExceeded, false),
        (
            429,
            "rate_limit_error",
            "x",
            "linked_organization_spend_limit_reached",
            Kind::QuotaExceeded,
            false,
        ),
        (429, "rate_limit_error", "x", "contract_spend_limit_reached", Kind::QuotaExceeded, false),
        (429, "rate_limit_error", "x", "ramp_limit_exceeded", Kind::RateLimit, true),
        (499, "", "x", "", Kind::ApiConnection, true),
        (500, "api_error", "x", "", Kind::InternalServer, true),
        (501, "", "x", "", Kind::BadRequest, false),
        (503, "api_error", "x", "cmek_key_unreachable", Kind::ServiceUnavailable, true),
        (504, "timeout_error", "x", "", Kind::Timeout, true),
        (529, "overloaded_error", "Overloaded", "", Kind::ServiceUnavailable, true),
    ] {
        let error = json!({"type": kind, "message": message, "details": {"error_code": code}});
        let body = json!({"type": "error", "error": error, "request_id": "req_1"});
        let failure = Anthropic.decode(&reply(status, &body)).expect_err("an error").failure;
        assert_eq!(
            (failure.kind, failure.retryable),
            (ours, retryable),
            "{status} {message} {code}"
        );
        let first = [code, kind].into_iter().find(|code| !code.is_empty());
        assert_eq!((failure.http_status, failure.provider_code.as_deref()), (Some(status), first));
    }
}

#[test]
fn a_wait_is_asked_for_outright_or_by_the_limit_that_is_used_up() {
    let body = json!({"type": "error", "error": {"type": "rate_limit_error", "message": "x"}});
    let mut full = reply(429, &body);
    for (name, value) in [
        ("date", "Sun, 22 Nov 2026 02:00:00 GMT"),
        ("anthropic-ratelimit-requests-remaining", "9"),
        ("anthropic-ratelimit-requests-reset", "2026-11-22T03:00:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-22T02:00:21Z"),
    ] {
        full.headers.push(name, value);
    }
    let wait = |reply: &WireReply| Anthropic.decode(reply).expect_err("busy").failure.retry_after;
    assert_eq!(wait(&full), Some(Duration::from_secs(21)));
    full.headers.push("retry-after", "3");
    assert_eq!(wait(&full), Some(Duration::from_secs(3)));
    assert_eq!(wait(&reply(429, &body)), None);
}
