//! What goes out and what is made of what comes back, by hand-written replies.

#![expect(clippy::needless_pass_by_value, reason = "values are written in place with json!")]

use serde_json::json;

use super::*;
use crate::call::failure::FailureKind as Kind;
use crate::call::request::{Message, Params};
use crate::provider::golden;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn request(model: &str, messages: Value, params: Value) -> Request {
    let params: Params = serde_json::from_value(params).expect("params");
    let messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
    Request { model: model.into(), messages, params: params.into(), ..Request::default() }
}

fn sent(model: &str, messages: Value, params: Value) -> Result<Value, Failure> {
    let endpoint = Endpoint { base_url: "http://h".into(), ..Endpoint::default() };
    let wire = Bedrock.encode(&endpoint, &request(model, messages, params))?;
    Ok(serde_json::from_slice(&wire.body).expect("json"))
}

fn talk(messages: Value) -> Value {
    sent(CLAUDE, messages, json!({})).expect("it can be said")
}

fn reply(status: u16, name: &str, body: &Value) -> WireReply {
    let mut headers = Headers::default();
    headers.push("x-amzn-requestid", "r-1");
    if !name.is_empty() {
        headers.push("x-amzn-errortype", name);
    }
    WireReply { status, headers, body: body.to_string().into() }
}

fn read(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&Bedrock);
}

#[test]
fn a_request_goes_to_the_model_in_its_region() {
    let settings = [("region".to_owned(), "us-east-1".to_owned())].into();
    let base_url = "https://bedrock-runtime.{region}.amazonaws.com".into();
    let mut endpoint = Endpoint { base_url, settings, ..Endpoint::default() };
    let hi = json!([{"role": "user", "content": "hi"}]);
    let model = "anthropic.claude-haiku-4-5-20251001-v1:0";
    let plain = request(model, hi.clone(), json!({}));
    let wire = Bedrock.encode(&endpoint, &plain).expect("said");
    let host = "https://bedrock-runtime.us-east-1.amazonaws.com";
    assert_eq!(
        wire.url,
        format!("{host}/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse")
    );
    assert!(wire.key.is_none() && wire.region.is_none());
    // The body of the published signature.
    let body = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    assert_eq!(std::str::from_utf8(&wire.body).expect("text"), body);
    endpoint.key = Some(Secret::new("bearer-1"));
    let away = request("eu-west-1/m", hi, json!({"stream": true}));
    let wire = Bedrock.encode(&endpoint, &away).expect("said");
    assert_eq!(wire.url, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/m/converse-stream");
    assert_eq!(wire.region.as_deref(), Some("eu-west-1"));
    let key = wire.key.expect("a key");
    assert_eq!(
        (&*key.name, &*key.prefix, key.key.expose()),
        ("authorization", "Bearer ", "bearer-1")
    );
}

#[test]
fn a_talk_begins_with_the_user_and_alternates() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let body = talk(json!([
        {"role": "system", "content": "a", "cache_control": mark}, {"role": "developer", "content": "b"},
        {"role": "user", "content": "one"}, {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": " "}]},
        {"role": "assistant", "content": "three"}, {"role": "assistant", "content": "four"},
        {"role": "system", "content": "c"}, {"role": "user", "content": ""}, {"role": "user", "content": "five"}]));
    assert_eq!(
        body["system"],
        json!([{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}, {"text": "b"}, {"text": "c"}])
    );
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "one"}, {"text": "two"}]},
            {"role": "assistant", "content": [{"text": "three"}, {"text": "four"}]},
            {"role": "user", "content": [{"text": "five"}]}])
    );
    for messages in [
        json!([{"role": "system", "content": "a"}]),
        json!([{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]),
        json!([{"role": "critic", "content": "a"}]),
    ] {
        assert_eq!(sent(CLAUDE, messages, json!({})).expect_err("refused").kind, Kind::BadRequest);
    }
}

