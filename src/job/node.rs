//! The values of a job file, owned, in the order they were written, each with where it stands.

use std::ops::Range;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// In which text a range lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The job file.
    File,
    /// The `--set` of this number, from 0.
    Set(usize),
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which text.
    pub origin: Origin,
    /// The bytes of it.
    pub range: Range<usize>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it stands; for a table under a header, the header.
    pub spot: Spot,
}

/// A value as TOML knows it.
#[derive(Clone, Debug)]
pub enum Data {
    /// Text in quotes.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A number with a point, `inf` and `nan` too.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time or both, as it was written.
    Date(String),
    /// A list.
    Array(Vec<Node>),
    /// Keys and values, in the order they were written.
    Table(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub spot: Spot,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// The table of a whole TOML text.
    pub fn of_table(table: &DeTable<'_>) -> Self {
        let spot = Spot { origin: Origin::File, range: 0..0 };
        Self { data: of_table(table, Origin::File, 0), spot }
    }

    /// A value that stands in the text `origin`, `offset` bytes further than its spans say.
    pub fn of_value(value: &Spanned<DeValue<'_>>, origin: Origin, offset: usize) -> Self {
        let data = match value.get_ref() {
            DeValue::String(text) => Data::Text(text.clone().into_owned()),
            DeValue::Integer(integer) => of_integer(integer.as_str(), integer.radix()),
            DeValue::Float(float) => Data::Float(float.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(yes) => Data::Boolean(*yes),
            DeValue::Datetime(date) => Data::Date(date.to_string()),
            DeValue::Array(items) => {
                let items = items.iter().map(|item| Self::of_value(item, origin, offset));
                Data::Array(items.collect())
            }
            DeValue::Table(table) => of_table(table, origin, offset),
        };
        Self { data, spot: spot(value.span(), origin, offset) }
    }

    /// The entry of a table under this key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The item of an array at this place.
    pub fn item(&self, nth: usize) -> Option<&Self> {
        match &self.data {
            Data::Array(items) => items.get(nth),
            _ => None,
        }
    }

    /// Whether every number in it is one that JSON can hold.
    pub fn is_json(&self) -> bool {
        match &self.data {
            Data::Integer(integer) => Number::from_i128(*integer).is_some(),
            Data::Float(float) => float.is_finite(),
            Data::Array(items) => items.iter().all(Self::is_json),
            Data::Table(entries) => entries.iter().all(|entry| entry.node.is_json()),
            Data::Text(_) | Data::Boolean(_) | Data::Date(_) => true,
        }
    }

    /// The value as JSON. A date becomes its text; `inf` and `nan`, which JSON has not, null.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Text(text) | Data::Date(text) => Value::String(text.clone()),
            Data::Integer(integer) => {
                Number::from_i128(*integer).map_or(Value::Null, Value::Number)
            }
            Data::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
            Data::Boolean(yes) => Value::Bool(*yes),
            Data::Array(items) => items.iter().map(Self::to_json).collect(),
            Data::Table(entries) => Value::Object(to_map(entries)),
        }
    }
}

/// The entries of a table as JSON.
pub fn to_map(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.clone(), entry.node.to_json())).collect()
}

fn of_integer(digits: &str, radix: u32) -> Data {
    // What does not fit is out of every range that a job has.
    Data::Integer(i128::from_str_radix(digits, radix).unwrap_or(i128::MAX))
}

fn of_table(table: &DeTable<'_>, origin: Origin, offset: usize) -> Data {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            spot: spot(key.span(), origin, offset),
            node: Node::of_value(value, origin, offset),
        })
        .collect();
    // The parser sorts by name; reports and variants follow the order of the file.
    entries.sort_by_key(|entry| entry.spot.range.start);
    Data::Table(entries)
}

fn spot(range: Range<usize>, origin: Origin, offset: usize) -> Spot {
    Spot { origin, range: range.start + offset..range.end + offset }
}
