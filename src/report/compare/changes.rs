//! The tasks whose answers changed: which, in what order, and what was said then and now.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::failure::Failure;
use crate::call::record::Status;
use crate::call::request::Message;
use crate::call::score::Scores;
use crate::report::Row;
use crate::store::entries::Entries;
use crate::store::error::StoreError;
use crate::store::index::Index;

use super::matching::Pair;
use super::measures::Measures;
use super::said;
use super::side::Side;

/// What a task that fails counts for: more than all scores together can.
const FAILURE: f64 = 1e6;
/// Scores that are apart by less are the same but for rounding.
const ROUNDING: f64 = 1e-9;

/// A task that changed, by its number in both runs.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pair: Pair,
    /// By how much it got better.
    by: f32,
    /// What that means.
    pub kind: ChangeKind,
}

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It failed, or its scores fell by their weights.
    Worse,
    /// It no longer failed, or its scores rose.
    Better,
    /// Something else was said.
    Changed,
}

/// A task that changed, as both runs have it.
#[derive(Debug, Serialize)]
pub struct ChangedTask {
    /// What became of it.
    pub kind: ChangeKind,
    /// The prompt set, as the new run names it.
    pub prompt: String,
    /// The row's name within it.
    pub row: String,
    /// Which of the repeats, from 0.
    pub repeat: u32,
    /// What was asked.
    pub messages: Box<RawValue>,
    /// What the base has.
    pub base: Told,
    /// What the new run has.
    pub new: Told,
}

/// What one run has on a task.
#[derive(Debug, Serialize)]
pub struct Told {
    /// The task's id.
    pub task: String,
    /// The model with its variant.
    pub model: String,
    /// How it ended.
    pub status: Status,
    /// What was answered: text, and calls of tools; null without an answer.
    pub content: Option<String>,
    /// The scores by column.
    pub scores: Scores,
    /// Why it failed; null when it did not.
    pub error: Option<Failure>,
}

/// Reads what both runs said of a change.
#[derive(Debug)]
pub struct Answers<'a> {
    base: Half<'a>,
    new: Half<'a>,
}

#[derive(Debug)]
struct Half<'a> {
    side: &'a Side,
    entries: Entries<&'a Index>,
}

/// What is needed of a record beside what reports show of it.
#[derive(Deserialize)]
struct Asked {
    messages: Box<RawValue>,
}

/// The tasks that changed: those that got worse first, by how much; then those that got better; then
/// those that only say something else.
pub(super) fn changes(measures: Measures<'_>, weights: &[(String, f64)]) -> Vec<Change> {
    let Measures { base, new, pairs } = measures;
    let columns: Vec<_> = weights
        .iter()
        .filter_map(|(name, weight)| Some((base.column(name)?, new.column(name)?, *weight)))
        .collect();
    let mut found: Vec<Change> = Vec::new();
    for pair in pairs {
        let (was, is) = (&base.tasks[pair.base as usize], &new.tasks[pair.new as usize]);
        let mut has_moved = was.said != is.said || was.is_ok != is.is_ok;
        let mut by = FAILURE * (f64::from(u8::from(is.is_ok)) - f64::from(u8::from(was.is_ok)));
        for (before, after, weight) in &columns {
            if let (Some(before), Some(after)) = (before.value(pair.base), after.value(pair.new)) {
                has_moved |= (after - before).abs() > ROUNDING;
                by += weight * (after - before);
            }
        }
        let kind = match by {
            by if by < -ROUNDING => ChangeKind::Worse,
            by if by > ROUNDING => ChangeKind::Better,
            _ => ChangeKind::Changed,
        };
        if has_moved {
            found.push(Change { pair: *pair, by: by as f32, kind });
        }
    }
    // The sort is stable, so that what moved as much stays in the order of the plan.
    let far = |change: &Change| std::cmp::Reverse((change.by.abs() * 1e6) as i64);
    found.sort_by_key(|change| (change.kind, far(change)));
    found
}

impl<'a> Answers<'a> {
    /// Opens the journals of both runs.
    pub(super) fn open(base: &'a Side, new: &'a Side) -> Result<Self, StoreError> {
        let half = |side: &'a Side| -> Result<Half<'a>, StoreError> {
            Ok(Half { side, entries: Entries::open(&side.journal, &side.index)? })
        };
        Ok(Self { base: half(base)?, new: half(new)? })
    }

    /// What both runs said; `None` where a journal no longer has it.
    pub fn read(&mut self, change: &Change) -> Result<Option<ChangedTask>, StoreError> {
        let Some((base, _)) = self.base.read(change.pair.base)? else { return Ok(None) };
        let Some((new, asked)) = self.new.read(change.pair.new)? else { return Ok(None) };
        let Named { prompt, row, repeat, messages } = asked;
        Ok(Some(ChangedTask { kind: change.kind, prompt, row, repeat, messages, base, new }))
    }
}

/// What a task is called, and what it asks.
struct Named {
    prompt: String,
    row: String,
    repeat: u32,
    messages: Box<RawValue>,
}

impl Half<'_> {
    fn read(&mut self, task: u32) -> Result<Option<(Told, Named)>, StoreError> {
        let place = self.side.tasks[task as usize].place;
        let Some(line) = self.entries.at(place)? else { return Ok(None) };
        let Asked { messages } = line.outcome().read()?;
        let row = Row::read(&line)?;
        let content = said::text(&row);
        let model = row.model_name();
        let record = row.record;
        let named = Named {
            prompt: record.prompt.into_owned(),
            row: record.row.into_owned(),
            repeat: record.repeat,
            messages,
        };
        let told = Told {
            task: record.task.to_string(),
            model,
            status: record.status,
            content,
            scores: record.scores,
            error: record.error,
        };
        Ok(Some((told, named)))
    }
}

impl ChangedTask {
    /// The text of what was asked last.
    pub fn question(&self) -> String {
        let messages: Vec<Message> = serde_json::from_str(self.messages.get()).unwrap_or_default();
        messages.last().map(Message::plain_text).unwrap_or_default()
    }

    /// The model by both names where they differ.
    pub fn model(&self) -> String {
        match self.base.model == self.new.model {
            true => self.new.model.clone(),
            false => format!("{} -> {}", self.base.model, self.new.model),
        }
    }
}
