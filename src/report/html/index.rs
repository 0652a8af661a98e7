//! The numbers of every answer, column by column: what the page filters and sorts by.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};

use serde::Serialize;

use crate::call::money::CostStatus;
use crate::call::record::Status;
use crate::call::score::Score;
use crate::call::usage::Usage;
use crate::store::error::StoreError;

use super::super::Row;
use super::super::spill::{Spill, Strand};
use super::{Bounds, guard};

/// The index in the making: some 60 bytes a row, most of which are on disk.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: Names,
    groups: Groups,
    rows: u64,
    left_out: u64,
    numbers: Numbers,
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
    set: List,
    /// The row's name, which is text.
    row: List,
    /// How many rows each has, up to the last one.
    rows: List,
    /// How many the last one has.
    last: u64,
    begun: usize,
    /// The first group of each block of texts.
    blocks: Vec<usize>,
}

#[derive(Debug, Default)]
struct Numbers {
    model: List,
    repeat: List,
    status: Letters,
    latency: List,
    ttft: List,
    tokens_in: List,
    tokens_out: List,
    cost: List,
    priced: Letters,
    attempts: List,
    error: List,
    finish: List,
    used: List,
}

/// The scores of one scorer.
#[derive(Debug)]
struct Scored {
    column: String,
    value: List,
    /// `p`assed, `f`ailed, scored without a bo`u`nd, `s`kipped, `b`roken, or `-` for no score at all.
    pass: Letters,
}

/// A JSON list in the making.
#[derive(Debug, Default)]
struct List {
    items: Strand,
    has_items: bool,
}

/// A JSON string in the making: a letter a row.
#[derive(Debug, Default)]
struct Letters(Strand);

impl List {
    /// Where the next item is to be written.
    fn next(&mut self) -> &mut Vec<u8> {
        if std::mem::replace(&mut self.has_items, true) {
            self.items.end.push(b',');
        }
        &mut self.items.end
    }

    fn push(&mut self, item: &impl Serialize) {
        guard::write(self.next(), item).expect("memory takes all that is written to it");
    }

    /// Adds an item that is JSON as it is displayed.
    fn push_shown(&mut self, item: Option<impl Display>) {
        let end = self.next();
        let written = match item {
            Some(item) => write!(end, "{item}"),
            None => write!(end, "null"),
        };
        written.expect("memory takes all that is written to it");
    }
}

impl Letters {
    fn push(&mut self, letter: u8) {
        self.0.end.push(letter);
    }
}

/// A column in the making, by the name that the page knows it by.
enum Named<'a> {
    List(&'static str, &'a mut List),
    Letters(&'static str, &'a mut Letters),
}

impl Named<'_> {
    fn ease(self, spill: &mut Spill) -> Result<(), StoreError> {
        match self {
            Self::List(_, list) => list.items.ease(spill),
            Self::Letters(_, letters) => letters.0.ease(spill),
        }
    }

    fn write(self, file: &mut File, out: &mut impl Write) -> io::Result<()> {
        let (name, open, strand, close) = match self {
            Self::List(name, list) => (name, '[', &list.items, ']'),
            Self::Letters(name, letters) => (name, '"', &letters.0, '"'),
        };
        write!(out, "\"{name}\":{open}")?;
        strand.write(file, out)?;
        write!(out, "{close}")
    }
}

impl Groups {
    fn columns(&mut self) -> [Named<'_>; 3] {
        [
            Named::List("set", &mut self.set),
            Named::List("row", &mut self.row),
            Named::List("rows", &mut self.rows),
        ]
    }
}

impl Numbers {
    fn columns(&mut self) -> [Named<'_>; 13] {
        [
            Named::List("model", &mut self.model),
            Named::List("repeat", &mut self.repeat),
            Named::Letters("status", &mut self.status),
            Named::List("latency", &mut self.latency),
            Named::List("ttft", &mut self.ttft),
            Named::List("tokens_in", &mut self.tokens_in),
            Named::List("tokens_out", &mut self.tokens_out),
            Named::List("cost", &mut self.cost),
            Named::Letters("priced", &mut self.priced),
            Named::List("attempts", &mut self.attempts),
            Named::List("error", &mut self.error),
            Named::List("finish", &mut self.finish),
            Named::List("used", &mut self.used),
        ]
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
        let groups = &mut self.groups;
        if is_new_block {
            groups.blocks.push(groups.begun);
        }
        let set = place(&mut self.names.sets, &row.record.prompt);
        groups.set.push(&set);
        groups.row.push(&row.record.row);
        if groups.begun > 0 {
            groups.rows.push(&groups.last);
        }
        groups.last = 0;
        groups.begun += 1;
    }

