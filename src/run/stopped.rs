//! Why a run stopped with tasks left. Later sessions go on with them.

use std::time::Duration;

use crate::call::failure::FailureKind;
use crate::engine::budget::Shortage;

/// A run that stopped with tasks left.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// What stopped it.
    pub by: StoppedBy,
    /// Tasks that have no outcome.
    pub left: u64,
}

/// What stopped a run with tasks left. Where several did, the first of these is told.
#[derive(Clone, Debug, PartialEq)]
pub enum StoppedBy {
    /// The user.
    User,
    /// No money is left for the next call.
    Budget(Shortage),
    /// Too much of the first share failed.
    Canary {
        /// Which share may fail.
        max_error_rate: f64,
        /// The models of which more failed, in plan order; one at least.
        failing: Vec<Failing>,
    },
    /// The deadline of the session.
    Deadline {
        /// How long the session might take.
        limit: Duration,
        /// Whether that time was over; else all that was left would have waited beyond it.
        is_reached: bool,
        /// The models that were left alone before, each with what it waits for.
        parked: Vec<(String, String)>,
    },
}

/// A model that failed too often in the canary.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// Its label, and the combination of the matrix.
    pub model: String,
    /// How many of its tasks failed or were skipped because the model was closed.
    pub failed: u64,
    /// How many of its tasks were judged.
    pub judged: u64,
    /// The most frequent type of error.
    pub kind: FailureKind,
    /// The message of one of these errors.
    pub example: String,
}

impl StoppedBy {
    /// The word in `run.json` and `summary.json`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::User => "interrupted",
            Self::Budget(_) => "budget",
            Self::Canary { .. } => "canary",
            Self::Deadline { .. } => "deadline",
        }
    }
}
