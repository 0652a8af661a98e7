//! The built-in provider and the tests' own server, over real sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use runner::call::completion::Completion;
use runner::mock::script::Script;
use runner::mock::server::Mock;
use runner::provider::env::Env;
use runner::provider::table::DIALECTS;
use runner::{Client, Dialect, Failure, FailureKind, Message, OpenAiChat, Provider, Request};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::support::client::{Answered, ask, client, get, question};
use crate::support::handlers::{answers, echo, failing_first};
use crate::support::quota::{sliding_window, token_bucket};
use crate::support::server::{Reply, Server};

async fn mock(script: &str) -> Mock {
    let script: Script = toml::from_str(script).expect("a script");
    assert_eq!(script.faults(), []);
    Mock::start(script, 0).await.expect("a mock")
}

async fn ask_mock(mock: &Mock, model: &str, text: &str) -> Answered {
    ask(&client(), &mock.base_url(), &question(model, text)).await.expect("an answer")
}

#[tokio::test]
async fn an_echo_comes_back_and_prose_repeats_itself() {
    let mock = mock("").await;
    let echo = ask_mock(&mock, "echo", "Hello! How are you?").await;
    assert_eq!((echo.status, echo.content().as_str()), (200, "Hello! How are you?"));
    assert!(echo.header("x-request-id").is_some_and(|id| id.starts_with("req_mock_")));
    assert_eq!(echo.json()["usage"]["prompt_tokens"], 12);

    let lark = ask_mock(&mock, "lark", "hi").await;
    assert_eq!(lark.text, ask_mock(&mock, "lark", "hi").await.text);
    assert_ne!(lark.content(), ask_mock(&mock, "finch", "hi").await.content());
    assert_eq!(mock.stats().ok, 4);
}

