//! The numbers of every answer, column by column: what the page filters and sorts by.

use std::fmt::{Display, Write as _};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::money::CostStatus;
use crate::call::record::Status;
use crate::call::score::Score;
use crate::call::usage::Usage;

use super::super::Row;
use super::Bounds;

/// The index in the making: some 60 bytes a row.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: Names,
    groups: Groups,
    rows: u64,
    left_out: u64,
    numbers: Numbers,
    /// A letter a row: `o`k, `e`rror or `s`kipped.
    status: String,
    /// A letter a row: the cost is `k`nown, its `p`rice or its `u`sage is not, or there was
    /// `n`othing to pay for.
    priced: String,
    scores: Vec<Scored>,
}

/// What rows name by its place in a list.
#[derive(Debug, Default, Serialize)]
struct Names {
    sets: Vec<String>,
    /// Labels and variants.
    models: Vec<(String, Option<String>)>,
    /// `provider/model` that was asked last.
    used: Vec<String>,
    errors: Vec<String>,
    finish: Vec<String>,
}

#[derive(Debug, Default)]
struct Groups {
    set: Column,
    /// The row's name, which is text.
    row: Column,
    /// How many rows each has.
    rows: Vec<u64>,
    /// The first group of each block of texts.
    blocks: Vec<usize>,
}

#[derive(Debug, Default)]
struct Numbers {
    model: Column,
    repeat: Column,
    latency: Column,
    ttft: Column,
    tokens_in: Column,
    tokens_out: Column,
    cost: Column,
    attempts: Column,
    error: Column,
    finish: Column,
    used: Column,
}

/// The scores of one scorer.
#[derive(Debug)]
struct Scored {
    column: String,
    value: Column,
    /// A letter a row: `p`assed, `f`ailed, scored without a bo`u`nd, `s`kipped, `b`roken, or `-`
    /// for no score at all.
    pass: String,
}

/// A JSON list in the making.
#[derive(Debug, Default)]
struct Column(String);

impl Column {
    fn push(&mut self, value: Option<impl Display>) {
        self.0.push(if self.0.is_empty() { '[' } else { ',' });
        let written = match value {
            Some(value) => write!(self.0, "{value}"),
            None => write!(self.0, "null"),
        };
        written.expect("memory takes all that is written to it");
    }

    fn push_text(&mut self, text: &str) {
        self.push(Some(serde_json::Value::from(text)));
    }

    fn finish(mut self) -> Box<RawValue> {
        self.0.push_str(if self.0.is_empty() { "[]" } else { "]" });
        RawValue::from_string(self.0).expect("numbers, texts and commas are JSON")
    }
}

impl Index {
    /// How many rows it has.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts a row that it will not have.
    pub(super) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// The place of a row's model and variant in the list of them.
    pub(super) fn model(&mut self, row: &Row<'_>) -> usize {
        let (model, variant) = (&*row.record.model, row.record.variant.as_deref());
        let is_it =
            |known: &(String, Option<String>)| known.0 == model && known.1.as_deref() == variant;
        let models = &mut self.names.models;
        models.iter().position(is_it).unwrap_or_else(|| {
            models.push((model.to_owned(), variant.map(str::to_owned)));
            models.len() - 1
        })
    }

    /// Begins the group that this row is the first of, in a new block of texts or in the last one.
    pub(super) fn begin_group(&mut self, row: &Row<'_>, is_new_block: bool) {
        if is_new_block {
            self.groups.blocks.push(self.groups.rows.len());
        }
        let set = place(&mut self.names.sets, &row.record.prompt);
        self.groups.set.push(Some(set));
        self.groups.row.push_text(&row.record.row);
        self.groups.rows.push(0);
    }

