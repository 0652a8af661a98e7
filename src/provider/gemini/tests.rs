//! What goes out and what is made of what comes back, by hand-written replies.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::call::failure::Remedy;
use crate::call::request::Params;
use crate::provider::golden;
use crate::provider::quirks::Quirks;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn endpoint(base_url: &str) -> Endpoint {
    Endpoint {
        provider: "gemini".into(),
        base_url: base_url.into(),
        key: Some(Secret::new("k-1")),
        ..Endpoint::default()
    }
}

fn request(model: &str, messages: Value, params: Value) -> Request {
    let params: Params = serde_json::from_value(params).expect("params");
    Request {
        model: model.into(),
        messages: serde_json::from_value(messages).expect("messages"),
        params: params.into(),
        ..Request::default()
    }
}

fn sent(model: &str, messages: Value, params: Value) -> Value {
    let wire = Gemini.encode(&endpoint("https://h"), &request(model, messages, params));
    serde_json::from_slice(&wire.expect("it can be said").body).expect("json")
}

fn unsent(messages: Value) -> Failure {
    let request = request("gemini-2.5-flash", messages, json!({}));
    Gemini.encode(&endpoint("https://h"), &request).expect_err("it cannot be said")
}

fn hi() -> Value {
    json!([{"role": "user", "content": "hi"}])
}

fn reply(status: u16, body: impl Into<String>) -> WireReply {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    WireReply { status, headers, body: body.into().into() }
}

fn decoded(body: &Value) -> Result<Response, Rejected> {
    Gemini.decode(&reply(200, body.to_string()))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_str(response.body.get()).expect("json")
}

fn folded(chunks: &[Value]) -> Result<Response, Rejected> {
    let mut draft = Draft::default();
    for chunk in chunks {
        let frame = Frame { event: String::new(), data: chunk.to_string() };
        match Gemini.fold(&mut draft, &frame) {
            Ok(Flow::More) => {}
            Ok(Flow::End) => return draft.response(),
            Err(failure) => return Err(draft.broken(failure)),
        }
    }
    if draft.is_finished() { draft.response() } else { Err(draft.cut_off()) }
}

