//! Counts of tokens that no answer can have.

use serde_json::Value;

use super::lab;
use crate::support::job::{JobDir, plain};
use crate::support::raw::{RawServer, Then, Visit, answer, completion};

#[test]
fn a_count_that_cannot_be_is_not_told_and_costs_nobody_knows_what() {
    let counts = [
        "-1",
        "1.5",
        "1e308",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "\"many\"",
        "\"-3\"",
        "null",
        "true",
        "[1]",
        "{}",
        "[[[[1]]]]",
    ];
    let server = RawServer::start(move |visit: &mut Visit| {
        let body = completion("fine").to_string();
        let body = body.replace(
            "\"completion_tokens\":1",
            &format!("\"completion_tokens\":{}", counts[visit.nth]),
        );
        visit.say(answer("200 OK", "", body));
        Then::Stay
    });
    let lab = lab(&server)
        .model("model = \"lab/m\"\nprice = { input = 1, output = 2 }")
        .limits("concurrency = 1")
        .rows(counts.len());
    let run = JobDir::with(&lab).go(0);
    assert_eq!(run.contents(), vec!["fine"; counts.len()]);
    for (row, count) in run.responses().iter().zip(counts) {
        assert_eq!(row["usage"]["completion_tokens"], Value::Null, "{count}");
        assert_eq!(plain(&row["cost_usd"]), "", "{count}");
        assert_ne!(row["cost_status"], "known", "{count}");
    }
    assert_eq!(run.json("summary.json")["totals"]["tokens"]["completion_tokens"], Value::Null);
}

#[test]
fn a_number_that_is_none_is_no_answer() {
    let server = RawServer::start(|visit: &mut Visit| {
        let odd = ["NaN", "Infinity", "-Infinity", "1e999", "0x10", "+1", "01"][visit.nth];
        let body = completion("fine").to_string();
        let body = body.replace("\"prompt_tokens\":1", &format!("\"prompt_tokens\":{odd}"));
        visit.say(answer("200 OK", "", body));
        Then::Stay
    });
    let lab = lab(&server).limits("concurrency = 1").retry("max_attempts = 1").rows(7);
    let run = JobDir::with(&lab).go(3);
    assert_eq!(run.column("errors.csv", "error_type"), [super::INVALID; 7]);
}

#[test]
fn huge_counts_add_up_without_wrapping() {
    let server = RawServer::start(|visit: &mut Visit| {
        let mut body = completion("fine");
        body["usage"] = serde_json::json!({"prompt_tokens": 1_000_000_000, "completion_tokens": 1_000_000_000,
            "total_tokens": u64::MAX, "prompt_tokens_details": {"cached_tokens": u64::MAX, "audio_tokens": -7},
            "completion_tokens_details": {"reasoning_tokens": 1e300}});
        visit.say(answer("200 OK", "", body.to_string()));
        Then::Stay
    });
    let lab = lab(&server)
        .model("model = \"lab/m\"\nprice = { input = 1000000, output = 1000000 }")
        .rows(3);
    let run = JobDir::with(&lab).go(0);
    let totals = &run.json("summary.json")["totals"];
    assert_eq!(totals["tokens"]["total_tokens"], 6_000_000_000_u64);
    assert_eq!(totals["cost_usd"], "6000000000");
}
