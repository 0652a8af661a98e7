//! What goes out and what is made of what comes back, by hand-written replies.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::call::request::Params;
use crate::provider::golden;
use crate::provider::table;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn endpoint(base_url: &str, settings: &[(&str, &str)]) -> Endpoint {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Endpoint {
        provider: "vertex_ai".into(),
        base_url: base_url.into(),
        key: Some(Secret::new("ya29.t")),
        settings: settings.collect::<BTreeMap<_, _>>(),
        ..Endpoint::default()
    }
}

fn usual() -> Endpoint {
    endpoint("https://h", &[("project", "p"), ("location", "l")])
}

fn request(model: &str, params: Value) -> Request {
    let params: Params = serde_json::from_value(params).expect("params");
    let messages = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]);
    let messages = serde_json::from_value(messages).expect("messages");
    Request { model: model.into(), messages, params: params.into(), ..Request::default() }
}

fn dialect(model: &str) -> &'static dyn Dialect {
    let vertex = table::dialect("vertex").expect("it is in the table");
    vertex.for_model(&Quirks::default(), model).unwrap_or(vertex)
}

fn asked(model: &str, params: Value, endpoint: &Endpoint) -> Result<WireRequest, Failure> {
    dialect(model).encode(endpoint, &request(model, params))
}

fn sent(model: &str, params: Value) -> (WireRequest, Value) {
    let wire = asked(model, params, &usual()).expect("it can be said");
    let body = serde_json::from_slice(&wire.body).expect("JSON");
    (wire, body)
}

fn reply(status: u16, body: &Value) -> WireReply {
    WireReply { status, headers: Headers::default(), body: body.to_string().into() }
}

fn text(response: &Response) -> String {
    let body: Value = serde_json::from_str(response.body.get()).expect("JSON");
    body["choices"][0]["message"]["content"].as_str().expect("a text").to_owned()
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&Vertex);
    golden::check_params(&VertexClaude);
    golden::check_params(&VertexOpen);
}

#[test]
fn a_name_says_where_a_model_is_and_how_it_is_asked() {
    let google = "https://h/v1/projects/p/locations/l";
    for (model, below, streamed) in [
        ("gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro:generateContent", ""),
        ("google/gemini-2.5-pro", "publishers/google/models/gemini-2.5-pro:generateContent", ""),
        (
            "publishers/google/models/gemini-2.5-pro",
            "publishers/google/models/gemini-2.5-pro:generateContent",
            "publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
        ),
        ("1234567890", "endpoints/1234567890:generateContent", ""),
        (
            "endpoints/1234567890",
            "endpoints/1234567890:generateContent",
            "endpoints/1234567890:streamGenerateContent?alt=sse",
        ),
        (
            "claude-sonnet-4-5@20250929",
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
            "publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
        ),
        ("anthropic/claude-opus-5", "publishers/anthropic/models/claude-opus-5:rawPredict", ""),
        (
            "mistral-large@2411",
            "publishers/mistralai/models/mistral-large@2411:rawPredict",
            "publishers/mistralai/models/mistral-large@2411:streamRawPredict",
        ),
        ("mistralai/codestral-2", "publishers/mistralai/models/codestral-2:rawPredict", ""),
        ("jamba-1.5-large@001", "publishers/ai21/models/jamba-1.5-large@001:rawPredict", ""),
        (
            "meta/llama-3.3-70b-instruct-maas",
            "endpoints/openapi/chat/completions",
            "endpoints/openapi/chat/completions",
        ),
        ("google/gemma-4-26b-a4b-it-maas", "endpoints/openapi/chat/completions", ""),
        ("openai/gpt-oss-120b-maas", "endpoints/openapi/chat/completions", ""),
        ("xai/grok-4.3", "endpoints/openapi/chat/completions", ""),
    ] {
        assert_eq!(sent(model, json!({})).0.url, format!("{google}/{below}"), "{model}");
        if !streamed.is_empty() {
            let (wire, _) = sent(model, json!({"stream": true}));
            assert_eq!(wire.url, format!("{google}/{streamed}"), "{model}");
        }
    }
    let whole = sent("projects/q/locations/m/endpoints/12", json!({})).0;
    assert_eq!(whole.url, "https://h/v1/projects/q/locations/m/endpoints/12:generateContent");
}

