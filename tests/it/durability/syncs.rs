//! `durability = "disk"`: an answer counts once the disk has it, and many share one wait for that.

use std::time::Duration;

use crate::durability::{RESUME, priced};
use crate::support::eventually;
use crate::support::handlers::{echo, slowly};
use crate::support::job::JobDir;
use crate::support::lab::{Lab, numbered};
use crate::support::likeness::likeness;
use crate::support::server::Server;

const ON_DISK: &str = "[output]\ndurability = \"disk\"\n";

/// How often the run waited for the disk, by its log.
#[track_caller]
fn syncs(stderr: &str) -> u64 {
    let counts = stderr.split("syncs=").skip(1).map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().expect("a number")
    });
    counts.sum()
}

#[test]
fn many_answers_share_one_wait_for_the_disk() {
    let server = Server::start(slowly(Duration::from_millis(2), echo()));
    let lab = Lab::at(&server).rows(400).limits("concurrency = 32");
    let plain = JobDir::with(&lab).go(0);
    let mut dir = JobDir::with(&lab.and(ON_DISK));
    dir.var("RUNNER_LOG", "runner=debug");
    let output = dir.run(&["job.toml"]).expect_code(0);
    let syncs = syncs(&output.stderr);
    assert!((1..=200).contains(&syncs), "{syncs} syncs for 400 answers");
    assert_eq!(likeness(&dir.latest("t")), likeness(&plain), "nothing else is different");
}

#[test]
fn a_budget_on_disk_is_kept_and_its_calls_go_out_in_groups() {
    let server = Server::start(slowly(Duration::from_millis(5), echo()));
    let lab = priced(&server, 200).limits("concurrency = 32").and("[budget]\nmax_usd = 0.01\n");
    let mut dir = JobDir::with(&lab.and(ON_DISK));
    dir.var("RUNNER_LOG", "runner=debug");
    let output = dir.run(&["job.toml"]).expect_code(0);
    // A call and its answer are two things to be written down.
    let syncs = syncs(&output.stderr);
    assert!((1..=200).contains(&syncs), "{syncs} syncs for 200 calls and 200 answers");
    let run = dir.latest("t");
    assert_eq!(run.contents(), numbered(200));
    assert!(!run.files().contains(&"commitments.jsonl".to_owned()), "{:?}", run.files());
}

#[test]
fn a_run_on_disk_that_is_killed_goes_on() {
    let server = Server::start(slowly(Duration::from_millis(10), echo()));
    let lab = priced(&server, 120).limits("concurrency = 8").and("[budget]\nmax_usd = 0.01\n");
    let dir = JobDir::with(&lab.and(ON_DISK));
    for _ in 0..4 {
        let before = server.requests();
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        eventually("requests come", || server.requests() > before + 12 || !running.is_running());
        running.kill();
    }
    let run = dir.go_with(0, RESUME);
    assert_eq!(run.contents(), numbered(120));
    assert!(server.requests() <= 120 + 4 * 8, "{}", server.requests());
    let summary = run.json("summary.json");
    let lost = summary["lost"].as_array().expect("a list").iter();
    let lost: u64 = lost.map(|lost| lost["calls"].as_u64().expect("a number")).sum();
    assert!(lost >= server.requests() as u64 - 120, "each call that was paid twice is on record");
}

#[test]
fn another_word_is_a_fault_that_names_both() {
    let dir =
        JobDir::with(&Lab::at_url("http://127.0.0.1:9/v1").and("[output]\ndurability = \"ram\"\n"));
    let stderr = dir.refused();
    assert!(stderr.contains("process") && stderr.contains("disk"), "{stderr}");
}
