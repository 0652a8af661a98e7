//! How good an answer is, by one scorer: part of the record, so everyone shares its words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::money::Usd;

/// The scores of one answer, by the column that the job gives each scorer.
pub type Scores = BTreeMap<String, Score>;

/// What one scorer says of one answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Score {
    /// From 0, the worst, to 1, the best; null when it was not scored.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub value: Option<f64>,
    /// Whether that is good enough; null when it was not scored, and where no bound is stated.
    pub pass: Option<bool>,
    /// Whether it was scored; absent when it was.
    #[serde(default, skip_serializing_if = "ScoreState::is_scored")]
    pub state: ScoreState,
    /// What was seen, in a few words; absent when there is nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it cost to score the answer, in USD; absent when that cost nothing or is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Usd>,
}

/// A scorer of a job, as reports know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScorerHead {
    /// Its column.
    pub column: String,
    /// Its kind, such as `equals`.
    pub kind: String,
    /// What its values count for in an overall score; 1 when the job states none.
    pub weight: f64,
    /// Whether it asks a model, which costs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_model: bool,
}

/// Whether an answer was scored. What was skipped or broken is not a failed answer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ScoreState {
    /// It has a value.
    #[default]
    Scored,
    /// There was nothing to hold the answer against.
    Skipped,
    /// The scorer itself failed: its program, its judge or what the row expects.
    Broken,
}

impl ScoreState {
    /// Whether it has a value.
    pub fn is_scored(&self) -> bool {
        *self == Self::Scored
    }
}

impl Score {
    /// A value from 0 to 1, and whether it is good enough where that is known. A value outside is
    /// brought to the nearer end; one that is no number is broken.
    pub fn of(value: f64, pass: Option<bool>) -> Self {
        if value.is_nan() {
            return Self::broken("the value is no number");
        }
        Self { value: Some(value.clamp(0.0, 1.0)), pass, ..Self::default() }
    }

    /// 1 and passed, or 0 and failed.
    pub fn verdict(pass: bool) -> Self {
        Self::of(if pass { 1.0 } else { 0.0 }, Some(pass))
    }

    /// There was nothing to hold the answer against.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { state: ScoreState::Skipped, note: Some(why.into()), ..Self::default() }
    }

    /// The scorer itself failed.
    pub fn broken(why: impl Into<String>) -> Self {
        Self { state: ScoreState::Broken, note: Some(why.into()), ..Self::default() }
    }

    /// The same with a note.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_says_no_more_than_it_has_to() {
        let json = |score: &Score| serde_json::to_string(score).expect("json");
        assert_eq!(json(&Score::verdict(true)), r#"{"value":1.0,"pass":true}"#);
        assert_eq!(json(&Score::of(7.0, None)), r#"{"value":1.0,"pass":null}"#);
        let broken = Score::of(f64::NAN, None);
        let text = r#"{"value":null,"pass":null,"state":"broken","note":"the value is no number"}"#;
        assert_eq!(json(&broken), text);
        assert_eq!(serde_json::from_str::<Score>(text).expect("a score"), broken);
    }
}
