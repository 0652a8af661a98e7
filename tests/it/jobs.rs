//! Every file in `jobs/` is a job without a fault, and those that need no key run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::eventually;
use crate::support::job::{JobDir, RunFolder};

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

/// The words that make a job ask the built-in provider alone.
fn on_the_built_in(job: &str, models: usize) -> Vec<String> {
    let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs").join(job).display().to_string();
    let mut words = vec![job, "--out".into(), "runs".into(), "--progress".into(), "none".into()];
    for nth in 0..models {
        words.push("--set".into());
        words.push(format!("models[{nth}].model=mock/m{nth}"));
    }
    words
}

fn mean(run: &RunFolder, column: &str) -> f64 {
    let summary: Value = run.json("summary.json");
    let scores = summary["scores"].as_array().expect("scores");
    let score = scores.iter().find(|score| score["column"] == column);
    score.and_then(|score| score["value"].as_f64()).expect("a value")
}

#[test]
fn evaluation_scores_six_uses_on_the_built_in_provider() {
    let dir = JobDir::new();
    let mut words = on_the_built_in("evaluation.toml", 3);
    // The built-in provider is free, and a budget needs to hear so.
    for nth in 0..3 {
        words.push("--set".into());
        words.push(format!("models[{nth}].price={{ input = 0, output = 0 }}"));
    }
    for set in ["model=mock/judge", "price={ input = 0, output = 0 }"] {
        words.push("--set".into());
        words.push(format!("scorers.faithful.judge.{set}"));
    }
    dir.run(&words).expect_code(0);
    let run = dir.latest("evaluation");
    // The prepared answers are wrong here and there: that must show, and nothing else.
    for (column, expected) in [
        ("number", 10.0 / 12.0),
        ("name", 1.0),
        ("start", 9.0 / 10.0),
        ("mood", 11.0 / 12.0),
        ("brief", 1.0),
    ] {
        let value = mean(&run, column);
        assert!((value - expected).abs() < 1e-9, "{column}: {value}, not {expected}");
    }
    for column in ["bleu", "rouge", "faithful"] {
        let value = mean(&run, column);
        assert!(value > 0.2 && value < 1.0, "{column}: {value}");
    }
    let judged = run.csv("usage.csv").iter().filter(|row| row["scorer"] == "faithful").count();
    assert_eq!(judged, 6 * 3 * 2);
}

#[test]
fn nightly_passes_its_gates_and_fails_them_when_the_answers_get_worse() {
    let dir = JobDir::new();
    let words = on_the_built_in("nightly.toml", 2);
    let free = |words: &[String]| {
        let mut words = words.to_vec();
        for nth in 0..2 {
            words.push("--set".into());
            words.push(format!("models[{nth}].price={{ input = 0, output = 0 }}"));
        }
        words
    };
    dir.run(&free(&words)).expect_code(0);
    let worse = dir.write("none.jsonl", "").display().to_string();
    let mut words = free(&words);
    words.push("--set".into());
    words.push(format!("providers.mock.answers={worse}"));
    dir.run(&words).expect_code(1);
    let summary: Value = dir.latest("nightly").json("summary.json");
    let failed = |gate: &&Value| gate["passed"] == false;
    let gates = summary["gates"].as_array().expect("gates");
    let failed: Vec<&str> =
        gates.iter().filter(failed).filter_map(|gate| gate["metric"].as_str()).collect();
    assert!(failed.contains(&"number") && failed.contains(&"mood"), "{failed:?}");
}