#[test]
fn parts_become_blocks() {
    let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let body = talk(json!([{"role": "user", "content": [
        {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAA="}},
        {"type": "image_url", "image_url": {"url": "s3://bucket/a.PNG"}},
        {"type": "file", "file": {"filename": "a_b  c.v2.pdf", "file_data": "data:application/pdf;base64,BBB="}},
        {"type": "file", "file": {"file_data": format!("data:{word};base64,CCC=")}},
        {"type": "file", "file": {"filename": "n.md", "file_data": "data:application/octet-stream;base64,DDD="}},
        {"type": "input_audio", "input_audio": {"format": "wav", "data": "EEE="}},
        {"guardContent": {"text": {"text": "check this"}}}]}]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"text": "see"}, {"cachePoint": {"type": "default"}},
            {"image": {"format": "jpeg", "source": {"bytes": "AAA="}}},
            {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.PNG"}}}},
            {"document": {"format": "pdf", "name": "a-b c-v2", "source": {"bytes": "BBB="}}},
            {"document": {"format": "docx", "name": "document", "source": {"bytes": "CCC="}}},
            {"document": {"format": "md", "name": "n", "source": {"bytes": "DDD="}}},
            {"audio": {"format": "wav", "source": {"bytes": "EEE="}}},
            {"guardContent": {"text": {"text": "check this"}}}])
    );
    for (part, why) in [
        (json!({"type": "image_url", "image_url": {"url": "https://h/a.png"}}), "base64 data: URL"),
        (
            json!({"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}),
            "image/tiff",
        ),
        (json!({"type": "file", "file": {"file_id": "f-1"}}), "file_data"),
        (json!({"type": "file", "file": {"file_data": "data:a/b;base64,AA"}}), "a/b"),
        (json!({"type": "video_url"}), "video_url"),
    ] {
        let failure = sent(CLAUDE, json!([{"role": "user", "content": [part]}]), json!({}));
        let failure = failure.expect_err("refused");
        assert!(failure.kind == Kind::BadRequest && failure.message.contains(why), "{failure}");
    }
}

#[test]
fn calls_and_results_go_back_in_their_places() {
    let long = "x".repeat(70);
    let messages = json!([{"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "thinking_blocks": [
            {"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "redacted_thinking", "data": "d"},
            {"type": "thinking", "thinking": "not signed"}],
         "tool_calls": [{"id": "c.1", "type": "function", "function": {"name": "look", "arguments": "{\"w\":1}"}},
            {"id": long, "type": "function", "function": {"name": "no", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "c.1", "content": "one"},
        {"role": "tool", "tool_call_id": long, "content": "", "is_error": true},
        {"role": "user", "content": "and?"}]);
    let body = talk(messages);
    let id = body["messages"][1]["content"][3]["toolUse"]["toolUseId"].clone();
    assert_eq!(id.as_str().map(str::len), Some(32));
    assert_eq!(
        body["messages"][1]["content"],
        json!([{"reasoningContent": {"reasoningText": {"text": "t", "signature": "s"}}},
            {"reasoningContent": {"redactedContent": "d"}},
            {"toolUse": {"toolUseId": "c_2e1", "name": "look", "input": {"w": 1}}},
            {"toolUse": {"toolUseId": id, "name": "no", "input": {}}}])
    );
    assert_eq!(
        body["messages"][2]["content"],
        json!([{"toolResult": {"toolUseId": "c_2e1", "content": [{"text": "one"}]}},
            {"toolResult": {"toolUseId": id, "content": [], "status": "error"}},
            {"text": "and?"}])
    );
    let names = body["toolConfig"]["tools"].as_array().expect("tools that were called");
    assert_eq!((&names[0]["toolSpec"]["name"], names.len()), (&json!("look"), 2));
    let body = talk(json!([{"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "one"}]));
    let (call, result) = (&body["messages"][1]["content"][0], &body["messages"][2]["content"][0]);
    assert_eq!(call["toolUse"]["toolUseId"], result["toolResult"]["toolUseId"]);
}

#[test]
fn a_mark_of_the_cache_stands_after_the_result_of_a_tool() {
    let mark = json!({"type": "ephemeral"});
    for result in [
        json!({"role": "tool", "tool_call_id": "c", "content": "one", "cache_control": mark}),
        json!({"role": "tool", "tool_call_id": "c",
            "content": [{"type": "text", "text": "one", "cache_control": mark}]}),
    ] {
        let call = json!([{"id": "c", "function": {"name": "look", "arguments": "{}"}}]);
        let body = talk(json!([{"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": call}, result]));
        assert_eq!(
            body["messages"][2]["content"],
            json!([{"toolResult": {"toolUseId": "c", "content": [{"text": "one"}]}},
                {"cachePoint": {"type": "default"}}])
        );
    }
}

#[test]
fn files_stand_beside_a_text_and_come_from_the_user() {
    let file = json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}});
    let image = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}});
    let text = json!({"type": "text", "text": "see"});
    for (role, parts, why) in [
        ("user", json!([file]), "a text beside a file"),
        ("assistant", json!([text, file]), "from the user alone"),
        ("assistant", json!([text, image]), "from the user alone"),
    ] {
        let messages = json!([{"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes"}, {"role": role, "content": parts}]);
        let failure = sent(CLAUDE, messages, json!({})).expect_err("refused");
        assert!(failure.kind == Kind::BadRequest && failure.message.contains(why), "{failure}");
    }
    // Turns of the same role are one message.
    talk(json!([{"role": "user", "content": [file]}, {"role": "user", "content": "see"}]));
    talk(json!([{"role": "user", "content": [image]}]));
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
        let failure = sent(CLAUDE, hi.clone(), params).expect_err("refused");
        assert_eq!(failure.kind, Kind::UnsupportedParams);
    }
    let failure = sent("invoke/anthropic.claude-v2", hi.clone(), json!({})).expect_err("refused");
    assert!(failure.message.contains("`bedrock/anthropic.claude-v2`"), "{failure}");
    let model = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}});
    let params = json!({"reasoning_effort": "low", "response_format": schema});
    let body = sent(model, hi, params).expect("a model that thinks is asked, not forced");
    assert_eq!(body["toolConfig"]["toolChoice"], Value::Null);
    assert!(body["system"][0]["text"].as_str().is_some_and(|text| text.contains("json_tool_call")));
}

