//! Machines that are short of files, streams that nobody reads, clocks that jump, and two runners.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::durability::{RESUME, edit, ill, is_told};
use crate::support::handlers::{echo, slowly};
use crate::support::job::JobDir;
use crate::support::lab::{Lab, numbered};
use crate::support::likeness::likeness;
use crate::support::server::Server;

#[test]
fn few_open_files_narrow_the_run_and_too_few_stop_it_before_anything_is_sent() {
    let server = Server::start(slowly(Duration::from_millis(5), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(60).limits("concurrency = 256"));
    let output = dir.run_after("ulimit -n 60", &["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("raise it with `ulimit -n`"), "{}", output.stderr);
    assert_eq!(dir.latest("t").contents(), numbered(60));
    assert!(server.max_in_flight() <= 16, "{}", server.max_in_flight());
    let output = dir.run_after("ulimit -n 32", &["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("raise it with `ulimit -n`"), "{}", output.stderr);
    let asked = server.requests();
    for few in [6, 8, 12, 20, 31] {
        let output = dir.run_after(&format!("ulimit -n {few}"), &["job.toml"]).expect_code(5);
        is_told(&output.stderr, &["raise the limit with `ulimit -n 1024`"]);
    }
    assert_eq!((server.requests(), dir.runs("t").len()), (asked, 2));
}

#[test]
fn a_stdout_that_nobody_reads_takes_nothing_from_a_run() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(20));
    for (nth, streams) in
        [">&-", ">&- 2>&-", ">&- 2>&- <&-", ">/dev/full", ">/dev/full 2>/dev/full"]
            .iter()
            .enumerate()
    {
        // The streams of the shell are those of the binary that takes its place.
        dir.run_after(&format!("exec {streams}"), &["job.toml"]).expect_code(0);
        assert_eq!(dir.runs("t").len(), nth + 1, "{streams}");
        assert_eq!(dir.latest("t").contents(), numbered(20), "{streams}");
    }
    let pipe = "\"$@\" --progress plain 2>&1 | head -0; \"$@\" | head -0; exit 0\n";
    dir.run_after(pipe, &["job.toml"]).expect_code(0);
    let runs = dir.runs("t");
    assert_eq!(runs.len(), 7);
    assert!(runs.iter().all(|run| run.contents() == numbered(20)));
    assert!(runs.iter().all(|run| run.json("run.json")["sessions"][0]["ended"] == "done"));
}

#[test]
fn a_result_that_cannot_be_printed_is_told() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server));
    dir.go(0);
    let output = dir.run_after("exec >/dev/full", &["report", "runs/t/latest"]).expect_code(5);
    is_told(&output.stderr, &["write to stdout"]);
    dir.run_after("exec >&-", &["report", "runs/t/latest"]).expect_code(0);
}

/// Puts other times in the place of those of a run: back and forth, before 1970, and far ahead.
fn mix_up_times(text: &str) -> String {
    const TIMES: [&str; 5] = [
        "1969-12-31T23:59:59.999Z",
        "2200-01-01T00:00:00.000Z",
        "1901-01-01T00:00:00.000Z",
        "2026-01-01T00:00:00.000Z",
        "9998-01-01T00:00:00.000Z",
    ];
    let mut mixed = String::new();
    let mut rest = text;
    let mut nth = 0;
    for mark in ["\"started_at\":\"", "\"ended_at\":\"", "\"started_at\": \"", "\"ended_at\": \""] {
        if text.contains(mark) {
            mixed.clear();
            while let Some(at) = rest.find(mark) {
                mixed.push_str(&rest[..at + mark.len()]);
                mixed.push_str(TIMES[nth % TIMES.len()]);
                rest = &rest[at + mark.len() + TIMES[0].len()..];
                nth += 1;
            }
            mixed.push_str(rest);
            return mixed;
        }
    }
    text.to_owned()
}

