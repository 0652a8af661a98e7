//! What came out of holding one run against another, in numbers.

use serde::Serialize;

use crate::call::metric::Metric;
use crate::call::moment::Moment;
use crate::call::money::Usd;

/// The version of the format.
pub const VERSION: u32 = 1;

/// Two runs held against each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The version of this format.
    pub v: u32,
    /// The older run, or whichever the other one is held against.
    pub base: RunHead,
    /// The newer run.
    pub new: RunHead,
    /// How the tasks of one are found in the other.
    pub tasks: TaskCounts,
    /// What changed of each model, in plan order. Where a label changed both are named.
    pub models: Vec<Subject>,
    /// What changed over all models; null where there is but one.
    pub all: Option<Subject>,
    /// What the runs cost as a whole: retries, calls of scorers, and tasks that only one of them
    /// has.
    pub spent: Spending,
    /// What else is to be known, a sentence each.
    pub notes: Vec<String>,
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunHead {
    /// The job's name; null when that is not known.
    pub job: Option<String>,
    /// The run folder's name.
    pub run: String,
    /// When it began; null when that is not known.
    pub started_at: Option<Moment>,
    /// How its last session ended; null while it goes on.
    pub ended: Option<String>,
    /// How many tasks the job has; null when that is not known.
    pub planned: Option<u64>,
    /// How many of them have an outcome.
    pub tasks: u64,
}

/// How the tasks of one run are found in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TaskCounts {
    /// Tasks of both runs.
    pub matched: u64,
    /// Those of them that were found by their text, because the parameters or the model changed.
    pub matched_by_content: u64,
    /// Those of both whose answers, or the types of whose errors, differ.
    pub changed: u64,
    /// Tasks that only the new run has.
    pub new: u64,
    /// Tasks that only the base has.
    pub removed: u64,
}

/// What changed of one model, or over all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Subject {
    /// The model with its variant, as the base names it; null over all.
    pub base_model: Option<String>,
    /// As the new run names it; null over all.
    pub new_model: Option<String>,
    /// Tasks of both runs.
    pub matched: u64,
    /// Those whose answers, or the types of whose errors, differ.
    pub changed: u64,
    /// The scorers in the order of the job, and the error rate.
    pub metrics: Vec<MetricChange>,
    /// From the send to the last byte, of tasks that both runs answered.
    pub latency_ms: Drift,
    /// From the send to the first token.
    pub ttft_ms: Drift,
    /// What the tasks of both runs cost.
    pub cost: CostDrift,
}

/// What became of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricChange {
    /// What is measured.
    pub metric: Metric,
    /// The mean in the base. Each prompt counts once.
    pub base: f64,
    /// The mean in the new run.
    pub new: f64,
    /// New less base.
    pub change: f64,
    /// The low end of a 95 % interval of the change; null where it has none.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// Prompts that both runs have.
    pub pairs: u64,
    /// Prompts that got better.
    pub better: u64,
    /// Prompts that got worse.
    pub worse: u64,
    /// Prompts that did not move.
    pub same: u64,
    /// How likely chance alone makes it look at least as much worse (or better, where that is what
    /// it did), corrected (Holm) for how many metrics were looked at.
    pub p: f64,
    /// What that shows.
    pub verdict: Shown,
    /// Answers that passed in the base; null where the scorer has no bound.
    pub base_pass_rate: Option<f64>,
    /// Answers that pass in the new run.
    pub new_pass_rate: Option<f64>,
    /// Answers that passed and no longer do; for the error rate, tasks that did not fail.
    pub now_failing: u64,
    /// Answers that did not pass and now do; for the error rate, tasks that failed.
    pub now_passing: u64,
}

/// What a comparison shows. Data can fail to show a difference, never show that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// It got better.
    Better,
    /// It got worse: a regression.
    Worse,
    /// Chance would do as much.
    NoDifference,
}

impl Shown {
    /// It in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifference => "no difference shown",
        }
    }
}

/// How times moved, over tasks that both runs answered; in ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Drift {
    /// The median in the base; null without a pair.
    pub base_p50: Option<u64>,
    /// The median in the new run.
    pub new_p50: Option<u64>,
    /// The 95th percentile in the base.
    pub base_p95: Option<u64>,
    /// The 95th percentile in the new run.
    pub new_p95: Option<u64>,
    /// New over base of the typical pair.
    #[serde(flatten)]
    pub ratio: Times,
}

/// How many times the base the new run takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// New over base: the median over all pairs; null without any.
    pub ratio: Option<f64>,
    /// The low end of its 95 % interval.
    pub low: Option<f64>,
    /// Its high end; null where the data set none.
    pub high: Option<f64>,
    /// How many pairs it stands on.
    pub pairs: u64,
}

/// How the cost of the tasks of both runs moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostDrift {
    /// What they cost in the base, over tasks whose cost is known in both runs.
    pub base_usd: Usd,
    /// What they cost in the new run.
    pub new_usd: Usd,
    /// Tasks whose cost is known in both runs.
    pub priced: u64,
    /// Tasks whose cost is not known in one of them, and that are in neither sum.
    pub unpriced: u64,
    /// What one cost in the base, to a picodollar; null without any.
    pub base_per_task_usd: Option<Usd>,
    /// What one cost in the new run.
    pub new_per_task_usd: Option<Usd>,
    /// New over base of the typical task that both runs answered.
    #[serde(flatten)]
    pub ratio: Times,
}

/// What the runs cost as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spending {
    /// The base.
    pub base: Spent,
    /// The new run.
    pub new: Spent,
}

/// What one run cost as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// What all attempts cost, as far as that is known; null when it is known of none.
    pub cost_usd: Option<Usd>,
    /// Attempts whose cost is not known, and not in the sum.
    pub unpriced: u64,
    /// Their input tokens; null when no provider told any.
    pub prompt_tokens: Option<u64>,
    /// Their output tokens.
    pub completion_tokens: Option<u64>,
    /// Both.
    pub total_tokens: Option<u64>,
    /// Attempts whose tokens were not told, and are not in the sum.
    pub untold: u64,
}

impl Comparison {
    /// The models, and all of them together.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.models.iter().chain(&self.all)
    }

    /// What got worse, by more than chance would do.
    pub fn regressions(&self) -> impl Iterator<Item = (&Subject, &MetricChange)> {
        self.subjects().flat_map(|subject| {
            let worse = subject.metrics.iter().filter(|change| change.verdict == Shown::Worse);
            worse.map(move |change| (subject, change))
        })
    }
}

impl Subject {
    /// The model by both names where they differ; `all` over all.
    pub fn name(&self) -> String {
        match (&self.base_model, &self.new_model) {
            (Some(base), Some(new)) if base == new => new.clone(),
            (Some(base), Some(new)) => format!("{base} -> {new}"),
            _ => "all".to_owned(),
        }
    }
}
