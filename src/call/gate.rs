//! Gates: bounds that a run has to keep, as a job states them and as they turned out.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::call::metric::Metric;

/// A bound on what is measured; one that is not kept makes the exit code 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is measured.
    pub metric: Metric,
    /// Of whom.
    pub per: Per,
    /// The least that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The most that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// How far it may have moved for the worse since another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The labels of the models that it is about; all where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The prompt sets that it is about; all where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<String>,
    /// What tasks that failed count for, where scores are measured.
    #[serde(default)]
    pub errors: ErrorRule,
}

/// Of whom something is measured.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// Of the run as a whole.
    #[default]
    Run,
    /// Of each model, in each variant.
    Model,
}

/// What tasks that failed count for, where scores are measured.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ErrorRule {
    /// Nothing: only answers are scored. `error_rate` is a gate of its own.
    #[default]
    Exclude,
    /// A score of 0.
    Count,
}

/// A bound on how far a metric may have moved for the worse since another run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Since {
    /// The other run: `pinned`, `previous`, `latest~3`, or a run folder.
    pub baseline: String,
    /// How far, in the metric's own unit; a share of its value in the other run where
    /// `is_relative`.
    pub slack: f64,
    /// Whether `slack` is a share.
    #[serde(default)]
    pub is_relative: bool,
    /// How sure one must be that it moved further, from 0.5 to 1; with none, what is measured
    /// counts as it is.
    #[serde(default)]
    pub confidence: Option<f64>,
}

/// How a gate turned out for one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GateResult {
    /// The gate in a few words, such as `right >= 0.9`.
    pub gate: String,
    /// What was measured.
    pub metric: Metric,
    /// Of whom it is measured.
    pub per: Per,
    /// The model, with its variant, that this is about; null for the run as a whole.
    pub subject: Option<String>,
    /// What was measured; null where there was nothing to measure.
    pub value: Option<f64>,
    /// The bound in a few words, such as `min 0.9`.
    pub bound: String,
    /// How many values that rests on.
    pub samples: u64,
    /// How many tasks failed among those that it is about.
    pub errors: u64,
    /// What tasks that failed count for.
    pub error_rule: ErrorRule,
    /// Whether the bound was kept.
    pub passed: bool,
    /// What else is to be known, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Gate {
    /// Whether it is about the answers of this model to this prompt set.
    pub fn covers(&self, model: &str, prompt: &str) -> bool {
        let is_in = |list: &[String], name| list.is_empty() || list.iter().any(|one| one == name);
        is_in(&self.models, model) && is_in(&self.prompts, prompt)
    }

    /// The bound in a few words.
    pub fn bound(&self) -> String {
        let mut bounds = Vec::new();
        bounds.extend(self.min.map(|min| format!("min {min}")));
        bounds.extend(self.max.map(|max| format!("max {max}")));
        bounds.extend(self.since.as_ref().map(|since| since.told(&self.metric)));
        bounds.join(", ")
    }
}

impl Since {
    fn told(&self, metric: &Metric) -> String {
        let word = if metric.is_better_high() { "drop" } else { "rise" };
        let slack = match self.is_relative {
            true => format!("{}%", self.slack * 100.0),
            false => self.slack.to_string(),
        };
        let sure = self.confidence.map(|confidence| format!(" @{}%", confidence * 100.0));
        format!("{word} {slack} since {}{}", self.baseline, sure.unwrap_or_default())
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max, &self.since) {
            (Some(min), None, None) => write!(f, "{} >= {min}", self.metric)?,
            (None, Some(max), None) => write!(f, "{} <= {max}", self.metric)?,
            _ => write!(f, "{}: {}", self.metric, self.bound())?,
        }
        for (what, list) in [("of", &self.models), ("on", &self.prompts)] {
            if !list.is_empty() {
                write!(f, " {what} {}", list.join(", "))?;
            }
        }
        Ok(())
    }
}
