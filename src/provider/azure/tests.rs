//! Where a deployment is called, and what Azure says otherwise than `OpenAI`.

#![expect(clippy::needless_pass_by_value, reason = "values are written in place with json!")]

use serde_json::json;

use super::foundry::AzureAi;
use super::*;
use crate::call::failure::{FailureKind as Kind, Remedy};
use crate::call::request::Message;
use crate::provider::golden;
use crate::wire::message::Headers;
use crate::wire::secret::Secret;

fn endpoint(base: &str, version: Option<&str>) -> Endpoint {
    let version = version.map(|version| ("api_version".to_owned(), version.to_owned()));
    Endpoint {
        base_url: base.into(),
        key: Some(Secret::new("k-1")),
        settings: version.into_iter().collect(),
        ..Endpoint::default()
    }
}

fn request(model: &str, params: Value) -> Request {
    Request {
        model: model.into(),
        messages: vec![Message::text("user", "hi")],
        params: serde_json::from_value::<Params>(params).expect("params").into(),
        ..Request::default()
    }
}

fn url(base: &str, version: Option<&str>, model: &str) -> String {
    let dialect = Azure.for_model(&Quirks::default(), model).unwrap_or(&Azure);
    let wire = dialect.encode(&endpoint(base, version), &request(model, json!({})));
    wire.expect("it can be said").url
}

#[test]
fn every_parameter_is_said_or_refused_as_its_file_says() {
    golden::check_params(&Azure);
}

#[test]
fn a_deployment_is_called_in_the_style_that_is_stated() {
    let host = "https://team.openai.azure.com";
    let dated = "https://team.openai.azure.com/openai/deployments/my-gpt/chat/completions";
    let v1 = "https://team.openai.azure.com/openai/v1/chat/completions";
    for (base, version, expected) in [
        (host, Some("2024-10-21"), format!("{dated}?api-version=2024-10-21")),
        (host, None, format!("{dated}?api-version=2025-02-01-preview")),
        (host, Some("v1"), v1.to_owned()),
        (host, Some("latest"), v1.to_owned()),
        (host, Some("preview"), format!("{v1}?api-version=preview")),
        (
            "https://team.openai.azure.com/openai",
            Some("2024-10-21"),
            format!("{dated}?api-version=2024-10-21"),
        ),
        (dated, Some("2024-10-21"), format!("{dated}?api-version=2024-10-21")),
        ("https://team.openai.azure.com/openai/v1", Some("2024-10-21"), v1.to_owned()),
        (v1, None, v1.to_owned()),
    ] {
        assert_eq!(url(base, version, "my-gpt"), expected, "{base} {version:?}");
    }
    let odd = url("https://openai.gw.test/team/openai/v1", Some("x y"), "my gpt/4");
    assert_eq!(odd, "https://openai.gw.test/team/openai/v1/chat/completions");
    let odd = url("https://openai.gw.test", Some("x y"), "my gpt/4");
    assert!(odd.ends_with("/deployments/my%20gpt%2F4/chat/completions?api-version=x%20y"), "{odd}");
}

#[test]
fn models_of_responses_are_asked_there() {
    let host = "https://team.openai.azure.com";
    for (version, expected) in [
        (None, "/openai/v1/responses"),
        (Some("2025-04-01-preview"), "/openai/responses?api-version=2025-04-01-preview"),
        (Some("preview"), "/openai/v1/responses?api-version=preview"),
    ] {
        for model in ["gpt-5-pro", "responses/my-gpt", "gpt-5.1-codex"] {
            assert_eq!(url(host, version, model), format!("{host}{expected}"), "{model}");
        }
    }
    let wire =
        AzureResponses.encode(&endpoint(host, None), &request("responses/my-gpt", json!({})));
    let body: Value = serde_json::from_slice(&wire.expect("said").body).expect("json");
    assert_eq!(body["model"], "my-gpt");
}

#[test]
fn the_list_of_models_is_beside_the_deployments() {
    let list = |version| Azure.probe(&endpoint("https://h/openai", version)).expect("a list").url;
    assert_eq!(list(Some("2024-10-21")), "https://h/openai/models?api-version=2024-10-21");
    assert_eq!(list(Some("v1")), "https://h/openai/v1/models");
}

#[test]
fn the_key_has_a_header_of_its_own() {
    let wire = Azure.encode(&endpoint("https://h", None), &request("m", json!({}))).expect("said");
    let key = wire.key.expect("a key");
    assert_eq!((&*key.name, &*key.prefix, key.key.expose()), ("api-key", "", "k-1"));
}

