//! What goes out and what is made of what comes back, by hand-written replies.

use serde_json::json;

use super::*;
use crate::call::failure::Remedy;
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

fn endpoint(base_url: &str) -> Endpoint {
    Endpoint {
        provider: "cohere".into(),
        base_url: base_url.into(),
        key: Some(Secret::new("co-1")),
        ..Endpoint::default()
    }
}

fn encoded(messages: Value, params: Value) -> Result<Value, Failure> {
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    let params: Params = serde_json::from_value(params).expect("params");
    let request = Request {
        model: "command-a-03-2025".into(),
        messages,
        params: params.into(),
        ..Request::default()
    };
    let sent = Cohere.encode(&endpoint("https://h"), &request)?;
    Ok(serde_json::from_slice(&sent.body).expect("json"))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

fn decoded(body: &Value) -> Result<Response, Rejected> {
    Cohere.decode(&reply(200, body.to_string()))
}

fn folded(stream: &str) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for data in stream.lines() {
        let frame = Frame { event: String::new(), data: data.to_owned() };
        match Cohere.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    Err(draft.cut_off())
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_tells() {
    golden::check_params(&Cohere);
}

#[test]
fn a_request_goes_to_version_2_with_a_bearer() {
    let request = Request {
        model: "m".into(),
        messages: vec![Message::text("user", "hi")],
        params: Params::default().into(),
        ..Request::default()
    };
    for base in ["https://h", "https://h/v2", "https://h/v2/chat"] {
        let sent = Cohere.encode(&endpoint(base), &request).expect("it can be said");
        assert_eq!(sent.url, "https://h/v2/chat");
        let key = sent.key.expect("a key");
        assert_eq!(
            (&*key.name, &*key.prefix, key.key.expose()),
            ("authorization", "Bearer ", "co-1")
        );
        assert_eq!(sent.body, r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#);
    }
}

#[test]
fn a_talk_with_tools_and_images_is_said_in_coheres_words() {
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let call = json!({"id": "c1", "type": "function",
        "function": {"name": "look", "arguments": "{\"w\":1}"}});
    let body = encoded(
        json!([
            {"role": "developer", "content": "short", "name": "boss"},
            {"role": "user", "content": [{"type": "text", "text": "what?"}, image]},
            {"role": "assistant", "content": "I look.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "a quay"},
            {"role": "assistant", "content": "A quay.", "reasoning_content": "Hm.", "refusal": null,
                "annotations": [], "thinking_blocks": [], "extra_content": {}},
            {"role": "assistant", "content": null,
                "function_call": {"name": "look", "arguments": "{}"}},
            {"role": "function", "name": "look", "content": "again"},
        ]),
        json!({"documents": ["d"], "safety_mode": "OFF", "extra": {"priority": 3, "k": 9}, "top_k": 5}),
    )
    .expect("it can be said");
    let said = &body["messages"];
    assert_eq!(said[0], json!({"role": "system", "content": "short"}));
    assert_eq!(said[1]["content"][1], image);
    let planned = json!({"role": "assistant", "tool_plan": "I look.", "tool_calls": [call]});
    assert_eq!(said[2], planned);
    assert_eq!(said[3], json!({"role": "tool", "content": "a quay", "tool_call_id": "c1"}));
    let thought =
        json!([{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A quay."}]);
    assert_eq!(said[4], json!({"role": "assistant", "content": thought}));
    assert_eq!(said[5]["tool_calls"][0]["id"], said[6]["tool_call_id"]);
    assert_eq!(said[6]["role"], "tool");
    assert_eq!((&body["documents"], &body["safety_mode"]), (&json!(["d"]), &json!("OFF")));
    assert_eq!((&body["priority"], &body["k"]), (&json!(3), &json!(9)));
    let sound = json!([{"role": "user", "content": [{"type": "input_audio"}]}]);
    assert!(encoded(sound, json!({})).is_err());
}

#[test]
fn a_tool_always_says_what_it_takes_and_stands_beside_no_schema() {
    let hi = || json!([{"role": "user", "content": "hi"}]);
    let tools = json!([{"type": "function", "function": {"name": "clock"}}]);
    let body = encoded(hi(), json!({"tools": tools})).expect("it can be said");
    let nothing = json!({"type": "object", "properties": {}});
    assert_eq!(body["tools"][0]["function"]["parameters"], nothing);
    let form = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": nothing}});
    for (name, value) in [("tools", tools), ("documents", json!(["d"]))] {
        let params = json!({"response_format": form, name: value});
        let failure = encoded(hi(), params).expect_err("not both");
        assert_eq!(failure.kind, FailureKind::UnsupportedParams);
        assert!(failure.message.contains(name), "{}", failure.message);
    }
}

#[test]
fn schemas_budgets_and_limits_take_their_places() {
    let body = encoded(
        json!([{"role": "user", "content": "hi"}]),
        json!({"max_completion_tokens": 9, "max_tokens": 5, "top_p": 0,
            "response_format": {"type": "json_object"},
            "thinking": {"type": "enabled", "budget_tokens": 64}, "reasoning_effort": "none"}),
    )
    .expect("it can be said");
    assert_eq!((&body["max_tokens"], &body["p"]), (&json!(9), &json!(0.01)));
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert_eq!(body["thinking"], json!({"type": "enabled", "token_budget": 64}));
    for (name, value) in [
        ("temperature", json!(-1)),
        ("top_p", json!(1.5)),
        ("frequency_penalty", json!(2)),
        ("tools", json!([{"type": "custom"}])),
        ("tools", json!([{"type": "function", "function": {"name": "look-up"}}])),
        ("response_format", json!({"type": "grammar"})),
        ("reasoning_effort", json!("deeply")),
        ("top_k", json!(501)),
        ("top_k", json!(-1)),
        ("min_p", json!(0.1)),
    ] {
        assert!(Cohere.accepts(&Quirks::default(), "m", name, &value).is_err(), "{name}: {value}");
    }
    assert_eq!(
        Cohere.accepts(&Quirks::default(), "m", "citation_options", &json!({"mode": "off"})),
        Ok(())
    );
}

#[test]
fn an_answer_becomes_a_chat_completion() {
    let response = decoded(&json!({"id": "c1", "finish_reason": "COMPLETE", "new": [1],
        "message": {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A quay"},
            {"type": "text", "text": "."}], "tool_plan": null,
            "citations": [{"start": 0, "end": 1}]},
        "usage": {"billed_units": {"input_tokens": 21, "output_tokens": 14},
            "tokens": {"input_tokens": 830.0, "output_tokens": 40}, "cached_tokens": 30}}))
    .expect("an answer");
    let body = json_of(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!(message["content"], "A quay.");
    assert_eq!(message["reasoning_content"], "Hm.");
    assert_eq!((&body["id"], &body["choices"][0]["finish_reason"]), (&json!("c1"), &json!("stop")));
    assert_eq!(body["billed_units"]["input_tokens"], 21);
    assert_eq!(body["citations"][0]["end"], 1);
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.output), (Some(800), Some(30), Some(40)));
    assert_eq!(usage.prompt_tokens(), Some(830));
    let charged = response.billed.expect("told");
    assert_eq!((charged.prompt_tokens(), charged.completion_tokens()), (Some(21), Some(14)));
}

#[test]
fn tool_calls_and_their_plan_are_kept() {
    let response = decoded(&json!({"id": "c1", "finish_reason": "TOOL_CALL", "message": {
        "tool_plan": "I will look.", "tool_calls": [{"id": "l1", "type": "function",
            "function": {"name": "look", "arguments": "{\"w\":1}"}}]}}))
    .expect("an answer");
    let choice = &json_of(&response)["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "I will look.");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"w\":1}");
    assert_eq!((response.usage, response.finish_reason_raw.as_deref()), (None, Some("TOOL_CALL")));
}

#[test]
fn every_finish_reason_is_known() {
    use FailureKind as Kind;
    for (raw, expected) in [
        ("COMPLETE", Ok("stop")),
        ("STOP_SEQUENCE", Ok("stop")),
        ("MAX_TOKENS", Ok("length")),
        ("TOOL_CALL", Ok("tool_calls")),
        ("NEWS", Ok("stop")),
        ("ERROR", Err(Kind::InternalServer)),
        ("TIMEOUT", Err(Kind::Timeout)),
        ("ERROR_TOXIC", Err(Kind::ContentPolicyViolation)),
    ] {
        let answer = json!({"finish_reason": raw, "message": {"content": "hi"}});
        let (response, kind) = match decoded(&answer) {
            Ok(response) => (response, None),
            Err(why) => (*why.response.expect("what came"), Some(why.failure.kind)),
        };
        assert_eq!(response.finish_reason_raw.as_deref(), Some(raw));
        if let Ok(word) = expected {
            assert_eq!(json_of(&response)["choices"][0]["finish_reason"], word);
        }
        assert_eq!(kind, expected.err(), "{raw}");
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    for body in ["", "[]", "<html>", "{}", r#"{"message":{"content":[]}}"#, r#"{"message":{}}"#] {
        let failure = Cohere.decode(&reply(200, body)).expect_err(body).failure;
        assert_eq!(failure.kind, FailureKind::ApiResponseValidation, "{body}");
    }
    let failure = decoded(&json!({"id": "x", "message": "boom"})).expect_err("an error").failure;
    assert_eq!((failure.kind, &*failure.message), (FailureKind::InternalServer, "boom"));
    let cut = json!({"finish_reason": "MAX_TOKENS", "message": {"content": []}});
    assert_eq!(decoded(&cut).expect_err("empty").failure.remedy(), Remedy::GiveUp);
}

#[test]
fn a_status_and_its_words_name_the_kind() {
    use FailureKind as Kind;
    let minute = "You are using a Trial key, which is limited to 20 API calls / minute";
    let month = "You are using a Trial key, which is limited to 1000 API calls / month";
    for (status, message, kind, retryable) in [
        (400, "too many tokens: size limit exceeded", Kind::ContextWindowExceeded, false),
        (400, "no", Kind::BadRequest, false),
        (422, "no", Kind::BadRequest, false),
        (401, "invalid api token", Kind::Authentication, false),
        (402, "billing limit", Kind::QuotaExceeded, false),
        (403, "no", Kind::PermissionDenied, false),
        (404, "model 'command' not found", Kind::NotFound, false),
        (429, month, Kind::QuotaExceeded, false),
        (429, minute, Kind::RateLimit, true),
        (429, "too many tokens", Kind::RateLimit, true),
        (498, "deny-listed", Kind::ContentPolicyViolation, false),
        (499, "cancelled", Kind::ApiConnection, true),
        (500, "boom", Kind::InternalServer, true),
        (501, "not implemented", Kind::BadRequest, false),
        (503, "away", Kind::ServiceUnavailable, true),
        (504, "slow", Kind::Timeout, true),
    ] {
        let body = json!({"id": "x", "message": message}).to_string();
        for body in [body, message.to_owned()] {
            let failure = Cohere.decode(&reply(status, body)).expect_err(message).failure;
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {message}");
            assert_eq!((failure.http_status, &*failure.message), (Some(status), message));
        }
    }
    let mut busy = reply(429, "slow down");
    busy.headers.push("retry-after", "3");
    let failure = Cohere.decode(&busy).expect_err("busy").failure;
    assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(3)));
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let response = folded(
        r#"{"type":"message-start","id":"c2","delta":{"message":{"role":"assistant","content":[]}}}
{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}
{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm."}}}}
{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}
{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"a land"}}}}
{"type":"debug","prompt":"x"}
{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"ing"}}}}
{"type":"content-end","index":1}
{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":1}}}}
{"type":"citation-end","index":0}
{"type":"message-end","id":"c2","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":21,"output_tokens":6},"tokens":{"input_tokens":830,"output_tokens":9}}}}"#,
    )
    .expect("an answer");
    let body = json_of(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!((&message["content"], &body["id"]), (&json!("a landing"), &json!("c2")));
    assert_eq!(message["reasoning_content"], "Hm.");
    assert_eq!(body["citations"], json!([{"start": 0, "end": 1}]));
    assert_eq!(response.finish_reason_raw.as_deref(), Some("COMPLETE"));
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(839));
}

