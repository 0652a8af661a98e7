//! How one model was paced: what was stated, what was learned, and the time lost to each cause.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::failure::FailureKind;

/// How one model of one provider was paced, in one session or over all sessions of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Pacing {
    /// The provider.
    pub provider: String,
    /// The model's name as the provider knows it.
    pub model: String,
    /// The limits that the job states for the model.
    pub stated: Stated,
    /// The limits that the job states for all models of the provider together.
    pub stated_for_provider: Stated,
    /// What was learned from the provider, by the end.
    pub learned: Learned,
    /// Calls that ended.
    pub calls: u64,
    /// Calls that were refused because there were too many (429).
    pub refused: u64,
    /// Calls that failed as if the provider were faulty: 5xx, timeouts, broken connections.
    pub faulty: u64,
    /// How often the provider was taken to be away.
    pub outages: u64,
    /// Retries that `retry.budget` denied.
    pub retries_denied: u64,
    /// How long nothing was sent for want of leave, in ms by cause: a limit (`rps`, `rpm`, `rpd`,
    /// `tpm`, `itpm`, `otpm`), `retry_after` (the provider asked for a pause), `refusals` (it refused
    /// call after call), `learned_pace`, `headers` (they told that little was left), `outage`.
    pub waited_ms: BTreeMap<String, u64>,
    /// Why no more calls were made in the last session; null when that did not happen.
    pub closed: Option<String>,
    /// The type of the error that `closed` tells of.
    pub closed_by: Option<FailureKind>,
    /// Whether no more calls were made because the next one would have come after the run's
    /// deadline: its other tasks were left alone, and are not `skipped`.
    pub parked: bool,
}

/// Limits by their keys in the job; null where none is stated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are those of the job file")]
pub struct Stated {
    pub rps: Option<f64>,
    pub rpm: Option<u64>,
    pub rpd: Option<u64>,
    pub tpm: Option<u64>,
    pub itpm: Option<u64>,
    pub otpm: Option<u64>,
    pub concurrency: Option<u64>,
}

/// What was learned of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Learned {
    /// Calls in flight that it takes.
    pub width: u64,
    /// The most that were allowed at any time.
    pub widest: u64,
    /// How often the width was cut because calls were refused.
    pub cuts: u64,
    /// The pace that refusals taught, where one held at the end.
    pub requests_per_minute: Option<f64>,
    /// The slowest pace that refusals ever taught.
    pub slowest_requests_per_minute: Option<f64>,
    /// Limits that the provider's headers told, by what they count.
    pub told_by_headers: BTreeMap<String, u64>,
}

impl Pacing {
    /// `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// How long nothing was sent for want of leave, in ms.
    pub fn waited(&self) -> u64 {
        self.waited_ms.values().sum()
    }

    /// Adds a later session of the same model: its calls and its time count too, and what it
    /// states, learned and closed for stands in place of what was before.
    pub fn add(&mut self, later: &Self) {
        let mut sum = later.clone();
        if later.calls == 0 {
            // It was not asked, so nothing was learned.
            sum.learned = self.learned.clone();
        }
        sum.calls += self.calls;
        sum.refused += self.refused;
        sum.faulty += self.faulty;
        sum.outages += self.outages;
        sum.retries_denied += self.retries_denied;
        for (cause, millis) in &self.waited_ms {
            *sum.waited_ms.entry(cause.clone()).or_default() += millis;
        }
        *self = sum;
    }

    /// Forgets that no more calls were made: a later session may have found all well.
    pub fn reopen(&mut self) {
        (self.closed, self.closed_by, self.parked) = (None, None, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(calls: u64, width: u64, waited: &[(&str, u64)]) -> Pacing {
        Pacing {
            provider: "lab".to_owned(),
            model: "m".to_owned(),
            learned: Learned { width, ..Learned::default() },
            calls,
            waited_ms: waited.iter().map(|(cause, ms)| ((*cause).to_owned(), *ms)).collect(),
            ..Pacing::default()
        }
    }

    #[test]
    fn sessions_add_up_and_the_last_one_knows_best() {
        let mut sum = session(3, 37, &[("rpm", 5), ("outage", 7)]);
        sum.closed = Some("wrong key".to_owned());
        sum.add(&session(4, 12, &[("rpm", 10)]));
        let waited: Vec<(&str, u64)> =
            sum.waited_ms.iter().map(|(cause, ms)| (cause.as_str(), *ms)).collect();
        assert_eq!(waited, [("outage", 7), ("rpm", 15)]);
        assert_eq!((sum.calls, sum.learned.width, &sum.closed), (7, 12, &None));
        sum.add(&session(0, 4, &[]));
        assert_eq!((sum.calls, sum.learned.width), (7, 12), "what was not asked taught nothing");
    }

    #[test]
    fn keys_that_are_not_there_do_no_harm() {
        let read: Pacing = serde_json::from_str(r#"{"model":"m","calls":2,"weather":1}"#).unwrap();
        assert_eq!((read.calls, read.learned, read.closed), (2, Learned::default(), None));
    }
}
