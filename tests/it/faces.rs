//! What a run shows to others than people: to CI systems, to GitHub, to whoever watches it, and to
//! whoever asks for its reports before it is over.

use std::fs;
use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::support::eventually;
use crate::support::handlers::{completion, echo, error, slowly};
use crate::support::job::JobDir;
use crate::support::junit;
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

const SCORED: &str = "
[scorers.right.equals]
value = \"row 1\"
[[gates]]
metric = \"right\"
min = 0.9
";

#[test]
fn junit_is_what_the_common_schemas_say_whatever_is_answered() {
    let hostile = "]]></failure><x a=\"1\">&amp;\u{0}\u{1b}[31m\u{fffe}\u{ffff}\r\n'\"\u{1f600}";
    let server = Server::start(move |seen: &Seen| match &*seen.text {
        "row 2" => error(400, "invalid_request_error", "bad", hostile),
        "row 3" => Reply::ok(completion(seen, &seen.text)),
        _ => Reply::ok(completion(seen, hostile)),
    });
    let hostile_name = "a<b>\\\"&' c";
    let scored = SCORED.replace("row 1", "row 3");
    let lab = Lab::at(&server).top("tags = { \"a<\" = \"\\\"&\" }").rows(3);
    let lab = lab.model(&format!("model = \"lab/m\"\nlabel = \"{hostile_name}\"")).and(&scored);
    let run = JobDir::with(&lab).go(3);
    let text = run.text("junit.xml");
    let suites = junit::suites(&text);
    let counts: Vec<[usize; 4]> = suites.iter().map(|(_, counts)| *counts).collect();
    assert_eq!(counts, [[2, 0, 0, 0], [1, 1, 0, 0], [3, 1, 1, 0]]);
    assert!(text.contains("type=\"BadRequestError\""), "{text}");
    assert!(text.contains("<property name=\"tag.a&lt;\" value=\"&quot;&amp;\"/>"), "{text}");
}

#[test]
fn tasks_that_were_not_done_and_those_that_were_skipped_are_no_success_in_junit() {
    let closed = error(401, "invalid_request_error", "invalid_api_key", "who are you?");
    let server = Server::start(move |_: &Seen| closed.clone());
    let run = JobDir::with(&Lab::at(&server).rows(3)).go(3);
    let suites = junit::suites(&run.text("junit.xml"));
    let [cases, failed, errors, skipped] = suites[2].1;
    assert!(cases == 3 && failed == 0 && errors > 0 && errors + skipped == 3, "{suites:?}");
    let server = Server::start(slowly(Duration::from_millis(30), echo()));
    let lab = Lab::at(&server).rows(50).limits("concurrency = 1\ndeadline = \"50ms\"");
    let run = JobDir::with(&lab).go(4);
    let text = run.text("junit.xml");
    assert_eq!(junit::suites(&text)[0].1, [2, 0, 1, 0]);
    assert!(text.contains("stopped by the deadline, "), "{text}");
}

#[test]
fn github_gets_annotations_and_a_page() {
    let server = Server::start(|seen: &Seen| match &*seen.text {
        "row 2" => error(400, "invalid_request_error", "bad", "100% no\n::error::really"),
        text => Reply::ok(completion(seen, text)),
    });
    let mut dir = JobDir::with(&Lab::at(&server).rows(3).and(SCORED));
    let page = dir.write("page.md", "before\n");
    dir.var("GITHUB_STEP_SUMMARY", &page.display().to_string());
    let output = dir.run(&["job.toml", "--github"]).expect_code(3);
    assert!(!output.stdout.contains("::"), "stdout carries the result alone: {}", output.stdout);
    let lines: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    let gate =
        "::error title=gate failed::right >= 0.9: 0.5 over 2 answers; 1 failed task not counted";
    assert_eq!(lines[0], gate);
    let failed = "::error title=BadRequestError::1 task failed: 100%25 no ::error::really%0A";
    assert!(lines[1].starts_with(failed), "{}", lines[1]);
    let text = fs::read_to_string(&page).expect("a page");
    assert!(text.starts_with("before\n# t\n\n❌ **1 of 1 gate failed"), "{text}");
    assert!(!text.contains("responses.csv]("), "there is no file beside it: {text}");
    // The reports of the run tell the same again; without the flag nobody is told.
    let output = dir.run(&["report", "runs/t/latest", "--github"]).expect_code(0);
    assert!(output.stderr.contains(gate), "{}", output.stderr);
    let before = fs::read_to_string(&page).expect("a page");
    assert_eq!(before.matches("# t\n").count(), 2);
    dir.var("GITHUB_ACTIONS", "true");
    let output = dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!((output.stderr.as_str(), fs::read_to_string(&page).expect("a page")), ("", before));
}

