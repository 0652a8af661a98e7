//! What goes out and what is made of what comes back, by hand-written replies.

#![expect(clippy::needless_pass_by_value, reason = "values are written in place with json!")]

use serde_json::json;

use super::*;
use crate::call::failure::{FailureKind as Kind, Remedy};
use crate::provider::golden;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn sent(messages: Value, params: Value) -> Result<Value, Failure> {
    let request = Request {
        model: "responses/gpt-5.5-pro".into(),
        messages: serde_json::from_value(messages).expect("messages"),
        params: serde_json::from_value::<Params>(params).expect("params").into(),
        ..Request::default()
    };
    let endpoint = Endpoint {
        base_url: "http://h/v1".into(),
        key: Some(Secret::new("sk-1")),
        ..Endpoint::default()
    };
    let wire = OpenAiResponses.encode(&endpoint, &request)?;
    assert_eq!(wire.url, "http://h/v1/responses");
    assert_eq!(wire.key.expect("a key").prefix, "Bearer ");
    Ok(serde_json::from_slice(&wire.body).expect("json"))
}

fn input(messages: Value) -> Value {
    sent(messages, json!({})).expect("it can be said")["input"].clone()
}

fn decoded(status: u16, body: Value) -> Result<Response, Rejected> {
    let reply = WireReply { status, headers: Headers::default(), body: body.to_string().into() };
    OpenAiResponses.decode(&reply)
}

fn read(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

fn text(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&OpenAiResponses);
}

#[test]
fn a_request_keeps_nothing_at_the_provider_unless_that_is_stated() {
    let hi = json!([{"role": "user", "content": "hi"}]);
    let body = sent(hi.clone(), json!({})).expect("said");
    let item = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]});
    assert_eq!(body, json!({"model": "gpt-5.5-pro", "input": [item], "store": false}));
    assert_eq!(sent(hi, json!({"store": true})).expect("said")["store"], true);
}

#[test]
fn messages_become_items() {
    let items = input(json!([
        {"role": "system", "content": "short"},
        {"role": "user", "content": [{"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": "https://h/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}}]},
        {"role": "assistant", "content": "I look.", "reasoning_items": [{"type": "reasoning", "id": "r"}],
            "tool_calls": [{"id": "c7", "type": "function", "function": {"name": "look", "arguments": "{\"w\":1}"}}]},
        {"role": "tool", "tool_call_id": "c7", "content": "a quay"},
        {"role": "assistant", "content": [{"type": "text", "text": "So."}, {"type": "refusal", "refusal": "No."}]},
    ]));
    assert_eq!(items[0]["role"], "system");
    let parts = items[1]["content"].as_array().expect("parts");
    assert_eq!(
        parts[1],
        json!({"type": "input_image", "image_url": "https://h/a.png", "detail": "auto"})
    );
    assert_eq!(parts[2]["detail"], "low");
    assert_eq!((&parts[3]["type"], &parts[3]["filename"]), (&json!("input_file"), &json!("a.pdf")));
    assert_eq!(items[2]["type"], "reasoning");
    assert_eq!(items[3]["content"], "I look.");
    assert_eq!(
        items[4],
        json!({"type": "function_call", "call_id": "c7", "name": "look", "arguments": "{\"w\":1}"})
    );
    assert_eq!(
        items[5],
        json!({"type": "function_call_output", "call_id": "c7", "output": "a quay"})
    );
    assert_eq!(items[6]["content"], "So.\nNo.");
    for unsayable in [
        json!([{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]),
        json!([{"role": "tool", "content": "x"}]),
        json!([{"role": "assistant"}]),
    ] {
        assert!(sent(unsayable.clone(), json!({})).is_err(), "{unsayable}");
    }
}

#[test]
fn an_answer_becomes_a_chat_completion() {
    let response = decoded(200, json!({"id": "resp_1", "object": "response", "created_at": 5,
        "status": "completed", "error": null, "incomplete_details": null, "model": "gpt-5.5-pro",
        "output": [
            {"type": "reasoning", "id": "rs", "encrypted_content": "e", "summary": [
                {"type": "summary_text", "text": "Check"}, {"type": "summary_text", "text": "97."}]},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "97", "annotations": [{"type": "url_citation"}]}]},
            {"type": "web_search_call", "id": "w", "status": "completed"},
            {"type": "function_call", "id": "fc", "call_id": "c9", "name": "look", "arguments": "{}"},
            {"type": "computer_call", "id": "cc", "call_id": "d1", "action": {"type": "click"}}],
        "service_tier": "flex",
        "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
            "output_tokens": 210, "output_tokens_details": {"reasoning_tokens": 192}, "total_tokens": 230}}))
    .expect("an answer");
    let body = read(&response);
    assert_eq!(
        (&body["id"], &body["created"], &body["service_tier"]),
        (&json!("resp_1"), &json!(5), &json!("flex"))
    );
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("97"), &json!("Check\n\n97."))
    );
    assert_eq!(message["tool_calls"][0]["id"], "c9");
    assert_eq!(message["tool_calls"][1]["function"]["name"], "computer_call");
    assert_eq!(
        (&message["annotations"][0]["type"], &message["reasoning_items"][0]["id"]),
        (&json!("url_citation"), &json!("rs"))
    );
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(response.finish_reason_raw.as_deref(), Some("completed"));
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.cache_write), (Some(10), Some(8), Some(2)));
    assert_eq!(
        (usage.output, usage.reasoning, usage.total_tokens()),
        (Some(18), Some(192), Some(230))
    );
}

