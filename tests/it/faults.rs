//! What goes wrong on the way to a provider: retried where that can help, told by its name, and
//! never taken for an answer.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::eventually;
use crate::support::handlers::{answers, completion, echo, error, error_body};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::server::{Headers, Reply, Seen, Server};

/// One in ten fails with 500, one in twenty is reset, one in twenty gets 429.
fn unsteady(seen: &Seen) -> Reply {
    let row: usize = seen.text.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    match (row * 7 + seen.n_of_this_text * 3) % 20 {
        0 | 1 => error(500, "server_error", "oops", "the server had an error"),
        2 => Reply::Reset,
        3 => {
            let body = error_body("requests", "rate_limit_exceeded", "slow down");
            Reply::Json(429, vec![("retry-after-ms", "20".to_owned())], body)
        }
        _ => Reply::ok(completion(seen, &seen.text)),
    }
}

#[test]
fn every_task_gets_through_and_every_failure_is_told() {
    const ROWS: usize = 300;
    let server = Server::start(unsteady);
    let run = JobDir::with(&Lab::at(&server).rows(ROWS).limits("concurrency = 16")).go(0);
    assert_eq!(run.each("status"), vec!["ok"; ROWS]);
    let errors = run.csv("errors.csv");
    let count =
        |column: &str, value: &str| errors.iter().filter(|row| row[column] == value).count();
    assert!(server.status(500) >= ROWS / 10 && server.status(0) >= ROWS / 20);
    assert_eq!(count("http_status", "500"), server.status(500));
    assert_eq!(count("http_status", "429"), server.status(429));
    assert_eq!(count("error_type", "APIConnectionError"), server.status(0));
    assert_eq!(errors.len(), server.requests() - ROWS);
    assert!(errors.iter().all(|row| row["final"] == "false" && row["retryable"] == "true"));
    let attempts: usize =
        run.column("responses.csv", "attempts").iter().map(|n| n.parse::<usize>().unwrap()).sum();
    assert_eq!(attempts, server.requests());
    assert_eq!(run.csv("usage.csv").len(), ROWS);
}

#[test]
fn what_cannot_get_better_is_sent_once() {
    let server = Server::start(|seen: &Seen| match seen.text.as_str() {
        "bad" => error(400, "invalid_request_error", "bad_thing", "this is wrong"),
        "large" => error(413, "invalid_request_error", "too_large", "this is too long"),
        "window" => error(400, "invalid_request_error", "context_length_exceeded", "too long"),
        _ => Reply::ok(completion(seen, "fine")),
    });
    let texts = ["bad", "one", "large", "two", "window", "three"];
    let run = JobDir::with(&Lab::at(&server).texts(texts)).go(3);
    assert!(server.texts().values().all(|times| *times == 1), "{:?}", server.texts());
    assert_eq!(run.each("status"), ["error", "ok", "error", "ok", "error", "ok"]);
    let types = ["BadRequestError", "", "BadRequestError", "", "ContextWindowExceededError", ""];
    assert_eq!(run.column("responses.csv", "error_type"), types);
    let errors = run.csv("errors.csv");
    assert!(errors.iter().all(|row| row["final"] == "true" && row["retryable"] == "false"));
    assert_eq!(errors[0]["message"], "this is wrong");
    assert_eq!(errors[0]["provider_code"], "bad_thing");
    assert_eq!(errors[0]["waited_ms"], "");
}

#[test]
fn a_task_is_given_up_after_so_many_attempts() {
    let server = Server::start(|_: &Seen| error(503, "overloaded", "busy", "come back later"));
    let lab = Lab::at(&server).rows(2).retry("max_attempts = 3\ninitial = \"1ms\"\nmax = \"2ms\"");
    let run = JobDir::with(&lab).go(3);
    assert_eq!(server.requests(), 6);
    assert_eq!(run.column("errors.csv", "attempt"), ["1", "2", "3", "1", "2", "3"]);
    assert_eq!(
        run.column("errors.csv", "final"),
        ["false", "false", "true", "false", "false", "true"]
    );
    assert_eq!(run.column("responses.csv", "attempts"), ["3", "3"]);
    assert_eq!(run.column("responses.csv", "error_type"), ["ServiceUnavailableError"; 2]);
    assert_eq!(run.responses()[0]["response"], Value::Null);
}

