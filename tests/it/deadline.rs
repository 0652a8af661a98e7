//! The deadline of a run, and every other time that may be over: each says by which key.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::support::eventually;
use crate::support::handlers::{completion, echo, error, error_body, failing_first, slowly};
use crate::support::job::{JobDir, Output, RunFolder};
use crate::support::lab::{Lab, numbered};
use crate::support::server::{Reply, Seen, Server};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// Runs the job until it stops by itself, which takes no longer than this, and with exit code 4.
#[track_caller]
fn stops_within(most: Duration, dir: &JobDir) -> (Output, RunFolder) {
    let start = Instant::now();
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(start.elapsed() < most, "{:?}", start.elapsed());
    let run = dir.latest("t");
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "deadline");
    assert_eq!(run.json("summary.json")["ended"], "deadline");
    assert!(output.stderr.contains("--resume"), "{}", output.stderr);
    (output, run)
}

/// 429, and to come back in an hour.
fn in_an_hour() -> Reply {
    let body = error_body("requests", "rate_limit_exceeded", "slow down");
    Reply::Json(429, vec![("retry-after", "3600".to_owned())], body)
}

#[test]
fn at_the_deadline_the_run_stops_and_resume_goes_on() {
    let server = Server::start(slowly(MILLIS(100), echo()));
    let lab = Lab::at(&server).rows(200).limits("concurrency = 4\ndeadline = \"1s\"");
    let dir = JobDir::with(&lab);
    let (output, run) = stops_within(MILLIS(5000), &dir);
    let (done, sent) = (run.responses().len(), server.requests());
    assert_eq!(done, sent, "what was in flight had time to end");
    assert!(done > 4 && done < 60, "{done}");
    assert!(run.each("status").iter().all(|status| status == "ok"));
    let told = format!("`limits.deadline` (1s) is reached; {} tasks are left", 200 - done);
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    let run = dir.go_with(0, &["--resume", "--set", "limits.deadline=1m"]);
    assert_eq!((server.requests(), run.contents()), (200, numbered(200)));
    assert_eq!(run.json("run.json")["sessions"][1]["ended"], "done");
}

#[test]
fn what_is_in_flight_at_the_deadline_is_given_up_after_a_grace() {
    let server = Server::start(failing_first(1, Reply::Hang, echo()));
    let lab = Lab::at(&server).rows(9).limits("concurrency = 4\ndeadline = \"1s\"");
    let dir = JobDir::with(&lab);
    let start = Instant::now();
    let (output, run) = stops_within(MILLIS(6000), &dir);
    assert!(start.elapsed() >= MILLIS(2000), "a second of grace");
    assert_eq!((server.requests(), run.responses().len()), (4, 0));
    assert!(output.stderr.contains("9 tasks are left"), "{}", output.stderr);
    let lab = Lab::at(&server).rows(9).limits("timeout = \"1s\"");
    dir.job(&lab.to_string());
    assert_eq!(dir.go_with(0, &["--resume"]).contents(), numbered(9));
}

#[test]
fn a_wait_beyond_the_deadline_is_not_waited_for() {
    let is_back = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&is_back);
    let server = Server::start(move |seen: &Seen| match &seen.body["model"] {
        model if model == "away" && !is_over.load(Ordering::SeqCst) => in_an_hour(),
        _ => Reply::ok(completion(seen, &seen.text)),
    });
    let lab = Lab::at(&server)
        .model("model = \"lab/away\"")
        .model("model = \"lab/here\"")
        .limits("deadline = \"30s\"")
        .rows(20);
    let dir = JobDir::with(&lab);
    let (output, run) = stops_within(MILLIS(10_000), &dir);
    let told = ["would have to wait beyond `limits.deadline` (30s); 20 tasks are left", "lab/away"];
    let why = ["the pause that the provider asked for", "raise `limits.deadline`"];
    for part in [told, why].concat() {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("lab/here: it waits"), "{}", output.stderr);
    let done = run.responses().iter().filter(|row| row["status"] == "ok").count();
    assert_eq!(done, 20, "the other model is done");
    let asked = server.status(429);
    assert_eq!(run.column("errors.csv", "http_status").len(), asked);
    is_back.store(true, Ordering::SeqCst);
    assert!(dir.go_with(0, &["--resume"]).each("status").iter().all(|status| status == "ok"));
    assert_eq!(server.requests(), 40 + asked);
}