#[tokio::test]
async fn what_is_no_proper_request_is_told_so() {
    let mock = mock("").await;
    let base = mock.base_url();
    let client = client();
    let bad = ask(&client, &base, &json!({"model": "m"})).await.expect("an answer");
    assert_eq!((bad.status, &bad.json()["error"]["param"]), (400, &json!("messages")));
    let cut = client.post(format!("{base}/chat/completions")).body("{").send().await;
    assert_eq!(cut.expect("an answer").status(), 400);
    let lost = get(&client, &format!("{base}/nowhere")).await.expect("an answer");
    assert_eq!(lost.status, 404);
    assert_eq!(lost.json()["error"]["message"], "Invalid URL (GET /v1/nowhere)");
    let got = get(&client, &format!("{base}/chat/completions")).await.expect("an answer");
    assert_eq!(got.status, 405);
    let models = get(&client, &format!("{base}/models")).await.expect("an answer");
    assert_eq!(models.json()["data"][0]["id"], "echo");
    let stats = get(&client, &base.replace("/v1", "/stats")).await.expect("an answer").json();
    assert_eq!((&stats["requests"], &stats["refused"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn prepared_answers_come_from_their_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("answers.csv");
    std::fs::write(&path, "prompt,answer\nWhat is 2 + 2?,4\n").expect("a file");
    let script = Script { answers: Some(path), ..Script::default() };
    let mock = Mock::start(script, 0).await.expect("a mock");
    assert_eq!(ask_mock(&mock, "lark", " What is 2 + 2?\n").await.content(), "4");

    let missing = Script { answers: Some("no/such.csv".into()), ..Script::default() };
    let error = Mock::start(missing, 0).await.expect_err("no file").to_string();
    assert!(error.contains("`no/such.csv`") && error.contains("help: "), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = mock("").await;
    let error = Mock::start(Script::default(), first.port()).await.expect_err("in use");
    let text = error.to_string();
    assert!(text.starts_with(&format!("listen on 127.0.0.1:{}: ", first.port())), "{text}");
}

#[tokio::test]
async fn a_stream_comes_in_pieces_over_its_latency() {
    let mock = mock("latency = '400ms'\nlatency_sigma = 0").await;
    let mut body = question("echo", "one two three four five six seven eight");
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let url = format!("{}/chat/completions", mock.base_url());
    let start = Instant::now();
    let mut response = client().post(url).body(body.to_string()).send().await.expect("headers");
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut text = String::new();
    let mut first = None;
    while let Some(chunk) = response.chunk().await.expect("a chunk") {
        first.get_or_insert(start.elapsed());
        text.push_str(std::str::from_utf8(&chunk).expect("utf-8"));
    }
    let whole = start.elapsed();
    assert!(first.expect("a chunk") < Duration::from_millis(300), "{first:?}");
    assert!(whole > Duration::from_millis(300), "{whole:?}");
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let content: String = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(content, "one two three four five six seven eight");
    assert_eq!(mock.stats().in_flight, 0);
}

/// How one try went, in a word.
async fn tried(client: &reqwest::Client, base: &str, text: &str) -> &'static str {
    let body = question("echo", text);
    match timeout(Duration::from_secs(1), ask(client, base, &body)).await {
        Err(_) => "timeout",
        Ok(Err(error)) if error.is_request() => "reset",
        Ok(Err(_)) => "truncated",
        Ok(Ok(answer)) => match answer.status {
            200 => "ok",
            429 => "rate_limit",
            500 => "server_error",
            _ => "other",
        },
    }
}

#[tokio::test]
async fn faults_come_in_their_shares_and_again_in_the_same_places() {
    let script = "faults = { rate_limit = 0.1, server_error = 0.1, reset = 0.1, timeout = 0.05, \
                  truncated = 0.1 }\nretry_after = '20ms'\nseed = ";
    let mut runs: Vec<Vec<&str>> = Vec::new();
    for seed in [1, 1, 2] {
        let mock = mock(&format!("{script}{seed}")).await;
        let (client, base) = (client(), mock.base_url());
        let mut rows = JoinSet::new();
        for row in 0..60 {
            let (client, base) = (client.clone(), base.clone());
            rows.spawn(async move {
                let text = format!("row {row}");
                let first = tried(&client, &base, &text).await;
                (row, [first, tried(&client, &base, &text).await])
            });
        }
        let mut rows = rows.join_all().await;
        rows.sort_unstable();
        let fates: Vec<_> = rows.into_iter().flat_map(|(_, fates)| fates).collect();
        let counts = fates.iter().fold(BTreeMap::<&str, u64>::new(), |mut counts, fate| {
            *counts.entry(fate).or_default() += 1;
            counts
        });
        assert_eq!(counts.len(), 6, "{counts:?}");
        assert!((48..=84).contains(&counts["ok"]), "{counts:?}");
        let stats = mock.stats();
        assert_eq!(stats.requests, 120);
        assert_eq!(
            [stats.ok, stats.faults.reset, stats.faults.truncated, stats.faults.timeout],
            [counts["ok"], counts["reset"], counts["truncated"], counts["timeout"]]
        );
        runs.push(fates);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn a_client_that_goes_ends_the_wait_for_an_answer_that_never_comes() {
    let mock = mock("faults = { timeout = 1 }").await;
    assert_eq!(tried(&client(), &mock.base_url(), "hi").await, "timeout");
    let start = Instant::now();
    while mock.stats().in_flight > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "the request is still in flight");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!((mock.stats().faults.timeout, mock.stats().max_in_flight), (1, 1));
}

/// All bytes that come back on a bare socket, and how it ended.
async fn raw(port: u16, body: &Value) -> (String, std::io::Result<usize>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).await;
    (String::from_utf8(bytes).expect("utf-8"), end)
}

#[tokio::test]
async fn a_reset_is_one_and_a_cut_answer_keeps_its_first_half() {
    let reset = mock("faults = { reset = 1 }").await;
    let (text, end) = raw(reset.port(), &question("echo", "hi")).await;
    assert_eq!(text, "");
    assert_eq!(end.expect_err("a reset").kind(), std::io::ErrorKind::ConnectionReset);

    let cut = mock("faults = { truncated = 1 }").await;
    let (text, end) = raw(cut.port(), &question("echo", "hi")).await;
    assert!(end.is_ok(), "{end:?}");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let promised: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .expect("a length");
    assert_eq!(body.len(), promised / 2);

    let mut streamed = question("echo", "one two three four");
    streamed["stream"] = json!(true);
    let (text, _) = raw(cut.port(), &streamed).await;
    assert!(text.contains("one") && !text.contains("[DONE]"), "{text}");
}

#[tokio::test]
async fn limits_are_enforced_and_told_in_headers() {
    let mock = mock("limits = { rpm = 60, burst = 2, tpm = 1000 }").await;
    let (client, base) = (client(), mock.base_url());
    let echo =
        async |text: &str| ask(&client, &base, &question("echo", text)).await.expect("an answer");
    let one = echo("hi").await;
    assert_eq!(one.status, 200);
    for (name, value) in [
        ("x-ratelimit-limit-requests", "60"),
        ("x-ratelimit-remaining-requests", "1"),
        ("x-ratelimit-limit-tokens", "1000"),
        ("x-ratelimit-remaining-tokens", "991"),
    ] {
        assert_eq!(one.header(name), Some(value), "{name}");
    }
    assert!(one.header("x-ratelimit-reset-requests").is_some());
    assert_eq!(echo("hi").await.status, 200);
    let barred = echo("hi").await;
    assert_eq!(barred.status, 429);
    let error = &barred.json()["error"];
    assert_eq!(
        (&error["code"], &error["type"]),
        (&json!("rate_limit_exceeded"), &json!("requests"))
    );
    assert_eq!(barred.header("retry-after"), Some("1"));
    let millis: u64 =
        barred.header("retry-after-ms").and_then(|text| text.parse().ok()).expect("a wait");
    assert!((1..=1000).contains(&millis), "{millis}");
    tokio::time::sleep(Duration::from_millis(millis)).await;
    assert_eq!(echo("hi").await.status, 200);

    tokio::time::sleep(Duration::from_secs(1)).await;
    let large = echo(&"word ".repeat(1000)).await;
    assert_eq!((large.status, large.header("retry-after")), (429, None));
    assert!(large.text.contains("Request too large for echo on tokens per min (TPM): Limit 1000"));
    assert_eq!(mock.stats().limited, 2);
}

#[tokio::test]
async fn only_so_many_are_answered_at_a_time() {
    let mock = mock(
        "limits = { concurrency = 3 }\nlatency = '400ms'\nlatency_sigma = 0\nretry_after = '50ms'",
    )
    .await;
    let (client, base) = (client(), mock.base_url());
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let (client, base) = (client.clone(), base.clone());
        asking.spawn(async move {
            let answer = ask(&client, &base, &question("echo", "hi")).await.expect("an answer");
            (answer.status, answer.header("retry-after-ms").map(str::to_owned))
        });
    }
    let mut all = asking.join_all().await;
    all.sort_unstable();
    assert_eq!(all.iter().filter(|(status, _)| *status == 200).count(), 3);
    assert_eq!(all[7], (429, Some("50".to_owned())));
    assert_eq!(mock.stats().max_in_flight, 3);
}

#[tokio::test]
async fn the_latency_is_waited() {
    let mock = mock("latency = '60ms'\nlatency_sigma = 0").await;
    let start = Instant::now();
    ask_mock(&mock, "echo", "hi").await;
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_dropped_mock_is_gone() {
    let mock = mock("").await;
    let (client, base) = (client(), mock.base_url());
    assert!(ask(&client, &base, &question("echo", "hi")).await.is_ok());
    let stats = mock.run_until(async {}).await;
    assert_eq!(stats.ok, 1);
    tokio::task::yield_now().await;
    assert!(ask(&client, &base, &question("echo", "hi")).await.is_err());
}

#[tokio::test]
async fn the_tests_server_counts_what_it_sees() {
    let server = Server::start(failing_first(1, Reply::Reset, echo()));
    let (client, base) = (client(), server.base_url());
    let body = question("m", "hi");
    assert!(ask(&client, &base, &body).await.is_err());
    let answer = ask(&client, &base, &body).await.expect("an answer");
    assert_eq!(answer.content(), "hi");
    let url = format!("{base}/chat/completions");
    let sent = client.post(url).bearer_auth("key").body(body.to_string()).send().await;
    assert_eq!(sent.expect("an answer").status(), 200);
    assert_eq!(server.requests(), 3);
    assert_eq!(server.texts()["hi"], 3);
    assert_eq!(server.statuses(), BTreeMap::from([(0, 1), (200, 2)]));
    assert_eq!(server.authorizations().into_iter().collect::<Vec<_>>(), ["Bearer key"]);
    assert_eq!(server.bodies()[0], body);
    assert_eq!(server.max_in_flight(), 1);
}

#[tokio::test]
async fn the_tests_server_goes_wrong_in_every_way() {
    let server = Server::start(|seen| match seen.text.as_str() {
        "hang" => Reply::Hang,
        "truncate" => Reply::Truncate(json!({"text": "x".repeat(1000)})),
        "late" => answers("now")(seen).after(Duration::from_millis(60)),
        _ => Reply::Raw(503, vec![("retry-after", "3".to_owned())], b"<html>".to_vec()),
    });
    let (client, base) = (client(), server.base_url());
    assert_eq!(tried(&client, &base, "hang").await, "timeout");
    assert_eq!(tried(&client, &base, "truncate").await, "truncated");
    let start = Instant::now();
    assert_eq!(tried(&client, &base, "late").await, "ok");
    assert!(start.elapsed() >= Duration::from_millis(60));
    let raw = ask(&client, &base, &question("m", "raw")).await.expect("an answer");
    assert_eq!(
        (raw.status, raw.header("retry-after"), raw.text.as_str()),
        (503, Some("3"), "<html>")
    );
}

#[tokio::test]
async fn the_tests_limits_let_through_what_they_say() {
    let window = Duration::from_millis(400);
    let server = Server::start(sliding_window(5, window, echo()));
    let (client, base) = (client(), server.base_url());
    for _ in 0..7 {
        tried(&client, &base, "hi").await;
    }
    assert_eq!((server.status(200), server.status(429)), (5, 2));
    assert!(server.most_within(window) >= 5);
    tokio::time::sleep(window).await;
    assert_eq!(tried(&client, &base, "hi").await, "ok");

    let server = Server::start(token_bucket(10.0, 2.0, echo()));
    let base = server.base_url();
    for _ in 0..2 {
        assert_eq!(tried(&client, &base, "hi").await, "ok");
    }
    let barred = ask(&client, &base, &question("m", "hi")).await.expect("an answer");
    assert_eq!((barred.status, barred.header("retry-after")), (429, Some("1")));
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(tried(&client, &base, "hi").await, "ok");
}

/// A client of this mock, as the provider `it`, in one tongue.
fn speaker(mock: &Mock, dialect: &'static dyn Dialect) -> Client {
    let version = if dialect.name().starts_with("openai") { "/v1" } else { "" };
    let host = mock.base_url().replace("/v1", version);
    let settings = [("project", "p"), ("location", "global"), ("region", "us-east-1")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = BTreeMap::from(settings).into();
    let provider = Provider { settings, ..Provider::new("it", dialect, &host) };
    Client::with_env(Env::of([])).with_provider(provider)
}

/// Every dialect, with a model of each of its own tongues.
fn tongues() -> Vec<(&'static dyn Dialect, &'static str)> {
    let with_models = |&dialect: &&'static dyn Dialect| {
        let models: &[&str] = match dialect.name() {
            "vertex" => &["lark", "claude-lark", "mistral-lark", "meta/lark"],
            _ => &["lark", "echo"],
        };
        models.iter().map(move |model| (dialect, *model))
    };
    DIALECTS.iter().flat_map(with_models).collect()
}

/// Talks of one message and of several, whole answers and such as end early.
fn talks(model: &str) -> Vec<Request> {
    let new = || Request::new(format!("it/{model}"));
    let parts =
        json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two \"three\" é"}]);
    let mut several = new().system("Be short.").user("Hello!");
    several.messages.push(Message::text("assistant", "Hi."));
    several.messages.push(
        serde_json::from_value(json!({"role": "user", "content": parts})).expect("a message"),
    );
    let long = "a long question that is repeated ".repeat(5);
    // No dialect takes less than 16.
    vec![new().user("hi"), several, new().user(long).param("max_tokens", 16)]
}

