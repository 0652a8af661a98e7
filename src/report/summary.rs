//! The summary of a run: totals, and the same by model, by prompt set and by provider.
//!
//! Sums equal the rows to the last digit: tokens and costs are those of `usage.csv`, every
//! attempt that was answered; `final_cost_usd` is that of `responses.csv`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::call::budget::{CapReport, LostCalls};
use crate::call::failure::FailureKind;
use crate::call::gate::GateResult;
use crate::call::moment::Moment;
use crate::call::money::Usd;
use crate::call::pacing::Pacing;
use crate::call::score::ScorerHead;
use crate::store::damage::Damages;

use super::scores::{ModelComparison, ScoreSummary};

/// The version of the format; readers accept this one and older ones.
pub const VERSION: u32 = 1;

/// What came out of a run, in numbers. `summary.json` is exactly this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Summary {
    /// The version of this format.
    pub v: u32,
    /// The job's name.
    pub job: String,
    /// The run folder's name.
    pub run: String,
    /// What the run was made from.
    pub made_from: MadeFrom,
    /// The job's tags.
    pub tags: BTreeMap<String, String>,
    /// When the run began; null when that is not known.
    pub started_at: Option<Moment>,
    /// When its last session ended; null while it goes on.
    pub ended_at: Option<Moment>,
    /// How its last session ended: `done`, `interrupted`, `deadline`, `canary`, `failed`, ...
    pub ended: Option<String>,
    /// Whether a runner was still working on it when these numbers were made; absent when none was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub going: bool,
    /// The time of all sessions together, in ms; null when one of them has no end.
    pub wall_ms: Option<u64>,
    /// How many tasks the job has; null when that is not known.
    pub planned: Option<u64>,
    /// Everything.
    pub totals: Totals,
    /// What went wrong, the most frequent first.
    pub errors: Vec<ErrorSummary>,
    /// The same numbers by model and variant, in plan order.
    pub by_model: Vec<ModelSummary>,
    /// The same numbers by prompt set, in plan order.
    pub by_prompt: Vec<PromptSummary>,
    /// The same numbers by provider, in plan order. An attempt counts for the provider that was
    /// asked.
    pub by_provider: Vec<ProviderSummary>,
    /// The scorers, in the order of the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scorers: Vec<ScorerSummary>,
    /// What scorers said of all answers; empty without scorers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ScoreSummary>,
    /// The bounds that the job states, and whether they were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateResult>,
    /// The models held against each other, prompt by prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comparisons: Vec<ModelComparison>,
    /// How each model was paced, over all sessions that came to their end: what was stated beside
    /// what was learned, and the time lost to each cause.
    #[serde(default)]
    pub pace: Vec<Pacing>,
    /// The caps of the budget and what is spent of them, over all sessions; empty without a budget,
    /// and while a session goes on.
    #[serde(default)]
    pub budget: Vec<CapReport>,
    /// Calls that were sent and of which nobody knows how they ended, because a session under a
    /// budget was killed or cancelled. They are in no other number.
    #[serde(default)]
    pub lost: Vec<LostCalls>,
    /// Lines of the journal that are damaged, and of which nothing is in any other number; absent
    /// when there is none.
    #[serde(default, skip_serializing_if = "Damages::is_empty")]
    pub damaged: Damages,
}

impl Summary {
    /// The lines of a table by model: each model, each scorer with the calls that it made, and, where
    /// there are several of them, a last one with the sums. Its times are those of the tasks alone.
    pub fn lines(&self) -> Vec<(String, Totals)> {
        let models = self.by_model.iter().map(|model| (model.name(), model.totals.clone()));
        let calls: Vec<(String, &Totals)> =
            self.scorers.iter().filter_map(ScorerSummary::calls).collect();
        let mut all = self.totals.clone();
        for (_, calls) in &calls {
            all.ok += calls.ok;
            all.error += calls.error;
            all.skipped += calls.skipped;
        }
        let calls = calls.into_iter().map(|(name, calls)| (name, calls.clone()));
        let mut lines: Vec<(String, Totals)> = models.chain(calls).collect();
        if lines.len() > 1 {
            lines.push(("all".to_owned(), all));
        }
        lines
    }
}

/// What a run was made from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MadeFrom {
    /// The runner that began the run; null when that is not known.
    pub runner_version: Option<String>,
    /// The hash of `job.toml` (blake3, hex); null when that is not known.
    pub job_hash: Option<String>,
    /// The hash of the prices that costs were counted with; null when there were none.
    pub prices_hash: Option<String>,
    /// How many sessions worked on it: one, and one for every resumption.
    pub sessions: u64,
}

