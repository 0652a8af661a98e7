//! What goes out and what is made of what comes back, by the files of `tests/wire/<dialect>/embed`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::call::request::Operation;
use crate::provider::quirks::Quirks;
use crate::provider::table::{DIALECTS, dialect};
use crate::provider::{Dialect, Endpoint};
use crate::wire::message::Headers;

fn reply(status: u16, body: &str) -> WireReply {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    WireReply { status, headers, body: body.to_owned().into() }
}

fn tongue(name: &str) -> &'static dyn Dialect {
    let tongue = dialect(name).expect("it is in the table").embeddings();
    tongue.unwrap_or_else(|| panic!("{name} gives none"))
}

fn check(tongue: &dyn Dialect, case: &Value, file: &str) {
    let text = |key: &str| case[key].as_str().unwrap_or_else(|| panic!("{file}: no {key}"));
    let endpoint = Endpoint {
        base_url: text("base_url").into(),
        settings: serde_json::from_value(case["settings"].clone()).unwrap_or_default(),
        quirks: serde_json::from_value::<Quirks>(case["quirks"].clone()).unwrap_or_default().into(),
        ..Endpoint::default()
    };
    let mut request = Request::new(text("model")).user(text("text"));
    request.operation = Operation::Embed;
    for (name, value) in case["params"].as_object().expect("params") {
        let accepted = tongue.accepts(&endpoint.quirks, text("model"), name, value);
        assert_eq!(accepted, Ok(()), "{file}: {name}");
        request = request.param(name, value.clone());
    }
    let knows = tongue.knows(&endpoint.base_url, &endpoint.settings, text("model"));
    assert_eq!(knows, Ok(()), "{file}");
    let sent = endpoint.encode(tongue, &request).expect(file);
    assert_eq!(sent.url, text("url"), "{file}");
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON is sent");
    assert_eq!(body, case["body"], "{file}");

    let mut reply = reply(200, text("reply"));
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        reply.headers.push(name, value.as_str().expect("a text"));
    }
    let answer = tongue.decode(&reply).expect(file);
    let usage = answer.usage.map(|usage| (usage.prompt_tokens(), usage.completion_tokens()));
    assert_eq!(usage, case["input"].as_u64().map(|input| (Some(input), Some(0))), "{file}");
    assert_eq!(answer.finish_reason_raw, None, "{file}");
    let body: Value = serde_json::from_str(answer.body.get()).expect("JSON");
    assert_eq!(body["object"], "chat.completion", "{file}");
    assert_eq!(body["choices"][0]["finish_reason"], "stop", "{file}");
    assert_eq!(body["choices"][0]["message"]["content"], case["embedding"], "{file}");
}

#[test]
fn every_tongue_asks_and_reads_as_its_files_say() {
    let wire = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let tongues: BTreeSet<&str> =
        DIALECTS.iter().filter_map(|dialect| dialect.embeddings()).map(Dialect::name).collect();
    assert_eq!(tongues.len(), 8, "{tongues:?}");
    for name in tongues {
        let folder = wire.join(name).join("embed");
        let entries: Vec<_> =
            std::fs::read_dir(&folder).unwrap_or_else(|_| panic!("no files for {name}")).collect();
        assert!(!entries.is_empty(), "no files for {name}");
        for entry in entries {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("it is text");
            let case: Value = serde_json::from_str(&text).expect("it is JSON");
            check(tongue(name), &case, &path.display().to_string());
        }
    }
}

