//! BLEU is held against what `sacrebleu` says of the same texts.

use serde_json::{Value, json};

use super::super::table::testing::{fault, score, skipped};
use super::*;

#[test]
fn it_is_what_sacrebleu_says() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/eval/bleu.json")).expect("cases");
    assert!(cases.len() >= 60);
    for case in cases {
        let read = |key: &str| case[key].clone();
        let bleu = Bleu {
            tokenize: serde_json::from_value(read("tokenize")).expect("a way to cut"),
            smooth: serde_json::from_value(read("smooth")).expect("a way to smooth"),
            ignore_case: case["ignore_case"].as_bool().expect("a bool"),
            threshold: None,
        };
        let values: Vec<String> = serde_json::from_value(read("values")).expect("texts");
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let found = bleu.value(case["answer"].as_str().expect("text"), &values);
        let wanted = case["bleu"].as_f64().expect("a number") / 100.0;
        assert!((found - wanted).abs() < 1e-6, "{case}: {found}");
    }
}

#[test]
fn a_row_may_have_fewer_references_than_another() {
    let spec = json!({"bleu": {"value": "{{ a }}", "values": ["{{ b }}"], "threshold": 0.9}});
    let text = "the cat sat on the mat";
    assert_eq!(score(&spec, text, &["", text]).pass, Some(true));
    assert_eq!(score(&spec, "a dog", &[text, " "]), Score::of(0.0, Some(false)));
    assert!(skipped(&spec, text, &["", ""]).contains("nothing to compare with"));
    assert_eq!(fault(&json!({"bleu": {}})).1, "there is no reference");
    assert_eq!(fault(&json!({"bleu": {"values": ["a", " "]}})).0, "values[1]");
}
