//! A run that was cut short goes on: nothing is lost, nothing is asked twice without need.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::handlers::{completion, echo, error, failing_first, slowly};
use crate::support::job::{JobDir, RunFolder, Running};
use crate::support::lab::{Lab, numbered};
use crate::support::likeness::likeness;
use crate::support::server::{Reply, Seen, Server};
use crate::support::{eventually, pause};

const RESUME: &[&str] = &["--resume"];

/// A folder with a job whose prompts are the lines of `rows.txt`.
fn lines(server: &Server, rows: &[String]) -> JobDir {
    let dir = JobDir::with(&Lab::at(server).prompts("file = \"rows.txt\""));
    dir.write("rows.txt", rows.join("\n"));
    dir
}

/// The journal of the newest run as far as it is whole; nothing if there is none.
fn journal(dir: &JobDir) -> String {
    dir.runs("t").last().map(|run| run.whole_lines("journal.jsonl")).unwrap_or_default()
}

/// Waits for so many requests, or for its end.
fn until(running: &mut Running, server: &Server, requests: usize) {
    eventually("requests come", || server.requests() >= requests || !running.is_running());
}

#[test]
fn a_run_that_is_killed_again_and_again_loses_nothing() {
    const ROWS: usize = 120;
    const WIDTH: usize = 4;
    let server = Server::start(slowly(Duration::from_millis(8), echo()));
    let lab = Lab::at(&server).rows(ROWS).limits(&format!("concurrency = {WIDTH}"));
    let undisturbed = JobDir::with(&lab).go(0);
    let before = server.requests();

    let dir = JobDir::with(&lab);
    let mut rng = StdRng::seed_from_u64(20);
    let mut kept = String::new();
    let mut kills = 0;
    for kill in 0..8 {
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        if kill > 1 {
            until(&mut running, &server, server.requests() + rng.random_range(3..16));
        }
        pause(Duration::from_millis(rng.random_range(0..15)));
        kills += usize::from(running.is_running());
        running.kill();
        let now = journal(&dir);
        assert!(now.starts_with(&kept), "kill {kill}: lines of the journal are lost");
        kept = now;
    }
    let run = dir.go_with(0, RESUME);
    assert!(run.text("journal.jsonl").starts_with(&kept), "lines of the journal are lost");
    assert!(
        kept.lines().count() > 20 && kills >= 6,
        "{} lines, {kills} kills",
        kept.lines().count()
    );
    let calls = server.requests() - before;
    // Those in flight at a kill, and the few whose answer came in the last instant before it was written.
    assert!(calls <= ROWS + kills * 2 * WIDTH, "{calls} calls for {ROWS} rows and {kills} kills");
    assert_eq!(likeness(&run), likeness(&undisturbed));
}

#[test]
fn a_run_that_failed_and_was_killed_tells_what_an_undisturbed_one_tells() {
    // Every third row fails at first, so that tasks sleep before a retry when the kill comes.
    let fault = |server_text: &str| server_text.ends_with(['3', '6', '9']);
    let server = Server::start(slowly(Duration::from_millis(5), move |seen: &Seen| {
        match fault(&seen.text) {
            true => error(400, "invalid_request_error", "bad", "no"),
            false => Reply::ok(completion(seen, &seen.text)),
        }
    }));
    let lab = Lab::at(&server).rows(40).limits("concurrency = 3");
    let undisturbed = JobDir::with(&lab).go(3);
    let dir = JobDir::with(&lab);
    let mut running = dir.spawn(&["job.toml"]);
    until(&mut running, &server, server.requests() + 15);
    running.kill();
    let run = dir.go_with(3, RESUME);
    let (ours, theirs) = (likeness(&run), likeness(&undisturbed));
    assert_eq!(run.each("status"), undisturbed.each("status"));
    assert_eq!(run.contents(), undisturbed.contents());
    assert_eq!(ours.tables["usage.csv"], theirs.tables["usage.csv"]);
}

