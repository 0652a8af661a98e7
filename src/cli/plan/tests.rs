//! Plans as they are shown.

use serde_json::{Value, json};

use super::*;
use crate::job::load::load_text;
use crate::job::select::Selection;
use crate::provider::env::Env;

fn made(text: &str) -> Forecast {
    let job = load_text(Path::new("x.toml"), text, &[], &Env::of([])).expect("a good job");
    let plan = Plan::make(&job, &Selection::default()).expect("a plan");
    forecast(&job, &plan).expect("nothing breaks")
}

#[test]
fn fallbacks_are_named_once_for_each_model() {
    let forecast = made(
        "name = 'x'\nmatrix = { seed = [1, 2] }\n\
         [[models]]\nmodel = 'mock/a'\nlabel = 'first'\nfallbacks = ['b', 'mock/c']\n\
         [[models]]\nmodel = 'mock/b'\nlabel = 'b'\n[prompts.a]\ninline = ['hi']\n",
    );
    let told = table::text(&forecast);
    assert_eq!(told.matches("first falls back on mock/b, then mock/c\n").count(), 1, "{told}");
    let told = json::value(&forecast);
    assert_eq!(told["models"][1]["fallbacks"], json!(["mock/b", "mock/c"]));
    assert_eq!(told["models"][3]["fallbacks"], json!([]));
}

#[test]
fn what_is_not_known_is_null_and_says_what_to_do() {
    let forecast = made(
        "name = 'x'\n[[models]]\nmodel = 'mock/a'\n\
         [[models]]\nmodel = 'lab/m'\nprice = { input = 1, output = 2 }\n\
         [providers.lab]\ndialect = 'openai'\nbase_url = 'http://127.0.0.1:1/v1'\n\
         [prompts.a]\ninline = ['hi', 'ho']\n",
    );
    let told = json::value(&forecast);
    let [mock, lab] = [&told["models"][0], &told["models"][1]];
    for key in ["cost_usd_low", "cost_usd_likely", "cost_usd_high"] {
        assert_eq!(mock[key], Value::Null, "{key}");
    }
    assert_eq!((&mock["unpriced_tasks"], &mock["tokens_source"]), (&json!(2), &json!("exact")));
    assert_eq!(lab["cost_usd_likely"], json!("0.001016"));
    assert_eq!((&lab["output_tokens_max"], &lab["cost_usd_high"]), (&Value::Null, &Value::Null));
    assert_eq!(lab["likely_rests_on"], json!(["assumed"]));
    // The sum holds what is known, and says how much is not.
    assert_eq!(told["cost_usd_likely"], lab["cost_usd_likely"]);
    assert_eq!((&told["cost_usd_high"], &told["unpriced_tasks"]), (&Value::Null, &json!(2)));
    let told = table::text(&forecast);
    for note in ["+ 2 unpriced", "2 tasks of mock/a", "no high is known for lab/m", "`max_tokens`"]
    {
        assert!(told.contains(note), "{note} in\n{told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
}
