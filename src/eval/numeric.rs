//! `numeric`: the last number of the answer is this number.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::call::score::Score;

use super::decimal::Decimal;
use super::note::quoted;
use super::number::{self, Last, Number};
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The last number of the answer, or of its last `\boxed{...}`, is this number. `1,234.5`,
    /// `1.234,5`, `−5`, `$5`, `3/4`, `1.5 × 10^3` and the like are read as people mean them; one
    /// comma before three digits parts thousands. Numbers are compared exactly: 7 is 7.00. Where
    /// only one of the two is a percentage, `50%` is both 50 and 0.5.
    pub struct NumericSpec {
        /// The right number, or a Jinja2 template of the row's columns that gives it. A row for
        /// which it is empty is not scored.
        pub value: NumberText,
        /// How far the answer may be from it; 0 when left out.
        #[schemars(range(min = 0))]
        pub tolerance: Option<f64>,
        /// How far it may be as a share of the right number: 0.01 allows one percent. Where both
        /// are stated, one of the two is enough.
        #[schemars(range(min = 0))]
        pub relative_tolerance: Option<f64>,
    }
}

/// A number as it was written, or a text that gives one.
#[derive(Clone, Debug)]
pub struct NumberText(pub String);

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(D::Error::custom("a number, or text that gives one")),
        }
    }
}

impl JsonSchema for NumberText {
    fn schema_name() -> Cow<'static, str> {
        "NumberText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [{ "type": "number" }, { "type": "string", "minLength": 1 }],
            "examples": ["{{ answer }}"]
        })
    }
}

impl Spec for NumericSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value.0)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let value = Text::of("value", &self.value.0);
        value.not_blank()?;
        if !value.is_template() && number::whole(value.text).is_none() {
            let message = format!("{} is no number", quoted(value.text));
            let help = "state a number such as 42, -0.5, \"1,234.50\" or \"3/4\"";
            return Err(SpecFault::at("value", message, help));
        }
        Ok(Box::new(Numeric {
            tolerance: bound("tolerance", self.tolerance)?,
            relative_tolerance: bound("relative_tolerance", self.relative_tolerance)?,
        }))
    }
}

fn bound(name: &'static str, number: Option<f64>) -> Result<Decimal, SpecFault> {
    let bound =
        Decimal::of_float(number.unwrap_or(0.0)).filter(|_| number.is_none_or(|n| n >= 0.0));
    bound.ok_or_else(|| SpecFault::at(name, "this is no tolerance", "state 0 or a number above it"))
}

#[derive(Debug)]
struct Numeric {
    tolerance: Decimal,
    relative_tolerance: Decimal,
}

impl Scorer for Numeric {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        let Some(wanted) = number::whole(value) else {
            let why = format!(
                "`value` is {} for this row, which is no number: mend the row or name \
                               another column",
                quoted(value)
            );
            return Score::broken(why);
        };
        let found: Number = match number::last(case.answer) {
            Last::Number(found) => found,
            Last::Nowhere => return Score::verdict(false).with_note("holds no number"),
            Last::Beyond => {
                let note = "the last number is too long to be compared";
                return Score::verdict(false).with_note(note);
            }
        };
        if found.is_near(&wanted, &self.tolerance, &self.relative_tolerance) {
            return Score::verdict(true);
        }
        let note = format!("found {}, expected {}", quoted(&found.text), quoted(value));
        Score::verdict(false).with_note(note)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{broken, fault, note, passes, skipped};

    #[test]
    fn numbers_are_compared_exactly() {
        for (value, answer, pass) in [
            (json!(7), "7.00", true),
            (json!(7.0), "7", true),
            (json!("0.3"), "0.1 + 0.2 = 0.3", true),
            (json!(0.3), "0.30000000000000004", false),
            (json!("1,234.5"), "It costs $1,234.50.", true),
            (json!("3/4"), "0.75", true),
            (json!(0.75), "\\boxed{\\frac{3}{4}} of 5", true),
            (json!("1/3"), "0.333", false),
            (json!(-5), "−5", true),
            (json!(5), "-5", false),
            (json!(50), "50%", true),
            (json!(0.5), "50%", true),
            (json!("50%"), "0.5", true),
            (json!("50%"), "5", false),
            (json!(9_007_199_254_740_993_u64), "9007199254740992", false),
        ] {
            assert_eq!(passes(&json!({"numeric": {"value": value}}), answer), pass, "{answer}");
        }
    }

    #[test]
    fn a_tolerance_is_kept_to_the_last_digit() {
        let near = |keys: serde_json::Value, answer: &str| {
            let mut table = keys;
            table["value"] = json!("1.00");
            passes(&json!({"numeric": table}), answer)
        };
        assert!(near(json!({"tolerance": 0.01}), "1.01"));
        assert!(near(json!({"tolerance": 0.01}), "0.99"));
        assert!(!near(json!({"tolerance": 0.01}), "1.0100001"));
        assert!(near(json!({"relative_tolerance": 0.1}), "1.1"));
        assert!(!near(json!({"relative_tolerance": 0.1}), "0.89"));
        assert!(near(json!({"tolerance": 0.5, "relative_tolerance": 0.1}), "1.5"));
        let negative = json!({"numeric": {"value": -100, "relative_tolerance": 0.01}});
        assert!(
            passes(&negative, "-101") && passes(&negative, "-99") && !passes(&negative, "-98.9")
        );
    }

    #[test]
    fn what_was_found_instead_is_told() {
        let spec = json!({"numeric": {"value": "42"}});
        assert_eq!(note(&spec, "43 apples"), "found `43`, expected `42`");
        assert_eq!(note(&spec, "many"), "holds no number");
        assert_eq!(note(&spec, &"9".repeat(500)), "the last number is too long to be compared");
    }

    #[test]
    fn what_is_no_number_is_told_before_it_is_compared() {
        assert_eq!(fault(&json!({"numeric": {"value": "four"}})).1, "`four` is no number");
        assert_eq!(fault(&json!({"numeric": {"value": 4, "tolerance": -1.0}})).0, "tolerance");
        let spec = json!({"numeric": {"value": "{{ x }}"}});
        assert!(broken(&spec, "4", &["four"]).starts_with("`value` is `four` for this row"));
        assert!(skipped(&spec, "4", &[""]).contains("nothing to compare with"));
    }
}
