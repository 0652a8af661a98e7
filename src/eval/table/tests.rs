use std::collections::BTreeSet;

use serde_json::json;

use super::testing::spec;
use super::*;

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
