//! The canary: a first share of every model's tasks is run before the rest is paid.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::handlers::{completion, echo, error, error_body};
use crate::support::job::{JobDir, Output, RunFolder};
use crate::support::lab::{Lab, numbered};
use crate::support::server::{Reply, Seen, Server};

/// What a provider says to a request that it does not like.
fn refusal() -> Reply {
    error(400, "invalid_request_error", "bad_thing", "There is no such thing.")
}

/// A server that refuses what `is_bad` says, until it is mended.
fn faulty(is_bad: impl Fn(&Seen) -> bool + Send + Sync + 'static) -> (Server, Arc<AtomicBool>) {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let server =
        Server::start(move |seen: &Seen| match is_bad(seen) && !is_mended.load(Ordering::SeqCst) {
            true => refusal(),
            false => Reply::ok(completion(seen, &seen.text)),
        });
    (server, mended)
}

fn is_model(seen: &Seen, model: &str) -> bool {
    seen.body["model"] == model
}

/// A job of 40 rows for `lab/good` and `lab/bad`, with this canary.
fn two_models(server: &Server, canary: &str) -> Lab {
    Lab::at(server).model("model = \"lab/good\"").model("model = \"lab/bad\"").rows(40).and(canary)
}

/// Runs the job until the canary stops it.
#[track_caller]
fn stops(dir: &JobDir, args: &[&str]) -> (Output, RunFolder) {
    let output = dir.run(&[&["job.toml"], args].concat()).expect_code(4);
    let run = dir.latest("t");
    let session = run.json("run.json")["sessions"].as_array().and_then(|all| all.last().cloned());
    assert_eq!(session.expect("a session")["ended"], "canary");
    assert_eq!(run.json("summary.json")["ended"], "canary");
    (output, run)
}

