//! What was asked and answered, in blocks that the page reads one by one.
//!
//! A block is a JSON list with an entry for each of its groups: what was asked, once for all
//! models, and what came back, in the order of the index.

use std::fs::File;
use std::io::{self, Write};

use serde_json::value::RawValue;

use crate::call::moment::Moment;
use crate::store::error::StoreError;

use super::super::Row;
use super::super::spill::{Spill, Strand};
use super::asked::{Cut, asked, cut, tool_calls};
use super::{Bounds, guard};

/// A block ends with the group that makes it this long: the page reads one in a few milliseconds.
const BLOCK: u64 = 256 << 10;

/// The blocks in the making.
#[derive(Debug)]
pub(super) struct Texts {
    blocks: Blocks,
    bounds: Bounds,
    begun: u64,
    /// How long the block is that was begun last, without its tag; 0 when it has ended.
    block: u64,
    /// Whether a group is open, and whether it has rows.
    open: Option<bool>,
    written: u64,
    without: u64,
}

/// The blocks as the page has them.
#[derive(Debug, Default)]
pub(super) struct Blocks(Strand);

impl Blocks {
    /// Writes them; `file` has what was set aside.
    pub(super) fn write(&self, file: &mut File, out: &mut impl Write) -> io::Result<()> {
        self.0.write(file, out)
    }
}

impl Texts {
    /// No text so far.
    pub(super) fn new(bounds: Bounds) -> Self {
        let blocks = Blocks::default();
        Self { blocks, bounds, begun: 0, block: 0, open: None, written: 0, without: 0 }
    }

    /// Begins the texts of a group; whether they are the first of a new block.
    pub(super) fn begin_group(
        &mut self,
        messages: Option<&RawValue>,
        spill: &mut Spill,
    ) -> Result<bool, StoreError> {
        self.end_group();
        if self.block >= BLOCK {
            self.end_block();
        }
        if self.is_full() {
            return Ok(false);
        }
        let is_first = self.block == 0;
        if is_first {
            let head = format!("<script type=\"application/json\" id=\"texts-{}\">", self.begun);
            self.blocks.0.end.extend(head.into_bytes());
            self.begun += 1;
        }
        let characters = self.bounds.characters;
        self.write(|out| {
            out.extend(if is_first { b"[[" } else { b",[" });
            write_asked(messages, characters, out);
            out.extend(b",[");
        });
        self.open = Some(false);
        self.blocks.0.ease(spill)?;
        Ok(is_first)
    }

    /// Adds the texts of a row to the group that was begun last.
    pub(super) fn add(&mut self, row: &Row<'_>, spill: &mut Spill) -> Result<(), StoreError> {
        let Some(has_rows) = &mut self.open else {
            self.without += 1;
            return Ok(());
        };
        if std::mem::replace(has_rows, true) {
            self.write(|out| out.push(b','));
        }
        if self.is_full() {
            self.without += 1;
            self.write(|out| out.extend(b"null"));
        } else {
            let characters = self.bounds.characters;
            self.write(|out| write_said(row, characters, out));
        }
        self.blocks.0.ease(spill)
    }

    /// Ends the last block; gives all blocks, and how many rows have no texts.
    pub(super) fn finish(mut self) -> (Blocks, u64) {
        self.end_group();
        self.end_block();
        (self.blocks, self.without)
    }

    fn is_full(&self) -> bool {
        self.written + self.block >= self.bounds.bytes
    }

    /// Writes into the block.
    fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let out = &mut self.blocks.0.end;
        let before = out.len();
        write(out);
        self.block += (out.len() - before) as u64;
    }

    fn end_group(&mut self) {
        if self.open.take().is_some() {
            self.write(|out| out.extend(b"]]"));
        }
    }

    fn end_block(&mut self) {
        if self.block > 0 {
            self.write(|out| out.extend(b"]</script>\n"));
        }
        self.written += std::mem::take(&mut self.block);
    }
}

/// Writes what was asked: a list of roles and texts.
fn write_asked(messages: Option<&RawValue>, characters: usize, out: &mut Vec<u8>) {
    let Some(messages) = messages else {
        out.extend(b"null");
        return;
    };
    out.push(b'[');
    for (nth, (role, text)) in asked(messages, characters).iter().enumerate() {
        out.extend(if nth == 0 { &b"["[..] } else { b",[" });
        guard::write_text(out, role);
        out.push(b',');
        text.write(out);
        out.push(b']');
    }
    out.push(b']');
}

/// Writes what came back from one model; what there is not of it has no key.
fn write_said(row: &Row<'_>, characters: usize, out: &mut Vec<u8>) {
    let record = &row.record;
    let tools = record.response.as_ref().and_then(tool_calls);
    let mut said = Said { out, has_keys: false };
    said.text("answer", row.content.as_deref().map(|text| cut(text, characters)));
    if let Some(tools) = tools {
        guard::write_text(said.key("tools"), &cut(&tools, characters).into_text());
    }
    let failure = record.error.as_ref();
    said.text("error", failure.map(|failure| cut(&failure.message, characters)));
    let scores = record.scores.iter();
    let notes = scores.filter_map(|(column, score)| Some((column, score.note.as_deref()?)));
    said.notes(notes.map(|(column, note)| (&**column, cut(note, characters))));
    said.text("id", record.request_id.as_deref().map(|id| cut(id, characters)));
    if let Some(at) = record.started_at {
        said.moment("at", at);
    }
    said.end();
}

/// An object in the making.
struct Said<'a> {
    out: &'a mut Vec<u8>,
    has_keys: bool,
}

impl Said<'_> {
    /// Where the value of this key is to be written.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.push(if std::mem::replace(&mut self.has_keys, true) { b',' } else { b'{' });
        guard::write_text(self.out, key);
        self.out.push(b':');
        self.out
    }

    fn text(&mut self, key: &str, text: Option<Cut<'_>>) {
        if let Some(text) = text {
            text.write(self.key(key));
        }
    }

    fn moment(&mut self, key: &str, moment: Moment) {
        guard::write(self.key(key), &moment).expect("memory takes all that is written to it");
    }

    fn notes<'a>(&mut self, notes: impl Iterator<Item = (&'a str, Cut<'a>)>) {
        let mut notes = notes.peekable();
        if notes.peek().is_none() {
            return;
        }
        let mut all = Said { out: self.key("notes"), has_keys: false };
        notes.for_each(|(column, note)| all.text(column, Some(note)));
        all.end();
    }

    fn end(self) {
        self.out.extend(if self.has_keys { &b"}"[..] } else { b"{}" });
    }
}
