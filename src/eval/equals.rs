//! `equals`: the answer is this text.

use crate::call::score::Score;

use super::fold::Fold;
use super::note::quoted;
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer is this text and nothing else. Whitespace around both never counts.
    pub struct EqualsSpec {
        /// The right answer; a Jinja2 template of the row's columns, such as `{{ answer }}`. A row
        /// for which it is empty is not scored.
        #[schemars(length(min = 1))]
        pub value: String,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
        /// Any whitespace between words, line ends too, is the same as one space.
        #[serde(default)]
        pub ignore_space: bool,
        /// Punctuation is left out of both, in any script, and so are the signs ``$+<=>^`|~``.
        #[serde(default)]
        pub ignore_punctuation: bool,
    }
}

impl Spec for EqualsSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        Text::of("value", &self.value).not_blank()?;
        Ok(Box::new(Equals(Fold {
            case: self.ignore_case,
            space: self.ignore_space,
            punctuation: self.ignore_punctuation,
        })))
    }
}

#[derive(Debug)]
struct Equals(Fold);

impl Scorer for Equals {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        let wanted = self.0.fold(value);
        if wanted.is_empty() {
            let why = "nothing is left of `value` without punctuation; leave out \
                       `ignore_punctuation`";
            return Score::broken(why);
        }
        if self.0.fold(case.answer) == wanted {
            return Score::verdict(true);
        }
        Score::verdict(false).with_note(format!("expected {}", quoted(value)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{broken, fault, note, passes, skipped};

    #[test]
    fn whitespace_around_an_answer_never_counts() {
        let spec = json!({"equals": {"value": "42"}});
        for (answer, pass) in
            [("42", true), ("42\n", true), (" \t42 ", true), ("42.", false), ("4 2", false)]
        {
            assert_eq!(passes(&spec, answer), pass, "{answer:?}");
        }
        assert_eq!(note(&spec, "43"), "expected `42`");
        assert!(!passes(&spec, ""));
    }

    #[test]
    fn what_is_ignored_is_stated() {
        let paris = "Paris, France";
        assert!(!passes(&json!({"equals": {"value": paris}}), "paris, france"));
        assert!(passes(&json!({"equals": {"value": paris, "ignore_case": true}}), "paris, FRANCE"));
        assert!(passes(
            &json!({"equals": {"value": paris, "ignore_space": true}}),
            "Paris,\nFrance"
        ));
        let spec = json!({"equals": {"value": paris, "ignore_punctuation": true}});
        assert!(!passes(&spec, "\"Paris – France!\""));
        assert!(passes(&spec, "\"Paris France!\""));
    }

    #[test]
    fn a_row_that_expects_nothing_is_not_scored() {
        let spec = json!({"equals": {"value": "{{ x }}", "ignore_punctuation": true}});
        assert!(skipped(&spec, "a", &[" "]).contains("`value` is empty for this row"));
        assert!(broken(&spec, "a", &["..."]).contains("leave out `ignore_punctuation`"));
        assert_eq!(
            fault(&json!({"equals": {"value": " "}})),
            ("value".into(), "the text is empty".into())
        );
    }
}
