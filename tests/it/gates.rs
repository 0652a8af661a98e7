//! Gates: what each measures, of whom, and the exit code that comes of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::{completion, echo, error, slowly};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

const RIGHT: &str = "[scorers.right.equals]\nvalue = \"{{ prompt }}\"\n";

/// `good` repeats what it is asked. `bad` says `no`, but once to the first row what it should, and
/// fails at the last.
fn school() -> Server {
    let was_right = AtomicBool::new(false);
    Server::start(move |seen: &Seen| {
        let text = match (seen.body["model"].as_str(), &*seen.text) {
            (Some("bad"), "row 4") => return error(400, "invalid_request_error", "bad", "no"),
            (Some("bad"), "row 1") if !was_right.swap(true, Ordering::Relaxed) => "row 1",
            (Some("bad"), _) => "no",
            (_, text) => text,
        };
        Reply::ok(completion(seen, text))
    })
}

/// A job with both, four rows and two repeats; a token costs a millionth of a dollar.
fn lab(server: &Server) -> Lab {
    let model = |name: &str| {
        format!("model = \"lab/{name}\"\nlabel = \"{name}\"\nprice = {{ input = 1, output = 1 }}")
    };
    Lab::at(server).top("repeats = 2").rows(4).model(&model("good")).model(&model("bad")).and(RIGHT)
}

/// What came of a gate: whom it is about, the value, how many values, failed tasks, and whether it
/// passed.
type Told = (Value, Option<f64>, u64, u64, bool);

fn told(gate: &Value) -> Told {
    let number = |key: &str| gate[key].as_u64().expect("a count");
    let passed = gate["passed"].as_bool().expect("yes or no");
    (gate["subject"].clone(), gate["value"].as_f64(), number("samples"), number("errors"), passed)
}

#[track_caller]
fn holds(gates: &[Value], gate: &str, expected: &[Told]) {
    let found: Vec<Told> = gates.iter().filter(|result| result["gate"] == gate).map(told).collect();
    let near = |(one, other): (&Told, &Told)| match (one.1, other.1) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-12,
        (one, other) => one == other,
    };
    let rest = |told: &Told| (told.0.clone(), told.2, told.3, told.4);
    let is_same = found.len() == expected.len()
        && found.iter().zip(expected).all(near)
        && found.iter().map(rest).eq(expected.iter().map(rest));
    assert!(is_same, "{gate}\n    is {found:?}\nnot {expected:?}");
}

#[test]
fn every_metric_is_measured_of_whom_the_gate_says() {
    let server = school();
    let gates = r#"
        [[gates]]
        metric = "right"
        min = 0.5
        per = "model"
        [[gates]]
        metric = "right"
        min = 0.6
        [[gates]]
        metric = "right"
        min = 0.1
        errors = "count"
        models = ["b*"]
        [[gates]]
        metric = "right.pass_rate"
        max = 1
        models = ["good"]
        [[gates]]
        metric = "right.flip_rate"
        max = 0.3
        per = "model"
        [[gates]]
        metric = "error_rate"
        max = 0.125
        [[gates]]
        metric = "error_rate"
        max = 0.2
        per = "model"
        prompts = ["p"]
        [[gates]]
        metric = "cost_usd"
        max = 0.000051
        [[gates]]
        metric = "cost_per_task_usd"
        max = 0.000001
        per = "model"
        [[gates]]
        metric = "prompt_tokens"
        max = 28
        [[gates]]
        metric = "completion_tokens"
        max = 22
        [[gates]]
        metric = "total_tokens"
        max = 51
        [[gates]]
        metric = "ttft_p95_ms"
        max = 1
    "#;
    let run = JobDir::with(&lab(&server).and(gates)).go(3);
    let summary = run.json("summary.json");
    let gates = summary["gates"].as_array().expect("gates");
    let (all, good, bad) = (json!(null), json!("good"), json!("bad"));
    let model = |good_told: (f64, u64, u64, bool), bad_told: (f64, u64, u64, bool)| {
        let told = |name: &Value, (value, samples, errors, passed)| {
            (name.clone(), Some(value), samples, errors, passed)
        };
        [told(&good, good_told), told(&bad, bad_told)]
    };
    holds(gates, "right >= 0.5", &model((1.0, 8, 0, true), (1.0 / 6.0, 6, 2, false)));
    holds(gates, "right >= 0.6", &[(all.clone(), Some(9.0 / 14.0), 14, 2, true)]);
    holds(gates, "right >= 0.1 of bad", &[(all.clone(), Some(0.125), 8, 2, true)]);
    holds(gates, "right.pass_rate <= 1 of good", &[(all.clone(), Some(1.0), 8, 0, true)]);
    holds(gates, "right.flip_rate <= 0.3", &model((0.0, 4, 0, true), (1.0 / 3.0, 3, 2, false)));
    holds(gates, "error_rate <= 0.125", &[(all.clone(), Some(0.125), 16, 2, true)]);
    holds(gates, "error_rate <= 0.2 on p", &model((0.0, 8, 0, true), (0.25, 8, 2, false)));
    holds(gates, "cost_usd <= 0.000051", &[(all.clone(), Some(0.000_051), 14, 2, true)]);
    let per_task = model((0.000_004, 8, 0, false), (0.000_019 / 8.0, 6, 2, false));
    holds(gates, "cost_per_task_usd <= 0.000001", &per_task);
    holds(gates, "prompt_tokens <= 28", &[(all.clone(), Some(28.0), 14, 2, true)]);
    holds(gates, "completion_tokens <= 22", &[(all.clone(), Some(23.0), 14, 2, false)]);
    holds(gates, "total_tokens <= 51", &[(all.clone(), Some(51.0), 14, 2, true)]);
    // What cannot be measured is not well.
    holds(gates, "ttft_p95_ms <= 1", &[(all, None, 0, 2, false)]);
    assert_eq!(gates.last().expect("a gate")["note"], "there was nothing to measure");
}