#[test]
fn a_retry_beyond_the_deadline_is_not_waited_for_either() {
    let server = Server::start(|_: &Seen| in_an_hour());
    let dir = JobDir::with(&Lab::at(&server).limits("deadline = \"30s\""));
    let (output, run) = stops_within(MILLIS(10_000), &dir);
    assert!(output.stderr.contains("(30s); 1 task is left"), "{}", output.stderr);
    assert_eq!((server.requests(), run.each("status")), (1, vec!["skipped".to_owned()]));
}

#[test]
fn a_run_that_is_in_time_does_not_notice_its_deadline() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(5).limits("deadline = \"1m\""));
    let run = dir.go(0);
    assert_eq!(run.contents(), numbered(5));
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "done");
    let failing = Server::start(|_: &Seen| error(400, "invalid_request_error", "bad", "no"));
    JobDir::with(&Lab::at(&failing).rows(5).limits("deadline = \"1m\"")).go(3);
}

#[test]
fn an_interrupt_before_the_deadline_is_told_as_one() {
    let server = Server::start(|_: &Seen| Reply::Hang);
    let dir = JobDir::with(&Lab::at(&server).rows(9).limits("deadline = \"2s\""));
    let running = dir.spawn(&["job.toml"]);
    eventually("requests come", || server.requests() > 0);
    running.signal("INT");
    let output = running.wait().expect_code(130);
    assert!(output.stderr.contains("interrupted: 9 tasks are left"), "{}", output.stderr);
    assert_eq!(dir.latest("t").json("run.json")["sessions"][0]["ended"], "interrupted");
}

/// The message of the one failure of a job.
#[track_caller]
fn message(lab: &Lab) -> String {
    let run = JobDir::with(&lab.clone().retry("max_attempts = 1")).go(3);
    let row = run.csv("errors.csv").pop().expect("an error");
    assert_eq!(row["error_type"], "Timeout");
    row["message"].clone()
}

#[test]
fn every_time_that_is_over_names_its_key() {
    let server = Server::start(|seen: &Seen| match seen.text.as_str() {
        "half" => Reply::Stall(json!({"id": "x"})),
        _ => Reply::Hang,
    });
    let asked = |text: &str, limit: &str| message(&Lab::at(&server).texts([text]).limits(limit));
    for (text, key, limit, what) in [
        ("never", "timeout", "300ms", "the whole answer did not come within 300ms"),
        ("never", "first_byte_timeout", "200ms", "the first byte did not come within 200ms"),
        ("half", "idle_timeout", "250ms", "the next piece did not come within 250ms"),
        ("never", "task_timeout", "400ms", "the task was not done within 400ms"),
    ] {
        let told = asked(text, &format!("{key} = \"{limit}\""));
        assert!(told.contains(what) && told.contains(&format!("`limits.{key}`")), "{told}");
    }
}

#[test]
fn a_task_has_no_more_time_for_its_retries() {
    let server = Server::start(|_: &Seen| error(500, "server_error", "x", "oops"));
    let lab = Lab::at(&server)
        .limits("task_timeout = \"500ms\"")
        .retry("max_attempts = 100\ninitial = \"300ms\"\nmax = \"300ms\"\nbudget = 1.0");
    let start = Instant::now();
    let run = JobDir::with(&lab).go(3);
    assert!(start.elapsed() < MILLIS(5000), "{:?}", start.elapsed());
    let error = run.responses()[0]["error"].clone();
    assert_eq!(error["type"], "Timeout");
    assert!(error["message"].as_str().unwrap().contains("`limits.task_timeout`"), "{error}");
}

/// A port of this machine that takes no connection any more: its line of callers is full.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_not_made_in_time_names_its_key() {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("an address");
    let mut callers = Vec::new();
    while let Ok(caller) = timeout(MILLIS(200), TcpStream::connect(address)).await {
        callers.push(caller.expect("a connection"));
    }
    let lab = Lab::at_url(&format!("http://{address}/v1")).limits("connect_timeout = \"300ms\"");
    let told = message(&lab);
    assert!(
        told.contains("a connection did not come within 300ms (`limits.connect_timeout`)"),
        "{told}"
    );
}
