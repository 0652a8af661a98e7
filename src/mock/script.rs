//! The script: what `[providers.mock]` and the file of `runner mock --script` say.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::call::duration::DurationText;
use crate::mock::faults::Faults;
use crate::mock::limits::Limits;

/// The spread of latencies where none is stated: one call in twenty takes over 1.6 times the
/// median, about what one sees of a provider on a calm day.
const USUAL_SIGMA: f64 = 0.3;

/// The wait asked for after a failure that has no wait of its own.
const USUAL_RETRY_AFTER: Duration = Duration::from_secs(1);

/// How the built-in provider behaves. Left empty, it answers everything at once.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The median time until an answer is complete, such as "400ms"; none when left out.
    #[serde(default)]
    pub latency: DurationText,
    /// How far latencies spread (the sigma of a lognormal distribution): 0 for none, 0.3 when left out.
    pub latency_sigma: Option<f64>,
    /// Which share of the requests fails, and how.
    #[serde(default)]
    pub faults: Faults,
    /// The limits that it enforces with status 429.
    #[serde(default)]
    pub limits: Limits,
    /// The wait it asks for after a fault of `rate_limit` or too many requests at a time; "1s" when left out.
    pub retry_after: Option<DurationText>,
    /// A CSV or JSONL file with the columns `prompt` and `answer`.
    pub answers: Option<PathBuf>,
    /// Another seed gives other latencies and faults; the same seed gives the same ones.
    #[serde(default)]
    pub seed: u64,
}

impl Script {
    /// Every value that is out of its range: its key, and what to write instead.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Some(sigma) = self.latency_sigma
            && !(0.0..=3.0).contains(&sigma)
        {
            let message = format!("is {sigma}, but must be between 0 (no spread) and 3");
            found.push(("latency_sigma".to_owned(), message));
        }
        found.extend(self.faults.faults());
        found.extend(self.limits.faults());
        found
    }

    /// The spread of latencies.
    pub fn sigma(&self) -> f64 {
        self.latency_sigma.unwrap_or(USUAL_SIGMA)
    }

    /// The wait asked for after a failure that has no wait of its own.
    pub fn wait(&self) -> Duration {
        self.retry_after.map_or(USUAL_RETRY_AFTER, Duration::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_reads_what_the_contract_promises() {
        let script: Script = toml::from_str(
            r#"
            latency = "400ms"
            faults = { rate_limit = 0.05, server_error = 0.02, reset = 0.01, timeout = 0, truncated = 0.01 }
            limits = { rpm = 500, tpm = 200_000, concurrency = 64 }
            answers = "answers.jsonl"
            seed = 7
            "#,
        )
        .expect("a script");
        assert_eq!(script.latency.0, Duration::from_millis(400));
        assert_eq!(script.limits.tpm, Some(200_000));
        assert_eq!(script.faults(), []);
        assert_eq!(toml::from_str::<Script>("").expect("a script"), Script::default());
    }

    #[test]
    fn a_slip_is_named() {
        let error = toml::from_str::<Script>("latencey = \"1s\"").expect_err("unknown key");
        assert!(error.message().contains("unknown field `latencey`"), "{error}");
    }

    #[test]
    fn every_value_out_of_range_is_told() {
        let script: Script = toml::from_str(
            "latency_sigma = -1.0\nlimits = { rpm = 0 }\nfaults = { reset = 5, timeout = 0.5 }",
        )
        .expect("a script");
        let keys: Vec<String> = script.faults().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["latency_sigma", "faults.reset", "limits.rpm"]);
    }
}
