//! `json`: the answer is JSON, of the shape that a JSON Schema states.

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde::Deserialize;
use serde::de::Error;
use serde_json::{Map, Value};

use crate::call::score::Score;

use super::note::clipped;
use super::parsed;
use super::spec::{Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer is JSON, and of the shape that a JSON Schema states.
    pub struct JsonSpec {
        /// A JSON Schema: the path of its file from the job's folder, or the schema as a table. A
        /// `$ref` reaches within the schema only. Without one, any JSON will do.
        pub schema: Option<SchemaFile>,
        /// Whether the JSON may stand in one fenced block, as Markdown has it, with other text
        /// around; true when left out.
        pub fenced: Option<bool>,
    }
}

/// A JSON Schema as a job states it.
#[derive(Clone, Debug)]
pub enum SchemaFile {
    /// The path of its file.
    Path(String),
    /// The schema itself.
    Table(Map<String, Value>),
}

impl<'de> Deserialize<'de> for SchemaFile {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::Path(path)),
            Value::Object(table) => Ok(Self::Table(table)),
            _ => Err(D::Error::custom("a schema is a path or a table")),
        }
    }
}

impl schemars::JsonSchema for SchemaFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaFile".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "object" }],
            "examples": ["schemas/answer.json"]
        })
    }
}

impl Spec for JsonSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        Vec::new()
    }

    fn scorer(&self, files: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let schema = match &self.schema {
            None => None,
            Some(SchemaFile::Table(table)) => Some(Value::Object(table.clone())),
            Some(SchemaFile::Path(path)) => Some(read(files, path)?),
        };
        let validator = schema.as_ref().map(compiled).transpose()?;
        Ok(Box::new(Json { validator, fenced: self.fenced.unwrap_or(true) }))
    }
}

fn read(files: &dyn Files, path: &str) -> Result<Value, SpecFault> {
    let text = files.read(path).map_err(|why| {
        let help = "name a file with a JSON Schema, from the job's folder";
        SpecFault::at("schema", format!("`{path}` cannot be read: {why}"), help)
    })?;
    serde_json::from_str(&text).map_err(|why| {
        let help = "mend the file; a JSON Schema is JSON itself";
        SpecFault::at("schema", format!("`{path}` is no JSON: {why}"), help)
    })
}

fn compiled(schema: &Value) -> Result<Validator, SpecFault> {
    /// Patterns of a schema may go back and forth; so often, and no answer holds up the run.
    const BACKTRACKS: usize = 100_000;
    let patterns = PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS);
    jsonschema::options().with_pattern_options(patterns).build(schema).map_err(|why| {
        let message = format!("this is no JSON Schema: {}", clipped(&why.to_string(), LONGEST));
        let help =
            "mend the schema; what a `$ref` names must stand in it too, such as under `$defs`";
        SpecFault::at("schema", message, help)
    })
}

/// The most characters that a note says of one fault.
const LONGEST: usize = 120;

struct Json {
    validator: Option<Validator>,
    fenced: bool,
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").field("fenced", &self.fenced).finish_non_exhaustive()
    }
}

impl Scorer for Json {
    fn score(&self, case: &Case<'_>) -> Score {
        /// How many faults a note tells.
        const FIRST: usize = 3;
        let value = match parsed::json(case.answer, self.fenced) {
            Ok(value) => value,
            Err(why) => return Score::verdict(false).with_note(why),
        };
        let Some(validator) = &self.validator else { return Score::verdict(true) };
        let mut faults = validator.iter_errors(&value).map(|fault| {
            let path = fault.instance_path().to_string();
            let at = if path.is_empty() { "the whole" } else { path.as_str() };
            clipped(&format!("{at}: {fault}"), LONGEST)
        });
        let first: Vec<String> = faults.by_ref().take(FIRST).collect();
        if first.is_empty() {
            return Score::verdict(true);
        }
        let more = if faults.next().is_some() { "; and more" } else { "" };
        Score::verdict(false).with_note(format!("{}{more}", first.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, note, passes};

    #[test]
    fn any_json_will_do_without_a_schema() {
        let spec = json!({"json": {}});
        assert!(passes(&spec, "```json\n[1, 2]\n```") && passes(&spec, "null"));
        assert!(note(&spec, "Sure! {}").starts_with("is no JSON: expected value"));
        assert!(!passes(&json!({"json": {"fenced": false}}), "```json\n1\n```"));
    }

    #[test]
    fn faults_are_told_with_their_place() {
        let spec = json!({"json": {"schema": {
            "type": "object",
            "required": ["name", "age"],
            "properties": { "name": {"type": "string"}, "age": {"type": "integer", "minimum": 0} },
            "additionalProperties": false
        }}});
        assert!(passes(&spec, r#"{"name": "Ann", "age": 5}"#));
        assert_eq!(
            note(&spec, r#"{"name": 1, "age": -1}"#),
            "/name: 1 is not of type \"string\"; /age: -1 is less than the minimum of 0"
        );
        assert_eq!(note(&spec, "3"), "the whole: 3 is not of type \"object\"");
        let long = format!(r#"{{"name": "Ann", "age": "{}"}}"#, "9".repeat(100_000));
        assert!(note(&spec, &long).len() < 200);
    }

    #[test]
    fn a_schema_is_read_and_checked_with_the_job() {
        let at = |schema: serde_json::Value| fault(&json!({"json": {"schema": schema}})).1;
        assert!(passes(&json!({"json": {"schema": "schema.json"}}), r#"{"a": 1}"#));
        assert_eq!(at(json!("none.json")), "`none.json` cannot be read: there is no such file");
        assert!(at(json!("broken.json")).starts_with("`broken.json` is no JSON: EOF"));
        assert!(at(json!({"type": "texd"})).starts_with("this is no JSON Schema: "));
        for reference in ["https://example.com/x.json", "file:///etc/hostname", "other.json"] {
            assert!(at(json!({"$ref": reference})).starts_with("this is no JSON Schema: "));
        }
    }

    #[test]
    fn a_pattern_that_goes_back_and_forth_ends() {
        let spec =
            json!({"json": {"schema": {"type": "string", "pattern": r"^(?=(a+)+$)(a|aa)+$"}}});
        assert!(!passes(&spec, &format!("\"{}!\"", "a".repeat(5_000))));
    }
}