#[test]
fn the_url_names_model_and_method_and_the_header_carries_the_key() {
    let url = |base: &str, model: &str, params: Value| {
        let wire = Gemini.encode(&endpoint(base), &request(model, hi(), params)).expect("wire");
        let key = wire.key.expect("a key");
        assert_eq!((&*key.name, &*key.prefix, key.key.expose()), ("x-goog-api-key", "", "k-1"));
        assert!(!wire.url.contains("k-1") && wire.headers.is_empty());
        wire.url
    };
    assert_eq!(
        url("https://h", "gemini-2.5-flash", json!({})),
        "https://h/v1beta/models/gemini-2.5-flash:generateContent"
    );
    assert_eq!(
        url("https://h/v1", "gemini-2.5-flash", json!({"stream": true})),
        "https://h/v1/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    );
    assert_eq!(
        url("https://h", "tunedModels/x", json!({"stream": false})),
        "https://h/v1beta/tunedModels/x:generateContent"
    );
    let mut versioned = endpoint("https://h");
    versioned.settings.insert("api_version".to_owned(), "v1alpha".to_owned());
    assert_eq!(place(&versioned, "m"), "https://h/v1alpha/models/m");
}

#[test]
fn a_request_says_what_was_stated_and_no_more() {
    assert_eq!(
        sent("gemini-2.5-flash", hi(), json!({})),
        json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
    );
    let messages = json!([
        {"role": "system", "content": "short"},
        {"role": "developer", "content": [{"type": "text", "text": "and kind"}]},
        {"role": "user", "content": "a"}, {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"}, {"role": "user", "content": "d"}]);
    assert_eq!(
        sent(
            "gemini-2.5-flash",
            messages,
            json!({"max_tokens": 5, "mediaResolution": "X",
            "top_k": 3, "safety_settings": [1], "generationConfig": {"topK": 4},
            "extra": {"cachedContent": "c/1", "generationConfig": {"z": 1}}})
        ),
        json!({
            "systemInstruction": {"parts": [{"text": "short"}, {"text": "and kind"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
                {"role": "model", "parts": [{"text": "c"}]},
                {"role": "user", "parts": [{"text": "d"}]}],
            "generationConfig":
                {"maxOutputTokens": 5, "mediaResolution": "X", "topK": 4, "z": 1},
            "safetySettings": [1], "cachedContent": "c/1"})
    );
    for (stated, told) in [("7", "cachedContents/7"), ("cachedContents/7", "cachedContents/7")] {
        let body = sent("m", hi(), json!({"cached_content": stated}));
        assert_eq!(body["cachedContent"], told);
    }
    let alone = sent("m", json!([{"role": "system", "content": "s"}]), json!({}));
    assert_eq!(alone["contents"], json!([{"role": "user", "parts": [{"text": " "}]}]));
}

#[test]
fn parts_of_every_kind_find_their_form() {
    let inline = |kind, data| json!({"inlineData": {"mimeType": kind, "data": data}});
    for (part, expected) in [
        (
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}),
            inline("image/png", "aGk="),
        ),
        (
            json!({"type": "image_url", "image_url": "https://h/a.JPG?x=1"}),
            json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "https://h/a.JPG?x=1"}}),
        ),
        (
            json!({"type": "video_url", "video_url": {"url": "https://youtu.be/x"}}),
            json!({"fileData": {"fileUri": "https://youtu.be/x"}}),
        ),
        (
            json!({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}),
            inline("audio/mp3", "aGk="),
        ),
        (
            json!({"type": "file", "file": {"file_data": "aGk=", "filename": "a.pdf"}}),
            inline("application/pdf", "aGk="),
        ),
        (
            json!({"type": "file", "file": {"file_id": "https://h/files/x"}}),
            json!({"fileData": {"fileUri": "https://h/files/x"}}),
        ),
        (json!({"inlineData": {"own": 1}}), json!({"inlineData": {"own": 1}})),
    ] {
        let body = sent("m", json!([{"role": "user", "content": [part]}]), json!({}));
        assert_eq!(body["contents"][0]["parts"], json!([expected]));
    }
    for part in [
        json!({"type": "image_url", "image_url": {"url": "data:image/png,raw"}}),
        json!({"type": "file", "file": {"file_data": "aGk="}}),
        json!({"type": "hologram"}),
        json!("text"),
    ] {
        let failure = unsent(json!([{"role": "user", "content": [part]}]));
        assert_eq!(failure.kind, FailureKind::BadRequest);
        assert!(failure.message.starts_with("message 1: "), "{failure}");
    }
}

fn talk_with_tools(extra: &Value) -> Value {
    let mut call = json!({"id": "c1", "type": "function",
        "function": {"name": "lookup", "arguments": "{\"word\":\"quay\"}"}});
    call.as_object_mut().expect("a call").extend(extra.as_object().cloned().unwrap_or_default());
    json!([
        {"role": "user", "content": "look"},
        {"role": "assistant", "content": null, "tool_calls": [call,
            {"id": "c2", "type": "function", "function": {"name": "now", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "a landing place"},
        {"role": "tool", "tool_call_id": "c2", "content": "{\"hour\":3}"}])
}

#[test]
fn calls_go_back_with_their_signature_and_results_with_their_name() {
    let signed = json!({"extra_content": {"google": {"thought_signature": "c2ln"}}});
    let body = sent("gemini-3-flash-preview", talk_with_tools(&signed), json!({}));
    assert_eq!(
        body["contents"],
        json!([
            {"role": "user", "parts": [{"text": "look"}]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "c1", "name": "lookup", "args": {"word": "quay"}},
                    "thoughtSignature": "c2ln"},
                {"functionCall": {"id": "c2", "name": "now", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "c1", "name": "lookup",
                    "response": {"output": "a landing place"}}},
                {"functionResponse": {"id": "c2", "name": "now", "response": {"hour": 3}}}]}])
    );
    let signature = |model| {
        let body = sent(model, talk_with_tools(&json!({})), json!({}));
        body["contents"][1]["parts"][0]["thoughtSignature"].clone()
    };
    assert!(signature("gemini-3-flash-preview").as_str().expect("one").starts_with("c2tpcF9"));
    assert_eq!(signature("gemini-2.5-flash"), Value::Null);
    let stray = unsent(json!([{"role": "tool", "tool_call_id": "x", "content": "1"}]));
    assert!(stray.message.contains("`x`"), "{stray}");
    let call = json!({"id": "c", "function": {"name": "f", "arguments": "[1]"}});
    let broken = unsent(json!([{"role": "assistant", "tool_calls": [call]}]));
    assert_eq!(broken.kind, FailureKind::BadRequest);
}

#[test]
fn tools_and_the_choice_among_them_are_declared() {
    let schema = json!({"type": "object", "properties": {"word": {"type": "string"}}});
    let tool = |strict: bool| {
        json!({"type": "function", "function": {"name": "lookup", "description": "d",
            "strict": strict, "parameters": schema}})
    };
    let bare = json!({"type": "function", "function": {"name": "now",
        "parameters": {"type": "object", "properties": {}}}});
    let params = json!({"tools": [tool(false), bare, {"codeExecution": {}}]});
    assert_eq!(
        sent("m", hi(), params)["tools"],
        json!([{"functionDeclarations": [
            {"name": "lookup", "description": "d", "parametersJsonSchema": schema},
            {"name": "now"}]}, {"codeExecution": {}}])
    );
    let mode = |params| sent("m", hi(), params)["toolConfig"]["functionCallingConfig"].clone();
    let named = json!({"mode": "ANY", "allowedFunctionNames": ["f"]});
    let allowed =
        json!({"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]});
    for (choice, expected) in [
        (json!("none"), json!({"mode": "NONE"})),
        (json!("auto"), json!({"mode": "AUTO"})),
        (json!("required"), json!({"mode": "ANY"})),
        (json!({"type": "function", "function": {"name": "f"}}), named.clone()),
        (
            json!({"type": "allowed_tools", "allowed_tools": allowed}),
            json!({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}),
        ),
    ] {
        assert_eq!(mode(json!({"tool_choice": choice})), expected);
    }
    assert_eq!(mode(json!({"function_call": {"name": "f"}})), named);
    assert_eq!(mode(json!({"tools": [tool(true)]})), json!({"mode": "VALIDATED"}));
    assert_eq!(mode(json!({"tools": [tool(false)]})), Value::Null);
}

#[test]
fn an_effort_is_a_level_or_a_budget_by_the_model() {
    let budget = |budget: u32| json!({"thinkingBudget": budget});
    let level = |level: &str| json!({"thinkingLevel": level});
    for (model, effort, expected) in [
        ("gemini-2.5-flash", "none", budget(0)),
        ("gemini-2.5-flash", "minimal", budget(1)),
        ("gemini-2.5-flash-lite", "minimal", budget(512)),
        ("gemini-2.5-pro", "minimal", budget(128)),
        ("gemini-2.5-pro", "low", budget(1024)),
        ("gemini-2.5-pro", "medium", budget(2048)),
        ("gemini-2.5-pro", "xhigh", budget(4096)),
        ("gemini-3-flash-preview", "none", level("minimal")),
        ("gemini-3.1-pro-preview", "none", level("low")),
        ("gemini-3.8-flash", "minimal", level("low")),
        ("gemini-flash-latest", "medium", level("medium")),
        ("models/gemini-4-argon", "xhigh", level("high")),
    ] {
        let body = sent(model, hi(), json!({"reasoning_effort": effort}));
        assert_eq!(body["generationConfig"], json!({"thinkingConfig": expected}), "{model}");
    }
    for (model, effort) in
        [("gemini-2.5-pro", "none"), ("gemini-2.0-flash", "low"), ("gemini-3-flash", "wild")]
    {
        assert!(
            Gemini.accepts(&Quirks::default(), model, "reasoning_effort", &json!(effort)).is_err(),
            "{model}"
        );
    }
    let params = json!({"thinking_budget": 7, "include_thoughts": true});
    assert_eq!(
        sent("gemini-2.5-pro", hi(), params)["generationConfig"]["thinkingConfig"],
        json!({"thinkingBudget": 7, "includeThoughts": true})
    );
    let both = json!({"reasoning_effort": "low", "thinking_budget": 7});
    let both = Gemini.encode(&endpoint("https://h"), &request("gemini-3-flash", hi(), both));
    assert_eq!(both.expect_err("both").kind, FailureKind::UnsupportedParams);
}

#[test]
fn values_that_gemini_does_not_take_are_refused() {
    for (model, name, value) in [
        ("gemini-2.5-flash", "temperature", json!(2.5)),
        ("gemini-2.5-flash", "n", json!(9)),
        ("gemini-2.5-flash", "stop", json!(["a", "b", "c", "d", "e", "f"])),
        ("gemini-2.5-flash", "seed", json!(4_000_000_000_u64)),
        ("gemini-3.5-flash", "presence_penalty", json!(0.5)),
        ("gemini-pro-latest", "frequency_penalty", json!(0.5)),
        ("gemini-2.5-flash", "parallel_tool_calls", json!(false)),
        ("gemini-2.5-flash", "service_tier", json!("scale")),
        ("gemini-2.5-flash", "stream_options", json!({"include_obfuscation": true})),
        ("gemini-2.5-flash", "web_search_options", json!({"search_context_size": "low"})),
        ("gemini-2.5-flash", "tool_choice", json!("sometimes")),
        ("gemini-2.5-flash", "tools", json!([{"type": "custom", "custom": {"name": "c"}}])),
        ("gemini-2.5-flash", "response_format", json!({"type": "grammar"})),
        ("gemini-2.5-flash", "response_format", json!({"type": "json_schema"})),
        ("gemini-2.5-flash", "top_k", json!(-1)),
        ("gemini-2.5-flash", "min_p", json!(0.1)),
        ("gemini-2.5-flash", "modalities", json!(["smell"])),
        ("gemini-2.5-flash", "extra", json!(1)),
    ] {
        assert!(Gemini.accepts(&Quirks::default(), model, name, &value).is_err(), "{name} {value}");
        assert!(Gemini.accepts(&Quirks::default(), model, name, &Value::Null).is_ok(), "{name}");
    }
}

#[test]
fn every_parameter_of_the_folder_is_sent_or_refused_as_it_says() {
    golden::check_params(&Gemini);
}

#[test]
fn an_answer_becomes_a_chat_completion() {
    let response = decoded(&json!({
        "candidates": [{"index": 0, "finishReason": "STOP", "safetyRatings": [], "content":
            {"role": "model", "parts": [
                {"text": "Looking.", "thought": true},
                {"text": "It reads "}, {"text": "QUAY 4.", "thoughtSignature": "c2ln"}]}}],
        "usageMetadata": {"promptTokenCount": 1210, "cachedContentTokenCount": 1024,
            "candidatesTokenCount": 12, "thoughtsTokenCount": 64, "toolUsePromptTokenCount": 5,
            "totalTokenCount": 1291},
        "modelVersion": "gemini-3.5-flash", "responseId": "r1", "strange": {"x": null}}))
    .expect("an answer");
    assert_eq!(response.finish_reason_raw.as_deref(), Some("STOP"));
    let usage = response.usage.expect("usage");
    assert_eq!((usage.input, usage.cached, usage.cache_write), (Some(191), Some(1024), None));
    assert_eq!((usage.output, usage.reasoning), (Some(12), Some(64)));
    assert_eq!((usage.prompt_tokens(), usage.total_tokens()), (Some(1215), Some(1291)));
    let body = json_of(&response);
    assert_eq!((&body["id"], &body["model"]), (&json!("r1"), &json!("gemini-3.5-flash")));
    assert_eq!(
        body["choices"],
        json!([{"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
            "content": "It reads QUAY 4.", "reasoning_content": "Looking.",
            "extra_content": {"google": {"thought_signature": "c2ln"}}}}])
    );
}

#[test]
fn calls_pictures_and_several_answers_are_taken() {
    let response = decoded(&json!({"responseId": "r1", "candidates": [
        {"finishReason": "STOP", "content": {"parts": [
            {"functionCall": {"id": "fc1", "name": "f", "args": {"a": 1}},
                "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g"}}]}},
        {"finishReason": "MAX_TOKENS", "content": {"parts": [{"text": "b"}]}}]}))
    .expect("an answer");
    let body = json_of(&response);
    assert_eq!(response.usage, None);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(
        body["choices"][0]["message"]["tool_calls"],
        json!([
            {"id": "fc1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"},
                "extra_content": {"google": {"thought_signature": "c2ln"}}},
            {"id": "call_r1_0_1", "type": "function",
                "function": {"name": "g", "arguments": "{}"}}])
    );
    assert_eq!(body["choices"][1]["finish_reason"], "length");
    let picture = decoded(&json!({"candidates": [{"finishReason": "STOP", "content": {"parts": [
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}}]}))
    .expect("a picture");
    assert_eq!(
        json_of(&picture)["choices"][0]["message"]["images"][0]["image_url"]["url"],
        "data:image/png;base64,aGk="
    );
}

#[test]
fn every_finish_reason_has_its_word_and_its_fault() {
    let ends = |reason: &str, text: &str| {
        decoded(&json!({"candidates": [{"finishReason": reason,
            "content": {"parts": [{"text": text}]}}], "usageMetadata": {"promptTokenCount": 3}}))
    };
    for (reason, word) in [
        ("STOP", "stop"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        ("A_NEW_ONE", "stop"),
    ] {
        let response = ends(reason, "x").expect(reason);
        assert_eq!(json_of(&response)["choices"][0]["finish_reason"], word);
        assert_eq!(response.finish_reason_raw.as_deref(), Some(reason));
    }
    for reason in [
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_RECITATION",
        "IMAGE_OTHER",
        "MODEL_ARMOR",
        "ESCALATION",
        "NO_IMAGE",
    ] {
        let rejected = ends(reason, "x").expect_err(reason);
        assert_eq!(rejected.failure.kind, FailureKind::ContentPolicyViolation, "{reason}");
        let response = rejected.response.expect("what came");
        assert_eq!(response.finish_reason_raw.as_deref(), Some(reason));
        assert_eq!(json_of(&response)["choices"][0]["finish_reason"], "content_filter");
    }
    for reason in [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
        "MALFORMED_RESPONSE",
    ] {
        for text in ["", "half a ca"] {
            let failure = ends(reason, text).expect_err(reason).failure;
            assert_eq!(failure.kind, FailureKind::InternalServer, "{reason}");
            assert_eq!(failure.remedy(), Remedy::RetryOnce);
            assert!(failure.message.contains(reason));
        }
    }
    let spent = ends("MAX_TOKENS", "").expect_err("empty").failure;
    assert_eq!(spent.remedy(), Remedy::GiveUp);
    assert_eq!(ends("STOP", " ").expect_err("empty").failure.remedy(), Remedy::RetryOnce);
}

#[test]
fn a_blocked_prompt_and_what_is_no_answer_are_errors() {
    let blocked = json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}, "modelVersion": "m"});
    for rejected in [decoded(&blocked), folded(std::slice::from_ref(&blocked))] {
        let rejected = rejected.expect_err("blocked");
        assert_eq!(rejected.failure.kind, FailureKind::ContentPolicyViolation);
        let response = rejected.response.expect("what came");
        assert_eq!(response.finish_reason_raw.as_deref(), Some("PROHIBITED_CONTENT"));
        assert_eq!(response.usage.expect("usage").total_tokens(), Some(4));
    }
    let invalid = FailureKind::ApiResponseValidation;
    for body in ["", "<html>", "{", "{}", "[]", r#"{"candidates":[]}"#, r#"{"candidates":null}"#] {
        assert_eq!(Gemini.decode(&reply(200, body)).expect_err(body).failure.kind, invalid);
    }
    let hollow = json!({"candidates": [{"content": {"parts": null}, "finishReason": null}]});
    assert_eq!(decoded(&hollow).expect_err("hollow").failure.kind, invalid);
    let error = json!({"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}});
    let failure = decoded(&error).expect_err("an error").failure;
    assert_eq!(failure.kind, FailureKind::ServiceUnavailable);
}

fn piece(text: &str) -> Value {
    json!({"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}],
        "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}, "responseId": "r1"})
}

fn last(parts: &Value) -> Value {
    json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 2,
            "thoughtsTokenCount": 3, "totalTokenCount": 15}})
}