/// Counts and sums over some tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Totals {
    /// Tasks with an outcome: the lines of `responses.csv`.
    pub tasks: u64,
    /// Tasks with a whole answer.
    pub ok: u64,
    /// Tasks that failed.
    pub error: u64,
    /// Tasks that were given up before their outcome was known.
    pub skipped: u64,
    /// Tasks that were asked and that the job no longer asks. Their attempts, tokens and costs
    /// are counted below, because they were paid for.
    pub dropped: u64,
    /// Attempts that ended, in success or failure.
    pub attempts: u64,
    /// Attempts that were answered, and may have been billed: the lines of `usage.csv`.
    pub answered_attempts: u64,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// Attempts that were not a task's first.
    pub retries: u64,
    /// Answers that did not fit their `response_schema`, those that were asked for again and those
    /// that are kept all the same.
    #[serde(default)]
    pub invalid_answers: u64,
    /// Tasks whose answer fits after an earlier one did not.
    #[serde(default)]
    pub repairs: u64,
    /// The tokens of all answered attempts.
    pub tokens: TokenTotals,
    /// What all answered attempts cost, as far as that is known; null when it is known of none.
    pub cost_usd: Option<Usd>,
    /// Answered attempts whose cost is not known, and not in the sum.
    pub unpriced: u64,
    /// What the answers in `responses.csv` alone cost, as far as that is known.
    pub final_cost_usd: Option<Usd>,
    /// Rows of `responses.csv` with an answer whose cost is not known, and not in that sum.
    pub final_unpriced: u64,
    /// From the send to the last byte, over tasks with an answer, in ms; percentiles to 1 %.
    pub latency_ms: Latency,
    /// From the send to the first token, over tasks with a streamed answer, in ms.
    pub ttft_ms: Spread,
    /// How long tasks that were sent waited for their turn, in ms.
    pub queued_ms: Spread,
}

/// Sums of tokens; null when no provider told any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TokenTotals {
    /// Input tokens, cached ones and cache writes included.
    pub prompt_tokens: Option<u64>,
    /// Input tokens read from a cache.
    pub cached_tokens: Option<u64>,
    /// Input tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Output tokens, reasoning included.
    pub completion_tokens: Option<u64>,
    /// Reasoning tokens within the completion.
    pub reasoning_tokens: Option<u64>,
    /// Prompt and completion together.
    pub total_tokens: Option<u64>,
    /// Answered attempts whose total was not told, and is not in the sum.
    pub missing: u64,
}

/// How long answers took; null without any.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[expect(missing_docs, reason = "a percentile's name says it")]
pub struct Latency {
    pub p50: Option<u64>,
    pub p90: Option<u64>,
    pub p95: Option<u64>,
    pub p99: Option<u64>,
    pub max: Option<u64>,
    pub mean: Option<u64>,
}

/// Two percentiles; null without any values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[expect(missing_docs, reason = "a percentile's name says it")]
pub struct Spread {
    pub p50: Option<u64>,
    pub p95: Option<u64>,
}

/// One type of error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ErrorSummary {
    /// The type.
    #[serde(rename = "type")]
    pub kind: FailureKind,
    /// Tasks that ended with it.
    pub tasks: u64,
    /// Attempts that failed with it.
    pub attempts: u64,
    /// The message of the first one in plan order, cut to 200 characters.
    pub example: String,
}

/// The numbers of one model in one variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ModelSummary {
    /// The model's label in the job.
    pub model: String,
    /// The combination of matrix parameters; null without a matrix.
    pub variant: Option<String>,
    /// The provider of its first row.
    pub provider: String,
    /// `provider/model` of its first row.
    pub model_used: String,
    /// The mean of its scores by the weights of the scorers; absent without scorers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What scorers said of its answers; empty without scorers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ScoreSummary>,
    /// The numbers.
    #[serde(flatten)]
    pub totals: Totals,
}

impl ModelSummary {
    /// The label, and the variant where there is one.
    pub fn name(&self) -> String {
        model_name(&self.model, self.variant.as_deref())
    }
}

/// A model's label, and the variant where there is one.
pub(super) fn model_name(model: &str, variant: Option<&str>) -> String {
    match variant {
        Some(variant) => format!("{model} ({variant})"),
        None => model.to_owned(),
    }
}

impl ScorerSummary {
    /// How tables name it, with the calls that it made.
    pub fn calls(&self) -> Option<(String, &Totals)> {
        let calls = self.calls.as_deref()?;
        Some((format!("scorer {}", self.head.column), calls))
    }
}

/// A scorer, and what it spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScorerSummary {
    /// The scorer.
    #[serde(flatten)]
    pub head: ScorerHead,
    /// The calls that it made to models; absent where it made none. Their attempts, tokens and
    /// costs are in the totals of the run and of the provider, and in those of no model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Box<Totals>>,
}

/// The numbers of one prompt set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PromptSummary {
    /// The prompt set.
    pub prompt: String,
    /// What scorers said of the answers to it; empty without scorers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ScoreSummary>,
    /// The numbers.
    #[serde(flatten)]
    pub totals: Totals,
}

/// The numbers of one provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProviderSummary {
    /// The provider.
    pub provider: String,
    /// The numbers.
    #[serde(flatten)]
    pub totals: Totals,
}