fn answer(stop: &str, content: Value) -> Value {
    json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop,
        "usage": {"inputTokens": 40, "outputTokens": 25, "totalTokens": 2119, "cacheReadInputTokens": 2048,
            "cacheWriteInputTokens": 6, "cacheDetails": [{"ttl": "5m", "inputTokens": 6}]},
        "metrics": {"latencyMs": 812}, "serviceTier": {"type": "flex"}, "new": [1]})
}

#[test]
fn an_answer_is_put_into_our_form_and_its_tokens_are_taken_apart() {
    let content = json!([{"reasoningContent": {"reasoningText": {"text": "short", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "aGlk"}}, {"text": "It reads "}, {"unknown": {}},
        {"citationsContent": {"content": [{"text": "QUAY 4."}], "citations": []}}]);
    let response =
        Bedrock.decode(&reply(200, "", &answer("end_turn", content))).expect("an answer");
    let body = read(&response);
    let message = &body["choices"][0]["message"];
    assert_eq!(
        (&message["content"], &message["reasoning_content"]),
        (&json!("It reads QUAY 4."), &json!("short"))
    );
    assert_eq!(
        message["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "short", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "aGlk"}])
    );
    assert_eq!((&body["id"], &body["service_tier"]), (&json!("r-1"), &json!("flex")));
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.cache_write), (Some(40), Some(2048), Some(6)));
    assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (Some(2094), Some(25)));
    assert_eq!(usage.total_tokens(), Some(2119));
}

