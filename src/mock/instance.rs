//! Small instances of JSON Schemas: what the built-in provider says where it is asked for a form.

use std::borrow::Cow;

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::mock::prose::Picks;

/// From this level on only what must be there is.
const DEEP: usize = 5;

/// No level below this one: a schema may demand itself.
const DEEPEST: usize = 24;

/// No list is longer, whatever a schema demands.
const LONGEST: u64 = 50;

/// No text that is padded is longer.
const LONGEST_TEXT: usize = 2_000;

const WORDS: [&str; 8] =
    ["amber", "harbour", "meadow", "lantern", "orchard", "compass", "willow", "cedar"];

/// Texts for patterns, and for formats by their names.
const TEXTS: [(&str, &str); 16] = [
    ("date-time", "2025-01-01T12:00:00Z"),
    ("date", "2025-01-01"),
    ("time", "12:00:00Z"),
    ("duration", "PT1H"),
    ("email", "ann@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("uri", "https://example.com/a"),
    ("uuid", "123e4567-e89b-42d3-a456-426614174000"),
    ("", "A"),
    ("", "AB12"),
    ("", "ABC-123"),
    ("", "12345"),
    ("", "12.50"),
    ("", "+4915112345678"),
];

/// An instance of a schema: the same for the same schema and `seed`.
pub fn instance(schema: &Value, seed: u64) -> Value {
    Maker { root: schema, picks: Picks::new(seed) }.make(schema, 0)
}

struct Maker<'s> {
    root: &'s Value,
    picks: Picks,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, level: usize) -> Value {
        let Value::Object(map) = schema else {
            return if *schema == false { Value::Null } else { self.word().into() };
        };
        if level > DEEPEST {
            return Value::Null;
        }
        if let Some(named) = map.get("$ref").and_then(Value::as_str) {
            let pointer = named.strip_prefix('#').unwrap_or_default();
            let target = self.root.pointer(pointer).cloned().unwrap_or_default();
            return self.make(&target, level + 1);
        }
        if let Some(value) = map.get("const") {
            return value.clone();
        }
        if let Some(values) =
            map.get("enum").and_then(Value::as_array).filter(|all| !all.is_empty())
        {
            return values[(self.picks.next() % values.len() as u64) as usize].clone();
        }
        let map = self.joined(map, level);
        match kind(&map, level) {
            "object" => self.object(&map, level),
            "array" => self.array(&map, level),
            "integer" => self.number(&map, true),
            "number" => self.number(&map, false),
            "boolean" => self.picks.next().is_multiple_of(2).into(),
            "null" => Value::Null,
            _ => self.text(&map).into(),
        }
    }

    /// A schema with all of its parts, and with the first of its choices that is more than null.
    fn joined<'m>(&self, map: &'m Map<String, Value>, level: usize) -> Cow<'m, Map<String, Value>> {
        let mut parts: Vec<&Value> = list(map, "allOf").iter().collect();
        for choices in ["anyOf", "oneOf"].map(|key| list(map, key)) {
            let is_short = |choice: &&Value| {
                let is_null = choice["type"] == "null";
                if level >= DEEP { is_null || is_leaf(choice) } else { !is_null }
            };
            parts.extend(choices.iter().find(is_short).or(choices.first()));
        }
        if parts.is_empty() {
            return Cow::Borrowed(map);
        }
        let mut all = map.clone();
        ["allOf", "anyOf", "oneOf"].iter().for_each(|key| drop(all.shift_remove(*key)));
        for part in parts {
            let named = part.get("$ref").and_then(Value::as_str);
            let target = named.and_then(|name| self.root.pointer(name.strip_prefix('#')?));
            let part = target.unwrap_or(part).as_object();
            part.into_iter().flatten().for_each(|(key, value)| lay(&mut all, key, value));
        }
        if level <= DEEPEST {
            Cow::Owned(self.joined(&all, DEEPEST + 1).into_owned())
        } else {
            Cow::Owned(all)
        }
    }

    fn object(&mut self, map: &Map<String, Value>, level: usize) -> Value {
        let none = Map::new();
        let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required = list(map, "required");
        let mut made = Map::new();
        for (name, schema) in properties {
            if level < DEEP || required.iter().any(|one| one == name) {
                made.insert(name.clone(), self.make(schema, level + 1));
            }
        }
        let others = map.get("additionalProperties").cloned().unwrap_or(json!({"type": "string"}));
        for name in required.iter().filter_map(Value::as_str) {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), self.make(&others, level + 1));
            }
        }
        let least = count(map, "minProperties").unwrap_or(0).min(LONGEST);
        for nth in 1..=least {
            if (made.len() as u64) < least {
                made.insert(format!("key{nth}"), self.make(&others, level + 1));
            }
        }
        made.into()
    }

    fn array(&mut self, map: &Map<String, Value>, level: usize) -> Value {
        let first = list(map, "prefixItems");
        let least = count(map, "minItems").unwrap_or(0);
        let usual = if level < DEEP { least.max(2).max(first.len() as u64) } else { least };
        let length = usual.min(count(map, "maxItems").unwrap_or(u64::MAX)).min(LONGEST);
        let each = map.get("items").cloned().unwrap_or(json!({"type": "string"}));
        let is_unique = map.get("uniqueItems").is_some_and(|unique| *unique == true);
        let mut made: Vec<Value> = Vec::new();
        for _ in 0..length.saturating_mul(if is_unique { 20 } else { 1 }) {
            let item = self.make(first.get(made.len()).unwrap_or(&each), level + 1);
            if made.len() as u64 == length || is_unique && made.contains(&item) {
                continue;
            }
            made.push(item);
        }
        made.into()
    }

    fn number(&mut self, map: &Map<String, Value>, is_whole: bool) -> Value {
        let bound = |key: &str| map.get(key).and_then(Value::as_f64);
        let step = bound("multipleOf").filter(|step| *step > 0.0);
        let step = step.unwrap_or(if is_whole { 1.0 } else { 0.25 });
        let above = |low: f64| ((low / step).floor() + 1.0) * step;
        let low = bound("minimum").map(|low| (low / step).ceil() * step);
        let low = low.or_else(|| bound("exclusiveMinimum").map(above));
        let high = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|high| high - step));
        let low =
            low.unwrap_or_else(|| high.map_or(0.0, |high| (high / step).floor().min(0.0) * step));
        let most = ((high.unwrap_or(low + 100.0 * step) - low) / step).floor().clamp(0.0, 1_000.0);
        let number = low + step * (self.picks.next() % (most as u64 + 1)) as f64;
        match is_whole || number.fract() == 0.0 {
            true => json!(number as i64),
            false => json!(number),
        }
    }

    fn text(&mut self, map: &Map<String, Value>) -> String {
        let least = count(map, "minLength").unwrap_or(0).min(LONGEST_TEXT as u64) as usize;
        let most = count(map, "maxLength").map_or(usize::MAX, |most| most as usize);
        if let Some(format) = map.get("format").and_then(Value::as_str)
            && let Some((_, text)) = TEXTS.iter().find(|(name, _)| *name == format)
        {
            return (*text).to_owned();
        }
        let word = self.word();
        if let Some(pattern) = map.get("pattern").and_then(Value::as_str) {
            let fits =
                |text: &&str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text));
            let texts = [word].into_iter().chain(TEXTS.iter().map(|(_, text)| *text));
            return texts.into_iter().find(fits).unwrap_or(word).to_owned();
        }
        let mut text = format!("{word} {}", self.word());
        while text.len() < least {
            text.push(' ');
            text.push_str(self.word());
        }
        text.truncate(most.max(least));
        text
    }

    fn word(&mut self) -> &'static str {
        self.picks.one_of(&WORDS)
    }
}

