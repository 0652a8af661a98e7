//! `runner report --reprice`: a run at another price table, both shown, and nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::support::handlers::completion;
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

/// Two models asked two texts each; `m` says nothing the first time, and is paid for it. A token
/// is a word.
fn run(dir: &JobDir, server: &Server) -> RunFolder {
    let lab = Lab::at(server)
        .model("model = \"lab/m\"\nprice = { input = 1, output = 2 }")
        .model("model = \"lab/n\"")
        .texts(["one", "one two three"]);
    dir.job(&lab.to_string());
    dir.go(0)
}

fn server() -> Server {
    let is_silent = AtomicBool::new(true);
    Server::start(move |seen: &Seen| {
        let is_first = seen.body["model"] == "m" && seen.text == "one";
        let is_silent = is_first && is_silent.swap(false, Ordering::Relaxed);
        Reply::ok(completion(seen, if is_silent { "" } else { "a b" }))
    })
}

/// Every file of the run, byte for byte.
fn contents(run: &RunFolder) -> BTreeMap<String, Vec<u8>> {
    let read = |name: String| {
        let bytes = fs::read(run.path().join(&name)).expect("a file");
        (name, bytes)
    };
    run.files().into_iter().map(read).collect()
}

const PRICES: &str = "provider,model,input,output\nlab,m,2.5,10\nlab,n,0.25,1\n";

#[test]
fn a_run_is_computed_at_other_prices_and_left_as_it_is() {
    let (dir, server) = (JobDir::new(), server());
    let run = run(&dir, &server);
    dir.write("mine.csv", PRICES);
    let before = contents(&run);
    let args = ["report", "runs/t/latest", "--reprice", "--prices", "mine.csv", "--format"];
    let printed = |form: &str| dir.run(&[&args[..], &[form]].concat()).expect_code(0).stdout;
    let value: Value = serde_json::from_str(&printed("json")).expect("JSON");
    // m: 1 + 1 + 3 tokens in and 0 + 2 + 2 out, at 1 and 2 then, at 2.5 and 10 now.
    let m = json!({
        "model_used": "lab/m", "attempts": 3, "then_usd": "0.000013", "then_unpriced": 0,
        "now_usd": "0.0000525", "now_unpriced": 0, "compared": 3, "difference_usd": "0.0000395",
        "difference_percent": "303.85", "then_versions": ["job"], "now_versions": ["mine.csv"],
    });
    // n: 1 + 3 in and 2 + 2 out, unknown then, at 0.25 and 1 now.
    let n = json!({
        "model_used": "lab/n", "attempts": 2, "then_usd": null, "then_unpriced": 2,
        "now_usd": "0.000005", "now_unpriced": 0, "compared": 0, "difference_usd": null,
        "difference_percent": null, "then_versions": [], "now_versions": ["mine.csv"],
    });
    let total = json!({
        "attempts": 5, "then_usd": "0.000013", "then_unpriced": 2, "now_usd": "0.0000575",
        "now_unpriced": 0, "compared": 3, "difference_usd": "0.0000395",
        "difference_percent": "303.85", "then_versions": ["job"], "now_versions": ["mine.csv"],
    });
    assert_eq!(value["models"], json!([m, n]));
    assert_eq!((&value["total"], &value["run"]), (&total, &json!(run.name())));
    let sum = run.json("summary.json");
    assert_eq!(
        (&sum["totals"]["cost_usd"], &sum["totals"]["unpriced"]),
        (&json!("0.000013"), &json!(2))
    );

    let table = printed("table");
    for part in [
        " lab/m          3               $0.000013   $0.0000525   +$0.0000395   +303.85 %",
        " all            5   $0.000013 + 2 unpriced   $0.0000575   +$0.0000395   +303.85 %",
        "Prices now: `mine.csv` over the built-in table of ",
        "`job` is a price that the job itself stated",
        "The difference is that of the 3 attempts with a cost on both sides.",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&table).contains(&squeezed(part)), "{part}\n{table}");
    }
    assert!(printed("csv").starts_with("model_used,attempts,then_usd,"));
    assert!(printed("markdown").starts_with("| model | attempts |"));
    assert_eq!(contents(&run), before, "nothing in the run folder was changed");
}

#[test]
fn a_model_that_the_built_in_table_has_not_is_counted_as_unpriced() {
    let (dir, server) = (JobDir::new(), server());
    run(&dir, &server);
    let args = ["report", "runs/t", "--reprice", "--format", "json"];
    let value: Value = serde_json::from_str(&dir.run(&args).expect_code(0).stdout).expect("JSON");
    assert_eq!(
        (&value["total"]["now_usd"], &value["total"]["now_unpriced"]),
        (&Value::Null, &json!(5))
    );
}

#[test]
fn bad_prices_are_told_with_their_line_and_options_need_each_other() {
    let dir = JobDir::new();
    dir.write("mine.csv", "provider,model,input,output\nlab,m,1,cheap\n");
    let args = ["report", ".", "--reprice", "--prices", "mine.csv"];
    let told = dir.run(&args).expect_code(2).stderr;
    assert!(
        told.contains("line 2 of `mine.csv`: the `output` of `cheap` is not a decimal"),
        "{told}"
    );
    assert!(told.contains("help: write a header with provider, model"), "{told}");
    dir.write("mine.csv", PRICES);
    let told = dir.run(&args).expect_code(2).stderr;
    assert!(told.contains("there is no run in `"), "{told}");
    for args in [["report", ".", "--prices", "mine.csv"], ["report", ".", "--format", "csv"]] {
        let told = dir.run(&args).expect_code(2).stderr;
        assert!(told.contains("--reprice"), "{told}");
    }
}
