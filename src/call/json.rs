//! JSON that is kept as it was written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// A JSON value in the bytes of whoever wrote it.
///
/// What a [`RawValue`] is, but for one thing: a text that was read as JSON becomes one without being
/// read once more, which was a quarter of the work on an answer. It is read again where it is
/// written down, and that is done beside the calls.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Box<str>);

impl Json {
    /// What a reader of JSON has just read as a whole.
    pub fn of_read(text: &str) -> Self {
        let text = text.trim_ascii();
        debug_assert!(serde_json::from_str::<&RawValue>(text).is_ok(), "no JSON: {text}");
        Self(text.into())
    }

    /// The same, where nobody has read it.
    pub fn read(text: String) -> serde_json::Result<Self> {
        RawValue::from_string(text).map(Self::from)
    }

    /// The text.
    pub fn get(&self) -> &str {
        &self.0
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

impl From<&Value> for Json {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").field(&format_args!("{}", self.0)).finish()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_it_was_read() {
        for (text, kept) in [
            (" {\"a\": 1.50,\t\"b\":[ 1e999 ]}\r\n", "{\"a\": 1.50,\t\"b\":[ 1e999 ]}"),
            ("\"\\ud83e\"", "\"\\ud83e\""),
            ("null", "null"),
        ] {
            let json = Json::of_read(text);
            assert_eq!((json.get(), &*serde_json::to_string(&json).unwrap()), (kept, kept));
            assert_eq!(Json::read(text.to_owned()).unwrap(), json);
            assert_eq!(serde_json::from_str::<Json>(text).unwrap(), json);
        }
    }
}
