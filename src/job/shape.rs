//! The shape of a job: every unknown key, wrong type and number out of range, all at once.
//!
//! serde stops at its first fault, so the values are held against the JSON Schema of `file.rs`
//! first. What is at fault is told and left out; what remains is read by serde without a fault.

use serde_json::{Map, Number, Value};

use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::document::Document;
use crate::job::key_path::KeyPath;
use crate::job::node::{Data, Entry, Node};
use crate::job::veil;
use crate::job::words;

/// What is at fault, and what is not.
#[derive(Debug)]
pub struct Shape {
    /// The job without what is at fault.
    pub value: Value,
    /// What is at fault.
    pub faults: Vec<Diagnostic>,
    /// Keys that must be stated and are not. Where the text could not be read as a whole, they may
    /// stand in the part that was lost.
    pub missing: Vec<Diagnostic>,
}

/// Holds the document against the schema of the job file.
pub fn check(document: &Document, schema: &Value) -> Shape {
    let mut walk = Walk { schema, faults: Vec::new(), missing: Vec::new() };
    let value = walk.node(document.root(), schema, &KeyPath::top());
    let value = value.unwrap_or_else(|| Value::Object(Map::new()));
    Shape { value, faults: walk.faults, missing: walk.missing }
}

struct Walk<'s> {
    schema: &'s Value,
    faults: Vec<Diagnostic>,
    missing: Vec<Diagnostic>,
}

impl<'s> Walk<'s> {
    /// The value without what is at fault in it; `None` when nothing remains.
    fn node(&mut self, node: &Node, schema: &'s Value, path: &KeyPath) -> Option<Value> {
        let before = self.faults.len();
        let about = self.about(schema);
        let kept = self.checked(node, self.resolved(schema), path);
        // Whatever has no help of its own is helped by what the key is for.
        for fault in &mut self.faults[before..] {
            if fault.help.is_none() {
                fault.help =
                    about.map(|about| words::key_is(path.last_key().unwrap_or_default(), about));
            }
        }
        kept
    }

    fn about(&self, schema: &'s Value) -> Option<&'s str> {
        schema["description"].as_str().or_else(|| self.resolved(schema)["description"].as_str())
    }

    fn checked(&mut self, node: &Node, schema: &'s Value, path: &KeyPath) -> Option<Value> {
        if let Some(names) = names_of(schema) {
            return self.name(node, &names, path);
        }
        let Some(schema) = self.fitting(node, schema) else {
            self.faults.push(self.wrong_type(node, schema, path));
            return None;
        };
        if schema["type"].is_null() {
            return self.free(node, path);
        }
        match &node.data {
            Data::Table(entries) => Some(Value::Object(self.table(entries, schema, path))),
            Data::Array(items) => self.array(items, schema, path),
            Data::Integer(_) | Data::Float(_) => self.number(node, schema, path),
            Data::Text(text) => self.text(text, schema, path),
            Data::Boolean(_) | Data::Date(_) => Some(node.to_json()),
        }
    }

    fn table(
        &mut self,
        entries: &[Entry],
        schema: &'s Value,
        path: &KeyPath,
    ) -> Map<String, Value> {
        let mut kept = Map::new();
        // A key that was most likely meant is not missing on top of it.
        let mut meant = Vec::new();
        for entry in entries {
            let path = path.key(&entry.key);
            let known = schema["properties"].get(&entry.key);
            match known.or_else(|| schema.get("additionalProperties")) {
                Some(Value::Bool(false)) => {
                    let fault = self.unknown_key(&entry.key, schema, path);
                    meant.extend(fault.help.clone());
                    self.faults.push(fault);
                }
                Some(schema) => {
                    let value = self.node(&entry.node, schema, &path);
                    kept.extend(value.map(|value| (entry.key.clone(), value)));
                }
                None => {
                    let value = self.free(&entry.node, &path);
                    kept.extend(value.map(|value| (entry.key.clone(), value)));
                }
            }
        }
        let states = |name: &str| {
            entries.iter().any(|entry| entry.key == name)
                || meant.iter().any(|help| *help == words::did_you_mean_this(name))
        };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !states(name) {
                let message = format!("`{name}` is missing");
                let about = self.about(&schema["properties"][name]).unwrap_or("it must be stated");
                let fault = Diagnostic::at_key(path.clone(), message);
                self.missing.push(fault.help(words::key_is(name, about)));
            }
        }
        let least = schema["minProperties"].as_u64().unwrap_or(0);
        if (entries.len() as u64) < least {
            self.missing.push(is_empty(path).help("state at least one"));
        }
        kept
    }

