//! Scores of scorers that are stated as a job would.

use serde_json::Value;

use crate::call::score::{Score, ScoreState};
use crate::eval::spec::{Files, SpecFault, Step};
use crate::eval::{Case, Scorer};

use super::ScorerSpec;

/// A folder that holds one schema and nothing else.
pub(in crate::eval) struct OneFile;

impl Files for OneFile {
    fn read(&self, path: &str) -> Result<String, String> {
        match path {
            "schema.json" => Ok(r#"{"type": "object", "required": ["a"]}"#.to_owned()),
            "broken.json" => Ok("{".to_owned()),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

/// The spec of such a table.
pub(in crate::eval) fn spec(table: &Value) -> ScorerSpec {
    serde_json::from_value(table.clone()).expect("a spec")
}

/// The scorer of such a table.
pub(in crate::eval) fn scorer(table: &Value) -> Box<dyn Scorer> {
    match spec(table).scorer(&OneFile) {
        Ok(scorer) => scorer,
        Err(fault) => panic!("{table}: {fault:?}"),
    }
}

/// The score of a case, whose texts are those of the spec.
pub(in crate::eval) fn score_case(table: &Value, case: &Case<'_>) -> Score {
    let spec = spec(table);
    let texts: Vec<String> = spec.texts().iter().map(|text| text.text.to_owned()).collect();
    scorer(table).score(&Case { texts: &texts, ..*case })
}

/// The score of an answer, with these texts rendered; with those of the spec when there are none.
pub(in crate::eval) fn score(table: &Value, answer: &str, texts: &[&str]) -> Score {
    if texts.is_empty() {
        return score_case(table, &Case { answer, ..Case::default() });
    }
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    scorer(table).score(&Case { answer, texts: &texts, ..Case::default() })
}

/// Whether the answer passes a scorer whose texts are without variables.
pub(in crate::eval) fn passes(table: &Value, answer: &str) -> bool {
    let score = score(table, answer, &[]);
    let pass = score.pass.unwrap_or_else(|| panic!("{table} {answer:?}: {score:?}"));
    assert_eq!(score.value, Some(f64::from(u8::from(pass))));
    pass
}

/// What is noted of an answer.
pub(in crate::eval) fn note(table: &Value, answer: &str) -> String {
    score(table, answer, &[]).note.unwrap_or_default()
}

/// Why an answer was not scored.
pub(in crate::eval) fn skipped(table: &Value, answer: &str, texts: &[&str]) -> String {
    unscored(&score(table, answer, texts), ScoreState::Skipped)
}

/// Why the scorer failed.
pub(in crate::eval) fn broken(table: &Value, answer: &str, texts: &[&str]) -> String {
    unscored(&score(table, answer, texts), ScoreState::Broken)
}

fn unscored(score: &Score, state: ScoreState) -> String {
    assert_eq!((score.state, score.value, score.pass), (state, None, None), "{score:?}");
    score.note.clone().unwrap_or_default()
}

/// Where a spec is at fault, and what is wrong.
pub(in crate::eval) fn fault(table: &Value) -> (String, String) {
    let fault: SpecFault = spec(table).scorer(&OneFile).expect_err("a fault");
    assert!(!fault.help.is_empty());
    let step = |at: String, step: &Step| match step {
        Step::Key(name) if at.is_empty() => name.to_string(),
        Step::Key(name) => format!("{at}.{name}"),
        Step::Index(nth) => format!("{at}[{nth}]"),
    };
    (fault.at.iter().fold(String::new(), step), fault.message)
}
