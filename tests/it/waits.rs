//! What a run says of its waits: while they last, and in the summary; and of models that closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::{completion, echo, error, error_body, once, slowly};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};
use crate::support::{eventually, pause};

/// The JSON objects among the lines of stderr.
fn events(stderr: &str) -> Vec<Value> {
    stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// 429, and the wish for a wait of so many seconds.
fn wait_please(seconds: u32) -> Reply {
    let body = error_body("requests", "rate_limit_exceeded", "slow down");
    Reply::Json(429, vec![("retry-after", seconds.to_string())], body)
}

/// What the summary tells of the only model.
fn pace(run: &RunFolder) -> Value {
    let pace = run.json("summary.json")["pace"].take();
    assert_eq!(pace.as_array().map(Vec::len), Some(1), "{pace}");
    pace[0].clone()
}

/// A server that takes the key only once it is mended.
fn mendable() -> (Server, Arc<AtomicBool>) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let server = Server::start(move |seen: &Seen| match mended.load(Ordering::Relaxed) {
        false => error(401, "invalid_request_error", "invalid_api_key", "who are you?"),
        true => Reply::ok(completion(seen, "fine")),
    });
    (server, is_mended)
}

#[test]
fn a_wrong_key_is_told_with_its_help_and_the_rest_is_taken_up_later() {
    const ROWS: usize = 50;
    let (server, is_mended) = mendable();
    let lab = Lab::at(&server).provider("api_key = { env = \"LAB_KEY\" }").rows(ROWS);
    let mut dir = JobDir::with(&lab);
    dir.var("LAB_KEY", "wrong");
    let output = dir.run(&["job.toml"]).expect_code(3);
    let calls = server.requests();
    assert!((1..=4).contains(&calls), "{calls}");
    let last = "lab/m was closed (AuthenticationError): who are you?; 46 tasks were skipped\n\
                help: check the key in `LAB_KEY`; then --resume asks what was skipped\n";
    let last = last.replace("46", &(ROWS - calls).to_string());
    assert!(output.stderr.ends_with(&last), "{}", output.stderr);
    let told = "no more calls are made";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);

    let run = dir.latest("t");
    let lane = pace(&run);
    assert_eq!((&lane["provider"], &lane["model"]), (&json!("lab"), &json!("m")));
    assert_eq!(lane["closed"], "who are you?");
    assert_eq!(lane["closed_by"], "AuthenticationError");
    assert_eq!(lane["calls"], calls);
    let skipped = run.each("status").iter().filter(|status| *status == "skipped").count();
    assert_eq!(skipped, ROWS - calls);
    for row in run.responses().iter().filter(|row| row["status"] == "skipped") {
        let message = row["error"]["message"].as_str().expect("a reason");
        assert!(message.contains("who are you?"), "{message}");
        assert_eq!(row["error"]["type"], "AuthenticationError");
    }
    let page = run.text("summary.md");
    assert!(page.contains("closed (AuthenticationError): who are you?"), "{page}");

    is_mended.store(true, Ordering::Relaxed);
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!(server.requests(), calls + ROWS);
    let lane = pace(&run);
    assert_eq!((&lane["closed"], &lane["calls"]), (&Value::Null, &json!(calls + ROWS)));
}

#[test]
fn models_that_share_a_key_are_each_told_and_the_help_once() {
    let (server, _) = mendable();
    let lab = Lab::at(&server).model("model = \"lab/a\"").model("model = \"lab/b\"").rows(9);
    let output = JobDir::with(&lab).run(&["job.toml"]).expect_code(3);
    for told in ["lab/a was closed", "lab/b was closed", "help: check whether `lab` wants a key"] {
        assert_eq!(output.stderr.matches(told).count(), 1, "{told}: {}", output.stderr);
    }
}

#[test]
fn the_time_lost_to_a_pause_is_in_the_summary_and_stays_there() {
    let server = Server::start(once(wait_please(2), echo()));
    let stated = "limits = { rpm = 6000, concurrency = 8 }";
    let lab = Lab::at(&server).provider(stated).model("model = \"lab/m\"\nlimits = { rps = 50 }");
    let dir = JobDir::with(&lab.rows(12));
    let run = dir.go(0);
    let lane = pace(&run);
    let lost = lane["waited_ms"]["retry_after"].as_u64().expect("ms");
    assert!((2000..4000).contains(&lost), "{lane}");
    assert_eq!((&lane["refused"], &lane["calls"]), (&json!(1), &json!(13)));
    assert_eq!((&lane["stated"]["rps"], &lane["stated"]["rpm"]), (&json!(50.0), &Value::Null));
    let shared = &lane["stated_for_provider"];
    assert_eq!((&shared["rpm"], &shared["concurrency"]), (&json!(6000), &json!(8)));
    assert!(lane["learned"]["width"].as_u64() <= Some(8), "{lane}");
    assert!(run.text("summary.md").contains("## Pace"));

    let files = ["summary.json", "summary.md"].map(|name| (name, run.text(name)));
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    files.into_iter().for_each(|(name, before)| assert_eq!(run.text(name), before));
}