#[test]
fn a_run_that_is_changed_and_killed_again_and_again_ends_as_its_last_job() {
    let server = Server::start(slowly(Duration::from_millis(5), echo()));
    let mut rows = numbered(60);
    let dir = lines(&server, &rows);
    let mut rng = StdRng::seed_from_u64(7);
    let mut kept = String::new();
    for _ in 0..6 {
        let mut running = dir.spawn(&["job.toml", "--resume", "--concurrency", "4"]);
        until(&mut running, &server, server.requests() + rng.random_range(4..12));
        running.kill();
        let now = journal(&dir);
        assert!(now.starts_with(&kept), "lines of the journal are lost");
        kept = now;
        let (one, other) = (rng.random_range(0..rows.len()), rng.random_range(0..rows.len()));
        rows.swap(one, other);
        rows.remove(rng.random_range(0..rows.len()));
        rows.insert(one, format!("new {one} {other}"));
        dir.write("rows.txt", rows.join("\n"));
    }
    let run = dir.go_with(0, RESUME);
    assert_eq!(run.contents(), rows);
    assert_eq!(run.each("row"), (1..=60).map(|n| n.to_string()).collect::<Vec<_>>());
    let finals = run.column("usage.csv", "final");
    assert_eq!(finals.iter().filter(|is_final| *is_final == "true").count(), 60);
    // Those in flight at a kill, and the few whose answer came in the last instant before it was written.
    assert!(server.requests() <= 60 + 6 + 6 * 2 * 4, "{}", server.requests());
}

#[test]
fn an_edited_row_is_asked_again_and_no_other() {
    let server = Server::start(echo());
    let mut rows = numbered(20);
    let dir = lines(&server, &rows);
    let first = dir.go(0);
    for nth in [0, 7, 19] {
        rows[nth] += " edited";
    }
    dir.write("rows.txt", rows.join("\n"));
    let run = dir.go_with(0, RESUME);
    assert_eq!((run.name(), server.requests()), (first.name(), 23));
    assert_eq!(run.contents(), rows);
    assert_eq!(run.csv("usage.csv").len(), 23, "what was paid for stays on the bill");
    let totals = &run.json("summary.json")["totals"];
    assert_eq!((totals["tasks"].as_u64(), totals["dropped"].as_u64()), (Some(20), Some(3)));
}

#[test]
fn a_row_that_moved_is_not_asked_again() {
    let server = Server::start(echo());
    let mut rows = numbered(20);
    let dir = lines(&server, &rows);
    dir.go(0);
    rows.reverse();
    rows.swap(3, 11);
    dir.write("rows.txt", rows.join("\n"));
    let run = dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 20);
    assert_eq!(run.contents(), rows);
    assert_eq!(run.each("row"), (1..=20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(run.column("responses.csv", "row"), run.each("row"));
    // And back again: the last word counts.
    rows = numbered(20);
    dir.write("rows.txt", rows.join("\n"));
    let run = dir.go_with(0, RESUME);
    assert_eq!((server.requests(), run.contents()), (20, rows));
}

#[test]
fn a_row_that_went_away_stays_on_the_bill() {
    let server = Server::start(echo());
    let mut rows = numbered(10);
    let dir = lines(&server, &rows);
    dir.go(0);
    rows.drain(2..5);
    dir.write("rows.txt", rows.join("\n"));
    let run = dir.go_with(0, RESUME);
    assert_eq!((server.requests(), run.contents()), (10, rows));
    let usage = run.csv("usage.csv");
    assert_eq!(usage.len(), 10);
    assert_eq!(usage.iter().filter(|row| row["final"] == "false").count(), 3);
    let text = fs::read(run.path().join("responses.csv")).unwrap();
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!(fs::read(run.path().join("responses.csv")).unwrap(), text);
}

#[test]
fn rows_that_are_alike_are_told_apart() {
    let server = Server::start(echo());
    let dir = lines(&server, &["same", "other", "same", "same"].map(str::to_owned));
    let run = dir.go(0);
    assert_eq!(server.texts()["same"], 3);
    let tasks: BTreeSet<String> = run.each("task").into_iter().collect();
    assert_eq!(tasks.len(), 4);
    dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 4);
    dir.write("rows.txt", "same\nsame\nother\nsame\nsame\n");
    let run = dir.go_with(0, RESUME);
    assert_eq!((server.requests(), run.responses().len()), (5, 5));
}

/// Takes bytes off the end of the journal.
fn tear(run: &RunFolder, bytes: u64) {
    let path = run.path().join("journal.jsonl");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("a journal");
    let length = file.metadata().expect("a length").len();
    file.set_len(length - bytes).expect("a shorter journal");
}

