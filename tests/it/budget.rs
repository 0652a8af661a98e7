//! A hard budget: never passed, whatever the concurrency, through kills and resumptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::handlers::{completion, error};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

/// USD per million tokens; so a token of input is 3,000,000 picodollars, one of output 15,000,000.
const PRICED: &str = "model = \"lab/m\"\nprice = { input = 3, output = 15 }";

/// What a server has served, in picodollars.
type Served = Arc<AtomicU64>;

/// A server whose answers have some length or other up to `max_tokens`, and which counts what they
/// cost.
fn selling() -> (Server, Served) {
    let served = Served::default();
    let till = Arc::clone(&served);
    let server = Server::start(move |seen: &Seen| {
        let most = seen.body["max_tokens"].as_u64().expect("a limit");
        let luck = blake3::hash(seen.text.as_bytes()).as_bytes()[0];
        let (input, output) = (10, 1 + most * u64::from(luck) / 256);
        till.fetch_add(input * 3_000_000 + output * 15_000_000, Ordering::Relaxed);
        let mut answer = completion(seen, "some words");
        answer["usage"] = json!({"prompt_tokens": input, "completion_tokens": output,
            "total_tokens": input + output});
        Reply::ok(answer).after(Duration::from_millis(u64::from(luck % 20)))
    });
    (server, served)
}

fn lab(server: &Server, rows: usize) -> Lab {
    Lab::at(server).rows(rows).model(PRICED).and("[params]\nmax_tokens = 100")
}

/// USD as text, in picodollars.
#[track_caller]
fn pico(usd: &Value) -> u64 {
    let (whole, part) =
        usd.as_str().map(|text| text.split_once('.').unwrap_or((text, ""))).expect("money");
    format!("{whole}{part:0<12}").parse().expect("digits")
}

fn spent(run: &RunFolder) -> u64 {
    pico(&run.json("summary.json")["totals"]["cost_usd"])
}

#[test]
fn a_budget_is_never_passed_and_a_larger_one_goes_on() {
    let (server, served) = selling();
    let lab = lab(&server, 300).limits("concurrency = 64").and("[budget]\nmax_usd = 0.05");
    let dir = JobDir::with(&lab);
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(output.stderr.contains("stopped: the budget of $0.05 is used up"), "{}", output.stderr);
    assert!(output.stderr.contains("--max-usd"), "{}", output.stderr);
    let run = dir.latest("t");
    let first = served.load(Ordering::Relaxed);
    assert!(first <= 50_000_000_000 && first > 45_000_000_000, "{first}");
    assert_eq!(spent(&run), first);
    let summary = run.json("summary.json");
    assert_eq!(summary["ended"], "budget");
    assert_eq!(pico(&summary["budget"][0]["spent_usd"]), first);
    assert!(!run.files().contains(&"commitments.jsonl".to_owned()), "{:?}", run.files());
    // The same budget is used up still, and nothing more is sent.
    dir.run(&["job.toml", "--resume"]).expect_code(4);
    let now = served.load(Ordering::Relaxed);
    assert!(now <= 50_000_000_000, "{now}");
    let run = dir.go_with(0, &["--resume", "--max-usd", "1"]);
    assert_eq!((run.lines("responses.jsonl"), server.requests()), (300, 300));
    assert_eq!(spent(&run), served.load(Ordering::Relaxed));
}

