//! Every file in `jobs/` is a job without a fault, and those that need no key run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::job::JobDir;

fn jobs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs");
    let entries = fs::read_dir(folder).expect("jobs/ can be read");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut jobs: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    jobs.sort();
    jobs
}

#[test]
fn every_job_is_without_a_fault() {
    let dir = JobDir::new();
    for job in jobs() {
        dir.run(&["check", &job.display().to_string()]).expect_code(0);
    }
}

#[test]
fn hello_runs_with_no_key_and_shows_a_retry() {
    let dir = JobDir::new();
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/hello.toml").display().to_string();
    dir.run(&[&job, "--out", "runs", "--progress", "none"]).expect_code(0);
    let run = dir.latest("hello");
    let summary: Value = run.json("summary.json");
    assert_eq!(summary["totals"]["ok"], run.responses().len());
    assert!(summary["totals"]["retries"].as_u64().expect("a count") > 0);
}
