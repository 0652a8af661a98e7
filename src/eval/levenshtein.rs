//! `levenshtein`: how much of a text must be changed to make the answer of it.

use crate::call::score::Score;

use super::distance;
use super::fold::Fold;
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// How near the answer is to a text: 1 less the share of characters that must be put in, taken
    /// out or replaced, of the longer one. It is `Levenshtein.normalized_similarity` of the Python
    /// package `rapidfuzz`. Whitespace around both does not count.
    pub struct LevenshteinSpec {
        /// The text; a Jinja2 template of the row's columns. A row for which it is empty is not
        /// scored.
        #[schemars(length(min = 1))]
        pub value: String,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
        /// From which value on an answer passes; without it, answers are graded only.
        #[schemars(range(min = 0, max = 1))]
        pub threshold: Option<f64>,
    }
}

impl Spec for LevenshteinSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        Text::of("value", &self.value).not_blank()?;
        let fold = Fold { case: self.ignore_case, ..Fold::default() };
        Ok(Box::new(Levenshtein { fold, threshold: self.threshold }))
    }
}

#[derive(Debug)]
struct Levenshtein {
    fold: Fold,
    threshold: Option<f64>,
}

impl Scorer for Levenshtein {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        match similarity(&self.fold.fold(case.answer), &self.fold.fold(value)) {
            Ok(value) => spec::graded(value, self.threshold),
            Err(distance::TooLong) => Score::broken(
                "the answer and `value` are too long to be compared character by character; use \
                 `rouge_l` or `contains`",
            ),
        }
    }
}

/// 1 less the distance over the length of the longer one, in characters.
fn similarity(one: &str, other: &str) -> Result<f64, distance::TooLong> {
    let symbols = |text: &str| text.chars().map(u32::from).collect::<Vec<u32>>();
    let (one, other) = (symbols(one), symbols(other));
    let longest = one.len().max(other.len());
    if longest == 0 {
        return Ok(1.0);
    }
    Ok(1.0 - distance::edits(&one, &other)? as f64 / longest as f64)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::table::testing::{broken, score, skipped};
    use super::*;

    #[test]
    fn it_is_what_rapidfuzz_says() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/eval/levenshtein.json")).expect("cases");
        assert!(cases.len() >= 40);
        for case in cases {
            let text = |key: &str| case[key].as_str().expect("text");
            let found = similarity(text("answer"), text("value")).expect("short");
            let wanted = case["normalized_similarity"].as_f64().expect("a number");
            assert!((found - wanted).abs() < 1e-6, "{case}: {found}");
        }
    }

    #[test]
    fn an_answer_passes_from_the_threshold_on() {
        let spec = json!({"levenshtein": {"value": "kitten", "threshold": 0.8}});
        let near = score(&spec, " kitte\n", &[]);
        assert_eq!(near.pass, Some(true), "{near:?}");
        assert_eq!(score(&spec, "sitting", &[]).pass, Some(false));
        assert_eq!(score(&json!({"levenshtein": {"value": "a"}}), "b", &[]), Score::of(0.0, None));
        let loose = json!({"levenshtein": {"value": "ABC", "ignore_case": true}});
        assert_eq!(score(&loose, "abc", &[]), Score::of(1.0, None));
    }

    #[test]
    fn what_cannot_be_compared_is_not_scored() {
        let spec = json!({"levenshtein": {"value": "{{ x }}"}});
        assert!(skipped(&spec, "a", &[""]).contains("nothing to compare with"));
        let (one, other) = ("ab ".repeat(200_000), "xay".repeat(200_000));
        assert!(broken(&spec, &one, &[&other]).contains("use `rouge_l`"));
    }
}