#[test]
fn a_stream_folds_into_the_same_answer() {
    let thought =
        json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}]}}]});
    let signed = json!([{"text": " QUAY"}, {"text": "", "thoughtSignature": "c2ln"}]);
    let response =
        folded(&[thought, piece("It reads"), json!({"new": 1}), last(&signed)]).expect("an answer");
    let message = &json_of(&response)["choices"][0]["message"];
    assert_eq!(message["content"], "It reads QUAY");
    assert_eq!(message["reasoning_content"], "hm");
    assert_eq!(message["extra_content"]["google"]["thought_signature"], "c2ln");
    let usage = response.usage.expect("usage");
    assert_eq!((usage.output, usage.reasoning, usage.total_tokens()), (Some(2), Some(3), Some(15)));
    let call = json!([{"functionCall": {"name": "f", "args": {"a": [1]}}}]);
    let response = folded(&[piece(""), last(&call)]).expect("a call");
    let choice = &json_of(&response)["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\":[1]}");
    assert_eq!(choice["message"]["tool_calls"][0]["id"], "call_r1_0_0");
}

#[test]
fn a_stream_that_breaks_off_keeps_its_text() {
    let cut = folded(&[piece("Hel")]).expect_err("cut off");
    assert_eq!(cut.failure.kind, FailureKind::ApiResponseValidation);
    assert!(json_of(&cut.response.expect("what came")).to_string().contains("Hel"));
    let error = json!({"error": {"code": 429, "message": "Please retry in 2.5s.",
        "status": "RESOURCE_EXHAUSTED"}});
    for error in [error.clone(), json!([error])] {
        let rejected = folded(&[piece("Hel"), error]).expect_err("an error inside");
        assert_eq!(rejected.failure.kind, FailureKind::RateLimit);
        assert_eq!(rejected.failure.retry_after, Some(Duration::from_millis(2500)));
        assert!(rejected.response.is_some());
    }
    let mut draft = Draft::default();
    let frame = Frame { event: String::new(), data: "{\"candid".to_owned() };
    assert!(Gemini.fold(&mut draft, &frame).expect_err("no json").retryable);
}

