//! GROUND. What the user gets: reports, each a fold over the journal in plan order.
//!
//! One pass shows every [`Row`] to every [`Report`]; `table.rs` knows which there are. To add
//! one, write its file, give it a variant there, and the compiler names the rest. A new column is
//! one row in `columns.rs`.
//!
//! Reports are written beside their place and renamed, so that nobody reads half of one. Two runs
//! with the same answers give the same rows in the same order.

pub mod advice;
pub mod answer;
pub mod cell;
pub mod columns;
pub mod compare;
pub mod csv;
pub mod figures;
pub mod gates;
pub mod histogram;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
pub mod pace;
pub mod ruling;
pub mod scores;
pub mod since;
mod spill;
pub mod summary;
pub mod sums;
pub mod table;
pub mod tally;
pub mod terminal;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::failure::Failure;
use crate::call::moment::Moment;
use crate::call::money::{CostStatus, Usd};
use crate::call::record::{FailedTry, Status};
use crate::call::score::Scores;
use crate::call::task::TaskId;
use crate::call::usage::Usage;
use crate::store::entries::{Line, OutcomeLine};
use crate::store::error::StoreError;

use self::answer::Answer;
use self::summary::Summary;

/// One report in the making.
pub trait Report {
    /// Takes the next row. Rows of the plan come first, in its order.
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError>;

    /// Ends the report and puts it in its place. Dropped before that, it leaves no trace.
    fn finish(self: Box<Self>, summary: &Summary) -> Result<(), StoreError>;
}

/// One task: how it ended, and every attempt at it.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its line in `responses.jsonl`, without the line end.
    pub line: &'a [u8],
    /// Whether the job still asks it, or a scorer of it. What it no longer asks was paid for all the same: it is in
    /// the reports of attempts and in the sums, and in no other.
    pub planned: bool,
    /// How it ended.
    pub record: RecordView<'a>,
    /// The text of its answer.
    pub content: Option<Cow<'a, str>>,
    /// Every attempt, those of earlier sessions first.
    pub attempts: Vec<Attempt>,
}

/// What reports show of a record: all but the parameters.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `call::record::Record`")]
pub struct RecordView<'a> {
    pub task: TaskId,
    #[serde(borrow)]
    pub job: Cow<'a, str>,
    #[serde(borrow)]
    pub run: Cow<'a, str>,
    #[serde(borrow)]
    pub prompt: Cow<'a, str>,
    #[serde(borrow)]
    pub row: Cow<'a, str>,
    pub repeat: u32,
    #[serde(borrow)]
    pub model: Cow<'a, str>,
    #[serde(borrow)]
    pub variant: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub model_used: Cow<'a, str>,
    #[serde(borrow)]
    pub provider: Cow<'a, str>,
    #[serde(default)]
    pub fallback: bool,
    pub status: Status,
    /// As they stand in the record.
    #[serde(borrow, default)]
    pub messages: Option<&'a RawValue>,
    #[serde(borrow)]
    pub response: Option<Answer<'a>>,
    #[serde(default)]
    pub schema_valid: Option<bool>,
    pub usage: Option<Usage>,
    pub cost_usd: Option<Usd>,
    pub cost_status: CostStatus,
    #[serde(default)]
    pub cost_at_most_usd: Option<Usd>,
    #[serde(default)]
    pub cached_cost_usd: Option<Usd>,
    #[serde(borrow, default)]
    pub price_version: Option<Cow<'a, str>>,
    pub latency_ms: Option<u64>,
    pub ttft_ms: Option<u64>,
    pub queued_ms: u64,
    pub started_at: Option<Moment>,
    pub attempts: u32,
    #[serde(borrow)]
    pub request_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub scorer: Option<Cow<'a, str>>,
    #[serde(default)]
    pub scores: Scores,
    pub error: Option<Failure>,
}

/// One attempt at a task, whether it was answered or not.
#[derive(Debug)]
pub struct Attempt {
    /// Its number within the task, from 1; `None` for a task that failed before it was sent.
    pub number: Option<u32>,
    /// When it was sent.
    pub at: Option<Moment>,
    /// `provider/model` that was asked.
    pub model_used: Arc<str>,
    /// The provider that was asked.
    pub provider: Arc<str>,
    /// Whether that was a fallback of the model.
    pub fallback: bool,
    /// The provider's name for the call.
    pub request_id: Option<String>,
    /// The tokens, when it was answered and the provider told them.
    pub usage: Option<Usage>,
    /// What they cost, where that is known.
    pub cost_usd: Option<Usd>,
    /// Whether the cost is known, or nothing was answered.
    pub cost_status: CostStatus,
    /// The most that it can have cost, where the cost is not known and that is.
    pub cost_at_most_usd: Option<Usd>,
    /// What of the cost is for tokens that were read from a cache, where there were such.
    pub cached_cost_usd: Option<Usd>,
    /// Where the price is from; `None` where none was known, and in records of older runners,
    /// which knew none but the job's.
    pub price_version: Option<Arc<str>>,
    /// Why it failed; `None` when it did not.
    pub failure: Option<Failure>,
    /// Whether its answer did not fit its `response_schema`.
    pub invalid: bool,
    /// How long the runner waited before the next attempt, in ms.
    pub waited_ms: Option<u64>,
    /// Whether it is the attempt that the task's row in `responses.csv` shows.
    pub is_final: bool,
}