#[test]
fn a_model_that_no_cap_is_on_needs_no_price() {
    let (server, _) = selling();
    let capped = format!("{PRICED}\nbudget = {{ max_usd = 1 }}");
    let lab = Lab::at(&server).rows(3).model(&capped).model("model = \"lab/free\"");
    let run = JobDir::with(&lab.and("[params]\nmax_tokens = 100")).go(0);
    let summary = run.json("summary.json");
    assert_eq!(summary["totals"]["ok"], 6);
    assert_eq!(summary["budget"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_a_killed_session_had_in_flight_counts_as_spent() {
    let (server, served) = selling();
    let lab = lab(&server, 2_000).limits("concurrency = 32").and("[budget]\nmax_usd = 0.5");
    let dir = JobDir::with(&lab);
    for _ in 0..5 {
        let before = server.requests();
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        while server.requests() < before + 40 && running.is_running() {
            std::thread::yield_now();
        }
        running.kill();
    }
    dir.run(&["job.toml", "--resume"]).expect_code(4);
    let summary = dir.latest("t").json("summary.json");
    let (served, spent) =
        (served.load(Ordering::Relaxed), pico(&summary["budget"][0]["spent_usd"]));
    let lost: u64 = summary["lost"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|lost| pico(&lost["at_most_usd"]))
        .sum();
    assert!(lost > 0 && served <= spent && spent <= 500_000_000_000, "{served} {spent}");
    assert_eq!(pico(&summary["totals"]["cost_usd"]) + lost, spent);
    // The ledger has both, and tells them apart.
    let usage = dir.run(&["usage", "--out", "runs", "--format", "json"]).expect_code(0);
    assert!(usage.stderr.contains("may have been billed beside"), "{}", usage.stderr);
    let usage: Value = serde_json::from_str(&usage.stdout).expect("JSON");
    assert_eq!(usage["total"]["cost_usd"], summary["totals"]["cost_usd"]);
    assert_eq!(pico(&usage["total"]["at_most_usd"]), spent);
}

#[test]
fn an_interrupted_run_counts_no_call_that_was_not_sent() {
    let (server, served) = selling();
    let lab = lab(&server, 5_000).limits("concurrency = 64").and("[budget]\nmax_usd = 100");
    let dir = JobDir::with(&lab);
    for round in 1..=3 {
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        while server.requests() < round * 200 && running.is_running() {
            std::thread::yield_now();
        }
        running.signal("INT");
        running.wait().expect_code(130);
        let summary = dir.latest("t").json("summary.json");
        assert_eq!(summary["lost"], json!([]), "{summary:#}");
        assert_eq!(pico(&summary["budget"][0]["spent_usd"]), served.load(Ordering::Relaxed));
    }
}

#[test]
fn what_tells_of_calls_in_flight_is_never_passed_over_unread() {
    let (server, _) = selling();
    let dir = JobDir::with(&lab(&server, 2).and("[budget]\nmax_usd = 1"));
    dir.run(&["job.toml"]).expect_code(0);
    let run = dir.latest("t");
    let path = run.path().join("commitments.jsonl");
    let head = r#"{"v":1,"session":0,"journal":0}"#;
    let lost = r#"{"task":"00000000000000000000000000000001","attempt":1,"model":"lab/m","provider":"lab","usd":"0.25"}"#;
    for damaged in [format!("{head}\n\0\0\n{lost}\n"), format!("{lost}\n")] {
        std::fs::write(&path, damaged).expect("written");
        let output = dir.run(&["job.toml", "--resume"]).expect_code(5);
        assert!(output.stderr.contains("commitments.jsonl"), "{}", output.stderr);
        assert!(output.stderr.contains("help: "), "{}", output.stderr);
    }
    // Half a line at the end is of a call that was not sent.
    std::fs::write(&path, format!("{head}\n{lost}\n{{\"task\":\"0")).expect("written");
    dir.run(&["job.toml", "--resume"]).expect_code(0);
    let summary = run.json("summary.json");
    assert_eq!(summary["lost"][0]["at_most_usd"], "0.25", "{summary:#}");
    assert_eq!(pico(&summary["budget"][0]["spent_usd"]), spent(&run) + 250_000_000_000);
}

#[test]
fn a_model_and_a_provider_have_budgets_of_their_own() {
    let (server, _) = selling();
    let small = format!("{PRICED}\nlabel = \"small\"\nbudget = {{ max_usd = \"0.01\" }}");
    let large = "model = \"lab/large\"\nprice = { input = 3, output = 15 }";
    let lab =
        Lab::at(&server).rows(60).model(&small).model(large).and("[params]\nmax_tokens = 100");
    let dir = JobDir::with(&lab);
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(output.stderr.contains("the budget of small of $0.01 is used up"), "{}", output.stderr);
    let summary = dir.latest("t").json("summary.json");
    assert!(pico(&summary["by_model"][0]["cost_usd"]) <= 10_000_000_000, "{summary:#}");
    assert_eq!(summary["by_model"][1]["ok"], 60, "{summary:#}");
    let capped = lab.provider("budget = { max_usd = 0.02 }");
    let dir = JobDir::with(&capped);
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(output.stderr.contains("budget of "), "{}", output.stderr);
    assert!(spent(&dir.latest("t")) <= 20_000_000_000);
}

#[test]
fn what_no_money_is_left_for_waits_neither_for_a_rate_nor_for_a_retry() {
    let server = Server::start(|seen: &Seen| {
        if seen.text.ends_with("row 1") {
            return error(503, "server_error", "down", "down");
        }
        let mut answer = completion(seen, "some words");
        answer["usage"] = json!({"prompt_tokens": 10, "completion_tokens": 100});
        Reply::ok(answer)
    });
    let capped = format!("{PRICED}\nbudget = {{ max_usd = \"0.004\" }}");
    let lab = Lab::at(&server).rows(200).model(&capped).and("[params]\nmax_tokens = 100");
    let begun = Instant::now();
    for waits in [
        lab.clone().provider("limits = { rpm = 60 }"),
        lab.retry("initial = \"300s\"\nmax = \"300s\"\n"),
    ] {
        let output = JobDir::with(&waits).run(&["job.toml"]).expect_code(4);
        assert!(output.stderr.contains("is used up"), "{}", output.stderr);
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", output.stderr);
    }
}

#[test]
fn a_fallback_is_paid_from_the_budget_of_the_model_it_stands_in_for() {
    let server = Server::start(|seen: &Seen| match &seen.body["model"] {
        model if model == "m" => error(503, "server_error", "down", "down"),
        _ => Reply::ok(completion(seen, "four words it is")),
    });
    let first = format!(
        "{PRICED}\nlabel = \"first\"\nfallbacks = [\"second\"]\nbudget = {{ max_usd = 0.004 }}"
    );
    let second = "model = \"lab/n\"\nlabel = \"second\"\nprompts = [\"q\"]\nprice = { input = 3, output = 15 }";
    let lab = Lab::at(&server).rows(60).model(&first).model(second);
    let lab = lab.and("[params]\nmax_tokens = 100\n[prompts.q]\ninline = [\"one\"]");
    let dir = JobDir::with(&lab);
    dir.run(&["job.toml"]).expect_code(4);
    let summary = dir.latest("t").json("summary.json");
    let account = &summary["budget"][0];
    assert_eq!((&account["on"], &account["name"]), (&json!("model"), &json!("first")));
    assert!(summary["by_model"][0]["ok"].as_u64() > Some(0), "{summary:#}");
    assert_eq!(account["spent_usd"], summary["by_model"][0]["cost_usd"], "{summary:#}");
    assert_eq!(summary["by_model"][1]["ok"], 1, "{summary:#}");
}

#[test]
fn what_a_call_can_cost_must_be_known_before_anything_is_sent() {
    let (server, _) = selling();
    let capped = |model: &str| Lab::at(&server).model(model).and("[budget]\nmax_usd = 1");
    let told = |lab: Lab| JobDir::with(&lab).refused();
    let priceless = told(capped("model = \"lab/m\"").and("[params]\nmax_tokens = 5"));
    assert!(
        priceless.contains("`lab/m` has no known price, and a budget needs one"),
        "{priceless}"
    );
    assert!(priceless.contains("price = { input ="), "{priceless}");
    let boundless = told(capped(PRICED));
    assert!(boundless.contains("how long its answer can get"), "{boundless}");
    assert!(boundless.contains("state `max_tokens`"), "{boundless}");
    let fallback =
        told(capped(&format!("{PRICED}\nparams = {{ max_tokens = 5 }}\nfallbacks = [\"lab/n\"]")));
    assert!(fallback.contains("the fallback `lab/n` has no known price"), "{fallback}");
    let odd = told(Lab::at(&server).model(PRICED).and("[budget]\nmax_usd = \"-1\""));
    assert!(odd.contains("max_usd"), "{odd}");
    assert_eq!(server.requests(), 0);
    // A row may bring its own limit.
    let own = Lab::at(&server).model(PRICED).prompts(
        "inline = [{ custom_id = \"a\", body = { messages = [{ role = \"user\", content = \"x\" }], max_tokens = 5 } }]",
    );
    JobDir::with(&own.and("[budget]\nmax_usd = 1")).go(0);
}

#[test]
fn a_call_that_is_dearer_than_the_whole_budget_says_so() {
    let (server, _) = selling();
    let dir = JobDir::with(&lab(&server, 3).and("[budget]\nmax_usd = 0.001"));
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(output.stderr.contains("state a smaller `max_tokens`, or raise"), "{}", output.stderr);
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_built_in_provider_needs_no_limit_of_tokens() {
    let dir = JobDir::new();
    dir.job(
        "name = \"t\"\nrepeats = 50\n[[models]]\nmodel = \"mock/lark\"\nprice = { input = 10, output = 20 }\n\
         [prompts.p]\ninline = [\"hello\"]\n[budget]\nmax_usd = 0.02\n",
    );
    dir.run(&["job.toml"]).expect_code(4);
    let run = dir.latest("t");
    assert!(spent(&run) > 10_000_000_000 && spent(&run) <= 20_000_000_000, "{}", spent(&run));
}