#[test]
fn a_model_that_fails_stops_the_run_after_its_first_share_and_resume_goes_on_when_it_is_mended() {
    let (server, mended) = faulty(|seen| is_model(seen, "bad"));
    let dir = JobDir::with(&two_models(&server, "[canary]\nshare = 0.1"));
    let (output, run) = stops(&dir, &[]);
    for part in [
        "stopped by the canary: nothing more is sent; 72 tasks are left",
        "lab/bad: 4 of 4 failed, most with BadRequestError: There is no such thing.",
        "--resume",
        "`canary.max_error_rate` (0.1)",
    ] {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    assert!(!output.stderr.contains("lab/good: 0"), "{}", output.stderr);
    assert_eq!((server.requests(), server.status(200), server.status(400)), (8, 4, 4));
    let shown = |row: &Value| format!("{} {} {}", row["row"], row["model"], row["status"]);
    let rows: Vec<String> = run.responses().iter().map(shown).collect();
    let tried = |n: usize| {
        [format!("\"{n}\" \"lab/good\" \"ok\""), format!("\"{n}\" \"lab/bad\" \"error\"")]
    };
    assert_eq!(rows, (1..=4).flat_map(tried).collect::<Vec<_>>());
    mended.store(true, Ordering::SeqCst);
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!(server.requests(), 80 + 4, "what was answered is not asked again");
    let twice = numbered(40).into_iter().flat_map(|text| [text.clone(), text]);
    assert_eq!(run.contents(), twice.collect::<Vec<_>>());
}

#[test]
fn a_canary_that_passes_leaves_the_same_rows_as_none() {
    let server = Server::start(echo());
    let rows = |canary: &str| {
        let dir = JobDir::with(&two_models(&server, canary));
        let output = dir.run(&["job.toml", "--progress", "json"]).expect_code(0);
        for event in ["begin", "end"] {
            let told = output.stderr.matches(&format!("\"event\":\"{event}\"")).count();
            assert_eq!(told, 1, "{event}: {}", output.stderr);
        }
        let run = dir.latest("t");
        let key = |key| run.each(key);
        (run.contents(), key("task"), key("row"), key("model"), key("status"), key("attempts"))
    };
    let without = rows("");
    assert_eq!(rows("[canary]\nshare = 0.1"), without);
    assert_eq!(server.requests(), 160);
    let texts: Vec<Value> = server.bodies()[80..88].to_vec();
    let mut first: Vec<String> = texts.iter().map(asked).collect();
    first.sort_unstable();
    let expected = ["row 1", "row 1", "row 2", "row 2", "row 3", "row 3", "row 4", "row 4"];
    assert_eq!(first, expected, "each model's share comes first");
}

fn asked(body: &Value) -> String {
    body["messages"][0]["content"].as_str().expect("a text").to_owned()
}

#[test]
fn a_resumed_run_tries_a_share_of_what_is_left() {
    let is_late = |seen: &Seen| {
        ["1", "2", "3"]
            .iter()
            .any(|ten| seen.text.starts_with(&format!("row {ten}")) && seen.text.len() == 6)
    };
    let (server, mended) = faulty(is_late);
    let dir = JobDir::with(&Lab::at(&server).rows(39));
    dir.go(3);
    assert_eq!((server.requests(), server.status(400)), (39, 30));
    let lab = Lab::at(&server).rows(39).and("[canary]\nshare = 0.2");
    dir.job(&lab.to_string());
    let (output, _) = stops(&dir, &["--resume"]);
    assert_eq!(server.requests(), 39 + 6);
    assert!(output.stderr.contains("lab/m: 6 of 6 failed"), "{}", output.stderr);
    mended.store(true, Ordering::SeqCst);
    assert_eq!(dir.go_with(0, &["--resume"]).contents(), numbered(39));
    assert_eq!(server.requests(), 39 + 6 + 30);
}

#[test]
fn a_model_whose_key_is_wrong_fails_in_the_canary() {
    let server = Server::start(|seen: &Seen| match is_model(seen, "bad") {
        true => {
            Reply::Json(401, Vec::new(), error_body("invalid_request_error", "x", "Wrong key."))
        }
        false => Reply::ok(completion(seen, &seen.text)),
    });
    let other =
        format!("[providers.other]\ndialect = \"openai\"\nbase_url = \"{}\"\n", server.base_url());
    let lab = Lab::at(&server)
        .model("model = \"lab/good\"")
        .model("model = \"other/bad\"")
        .rows(200)
        .and(&format!("{other}[canary]\nshare = 0.1"));
    let (output, _) = stops(&JobDir::with(&lab), &[]);
    let told = "other/bad: 20 of 20 failed, most with AuthenticationError: Wrong key.";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    assert_eq!(server.status(200), 20);
    assert!(server.status(401) <= 4, "{}", server.status(401));
}

#[test]
fn so_many_errors_as_are_allowed_stop_nothing() {
    let (server, _) = faulty(|seen| seen.text == "row 3");
    let lab = |rate: &str| {
        let canary = format!("[canary]\nshare = 0.25\nmax_error_rate = {rate}");
        JobDir::with(&Lab::at(&server).rows(40).and(&canary))
    };
    lab("0.1").go(3);
    assert_eq!(server.requests(), 40);
    stops(&lab("0.09"), &[]);
    assert_eq!(server.requests(), 40 + 10);
}

#[test]
fn a_canary_that_is_all_there_is_stops_nothing() {
    let (server, _) = faulty(|seen| is_model(seen, "m"));
    let run = JobDir::with(&Lab::at(&server).and("[canary]")).go(3);
    assert_eq!((server.requests(), run.each("status")), (1, vec!["error".to_owned()]));
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "done");
}

#[test]
fn each_combination_of_a_matrix_has_its_canary() {
    let (server, _) = faulty(|seen| seen.body["top_p"] == 1.0);
    let lab = Lab::at(&server).rows(30).and("[matrix]\ntop_p = [0.5, 1.0]\n[canary]\nshare = 0.1");
    let (output, _) = stops(&JobDir::with(&lab), &[]);
    assert!(output.stderr.contains("lab/m (top_p=1.0): 3 of 3 failed"), "{}", output.stderr);
    assert!(!output.stderr.contains("top_p=0.5): "), "{}", output.stderr);
    assert_eq!(server.requests(), 6);
}
