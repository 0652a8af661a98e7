//! `rouge_l`: how much of a reference the answer has, in its order.

use serde::Deserialize;

use crate::call::score::Score;

use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::tokens::Numbers;
use super::{Case, Scorer};
use super::{distance, porter};

scorer_spec! {
    /// The longest sequence of words that answer and reference share, words between left out:
    /// `rougeL` of the Python package `rouge-score`. Words are runs of a-z and 0-9, upper case as
    /// lower case; for texts in other scripts use `bleu` with `tokenize = "char"`.
    pub struct RougeLSpec {
        /// The reference; a Jinja2 template of the row's columns. A row for which it is empty is
        /// not scored.
        #[schemars(length(min = 1))]
        pub value: String,
        /// English words count by their stem, `running` as `runs`: `use_stemmer` of `rouge-score`.
        #[serde(default)]
        pub stemmer: bool,
        /// What the value is; `f1` when left out.
        pub measure: Option<RougeMeasure>,
        /// From which value on an answer passes; without it, answers are graded only.
        #[schemars(range(min = 0, max = 1))]
        pub threshold: Option<f64>,
    }
}

/// What the value of `rouge_l` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RougeMeasure {
    /// The harmonic mean of the other two.
    #[default]
    F1,
    /// The share of the answer that stands in the reference.
    Precision,
    /// The share of the reference that stands in the answer.
    Recall,
}

impl Spec for RougeLSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let value = Text::of("value", &self.value);
        value.not_blank()?;
        if !value.is_template() && words(value.text, false).is_empty() {
            return Err(SpecFault::at("value", "this has no words of a-z and 0-9", INSTEAD));
        }
        Ok(Box::new(RougeL {
            stemmer: self.stemmer,
            measure: self.measure.unwrap_or_default(),
            threshold: self.threshold,
        }))
    }
}

const INSTEAD: &str = "use `bleu` with tokenize = \"char\", or `levenshtein`, for other scripts";

#[derive(Debug)]
struct RougeL {
    stemmer: bool,
    measure: RougeMeasure,
    threshold: Option<f64>,
}

impl Scorer for RougeL {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        let reference = words(value, self.stemmer);
        if reference.is_empty() {
            return Score::broken(format!(
                "`value` has no words of a-z and 0-9 for this row; {INSTEAD}"
            ));
        }
        let Ok(shared) = Shared::of(&words(case.answer, self.stemmer), &reference) else {
            let why =
                "the answer and `value` are too long to be compared; use `bleu` or `contains`";
            return Score::broken(why);
        };
        spec::graded(shared.measured(self.measure), self.threshold)
    }
}

/// The words of a text as `rouge-score` has them.
fn words(text: &str, stemmer: bool) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    let stem = |word: &str| match stemmer && word.len() > 3 {
        true => porter::stem(word),
        false => word.to_owned(),
    };
    words.filter(|word| !word.is_empty()).map(stem).collect()
}

/// How many words two texts share, and how many they have.
#[derive(Debug, Default)]
struct Shared {
    words: usize,
    of_answer: usize,
    of_reference: usize,
}

impl Shared {
    fn of(answer: &[String], reference: &[String]) -> Result<Self, distance::TooLong> {
        let mut numbers = Numbers::default();
        let one = numbers.of(answer.iter().map(String::as_str));
        let other = numbers.of(reference.iter().map(String::as_str));
        let words = distance::common(&one, &other)?;
        Ok(Self { words, of_answer: one.len(), of_reference: other.len() })
    }

    fn measured(&self, measure: RougeMeasure) -> f64 {
        if self.words == 0 {
            return 0.0;
        }
        let precision = self.words as f64 / self.of_answer as f64;
        let recall = self.words as f64 / self.of_reference as f64;
        match measure {
            RougeMeasure::Precision => precision,
            RougeMeasure::Recall => recall,
            RougeMeasure::F1 => 2.0 * precision * recall / (precision + recall),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::table::testing::{broken, fault, score, skipped};
    use super::*;

    #[test]
    fn it_is_what_rouge_score_says() {
        let cases: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/eval/rouge_l.json")).expect("cases");
        assert!(cases.len() >= 40);
        for case in cases {
            let stemmer = case["stemmer"].as_bool().expect("a bool");
            let words = |key: &str| words(case[key].as_str().expect("text"), stemmer);
            let shared = Shared::of(&words("answer"), &words("value")).expect("short");
            for (measure, key) in [
                (RougeMeasure::F1, "f1"),
                (RougeMeasure::Precision, "precision"),
                (RougeMeasure::Recall, "recall"),
            ] {
                let found = shared.measured(measure);
                let wanted = case[key].as_f64().expect("a number");
                assert!((found - wanted).abs() < 1e-6, "{case}: {key} {found}");
            }
        }
    }

    #[test]
    fn the_value_is_what_was_asked_for() {
        let of = |measure: &str| {
            let spec = json!({"rouge_l": {"value": "the cat sat down", "measure": measure, "threshold": 0.5}});
            score(&spec, "The cat.", &[])
        };
        assert_eq!((of("precision").value, of("recall").value), (Some(1.0), Some(0.5)));
        assert!((of("f1").value.expect("scored") - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(of("recall").pass, Some(true));
        let stemmed = json!({"rouge_l": {"value": "running dogs", "stemmer": true}});
        assert_eq!(score(&stemmed, "runs dog", &[]), Score::of(1.0, None));
    }

    #[test]
    fn a_reference_without_words_is_no_reference() {
        let spec = json!({"rouge_l": {"value": "{{ x }}"}});
        assert!(broken(&spec, "a", &["你好"]).contains("tokenize = \"char\""));
        assert!(skipped(&spec, "a", &[" "]).contains("nothing to compare with"));
        assert_eq!(fault(&json!({"rouge_l": {"value": "你好"}})).0, "value");
        assert_eq!(score(&spec, "你好", &["hello"]), Score::of(0.0, None));
    }
}