/// What counts of an answer: text, finish reason, tokens in and out.
type Told = (String, String, Option<u64>, Option<u64>);

fn told(completion: &Completion) -> Told {
    let [choice] = &*completion.choices else { panic!("one choice: {completion:?}") };
    let usage = completion.usage.expect("tokens");
    let text = choice.message.content.clone();
    (text, choice.finish_reason.clone(), usage.prompt_tokens(), usage.completion_tokens())
}

/// The answer as a stream, with the text as it came.
async fn streamed(client: &Client, request: &Request) -> Result<(Completion, String), Failure> {
    let mut stream = client.completion_stream(request.clone()).await?;
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        text.push_str(&piece);
    }
    Ok((stream.completion()?, text))
}

#[tokio::test]
async fn every_voice_is_understood_by_its_dialect_and_says_the_same() {
    let mock = mock("").await;
    let plain = speaker(&mock, &OpenAiChat);
    for (dialect, model) in tongues() {
        let client = speaker(&mock, dialect);
        let mut finishes = Vec::new();
        for request in talks(model) {
            let place = format!("{} {model}", dialect.name());
            let wanted = told(&plain.completion(request.clone()).await.expect("an answer"));
            let whole = client.completion(request.clone()).await.expect(&place);
            let (pieced, text) = streamed(&client, &request).await.expect(&place);
            assert_eq!(told(&whole), wanted, "{place}");
            assert_eq!((told(&pieced), &*text), (wanted.clone(), &*wanted.0), "{place}");
            finishes.push(wanted.1);
        }
        assert_eq!(finishes, ["stop", "stop", "length"]);
    }
}

