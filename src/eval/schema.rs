//! JSON Schemas: compiled once, and held against texts. Nothing is ever fetched for one: it stands
//! in itself.

use serde_json::Value;

use crate::call::form::Form;

/// So many things that do not fit are told of one text.
const MOST_TOLD: usize = 3;

/// The most characters of one of them: a fault repeats what it found, and that may be long.
const LONGEST: usize = 200;

/// Keywords that hold data and no schemas, whatever it looks like.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// Keywords that name another schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// A schema, ready to be held against texts.
#[derive(Debug)]
pub struct Schema(jsonschema::Validator);

/// Why a JSON value is no schema that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// Where in the schema, as a JSON pointer; empty for the whole.
    pub at: String,
    /// What is wrong there.
    pub message: String,
}

impl Schema {
    /// Compiles a schema of any draft that its `$schema` names; 2020-12 without one.
    pub fn compile(schema: &Value) -> Result<Self, SchemaFault> {
        if let Some((at, reference)) = outward(schema, "") {
            let message = format!("`{reference}` stands outside of the schema");
            return Err(SchemaFault { at, message });
        }
        if let Some(at) = circle(schema) {
            let message = "it refers to itself and to nothing else".to_owned();
            return Err(SchemaFault { at, message });
        }
        let built = jsonschema::options().offline().build(schema);
        built.map(Self).map_err(|fault| SchemaFault {
            at: fault.instance_path().to_string(),
            message: shortened(&fault.to_string()),
        })
    }

    /// The value that a text is, where it is JSON that fits; else what does not fit.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|why| format!("it is not JSON ({why})"))?;
        self.check(&value).map(|()| value)
    }

    /// Whether a value fits; `Err` says what does not, the first few things of it.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let mut faults = self.0.iter_errors(value);
        let told: Vec<String> = faults
            .by_ref()
            .take(MOST_TOLD)
            .map(|fault| {
                let message = shortened(&fault.to_string());
                match fault.instance_path().as_str() {
                    "" => message,
                    path => format!("at `{}`: {message}", shortened(path)),
                }
            })
            .collect();
        match (told.is_empty(), faults.count()) {
            (true, _) => Ok(()),
            (false, 0) => Err(told.join("; ")),
            (false, more) => Err(format!("{}; and {more} more", told.join("; "))),
        }
    }
}

impl Form for Schema {
    fn fault(&self, text: &str) -> Option<String> {
        self.read(text).err()
    }
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &message[..end]),
        None => message.to_owned(),
    }
}

/// The first reference that leads out of the schema, and where it stands.
fn outward(schema: &Value, at: &str) -> Option<(String, String)> {
    let within = |key: String, value: &Value| outward(value, &format!("{at}/{key}"));
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(reference) if REFERENCES.contains(&key.as_str()) => {
                let is_inward = reference.starts_with('#');
                (!is_inward).then(|| (format!("{at}/{key}"), reference.clone()))
            }
            _ if DATA.contains(&key.as_str()) => None,
            _ => within(key.replace('~', "~0").replace('/', "~1"), value),
        }),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(nth, item)| within(nth.to_string(), item))
        }
        _ => None,
    }
}

/// Where the root leads back to itself by references alone, so that no text would ever be judged.
fn circle(schema: &Value) -> Option<String> {
    let mut seen = Vec::new();
    let mut at = String::new();
    loop {
        let pointer = schema.pointer(&at)?.get("$ref")?.as_str()?.strip_prefix('#')?.to_owned();
        seen.push(at);
        if seen.contains(&pointer) {
            return Some(pointer);
        }
        at = pointer;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(value: &Value) -> Schema {
        Schema::compile(value).expect("a schema")
    }

    #[test]
    fn a_text_must_be_json_that_fits_and_nothing_else() {
        let schema = schema(&json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
        }));
        assert_eq!(schema.fault(" {\"name\": \"Ann\", \"age\": 7}\n"), None);
        for (text, fault) in [
            ("Here it is: {}", "it is not JSON (expected value at line 1 column 1)"),
            ("{\"name\": \"Ann\", \"age\": 7} ok?", "it is not JSON (trailing characters"),
            ("[]", "[] is not of type \"object\""),
            ("{\"name\": 3, \"age\": 7}", "at `/name`: 3 is not of type \"string\""),
            ("{}", "\"name\" is a required property; \"age\" is a required property"),
        ] {
            let told = schema.fault(text).expect(text);
            assert!(told.starts_with(fault), "{text}: {told}");
        }
    }

    #[test]
    fn what_is_told_stays_short() {
        let schema = schema(&json!({"items": {"type": "integer"}}));
        let many: Vec<String> = (0..50).map(|_| "x".repeat(10_000)).collect();
        let told = schema.check(&json!(many)).expect_err("no integers");
        assert!(told.len() < 800 && told.ends_with("; and 47 more"), "{told}");
    }

    #[test]
    fn what_is_no_schema_is_told_with_its_place() {
        for (value, at, message) in [
            (json!({"type": "objekt"}), "/type", "objekt"),
            (
                json!({"properties": {"a": {"$ref": "https://example.com/x.json"}}}),
                "/properties/a/$ref",
                "outside",
            ),
            (json!({"anyOf": [{"$ref": "other.json#/x"}]}), "/anyOf/0/$ref", "outside"),
            (json!({"$ref": "#"}), "", "itself"),
            (
                json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
                "/$defs/a",
                "itself",
            ),
            (json!({"$ref": "#/$defs/nobody"}), "", "nobody"),
            (json!({"pattern": "("}), "/pattern", ""),
        ] {
            let fault = Schema::compile(&value).expect_err("no schema");
            assert_eq!(fault.at, at, "{value}: {fault:?}");
            assert!(fault.message.contains(message), "{value}: {fault:?}");
        }
        let unknown = json!({"$schema": "https://example.com/my-draft"});
        assert!(Schema::compile(&unknown).is_err());
    }

    #[test]
    fn schemas_that_look_odd_are_taken() {
        for value in [
            json!({"const": {"$ref": "https://example.com"}}),
            json!({"properties": {"$ref": {"type": "string"}}}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}),
        ] {
            assert!(Schema::compile(&value).is_ok(), "{value}");
        }
        let tree = schema(&json!({
            "type": "object",
            "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}},
            "additionalProperties": false,
        }));
        assert_eq!(tree.fault(r#"{"left": {"right": {}}}"#), None);
        let told = tree.fault(r#"{"left": {"up": {}}}"#).expect("a fault");
        assert!(told.starts_with("at `/left`: "), "{told}");
        for value in [
            json!({"properties": {"a": {"$ref": "#/properties/a"}}}),
            json!({"allOf": [{"$ref": "#"}]}),
        ] {
            // They say nothing, and hold nobody up.
            if let Ok(circle) = Schema::compile(&value) {
                assert_eq!(circle.fault(r#"{"a": 1}"#), None, "{value}");
            }
        }
        let deep = format!("{}{}", r#"{"left":"#.repeat(120), "{}") + &"}".repeat(120);
        assert_eq!(tree.fault(&deep), None);
    }
}
