//! `runner doctor`: what is set up and what is not, a line each.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::handlers::{error, error_body};
use crate::support::job::{JobDir, Output};
use crate::support::server::{Reply, Seen, Server};

/// Lists its models to whoever has a key, and refuses `bad`.
fn hospital(seen: &Seen) -> Reply {
    let key = ["authorization", "x-api-key", "x-goog-api-key"]
        .iter()
        .find_map(|name| seen.headers.get(*name))
        .map(|value| value.to_str().expect("text").trim_start_matches("Bearer ").to_owned());
    let refused = || error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key.");
    match (seen.path.as_str(), key.as_deref()) {
        ("/page/models", _) => Reply::Raw(
            200,
            vec![("content-type", "text/html".to_owned())],
            b"<html>hello</html>".to_vec(),
        ),
        ("/open/models", _) => Reply::ok(json!({"data": []})),
        ("/nowhere/models", _) => error(404, "x", "x", "no such path"),
        ("/silent/models", _) => Reply::Hang,
        (_, None | Some("bad")) => refused(),
        ("/v1/models" | "/v1beta/models" | "/api/tags", _) => Reply::ok(json!({"data": []})),
        ("/v1/chat/completions", _) => model(seen),
        (path, _) => panic!("nobody asks for {path}"),
    }
}

fn model(seen: &Seen) -> Reply {
    let refused = |message: &str| {
        let body = error_body("invalid_request_error", "unsupported_parameter", message);
        Reply::Json(400, Vec::new(), body)
    };
    let answer = |text: &str, finish: &str| {
        let message = json!({"role": "assistant", "content": text});
        Reply::ok(json!({"choices": [{"message": message, "finish_reason": finish}]}))
    };
    let is_new = seen.body["max_completion_tokens"].is_u64();
    assert!(is_new || seen.body["max_tokens"].is_u64(), "few tokens are asked for");
    match seen.body["model"].as_str().expect("a model") {
        "gpt-4" => answer("Hello", "length"),
        "gpt-5" if !is_new => refused("Unsupported parameter: 'max_tokens'."),
        "gpt-5" => answer("", "length"),
        "gpt-dear" => error(429, "insufficient_quota", "insufficient_quota", "No credit."),
        _ => error(404, "invalid_request_error", "model_not_found", "No such model."),
    }
}

fn lines(output: &Output) -> Vec<&str> {
    output.stdout.lines().collect()
}

#[track_caller]
fn assert_told(line: &str, begins: &str, told: &[&str]) {
    assert!(line.starts_with(begins), "{begins}: {line}");
    for told in told {
        assert!(line.contains(told), "{told}: {line}");
    }
}

#[test]
fn every_provider_that_is_set_up_is_told_of_in_order() {
    let server = Server::start(hospital);
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let gone = format!("http://{}/v1", gone.expect("an address"));
    let mut dir = JobDir::new();
    for (name, value) in [
        ("OPENAI_API_KEY", "sk-canary-good"),
        ("OPENAI_BASE_URL", &*server.base_url()),
        ("ANTHROPIC_API_KEY", "bad"),
        ("ANTHROPIC_BASE_URL", &host),
        ("GEMINI_API_KEY", "sk-canary-good"),
        ("GEMINI_API_BASE", &host),
        ("GROQ_API_KEY", "sk-canary-good"),
        ("GROQ_API_BASE", &gone),
        ("MISTRAL_API_KEY", "sk-canary-good"),
        ("MISTRAL_API_BASE", &format!("{host}/page")),
        ("DEEPSEEK_API_KEY", "sk-canary-good"),
        ("DEEPSEEK_API_BASE", &format!("{host}/open")),
        ("XAI_API_KEY", "sk-canary-good"),
        ("XAI_API_BASE", &format!("{host}/nowhere")),
        ("OLLAMA_API_BASE", &host),
        ("OLLAMA_API_KEY", "k"),
    ] {
        dir.var(name, value);
    }
    let output = dir.run(&["doctor"]).expect_code(3);
    let lines = lines(&output);
    assert_eq!(lines.len(), 8, "{}", output.stdout);
    let wrong = ["AuthenticationError: Incorrect API key.", "`ANTHROPIC_API_KEY`", "settings/keys"];
    assert_told(lines[0], "❌ anthropic  ", &wrong);
    assert_told(lines[1], "✅ deepseek ", &["the key was not tried"]);
    assert_told(lines[2], "✅ gemini ", &[" ms"]);
    let away = ["APIConnectionError", "refused", &*gone, "`GROQ_API_BASE`"];
    assert_told(lines[3], "❌ groq ", &away);
    let page = ["the answer is not JSON but `text/html`", "`MISTRAL_API_BASE`"];
    assert_told(lines[4], "❌ mistral ", &page);
    assert_told(lines[5], "✅ ollama ", &[]);
    assert_told(lines[6], "✅ openai ", &[]);
    assert_told(lines[7], "❌ xai ", &["NotFoundError: no such path", "`XAI_API_BASE`"]);
    assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"));
    assert!(lines[6].ends_with(" ms"), "a good one has nothing to add: {}", lines[6]);
}