impl Attempt {
    /// Whether the provider answered with something it may have billed.
    pub fn was_answered(&self) -> bool {
        self.cost_status != CostStatus::NoAnswer
    }

    /// What the tokens cost that were read from a cache, nothing where there were none; `None` where
    /// that is not known, or nobody told how many there were.
    pub fn cached_cost(&self) -> Option<Usd> {
        match self.usage.and_then(|usage| usage.cached)? {
            0 => Some(Usd::ZERO),
            _ => self.cached_cost_usd,
        }
    }

    fn failed(tried: FailedTry) -> Self {
        Self {
            number: Some(tried.attempt),
            at: Some(tried.at),
            model_used: tried.model_used,
            provider: tried.provider,
            fallback: tried.fallback,
            request_id: tried.request_id,
            usage: tried.usage,
            cost_usd: tried.cost_usd,
            cost_status: tried.cost_status,
            cost_at_most_usd: tried.cost_at_most_usd,
            cached_cost_usd: tried.cached_cost_usd,
            price_version: tried.price_version,
            failure: Some(tried.failure),
            invalid: tried.invalid,
            waited_ms: tried.waited_ms,
            is_final: false,
        }
    }

    /// The attempt that a record tells of: one that succeeded, or one that was never sent.
    fn told(record: &RecordView<'_>) -> Self {
        let answered = record.status == Status::Ok;
        Self {
            number: answered.then_some(record.attempts),
            at: record.started_at,
            model_used: Arc::from(&*record.model_used),
            provider: Arc::from(&*record.provider),
            fallback: record.fallback,
            request_id: record.request_id.as_deref().map(str::to_owned),
            usage: record.usage,
            cost_usd: record.cost_usd,
            cost_status: record.cost_status,
            cost_at_most_usd: record.cost_at_most_usd,
            cached_cost_usd: record.cached_cost_usd,
            price_version: record.price_version.as_deref().map(Arc::from),
            failure: record.error.clone(),
            invalid: answered && record.schema_valid == Some(false),
            waited_ms: None,
            is_final: false,
        }
    }
}

impl<'a> Row<'a> {
    /// Reads what the journal has on a task.
    pub fn read(line: &'a Line) -> Result<Self, StoreError> {
        let mut attempts = Vec::new();
        for earlier in line.earlier() {
            add_attempts(&mut attempts, earlier, &earlier.read()?)?;
        }
        let record = line.outcome().read()?;
        add_attempts(&mut attempts, line.outcome(), &record)?;
        let planned = line.index.is_some();
        if let Some(last) = attempts.last_mut() {
            last.is_final = planned && record.status != Status::Skipped;
        }
        let content = record.response.as_ref().and_then(Answer::content);
        Ok(Self { line: line.response_line(), planned, record, content, attempts })
    }
}

impl Row<'_> {
    /// Whether it is a task that the job asks; not a scorer's call, nor what is no longer asked.
    pub fn is_task(&self) -> bool {
        self.planned && self.record.scorer.is_none()
    }

    /// Why its answer ended, in OpenAI's words.
    pub fn finish_reason(&self) -> Option<Cow<'_, str>> {
        self.record.response.as_ref()?.finish_reason()
    }

    /// The model's label, and the variant where there is one.
    pub fn model_name(&self) -> String {
        summary::model_name(&self.record.model, self.record.variant.as_deref())
    }

    /// Whether its answer fits its schema after one before did not.
    pub fn was_repaired(&self) -> bool {
        let fits = self.record.status == Status::Ok && self.record.schema_valid == Some(true);
        fits && self.attempts.iter().any(|attempt| attempt.invalid)
    }

    /// What all attempts cost; `None` when that is not known of one that was answered, or none was.
    pub fn attempts_cost(&self) -> Option<Usd> {
        let mut answered = self.attempts.iter().filter(|attempt| attempt.was_answered()).peekable();
        answered.peek()?;
        answered.map(|attempt| attempt.cost_usd).sum()
    }
}

/// Adds the attempts that one outcome line of the journal tells of.
fn add_attempts(
    attempts: &mut Vec<Attempt>,
    line: &OutcomeLine,
    record: &RecordView<'_>,
) -> Result<(), StoreError> {
    let tries = line.tries()?;
    // A task can fail before it is sent; that is nobody's attempt, and still a failure to show.
    let unsent = record.status == Status::Error && tries.is_empty();
    attempts.extend(tries.into_iter().map(Attempt::failed));
    if record.status == Status::Ok || unsent {
        attempts.push(Attempt::told(record));
    }
    Ok(())
}