    /// A value of which nothing is known but that it must be JSON.
    fn free(&mut self, node: &Node, path: &KeyPath) -> Option<Value> {
        if node.is_json() {
            return Some(node.to_json());
        }
        let name = path.last_key().unwrap_or_default();
        let message = format!("`{name}` holds a number that JSON has not: infinite, or too large");
        self.faults.push(Diagnostic::at_value(path.clone(), message));
        None
    }

    fn array(&mut self, items: &[Node], schema: &'s Value, path: &KeyPath) -> Option<Value> {
        if (items.len() as u64) < schema["minItems"].as_u64().unwrap_or(0) {
            self.faults.push(is_empty(path));
            return None;
        }
        let Some(each) = schema.get("items") else {
            let items = items.iter().enumerate();
            return items.map(|(nth, item)| self.free(item, &path.index(nth))).collect();
        };
        // A table at fault leaves an empty one, so that those after it keep their place.
        let is_table = self.resolved(each)["type"] == "object";
        let blank = || is_table.then(|| Value::Object(Map::new()));
        let kept: Vec<Option<Value>> = items
            .iter()
            .enumerate()
            .map(|(nth, item)| self.node(item, each, &path.index(nth)).or_else(blank))
            .collect();
        kept.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
    }

    fn number(&mut self, node: &Node, schema: &Value, path: &KeyPath) -> Option<Value> {
        let (value, json) = match node.data {
            Data::Integer(integer) => (integer as f64, Number::from_i128(integer)),
            Data::Float(float) => (float, Number::from_f64(float)),
            _ => return None,
        };
        let name = path.last_key().unwrap_or_default();
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let too_small = bound("minimum").is_some_and(|least| value < least)
            || bound("exclusiveMinimum").is_some_and(|below| value <= below);
        let too_large = bound("maximum").is_some_and(|most| value > most)
            || bound("exclusiveMaximum").is_some_and(|above| value >= above);
        let json = json.filter(|_| !value.is_nan() && !too_small && !too_large);
        if json.is_none() {
            let wanted = wanted(schema).unwrap_or_else(|| "a number that JSON can hold".to_owned());
            let message = format!("`{name}` must be {wanted}");
            self.faults.push(Diagnostic::at_value(path.clone(), message));
        }
        json.map(Value::Number)
    }

    fn text(&mut self, text: &str, schema: &Value, path: &KeyPath) -> Option<Value> {
        if (text.len() as u64) < schema["minLength"].as_u64().unwrap_or(0) {
            self.faults.push(is_empty(path));
            return None;
        }
        Some(Value::String(text.to_owned()))
    }

    /// One of a few words.
    fn name(&mut self, node: &Node, names: &[&str], path: &KeyPath) -> Option<Value> {
        let key = path.last_key().unwrap_or_default();
        let Data::Text(text) = &node.data else {
            let message = format!("`{key}` must be text, not {}", kind(node));
            let help = format!("one of {}", words::either(names));
            self.faults.push(Diagnostic::at_value(path.clone(), message).help(help));
            return None;
        };
        if names.contains(&text.as_str()) {
            return Some(Value::String(text.clone()));
        }
        let message = format!("`{key}` knows no {text:?}");
        let help = match words::did_you_mean(text, names.iter().copied()) {
            Some(question) => format!("{question} it can be {}", words::either(names)),
            None => format!("it can be {}", words::either(names)),
        };
        self.faults.push(Diagnostic::at_value(path.clone(), message).help(help));
        None
    }

    fn unknown_key(&self, key: &str, schema: &Value, path: KeyPath) -> Diagnostic {
        let known: Vec<&str> = schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        let help = match words::did_you_mean(key, known.iter().copied()) {
            Some(question) => question,
            None => match self.home_of(key, &known) {
                Some(home) => format!("it belongs in {home}"),
                None => format!("known here: {}", words::all(&known)),
            },
        };
        Diagnostic::at_key(path, format!("unknown key `{}`", key.escape_debug()))
            .label("not known here")
            .help(help)
    }

    /// The table in which a key that is unknown here would be known.
    fn home_of(&self, key: &str, known: &[&str]) -> Option<String> {
        let has = |section: &Value| self.resolved(section)["properties"].get(key).is_some();
        if known.contains(&"params") && has(&self.schema["properties"]["params"]) {
            return Some("`params`".to_owned());
        }
        let sections = self.schema["properties"].as_object()?;
        let home = sections.iter().find(|(name, section)| *name != "matrix" && has(section));
        home.map(|(name, _)| format!("`[{name}]`"))
    }