#[tokio::test]
async fn every_voice_refuses_so_that_its_dialect_knows_why() {
    let scripts = [
        ("faults = { rate_limit = 1 }\nretry_after = '20ms'", FailureKind::RateLimit, true),
        ("faults = { server_error = 1 }", FailureKind::InternalServer, false),
        ("faults = { truncated = 1 }", FailureKind::ApiResponseValidation, false),
        ("faults = { reset = 1 }", FailureKind::ApiConnection, false),
        ("limits = { tpm = 5 }", FailureKind::RateLimit, false),
        ("limits = { rpm = 1, tpm = 100 }", FailureKind::RateLimit, true),
    ];
    for (script, kind, waits) in scripts {
        for (dialect, model) in tongues() {
            let mock = mock(script).await;
            let client = speaker(&mock, dialect);
            let place = format!("{} {model}: {script}", dialect.name());
            let request = talks(model).swap_remove(0);
            if script.contains("rpm") {
                client.completion(request.clone()).await.expect(&place);
            }
            let whole = client.completion(request.clone()).await.expect_err(&place);
            let pieced = streamed(&client, &request).await.expect_err(&place);
            for failure in [whole, pieced] {
                assert_eq!(failure.kind, kind, "{place}: {failure}");
                assert_eq!(
                    failure.retry_after.is_some(),
                    waits && dialect.name() != "bedrock",
                    "{place}: {failure}"
                );
            }
        }
    }
}
