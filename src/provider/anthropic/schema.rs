//! JSON Schemas for the JSON mode: what it refuses is taken out.

use serde_json::{Map, Value};

/// Keywords that are refused; what they demand is left for the reader of the answer to check.
const REFUSED: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
];

/// The formats that are known.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Keywords that hold schemas by name.
const BY_NAME: &[&str] = &["properties", "$defs", "definitions"];

/// Keywords that hold a schema, or a list of them.
const NESTED: &[&str] = &["items", "anyOf", "allOf", "oneOf", "prefixItems"];

/// The schema as it may be sent; `Err` where it cannot be said at all.
pub(in crate::provider) fn strict(schema: &Value) -> Result<Value, String> {
    let Value::Object(map) = schema else { return Ok(schema.clone()) };
    let mut made = Map::new();
    for (key, value) in map {
        let value = match (key.as_str(), value) {
            (refused, _) if REFUSED.contains(&refused) => continue,
            ("minItems", least) if least.as_u64().is_none_or(|least| least > 1) => continue,
            ("format", format) if !FORMATS.contains(&format.as_str().unwrap_or_default()) => {
                continue;
            }
            ("additionalProperties", Value::Object(_)) => {
                let why = "Anthropic's JSON mode knows no objects with keys of any name";
                return Err(format!("{why} (`additionalProperties`)"));
            }
            ("additionalProperties", _) => continue,
            (by_name, Value::Object(schemas)) if BY_NAME.contains(&by_name) => {
                let one = |(name, schema): (&String, &Value)| Ok((name.clone(), strict(schema)?));
                Value::Object(schemas.iter().map(one).collect::<Result<_, String>>()?)
            }
            (nested, Value::Array(schemas)) if NESTED.contains(&nested) => {
                schemas.iter().map(strict).collect::<Result<Vec<_>, _>>()?.into()
            }
            (nested, value) if NESTED.contains(&nested) => strict(value)?,
            (_, value) => value.clone(),
        };
        made.insert(key.clone(), value);
    }
    if is_object(&made) {
        made.insert("additionalProperties".to_owned(), false.into());
    }
    Ok(made.into())
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        Some(kind) => kind == "object",
        None => schema.contains_key("properties"),
    }
}
