//! One run as a comparison needs it: 64 bytes a task, and 9 for each scorer's column. What was
//! asked and answered stays in the journal, and is read again where it is shown.

use std::path::PathBuf;

use crate::call::metric::Metric;
use crate::call::record::Status;
use crate::call::score::{Score, ScoreState};
use crate::call::task::TaskId;
use crate::report::sums::{Money, TokenSums};
use crate::report::{Row, summary};
use crate::store::RunDir;
use crate::store::entries::Entries;
use crate::store::error::StoreError;
use crate::store::index::Index;
use crate::store::manifest::Manifest;

use super::said;

/// A time that is not known, and a cost.
const NO_TIME: u32 = u32::MAX;
const NO_COST: u64 = u64::MAX;

/// The tasks of one run, in plan order.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub name: String,
    pub manifest: Option<Manifest>,
    pub models: Vec<ModelHead>,
    pub sets: Vec<String>,
    pub columns: Vec<Column>,
    pub tasks: Vec<Point>,
    /// What everything cost: retries, scorers' calls and what the job no longer asks.
    pub spent: Spent,
    /// Where the journal has each place of the plan, to read what is shown.
    pub index: Index,
    pub journal: PathBuf,
    /// The row of which the last answer was.
    row: Option<(u32, String)>,
}

/// A model of a run, in one variant.
#[derive(Debug, Default)]
pub(super) struct ModelHead {
    pub label: String,
    pub variant: Option<String>,
    /// The label, and the variant where there is one.
    pub name: String,
    /// What all attempts at its tasks cost.
    pub spent: Spent,
}

/// What one task came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub id: TaskId,
    /// Its place in the plan.
    pub place: u64,
    /// A hash of what was said, or of how it failed.
    pub said: u64,
    cost: u64,
    latency: u32,
    ttft: u32,
    /// The number of its row over all prompt sets: all askings of one prompt have the same.
    pub prompt: u32,
    pub set: u32,
    pub model: u32,
    pub is_ok: bool,
}

/// What one scorer said of each task.
#[derive(Debug, Default)]
pub(super) struct Column {
    pub name: String,
    /// NaN where there is no value.
    values: Vec<f64>,
    passes: Vec<Option<bool>>,
    /// Answers that it could not score.
    pub broken: u64,
}

/// What some attempts cost.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    pub answered: u64,
    pub cost: Money,
    pub tokens: TokenSums,
}

impl Side {
    /// Reads a run, whoever writes it at the time.
    pub(super) fn read(run: &RunDir) -> Result<Self, StoreError> {
        let manifest = run.manifest()?;
        let scorers = manifest.iter().flat_map(|manifest| &manifest.scorers);
        let columns = scorers.map(|scorer| Column::new(&scorer.column)).collect();
        let mut side =
            Self { name: run.name(), journal: run.journal_path(), columns, ..Self::default() };
        let index = run.index()?;
        index.damages().warn(&side.journal);
        for line in Entries::open(&side.journal, &index)? {
            let line = line?;
            side.add(line.index, &Row::read(&line)?);
        }
        side.manifest = manifest;
        side.index = index;
        Ok(side)
    }

    fn add(&mut self, place: Option<u64>, row: &Row<'_>) {
        self.spent.add(row);
        let Some(place) = place.filter(|_| row.is_task()) else { return };
        let record = &row.record;
        let model = self.model(&record.model, record.variant.as_deref());
        self.models[model as usize].spent.add(row);
        let set = self.set(&record.prompt);
        let prompt = self.prompt(set, &record.row);
        let point = Point {
            id: record.task,
            place,
            said: said::hash(row),
            cost: cost(row),
            latency: time(record.latency_ms),
            ttft: time(record.ttft_ms),
            prompt,
            set,
            model,
            is_ok: record.status == Status::Ok,
        };
        self.tasks.push(point);
        for (column, score) in &record.scores {
            self.score(column, score);
        }
    }

    /// The number of a model, which is given one where it is new.
    pub(super) fn model(&mut self, label: &str, variant: Option<&str>) -> u32 {
        let is_it = |head: &ModelHead| head.label == label && head.variant.as_deref() == variant;
        let found = self.models.iter().position(is_it).unwrap_or_else(|| {
            self.models.push(ModelHead {
                label: label.to_owned(),
                variant: variant.map(str::to_owned),
                name: summary::model_name(label, variant),
                spent: Spent::default(),
            });
            self.models.len() - 1
        });
        found as u32
    }