    /// Adds a row to the group that was begun last.
    pub(super) fn add(
        &mut self,
        row: &Row<'_>,
        model: usize,
        spill: &mut Spill,
    ) -> Result<(), StoreError> {
        let record = &row.record;
        let (names, numbers) = (&mut self.names, &mut self.numbers);
        let usage = record.usage.as_ref();
        let kind = record.error.as_ref().map(|failure| failure.kind.as_str());
        let finish = row.finish_reason();
        numbers.model.push(&model);
        numbers.repeat.push(&record.repeat);
        numbers.status.push(match record.status {
            Status::Ok => b'o',
            Status::Error => b'e',
            Status::Skipped => b's',
        });
        numbers.latency.push(&record.latency_ms);
        numbers.ttft.push(&record.ttft_ms);
        numbers.tokens_in.push(&usage.and_then(Usage::prompt_tokens));
        numbers.tokens_out.push(&usage.and_then(Usage::completion_tokens));
        numbers.cost.push(&record.cost_usd);
        // The cost is known, its price or its usage is not, or there was nothing to pay for.
        numbers.priced.push(match record.cost_status {
            CostStatus::Known => b'k',
            CostStatus::UnknownPrice => b'p',
            CostStatus::UnknownUsage => b'u',
            CostStatus::NoAnswer => b'n',
        });
        numbers.attempts.push(&record.attempts);
        numbers.error.push(&kind.map(|kind| place(&mut names.errors, kind)));
        numbers.finish.push(&finish.map(|reason| place(&mut names.finish, &reason)));
        numbers.used.push(&place(&mut names.used, &record.model_used));
        self.score(row, spill)?;
        self.rows += 1;
        self.groups.last += 1;
        let mut columns = self.numbers.columns().into_iter().chain(self.groups.columns());
        columns.try_for_each(|column| column.ease(spill))
    }

    fn score(&mut self, row: &Row<'_>, spill: &mut Spill) -> Result<(), StoreError> {
        for column in row.record.scores.keys() {
            if !self.scores.iter().any(|scored| scored.column == *column) {
                self.scores.push(Scored::after(self.rows, column, spill)?);
            }
        }
        let mut scores = self.scores.iter_mut();
        scores.try_for_each(|scored| scored.push(row.record.scores.get(&scored.column), spill))
    }

    /// The whole, as the page reads it; `without` is how many rows have no texts.
    pub(super) fn finish(mut self, bounds: Bounds, without: u64) -> IndexPage {
        if self.groups.begun > 0 {
            self.groups.rows.push(&self.groups.last);
        }
        IndexPage { index: self, characters: bounds.characters, without }
    }
}

impl Scored {
    /// The scores of a scorer that so many rows before had none of.
    fn after(rows: u64, column: &str, spill: &mut Spill) -> Result<Self, StoreError> {
        let (value, pass) = (List::default(), Letters::default());
        let mut scored = Self { column: column.to_owned(), value, pass };
        (0..rows).try_for_each(|_| scored.push(None, spill))?;
        Ok(scored)
    }

    fn push(&mut self, score: Option<&Score>, spill: &mut Spill) -> Result<(), StoreError> {
        use crate::call::score::ScoreState::{Broken, Scored, Skipped};
        self.value.push_shown(score.and_then(|score| score.value));
        self.pass.push(match score.map(|score| (score.state, score.pass)) {
            None => b'-',
            Some((Scored, Some(true))) => b'p',
            Some((Scored, Some(false))) => b'f',
            Some((Scored, None)) => b'u',
            Some((Skipped, _)) => b's',
            Some((Broken, _)) => b'b',
        });
        self.columns().into_iter().try_for_each(|column| column.ease(spill))
    }

    fn columns(&mut self) -> [Named<'_>; 2] {
        [Named::List("value", &mut self.value), Named::Letters("pass", &mut self.pass)]
    }
}

/// The index, ready to be written.
#[derive(Debug)]
pub(super) struct IndexPage {
    index: Index,
    characters: usize,
    without: u64,
}

impl IndexPage {
    /// Writes it as the page reads it; `file` has what was set aside.
    pub(super) fn write(&mut self, file: &mut File, out: &mut impl Write) -> io::Result<()> {
        let Index { names, groups, rows, left_out, numbers, scores } = &mut self.index;
        out.write_all(b"{\"v\":1,\"names\":")?;
        guard::write(out, names)?;
        out.write_all(b",\"groups\":{")?;
        write_columns(groups.columns(), file, out)?;
        out.write_all(b"},\"blocks\":")?;
        guard::write(out, &groups.blocks)?;
        out.write_all(b",\"rows\":{")?;
        write_columns(numbers.columns(), file, out)?;
        out.write_all(b"},\"scores\":[")?;
        for (nth, scored) in scores.iter_mut().enumerate() {
            out.write_all(if nth == 0 { b"{\"column\":" } else { b",{\"column\":" })?;
            guard::write(out, &scored.column)?;
            out.write_all(b",")?;
            write_columns(scored.columns(), file, out)?;
            out.write_all(b"}")?;
        }
        let (without, characters) = (self.without, self.characters);
        write!(
            out,
            "],\"listed\":{rows},\"left_out\":{left_out},\"without_texts\":{without},\
             \"characters\":{characters}}}"
        )
    }
}

fn write_columns<const N: usize>(
    columns: [Named<'_>; N],
    file: &mut File,
    out: &mut impl Write,
) -> io::Result<()> {
    for (nth, column) in columns.into_iter().enumerate() {
        if nth > 0 {
            out.write_all(b",")?;
        }
        column.write(file, out)?;
    }
    Ok(())
}

/// The place of a name in a list of few, which takes it in.
fn place(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}
