//! The columns of the flat reports, in order: one table for each, which serves CSV and JSONL.

use crate::call::money::JOB;
use crate::call::usage::Usage;

use super::cell::Cell;
use super::{Attempt, Row};

/// One column.
#[derive(Debug)]
pub struct Column<C: 'static> {
    /// Its name in the header.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Its cell in a line.
    pub cell: C,
}

/// The cell of a task.
pub type RowCell = for<'a> fn(&'a Row<'_>) -> Cell<'a>;
/// The cell of an attempt.
pub type AttemptCell = for<'a> fn(&'a Row<'_>, &'a Attempt) -> Cell<'a>;

/// `responses.csv`: one line a task.
pub const RESPONSES: &[Column<RowCell>] = &[
    Column { name: "task", doc: "the hash of what is asked", cell: |row| task(row) },
    Column { name: "prompt", doc: "the prompt set", cell: |row| prompt(row) },
    Column { name: "row", doc: "the row's name within the prompt set", cell: |row| name(row) },
    Column {
        name: "repeat",
        doc: "which of the repeats, from 0",
        cell: |row| row.record.repeat.into(),
    },
    Column { name: "model", doc: "the model's label in the job", cell: |row| model(row) },
    Column { name: "variant", doc: "the matrix parameters", cell: |row| variant(row) },
    Column {
        name: "model_used",
        doc: "`provider/model` that was asked last",
        cell: |row| (&*row.record.model_used).into(),
    },
    Column {
        name: "provider",
        doc: "the provider that was asked last",
        cell: |row| (&*row.record.provider).into(),
    },
    Column {
        name: "status",
        doc: "`ok`, `error` or `skipped`",
        cell: |row| Cell::Word(row.record.status.as_str()),
    },
    Column {
        name: "finish_reason",
        doc: "why the answer ended, in OpenAI's words",
        cell: |row| row.finish_reason().into(),
    },
    Column {
        name: "content",
        doc: "the text of the answer",
        cell: |row| row.content.as_deref().into(),
    },
    Column {
        name: "error_type",
        doc: "why it failed",
        cell: |row| match &row.record.error {
            Some(failure) => Cell::Word(failure.kind.as_str()),
            None => Cell::Empty,
        },
    },
    Column {
        name: "prompt_tokens",
        doc: "input tokens, cached ones included",
        cell: |row| told(row.record.usage.as_ref(), Usage::prompt_tokens),
    },
    Column {
        name: "completion_tokens",
        doc: "output tokens, reasoning included",
        cell: |row| told(row.record.usage.as_ref(), Usage::completion_tokens),
    },
    Column {
        name: "total_tokens",
        doc: "both together",
        cell: |row| told(row.record.usage.as_ref(), Usage::total_tokens),
    },
    Column {
        name: "cost_usd",
        doc: "what the answer cost, exactly; empty when that is not known",
        cell: |row| row.record.cost_usd.into(),
    },
    Column {
        name: "latency_ms",
        doc: "from the send to the last byte",
        cell: |row| row.record.latency_ms.into(),
    },
    Column {
        name: "ttft_ms",
        doc: "from the send to the first token",
        cell: |row| row.record.ttft_ms.into(),
    },
    Column {
        name: "attempts",
        doc: "how often it was sent",
        cell: |row| row.record.attempts.into(),
    },
    Column {
        name: "started_at",
        doc: "when the last attempt was sent",
        cell: |row| row.record.started_at.into(),
    },
    Column {
        name: "request_id",
        doc: "the provider's name for the call",
        cell: |row| row.record.request_id.as_deref().into(),
    },
    Column {
        name: "attempts_cost_usd",
        doc: "what all attempts at it cost, those in vain and those of fallbacks too; empty when that \
              is not known of one of them",
        cell: |row| row.attempts_cost().into(),
    },
    Column {
        name: "schema_valid",
        doc: "whether the answer fits its `response_schema`; empty where there is nothing to say",
        cell: |row| row.record.schema_valid.map_or(Cell::Empty, Cell::Flag),
    },
];

