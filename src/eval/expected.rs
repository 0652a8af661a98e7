//! JSON that a job expects: every text in it is a template, and numbers are compared as numbers.

use serde_json::Value;

use super::decimal::Decimal;
use super::spec::{Step, Text, is_template};

/// The texts of a value, in order, with the way to each.
pub(super) fn texts<'v>(name: &'static str, value: &'v Value) -> Vec<Text<'v>> {
    let mut texts = Vec::new();
    collect(value, &mut super::spec::key(name), &mut texts);
    texts
}

fn collect<'v>(value: &'v Value, at: &mut Vec<Step>, texts: &mut Vec<Text<'v>>) {
    match value {
        Value::String(text) => texts.push(Text { at: at.clone(), text }),
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                at.push(Step::Index(nth));
                collect(item, at, texts);
                at.pop();
            }
        }
        Value::Object(entries) => {
            for (name, entry) in entries {
                at.push(Step::Key(name.clone().into()));
                collect(entry, at, texts);
                at.pop();
            }
        }
        _ => {}
    }
}

/// What a job expects of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    /// A value of JSON without parts.
    Plain(Value),
    /// What a template gave: text, or the number, boolean or null that is written so.
    Rendered(String),
    /// A list of as many.
    List(Vec<Expected>),
    /// A table; whether with other keys too, is for who compares.
    Table(Vec<(String, Expected)>),
}

impl Expected {
    /// The value with the rendered texts put in; `None` where there are too few of them.
    pub(super) fn of<'t>(
        value: &Value,
        texts: &mut impl Iterator<Item = &'t String>,
    ) -> Option<Self> {
        Some(match value {
            Value::String(text) => match (is_template(text), texts.next()?) {
                (true, rendered) => Self::Rendered(rendered.clone()),
                (false, _) => Self::Plain(value.clone()),
            },
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::of(item, texts));
                Self::List(items.collect::<Option<_>>()?)
            }
            Value::Object(entries) => {
                let entry = |(name, entry): (&String, &Value)| {
                    Some((name.clone(), Self::of(entry, texts)?))
                };
                Self::Table(entries.iter().map(entry).collect::<Option<_>>()?)
            }
            plain => Self::Plain(plain.clone()),
        })
    }

    /// Whether a value is what was expected. Unless `exact`, tables may have keys beside.
    pub(super) fn is(&self, found: &Value, exact: bool) -> bool {
        match (self, found) {
            (Self::Plain(wanted), found) => same(wanted, found),
            (Self::Rendered(wanted), Value::String(found)) => wanted == found,
            (Self::Rendered(wanted), Value::Number(found)) => {
                let found = Decimal::parse(&found.to_string());
                found.is_some() && found == Decimal::parse(wanted.trim())
            }
            (Self::Rendered(wanted), Value::Bool(_) | Value::Null) => {
                // Jinja2 writes True where Python would; JSON writes true.
                wanted.trim().eq_ignore_ascii_case(&found.to_string())
            }
            (Self::List(wanted), Value::Array(found)) => {
                wanted.len() == found.len()
                    && wanted.iter().zip(found).all(|(wanted, found)| wanted.is(found, exact))
            }
            (Self::Table(wanted), Value::Object(found)) => {
                let has = |(name, wanted): &(String, Self)| {
                    found.get(name).is_some_and(|found| wanted.is(found, exact))
                };
                wanted.iter().all(has) && (!exact || wanted.len() == found.len())
            }
            _ => false,
        }
    }

    /// As JSON, for a note.
    pub(super) fn shown(&self) -> String {
        self.to_json().to_string()
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Rendered(text) => Value::String(text.clone()),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Table(entries) => {
                entries.iter().map(|(name, entry)| (name.clone(), entry.to_json())).collect()
            }
        }
    }
}

/// Whether two plain values are the same: 7 is 7.0.
fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) => {
            let (wanted, found) = (wanted.to_string(), found.to_string());
            wanted == found
                || Decimal::parse(&wanted).is_some_and(|one| Some(one) == Decimal::parse(&found))
        }
        _ => wanted == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_and_texts_are_texts() {
        let is = |wanted: Value, found: Value| {
            let texts: Vec<String> = vec!["7".to_owned(); 9];
            Expected::of(&wanted, &mut texts.iter()).expect("texts").is(&found, false)
        };
        assert!(is(json!(7), json!(7.0)) && !is(json!(7), json!("7")) && !is(json!("7"), json!(7)));
        assert!(is(json!("{{ x }}"), json!(7)) && is(json!("{{ x }}"), json!("7")));
        assert!(!is(json!("{{ x }}"), json!([7])) && !is(json!("{{ x }}"), json!(null)));
        assert!(is(json!({"a": [1, "{{ x }}"]}), json!({"a": [1.0, 7], "b": 1})));
        assert!(!is(json!([1]), json!([1, 2])));
        assert!(is(json!(null), json!(null)) && is(json!(true), json!(true)));
    }

    #[test]
    fn the_way_to_each_text_is_known() {
        let value = json!({"a": ["x", {"b.c": "y"}], "n": 1});
        let texts = texts("value", &value);
        assert_eq!(texts.iter().map(|text| text.text).collect::<Vec<_>>(), ["x", "y"]);
        let key = |name: &'static str| Step::Key(name.into());
        assert_eq!(texts[1].at, [key("value"), key("a"), Step::Index(1), key("b.c")]);
    }
}