#[test]
fn how_an_answer_ended_is_told_in_openais_words() {
    let ended = |status: &str, reason: Value, said: &str| {
        decoded(
            200,
            json!({"status": status, "incomplete_details": {"reason": reason}, "output": [text(said)],
            "usage": {"input_tokens": 2, "output_tokens": 3}}),
        )
    };
    let finish = |response: Response| read(&response)["choices"][0]["finish_reason"].clone();
    assert_eq!(finish(ended("completed", Value::Null, "hi").expect("whole")), "stop");
    assert_eq!(
        finish(ended("incomplete", json!("max_output_tokens"), "hi").expect("cut")),
        "length"
    );
    let blocked = ended("incomplete", json!("content_filter"), "h").expect_err("blocked");
    assert_eq!(blocked.failure.kind, Kind::ContentPolicyViolation);
    assert_eq!(
        blocked.response.expect("what came").usage.and_then(|usage| usage.total_tokens()),
        Some(5)
    );
    let empty = ended("incomplete", json!("max_output_tokens"), "").expect_err("empty");
    assert_eq!(
        (empty.failure.kind, empty.failure.remedy()),
        (Kind::ApiResponseValidation, Remedy::GiveUp)
    );
    for status in ["queued", "in_progress", "cancelled"] {
        assert!(!ended(status, Value::Null, "").expect_err(status).failure.retryable, "{status}");
    }
    let declined = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
    let response =
        decoded(200, json!({"status": "completed", "output": [declined]})).expect("declined");
    assert_eq!(read(&response)["choices"][0]["message"]["refusal"], "No.");
    assert!(decoded(200, json!({"status": "completed", "output": []})).is_err());
    let plain = json!({"id": "x", "output": [text("hi")]});
    assert_eq!(finish(decoded(200, plain).expect("a host that says little")), "stop");
}

