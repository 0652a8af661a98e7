//! `json_path`: a part of the answer's JSON is what was expected.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::call::score::Score;

use super::expected::{self, Expected};
use super::note::{all_quoted, clipped, quoted};
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer, parsed};

scorer_spec! {
    /// A part of the answer's JSON is this value, or is there. Where the path finds several parts,
    /// one of them must be the value. Numbers are compared as numbers: 7 is 7.0.
    pub struct JsonPathSpec {
        /// Which part, as a JSON path (RFC 9535) such as `$.items[0].name`.
        #[schemars(length(min = 1))]
        pub path: String,
        /// What the part must be: any JSON. Texts in it are Jinja2 templates of the row's columns;
        /// what a template gives is also the number, `true`, `false` or `null` that is written so.
        pub value: Option<Value>,
        /// Whether the part must be there or must not be; true when `value` is left out too.
        pub exists: Option<bool>,
        /// Whether the JSON may stand in one fenced block, as Markdown has it, with other text
        /// around; true when left out.
        pub fenced: Option<bool>,
    }
}

impl Spec for JsonPathSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        self.value.as_ref().map(|value| expected::texts("value", value)).unwrap_or_default()
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let path = JsonPath::parse(&self.path).map_err(|why| {
            let message = format!("this is no JSON path: {}", clipped(&why.to_string(), 100));
            let help = "write it as RFC 9535 has it: `$` is the whole, then `.name`, `['name']`, \
                        `[0]` or `[*]`, such as `$.items[0].name`";
            SpecFault::at("path", message, help)
        })?;
        if self.value.is_some() && self.exists.is_some() {
            let help = "keep one of the two; a part that has a value is there";
            return Err(SpecFault::at("exists", "`value` says this already", help));
        }
        Ok(Box::new(Part {
            path,
            value: self.value.clone(),
            exists: self.exists.unwrap_or(true),
            fenced: self.fenced.unwrap_or(true),
        }))
    }
}

#[derive(Debug)]
struct Part {
    path: JsonPath,
    value: Option<Value>,
    exists: bool,
    fenced: bool,
}

impl Scorer for Part {
    fn score(&self, case: &Case<'_>) -> Score {
        let answer = match parsed::json(case.answer, self.fenced) {
            Ok(answer) => answer,
            Err(why) => return Score::verdict(false).with_note(why),
        };
        let found = self.path.query(&answer).all();
        match &self.value {
            Some(value) => Self::compared(value, &found, case),
            None if found.is_empty() != self.exists => Score::verdict(true),
            None if self.exists => Score::verdict(false).with_note("the path finds nothing"),
            None => Score::verdict(false).with_note(format!("the path finds {}", shown(&found))),
        }
    }
}

impl Part {
    fn compared(value: &Value, found: &[&Value], case: &Case<'_>) -> Score {
        let Some(wanted) = Expected::of(value, &mut case.texts.iter()) else {
            return spec::unrendered();
        };
        if found.iter().any(|found| wanted.is(found, true)) {
            return Score::verdict(true);
        }
        let wanted = quoted(&wanted.shown());
        Score::verdict(false).with_note(match found.is_empty() {
            true => format!("the path finds nothing, expected {wanted}"),
            false => format!("found {}, expected {wanted}", shown(found)),
        })
    }
}

fn shown(found: &[&Value]) -> String {
    let texts: Vec<String> = found.iter().take(9).map(|value| value.to_string()).collect();
    all_quoted(texts.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, note, passes, score};

    #[test]
    fn the_part_is_the_value() {
        let of = |path: &str, value: serde_json::Value| json!({"json_path": {"path": path, "value": value}});
        let answer = r#"```json
{"name": "Ann", "age": 7.0, "ok": true, "items": [{"id": 1}, {"id": 2}], "none": null}
```"#;
        for (path, value, pass) in [
            ("$.name", json!("Ann"), true),
            ("$.name", json!("ann"), false),
            ("$.age", json!(7), true),
            ("$.age", json!("7"), false),
            ("$.ok", json!(true), true),
            ("$.items[1].id", json!(2), true),
            ("$.items[*].id", json!(2), true),
            ("$.items[*].id", json!(3), false),
            ("$.items[0]", json!({"id": 1}), true),
            ("$.items[?@.id > 1].id", json!(2), true),
            ("$.none", json!(null), true),
            ("$.nothing", json!(null), false),
        ] {
            assert_eq!(passes(&of(path, value.clone()), answer), pass, "{path} {value}");
        }
        assert_eq!(
            note(&of("$.name", json!("Bob")), answer),
            "found `\"Ann\"`, expected `\"Bob\"`"
        );
        assert_eq!(note(&of("$.x", json!(1)), answer), "the path finds nothing, expected `1`");
        assert!(note(&of("$", json!(1)), "no").starts_with("is no JSON"));
        let templated = of("$.age", json!("{{ age }}"));
        assert_eq!(score(&templated, answer, &["7"]).pass, Some(true));
        assert_eq!(score(&templated, answer, &["8"]).pass, Some(false));
    }

    #[test]
    fn the_part_is_there_or_is_not() {
        let of = |exists: bool| json!({"json_path": {"path": "$.a", "exists": exists}});
        assert!(passes(&of(true), "{\"a\": null}") && !passes(&of(true), "{}"));
        assert!(passes(&of(false), "{}") && !passes(&of(false), "{\"a\": 1}"));
        assert!(passes(&json!({"json_path": {"path": "$.a"}}), "{\"a\": 1}"));
        assert_eq!(note(&of(false), "{\"a\": 1}"), "the path finds `1`");
    }

    #[test]
    fn a_bad_path_is_a_fault_of_the_job() {
        let (at, why) = fault(&json!({"json_path": {"path": "items[0"}}));
        assert!(at == "path" && why.starts_with("this is no JSON path: "), "{why}");
        assert_eq!(
            fault(&json!({"json_path": {"path": "$", "value": 1, "exists": true}})).0,
            "exists"
        );
    }
}