#[test]
fn tool_calls_are_put_together_from_their_pieces() {
    let response = folded(
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I look."}}}
{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"l1","type":"function","function":{"name":"look","arguments":""}}}}}
{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"w\":"}}}}}
{"type":"tool-call-delta","index":1,"delta":{"message":{"tool_calls":{"function":{"arguments":"1}"}}}}}
{"type":"tool-call-end","index":1}
{"type":"tool-call-start","index":2,"delta":{"message":{"tool_calls":{"id":"l2","type":"function","function":{"name":"no","arguments":""}}}}}
{"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}"#,
    )
    .expect("an answer");
    let message = &json_of(&response)["choices"][0]["message"];
    let calls = message["tool_calls"].as_array().expect("calls");
    assert_eq!((calls.len(), &message["content"]), (2, &json!("I look.")));
    assert_eq!(calls[0]["function"], json!({"name": "look", "arguments": "{\"w\":1}"}));
    assert_eq!((&calls[1]["id"], &calls[1]["function"]["arguments"]), (&json!("l2"), &json!("{}")));
}

#[test]
fn a_stream_that_breaks_off_keeps_its_text() {
    let start =
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hel"}}}}"#;
    for (end, kind) in [
        ("", FailureKind::ApiResponseValidation),
        ("[DONE", FailureKind::ApiResponseValidation),
        (
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"boom"}}"#,
            FailureKind::InternalServer,
        ),
        (r#"{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}"#, FailureKind::Timeout),
        (r#"{"id":"x","message":"boom"}"#, FailureKind::InternalServer),
    ] {
        let rejected = folded(&format!("{start}\n{end}")).expect_err(end);
        assert_eq!((rejected.failure.kind, rejected.failure.retryable), (kind, true), "{end}");
        assert!(rejected.response.expect("its text").body.get().contains("Hel"));
    }
}