    fn set(&mut self, set: &str) -> u32 {
        let found = self.sets.iter().position(|known| known == set).unwrap_or_else(|| {
            self.sets.push(set.to_owned());
            self.sets.len() - 1
        });
        found as u32
    }

    /// The number of a row. In plan order all askings of a row stand together.
    fn prompt(&mut self, set: u32, row: &str) -> u32 {
        let last = self.tasks.last().map(|task| task.prompt);
        if self.row.as_ref().is_some_and(|(known, name)| *known == set && name == row) {
            return last.unwrap_or_default();
        }
        self.row = Some((set, row.to_owned()));
        last.map_or(0, |last| last + 1)
    }

    /// Notes what a scorer said of the task that was added last.
    pub(super) fn score(&mut self, column: &str, score: &Score) {
        let found = self.columns.iter().position(|known| known.name == column);
        let found = found.unwrap_or_else(|| {
            self.columns.push(Column::new(column));
            self.columns.len() - 1
        });
        self.columns[found].put(self.tasks.len() - 1, score);
    }

    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column that a metric is of.
    pub(super) fn column_of(&self, metric: &Metric) -> Option<&Column> {
        self.column(metric.column()?)
    }

    /// A task without a score, a time or a cost: one of the simulated runs of the tests.
    #[cfg(test)]
    pub(super) fn push(&mut self, id: TaskId, prompt: u32, model: u32, is_ok: bool) {
        let place = self.tasks.len() as u64;
        let (latency, ttft, cost) = (NO_TIME, NO_TIME, 0);
        let said = place;
        let point = Point { id, place, said, cost, latency, ttft, prompt, set: 0, model, is_ok };
        self.tasks.push(point);
    }
}

impl Point {
    /// From the send to the last byte, in ms; `None` without an answer.
    pub(super) fn latency_ms(&self) -> Option<u32> {
        (self.is_ok && self.latency != NO_TIME).then_some(self.latency)
    }

    /// From the send to the first token, in ms.
    pub(super) fn ttft_ms(&self) -> Option<u32> {
        (self.is_ok && self.ttft != NO_TIME).then_some(self.ttft)
    }

    /// What all attempts cost, in picodollars; `None` where that is not known of one.
    pub(super) fn cost_pico(&self) -> Option<u64> {
        (self.cost != NO_COST).then_some(self.cost)
    }
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn put(&mut self, task: usize, score: &Score) {
        self.values.resize(task, f64::NAN);
        self.passes.resize(task, None);
        let value = score.value.filter(|_| score.state == ScoreState::Scored);
        self.broken += u64::from(score.state == ScoreState::Broken);
        self.values.push(value.unwrap_or(f64::NAN));
        self.passes.push(score.pass.filter(|_| value.is_some()));
    }

    /// What it said of a task; `None` where it said nothing.
    pub(super) fn value(&self, task: u32) -> Option<f64> {
        self.values.get(task as usize).copied().filter(|value| value.is_finite())
    }

    /// Whether it let the task pass, where it has a bound.
    pub(super) fn pass(&self, task: u32) -> Option<bool> {
        self.passes.get(task as usize).copied().flatten()
    }
}

impl Spent {
    fn add(&mut self, row: &Row<'_>) {
        for attempt in row.attempts.iter().filter(|attempt| attempt.was_answered()) {
            self.answered += 1;
            self.cost.add(attempt.cost_usd);
            self.tokens.add(attempt.usage.as_ref());
        }
    }
}

fn time(millis: Option<u64>) -> u32 {
    // What takes 49 days is not told apart from what takes longer.
    millis.map_or(NO_TIME, |millis| millis.min(u64::from(NO_TIME - 1)) as u32)
}

/// Nothing where no attempt was answered; a task of more than 18 million dollars is not known.
fn cost(row: &Row<'_>) -> u64 {
    if !row.attempts.iter().any(|attempt| attempt.was_answered()) {
        return 0;
    }
    let pico = row.attempts_cost().and_then(|usd| u64::try_from(usd.as_pico()).ok());
    pico.unwrap_or(NO_COST)
}