#[test]
fn an_old_version_is_not_asked_for_the_tokens_of_a_stream() {
    let asks = |version: &str| {
        let endpoint = endpoint("https://h", Some(version));
        let wire = Azure.encode(&endpoint, &request("m", json!({"stream": true}))).expect("said");
        String::from_utf8(wire.body.to_vec()).expect("text").contains("include_usage")
    };
    assert!(asks("2024-10-21") && asks("2024-09-01-preview") && asks("v1"));
    assert!(!asks("2024-06-01") && !asks("2023-05-15"));
}

fn failure(status: u16, body: Value) -> Failure {
    let mut headers = Headers::default();
    headers.push("retry-after", "7");
    let reply = WireReply { status, headers, body: body.to_string().into() };
    Azure.decode(&reply).expect_err("an error").failure
}

#[test]
fn azures_errors_have_their_kinds() {
    let filtered = json!({"error": {"message": "The response was filtered.", "type": null, "param": "prompt",
        "code": "content_filter", "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": true, "severity": "medium"}}}}});
    let inner = json!({"error": {"message": "x", "code": "BadRequest", "innererror": {"code": "ResponsibleAIPolicyViolation"}}});
    let error = |code: &str, message: &str| json!({"error": {"code": code, "message": message}});
    for (status, body, kind, retryable) in [
        (400, filtered, Kind::ContentPolicyViolation, false),
        (400, inner, Kind::ContentPolicyViolation, false),
        (
            400,
            error("x", "The model produced invalid content."),
            Kind::ContentPolicyViolation,
            false,
        ),
        (400, error("context_length_exceeded", "x"), Kind::ContextWindowExceeded, false),
        (400, error("OperationNotSupported", "x"), Kind::BadRequest, false),
        (
            401,
            error("401", "Access denied due to invalid subscription key"),
            Kind::Authentication,
            false,
        ),
        (401, json!({"statusCode": 401, "message": "no key"}), Kind::Authentication, false),
        (
            401,
            error("PermissionDenied", "The principal lacks the role"),
            Kind::PermissionDenied,
            false,
        ),
        (403, error("403", "Public access is disabled"), Kind::PermissionDenied, false),
        (404, error("DeploymentNotFound", "x"), Kind::NotFound, false),
        (404, error("404", "Resource not found"), Kind::NotFound, false),
        (408, json!({}), Kind::Timeout, true),
        (
            429,
            error(
                "429",
                "Requests have exceeded the token rate limit. Please retry after 7 seconds.",
            ),
            Kind::RateLimit,
            true,
        ),
        (429, error("429", "The request is larger than the token budget"), Kind::RateLimit, false),
        (500, json!({}), Kind::InternalServer, true),
        (503, json!({}), Kind::ServiceUnavailable, true),
    ] {
        let failure = failure(status, body.clone());
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{status} {body}");
    }
    let told = failure(404, error("404", "Resource not found"));
    assert_eq!(told.message, "Resource not found; check `base_url` and `api_version`");
    let busy = failure(429, error("429", "slow"));
    assert_eq!(busy.retry_after, Some(std::time::Duration::from_secs(7)));
    assert_eq!(busy.remedy(), Remedy::Retry);
}

#[test]
fn what_the_filter_says_beside_an_answer_is_no_answer() {
    let mut draft = Draft::default();
    for data in [
        r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null,"content_filter_results":{}}],"id":"c"}"#,
        r#"{"choices":[{"index":0,"finish_reason":null,"content_filter_offsets":{},"content_filter_results":{}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ] {
        let frame = Frame { event: String::new(), data: data.to_owned() };
        Azure.fold(&mut draft, &frame).expect("a piece");
    }
    let response = draft.response().expect("an answer");
    let body: Value = serde_json::from_str(response.body.get()).expect("json");
    assert_eq!(
        (&body["id"], &body["choices"][0]["message"]["content"]),
        (&json!("c"), &json!("Hi"))
    );
}

#[test]
fn models_of_other_houses_are_called_as_their_host_wants() {
    let wire = |base: &str, version| {
        let params = json!({"max_tokens": 5});
        AzureAi.encode(&endpoint(base, version), &request("gpt-5", params)).expect("said")
    };
    let shared = wire("https://team.services.ai.azure.com/models", None);
    assert_eq!(
        shared.url,
        "https://team.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"
    );
    assert_eq!(shared.headers, [("extra-parameters", "pass-through".to_owned())]);
    assert_eq!(shared.key.expect("a key").name, "api-key");
    assert!(String::from_utf8_lossy(&shared.body).contains(r#""max_completion_tokens":5"#));
    for base in
        ["https://m.models.ai.azure.com", "https://m.models.ai.azure.com/v1/chat/completions"]
    {
        let own = wire(base, Some("x"));
        assert_eq!(own.url, "https://m.models.ai.azure.com/v1/chat/completions");
        assert_eq!(own.key.expect("a key").prefix, "Bearer ");
    }
}