#[test]
fn a_clock_that_jumps_changes_no_number_but_the_times() {
    let server = Server::start(echo());
    let dir = JobDir::with(&super::priced(&server, 10));
    let run = dir.go(0);
    let before = likeness(&run);
    let wall = run.json("summary.json")["wall_ms"].clone();
    for name in ["journal.jsonl", "run.json"] {
        edit(&run, name, |text| mix_up_times(&String::from_utf8(text).expect("text")).into_bytes());
    }
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!(likeness(&run), before);
    assert_eq!(
        run.json("summary.json")["wall_ms"],
        wall,
        "how long it took is no matter of clocks"
    );
    let usage = |args: &[&str]| -> Value {
        let output = dir.run(&[&["usage", "--format", "json"], args].concat()).expect_code(0);
        serde_json::from_str(&output.stdout).expect("JSON")
    };
    let (kept, rebuilt) = (usage(&["--by", "day"]), usage(&["--by", "day", "--rebuild"]));
    assert_eq!(kept, rebuilt);
    assert!(rebuilt.to_string().contains("1969-12-31"), "{rebuilt}");
    assert_eq!(usage(&[])["total"]["cost_usd"], run.json("summary.json")["totals"]["cost_usd"]);
    let run = dir.go_with(0, RESUME);
    assert_eq!((run.contents(), server.requests()), (numbered(10), 10));
}

#[test]
fn a_run_that_a_wrong_clock_named_is_not_taken_for_the_latest() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    let first = dir.go(0);
    let jobs = first.path().parent().expect("the folder of the job");
    fs::rename(first.path(), jobs.join("29990101T000000Z-aaaa")).expect("a folder");
    fs::remove_file(jobs.join("latest")).expect("a link");
    let output = dir.run(&["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("the clock is wrong now or was then"), "{}", output.stderr);
    let second = dir.latest("t");
    assert_ne!(second.name(), "29990101T000000Z-aaaa");
    assert_eq!(dir.go_with(0, RESUME), second, "the newest run is the one that was begun last");
    let output = dir.run(&["diff", "previous", "latest", "--job", "t"]).expect_code(0);
    let (old, new) =
        (output.stdout.find("29990101T000000Z-aaaa"), output.stdout.find(&second.name()));
    assert!(old < new && old.is_some(), "{}", output.stdout);
}

#[test]
fn of_many_runners_on_one_run_one_works_and_the_others_do_no_harm() {
    let server = Server::start(slowly(Duration::from_millis(20), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(60).limits("concurrency = 4"));
    let mut first = dir.spawn(&["job.toml"]);
    crate::support::eventually("answers come", || server.requests() > 4 || !first.is_running());
    first.kill();
    let kept = dir.latest("t").whole_lines("journal.jsonl");
    let runners: Vec<_> = (0..4).map(|_| dir.spawn(&["job.toml", "--resume"])).collect();
    let mut codes = Vec::new();
    for runner in runners {
        let output = runner.wait();
        if output.code == Some(5) {
            is_told(&output.stderr, &["another runner (pid ", "is writing this run"]);
        }
        codes.push(output.code);
    }
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(5), Some(5), Some(5)]);
    let run = dir.latest("t");
    assert!(run.text("journal.jsonl").starts_with(&kept));
    assert_eq!((run.contents(), run.lines("journal.jsonl")), (numbered(60), 60));
    assert!(server.requests() <= 60 + 2 * 4, "{}", server.requests());
    assert_eq!(dir.runs("t").len(), 1);
}

#[test]
fn what_is_no_run_is_no_matter_of_this_machine() {
    let dir = JobDir::new();
    let output = dir.run(&["report", "nowhere"]).expect_code(2);
    is_told(&output.stderr, &["there is no run in `nowhere`"]);
    dir.write("runs/t/x/journal.jsonl", "{\"v\":2}\n{\"v\":2}\n");
    ill(&dir, &["report", "runs/t/x"], &["use a newer runner"]);
}
