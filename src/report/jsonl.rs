//! The JSONL reports: a JSON object a line.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::store::beside::Beside;
use crate::store::error::StoreError;

use super::columns::ERRORS;
use super::summary::Summary;
use super::{Attempt, Report, Row};

/// Bytes written at once.
const BUFFER: usize = 64 << 10;

/// `responses.jsonl`: one line a task, byte for byte as the journal has it.
#[derive(Debug)]
pub struct ResponsesJsonl(BufWriter<Beside>);

/// `errors.jsonl`: what `errors.csv` says, with numbers as numbers and null for what is empty.
#[derive(Debug)]
pub struct ErrorsJsonl(BufWriter<Beside>);

impl ResponsesJsonl {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        create(&run.join("responses.jsonl")).map(Self)
    }
}

impl ErrorsJsonl {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        create(&run.join("errors.jsonl")).map(Self)
    }
}

impl Report for ResponsesJsonl {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        if !row.is_task() {
            return Ok(());
        }
        let written = self.0.write_all(row.line).and_then(|()| self.0.write_all(b"\n"));
        written.map_err(|error| failed(&self.0, error))
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<(), StoreError> {
        finish(self.0)
    }
}

impl Report for ErrorsJsonl {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        for attempt in row.attempts.iter().filter(|attempt| attempt.failure.is_some()) {
            let line = Object { row, attempt };
            let written = serde_json::to_writer(&mut self.0, &line).map_err(io::Error::from);
            let written = written.and_then(|()| self.0.write_all(b"\n"));
            written.map_err(|error| failed(&self.0, error))?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Summary) -> Result<(), StoreError> {
        finish(self.0)
    }
}

/// An attempt that failed, with the columns of `errors.csv` as keys.
struct Object<'a> {
    row: &'a Row<'a>,
    attempt: &'a Attempt,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(ERRORS.len()))?;
        for column in ERRORS {
            map.serialize_entry(column.name, &(column.cell)(self.row, self.attempt))?;
        }
        map.end()
    }
}

fn create(place: &Path) -> Result<BufWriter<Beside>, StoreError> {
    Ok(BufWriter::with_capacity(BUFFER, Beside::create(place)?))
}

fn failed(writer: &BufWriter<Beside>, error: io::Error) -> StoreError {
    StoreError::io("write", writer.get_ref().place())(error)
}

fn finish(mut writer: BufWriter<Beside>) -> Result<(), StoreError> {
    writer.flush().map_err(|error| failed(&writer, error))?;
    let file = writer.into_inner().expect("a buffer that was flushed is empty");
    file.finish()
}