#[test]
fn a_cache_is_told_by_its_whole_name() {
    for (stated, told) in [
        ("7", "projects/p/locations/l/cachedContents/7"),
        ("cachedContents/7", "projects/p/locations/l/cachedContents/7"),
        ("locations/m/cachedContents/7", "projects/p/locations/m/cachedContents/7"),
        ("projects/q/locations/m/cachedContents/7", "projects/q/locations/m/cachedContents/7"),
    ] {
        for params in [json!({"cached_content": stated}), json!({"cachedContent": stated})] {
            assert_eq!(sent("gemini-2.5-pro", params).1["cachedContent"], told);
        }
    }
    let params = json!({"cached_content": "7"});
    let asked_later = endpoint("https://h", &[("project", "{project}")]);
    let failure = asked("gemini-2.5-pro", params.clone(), &asked_later).expect_err("no project");
    assert!(failure.message.contains("write `projects/<project>/locations/"), "{failure}");
    let with_key = Endpoint { key: Some(Secret::new("AIzaX")), ..endpoint("https://h", &[]) };
    asked("gemini-2.5-pro", params, &with_key).expect("an API key knows its project");
}

#[test]
fn the_url_follows_version_project_and_location() {
    let url = |base: &str, settings: &[(&str, &str)]| {
        let wire = asked("gemini-2.5-pro", json!({}), &endpoint(base, settings));
        wire.map(|wire| wire.url.replace("/publishers/google/models/gemini-2.5-pro", "/..."))
    };
    let place = [("project", "a.com:p"), ("location", "eu")];
    let expected = "https://h/v1/projects/a.com:p/locations/eu/...:generateContent";
    assert_eq!(url("https://h", &place).expect("a URL"), expected);
    assert_eq!(url("https://h/v1", &place).expect("a URL"), expected);
    let preview = [place[0], place[1], ("api_version", "v1beta1")];
    let expected = "https://h/x/v1beta1/projects/a.com:p/locations/eu/...:generateContent";
    assert_eq!(url("https://h/x", &preview).expect("a URL"), expected);
    let usual = url("https://h", &[("project", "p")]).expect("a URL");
    assert_eq!(usual, "https://h/v1/projects/p/locations/us-central1/...:generateContent");
    let unknown = url("https://h", &[("project", "{project}")]).expect("a URL");
    assert!(unknown.contains("/projects/{project}/"), "{unknown}");
    let without = url("https://h", &[]).expect_err("no project");
    assert!(without.message.contains("write project = "), "{without}");
    assert_eq!(without.kind, FailureKind::NotFound, "the request itself is sound");
    for odd in ["", "a/b", "a b", "..", "p?x"] {
        let failure = url("https://h", &[("project", odd)]).expect_err(odd);
        assert_eq!(failure.kind, FailureKind::BadRequest, "{odd}");
    }
    let odd = asked("gemini-2.5-pro?x=1", json!({}), &self::usual()).expect_err("no model");
    assert_eq!(odd.kind, FailureKind::BadRequest);
}

#[test]
fn gemini_has_roles_and_its_tier_in_headers() {
    let (wire, body) = sent("gemini-2.5-pro", json!({"max_tokens": 9}));
    assert_eq!(body["systemInstruction"], json!({"role": "user", "parts": [{"text": "s"}]}));
    assert_eq!(body["contents"], json!([{"role": "user", "parts": [{"text": "hi"}]}]));
    assert_eq!(body["generationConfig"], json!({"maxOutputTokens": 9}));
    assert!(wire.headers.is_empty());
    let key = wire.key.expect("a key");
    assert_eq!(
        (&*key.name, &*key.prefix, key.key.expose()),
        ("authorization", "Bearer ", "ya29.t")
    );
    for (tier, headers) in [("flex", 2), ("priority", 2), ("default", 0), ("auto", 0)] {
        let (wire, body) = sent("gemini-2.5-pro", json!({"service_tier": tier}));
        assert_eq!((wire.headers.len(), body.get("serviceTier")), (headers, None), "{tier}");
    }
}

#[test]
fn an_api_key_needs_no_project() {
    let mut endpoint = endpoint("https://us-central1-aiplatform.googleapis.com", &[]);
    endpoint.key = Some(Secret::new("AQ.Ab8"));
    let wire = asked("gemini-2.5-pro", json!({}), &endpoint).expect("a request");
    let below = "v1/publishers/google/models/gemini-2.5-pro:generateContent";
    assert_eq!(wire.url, format!("https://aiplatform.googleapis.com/{below}"));
    assert_eq!(wire.key.expect("a key").name, "x-goog-api-key");
    endpoint.base_url = "http://127.0.0.1:1".into();
    let wire = asked("gemini-2.5-pro", json!({}), &endpoint).expect("a request");
    assert_eq!(wire.url, format!("http://127.0.0.1:1/{below}"));
    assert!(asked("claude-opus-5", json!({}), &endpoint).is_err(), "it needs a project");
}

