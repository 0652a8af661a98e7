//! What `--fail-on` says: `right<-0.02@95%`, a bound on how a metric may change.
//!
//! ```text
//! condition  = metric ("<" | ">") number ["%"] ["@" number "%"]
//! ```
//!
//! The number is a change, new less base, in the metric's own unit, or with `%` in percent of its
//! value in the base. Behind `@` stands how sure one must be, one-sided, that it changed by more;
//! with none, what was measured counts as it is.

use std::fmt;
use std::str::FromStr;

use crate::call::gate::Since;
use crate::call::metric::{Metric, NoMetric, Point};

/// A bound on how a metric may change.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// What is measured.
    pub metric: Metric,
    /// On which side of the bound the regression lies.
    pub side: Side,
    /// The bound; a share of the value in the base where `is_relative`.
    pub bound: f64,
    /// Whether the bound is a share.
    pub is_relative: bool,
    /// How sure one must be that it lies there, from 0.5 to 1.
    pub confidence: Option<f64>,
}

/// A side of a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `<`
    Below,
    /// `>`
    Above,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// There is no `<` and no `>`.
    #[error("`{0}` has no `<` or `>` between a metric and a change")]
    NoSide(String),
    /// What follows is no number.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// What follows `@` is no share.
    #[error("`@{0}` does not say how sure one must be")]
    NotSure(String),
    /// Nothing need change for it to be true.
    #[error("`{0}` is true of a run in which nothing changed")]
    AlwaysTrue(String),
    /// There is no such metric.
    #[error("there is no metric `{0}`")]
    NoMetric(String),
    /// There is no test for the metric.
    #[error("nothing can be said with confidence of `{0}`")]
    NoTest(Metric),
}

impl ConditionError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::NoSide(_) => "write it like `right<-0.02@95%` or `latency_p50_ms>+20%`",
            Self::NotANumber(_) => "write a change such as `-0.02`, or `+20%` of what the base has",
            Self::NotSure(_) => "write a percentage above 50 and below 100, such as `@95%`",
            Self::AlwaysTrue(_) => {
                "it bounds a change, new less base: write `right<-0.02` for a drop of more than \
                 0.02, `error_rate>0.01` for a rise; a bound on the value itself is a gate of the job"
            }
            Self::NoMetric(_) => "name a scorer of the job, or a metric that every run has",
            Self::NoTest(_) => {
                "leave `@...` away, so that what was measured counts; scores, pass rates, \
                 `error_rate`, `latency_p50_ms`, `ttft_p50_ms` and `cost_per_task_usd` can be tested"
            }
        }
        .to_owned()
    }
}

impl From<NoMetric> for ConditionError {
    fn from(NoMetric(name): NoMetric) -> Self {
        Self::NoMetric(name)
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    /// Any metric that is not built in is taken for a scorer's; [`Condition::check`] knows better.
    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let Some(at) = text.find(['<', '>']).filter(|at| !text[..*at].trim().is_empty()) else {
            return Err(ConditionError::NoSide(text.to_owned()));
        };
        let metric: Metric = text[..at].trim().parse()?;
        let side = if text[at..].starts_with('<') { Side::Below } else { Side::Above };
        let (bound, sure) = match text[at + 1..].split_once('@') {
            Some((bound, sure)) => (bound, Some(sure)),
            None => (&text[at + 1..], None),
        };
        let (bound, is_relative) = match bound.trim().strip_suffix('%') {
            Some(percent) => (number(percent)? / 100.0, true),
            None => (number(bound)?, false),
        };
        let is_true_of_nothing = match side {
            Side::Below => bound > 0.0,
            Side::Above => bound < 0.0,
        };
        if is_true_of_nothing {
            return Err(ConditionError::AlwaysTrue(text.to_owned()));
        }
        let confidence = sure.map(confidence).transpose()?;
        if confidence.is_some() && !has_test(&metric) {
            return Err(ConditionError::NoTest(metric));
        }
        Ok(Self { metric, side, bound, is_relative, confidence })
    }
}

impl Condition {
    /// The bound that a gate puts on the change of its metric.
    pub fn of_gate(metric: &Metric, since: &Since) -> Self {
        let (side, bound) = match metric.is_better_high() {
            true => (Side::Below, -since.slack.abs()),
            false => (Side::Above, since.slack.abs()),
        };
        let (metric, confidence) = (metric.clone(), since.confidence);
        Self { metric, side, bound, is_relative: since.is_relative, confidence }
    }

    /// Whether the metric is there, where these are the columns of the scorers.
    pub fn check(&self, columns: &[&str]) -> Result<(), ConditionError> {
        Metric::named(&self.metric.to_string(), columns)?;
        Ok(())
    }