#[test]
fn a_pause_is_lost_time_also_where_nobody_else_stands_in_line() {
    let server = Server::start(once(wait_please(1), echo()));
    let run = JobDir::with(&Lab::at(&server)).go(0);
    let lost = pace(&run)["waited_ms"]["retry_after"].as_u64().expect("ms");
    assert!((1000..3000).contains(&lost), "{lost}");
}

#[test]
fn a_run_without_trouble_has_no_table_of_it() {
    let run = JobDir::with(&Lab::at(&Server::start(echo())).rows(20)).go(0);
    assert_eq!(pace(&run)["waited_ms"], json!({}));
    assert!(!run.text("summary.md").contains("## Pace"));
}

#[test]
fn a_run_of_an_older_runner_is_summed_up_without_its_pace() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(2));
    let run = dir.go(0);
    let mut manifest = run.json("run.json");
    let sessions = manifest["sessions"].as_array_mut().expect("sessions");
    let session = sessions[0].as_object_mut().expect("a session");
    assert!(session.remove("pacing").is_some());
    std::fs::write(run.path().join("run.json"), manifest.to_string()).expect("a file");
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!(run.json("summary.json")["pace"], json!([]));
}

#[test]
fn progress_for_programs_tells_the_width_and_what_is_waited_for() {
    let server = Server::start(once(wait_please(3), echo()));
    let dir = JobDir::with(&Lab::at(&server).limits("concurrency = 3").rows(12));
    let output = dir.run(&["job.toml", "--progress", "json"]).expect_code(0);
    let events = events(&output.stderr);
    let progress: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "progress")
        .map(|e| &e["models"][0])
        .collect();
    assert!(progress.iter().all(|lane| lane["width"].as_u64().is_some_and(|width| width > 0)));
    let waiting = progress.iter().find(|lane| !lane["waits"].is_null()).expect("it waited");
    let words = waiting["waits"].as_str().expect("words");
    assert!(words.starts_with("waits until "), "{words}");
    assert!(words.ends_with(" UTC for the pause that the provider asked for"), "{words}");
    assert!(waiting["waits_until"].as_str().is_some_and(|at| at.ends_with('Z')), "{waiting}");
    assert_eq!(waiting["waits_for"], "retry_after");
    let end = events.iter().find(|event| event["event"] == "end").expect("the end");
    assert_eq!(end["models"][0]["waits"], Value::Null);
    assert_eq!(end["models"][0]["done"], 12);
}

#[test]
fn a_long_wait_is_told_when_it_begins_and_once() {
    let server = Server::start(once(wait_please(60), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(12));
    let mut running = dir.spawn(&["job.toml", "--progress", "plain", "-v"]);
    let waits = " UTC for the pause that the provider asked for\n";
    eventually("it says that it waits", || running.stderr().contains(waits));
    pause(Duration::from_millis(600));
    let stderr = running.stderr();
    assert!(running.is_running());
    assert_eq!(stderr.matches(waits).count(), 1, "{stderr}");
    assert_eq!(stderr.matches("the model waits").count(), 1, "{stderr}");
    running.signal("INT");
    running.wait().expect_code(130);
}

#[test]
fn a_retry_that_rests_is_told_with_its_end() {
    let failing = error(500, "server_error", "oops", "the server had an error");
    let server = Server::start(once(failing, echo()));
    let lab = Lab::at(&server).retry("initial = \"86400s\"\nmax = \"86400s\"");
    let dir = JobDir::with(&lab);
    let mut running = dir.spawn(&["job.toml", "--progress", "plain"]);
    let waits = " UTC for tasks that rest before they are tried again\n";
    eventually("it says that it waits", || running.stderr().contains(waits));
    assert!(running.is_running());
    running.signal("INT");
    running.wait().expect_code(130);
}

#[test]
fn a_canary_is_told_while_it_runs_and_when_it_is_passed() {
    let server = Server::start(slowly(Duration::from_millis(1300), echo()));
    let lab = Lab::at(&server).rows(6).and("[canary]\nshare = 0.1");
    let said = |style| JobDir::with(&lab).run(&["job.toml", "--progress", style]).expect_code(0);
    let lines = said("plain").stderr;
    let begins = lines.find("canary: a first share").expect("it says that it begins");
    assert!(lines.find("canary: passed; the rest is run").is_some_and(|ends| begins < ends));
    let events = events(&said("json").stderr);
    let told = |event: &Value| event["models"][0]["canary"].as_bool();
    let canary: Vec<bool> = events.iter().filter_map(told).collect();
    assert!(canary.first() == Some(&true) && canary.last() == Some(&false), "{canary:?}");
}

#[test]
fn the_limits_that_headers_tell_are_in_the_summary() {
    let told = |name: &'static str, value: &str| (name, value.to_owned());
    let headers = vec![
        told("x-ratelimit-limit-requests", "500"),
        told("x-ratelimit-remaining-requests", "499"),
        told("x-ratelimit-reset-requests", "120ms"),
    ];
    let server = Server::start(move |seen: &Seen| {
        Reply::Json(200, headers.clone(), completion(seen, "fine"))
    });
    let run = JobDir::with(&Lab::at(&server).rows(3)).go(0);
    assert_eq!(pace(&run)["learned"]["told_by_headers"], json!({"requests": 500}));
}
