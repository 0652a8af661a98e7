//! Every file in `jobs/` is a job without a fault, and those that need no key run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::eventually;
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

#[test]
fn compare_asks_four_providers_with_nothing_changed_but_their_addresses() {
    let mut dir = JobDir::new();
    let mock = dir.spawn(&["mock", "--port", "0"]);
    eventually("the built-in provider tells its address", || mock.stdout().contains("/v1\n"));
    let base = mock.stdout().trim().to_owned();
    let host = base.trim_end_matches("/v1").to_owned();
    dir.var("OPENAI_BASE_URL", &base).var("OPENAI_API_KEY", "sk-compare");
    dir.var("ANTHROPIC_BASE_URL", &host).var("ANTHROPIC_API_KEY", "sk-compare");
    dir.var("GEMINI_API_BASE", &host).var("GEMINI_API_KEY", "sk-compare");
    dir.var("AWS_BEDROCK_RUNTIME_ENDPOINT", &host).var("AWS_BEARER_TOKEN_BEDROCK", "sk-compare");
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/compare.toml").display().to_string();
    dir.run(&[&job, "--out", "runs", "--progress", "none"]).expect_code(0);
    mock.kill();
    let run = dir.latest("compare");
    let rows = run.responses();
    let of = |model: &str| rows.iter().filter(|row| row["provider"] == model).collect::<Vec<_>>();
    let tokens = |row: &Value| row["usage"]["prompt_tokens"].as_u64();
    let wanted: Vec<_> = of("openai").into_iter().map(tokens).collect();
    for provider in ["anthropic", "gemini", "bedrock"] {
        let told: Vec<_> = of(provider).into_iter().map(tokens).collect();
        assert_eq!(told, wanted, "{provider}");
    }
    assert!(rows.iter().all(|row| row["cost_status"] == "known"));
}