/// `usage.csv`: one line for every attempt that was answered.
pub const USAGE: &[Column<AttemptCell>] = &[
    Column { name: "task", doc: "the hash of what is asked", cell: |row, _| task(row) },
    Column { name: "attempt", doc: "its number within the task", cell: |_, tried| number(tried) },
    Column { name: "at", doc: "when it was sent", cell: |_, tried| tried.at.into() },
    Column { name: "job", doc: "the job's name", cell: |row, _| (&*row.record.job).into() },
    Column { name: "run", doc: "the run folder's name", cell: |row, _| (&*row.record.run).into() },
    Column { name: "prompt", doc: "the prompt set", cell: |row, _| prompt(row) },
    Column { name: "row", doc: "the row's name within the prompt set", cell: |row, _| name(row) },
    Column { name: "model", doc: "the model's label in the job", cell: |row, _| model(row) },
    Column { name: "variant", doc: "the matrix parameters", cell: |row, _| variant(row) },
    Column {
        name: "model_used",
        doc: "`provider/model` that was asked",
        cell: |_, tried| (&*tried.model_used).into(),
    },
    Column {
        name: "provider",
        doc: "the provider that was asked",
        cell: |_, tried| (&*tried.provider).into(),
    },
    Column {
        name: "final",
        doc: "whether the task's row in `responses.csv` shows this attempt",
        cell: |_, tried| Cell::Flag(tried.is_final),
    },
    Column {
        name: "prompt_tokens",
        doc: "input tokens, cached ones and cache writes included",
        cell: |_, tried| told(tried.usage.as_ref(), Usage::prompt_tokens),
    },
    Column {
        name: "cached_tokens",
        doc: "input tokens read from a cache",
        cell: |_, tried| told(tried.usage.as_ref(), |usage| usage.cached),
    },
    Column {
        name: "cache_write_tokens",
        doc: "input tokens written to a cache, however long it keeps them",
        cell: |_, tried| told(tried.usage.as_ref(), Usage::cache_write_tokens),
    },
    Column {
        name: "completion_tokens",
        doc: "output tokens, reasoning included",
        cell: |_, tried| told(tried.usage.as_ref(), Usage::completion_tokens),
    },
    Column {
        name: "reasoning_tokens",
        doc: "reasoning tokens within the completion",
        cell: |_, tried| told(tried.usage.as_ref(), |usage| usage.reasoning),
    },
    Column {
        name: "total_tokens",
        doc: "prompt and completion together",
        cell: |_, tried| told(tried.usage.as_ref(), Usage::total_tokens),
    },
    Column {
        name: "usage_source",
        doc: "who counted: `provider`, `estimated` or `missing`",
        cell: |_, tried| Cell::Word(tried.usage.unwrap_or_default().source.as_str()),
    },
    Column {
        name: "cost_usd",
        doc: "what it cost, exactly; empty when that is not known",
        cell: |_, tried| tried.cost_usd.into(),
    },
    Column {
        name: "cost_status",
        doc: "`known`, `unknown_price` or `unknown_usage`",
        cell: |_, tried| Cell::Word(tried.cost_status.as_str()),
    },
    Column {
        name: "price_version",
        doc: "where the price is from: `job`, or a source and its date; empty without a cost",
        cell: |_, tried| match (tried.cost_usd, &tried.price_version) {
            (None, _) => Cell::Empty,
            (Some(_), Some(version)) => (&**version).into(),
            (Some(_), None) => Cell::Word(JOB),
        },
    },
    Column {
        name: "request_id",
        doc: "the provider's name for the call",
        cell: |_, tried| tried.request_id.as_deref().into(),
    },
    Column {
        name: "cache_write_1h_tokens",
        doc: "those of them that were written to a cache for an hour",
        cell: |_, tried| told(tried.usage.as_ref(), |usage| usage.cache_write_1h),
    },
    Column {
        name: "audio_prompt_tokens",
        doc: "input tokens of sound",
        cell: |_, tried| told(tried.usage.as_ref(), |usage| usage.audio_input),
    },
    Column {
        name: "audio_completion_tokens",
        doc: "output tokens of sound",
        cell: |_, tried| told(tried.usage.as_ref(), |usage| usage.audio_output),
    },
    Column {
        name: "fallback",
        doc: "whether a fallback of the model was asked",
        cell: |_, tried| Cell::Flag(tried.fallback),
    },
    Column {
        name: "cost_at_most_usd",
        doc: "the most that it can have cost, where the cost is not known and that is",
        cell: |_, tried| tried.cost_at_most_usd.into(),
    },
    Column {
        name: "cached_cost_usd",
        doc: "what of the cost is for input tokens that were read from a cache",
        cell: |_, tried| tried.cached_cost_usd.into(),
    },
    SCORER,
];

