//! `starts_with`: the answer begins with this text.

use crate::call::score::Score;

use super::fold::Fold;
use super::note::{clipped, quoted};
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer begins with this text. Whitespace before the answer does not count.
    pub struct StartsWithSpec {
        /// How it begins; a Jinja2 template of the row's columns. A row for which it is empty is
        /// not scored.
        #[schemars(length(min = 1))]
        pub value: String,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
    }
}

impl Spec for StartsWithSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        Text::of("value", &self.value).not_blank()?;
        Ok(Box::new(StartsWith(Fold { case: self.ignore_case, ..Fold::default() })))
    }
}

#[derive(Debug)]
struct StartsWith(Fold);

impl Scorer for StartsWith {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        if self.0.fold(case.answer).starts_with(&*self.0.fold(value)) {
            return Score::verdict(true);
        }
        let length = value.chars().count().clamp(10, 40);
        let start = clipped(case.answer, length);
        Score::verdict(false).with_note(format!("starts with {}", quoted(&start)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, note, passes, skipped};

    #[test]
    fn only_the_beginning_counts() {
        let spec = json!({"starts_with": {"value": "Yes"}});
        assert!(passes(&spec, "\n Yes, it is") && passes(&spec, "Yesterday"));
        assert!(!passes(&spec, "yes") && !passes(&spec, "Oh yes"));
        assert_eq!(note(&spec, "No, it is not that"), "starts with `No, it is …`");
        assert!(passes(&json!({"starts_with": {"value": "YES", "ignore_case": true}}), "yes"));
        assert!(
            skipped(&json!({"starts_with": {"value": "{{ x }}"}}), "x", &[""]).contains("empty")
        );
        assert_eq!(fault(&json!({"starts_with": {"value": "\t"}})).0, "value");
    }
}
