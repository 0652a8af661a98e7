//! The outcome of one task: one line of the journal, one row of every report.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::failure::Failure;
use crate::call::json::Json;
use crate::call::moment::Moment;
use crate::call::money::{CostStatus, Usd};
use crate::call::request::{Message, Params};
use crate::call::score::Scores;
use crate::call::task::TaskId;
use crate::call::usage::Usage;

/// The version of the line's format; readers accept this one and older ones.
pub const VERSION: u32 = 1;

/// A task's outcome. A line of `responses.jsonl` is exactly this.
///
/// `latency_ms`, `ttft_ms`, `queued_ms`, `started_at` and `request_id` are those of the last
/// attempt.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(title = "Record", rename = "Record")]
pub struct Record {
    /// The version of this format.
    pub v: u32,
    /// The hash of what was asked.
    pub task: TaskId,
    /// The job's name.
    pub job: Arc<str>,
    /// The run folder's name.
    pub run: Arc<str>,
    /// The prompt set.
    pub prompt: Arc<str>,
    /// The row's name within the prompt set: its id, or its number from 1.
    pub row: String,
    /// Which of the repeats, from 0.
    pub repeat: u32,
    /// The model's label in the job.
    pub model: Arc<str>,
    /// The combination of matrix parameters; null without a matrix.
    pub variant: Option<Arc<str>>,
    /// `provider/model` that was asked last.
    pub model_used: Arc<str>,
    /// The provider that was asked last.
    pub provider: Arc<str>,
    /// Whether that was a fallback of the model; absent when it was not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fallback: bool,
    /// How it ended.
    pub status: Status,
    /// What was asked.
    pub messages: Vec<Message>,
    /// The parameters that were stated for this task.
    pub params: Arc<Params>,
    /// Parameters that were stated and not sent.
    pub dropped_params: Vec<String>,
    /// `OpenAI`'s `chat.completion`; null when there was no answer.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub response: Option<Json>,
    /// The provider's own finish reason.
    pub finish_reason_raw: Option<String>,
    /// Whether the answer is JSON that fits its `response_schema`; absent where none is stated, and
    /// where there was no answer to hold against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_valid: Option<bool>,
    /// What does not fit, in an answer that is kept all the same; absent in all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_fault: Option<String>,
    /// The tokens of the answer; null when there was no answer.
    #[schemars(with = "Option<crate::call::usage::UsageRow>")]
    pub usage: Option<Usage>,
    /// What the answer cost in USD, as exact decimal text; null when that is not known.
    pub cost_usd: Option<Usd>,
    /// Whether the cost is known.
    pub cost_status: CostStatus,
    /// The most that it can have cost in USD, where the cost is not known; absent when that is not
    /// known either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_at_most_usd: Option<Usd>,
    /// What of the cost is for input tokens that were read from a cache; absent where there were
    /// none, and where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_cost_usd: Option<Usd>,
    /// Where the price is from: `job`, or the source in the table of models and its date; null
    /// when the cost is not known.
    #[serde(default)]
    pub price_version: Option<Arc<str>>,
    /// From the send to the last byte, in ms; null when nothing was sent.
    pub latency_ms: Option<u64>,
    /// From the send to the first token, in ms; null unless the answer was streamed.
    pub ttft_ms: Option<u64>,
    /// How long it waited for its turn, in ms.
    pub queued_ms: u64,
    /// When the last attempt was sent; null when nothing was sent.
    pub started_at: Option<Moment>,
    /// How often it was sent, over all sessions of the run.
    pub attempts: u32,
    /// The provider's name for the call.
    pub request_id: Option<String>,
    /// The scorer that asked this, of an answer to a task of the job; absent for those tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scorer: Option<Arc<str>>,
    /// Scores by column.
    pub scores: Scores,
    /// Why it failed; null when it did not.
    pub error: Option<Failure>,
    /// The job's tags.
    pub tags: Arc<BTreeMap<String, String>>,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is a whole answer.
    Ok,
    /// It failed, and trying again did not help or could not.
    Error,
    /// It was given up before its outcome was known; a resumed run takes it up again.
    Skipped,
}

impl Status {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// One attempt that failed, as the journal keeps it beside the record. The attempt that
/// succeeded needs no line of its own: the record tells all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailedTry {
    /// Its number within the task, from 1, over all sessions of the run.
    pub attempt: u32,
    /// When it was sent.
    pub at: Moment,
    /// `provider/model` that was asked.
    pub model_used: Arc<str>,
    /// The provider that was asked.
    pub provider: Arc<str>,
    /// Whether that was a fallback of the model.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fallback: bool,
    /// How long it waited for its turn, in ms.
    pub queued_ms: u64,
    /// From the send to the failure, in ms.
    pub latency_ms: u64,
    /// The provider's name for the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The tokens, when the provider answered all the same and may have billed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What those tokens cost; null when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<Usd>,
    /// Whether that cost is known.
    pub cost_status: CostStatus,
    /// The most that it can have cost in USD, where the cost is not known and something may have
    /// been billed all the same: an answer without counts, or none that came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_at_most_usd: Option<Usd>,
    /// What of the cost is for input tokens that were read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_cost_usd: Option<Usd>,
    /// Where the price is from; null when the cost is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_version: Option<Arc<str>>,
    /// Why it failed.
    pub failure: Failure,
    /// Whether it failed for an answer that does not fit its `response_schema`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub invalid: bool,
    /// How long the runner waited before the next attempt, in ms; null after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
}

impl FailedTry {
    /// Whether the provider answered with something it may have billed.
    pub fn was_answered(&self) -> bool {
        self.cost_status != CostStatus::NoAnswer
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(yes: &bool) -> bool {
    !yes
}

/// What the journal keeps of a task: its record, its place in the plan and its failed tries.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place in the plan, or among the calls of scorers.
    pub index: u64,
    /// What scorers hold the answer against; the journal does not keep it.
    pub expected: Arc<[String]>,
    /// The outcome.
    pub record: Record,
    /// Every attempt that failed, in order, also where a later one succeeded.
    pub tries: Vec<FailedTry>,
}