/// `errors.csv` and `errors.jsonl`: one line for every attempt that failed.
pub const ERRORS: &[Column<AttemptCell>] = &[
    Column { name: "task", doc: "the hash of what is asked", cell: |row, _| task(row) },
    Column {
        name: "attempt",
        doc: "its number within the task; empty when the task failed before it was sent",
        cell: |_, tried| number(tried),
    },
    Column { name: "at", doc: "when it was sent", cell: |_, tried| tried.at.into() },
    Column { name: "prompt", doc: "the prompt set", cell: |row, _| prompt(row) },
    Column { name: "row", doc: "the row's name within the prompt set", cell: |row, _| name(row) },
    Column { name: "model", doc: "the model's label in the job", cell: |row, _| model(row) },
    Column { name: "variant", doc: "the matrix parameters", cell: |row, _| variant(row) },
    Column {
        name: "model_used",
        doc: "`provider/model` that was asked",
        cell: |_, tried| (&*tried.model_used).into(),
    },
    Column {
        name: "provider",
        doc: "the provider that was asked",
        cell: |_, tried| (&*tried.provider).into(),
    },
    Column {
        name: "error_type",
        doc: "why it failed",
        cell: |_, tried| match &tried.failure {
            Some(failure) => Cell::Word(failure.kind.as_str()),
            None => Cell::Empty,
        },
    },
    Column {
        name: "http_status",
        doc: "the HTTP status, when there was an answer",
        cell: |_, tried| tried.failure.as_ref().and_then(|failure| failure.http_status).into(),
    },
    Column {
        name: "provider_code",
        doc: "the provider's own code",
        cell: |_, tried| {
            tried.failure.as_ref().and_then(|failure| failure.provider_code.as_deref()).into()
        },
    },
    Column {
        name: "message",
        doc: "what happened, in the provider's words where it gave any",
        cell: |_, tried| tried.failure.as_ref().map(|failure| &*failure.message).into(),
    },
    Column {
        name: "retryable",
        doc: "whether trying again can help",
        cell: |_, tried| {
            tried.failure.as_ref().map_or(Cell::Empty, |failure| Cell::Flag(failure.retryable))
        },
    },
    Column {
        name: "waited_ms",
        doc: "how long the runner waited before the next attempt",
        cell: |_, tried| tried.waited_ms.into(),
    },
    Column {
        name: "final",
        doc: "whether the task ended with this failure",
        cell: |_, tried| Cell::Flag(tried.is_final),
    },
    Column {
        name: "request_id",
        doc: "the provider's name for the call",
        cell: |_, tried| tried.request_id.as_deref().into(),
    },
    Column {
        name: "cost_at_most_usd",
        doc: "the most that it can have cost, where it may have been billed at a cost not known",
        cell: |_, tried| tried.cost_at_most_usd.into(),
    },
    SCORER,
];

/// Whose attempt it is.
const SCORER: Column<AttemptCell> = Column {
    name: "scorer",
    doc: "the scorer that asked; empty where the job did",
    cell: |row, _| row.record.scorer.as_deref().into(),
};

fn task<'a>(row: &'a Row<'_>) -> Cell<'a> {
    Cell::Task(row.record.task)
}

fn prompt<'a>(row: &'a Row<'_>) -> Cell<'a> {
    (&*row.record.prompt).into()
}

fn name<'a>(row: &'a Row<'_>) -> Cell<'a> {
    (&*row.record.row).into()
}

fn model<'a>(row: &'a Row<'_>) -> Cell<'a> {
    (&*row.record.model).into()
}

fn variant<'a>(row: &'a Row<'_>) -> Cell<'a> {
    row.record.variant.as_deref().into()
}

fn number(tried: &Attempt) -> Cell<'_> {
    tried.number.into()
}

fn told<'a>(usage: Option<&Usage>, tokens: impl Fn(&Usage) -> Option<u64>) -> Cell<'a> {
    usage.and_then(tokens).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<C>(columns: &[Column<C>]) -> String {
        columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_columns_are_those_that_dashboards_hang_on() {
        assert_eq!(
            header(RESPONSES),
            "task, prompt, row, repeat, model, variant, model_used, provider, status, \
             finish_reason, content, error_type, prompt_tokens, completion_tokens, total_tokens, \
             cost_usd, latency_ms, ttft_ms, attempts, started_at, request_id, attempts_cost_usd, \
             schema_valid"
        );
        assert_eq!(
            header(USAGE),
            "task, attempt, at, job, run, prompt, row, model, variant, model_used, provider, \
             final, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, \
             reasoning_tokens, total_tokens, usage_source, cost_usd, cost_status, price_version, \
             request_id, cache_write_1h_tokens, audio_prompt_tokens, audio_completion_tokens, \
             fallback, cost_at_most_usd, cached_cost_usd, scorer"
        );
        assert_eq!(
            header(ERRORS),
            "task, attempt, at, prompt, row, model, variant, model_used, provider, error_type, \
             http_status, provider_code, message, retryable, waited_ms, final, request_id, \
             cost_at_most_usd, scorer"
        );
    }
}