#[test]
fn claude_has_the_version_in_the_body_and_no_model() {
    let params = json!({"max_tokens": 9, "stream": true, "betas": ["b-1", "b-2"]});
    let (wire, body) = sent("claude-sonnet-4-5@20250929", params);
    assert_eq!(wire.headers, [("anthropic-beta", "b-1,b-2".to_owned())]);
    assert_eq!(
        body,
        json!({
            "max_tokens": 9,
            "system": "s",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": true,
            "anthropic_version": "vertex-2023-10-16",
        })
    );
    let answer = json!({"id": "m", "type": "message", "role": "assistant", "model": "c",
        "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 4, "output_tokens": 5}});
    let response = VertexClaude.decode(&reply(200, &answer)).expect("an answer");
    assert_eq!(text(&response), "Hello");
    assert_eq!(response.usage.expect("told").input, Some(4));
}

#[test]
fn open_models_answer_like_openai() {
    let (wire, body) = sent("meta/llama-3.3-70b-instruct-maas", json!({"stream": true}));
    assert_eq!(body["model"], "meta/llama-3.3-70b-instruct-maas");
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert_eq!(wire.key.expect("a key").key.expose(), "ya29.t");
    let answer = json!({"id": "o", "object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]});
    for model in ["meta/llama-3.3-70b-instruct-maas", "mistral-medium-3"] {
        let response = dialect(model).decode(&reply(200, &answer)).expect("an answer");
        assert_eq!(text(&response), "Hello");
    }
}

#[test]
fn models_that_were_shut_down_are_told_with_a_successor() {
    for model in ["chat-bison", "chat-bison-32k@002", "codechat-bison", "text-unicorn@001"] {
        let failure = asked(model, json!({}), &usual()).expect_err(model);
        assert_eq!((failure.kind, failure.retryable), (FailureKind::NotFound, false));
        assert!(failure.message.contains("gemini-"), "{failure}");
    }
}

#[test]
fn errors_come_in_googles_form_and_in_the_makers() {
    use FailureKind as Kind;
    let googles = |code: u16, status: &str, message: &str| json!({"error": {"code": code, "message": message, "status": status}});
    let anthropics = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let openais =
        |message: &str| json!({"error": {"message": message, "type": "invalid_request_error"}});
    let gone = "Publisher Model `projects/p/locations/l/publishers/x` was not found";
    let all = ["gemini-2.5-pro", "claude-opus-5", "meta/llama-maas"];
    for (models, status, body, kind, retryable) in [
        (&all[..], 401, googles(401, "UNAUTHENTICATED", "no"), Kind::Authentication, false),
        (&all, 403, googles(403, "PERMISSION_DENIED", "no"), Kind::PermissionDenied, false),
        (&all, 404, googles(404, "NOT_FOUND", gone), Kind::NotFound, false),
        (&all, 429, googles(429, "RESOURCE_EXHAUSTED", "busy"), Kind::RateLimit, true),
        (&all, 429, json!([googles(429, "RESOURCE_EXHAUSTED", "x")]), Kind::RateLimit, true),
        (&all, 503, googles(503, "UNAVAILABLE", "later"), Kind::ServiceUnavailable, true),
        (
            &all[1..2],
            400,
            anthropics("invalid_request_error", "prompt is too long: 9 tokens"),
            Kind::ContextWindowExceeded,
            false,
        ),
        (&all[1..2], 529, anthropics("overloaded_error", "x"), Kind::ServiceUnavailable, true),
        (&all[2..], 400, openais("maximum context length"), Kind::ContextWindowExceeded, false),
    ] {
        for model in models {
            let rejected = dialect(model).decode(&reply(status, &body)).expect_err("no answer");
            let failure = rejected.failure;
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{model} {body}");
            assert_eq!(failure.http_status, Some(status));
            let is_helped = failure.message.contains("location = \"global\"");
            assert_eq!(is_helped, status == 404, "{failure}");
        }
    }
}
