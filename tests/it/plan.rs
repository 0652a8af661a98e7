//! `runner plan`: what it foretells, held against what a run then really takes.

use serde_json::{Value, json};

use crate::support::handlers::{completion, echo};
use crate::support::job::{JobDir, RunFolder, plain};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

fn planned(dir: &JobDir) -> Value {
    let output = dir.run(&["plan", "job.toml", "--format", "json"]).expect_code(0);
    serde_json::from_str(&output.stdout).expect("JSON")
}

fn usd(value: &Value) -> f64 {
    plain(value).parse().unwrap_or_else(|_| panic!("no amount: {value}"))
}

/// What all answered attempts of a run cost.
fn spent(run: &RunFolder) -> f64 {
    usd(&run.json("summary.json")["totals"]["cost_usd"])
}

#[test]
fn jobs_of_the_built_in_provider_cost_what_their_plan_says() {
    let dir = JobDir::new();
    dir.write("answers.csv", format!("prompt,answer\nalpha,{}\n", "a long answer ".repeat(100)));
    dir.write("rows.txt", "alpha\nbeta\nWhat is the weather like in Paris today?\n日本語\n");
    dir.job(
        "name = \"t\"\nrepeats = 2\n[matrix]\nmax_tokens = [3, 4000]\n\
         [[models]]\nmodel = \"mock/echo\"\nprice = { input = 0.25, output = 1.25 }\n\
         [[models]]\nmodel = \"mock/poet\"\nprice = { input = 3, output = 15 }\n\
         [providers.mock]\nanswers = \"answers.csv\"\n\
         [prompts.p]\nfile = \"rows.txt\"\nsystem = \"Be brief.\"\nuser = \"{{ prompt }}\"\n",
    );
    let plan = planned(&dir);
    let run = dir.go(0);
    let totals = &run.json("summary.json")["totals"];
    let likely = usd(&plan["cost_usd_likely"]);
    assert_eq!(plan["tasks"], json!(32));
    assert_eq!(plan["tokens_source"], "exact");
    assert_eq!(plan["input_tokens"], totals["tokens"]["prompt_tokens"]);
    assert_eq!(plan["output_tokens_likely"], totals["tokens"]["completion_tokens"]);
    assert!((likely - spent(&run)).abs() < 0.01 * spent(&run), "{likely} {}", spent(&run));
    assert!(usd(&plan["cost_usd_low"]) <= likely && usd(&plan["cost_usd_high"]) >= spent(&run));
    assert_eq!(plan["likely_rests_on"], json!(["built-in"]));
    // What a first run told changes nothing where the answers are known anyway.
    assert_eq!(planned(&dir), plan);
}

/// An answer whose tokens follow from the prompt in a way that no tokenizer foretells: a hidden
/// prompt of 40, 2 for each letter, and an answer of 20 to 119 tokens.
fn odd(seen: &Seen) -> Reply {
    let letters = seen.text.len() as u64;
    let spread = seen.text.bytes().fold(7_u64, |sum, byte| sum * 31 % 9_973 + u64::from(byte));
    let (prompt, answer) = (40 + 2 * letters, 20 + spread % 100);
    let mut body = completion(seen, "well");
    body["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": answer,
        "total_tokens": prompt + answer});
    Reply::ok(body)
}

#[test]
fn a_first_run_over_some_rows_foretells_the_cost_of_all() {
    let server = Server::start(odd);
    let lab = Lab::at(&server).model("model = \"lab/m\"\nprice = { input = 1, output = 4 }");
    let texts = (0..300).map(|nth| format!("question {nth}: {}", "word ".repeat(nth % 17)));
    let dir = JobDir::with(&lab.top("[params]\nmax_tokens = 400\n").texts(texts));
    let before = planned(&dir);
    assert_eq!(before["likely_rests_on"], json!(["assumed"]));
    dir.go_with(0, &["--limit", "60"]);
    let after = planned(&dir);
    assert_eq!(after["likely_rests_on"], json!(["history: 60 answers"]));
    assert_eq!(after["tokens_source"], "estimated");
    let run = dir.go(0);
    let (real, likely) = (spent(&run), usd(&after["cost_usd_likely"]));
    assert!((likely - real).abs() < 0.2 * real, "{likely} for {real}");
    assert!(usd(&after["cost_usd_high"]) >= real && usd(&after["cost_usd_low"]) <= real);
    // Once all of it was answered, the plan is what it cost.
    let known = usd(&planned(&dir)["cost_usd_likely"]);
    assert!((known - real).abs() < 1e-9, "{known} for {real}");
}

#[test]
fn answers_that_are_asked_for_again_stay_below_the_high() {
    // Every first answer is empty and billed at its longest, and so is every second one.
    let server = Server::start(|seen: &Seen| {
        let mut body = completion(seen, "");
        let letters = seen.text.len();
        body["usage"] = json!({"prompt_tokens": letters, "completion_tokens": 50,
            "total_tokens": letters + 50});
        Reply::ok(body)
    });
    let lab = Lab::at(&server).model("model = \"lab/m\"\nprice = { input = 1, output = 4 }");
    let dir = JobDir::with(&lab.top("[params]\nmax_tokens = 50\n").rows(20));
    let plan = planned(&dir);
    let run = dir.go(3);
    let real = spent(&run);
    assert_eq!(server.requests(), 40);
    assert!(usd(&plan["cost_usd_high"]) >= real && real > usd(&plan["cost_usd_likely"]));
}

#[test]
fn a_dry_run_is_the_plan() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(3).limits("concurrency = 2"));
    let plan = dir.run(&["plan", "job.toml"]).expect_code(0);
    assert_eq!(dir.run(&["job.toml", "--dry-run"]).expect_code(0).stdout, plan.stdout);
    assert!(plan.stdout.contains("state its `price`"), "{}", plan.stdout);
    assert_eq!((server.requests(), dir.runs("t").len()), (0, 0));
}