    /// Whether a change lies where the regression is.
    pub(super) fn is_beyond(&self, change: f64, bound: f64) -> bool {
        // A drop from 0.8 to 0.78 is one of 0.02 and no more, whatever binary fractions say.
        let rounding = 1e-9 * bound.abs().max(1e-3);
        match self.side {
            Side::Below => change < bound - rounding,
            Side::Above => change > bound + rounding,
        }
    }
}

/// Whether there is a test for how sure one may be of a change of this metric.
pub fn has_test(metric: &Metric) -> bool {
    match metric {
        Metric::Score(_) | Metric::PassRate(_) | Metric::ErrorRate | Metric::CostPerTaskUsd => true,
        Metric::Latency(point) | Metric::Ttft(point) => *point == Point::Percentile(50),
        _ => false,
    }
}

fn number(text: &str) -> Result<f64, ConditionError> {
    let text = text.trim();
    let has_digits = text.contains(|c: char| c.is_ascii_digit());
    let found = text.parse().ok().filter(|number: &f64| has_digits && number.is_finite());
    found.ok_or_else(|| ConditionError::NotANumber(text.to_owned()))
}

fn confidence(text: &str) -> Result<f64, ConditionError> {
    let percent = text.trim().strip_suffix('%').and_then(|percent| number(percent).ok());
    let share = percent.filter(|percent| *percent > 50.0 && *percent < 100.0);
    share.map(|percent| percent / 100.0).ok_or_else(|| ConditionError::NotSure(text.to_owned()))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.side == Side::Below { '<' } else { '>' };
        write!(f, "{}{side}", self.metric)?;
        match self.is_relative {
            true => write!(f, "{}%", percent(self.bound))?,
            false => write!(f, "{}", self.bound)?,
        }
        self.confidence.map_or(Ok(()), |sure| write!(f, "@{}%", percent(sure)))
    }
}

/// A share in percent, without the dust of binary fractions.
fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Condition, ConditionError> {
        text.parse()
    }

    #[test]
    fn a_condition_reads_back_what_it_writes() {
        for (text, written) in [
            ("right<-0.02@95%", "right<-0.02@95%"),
            ("error_rate>0.01", "error_rate>0.01"),
            ("latency_p50_ms>+20%", "latency_p50_ms>20%"),
            (" cost_usd > +10 % ", "cost_usd>10%"),
            ("right.pass_rate<-5%@99.5%", "right.pass_rate<-5%@99.5%"),
            ("right<0", "right<0"),
            ("total_tokens>1e3", "total_tokens>1000"),
        ] {
            let condition = read(text).unwrap();
            assert_eq!(condition.to_string(), written);
            assert_eq!(read(written).unwrap(), condition);
        }
        let condition = read("right<-2%@95%").unwrap();
        assert_eq!((condition.side, condition.bound), (Side::Below, -0.02));
        assert_eq!((condition.is_relative, condition.confidence), (true, Some(0.95)));
    }

    #[test]
    fn what_is_no_condition_is_told_why() {
        for (text, told) in [
            ("right", "has no `<` or `>`"),
            ("right-0.02", "has no `<` or `>`"),
            ("right<", "`` is not a number"),
            ("right<=-0.02", "`=-0.02` is not a number"),
            ("right<-0.02.1", "is not a number"),
            ("right<-inf", "is not a number"),
            ("right<nan", "is not a number"),
            ("right<-0.02@", "does not say how sure"),
            ("right<-0.02@95", "does not say how sure"),
            ("right<-0.02@50%", "does not say how sure"),
            ("right<-0.02@100%", "does not say how sure"),
            ("right<0.9", "is true of a run in which nothing changed"),
            ("error_rate>-1%", "is true of a run in which nothing changed"),
            ("cost_usd>10%@95%", "nothing can be said with confidence of `cost_usd`"),
            ("latency_p95_ms>10%@95%", "nothing can be said with confidence"),
            ("<0", "has no `<` or `>` between"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(told), "{text}: {error}");
            assert!(!error.help().is_empty());
        }
        let condition = read("rihgt<-0.02").unwrap();
        let error = condition.check(&["right"]).unwrap_err();
        assert_eq!(error, ConditionError::NoMetric("rihgt".to_owned()));
        assert_eq!(condition.check(&["rihgt"]), Ok(()));
    }

    #[test]
    fn a_bound_that_is_met_to_the_digit_is_kept() {
        let condition = read("right<-0.02").unwrap();
        assert!(!condition.is_beyond(0.78 - 0.8, -0.02));
        assert!(condition.is_beyond(0.779 - 0.8, -0.02));
        assert!(!read("right<0").unwrap().is_beyond(0.0, 0.0));
    }
}