#[test]
fn every_error_of_the_sheet_has_its_kind() {
    use FailureKind as Kind;
    let quota = |id: &str| json!([{"violations": [{"quotaId": id}]}]);
    let wait = |wait: &str| json!([{"retryDelay": wait}]);
    let reason = json!([{"reason": "API_KEY_INVALID"}]);
    let none = Value::Null;
    for (status, word, message, details, kind, retryable) in [
        (400, "INVALID_ARGUMENT", "x", &reason, Kind::Authentication, false),
        (400, "INVALID_ARGUMENT", "API key not valid.", &none, Kind::Authentication, false),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (2) exceeds the maximum number of tokens allowed (1).",
            &none,
            Kind::ContextWindowExceeded,
            false,
        ),
        (400, "INVALID_ARGUMENT", "Request payload size exceeds x", &none, Kind::BadRequest, false),
        (
            400,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            &none,
            Kind::PermissionDenied,
            false,
        ),
        (400, "FAILED_PRECONDITION", "Enable billing", &none, Kind::PermissionDenied, false),
        (400, "FAILED_PRECONDITION", "Precondition failed", &none, Kind::BadRequest, false),
        (400, "INVALID_ARGUMENT", "missing a thought_signature", &none, Kind::BadRequest, false),
        (401, "UNAUTHENTICATED", "x", &none, Kind::Authentication, false),
        (402, "", "pay", &none, Kind::QuotaExceeded, false),
        (403, "PERMISSION_DENIED", "x", &none, Kind::PermissionDenied, false),
        (404, "NOT_FOUND", "x", &none, Kind::NotFound, false),
        (408, "", "x", &none, Kind::Timeout, true),
        (409, "ABORTED", "x", &none, Kind::InternalServer, true),
        (413, "", "x", &none, Kind::BadRequest, false),
        (429, "RESOURCE_EXHAUSTED", "x", &quota("XPerDayY"), Kind::QuotaExceeded, false),
        (429, "RESOURCE_EXHAUSTED", "x", &wait("301s"), Kind::QuotaExceeded, false),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing",
            &quota("XPerMinuteY"),
            Kind::RateLimit,
            true,
        ),
        (429, "RESOURCE_EXHAUSTED", "x", &none, Kind::RateLimit, true),
        (499, "CANCELLED", "x", &none, Kind::ApiConnection, true),
        (500, "INTERNAL", "x", &none, Kind::InternalServer, true),
        (502, "", "x", &none, Kind::InternalServer, true),
        (503, "UNAVAILABLE", "overloaded", &none, Kind::ServiceUnavailable, true),
        (504, "DEADLINE_EXCEEDED", "x", &none, Kind::Timeout, true),
    ] {
        let error = json!({"error": {"code": status, "message": message, "status": word,
            "details": details}});
        for body in [error.to_string(), json!([error]).to_string()] {
            let failure = Gemini.decode(&reply(status, body)).expect_err("an error").failure;
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {message}");
            assert_eq!((failure.http_status, &*failure.message), (Some(status), message));
        }
    }
    let page = Gemini.decode(&reply(502, "<html>bad")).expect_err("a page").failure;
    assert_eq!(page.kind, Kind::InternalServer);
}

