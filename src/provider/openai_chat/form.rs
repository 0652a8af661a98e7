//! `response_format` for a bare JSON Schema, in `OpenAI`'s words, which all dialects translate.

use serde_json::{Map, Value, json};

use super::ranges::sayable_name;

/// What a schema is called that has no name of its own.
const NAME: &str = "answer";

/// The most properties and levels of a strict schema. `OpenAI` has raised both since; Azure and
/// hosts that mimic it have not all followed.
const MOST_PROPERTIES: usize = 100;
const MOST_LEVELS: usize = 5;

/// The keywords that every host knows in a strict schema. One that bounds a number or a text is
/// refused by some of them, and whoever reads the answer checks it anyway.
const KNOWN: [&str; 14] = [
    "$schema",
    "$defs",
    "definitions",
    "$ref",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "enum",
    "const",
];

/// The parameter that asks for this schema. It is strict where it can be: a strict schema outside
/// of what hosts take there would be refused.
pub fn response_format(schema: &Value) -> Value {
    let title = schema.get("title").and_then(Value::as_str);
    let name = title.filter(|title| sayable_name(title).is_ok()).unwrap_or(NAME);
    let mut told = Map::from_iter([("name".to_owned(), name.into())]);
    told.insert("schema".to_owned(), schema.clone());
    let mut properties = 0;
    let is_root = schema["type"] == "object" && schema.get("anyOf").is_none();
    if is_root && is_strict(schema, 0, &mut properties) && properties <= MOST_PROPERTIES {
        told.insert("strict".to_owned(), true.into());
    }
    json!({"type": "json_schema", "json_schema": told})
}

/// Whether a schema is within the subset, `level` objects deep.
fn is_strict(schema: &Value, level: usize, properties: &mut usize) -> bool {
    let Value::Object(map) = schema else { return false };
    let mut each = |schema: &Value| is_strict(schema, level + 1, properties);
    map.keys().all(|key| KNOWN.contains(&key.as_str()))
        && level <= MOST_LEVELS
        && ["type", "$ref", "anyOf", "enum", "const"].iter().any(|key| map.contains_key(*key))
        && map.get("items").is_none_or(&mut each)
        && map.get("anyOf").and_then(Value::as_array).is_none_or(|all| all.iter().all(&mut each))
        && ["properties", "$defs", "definitions"].iter().all(|key| match map.get(*key) {
            Some(Value::Object(named)) => named.values().all(&mut each),
            Some(_) => false,
            None => true,
        })
        && (!is_object(map) || is_closed(map, properties))
        && (!is_array(map) || map.contains_key("items"))
}

fn is_object(map: &Map<String, Value>) -> bool {
    has_type(map, "object") || map.contains_key("properties")
}

fn is_array(map: &Map<String, Value>) -> bool {
    has_type(map, "array")
}

fn has_type(map: &Map<String, Value>, name: &str) -> bool {
    match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == name),
        kind => kind.is_some_and(|kind| kind == name),
    }
}

/// Whether an object has all of its properties and no others.
fn is_closed(map: &Map<String, Value>, properties: &mut usize) -> bool {
    let none = Map::new();
    let named = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
    *properties += named.len();
    let required = map.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    map.get("additionalProperties").is_some_and(|more| *more == false)
        && named.keys().all(|name| required.iter().any(|one| one == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_strict_where_every_host_takes_it_so() {
        let closed = |properties: Value, required: Value| {
            json!({
                "type": "object", "properties": properties, "required": required,
                "additionalProperties": false,
            })
        };
        let a = json!({"a": {"type": "integer"}});
        let deep = |levels: usize| {
            (0..levels).fold(json!({"type": "string"}), |inner, _| {
                closed(json!({"a": inner}), json!(["a"]))
            })
        };
        for (schema, strict) in [
            (closed(a.clone(), json!(["a"])), true),
            (closed(a.clone(), json!([])), false),
            (json!({"type": "object", "properties": a.clone(), "required": ["a"]}), false),
            (closed(json!({"a": {"type": "integer", "minimum": 0}}), json!(["a"])), false),
            (closed(json!({"a": {}}), json!(["a"])), false),
            (closed(json!({"a": {"type": "array"}}), json!(["a"])), false),
            (
                closed(
                    json!({"a": {"type": "array", "items": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}}),
                    json!(["a"]),
                ),
                true,
            ),
            (closed(json!({"a": {"oneOf": [{"type": "null"}]}}), json!(["a"])), false),
            (json!({"type": "array", "items": {"type": "string"}}), false),
            (deep(5), true),
            (deep(6), false),
        ] {
            let told = &response_format(&schema)["json_schema"];
            assert_eq!(
                told.get("strict").is_some_and(|strict| *strict == true),
                strict,
                "{schema}"
            );
            assert_eq!((&told["schema"], &told["name"]), (&schema, &json!("answer")));
        }
    }

    #[test]
    fn a_schema_is_called_by_its_title_where_that_can_be_said() {
        for (title, name) in [("person_v2", "person_v2"), ("A person", "answer"), ("", "answer")] {
            let told = response_format(&json!({"title": title, "type": "object"}));
            assert_eq!(told["json_schema"]["name"], name);
        }
    }
}