#[test]
fn a_run_that_goes_is_told_as_far_as_it_came_and_goes_on() {
    let server = Server::start(slowly(Duration::from_millis(40), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(60).limits("concurrency = 1").and(SCORED));
    let mut running = dir.spawn(&["job.toml"]);
    let lines = || dir.runs("t").last().map_or(0, |run| run.lines("journal.jsonl"));
    eventually("answers", || lines() >= 5);
    let output = dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert!(running.is_running(), "it ended too early to show anything");
    let first = output.stdout.lines().next().expect("a line");
    assert!(
        first.starts_with("⏳ still going · ") && first.contains(" of 60 tasks so far · "),
        "{first}"
    );
    let run = dir.latest("t");
    let summary = run.json("summary.json");
    assert_eq!(summary["going"], true);
    assert!(summary["totals"]["ok"].as_u64().expect("a count") >= 5);
    assert!(run.text("summary.md").contains("⏳ **still going · "));
    junit::suites(&run.text("junit.xml"));
    let output = running.wait().expect_code(1);
    assert!(output.stdout.contains("❌ right >= 0.9: "), "{}", output.stdout);
    assert_eq!(run.json("summary.json").get("going"), None);
    assert_eq!(run.lines("responses.jsonl"), 60);
}

#[test]
fn a_run_that_was_killed_has_reports_up_to_its_last_whole_line() {
    let server = Server::start(slowly(Duration::from_millis(10), echo()));
    let dir = JobDir::with(&Lab::at(&server).rows(200).limits("concurrency = 1"));
    let running = dir.spawn(&["job.toml"]);
    eventually("answers", || {
        dir.runs("t").last().is_some_and(|run| run.lines("journal.jsonl") >= 5)
    });
    running.kill();
    let run = dir.latest("t");
    let whole = run.lines("journal.jsonl");
    let mut journal = fs::OpenOptions::new()
        .append(true)
        .open(run.path().join("journal.jsonl"))
        .expect("a journal");
    journal.write_all(b"{\"v\":1,\"task\":\"00").expect("written");
    drop(journal);
    let output = dir.run(&["report", "runs/t/latest"]).expect_code(0);
    let missing = 200 - whole;
    let told = format!("❌ killed · {missing} of 200 tasks not done");
    assert!(output.stdout.starts_with(&told), "{}", output.stdout);
    assert_eq!(run.lines("responses.jsonl"), whole);
    assert_eq!(junit::suites(&run.text("junit.xml"))[0].1, [2, 0, 1, 0]);
}

#[test]
fn only_the_reports_that_are_named_are_written_again() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server));
    let run = dir.go(0);
    for name in ["junit.xml", "summary.md", "responses.csv"] {
        fs::remove_file(run.path().join(name)).expect("a file");
    }
    dir.run(&["report", "runs/t/latest", "--reports", "csv,junit"]).expect_code(0);
    let files = run.files();
    let has = |name: &str| files.contains(&name.to_owned());
    assert!(has("junit.xml") && has("responses.csv") && !has("summary.md"), "{files:?}");
    let output = dir.run(&["report", "runs/t/latest", "--reports", "cvs"]).expect_code(2);
    assert!(output.stderr.contains("`csv`"), "{}", output.stderr);
}

#[test]
fn the_calls_of_scorers_are_a_phase_that_whoever_watches_can_tell() {
    let server = Server::start(|seen: &Seen| {
        let text = if seen.body["model"] == "judge" { "{\"score\": 7}" } else { &*seen.text };
        Reply::ok(completion(seen, text))
    });
    let judge = "[scorers.tone.judge]\nmodel = \"lab/judge\"\nrubric = \"friendly\"\n";
    let dir = JobDir::with(&Lab::at(&server).rows(3).and(judge));
    let output = dir.run(&["job.toml"]).expect_code(0);
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(
        lines[1..4],
        [
            "lab/m: 3/3 done, 0 failed, 0 retried",
            "judging the answers: 3 calls",
            "judge tone: 3/3 done, 0 failed, 0 retried",
        ]
    );
    assert!(output.stdout.contains("\n scorer tone "), "{}", output.stdout);
    let output = dir.run(&["job.toml", "--progress", "json"]).expect_code(0);
    let events: Vec<Value> =
        output.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let phases = names.iter().filter(|name| !["progress", "note"].contains(*name));
    assert_eq!(phases.collect::<Vec<_>>(), [&"begin", &"judging", &"end"]);
    let last = events.iter().rfind(|event| event["event"] == "end").expect("an end");
    assert_eq!(
        (&last["models"][0]["model"], &last["models"][0]["done"]),
        (&"judge tone".into(), &3.into())
    );
    assert_eq!(last["models"].as_array().map(Vec::len), Some(1));
}
