//! What was asked and answered, in blocks that the page reads one by one.
//!
//! A block is a JSON list with an entry for each of its groups: what was asked, once for all
//! models, and what came back, in the order of the index.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::moment::Moment;
use crate::store::beside::Beside;
use crate::store::error::StoreError;

use super::super::Row;
use super::asked::{Cut, asked, cut, tool_calls};
use super::{BUFFER, Bounds, guard};

/// A block ends with the group that makes it this long: the page reads one in a few milliseconds.
const BLOCK: usize = 256 << 10;

/// The blocks in the making. They stand in a file of their own, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Texts {
    file: BufWriter<Beside>,
    bounds: Bounds,
    /// The block in the making, up to a group that may still grow.
    block: Vec<u8>,
    blocks: u64,
    /// Whether a group is open, and whether it has rows.
    open: Option<bool>,
    written: u64,
    without: u64,
}

/// The finished blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    /// Kept because dropping it removes the file.
    _place: Beside,
}

impl io::Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// What came back from one model.
#[derive(Debug, Default, Serialize)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<&'a str, Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
}

impl Texts {
    /// Begins a file of texts beside the page.
    pub(super) fn create(run: &Path, bounds: Bounds) -> Result<Self, StoreError> {
        Ok(Self {
            file: BufWriter::with_capacity(BUFFER, Beside::create(run.join("report.html"))?),
            bounds,
            block: Vec::new(),
            blocks: 0,
            open: None,
            written: 0,
            without: 0,
        })
    }

    /// Begins the texts of a group; whether they are the first of a new block.
    pub(super) fn begin_group(&mut self, messages: Option<&RawValue>) -> Result<bool, StoreError> {
        self.end_group();
        if self.block.len() >= BLOCK {
            self.end_block()?;
        }
        if self.is_full() {
            return Ok(false);
        }
        let is_first = self.block.is_empty();
        self.block.extend(if is_first { b"[[" } else { b",[" });
        self.write(&messages.map(|messages| asked(messages, self.bounds.characters)));
        self.block.extend(b",[");
        self.open = Some(false);
        Ok(is_first)
    }

    /// Adds the texts of a row to the group that was begun last.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let Some(has_rows) = &mut self.open else {
            self.without += 1;
            return;
        };
        if std::mem::replace(has_rows, true) {
            self.block.push(b',');
        }
        if self.is_full() {
            self.without += 1;
            self.block.extend(b"null");
            return;
        }
        self.write(&said(row, self.bounds.characters));
    }

    /// Ends the last block; gives all blocks from the start, and how many rows have no texts.
    pub(super) fn finish(mut self) -> Result<(Blocks, u64), StoreError> {
        self.end_group();
        self.end_block()?;
        let place = self.file.into_inner().expect("a buffer that was flushed is empty");
        Ok((Blocks { file: place.reread()?, _place: place }, self.without))
    }

    fn is_full(&self) -> bool {
        self.written + self.block.len() as u64 >= self.bounds.bytes
    }

    fn write(&mut self, value: &impl Serialize) {
        guard::write(&mut self.block, value).expect("memory takes all that is written to it");
    }

    fn end_group(&mut self) {
        if self.open.take().is_some() {
            self.block.extend(b"]]");
        }
    }

    fn end_block(&mut self) -> Result<(), StoreError> {
        if !self.block.is_empty() {
            self.block.extend(b"]</script>\n");
        }
        let nth = self.blocks;
        let head = format!("<script type=\"application/json\" id=\"texts-{nth}\">");
        let written = match self.block.is_empty() {
            true => Ok(()),
            false => {
                self.file.write_all(head.as_bytes()).and_then(|()| self.file.write_all(&self.block))
            }
        };
        let written = written.and_then(|()| self.file.flush());
        written.map_err(|error| StoreError::io("write", self.file.get_ref().place())(error))?;
        self.blocks += u64::from(!self.block.is_empty());
        self.written += self.block.len() as u64;
        self.block.clear();
        Ok(())
    }
}

fn said<'a>(row: &'a Row<'_>, characters: usize) -> Said<'a> {
    let record = &row.record;
    let notes = record.scores.iter();
    let notes = notes.filter_map(|(column, score)| Some((&**column, score.note.as_deref()?)));
    Said {
        answer: row.answer.content.as_deref().map(|text| cut(text, characters)),
        tools: record.response.and_then(tool_calls).map(|text| cut(&text, characters).into_text()),
        error: record.error.as_ref().map(|failure| cut(&failure.message, characters)),
        notes: notes.map(|(column, note)| (column, cut(note, characters))).collect(),
        id: record.request_id.as_deref().map(|id| cut(id, characters)),
        at: record.started_at,
    }
}
