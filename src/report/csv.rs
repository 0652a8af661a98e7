//! The CSV reports: RFC 4180, UTF-8, with a header.

use std::io;
use std::path::Path;

use csv::{ByteRecord, Terminator, Writer, WriterBuilder};

use crate::call::score::ScorerHead;
use crate::store::beside::Beside;
use crate::store::error::StoreError;

use super::cell::Cell;
use super::columns::{AttemptCell, Column, ERRORS, RESPONSES, RowCell, USAGE};
use super::summary::Summary;
use super::{Report, Row};

/// Bytes written at once.
const BUFFER: usize = 64 << 10;

/// `responses.csv`: one line a task, with a column for each scorer.
#[derive(Debug)]
pub struct ResponsesCsv {
    table: Table<RowCell>,
    scorers: Vec<ScorerHead>,
}

/// `usage.csv`: one line for every attempt that was answered.
#[derive(Debug)]
pub struct UsageCsv(Table<AttemptCell>);

/// `errors.csv`: one line for every attempt that failed.
#[derive(Debug)]
pub struct ErrorsCsv(Table<AttemptCell>);

impl ResponsesCsv {
    /// Begins the report.
    pub fn create(run: &Path, scorers: &[ScorerHead]) -> Result<Self, StoreError> {
        let scores = scorers.iter().flat_map(score_columns);
        let table = Table::create_with(&run.join("responses.csv"), RESPONSES, scores)?;
        Ok(Self { table, scorers: scorers.to_vec() })
    }
}

impl UsageCsv {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        Table::create(&run.join("usage.csv"), USAGE).map(Self)
    }
}

impl ErrorsCsv {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        Table::create(&run.join("errors.csv"), ERRORS).map(Self)
    }
}

impl Report for ResponsesCsv {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        if !row.is_task() {
            return Ok(());
        }
        let scores = self.scorers.iter().flat_map(|scorer| score_cells(scorer, row));
        self.table.line_with(|cell| cell(row), scores)
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<(), StoreError> {
        self.table.finish()
    }
}

impl Report for UsageCsv {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let mut answered = row.attempts.iter().filter(|attempt| attempt.was_answered());
        answered.try_for_each(|attempt| self.0.line(|cell| cell(row, attempt)))
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<(), StoreError> {
        self.0.finish()
    }
}

impl Report for ErrorsCsv {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        let mut failed = row.attempts.iter().filter(|attempt| attempt.failure.is_some());
        failed.try_for_each(|attempt| self.0.line(|cell| cell(row, attempt)))
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<(), StoreError> {
        self.0.finish()
    }
}

/// The columns of a scorer: its values, and what they cost where it asks a model.
fn score_columns(scorer: &ScorerHead) -> Vec<String> {
    let cost = scorer.asks_model.then(|| format!("{}_cost_usd", scorer.column));
    [scorer.column.clone()].into_iter().chain(cost).collect()
}

/// The cells of those columns.
fn score_cells<'a>(scorer: &ScorerHead, row: &Row<'a>) -> Vec<Cell<'a>> {
    let score = row.record.scores.get(&scorer.column);
    let value = score.and_then(|score| score.value);
    let value = value.map_or(Cell::Empty, |value| Cell::Decimal(value.to_string()));
    let cost = scorer.asks_model.then(|| score.and_then(|score| score.cost_usd).into());
    [value].into_iter().chain(cost).collect()
}

/// A CSV file with these columns.
#[derive(Debug)]
struct Table<C: 'static> {
    writer: Writer<Beside>,
    columns: &'static [Column<C>],
    /// The line in the making: a whole line is written faster than cell by cell.
    line: ByteRecord,
    cell: Vec<u8>,
}

impl<C> Table<C> {
    fn create(place: &Path, columns: &'static [Column<C>]) -> Result<Self, StoreError> {
        Self::create_with(place, columns, std::iter::empty())
    }

    /// A file with more columns than those.
    fn create_with(
        place: &Path,
        columns: &'static [Column<C>],
        more: impl Iterator<Item = String>,
    ) -> Result<Self, StoreError> {
        let writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .buffer_capacity(BUFFER)
            .from_writer(Beside::create(place)?);
        let mut table = Self { writer, columns, line: ByteRecord::new(), cell: Vec::new() };
        let names = columns.iter().map(|column| column.name.to_owned());
        let header = table.writer.write_record(names.chain(more));
        header.map_err(|error| table.failed(error))?;
        Ok(table)
    }

    fn line<'a>(&mut self, cell: impl Fn(&C) -> Cell<'a>) -> Result<(), StoreError> {
        self.line_with(cell, std::iter::empty())
    }

    fn line_with<'a>(
        &mut self,
        cell: impl Fn(&C) -> Cell<'a>,
        more: impl Iterator<Item = Cell<'a>>,
    ) -> Result<(), StoreError> {
        self.line.clear();
        let columns = self.columns;
        columns.iter().for_each(|column| self.put(&cell(&column.cell)));
        more.for_each(|cell| self.put(&cell));
        let written = self.writer.write_byte_record(&self.line);
        written.map_err(|error| self.failed(error))
    }

    /// Puts the next cell into the line.
    fn put(&mut self, cell: &Cell<'_>) {
        self.line.push_field(cell.as_csv(&mut self.cell));
    }

    fn finish(self) -> Result<(), StoreError> {
        let place = self.writer.get_ref().place().to_owned();
        let file = self.writer.into_inner();
        let file = file.map_err(|error| StoreError::io("write", place)(error.into_error()))?;
        file.finish()
    }

    fn failed(&self, error: csv::Error) -> StoreError {
        StoreError::io("write", self.writer.get_ref().place())(io::Error::from(error))
    }
}