#[test]
fn a_gate_that_fails_is_told_with_what_to_do_and_makes_the_exit_code_1() {
    let server = Server::start(echo());
    let gate = |min: f64| format!("[[gates]]\nmetric = \"right\"\nmin = {min}\nper = \"model\"\n");
    let lab = Lab::at(&server).rows(3).and("[scorers.right.equals]\nvalue = \"row 1\"\n");
    let dir = JobDir::with(&lab.clone().and(&gate(0.3)));
    let output = dir.run(&["job.toml"]).expect_code(0);
    assert!(
        output.stdout.contains("\n✅ right >= 0.3, lab/m: 0.333333 over 3 answers\n"),
        "{}",
        output.stdout
    );
    dir.job(&lab.and(&gate(0.4)).to_string());
    let output = dir.run(&["job.toml", "--resume"]).expect_code(1);
    assert!(
        output.stdout.contains("\n❌ right >= 0.4, lab/m: 0.333333 over 3 answers\n"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("\nhelp: each answer's score stands"), "{}", output.stdout);
    assert_eq!(server.requests(), 3, "gates are held against what is there");
    let run = dir.latest("t");
    assert!(run.text("summary.md").contains("❌ **1 of 1 gate failed · 3 tasks answered**"));
    assert_eq!(run.column("responses.csv", "right"), ["1", "0", "0"]);
    let right: Vec<Value> =
        run.responses().iter().map(|row| row["scores"]["right"]["value"].clone()).collect();
    assert_eq!(right, [1.0, 0.0, 0.0]);
    // The report tells the same, and is no run that could fail.
    let output = dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert!(
        output.stdout.starts_with("❌ 1 of 1 gate failed · 3 tasks answered\n"),
        "{}",
        output.stdout
    );
}

#[test]
fn the_example_of_the_readme_runs() {
    let readme = std::fs::read_to_string("README.md").expect("the README");
    let section = readme.split("## Evaluation").nth(1).expect("the section");
    let example = section.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let server = Server::start(|seen: &Seen| {
        let is_judge = seen.body["model"] == "gpt-4o-mini";
        Reply::ok(completion(seen, if is_judge { "{\"score\": 9}" } else { "3" }))
    });
    let rows =
        "inline = [{ a = 1, b = 2, sum = 3, topic = \"sums\" }]\nuser = \"{{ a }} + {{ b }}\"\n";
    let example = example
        .expect("an example")
        .replace("\"gpt-4o-mini\"", "\"lab/gpt-4o-mini\"\nprice = { input = 1, output = 1 }");
    let lab = Lab::at(&server).prompts("");
    let run = JobDir::with(&lab.and(&format!("[prompts.sums]\n{rows}{example}")));
    let run = run.go(0);
    assert_eq!(run.column("responses.csv", "right"), ["1"]);
    assert_eq!(run.column("responses.csv", "brief_cost_usd").len(), 1);
    assert_eq!(server.requests(), 1 + 3, "an answer, and three votes");
}

#[test]
fn failed_tasks_and_a_stop_go_before_gates() {
    let impossible = "[[gates]]\nmetric = \"total_tokens\"\nmax = 0\n";
    let server =
        Server::start(slowly(Duration::from_millis(20), |seen: &Seen| match &*seen.text {
            "row 2" => error(400, "invalid_request_error", "bad", "no"),
            text => Reply::ok(completion(seen, text)),
        }));
    let lab = Lab::at(&server).rows(40).limits("concurrency = 1").and(impossible);
    JobDir::with(&lab.clone().rows(1)).go(1);
    JobDir::with(&lab.clone().rows(2)).go(3);
    JobDir::with(&lab.clone().limits("deadline = \"1ms\"")).go(4);
    let dir = JobDir::with(&lab);
    let mut running = dir.spawn(&["job.toml"]);
    let before = server.requests();
    crate::support::eventually("a call", || server.requests() > before || !running.is_running());
    running.signal("INT");
    running.wait().expect_code(130);
    let gate = &dir.latest("t").json("summary.json")["gates"][0];
    assert_eq!(gate["passed"], false);
    // A job with such a gate is at fault, and nothing is sent.
    dir.job(&lab.and("[[gates]]\nmetric = \"righ\"\nmin = 1\n").to_string());
    let before = server.requests();
    dir.refused();
    assert_eq!(server.requests(), before);
}