#[test]
fn models_are_asked_for_a_few_tokens_as_they_are_named() {
    let server = Server::start(hospital);
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "good");
    let names = ["gpt-5", "gpt-4", "gpt-gone", "gpt-dear", "gtp-4", "claude-3-opus", "mock/echo"];
    let args: Vec<&str> = ["doctor"].into_iter().chain(names).collect();
    let output = dir.run(&args).expect_code(3);
    let lines = lines(&output);
    assert_told(lines[0], "✅ gpt-5 ", &[]);
    assert_told(lines[1], "✅ gpt-4 ", &[]);
    assert_told(lines[2], "❌ gpt-gone ", &["NotFoundError: No such model.", "the model's name"]);
    assert_told(lines[3], "❌ gpt-dear ", &["QuotaExceededError", "add credit"]);
    assert_told(lines[4], "❌ gtp-4 ", &["did you mean `gpt-4o`"]);
    assert_told(lines[5], "❌ claude-3-opus ", &["ANTHROPIC_API_KEY"]);
    assert_told(lines[6], "✅ mock/echo ", &[]);
    dir.run(&["doctor", "gpt-4", "openai", "mock/echo"]).expect_code(0);
}

#[test]
fn a_program_gets_an_array() {
    let server = Server::start(hospital);
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "bad");
    let output = dir.run(&["doctor", "--json", "gpt-4", "mock/echo"]).expect_code(3);
    let found: Value = serde_json::from_str(&output.stdout).expect("json");
    assert_eq!(found[0]["name"], "gpt-4");
    assert_eq!((&found[0]["kind"], &found[0]["ok"]), (&json!("model"), &json!(false)));
    let error = json!({"type": "AuthenticationError", "message": "Incorrect API key.",
        "http_status": 401, "provider_code": "invalid_api_key"});
    assert_eq!(found[0]["error"], error);
    assert!(found[0]["help"].as_str().expect("a help").contains("`OPENAI_API_KEY`"));
    assert_eq!((&found[1]["ok"], &found[1]["error"]), (&json!(true), &Value::Null));
    assert!(found[1]["latency_ms"].is_u64());
}

#[test]
fn where_nothing_is_set_up_it_says_what_to_set() {
    let output = JobDir::new().run(&["doctor", "--json"]).expect_code(3);
    assert_eq!(output.stdout, "[]\n");
    assert!(output.stderr.contains("OPENAI_API_KEY"), "{}", output.stderr);
}

#[test]
fn one_that_hangs_keeps_nobody_longer_than_ten_seconds() {
    let server = Server::start(hospital);
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "good");
    dir.var("GROQ_API_BASE", &format!("{host}/silent")).var("GROQ_API_KEY", "good");
    let start = Instant::now();
    let output = dir.run(&["doctor", "groq", "openai", "--within", "1s"]).expect_code(3);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let lines = lines(&output);
    assert_told(lines[0], "❌ groq ", &["Timeout: no answer in time", "/silent"]);
    assert_told(lines[1], "✅ openai ", &[]);
}

#[test]
fn a_provider_without_a_list_is_tried_by_its_login() {
    let mut dir = JobDir::new();
    dir.var("AWS_ACCESS_KEY_ID", "AKID").var("AWS_SECRET_ACCESS_KEY", "aws-canary");
    dir.var("AWS_REGION", "us-east-1");
    let output = dir.run(&["doctor"]).expect_code(0);
    assert_told(
        output.stdout.trim(),
        "✅ bedrock ",
        &["the login works", "name one of its models"],
    );
    dir.var("AWS_SECRET_ACCESS_KEY", "");
    let output = dir.run(&["doctor"]).expect_code(3);
    assert_told(output.stdout.trim(), "❌ bedrock ", &["export AWS_SECRET_ACCESS_KEY"]);
    assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"));
}