/// What a schema is an instance of, by its type or by its keywords.
fn kind(map: &Map<String, Value>, level: usize) -> &str {
    let has = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
    let mut named = match map.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(kind)) => vec![kind.as_str()],
        _ if has(&["properties", "required", "minProperties"]) => vec!["object"],
        _ if has(&["items", "prefixItems", "minItems"]) => vec!["array"],
        _ if has(&["minimum", "maximum", "multipleOf"]) => vec!["number"],
        _ => Vec::new(),
    };
    // Nothing is the shortest of all, and says the least.
    named.sort_by_key(|kind| (*kind == "null") != (level >= DEEP));
    match named.first().copied().unwrap_or("string") {
        // Vertex AI's own form of schemas writes them so.
        "OBJECT" => "object",
        "ARRAY" => "array",
        "INTEGER" => "integer",
        "NUMBER" => "number",
        "BOOLEAN" => "boolean",
        kind => kind,
    }
}

/// Lays a keyword of one part over the others: properties and demands add up.
fn lay(all: &mut Map<String, Value>, key: &str, value: &Value) {
    match (all.get_mut(key), value) {
        (Some(Value::Object(there)), Value::Object(more)) => there.extend(more.clone()),
        (Some(Value::Array(there)), Value::Array(more)) => there.extend(more.clone()),
        _ => drop(all.insert(key.to_owned(), value.clone())),
    }
}

