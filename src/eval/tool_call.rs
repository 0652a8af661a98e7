//! `tool_call`: the model calls a tool with the right arguments.

use serde_json::{Map, Value};

use crate::call::score::Score;

use super::expected::{self, Expected};
use super::note::{clipped, quoted};
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The model calls this tool, with these arguments where they are stated. Of several calls one
    /// must be right.
    pub struct ToolCallSpec {
        /// The name of the tool; a Jinja2 template of the row's columns. A row for which it is
        /// empty is not scored.
        #[schemars(length(min = 1))]
        pub name: String,
        /// Arguments that the call has; others may stand beside. Texts in it are Jinja2 templates
        /// of the row's columns; what a template gives is also the number, `true`, `false` or
        /// `null` that is written so.
        pub arguments: Option<Map<String, Value>>,
        /// The call has these arguments and no others.
        #[serde(default)]
        pub exact: bool,
    }
}

impl Spec for ToolCallSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        let mut texts = vec![Text::of("name", &self.name)];
        for (name, value) in self.arguments.iter().flatten() {
            texts.extend(expected::texts("arguments", value).into_iter().map(|mut text| {
                text.at.insert(1, spec::Step::Key(name.clone().into()));
                text
            }));
        }
        texts
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        Text::of("name", &self.name).not_blank()?;
        if self.exact && self.arguments.is_none() {
            let help = "state `arguments`, or leave out `exact`; {} is a call without arguments";
            return Err(SpecFault::at("exact", "there are no arguments to compare", help));
        }
        let arguments = self.arguments.clone().map(Value::Object);
        Ok(Box::new(ToolCall { arguments, exact: self.exact }))
    }
}

#[derive(Debug)]
struct ToolCall {
    arguments: Option<Value>,
    exact: bool,
}

impl Scorer for ToolCall {
    fn score(&self, case: &Case<'_>) -> Score {
        let name = match spec::expected(case, 0, "name") {
            Ok(name) => name,
            Err(score) => return score,
        };
        let mut texts = case.texts.iter().skip(1);
        let wanted = match self.arguments.as_ref().map(|value| Expected::of(value, &mut texts)) {
            None => None,
            Some(Some(wanted)) => Some(wanted),
            Some(None) => return spec::unrendered(),
        };
        let calls: Vec<(&str, Option<Value>)> = case.tool_calls.iter().map(call).collect();
        let is_right = |(called, arguments): &(&str, Option<Value>)| {
            *called == name
                && wanted.as_ref().is_none_or(|wanted| {
                    arguments.as_ref().is_some_and(|found| wanted.is(found, self.exact))
                })
        };
        if calls.iter().any(is_right) {
            return Score::verdict(true);
        }
        let Some((_, arguments)) = calls.iter().find(|(called, _)| *called == name) else {
            return Score::verdict(false).with_note(match calls.as_slice() {
                [] => "calls no tool".to_owned(),
                calls => {
                    let names: Vec<String> = calls.iter().map(|(name, _)| quoted(name)).collect();
                    format!("calls {} instead", clipped(&names.join(", "), 100))
                }
            });
        };
        Score::verdict(false).with_note(match (arguments, wanted) {
            (Some(found), Some(wanted)) => format!(
                "calls it with {}, expected {}",
                quoted(&found.to_string()),
                quoted(&wanted.shown())
            ),
            _ => "calls it with arguments that are no JSON".to_owned(),
        })
    }
}

/// The name of a call, and its arguments where they are JSON.
fn call(call: &Value) -> (&str, Option<Value>) {
    let function = &call["function"];
    let arguments = match &function["arguments"] {
        Value::String(text) if text.trim().is_empty() => Some(Value::Object(Map::new())),
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null => Some(Value::Object(Map::new())),
        value => Some(value.clone()),
    };
    (function["name"].as_str().unwrap_or_default(), arguments)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, score_case, scorer};
    use super::*;

    fn called(table: &Value, calls: &[(&str, &str)]) -> (bool, String) {
        let calls: Vec<Value> = calls
            .iter()
            .map(|(name, arguments)| json!({"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}))
            .collect();
        let score = score_case(table, &Case { tool_calls: &calls, ..Case::default() });
        (score.pass.expect("scored"), score.note.unwrap_or_default())
    }

    #[test]
    fn the_tool_is_called_with_the_right_arguments() {
        let name = json!({"tool_call": {"name": "weather"}});
        let some =
            json!({"tool_call": {"name": "weather", "arguments": {"city": "Paris", "days": 3}}});
        let all = json!({"tool_call": {"name": "weather", "arguments": {"city": "Paris"}, "exact": true}});
        let paris = r#"{"city": "Paris", "days": 3.0, "unit": "C"}"#;
        assert!(called(&name, &[("other", ""), ("weather", "")]).0);
        assert!(called(&some, &[("weather", paris)]).0);
        assert!(!called(&all, &[("weather", paris)]).0);
        assert!(called(&all, &[("weather", paris), ("weather", r#"{"city":"Paris"}"#)]).0);
        assert_eq!(called(&name, &[]), (false, "calls no tool".into()));
        assert_eq!(
            called(&name, &[("a", ""), ("b", "")]),
            (false, "calls `a`, `b` instead".into())
        );
        let note =
            "calls it with `{\"city\":\"Rome\"}`, expected `{\"city\":\"Paris\",\"days\":3}`";
        assert_eq!(called(&some, &[("weather", r#"{"city":"Rome"}"#)]), (false, note.into()));
        let note = "calls it with arguments that are no JSON";
        assert_eq!(called(&some, &[("weather", "{")]), (false, note.into()));
    }

    #[test]
    fn texts_come_from_the_row() {
        let table = json!({"tool_call": {"name": "{{ tool }}", "arguments": {
            "city": "{{ city }}", "days": "{{ days }}", "in": ["x"]
        }}});
        let calls = [
            json!({"function": {"name": "f", "arguments": {"city": "Rom", "days": 3, "in": ["x"]}}}),
        ];
        let texts = ["f", "Rom", "3", "x"].map(str::to_owned);
        let case = Case { tool_calls: &calls, texts: &texts, ..Case::default() };
        assert_eq!(scorer(&table).score(&case), Score::verdict(true));
        let (at, _) = fault(&json!({"tool_call": {"name": "f", "exact": true}}));
        assert_eq!(at, "exact");
    }
}