/// What a provider may do, and how it is told: name, whether trying again can help, status.
type Case = (&'static str, Reply, &'static str, bool, &'static str);

fn refusal(status: u16, code: &str) -> Reply {
    error(status, "invalid_request_error", code, "no")
}

fn refusals() -> Vec<Case> {
    let html = Reply::Raw(502, typed("text/html"), b"<html>Bad gateway</html>".to_vec());
    let window = "This model's maximum context length is 8192 tokens.";
    vec![
        ("bad", refusal(400, "x"), "BadRequestError", false, "400"),
        (
            "window",
            refusal(400, "context_length_exceeded"),
            "ContextWindowExceededError",
            false,
            "400",
        ),
        ("window text", error(400, "x", "x", window), "ContextWindowExceededError", false, "400"),
        (
            "policy",
            refusal(400, "content_policy_violation"),
            "ContentPolicyViolationError",
            false,
            "400",
        ),
        ("param", refusal(400, "unsupported_parameter"), "UnsupportedParamsError", false, "400"),
        ("key", refusal(401, "invalid_api_key"), "AuthenticationError", false, "401"),
        ("balance", refusal(402, "x"), "QuotaExceededError", false, "402"),
        ("region", refusal(403, "x"), "PermissionDeniedError", false, "403"),
        ("model", refusal(404, "model_not_found"), "NotFoundError", false, "404"),
        ("late", refusal(408, "x"), "Timeout", true, "408"),
        ("form", refusal(422, "x"), "BadRequestError", false, "422"),
        ("fast", refusal(429, "rate_limit_exceeded"), "RateLimitError", true, "429"),
        ("quota", refusal(429, "insufficient_quota"), "QuotaExceededError", false, "429"),
        ("fault", refusal(500, "x"), "InternalServerError", true, "500"),
        ("gateway", html, "InternalServerError", true, "502"),
        ("busy", refusal(503, "x"), "ServiceUnavailableError", true, "503"),
        ("slow", refusal(504, "x"), "Timeout", true, "504"),
        ("overloaded", refusal(529, "x"), "ServiceUnavailableError", true, "529"),
    ]
}

fn typed(kind: &str) -> Headers {
    vec![("content-type", kind.to_owned())]
}

/// A `chat.completion` with this first choice.
fn choice(finish_reason: &str, message: &Value) -> Reply {
    let message = json!({"index": 0, "finish_reason": finish_reason, "message": message});
    Reply::ok(json!({"id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [message], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}))
}

fn said(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

fn no_answers() -> Vec<Case> {
    const UNREADABLE: &str = "APIResponseValidationError";
    const BLOCKED: &str = "ContentPolicyViolationError";
    let whole =
        json!({"choices": [{"index": 0, "finish_reason": "stop", "message": said("a long text")}]});
    let page = Reply::Raw(200, typed("text/html"), b"<html>Log in</html>".to_vec());
    let part =
        Reply::Raw(200, typed("application/json"), b"{\"id\": \"x\", \"choices\": [".to_vec());
    let inside = |code: u16| Reply::ok(json!({"error": {"message": "upstream", "code": code}}));
    vec![
        ("empty", choice("stop", &said("")), UNREADABLE, true, ""),
        ("blank", choice("stop", &said(" \n ")), UNREADABLE, true, ""),
        (
            "null",
            choice("stop", &json!({"role": "assistant", "content": null})),
            UNREADABLE,
            true,
            "",
        ),
        ("no choices", Reply::ok(json!({"id": "x", "choices": []})), UNREADABLE, true, ""),
        ("nothing", Reply::ok(json!({})), UNREADABLE, true, ""),
        ("list", Reply::ok(json!([])), UNREADABLE, true, "200"),
        ("page", page, UNREADABLE, true, "200"),
        ("part", part, UNREADABLE, true, "200"),
        (
            "no body",
            Reply::Raw(200, typed("application/json"), Vec::new()),
            UNREADABLE,
            true,
            "200",
        ),
        ("truncated", Reply::Truncate(whole), UNREADABLE, true, ""),
        ("blocked", choice("content_filter", &said("I")), BLOCKED, false, ""),
        ("inside 429", inside(429), "RateLimitError", true, "429"),
        ("inside 502", inside(502), "InternalServerError", true, "502"),
        ("reset", Reply::Reset, "APIConnectionError", true, ""),
    ]
}

/// Asks a server that does each of these once, each in a run of its own: some of them close the
/// lane. What `errors.csv` says must be the case's.
#[track_caller]
fn assert_told(cases: &[Case]) {
    let replies: BTreeMap<&str, Reply> =
        cases.iter().map(|(name, reply, ..)| (*name, reply.clone())).collect();
    let server = Server::start(move |seen: &Seen| replies[seen.text.as_str()].clone());
    for (name, _, kind, retryable, status) in cases {
        let lab = Lab::at(&server).texts([*name]).retry("max_attempts = 1");
        let run = JobDir::with(&lab).go(3);
        assert_eq!(run.each("status"), ["error"], "{name}");
        let rows = run.csv("errors.csv");
        let [row] = rows.as_slice() else { panic!("{name}: {} rows", rows.len()) };
        let told = ["error_type", "retryable"].map(|column| row[column].as_str());
        assert_eq!(told, [*kind, if *retryable { "true" } else { "false" }], "{name}");
        if !status.is_empty() {
            assert_eq!(*status, row["http_status"], "{name}");
        }
        assert!(!row["message"].is_empty(), "{name}");
    }
    assert_eq!(server.requests(), cases.len());
}

#[test]
fn a_refusal_is_told_by_its_name() {
    assert_told(&refusals());
}

#[test]
fn what_is_no_answer_is_never_ok() {
    assert_told(&no_answers());
}

#[test]
fn tokens_of_an_answer_that_is_none_are_on_the_bill() {
    let server = Server::start(|seen: &Seen| match seen.n_of_this_text {
        0 => choice("stop", &said("")),
        _ => Reply::ok(completion(seen, "fine")),
    });
    let model = "model = \"lab/m\"\nprice = { input = 1, output = 2 }";
    let run = JobDir::with(&Lab::at(&server).model(model).texts(["one two"])).go(0);
    assert_eq!(run.column("usage.csv", "final"), ["false", "true"]);
    assert_eq!(run.column("usage.csv", "cost_usd"), ["0.000003", "0.000004"]);
    assert_eq!(run.column("responses.csv", "cost_usd"), ["0.000004"]);
    let totals = &run.json("summary.json")["totals"];
    assert_eq!(
        (&totals["cost_usd"], &totals["final_cost_usd"]),
        (&json!("0.000007"), &json!("0.000004"))
    );
}

#[test]
fn an_answer_that_does_not_come_in_time_is_asked_for_again() {
    let server = Server::start(|seen: &Seen| match (seen.text.as_str(), seen.n_of_this_text) {
        ("never", _) | ("late", 0) => Reply::Hang,
        _ => Reply::ok(completion(seen, "fine")),
    });
    let lab = Lab::at(&server)
        .texts(["never", "late", "quick"])
        .limits("timeout = \"500ms\"")
        .retry("max_attempts = 2\ninitial = \"1ms\"");
    let start = Instant::now();
    let run = JobDir::with(&lab).go(3);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(run.each("status"), ["error", "ok", "ok"]);
    assert_eq!(run.column("errors.csv", "error_type"), ["Timeout"; 3]);
    assert_eq!(run.column("responses.csv", "attempts"), ["2", "2", "1"]);
    let latency = run.responses()[0]["latency_ms"].as_u64().unwrap();
    assert!((480..3000).contains(&latency), "{latency} ms");
}

#[test]
fn each_timeout_names_its_key() {
    let slow = |seen: &Seen| Reply::ok(completion(seen, "fine")).after(Duration::from_secs(20));
    let server = Server::start(slow);
    let lab = Lab::at(&server).limits("first_byte_timeout = \"200ms\"").retry("max_attempts = 1");
    let run = JobDir::with(&lab).go(3);
    let row = &run.csv("errors.csv")[0];
    assert_eq!(row["error_type"], "Timeout");
    assert!(row["message"].contains("first_byte_timeout"), "{}", row["message"]);
}

#[test]
fn a_server_that_is_not_there_is_told_so() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let lab = Lab::at_url(&format!("http://{free}/v1"))
        .rows(2)
        .retry("max_attempts = 2\ninitial = \"1ms\"");
    let run = JobDir::with(&lab).go(3);
    assert_eq!(run.column("errors.csv", "error_type"), ["APIConnectionError"; 4]);
    let message = &run.csv("errors.csv")[0]["message"];
    assert!(message.contains("refused"), "{message}");
}

#[test]
fn a_server_on_this_machine_is_asked_without_a_proxy() {
    let server = Server::start(echo());
    let mut dir = JobDir::with(&Lab::at(&server).retry("max_attempts = 1"));
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        dir.var(name, "http://127.0.0.1:1");
    }
    assert_eq!(dir.go(0).contents(), ["hello"]);
    let hosts = Lab::at_url(&server.base_url().replace("127.0.0.1", "localhost"));
    dir.job(&hosts.to_string());
    assert_eq!(dir.go(0).contents(), ["hello"]);
}

#[test]
fn another_server_is_asked_through_the_proxy() {
    let proxy = Server::start(echo());
    let lab = Lab::at_url("http://lab.invalid/v1").retry("max_attempts = 1");
    let mut dir = JobDir::with(&lab);
    dir.var("http_proxy", proxy.base_url().trim_end_matches("/v1"));
    assert_eq!(dir.go(0).contents(), ["hello"]);
    dir.var("no_proxy", "lab.invalid");
    dir.go(3);
    assert_eq!(proxy.requests(), 1);
}

#[test]
fn a_redirect_is_not_followed_and_no_key_goes_along() {
    let elsewhere = Server::start(answers("gotcha"));
    let place = format!("{}/chat/completions", elsewhere.base_url());
    let server = Server::start(move |_: &Seen| {
        Reply::Raw(307, vec![("location", place.clone())], Vec::new())
    });
    let lab = Lab::at(&server).provider("api_key = { env = \"LAB_KEY\" }");
    let mut dir = JobDir::with(&lab);
    dir.var("LAB_KEY", "sk-redirected");
    let run = dir.go(3);
    assert_eq!((server.requests(), elsewhere.requests()), (1, 0));
    assert_eq!(run.column("responses.csv", "status"), ["error"]);
    let message = &run.csv("errors.csv")[0]["message"];
    assert!(message.contains("redirect") && message.contains("base_url"), "{message}");
}

#[test]
fn odd_forms_of_an_answer_are_read_all_the_same() {
    let server = Server::start(|seen: &Seen| {
        let mut body = completion(seen, &seen.text);
        match seen.text.as_str() {
            "no id" => drop(body.as_object_mut().expect("an object").remove("id")),
            "no object" => drop(body.as_object_mut().expect("an object").remove("object")),
            "eos" => body["choices"][0]["finish_reason"] = json!("eos"),
            "null reason" => body["choices"][0]["finish_reason"] = Value::Null,
            "float tokens" => body["usage"]["prompt_tokens"] = json!(2.0),
            "pretty" => {
                let text = serde_json::to_string_pretty(&body).expect("JSON");
                return Reply::Raw(
                    200,
                    typed("application/json; charset=utf-8"),
                    text.into_bytes(),
                );
            }
            "no type" => return Reply::Raw(200, Vec::new(), body.to_string().into_bytes()),
            _ => {}
        }
        Reply::ok(body)
    });
    let texts = ["no id", "no object", "eos", "null reason", "float tokens", "pretty", "no type"];
    let run = JobDir::with(&Lab::at(&server).texts(texts)).go(0);
    assert_eq!(run.contents(), texts);
    assert_eq!(run.column("responses.csv", "finish_reason"), vec!["stop"; texts.len()]);
    assert_eq!(run.responses()[2]["finish_reason_raw"], "eos");
    for row in run.responses() {
        assert_eq!(row["response"]["object"], "chat.completion");
        assert!(row["response"]["id"].is_string());
    }
}

#[test]
fn a_failure_of_one_provider_is_not_the_others() {
    let (down, up) = (Server::start(|_: &Seen| Reply::Reset), Server::start(echo()));
    let other = format!("[providers.up]\ndialect = \"openai\"\nbase_url = \"{}\"", up.base_url());
    let lab = Lab::at(&down)
        .model("model = \"lab/m\"")
        .model("model = \"up/m\"\nlabel = \"up\"")
        .retry("max_attempts = 2\ninitial = \"1ms\"")
        .rows(5)
        .and(&other);
    let run = JobDir::with(&lab).go(3);
    let ok: Vec<String> = run
        .responses()
        .iter()
        .filter(|row| row["status"] == "ok")
        .map(|row| row["model"].to_string())
        .collect();
    assert_eq!(ok, ["\"up\""; 5]);
    assert_eq!((down.requests(), up.requests()), (10, 5));
}

#[test]
fn an_absurd_wait_and_absurd_counts_break_nothing() {
    let server = Server::start(|seen: &Seen| match seen.text.as_str() {
        "wait" if seen.n_of_this_text == 0 => {
            let headers = vec![("retry-after", "15000000000000000000".to_owned())];
            Reply::Json(429, headers, json!({"error": {"message": "later"}}))
        }
        "count" => {
            let mut answer = completion(seen, "ok");
            answer["usage"] = json!({"prompt_tokens": 1e30, "completion_tokens": u64::MAX});
            Reply::ok(answer)
        }
        _ => Reply::ok(completion(seen, "ok")),
    });
    let dir = JobDir::with(
        &Lab::at(&server).provider("limits = { otpm = 100000 }").texts(["count", "x"]),
    );
    assert_eq!(dir.go(0).column("usage.csv", "usage_source"), ["missing", "provider"]);
    dir.job(&Lab::at(&server).texts(["wait"]).to_string());
    let running = dir.spawn(&["job.toml", "--progress", "plain"]);
    eventually("the wait is begun", || server.requests() == 3);
    running.signal("TERM");
    assert_eq!(running.wait().code, Some(130));
}
