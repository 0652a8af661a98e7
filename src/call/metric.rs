//! What gates and comparisons measure: a scorer's column, or a number that every run has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Something that can be measured of the tasks of a model, or of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// The mean of a scorer's values.
    Score(String),
    /// The share of answers that a scorer lets pass, out of those that pass or fail.
    PassRate(String),
    /// The share of prompts that were asked more than once and on whose answers a scorer differs.
    FlipRate(String),
    /// The share of tasks that failed.
    ErrorRate,
    /// From the send to the last byte, in ms, over tasks with an answer.
    Latency(Point),
    /// From the send to the first token, in ms, over tasks with a streamed answer.
    Ttft(Point),
    /// What all attempts cost, in USD.
    CostUsd,
    /// What all attempts cost, for each task, in USD.
    CostPerTaskUsd,
    /// Input tokens of all answered attempts.
    PromptTokens,
    /// Output tokens of all answered attempts.
    CompletionTokens,
    /// Tokens of all answered attempts.
    TotalTokens,
}

/// Which of many values is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// The largest value that this share, in percent, does not exceed.
    Percentile(u8),
    /// The mean.
    Mean,
    /// The largest.
    Max,
}

/// A text that names no metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric `{0}`")]
pub struct NoMetric(pub String);

/// The metrics that are not of a scorer, as users write them.
pub const BUILT_IN: &[&str] = &[
    "error_rate",
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "latency_mean_ms",
    "latency_max_ms",
    "ttft_p50_ms",
    "ttft_p90_ms",
    "ttft_p95_ms",
    "ttft_p99_ms",
    "ttft_mean_ms",
    "ttft_max_ms",
    "cost_usd",
    "cost_per_task_usd",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
];

/// What is said of a scorer's column beside its mean.
const PASS_RATE: &str = ".pass_rate";
const FLIP_RATE: &str = ".flip_rate";

impl Metric {
    /// The metric of this name, where these are the columns of the scorers.
    pub fn named(name: &str, columns: &[&str]) -> Result<Self, NoMetric> {
        if let Some(built_in) = built_in(name) {
            return Ok(built_in);
        }
        let of = |column: &str| columns.contains(&column).then(|| column.to_owned());
        let found = of(name).map(Self::Score).or_else(|| {
            let passed = name.strip_suffix(PASS_RATE).and_then(of).map(Self::PassRate);
            passed.or_else(|| name.strip_suffix(FLIP_RATE).and_then(of).map(Self::FlipRate))
        });
        found.ok_or_else(|| NoMetric(name.to_owned()))
    }

    /// The scorer's column that it is of.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Score(column) | Self::PassRate(column) | Self::FlipRate(column) => Some(column),
            _ => None,
        }
    }

    /// Whether it can be said how sure a change of it is: what is measured task by task.
    pub fn has_interval(&self) -> bool {
        match self {
            Self::Score(_) | Self::PassRate(_) | Self::ErrorRate | Self::CostPerTaskUsd => true,
            Self::Latency(point) | Self::Ttft(point) => *point == Point::Percentile(50),
            _ => false,
        }
    }

    /// Whether more of it is better.
    pub fn is_better_high(&self) -> bool {
        matches!(self, Self::Score(_) | Self::PassRate(_))
    }
}

fn built_in(name: &str) -> Option<Metric> {
    Some(match name {
        "error_rate" => Metric::ErrorRate,
        "cost_usd" => Metric::CostUsd,
        "cost_per_task_usd" => Metric::CostPerTaskUsd,
        "prompt_tokens" => Metric::PromptTokens,
        "completion_tokens" => Metric::CompletionTokens,
        "total_tokens" => Metric::TotalTokens,
        _ => {
            let (of, point) = name.strip_suffix("_ms")?.split_once('_')?;
            let point = match point {
                "mean" => Point::Mean,
                "max" => Point::Max,
                "p50" | "p90" | "p95" | "p99" => Point::Percentile(point[1..].parse().ok()?),
                _ => return None,
            };
            match of {
                "latency" => Metric::Latency(point),
                "ttft" => Metric::Ttft(point),
                _ => return None,
            }
        }
    })
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Score(column) => f.write_str(column),
            Self::PassRate(column) => write!(f, "{column}{PASS_RATE}"),
            Self::FlipRate(column) => write!(f, "{column}{FLIP_RATE}"),
            Self::ErrorRate => f.write_str("error_rate"),
            Self::Latency(point) => write!(f, "latency_{point}_ms"),
            Self::Ttft(point) => write!(f, "ttft_{point}_ms"),
            Self::CostUsd => f.write_str("cost_usd"),
            Self::CostPerTaskUsd => f.write_str("cost_per_task_usd"),
            Self::PromptTokens => f.write_str("prompt_tokens"),
            Self::CompletionTokens => f.write_str("completion_tokens"),
            Self::TotalTokens => f.write_str("total_tokens"),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Mean => f.write_str("mean"),
            Self::Max => f.write_str("max"),
        }
    }
}

impl FromStr for Metric {
    type Err = NoMetric;

    /// Any name that is not built in is taken for a scorer's.
    fn from_str(name: &str) -> Result<Self, NoMetric> {
        let column = [PASS_RATE, FLIP_RATE].iter().find_map(|end| name.strip_suffix(end));
        Self::named(name, &[column.unwrap_or(name)])
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for Metric {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metric".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "a scorer's column, or a number that every run has"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_reads_back_what_it_writes() {
        for name in BUILT_IN.iter().copied().chain(["right", "right.pass_rate", "right.flip_rate"])
        {
            let metric = Metric::named(name, &["right"]).expect("a metric");
            assert_eq!(metric.to_string(), name);
            assert_eq!(name.parse::<Metric>(), Ok(metric));
        }
        for name in ["", "wrong", "latency_p42_ms", "latency_p50", "wrong.pass_rate", "right."] {
            assert_eq!(Metric::named(name, &["right"]), Err(NoMetric(name.to_owned())), "{name}");
        }
    }
}