#[test]
fn what_is_no_embedding_is_told_and_asked_for_once_more() {
    let tongue = tongue("openai");
    for (body, why) in [
        (json!({"data": []}), "there is none in the answer"),
        (json!({"data": [{"embedding": []}]}), "it is an empty list"),
        (json!({"data": [{"embedding": [1, "a"]}]}), "it is no list of numbers"),
        (json!({"data": [{"embedding": [1, null]}]}), "it is no list of numbers"),
        (json!({"data": [{"embedding": {"a": 1}}]}), "it is no list of numbers"),
        (json!({"data": [{"embedding": "!"}]}), "it is no list of numbers"),
        (json!({"data": [{"embedding": null}]}), "there is none in the answer"),
        (json!({"choices": []}), "there is none in the answer"),
    ] {
        let mut body = body;
        body["usage"] = json!({"prompt_tokens": 3});
        let rejected = tongue.decode(&reply(200, &body.to_string())).expect_err(why);
        let message = format!("the embedding cannot be read: {why}");
        assert_eq!(rejected.failure.message, message, "{body}");
        assert_eq!(rejected.failure.kind, FailureKind::ApiResponseValidation);
        assert_eq!(rejected.failure.remedy(), Remedy::RetryOnce);
        // It was billed all the same.
        let usage = rejected.response.and_then(|response| response.usage).expect("tokens");
        assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (Some(3), Some(0)));
    }
    let page = tongue.decode(&reply(200, "<html>")).expect_err("no JSON");
    assert!(page.failure.message.contains("cannot be read"), "{}", page.failure.message);
}

#[test]
fn errors_are_told_as_those_of_chats() {
    let told = |name: &str, status, body: Value| {
        tongue(name).decode(&reply(status, &body.to_string())).expect_err(name).failure
    };
    let error = json!({"error": {"message": "no such model", "code": "model_not_found"}});
    assert_eq!(told("openai", 404, error.clone()).kind, FailureKind::NotFound);
    assert_eq!(told("azure", 404, error.clone()).kind, FailureKind::NotFound);
    assert_eq!(told("openai", 200, error).kind, FailureKind::NotFound);
    let google = json!({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}});
    assert_eq!(told("gemini", 429, google.clone()).kind, FailureKind::RateLimit);
    assert_eq!(told("vertex", 429, google).kind, FailureKind::RateLimit);
    let words = json!({"message": "invalid api token"});
    assert_eq!(told("cohere", 401, words.clone()).kind, FailureKind::Authentication);
    assert_eq!(told("bedrock", 403, words).kind, FailureKind::PermissionDenied);
    let missing = json!({"error": "model \"m\" not found, try pulling it first"});
    assert_eq!(told("ollama", 404, missing).kind, FailureKind::NotFound);
}

#[test]
fn parameters_of_chats_are_none_of_an_embedding() {
    let accepts = |name: &str, param: &str, value: Value| {
        tongue(name).accepts(&Quirks::default(), "m", param, &value)
    };
    for name in ["openai", "azure", "azure-ai", "gemini", "vertex", "cohere", "ollama", "bedrock"] {
        for (param, value) in [
            ("temperature", json!(0)),
            ("max_tokens", json!(5)),
            ("stream", json!(true)),
            ("encoding_format", json!("base64")),
        ] {
            let told = accepts(name, param, value).expect_err(name);
            assert!(!told.is_empty(), "{name}: {param}");
        }
        assert_eq!(accepts(name, "dimensions", json!(256)), Ok(()), "{name}");
    }
}

#[test]
fn who_gives_no_embeddings_is_known() {
    assert!(dialect("anthropic").expect("it is in the table").embeddings().is_none());
    let knows = |name: &str, model: &str| {
        let settings = [("region".to_owned(), "us-east-1".to_owned())].into();
        tongue(name).knows("https://h.{region}", &settings, model).map_err(|fault| fault.help)
    };
    for (name, model) in [
        ("vertex", "claude-opus-5@default"),
        ("vertex", "textembedding-gecko@003"),
        ("vertex", "mistral-large-2411"),
        ("bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0"),
    ] {
        let help = knows(name, model).expect_err(model);
        assert!(help.contains("embed"), "{model}: {help}");
    }
    assert_eq!(knows("bedrock", "us.cohere.embed-v4:0"), Ok(()));
}