    fn wrong_type(&self, node: &Node, schema: &Value, path: &KeyPath) -> Diagnostic {
        let key = path.last_key().unwrap_or("the job");
        if veil::is_key_place(path) && matches!(node.data, Data::Text(_)) {
            return literal_key(path);
        }
        let wanted: Vec<String> =
            self.choices(schema).iter().filter_map(|choice| wanted(choice)).collect();
        let message = format!("`{key}` must be {}, not {}", wanted.join(" or "), kind(node));
        let fault = Diagnostic::at_value(path.clone(), message);
        let examples: Vec<String> = schema["examples"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|example| format!("`{key} = {example}`"))
            .collect();
        match examples.first() {
            Some(example) => fault.help(format!("such as {example}")),
            None => fault,
        }
    }

    /// The alternative that takes a value of this kind.
    fn fitting(&self, node: &Node, schema: &'s Value) -> Option<&'s Value> {
        self.choices(schema).into_iter().find(|choice| takes(choice, node))
    }

    fn choices(&self, schema: &'s Value) -> Vec<&'s Value> {
        match schema["anyOf"].as_array() {
            Some(choices) => choices.iter().map(|choice| self.resolved(choice)).collect(),
            None => vec![schema],
        }
    }

    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let name = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#"));
        name.and_then(|pointer| self.schema.pointer(pointer)).unwrap_or(schema)
    }
}

fn takes(schema: &Value, node: &Node) -> bool {
    match (schema["type"].as_str(), &node.data) {
        (None, _)
        | (Some("object"), Data::Table(_))
        | (Some("array"), Data::Array(_))
        | (Some("string"), Data::Text(_))
        | (Some("boolean"), Data::Boolean(_))
        | (Some("integer" | "number"), Data::Integer(_))
        | (Some("number"), Data::Float(_)) => true,
        (Some(_), _) => false,
    }
}

/// What a value of this schema is, in words.
fn wanted(schema: &Value) -> Option<String> {
    let (noun, plain) = match schema["type"].as_str()? {
        "object" => return Some("a table".to_owned()),
        "array" => return Some("a list".to_owned()),
        "string" => return Some("text".to_owned()),
        "boolean" => return Some("`true` or `false`".to_owned()),
        "integer" => ("a whole number", true),
        _ => ("a number", false),
    };
    let bound = |key: &str| schema.get(key).filter(|bound| !bound.is_null()).map(short);
    let least = bound("minimum");
    let above = bound("exclusiveMinimum");
    let most = bound("maximum");
    let below = bound("exclusiveMaximum");
    Some(match (least, above, most, below) {
        (Some(least), _, Some(most), _) => format!("{noun} from {least} to {most}"),
        (Some(least), _, None, Some(below)) => format!("{noun} from {least} to below {below}"),
        (Some(least), _, None, None) => format!("{noun}, {least} or more"),
        (None, Some(above), Some(most), _) => format!("{noun} above {above} and at most {most}"),
        (None, Some(above), None, _) => format!("{noun} above {above}"),
        _ if plain => "a whole number of at most 64 bits".to_owned(),
        _ => noun.to_owned(),
    })
}

/// A bound as people write it: `2`, not `2.0`.
fn short(bound: &Value) -> String {
    bound.as_f64().map_or_else(|| bound.to_string(), |number| number.to_string())
}

fn kind(node: &Node) -> &'static str {
    match &node.data {
        Data::Text(_) => "text",
        Data::Integer(_) => "a number",
        Data::Float(_) => "a number with a point",
        Data::Boolean(_) => "a boolean",
        Data::Date(_) => "a date",
        Data::Array(_) => "a list",
        Data::Table(_) => "a table",
    }
}

/// The words that a value of this schema can be, where it is a choice of words.
fn names_of(schema: &Value) -> Option<Vec<&str>> {
    if let Some(names) = schema["enum"].as_array() {
        return names.iter().map(Value::as_str).collect();
    }
    schema["oneOf"].as_array()?.iter().map(|choice| choice["const"].as_str()).collect()
}

fn is_empty(path: &KeyPath) -> Diagnostic {
    let name = path.last_key().unwrap_or("the job");
    let place = Place::Key { path: path.clone(), on: On::Value };
    Diagnostic::new(place, format!("`{name}` is empty"))
}

fn literal_key(path: &KeyPath) -> Diagnostic {
    Diagnostic::at_value(path.clone(), "a key must not stand in a job file")
        .label("job files are copied and shared")
        .help(
            "name the variable that holds it: api_key = { env = \"...\" }; \
             and make a new key if this file was ever shared",
        )
}