fn is_leaf(schema: &Value) -> bool {
    !["properties", "items", "$ref", "anyOf", "oneOf", "allOf"]
        .iter()
        .any(|key| schema.get(*key).is_some())
}

fn list<'m>(map: &'m Map<String, Value>, key: &str) -> &'m [Value] {
    map.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn count(map: &Map<String, Value>, key: &str) -> Option<u64> {
    map.get(key).and_then(Value::as_u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_fits_its_schema_and_follows_from_the_seed() {
        for schema in [
            json!({}),
            json!({"type": "object", "properties": {
                "name": {"type": "string", "minLength": 30, "maxLength": 40},
                "age": {"type": "integer", "minimum": 18, "maximum": 20},
                "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "even": {"type": "integer", "multipleOf": 2, "maximum": -3},
                "born": {"type": "string", "format": "date"},
                "code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]+$"},
                "mood": {"enum": ["fine", "so so"]},
                "tags": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": true},
                "maybe": {"type": ["null", "boolean"]},
                "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}]},
            }, "required": ["name", "other"], "$defs": {"place": {
                "allOf": [{"properties": {"city": {"type": "string"}}}, {"required": ["city"]}],
                "type": "object",
            }}}),
            json!({"type": "object", "properties": {"left": {"$ref": "#"}, "n": {"type": "integer"}},
                   "required": ["n"], "additionalProperties": false}),
            json!({"type": "array", "prefixItems": [{"const": 7}, {"type": "boolean"}],
                   "items": false, "maxItems": 2}),
            json!({"type": "object", "minProperties": 3}),
            json!({"oneOf": [{"type": "string"}, {"type": "integer"}]}),
            json!({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
                   "required": ["next"], "additionalProperties": false}),
        ] {
            let validator = jsonschema::validator_for(&schema).expect("a schema");
            let made: Vec<Value> = (0..40).map(|seed| instance(&schema, seed)).collect();
            for value in &made {
                let why: Vec<String> =
                    validator.iter_errors(value).map(|e| e.to_string()).collect();
                assert!(why.is_empty(), "{schema}\n{value}\n{why:?}");
            }
            assert_eq!(made[3], instance(&schema, 3));
        }
        let schema = json!({"type": "string"});
        assert_ne!(instance(&schema, 1), instance(&schema, 2));
    }

    #[test]
    fn a_schema_that_demands_itself_or_too_much_ends() {
        for schema in [
            json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
            json!({"$ref": "#"}),
            json!({"anyOf": [{"$ref": "#"}]}),
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1_000_000}),
            json!({"type": "string", "minLength": 1_000_000}),
        ] {
            assert!(instance(&schema, 1).to_string().len() < 5_000);
        }
    }
}