#[test]
fn the_wait_stands_in_the_body_or_in_a_header() {
    let waits = |message: &str, details: Value, header: Option<&str>| {
        let body = json!({"error": {"code": 429, "message": message,
            "status": "RESOURCE_EXHAUSTED", "details": details}});
        let mut reply = reply(429, body.to_string());
        header.into_iter().for_each(|value| reply.headers.push("retry-after", value));
        let failure = Gemini.decode(&reply).expect_err("an error").failure;
        assert_eq!(failure.provider_code.as_deref(), Some("RESOURCE_EXHAUSTED"));
        failure.retry_after.map(|wait| wait.as_millis())
    };
    assert_eq!(waits("x", json!([{"retryDelay": "34.07s"}]), None), Some(34_070));
    assert_eq!(waits("x", json!([{"retryDelay": "250ms"}]), Some("3")), Some(3000));
    assert_eq!(waits("Please retry in 12.5s.", Value::Null, None), Some(12_500));
    assert_eq!(waits("Please retry in 850.1ms", Value::Null, None), Some(850));
    assert_eq!(waits("Please retry in 1m2.5s, or later", Value::Null, None), Some(62_500));
    assert_eq!(waits("Please retry in a while", Value::Null, None), None);
    let quota = json!([{"violations": [{"quotaId": "GenerateRequestsPerMinutePerProject"}]}]);
    assert_eq!(waits("x", quota, None), Some(60_000));
}
