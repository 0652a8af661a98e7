//! The JSON Schema of the job file, for editors and for our own checks.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::job::file::JobFile;

/// The schema (draft 2020-12) of a job file; it is made once.
pub fn job_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let mut schema = generator.into_root_schema_for::<JobFile>().to_value();
        without_null(&mut schema);
        schema
    });
    &SCHEMA
}

/// Takes out what serde needs and no TOML can hold: null, as a type and as a default.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("default");
            map.values_mut().for_each(without_null);
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [kind] = types.as_slice() {
                    let kind = kind.clone();
                    map.insert("type".to_owned(), kind);
                }
            }
            if let Some(Value::Array(choices)) = map.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    map.shift_remove("anyOf");
                    only.into_iter().for_each(|(key, value)| {
                        map.entry(key).or_insert(value);
                    });
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_takes_a_good_job_and_refuses_a_bad_one() {
        let schema = job_schema();
        let validator = jsonschema::draft202012::new(schema).expect("a schema");
        let good = json!({
            "name": "x",
            "params": { "temperature": 0, "top_k": 3 },
            "matrix": { "top_p": [0.5, 1.0] },
            "models": [{ "model": "mock/echo", "price": { "input": "0.1", "output": 1 } }],
            "prompts": { "a": { "inline": ["hi", { "a": 1 }], "format": "csv" } },
            "providers": { "lab": { "api_key": { "env": ["A"] } } },
            "limits": { "timeout": "60s" }
        });
        let why: Vec<String> = validator.iter_errors(&good).map(|e| e.to_string()).collect();
        assert!(why.is_empty(), "{why:?}");
        for (pointer, bad) in [
            ("/params/temperature", json!(3)),
            ("/matrix/top_p", json!([])),
            ("/models", json!([])),
            ("/prompts", json!({})),
            ("/models/0/model", json!(3)),
            ("/prompts/a/format", json!("xls")),
            ("/providers/lab/api_key", json!("sk-1")),
        ] {
            let mut job = good.clone();
            *job.pointer_mut(pointer).expect("there") = bad;
            assert!(!validator.is_valid(&job), "{pointer}");
        }
    }
}
