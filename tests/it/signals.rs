//! Ctrl-C and SIGTERM: the first lets what is in flight end, the second gives it up.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::handlers::{echo, error_body, failing_first, once, slowly};
use crate::support::job::{JobDir, Running};
use crate::support::lab::{Lab, numbered};
use crate::support::server::{Reply, Server};
use crate::support::{eventually, pause};

/// A job of 20 rows, 4 at a time, that has sent so many requests.
fn started(server: &Server, requests: usize) -> (JobDir, Running) {
    let dir = JobDir::with(&Lab::at(server).rows(20).limits("concurrency = 4"));
    let running = dir.spawn(&["job.toml"]);
    eventually("requests come", || server.requests() >= requests);
    (dir, running)
}

fn assert_drains(signal: &str) {
    let server = Server::start(slowly(Duration::from_millis(500), echo()));
    let (dir, running) = started(&server, 4);
    running.signal(signal);
    let output = running.wait().expect_code(130);
    assert!(output.stderr.contains("--resume"), "{}", output.stderr);
    assert_eq!(server.requests(), 4, "nothing new is sent");
    let run = dir.latest("t");
    assert_eq!(run.each("status"), ["ok"; 4], "answers in flight are kept");
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "interrupted");
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!((server.requests(), run.contents()), (20, numbered(20)));
}

#[test]
fn an_interrupt_lets_calls_in_flight_end() {
    assert_drains("INT");
}

#[test]
fn a_termination_is_as_good_as_an_interrupt() {
    assert_drains("TERM");
}

#[test]
fn a_second_interrupt_gives_up_what_is_in_flight() {
    let server = Server::start(failing_first(1, Reply::Hang, echo()));
    let (dir, mut running) = started(&server, 4);
    running.signal("INT");
    pause(Duration::from_millis(200));
    assert!(running.is_running(), "calls in flight are waited for");
    running.signal("INT");
    let start = Instant::now();
    running.wait().expect_code(130);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!((server.requests(), dir.latest("t").responses().len()), (4, 0));
    let lab = Lab::at(&server).rows(4).limits("timeout = \"5s\"");
    dir.job(&lab.to_string());
    assert_eq!(dir.go_with(0, &["--resume"]).contents(), numbered(4));
}

#[test]
fn an_interrupt_does_not_wait_for_retries() {
    let body = error_body("requests", "rate_limit_exceeded", "slow down");
    let wait = Reply::Json(429, vec![("retry-after", "30".to_owned())], body);
    let server = Server::start(once(wait, slowly(Duration::from_millis(50), echo())));
    let (dir, running) = started(&server, 4);
    pause(Duration::from_millis(300));
    running.signal("INT");
    let start = Instant::now();
    running.wait().expect_code(130);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let run = dir.latest("t");
    assert_eq!(run.column("errors.csv", "http_status"), ["429"], "the attempt is on record");
    assert!(run.each("status").iter().filter(|status| *status == "skipped").count() == 1);
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!((server.requests(), run.contents()), (21, numbered(20)));
    assert_eq!(run.column("usage.csv", "attempt").iter().filter(|n| *n == "2").count(), 1);
}

#[test]
fn an_interrupt_that_comes_too_late_changes_nothing() {
    let server = Server::start(slowly(Duration::from_millis(400), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(4));
    let running = dir.spawn(&["job.toml"]);
    eventually("all is sent", || server.requests() == 4);
    running.signal("INT");
    running.wait().expect_code(0);
    assert_eq!(dir.latest("t").contents(), numbered(4));
}
