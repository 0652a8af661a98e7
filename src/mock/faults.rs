//! Faults: which share of the requests goes wrong, and how.

use serde::{Deserialize, Serialize};

/// One way of going wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Status 429 with a wait, as if others used up the limit.
    RateLimit,
    /// Status 500.
    ServerError,
    /// The connection is reset without an answer.
    Reset,
    /// No answer ever; the connection stays open until the client goes.
    Timeout,
    /// The answer is cut off half-way.
    Truncated,
}

/// The share of the requests that goes wrong in each way, each from 0 to 1 and together at most 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Answered with status 429 and a wait.
    #[schemars(range(min = 0, max = 1))]
    pub rate_limit: f64,
    /// Answered with status 500.
    #[schemars(range(min = 0, max = 1))]
    pub server_error: f64,
    /// The connection is reset without an answer.
    #[schemars(range(min = 0, max = 1))]
    pub reset: f64,
    /// Never answered.
    #[schemars(range(min = 0, max = 1))]
    pub timeout: f64,
    /// Answered, but cut off half-way.
    #[schemars(range(min = 0, max = 1))]
    pub truncated: f64,
}

impl Faults {
    /// Whether anything can go wrong at all.
    pub fn any(&self) -> bool {
        self.shares().iter().any(|(_, _, share)| *share > 0.0)
    }

    /// What goes wrong for a draw between 0 and 1, if anything.
    pub fn drawn(&self, draw: f64) -> Option<Fault> {
        let mut edge = 0.0;
        self.shares().into_iter().find_map(|(_, fault, share)| {
            edge += share;
            (draw < edge).then_some(fault)
        })
    }

    /// Every share that is out of its range: its key, and what to write instead.
    pub fn faults(&self) -> Vec<(String, String)> {
        let shares = self.shares();
        let mut found: Vec<_> = shares
            .iter()
            .filter(|(_, _, share)| !(0.0..=1.0).contains(share))
            .map(|(name, _, share)| (format!("faults.{name}"), out_of_range(*share)))
            .collect();
        let sum: f64 = shares.iter().map(|(_, _, share)| share).sum();
        // Ten shares of 0.1 add up to a little over 1 in binary.
        if found.is_empty() && sum > 1.0 + 1e-9 {
            let message = format!("the shares add up to {sum}; together they can be 1 at most");
            found.push(("faults".to_owned(), message));
        }
        found
    }

    fn shares(&self) -> [(&'static str, Fault, f64); 5] {
        [
            ("rate_limit", Fault::RateLimit, self.rate_limit),
            ("server_error", Fault::ServerError, self.server_error),
            ("reset", Fault::Reset, self.reset),
            ("timeout", Fault::Timeout, self.timeout),
            ("truncated", Fault::Truncated, self.truncated),
        ]
    }
}

fn out_of_range(share: f64) -> String {
    if share > 1.0 && share <= 100.0 {
        let meant = share / 100.0;
        format!("is {share}, but a share is between 0 and 1; {share} percent is written {meant}")
    } else {
        format!("is {share}, but a share is between 0 and 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_drawn_as_stated() {
        let faults = Faults { rate_limit: 0.2, reset: 0.1, ..Faults::default() };
        assert!(faults.any() && !Faults::default().any());
        let draws: Vec<_> =
            (0..1000).map(|i| faults.drawn((f64::from(i) + 0.5) / 1000.0)).collect();
        let count = |fault| draws.iter().filter(|drawn| **drawn == fault).count();
        assert_eq!(count(Some(Fault::RateLimit)), 200);
        assert_eq!(count(Some(Fault::Reset)), 100);
        assert_eq!(count(None), 700);
        let all = Faults { truncated: 1.0, ..Faults::default() };
        assert_eq!(all.drawn(0.999_999), Some(Fault::Truncated));
    }

    #[test]
    fn shares_above_one_are_told_with_what_was_meant() {
        let percent = Faults { reset: 5.0, ..Faults::default() };
        assert_eq!(
            percent.faults(),
            [(
                "faults.reset".to_owned(),
                "is 5, but a share is between 0 and 1; 5 percent is written 0.05".to_owned()
            )]
        );
        let sum = Faults { reset: 0.6, timeout: 0.6, ..Faults::default() };
        assert_eq!(sum.faults()[0].0, "faults");
        let nan = Faults { reset: f64::NAN, ..Faults::default() };
        assert_eq!(nan.faults()[0].0, "faults.reset");
    }
}