#[test]
fn a_failure_inside_a_reply_has_the_kind_of_its_code() {
    for (code, kind, retryable) in [
        ("server_error", Kind::InternalServer, true),
        ("rate_limit_exceeded", Kind::RateLimit, true),
        ("invalid_prompt", Kind::ContentPolicyViolation, false),
        ("bio_policy", Kind::ContentPolicyViolation, false),
        ("image_content_policy_violation", Kind::ContentPolicyViolation, false),
        ("vector_store_timeout", Kind::Timeout, true),
        ("invalid_base64_image", Kind::BadRequest, false),
        ("failed_to_download_image", Kind::BadRequest, false),
    ] {
        let body =
            json!({"status": "failed", "error": {"code": code, "message": "x"}, "output": []});
        let failure = decoded(200, body).expect_err(code).failure;
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{code}");
        assert_eq!(failure.provider_code.as_deref(), Some(code));
    }
    let failure =
        decoded(200, json!({"status": "failed", "error": null})).expect_err("failed").failure;
    assert_eq!(failure.kind, Kind::InternalServer);
    let failure =
        decoded(200, json!({"error": {"message": "slow", "code": 429}})).expect_err("e").failure;
    assert_eq!(failure.kind, Kind::RateLimit);
    let wide = json!({"error": {"message": "x", "code": "context_length_exceeded"}});
    assert_eq!(decoded(400, wide).expect_err("long").failure.kind, Kind::ContextWindowExceeded);
}

fn folded(events: &[Value]) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for event in events {
        let frame = Frame { event: String::new(), data: event.to_string() };
        match OpenAiResponses.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    if draft.is_finished() { draft.response() } else { Err(draft.cut_off()) }
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let call = |arguments: &str| json!({"type": "function_call", "call_id": "c9", "name": "look", "arguments": arguments});
    let thought = json!({"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "e"});
    let response = folded(&[
        json!({"type": "response.created", "response": {"id": "resp_2", "model": "m", "created_at": 5, "status": "in_progress"}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0}),
        json!({"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": thought}),
        json!({"type": "response.output_item.added", "output_index": 1, "item": {"type": "message"}}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "9"}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "7", "obfuscation": "xx"}),
        json!({"type": "response.output_text.done", "text": "97"}),
        json!({"type": "response.output_item.added", "output_index": 2, "item": call("")}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{\"w\":"}),
        json!({"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "1}"}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": call("{\"w\":1}")}),
        json!({"type": "response.completed", "response": {"id": "resp_2", "status": "completed",
            "output": [thought, text("97"), call("{\"w\":1}")],
            "usage": {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24}}}),
    ])
    .expect("an answer");
    let body = read(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("97"), &json!("hm")));
    assert_eq!(
        message["tool_calls"],
        json!([{"id": "c9", "type": "function", "function": {"name": "look", "arguments": "{\"w\":1}"}}])
    );
    assert_eq!(message["reasoning_items"], json!([thought]));
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(24));
}

#[test]
fn a_stream_that_says_all_at_its_end_is_an_answer_too() {
    let whole = json!({"status": "completed", "output": [text("97")]});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": text("97")});
    let response = folded(&[done, json!({"type": "response.completed", "response": whole})])
        .expect("an answer");
    assert_eq!(read(&response)["choices"][0]["message"]["content"], "97");
}

#[test]
fn a_stream_that_fails_keeps_what_came() {
    let began = json!({"type": "response.output_text.delta", "delta": "Hel"});
    for (event, kind) in [
        (json!({"type": "error", "code": "rate_limit_exceeded", "message": "x"}), Kind::RateLimit),
        (
            json!({"type": "error", "error": {"code": "server_error", "message": "x"}}),
            Kind::InternalServer,
        ),
        (
            json!({"type": "response.failed", "response": {"status": "failed",
            "error": {"code": "cyber_policy", "message": "x"}}}),
            Kind::ContentPolicyViolation,
        ),
    ] {
        let rejected = folded(&[began.clone(), event]).expect_err("it failed");
        assert_eq!(rejected.failure.kind, kind);
        assert!(rejected.response.expect("what came").body.get().contains("Hel"));
    }
    let rejected = folded(&[began]).expect_err("cut off");
    assert_eq!(rejected.failure.kind, Kind::ApiResponseValidation);
    let billed = json!({"type": "response.failed", "response": {"status": "failed", "error": null,
        "usage": {"input_tokens": 9, "output_tokens": 3}}});
    let response = folded(&[billed]).expect_err("it failed").response.expect("what was billed");
    assert_eq!(response.finish_reason_raw.as_deref(), Some("failed"));
    assert_eq!(response.usage.expect("counts").total_tokens(), Some(12));
}
