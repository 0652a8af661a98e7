//! Values in a job file that are more than text or a number.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A table whose keys are names, in the order they were written.
#[derive(Debug)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Named(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Named{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}

/// One text or a list of them.
#[derive(Debug)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list of text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 }
            ]
        })
    }
}

/// The value of a header as it was written: text, or the variable that holds it.
#[derive(Debug)]
pub enum HeaderFile {
    /// The value itself.
    Text(String),
    /// The name of a variable.
    Env(String),
}

impl<'de> Deserialize<'de> for HeaderFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(map) => match map.get("env") {
                Some(Value::String(name)) if map.len() == 1 => Ok(Self::Env(name.clone())),
                _ => Err(de::Error::custom("a header is text or { env = \"NAME\" }")),
            },
            _ => Err(de::Error::custom("a header is text or { env = \"NAME\" }")),
        }
    }
}

impl JsonSchema for HeaderFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Header".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "the value of a header: text, or { env = \"NAME\" } for what is secret",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": { "env": { "type": "string", "minLength": 1 } },
                    "required": ["env"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// An amount of USD as it was written, exactly: the shortest decimal text of a number.
#[derive(Clone, Debug)]
pub struct UsdFile(pub String);

impl<'de> Deserialize<'de> for UsdFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(de::Error::custom("an amount is a number or text")),
        }
    }
}

impl JsonSchema for UsdFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "UsdPerMillion".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$" }
            ],
            "examples": ["0.0375"]
        })
    }
}

/// The schema of an inline row: text, or a table of columns.
pub struct InlineRow;

impl JsonSchema for InlineRow {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "InlineRow".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "text, which is the column `prompt`, or a table of columns",
            "anyOf": [{ "type": "string" }, { "type": "object" }]
        })
    }
}

/// A JSON Schema as it was written: a table, or the path of a JSON file.
#[derive(Debug)]
pub enum SchemaFile {
    /// A path, from the job file's folder.
    Path(String),
    /// The schema itself.
    Inline(Value),
}

impl<'de> Deserialize<'de> for SchemaFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::Path(path)),
            schema @ Value::Object(_) => Ok(Self::Inline(schema)),
            _ => Err(de::Error::custom("a schema is a table, or the path of a JSON file")),
        }
    }
}

impl JsonSchema for SchemaFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ResponseSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "a JSON Schema, or the path of a JSON file from the job file's folder",
            "anyOf": [{ "type": "string", "minLength": 1 }, { "type": "object" }],
            "examples": ["schemas/answer.json"]
        })
    }
}