#[test]
fn a_torn_last_line_is_cut_off_and_asked_again() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(6));
    let first = dir.go(0);
    for (nth, bytes) in [1, 2, 40].into_iter().enumerate() {
        tear(&first, bytes);
        let output = dir.run(&["job.toml", "--resume"]).expect_code(0);
        // Without its line end alone the last line still holds a whole answer.
        let whole = bytes == 1 && server.requests() == 6 + nth;
        assert!(whole || output.stderr.contains("torn"), "{}", output.stderr);
        let run = dir.latest("t");
        assert_eq!(run.jsonl("journal.jsonl").len(), 6);
        assert_eq!(run.contents(), numbered(6));
    }
    assert!(server.requests() <= 9, "{}", server.requests());
}

#[test]
fn what_failed_is_asked_again_and_its_attempts_number_on() {
    let server = Server::start(|seen: &Seen| match (seen.text.as_str(), seen.n_of_this_text) {
        ("b", 0..=2) => error(500, "server_error", "oops", "not yet"),
        _ => Reply::ok(completion(seen, &seen.text)),
    });
    let lab = Lab::at(&server).texts(["a", "b", "c"]).retry("max_attempts = 2\ninitial = \"1ms\"");
    let dir = JobDir::with(&lab);
    let run = dir.go(3);
    assert_eq!(run.column("errors.csv", "final"), ["false", "true"]);
    let run = dir.go_with(0, RESUME);
    assert_eq!((run.contents(), server.requests()), (["a", "b", "c"].map(str::to_owned).into(), 6));
    assert_eq!(run.column("responses.csv", "attempts"), ["1", "4", "1"]);
    assert_eq!(run.column("errors.csv", "attempt"), ["1", "2", "3"]);
    assert_eq!(run.column("errors.csv", "final"), ["false"; 3]);
    assert_eq!(run.column("usage.csv", "attempt"), ["1", "4", "1"]);
    let summary = run.json("summary.json");
    assert_eq!(summary["made_from"]["sessions"], 2);
    assert_eq!(summary["totals"]["attempts"], 6);
    assert_eq!(run.json("run.json")["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_run_is_resumed_by_its_name_or_its_path() {
    let failing = Arc::new(AtomicBool::new(true));
    let theirs = Arc::clone(&failing);
    let server = Server::start(move |seen: &Seen| match theirs.load(Ordering::Relaxed) {
        true => error(400, "invalid_request_error", "bad", "no"),
        false => Reply::ok(completion(seen, "fine")),
    });
    let dir = JobDir::with(&Lab::at(&server));
    let runs = [dir.go(3), dir.go(3), dir.go(3)];
    failing.store(false, Ordering::Relaxed);
    dir.run(&["job.toml", "--resume", &runs[0].name()]).expect_code(0);
    assert_eq!(runs[0].each("status"), ["ok"]);
    dir.run(&["job.toml", "--resume", &format!("runs/t/{}", runs[1].name())]).expect_code(0);
    assert_eq!(runs[1].each("status"), ["ok"]);
    assert_eq!((runs[2].each("status"), dir.runs("t").len()), (vec!["error".to_owned()], 3));
    let output = dir.run(&["job.toml", "--resume", "no-such-run"]).expect_code(2);
    assert!(output.stderr.contains("no-such-run"), "{}", output.stderr);
    assert_eq!(server.requests(), 5);
}

#[test]
fn with_no_run_to_resume_one_begins() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    let run = dir.go_with(0, RESUME);
    assert_eq!(run.contents(), numbered(3));
    let same = dir.go_with(0, RESUME);
    assert_eq!((same, server.requests()), (run, 3));
}

#[test]
fn a_run_has_one_writer() {
    let server = Server::start(failing_first(1, Reply::Hang, echo()));
    let dir = JobDir::with(&Lab::at(&server));
    let mut first = dir.spawn(&["job.toml"]);
    until(&mut first, &server, 1);
    let second = dir.run(&["job.toml", "--resume"]).expect_code(5);
    assert!(second.stderr.contains(&format!("pid {}", first.id())), "{}", second.stderr);
    assert_eq!(server.requests(), 1);
    first.kill();
    assert_eq!(dir.go_with(0, RESUME).contents(), ["hello"], "a dead writer locks nobody out");
}

#[test]
fn a_resumed_run_may_grow() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    dir.go(0);
    let grown =
        Lab::at(&server).rows(5).top("repeats = 2").model("model = \"lab/m\"\nlabel = \"new\"");
    dir.job(&grown.to_string());
    let run = dir.go_with(0, RESUME);
    assert_eq!((server.requests(), run.responses().len()), (10, 10));
    assert_eq!(run.each("model"), ["new"; 10]);
    assert_eq!(run.text("job.toml"), grown.to_string());
}