#[test]
fn every_reason_to_end_has_a_word_of_openais() {
    let text = json!([{"text": "x"}]);
    for (theirs, ours) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("strange", "stop"),
    ] {
        let response =
            Bedrock.decode(&reply(200, "", &answer(theirs, text.clone()))).expect(theirs);
        assert_eq!(read(&response)["choices"][0]["finish_reason"], ours);
        assert_eq!(response.finish_reason_raw.as_deref(), Some(theirs));
    }
    let calls = json!([{"toolUse": {"toolUseId": "t1", "name": "look", "input": {"w": 1}}},
        {"toolUse": {"toolUseId": "t2", "name": "no", "input": {}}}]);
    let body = read(&Bedrock.decode(&reply(200, "", &answer("tool_use", calls))).expect("calls"));
    let choice = &body["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let calls = &choice["message"]["tool_calls"];
    assert_eq!(calls[0]["function"], json!({"name": "look", "arguments": "{\"w\":1}"}));
    assert_eq!((&calls[1]["id"], &calls[1]["function"]["arguments"]), (&json!("t2"), &json!("{}")));
    let json =
        json!([{"toolUse": {"toolUseId": "t", "name": "json_tool_call", "input": {"a": 1}}}]);
    let body = read(&Bedrock.decode(&reply(200, "", &answer("tool_use", json))).expect("json"));
    assert_eq!(body["choices"][0]["message"]["content"], "{\"a\":1}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[test]
fn what_is_blocked_or_broken_or_empty_or_no_answer_is_an_error() {
    let text = json!([{"text": "half"}]);
    for (stop, kind, retryable) in [
        ("guardrail_intervened", Kind::ContentPolicyViolation, false),
        ("content_filtered", Kind::ContentPolicyViolation, false),
        ("malformed_model_output", Kind::InternalServer, true),
        ("malformed_tool_use", Kind::InternalServer, true),
    ] {
        let rejected =
            Bedrock.decode(&reply(200, "", &answer(stop, text.clone()))).expect_err(stop);
        assert_eq!(
            (rejected.failure.kind, rejected.failure.retryable),
            (kind, retryable),
            "{stop}"
        );
        let response = rejected.response.expect("what came");
        assert_eq!(response.finish_reason_raw.as_deref(), Some(stop));
        assert_eq!(response.usage.and_then(|usage| usage.total_tokens()), Some(2119));
    }
    for body in
        [answer("end_turn", json!([])), answer("max_tokens", json!(null)), json!([]), json!({})]
    {
        let failure = Bedrock.decode(&reply(200, "", &body)).expect_err("empty").failure;
        assert_eq!(failure.kind, Kind::ApiResponseValidation, "{body}");
    }
    let unknown = json!({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"});
    let failure = Bedrock.decode(&reply(200, "", &unknown)).expect_err("no answer").failure;
    assert_eq!(failure.kind, Kind::NotFound);
}

fn folded(stream: &[(&str, Value)]) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for (event, data) in stream {
        let frame = Frame { event: (*event).to_owned(), data: data.to_string() };
        match Bedrock.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    match draft.is_finished() {
        true => draft.response(),
        false => Err(draft.cut_off()),
    }
}

fn delta(index: u64, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}))
}

fn call(index: u64, id: &str, name: &str) -> (&'static str, Value) {
    let start = json!({"toolUse": {"toolUseId": id, "name": name}});
    ("contentBlockStart", json!({"contentBlockIndex": index, "start": start}))
}

fn closing() -> (&'static str, Value) {
    let usage =
        json!({"inputTokens": 4, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 6});
    ("metadata", json!({"usage": usage, "metrics": {"latencyMs": 1}}))
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let response = folded(&[
        ("messageStart", json!({"role": "assistant"})),
        delta(0, json!({"reasoningContent": {"text": "sho"}})),
        delta(0, json!({"reasoningContent": {"text": "rt"}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        delta(1, json!({"reasoningContent": {"redactedContent": "aGlk"}})),
        delta(2, json!({"text": "Hel"})),
        delta(2, json!({"news": {}})),
        delta(2, json!({"text": "lo"})),
        call(3, "t3", "look"),
        delta(3, json!({"toolUse": {"input": "{\"w\":"}})),
        delta(3, json!({"toolUse": {"input": "1}"}})),
        call(4, "t4", "no"),
        delta(4, json!({"toolUse": {"input": ""}})),
        ("tomorrowsEvent", json!({})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        closing(),
        delta(9, json!({"text": "never read"})),
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
        json!([{"type": "thinking", "thinking": "short", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "aGlk"}])
    );
    assert_eq!(
        message["tool_calls"][0]["function"],
        json!({"name": "look", "arguments": "{\"w\":1}"})
    );
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}");
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.output), (Some(4), Some(6), Some(5)));
    let json = folded(&[
        call(0, "t", "json_tool_call"),
        delta(0, json!({"toolUse": {"input": "{\"a\":1}"}})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        closing(),
    ]);
    assert_eq!(read(&json.expect("json"))["choices"][0]["message"]["content"], "{\"a\":1}");
}

#[test]
fn a_stream_that_breaks_off_or_fails_keeps_what_came() {
    let begun = [delta(0, json!({"text": "Hel"}))];
    let rejected = folded(&begun).expect_err("cut off");
    assert_eq!(rejected.failure.kind, Kind::ApiResponseValidation);
    assert!(rejected.response.expect("its text").body.get().contains("Hel"));
    let stop = |reason| ("messageStop", json!({"stopReason": reason}));
    let without_tokens = folded(&[begun.to_vec(), vec![stop("end_turn")]].concat());
    assert_eq!(without_tokens.expect("its text is whole").usage, None);
    let malformed = [begun.to_vec(), vec![stop("malformed_tool_use"), closing()]].concat();
    for (frames, is_paid) in [(&malformed[..2], false), (&malformed[..], true)] {
        let rejected = folded(frames).expect_err("malformed");
        let usage = rejected.response.and_then(|response| response.usage);
        assert_eq!((rejected.failure.retryable, usage.is_some()), (true, is_paid));
    }
    for (event, ours, retryable) in [
        ("throttlingException", Kind::RateLimit, true),
        ("validationException", Kind::BadRequest, false),
        ("modelStreamErrorException", Kind::InternalServer, true),
        ("internalServerException", Kind::InternalServer, true),
        ("serviceUnavailableException", Kind::ServiceUnavailable, true),
        ("tomorrowsException", Kind::InternalServer, true),
        ("error", Kind::InternalServer, true),
    ] {
        let told = json!({"message": "x", "originalStatusCode": 500, "originalMessage": "y"});
        let rejected = folded(&[begun.to_vec(), vec![(event, told)]].concat()).expect_err(event);
        assert_eq!(
            (rejected.failure.kind, rejected.failure.retryable),
            (ours, retryable),
            "{event}"
        );
        assert!(rejected.failure.message.contains("x: y"), "{}", rejected.failure);
        assert!(rejected.response.is_some());
    }
}

/// Status, name, words; what they mean, and whether trying again can help.
const ERRORS: &[(u16, &str, &str, Kind, bool)] = &[
    (
        400,
        "ValidationException",
        "Input is too long for requested model.",
        Kind::ContextWindowExceeded,
        false,
    ),
    (400, "ValidationException", "prompt is too long: 9 > 8", Kind::ContextWindowExceeded, false),
    (400, "ValidationException", "Too many input tokens", Kind::ContextWindowExceeded, false),
    (
        400,
        "ValidationException",
        "expected maxLength: 8, actual: 9",
        Kind::ContextWindowExceeded,
        false,
    ),
    (
        400,
        "ValidationException",
        "The provided model identifier is invalid.",
        Kind::NotFound,
        false,
    ),
    (400, "ValidationException", "on-demand throughput isn't supported", Kind::NotFound, false),
    (400, "ValidationException", "x", Kind::BadRequest, false),
    (400, "ServiceQuotaExceededException", "x", Kind::QuotaExceeded, false),
    (400, "IncompleteSignature", "x", Kind::Authentication, false),
    (400, "RequestExpired", "x", Kind::Authentication, false),
    (403, "UnrecognizedClientException", "x", Kind::Authentication, false),
    (403, "InvalidSignatureException", "x", Kind::Authentication, false),
    (403, "ExpiredTokenException:http://internal.amazon.com/", "x", Kind::Authentication, false),
    (403, "", "The security token included in the request is invalid", Kind::Authentication, false),
    (403, "AccessDeniedException", "flagged", Kind::PermissionDenied, false),
    (403, "MPAgreementBeingCreated", "x", Kind::PermissionDenied, true),
    (403, "", "x", Kind::PermissionDenied, false),
    (404, "ResourceNotFoundException", "x", Kind::NotFound, false),
    (404, "FTUFormNotFilled", "x", Kind::PermissionDenied, false),
    (408, "ModelTimeoutException", "x", Kind::Timeout, true),
    (409, "ConflictException", "x", Kind::InternalServer, true),
    (424, "ModelErrorException", "x", Kind::InternalServer, true),
    (429, "ThrottlingException", "Too many requests, please wait", Kind::RateLimit, true),
    (
        429,
        "ThrottlingException",
        "Too many tokens, please wait before trying again.",
        Kind::RateLimit,
        true,
    ),
    (400, "ThrottlingException", "Too many tokens, please wait", Kind::RateLimit, true),
    (
        429,
        "ThrottlingException",
        "Too many tokens per day, please wait",
        Kind::QuotaExceeded,
        false,
    ),
    (429, "ModelNotReadyException", "x", Kind::ServiceUnavailable, true),
    (429, "", "x", Kind::RateLimit, true),
    (500, "InternalServerException", "x", Kind::InternalServer, true),
    (500, "InternalFailure", "x", Kind::InternalServer, true),
    (503, "ServiceUnavailableException", "x", Kind::ServiceUnavailable, true),
    (504, "", "x", Kind::Timeout, true),
];

#[test]
fn an_error_is_told_by_its_name_and_its_words() {
    for &(status, name, message, ours, retryable) in ERRORS {
        let by_header = reply(status, name, &json!({"message": message}));
        let by_body =
            reply(status, "", &json!({"__type": format!("a.b#{name}"), "Message": message}));
        for reply in [by_header, by_body] {
            let failure = Bedrock.decode(&reply).expect_err("an error").failure;
            assert_eq!(
                (failure.kind, failure.retryable),
                (ours, retryable),
                "{status} {name} {message}"
            );
            assert!(failure.message.starts_with(message), "{failure}");
            let code = name.split(':').next().filter(|name| !name.is_empty());
            assert_eq!(
                (failure.http_status, failure.provider_code.as_deref()),
                (Some(status), code)
            );
        }
    }
    let page = WireReply { body: "<html>bad gateway</html>".into(), ..reply(502, "", &json!(0)) };
    let failure = Bedrock.decode(&page).expect_err("a page").failure;
    assert!(failure.kind == Kind::InternalServer && failure.message.contains("proxy"), "{failure}");
}
