//! The format of a scenario: who is asked for what, how the servers behave, and what is expected.
//!
//! A server is a table of its conduct; each of its `changes` is laid over that table from its time
//! on, and `false` takes a key away.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde::Deserialize;
use toml::{Table, Value};

use crate::call::duration::DurationText;
use crate::pace::Limits;

/// One file of `tests/pace/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// What it shows.
    pub(super) title: String,
    /// Decides all chance, the engine's and the servers'.
    #[serde(default)]
    pub(super) seed: u64,
    /// When the run is asked to drain; it runs to its end when left out.
    pub(super) stop_after: Option<DurationText>,
    /// Calls in flight at once, over all lanes.
    pub(super) concurrency: Option<usize>,
    pub(super) lanes: Vec<LaneSpec>,
    /// By lane: a range for each figure, and `between`, with ranges for parts of the run.
    pub(super) expect: BTreeMap<String, Table>,
}

/// One lane and the server behind it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LaneSpec {
    pub(super) name: String,
    /// How many; without end when left out, for runs that are stopped.
    pub(super) tasks: Option<u64>,
    /// Tokens of each prompt, as the runner estimates them.
    #[serde(default = "short_prompts")]
    pub(super) prompt_tokens: Spread,
    /// Every so many tasks there is one with a longer prompt.
    pub(super) large: Option<Large>,
    /// What the job states as `max_tokens`.
    pub(super) max_tokens: Option<u64>,
    /// How long an attempt may take.
    #[serde(default = "usual_timeout")]
    pub(super) timeout: DurationText,
    /// The limits that the job states.
    #[serde(default)]
    pub(super) stated: Stated,
    pub(super) server: Table,
}

fn short_prompts() -> Spread {
    Spread { from: 20, to: None, shape: Shape::Uniform }
}

fn usual_timeout() -> DurationText {
    DurationText(Duration::from_mins(10))
}

/// A number from one end to the other.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spread {
    from: u64,
    to: Option<u64>,
    #[serde(default)]
    shape: Shape,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    #[default]
    Uniform,
    /// As many between 10 and 100 as between 100 and 1000.
    Log,
}

impl Spread {
    pub(super) fn draw(&self, rng: &mut StdRng) -> u64 {
        let to = self.to.unwrap_or(self.from);
        match self.shape {
            Shape::Uniform => rng.random_range(self.from..=to),
            Shape::Log => {
                let (low, high) = ((self.from as f64).ln(), (to as f64).ln());
                (low + (high - low) * rng.random::<f64>()).exp().round() as u64
            }
        }
    }
}

/// Tasks that are larger than the others.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Large {
    every: u64,
    pub(super) tokens: u64,
}

impl Large {
    pub(super) fn is(&self, index: u64) -> bool {
        index % self.every == self.every - 1
    }
}

/// Limits by the names that a job has for them.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stated {
    rps: Option<f64>,
    rpm: Option<u64>,
    tpm: Option<u64>,
    itpm: Option<u64>,
    otpm: Option<u64>,
    concurrency: Option<usize>,
}

impl Stated {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            requests_per_second: self.rps,
            requests_per_minute: self.rpm,
            requests_per_day: None,
            tokens_per_minute: self.tpm,
            input_tokens_per_minute: self.itpm,
            output_tokens_per_minute: self.otpm,
            concurrency: self.concurrency,
        }
    }
}