#[test]
fn a_new_label_price_or_limit_asks_nothing_again() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    dir.go(0);
    let model = "model = \"lab/m\"\nlabel = \"new\"\nprice = { input = 1, output = 1 }";
    dir.job(&Lab::at(&server).rows(3).model(model).limits("concurrency = 1").to_string());
    let run = dir.go_with(0, RESUME);
    assert_eq!((server.requests(), run.each("model")), (3, vec!["new".to_owned(); 3]));
    let params = Lab::at(&server).rows(3).model(model).top("params = { temperature = 1 }");
    dir.job(&params.to_string());
    dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 6, "other parameters are another question");
}

#[test]
fn prompts_that_go_away_in_the_middle_stop_the_run() {
    let server = Server::start(slowly(Duration::from_millis(20), echo()));
    let rows: Vec<String> = (0..200).map(|n| format!("{n} {}", "x".repeat(2_000))).collect();
    let dir = lines(&server, &rows);
    let mut running = dir.spawn(&["job.toml", "--concurrency", "4"]);
    until(&mut running, &server, 8);
    dir.write("rows.txt", rows[..3].join("\n"));
    let output = running.wait().expect_code(5);
    assert!(
        output.stderr.contains("rows.txt") && output.stderr.contains("help:"),
        "{}",
        output.stderr
    );
    assert_eq!(dir.latest("t").json("run.json")["sessions"][0]["ended"], "failed");
    let halves = server.texts().into_keys().filter(|text| !rows.contains(text)).count();
    assert_eq!(halves, 0, "half a row was sent");
    dir.write("rows.txt", rows.join("\n"));
    let run = dir.go_with(0, &["--resume", "--concurrency", "64"]);
    assert_eq!(run.contents(), rows);
}

#[test]
fn a_run_of_another_job_is_not_taken_over() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).texts(["a", "b"]));
    let before = dir.go(0);
    let summary = before.text("summary.json");
    dir.job(&Lab::at(&server).texts(["c"]).to_string().replace("name = \"t\"", "name = \"u\""));
    let named = format!("runs/t/{}", before.name());
    let output = dir.run(&["job.toml", "--resume", &named]).expect_code(2);
    assert!(output.stderr.contains("a run of the job `t`"), "{}", output.stderr);
    assert_eq!((before.text("summary.json"), server.requests()), (summary, 2));
}

#[test]
fn a_run_that_is_done_is_told_at_once_and_stays_as_it_is() {
    let server = Server::start(echo());
    let lab = Lab::at(&server).prompts("file = \"rows.jsonl\"\nuser = \"{{ q }}\"");
    let dir = JobDir::with(&lab.limits("concurrency = 1"));
    let rows = |last: &str| format!("{{\"q\":\"one\"}}\n{{\"q\":\"two\"}}\n{{\"q\":\"{last}\"}}\n");
    dir.write("rows.jsonl", rows("three"));
    let run = dir.go(0);
    assert_eq!(server.requests(), 3);
    let files = ["run.json", "journal.jsonl", "responses.csv", "report.html"];
    let before = files.map(|name| run.text(name));

    // Nothing is asked, and nothing is written.
    let told = dir.run(&["job.toml", "--resume"]).expect_code(0);
    assert!(told.stderr.contains("all of it was done before"), "{}", told.stderr);
    assert!(told.stdout.contains("reports in "), "{}", told.stdout);
    assert_eq!(files.map(|name| run.text(name)), before);

    // A report that is gone is written again.
    fs::remove_file(run.path().join("responses.csv")).unwrap();
    let run = dir.go_with(0, RESUME);
    assert_eq!(run.text("responses.csv"), before[2]);
    assert_eq!(server.requests(), 3);

    // A row of the same length that asks something else is asked, and so is a line that is lost.
    dir.write("rows.jsonl", rows("seven"));
    dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 4);
    let run = dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 4);
    let journal = run.text("journal.jsonl");
    let first = journal.find('\n').unwrap() + 1;
    fs::write(run.path().join("journal.jsonl"), &journal[first..]).unwrap();
    dir.go_with(0, RESUME);
    assert_eq!(server.requests(), 5);
}
