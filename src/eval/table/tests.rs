//! What holds of every kind of scorer: its schema, and that no answer is too much for it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::testing::{OneFile, spec};
use super::*;
use crate::call::score::Score;
use crate::eval::Case;

fn schema() -> Value {
    schemars::schema_for!(ScorerSpec).to_value()
}

#[test]
fn the_schema_is_one_table_of_kinds() {
    let schema = schema();
    let kinds = schema["properties"].as_object().expect("kinds");
    assert_eq!((&schema["type"], &schema["minProperties"]), (&json!("object"), &json!(1)));
    for (name, kind) in kinds {
        let about = kind["description"].as_str().unwrap_or_default();
        assert!(about.ends_with('.'), "{name}: {about}");
        let pointer = kind["$ref"].as_str().expect("a table of its own").trim_start_matches('#');
        let table = schema.pointer(pointer).expect("defined");
        let keys: BTreeSet<&String> =
            table["properties"].as_object().expect("keys").keys().collect();
        for shared in ["weight", "prompts", "models"] {
            assert!(keys.contains(&shared.to_owned()), "{name} has no {shared}");
        }
        for (key, property) in table["properties"].as_object().expect("keys") {
            let about = property["description"].as_str().unwrap_or_default();
            assert!(about.ends_with('.'), "{name}.{key} says nothing of itself");
        }
        assert_eq!(table["additionalProperties"], false, "{name}");
    }
}

#[test]
fn the_schema_takes_what_serde_takes() {
    let schema = schema();
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let good = json!({"equals": {"value": "{{ x }}", "weight": 2, "models": ["gpt-*"]}});
    for (table, is_good) in [
        (good, true),
        (json!({"equals": {"value": "a"}, "contains": {"value": "a"}}), false),
        (json!({"equals": {}}), false),
        (json!({"equals": {"value": "a", "valeu": 1}}), false),
        (json!({"equalz": {"value": "a"}}), false),
        (json!({}), false),
    ] {
        assert_eq!(validator.is_valid(&table), is_good, "{table}");
        assert_eq!(serde_json::from_value::<ScorerSpec>(table.clone()).is_ok(), is_good, "{table}");
    }
}

#[test]
fn a_spec_tells_its_kind_and_what_it_scores() {
    let table =
        json!({"contains": {"any": ["{{ a }}", "b"], "weight": 0.5, "prompts": ["math-*"]}});
    let spec = spec(&table);
    assert_eq!(spec.kind(), "contains");
    let common = spec.common();
    assert_eq!((common.weight, common.models), (Some(0.5), None));
    assert_eq!(common.prompts, Some(&["math-*".to_owned()][..]));
    let texts: Vec<(&str, bool)> =
        spec.texts().iter().map(|text| (text.text, text.is_template())).collect();
    assert_eq!(texts, [("{{ a }}", true), ("b", false)]);
}

/// One scorer of each kind, and more of those that can do more.
fn kinds() -> Vec<Value> {
    vec![
        json!({"equals": {"value": "{{ x }}", "ignore_case": true, "ignore_space": true, "ignore_punctuation": true}}),
        json!({"contains": {"all": ["{{ x }}"], "none": ["b"], "ignore_case": true}}),
        json!({"regex": {"pattern": "(a+)+$|{{ x }}"}}),
        json!({"regex": {"pattern": "(a|ab)*c", "full": true}}),
        json!({"starts_with": {"value": "{{ x }}", "ignore_case": true}}),
        json!({"numeric": {"value": "{{ x }}", "relative_tolerance": 0.01}}),
        json!({"numeric": {"value": 1234.5, "tolerance": 1e-300}}),
        json!({"choice": {"value": "{{ x }}"}}),
        json!({"choice": {"value": "A"}}),
        json!({"json": {"schema": "schema.json"}}),
        json!({"json_path": {"path": "$..a", "value": "{{ x }}"}}),
        json!({"tool_call": {"name": "{{ x }}", "arguments": {"a": "{{ y }}"}}}),
        json!({"refusal": {}}),
        json!({"levenshtein": {"value": "{{ x }}", "threshold": 0.5}}),
        json!({"rouge_l": {"value": "{{ x }}", "stemmer": true}}),
        json!({"bleu": {"value": "{{ x }}"}}),
        json!({"bleu": {"value": "{{ x }}", "tokenize": "char", "smooth": "add_k"}}),
        json!({"length": {"max": 10, "unit": "words"}}),
        json!({"latency": {"max": "2s"}}),
        json!({"cost": {"max_usd": 1}}),
    ]
}

fn scored(table: &Value, answer: &str, text: &str) -> Score {
    let spec = spec(table);
    let texts: Vec<String> = spec.texts().iter().map(|_| text.to_owned()).collect();
    let calls = [json!({"function": {"name": text, "arguments": answer}})];
    let case = Case { answer, texts: &texts, tool_calls: &calls, ..Case::default() };
    let score = spec.scorer(&OneFile).expect("a scorer").score(&case);
    let is_scored = score.value.is_some_and(|value| (0.0..=1.0).contains(&value));
    assert_eq!(is_scored, score.state.is_scored(), "{table}: {score:?}");
    let note = score.note.as_deref().unwrap_or_default();
    assert!(note.len() < 1_500 && !note.contains('\n'), "{table}: {note}");
    score
}

#[test]
fn every_kind_is_among_those_that_are_tried() {
    let tried: BTreeSet<String> =
        kinds().iter().map(|table| spec(table).kind().to_owned()).collect();
    let schema = schema();
    let kinds: BTreeSet<String> =
        schema["properties"].as_object().expect("kinds").keys().cloned().collect();
    assert_eq!(tried, kinds);
}

/// Ends since all of it takes time in proportion to the length, or has a bound.
#[test]
fn a_megabyte_of_anything_is_scored() {
    const LENGTH: usize = 1_000_000;
    let pieces = [
        "a",
        "A (B) ",
        "7,",
        "{\"a\":",
        "\\boxed{ the cat, ",
        "你好。\n",
        "the answer is I'm not ",
    ];
    let some = |piece: &str| piece.repeat(LENGTH / pieces.len() / piece.len());
    let answer: String = pieces.iter().map(|piece| some(piece)).collect();
    let sentences = "the cat sat. ".repeat(LENGTH / 100);
    for table in kinds() {
        scored(&table, &answer, "the cat A");
        scored(&table, &sentences, &sentences);
    }
}

proptest! {
    #[test]
    fn no_answer_makes_a_scorer_panic(
        answer in prop_oneof![".*", "[ABCabc0-9.,(){}\\[\\]\"'\\n:;$%/ -]*", "\\PC*"],
        text in prop_oneof!["[A-Ca-c0-9., ]*", ".*"],
    ) {
        for table in kinds() {
            scored(&table, &answer, &text);
        }
    }
}