    /// Adds a row to the group that was begun last.
    pub(super) fn add(&mut self, row: &Row<'_>, model: usize) {
        let record = &row.record;
        let (names, numbers) = (&mut self.names, &mut self.numbers);
        let usage = record.usage.as_ref();
        let kind = record.error.as_ref().map(|failure| failure.kind.as_str());
        let finish = row.answer.finish_reason.as_deref();
        numbers.model.push(Some(model));
        numbers.repeat.push(Some(record.repeat));
        numbers.latency.push(record.latency_ms);
        numbers.ttft.push(record.ttft_ms);
        numbers.tokens_in.push(usage.and_then(Usage::prompt_tokens));
        numbers.tokens_out.push(usage.and_then(Usage::completion_tokens));
        numbers.attempts.push(Some(record.attempts));
        numbers.error.push(kind.map(|kind| place(&mut names.errors, kind)));
        numbers.finish.push(finish.map(|reason| place(&mut names.finish, reason)));
        numbers.used.push(Some(place(&mut names.used, &record.model_used)));
        match record.cost_usd {
            Some(usd) => numbers.cost.push_text(&usd.to_string()),
            None => numbers.cost.push(None::<u64>),
        }
        self.status.push(match record.status {
            Status::Ok => 'o',
            Status::Error => 'e',
            Status::Skipped => 's',
        });
        self.priced.push(match record.cost_status {
            CostStatus::Known => 'k',
            CostStatus::UnknownPrice => 'p',
            CostStatus::UnknownUsage => 'u',
            CostStatus::NoAnswer => 'n',
        });
        self.score(row);
        self.rows += 1;
        if let Some(rows) = self.groups.rows.last_mut() {
            *rows += 1;
        }
    }

    fn score(&mut self, row: &Row<'_>) {
        for column in row.record.scores.keys() {
            if !self.scores.iter().any(|scored| scored.column == *column) {
                self.scores.push(Scored::after(self.rows, column));
            }
        }
        for scored in &mut self.scores {
            scored.push(row.record.scores.get(&scored.column));
        }
    }

    /// The whole, as the page reads it; `without` is how many rows have no texts.
    pub(super) fn finish(self, bounds: Bounds, without: u64) -> IndexPage {
        let numbers = self.numbers;
        IndexPage {
            v: 1,
            names: self.names,
            groups: GroupsPage {
                set: self.groups.set.finish(),
                row: self.groups.row.finish(),
                rows: self.groups.rows,
            },
            blocks: self.groups.blocks,
            rows: RowsPage {
                model: numbers.model.finish(),
                repeat: numbers.repeat.finish(),
                status: self.status,
                latency: numbers.latency.finish(),
                ttft: numbers.ttft.finish(),
                tokens_in: numbers.tokens_in.finish(),
                tokens_out: numbers.tokens_out.finish(),
                cost: numbers.cost.finish(),
                priced: self.priced,
                attempts: numbers.attempts.finish(),
                error: numbers.error.finish(),
                finish: numbers.finish.finish(),
                used: numbers.used.finish(),
            },
            scores: self.scores.into_iter().map(Scored::finish).collect(),
            listed: self.rows,
            left_out: self.left_out,
            without_texts: without,
            characters: bounds.characters,
        }
    }
}

impl Scored {
    /// The scores of a scorer that so many rows before had none of.
    fn after(rows: u64, column: &str) -> Self {
        let mut scored =
            Self { column: column.to_owned(), value: Column::default(), pass: String::new() };
        (0..rows).for_each(|_| scored.push(None));
        scored
    }

    fn push(&mut self, score: Option<&Score>) {
        use crate::call::score::ScoreState::{Broken, Scored, Skipped};
        self.value.push(score.and_then(|score| score.value));
        self.pass.push(match score.map(|score| (score.state, score.pass)) {
            None => '-',
            Some((Scored, Some(true))) => 'p',
            Some((Scored, Some(false))) => 'f',
            Some((Scored, None)) => 'u',
            Some((Skipped, _)) => 's',
            Some((Broken, _)) => 'b',
        });
    }

    fn finish(self) -> ScoresPage {
        ScoresPage { column: self.column, value: self.value.finish(), pass: self.pass }
    }
}

/// The index as the page reads it.
#[derive(Debug, Serialize)]
pub(super) struct IndexPage {
    v: u32,
    names: Names,
    groups: GroupsPage,
    blocks: Vec<usize>,
    rows: RowsPage,
    scores: Vec<ScoresPage>,
    listed: u64,
    left_out: u64,
    without_texts: u64,
    characters: usize,
}

#[derive(Debug, Serialize)]
struct GroupsPage {
    set: Box<RawValue>,
    row: Box<RawValue>,
    rows: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct RowsPage {
    model: Box<RawValue>,
    repeat: Box<RawValue>,
    status: String,
    latency: Box<RawValue>,
    ttft: Box<RawValue>,
    tokens_in: Box<RawValue>,
    tokens_out: Box<RawValue>,
    cost: Box<RawValue>,
    priced: String,
    attempts: Box<RawValue>,
    error: Box<RawValue>,
    finish: Box<RawValue>,
    used: Box<RawValue>,
}

#[derive(Debug, Serialize)]
struct ScoresPage {
    column: String,
    value: Box<RawValue>,
    pass: String,
}

/// The place of a name in a list of few, which takes it in.
fn place(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}