/// How a server behaves for a while.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conduct {
    /// The median time of an answer.
    pub(super) latency: DurationText,
    /// The standard deviation of the latency's logarithm.
    #[serde(default)]
    pub(super) jitter: f64,
    /// With more than this in flight, each takes longer in proportion.
    pub(super) crowd: Option<usize>,
    /// With this many in flight, one more is refused.
    pub(super) slots: Option<usize>,
    /// How long a refusal takes.
    #[serde(default = "quick")]
    pub(super) refusal_latency: DurationText,
    pub(super) rps: Option<f64>,
    pub(super) rpm: Option<f64>,
    pub(super) tpm: Option<f64>,
    pub(super) itpm: Option<f64>,
    pub(super) otpm: Option<f64>,
    #[serde(default)]
    pub(super) limit_style: Style,
    /// Requests that a bucket holds.
    #[serde(default = "one")]
    pub(super) burst: f64,
    /// Tokens that a bucket holds; a minute's when left out.
    pub(super) token_burst: Option<f64>,
    /// When the first fixed window ends.
    #[serde(default)]
    pub(super) window_ends: Option<DurationText>,
    /// Whether what is refused uses up the limits all the same.
    #[serde(default)]
    pub(super) count_refused: bool,
    /// When output is counted, and how much of it.
    #[serde(default)]
    pub(super) charges: Charges,
    /// Its tokens for each that the runner estimates.
    #[serde(default = "one")]
    pub(super) token_count: f64,
    /// Tokens of an answer.
    #[serde(default = "short_answers")]
    pub(super) answer_tokens: Spread,
    /// What a refusal says about coming back: a time, or `exact` for when there is enough again.
    pub(super) retry_after: Option<String>,
    /// Says it in `retry-after-ms` as well.
    #[serde(default)]
    pub(super) retry_after_ms: bool,
    /// Which headers tell what is left.
    #[serde(default)]
    pub(super) headers: Told,
    pub(super) failing: Option<Failing>,
    /// This share of the calls is never answered.
    #[serde(default)]
    pub(super) hanging: f64,
    /// It refuses every connection.
    #[serde(default)]
    pub(super) dead: bool,
}

fn quick() -> DurationText {
    DurationText(Duration::from_millis(5))
}

fn one() -> f64 {
    1.0
}

fn short_answers() -> Spread {
    Spread { from: 100, to: None, shape: Shape::Uniform }
}

/// How a server counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Style {
    /// It fills steadily.
    #[default]
    Bucket,
    /// What came within the last minute.
    Sliding,
    /// What came since the minute began.
    Fixed,
}

/// What a call counts against token limits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Charges {
    /// On arrival, what it is going to use.
    #[default]
    Used,
    /// On arrival, its prompt and all the output that it allows.
    MaxTokens,
    /// On arrival its prompt, and its output when it ends.
    OutputAtEnd,
}

/// The headers that tell what is left, and with them the dialect.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Told {
    #[default]
    None,
    Openai,
    Anthropic,
}

/// Calls that fail by chance, whatever the limits.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failing {
    pub(super) share: f64,
    pub(super) status: u16,
    /// The error's code in the body.
    pub(super) code: Option<String>,
    pub(super) retry_after: Option<DurationText>,
    /// How long it takes to fail; as long as an answer when left out.
    pub(super) latency: Option<DurationText>,
}

impl Scenario {
    /// Reads `tests/pace/<name>.toml`.
    pub(super) fn read(name: &str) -> Self {
        let path = folder().join(name).with_extension("toml");
        let text = std::fs::read_to_string(&path).expect("the scenario can be read");
        toml::from_str(&text).unwrap_or_else(|why| panic!("{name}: {why}"))
    }
}

/// Where the scenarios are.
pub(super) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pace")
}

impl LaneSpec {
    /// How its server behaves, and from when on.
    pub(super) fn phases(&self) -> Vec<(Duration, Conduct)> {
        let mut table = self.server.clone();
        let changes = match table.remove("changes") {
            Some(Value::Array(changes)) => changes,
            None => Vec::new(),
            Some(_) => panic!("{}: `changes` is a list of tables", self.name),
        };
        let mut phases = vec![(Duration::ZERO, conduct(&table))];
        for change in changes {
            let Value::Table(mut change) = change else { panic!("a change is a table") };
            let at = change.remove("at").expect("a change says when");
            let at: DurationText = at.try_into().expect("`at` is a duration");
            for (key, value) in change {
                match value {
                    Value::Boolean(false) => drop(table.remove(&key)),
                    value => drop(table.insert(key, value)),
                }
            }
            phases.push((at.0, conduct(&table)));
        }
        phases
    }
}

fn conduct(table: &Table) -> Conduct {
    table.clone().try_into().unwrap_or_else(|why| panic!("server: {why}"))
}
