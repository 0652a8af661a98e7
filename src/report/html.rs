//! `report.html`: one page that opens from disk and asks nobody for anything.
//!
//! The page is an app over data that it carries. Three parts of that come from here: the summary,
//! as `summary.json` has it; an index with the numbers of every answer, which the page reads
//! at once; and texts, what was asked and answered, in blocks that the page reads when they
//! are shown or searched. The texts come last in the file, so that the verdict is drawn before a
//! browser has read them. While rows come in, both go to a file of their own, so that memory stays
//! flat.
//!
//! What a page holds is bounded by `Bounds`: a browser has to hold it all in memory. What is
//! beyond that is counted, and said on the page; the summary covers every row all the same.
//!
//! The page itself is `html/page.html`, `html/style.css` and the files of `html/script/`.

mod asked;
mod group;
mod guard;
mod index;
mod page;
#[cfg(test)]
mod tests;
mod texts;

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::store::beside::Beside;
use crate::store::error::StoreError;

use self::group::Group;
use self::index::Index;
use self::texts::Texts;
use super::spill::Spill;
use super::summary::Summary;
use super::{Report, Row};

/// Bytes written at once.
const BUFFER: usize = 64 << 10;

/// How much a page holds of the answers.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Answers that are listed.
    rows: u64,
    /// Bytes of text, as the file has them.
    bytes: u64,
    /// Characters of one answer, or of one message.
    characters: usize,
}

/// What Chromium opened in a few seconds, and held in less than a gigabyte, on a laptop of 2020.
const BOUNDS: Bounds = Bounds { rows: 250_000, bytes: 192 << 20, characters: 20_000 };

/// `report.html` in the making.
#[derive(Debug)]
pub struct HtmlPage {
    place: PathBuf,
    bounds: Bounds,
    index: Index,
    texts: Texts,
    spill: Spill,
    group: Group,
}

impl HtmlPage {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        Self::bounded(run, BOUNDS)
    }

    fn bounded(run: &Path, bounds: Bounds) -> Result<Self, StoreError> {
        let place = run.join("report.html");
        Ok(Self {
            spill: Spill::create(&place)?,
            place,
            bounds,
            index: Index::default(),
            texts: Texts::new(bounds),
            group: Group::default(),
        })
    }

    /// Ends the group of the last row, and begins that of this one where it is another.
    fn enter_group(&mut self, row: &Row<'_>, model: usize) -> Result<(), StoreError> {
        if self.group.takes(row, model) {
            return Ok(());
        }
        let is_new_block = self.texts.begin_group(row.record.messages, &mut self.spill)?;
        self.index.begin_group(row, is_new_block);
        self.group.begin(row, model);
        Ok(())
    }
}

impl Report for HtmlPage {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        if !row.is_task() {
            return Ok(());
        }
        if self.index.rows() >= self.bounds.rows {
            self.index.leave_out();
            return Ok(());
        }
        let model = self.index.model(row);
        self.enter_group(row, model)?;
        self.index.add(row, model, &mut self.spill)?;
        self.texts.add(row, &mut self.spill)
    }

    fn finish(self: Box<Self>, summary: &Summary) -> Result<(), StoreError> {
        let Self { place, bounds, index, texts, spill, .. } = *self;
        let (texts, without) = texts.finish();
        // Opened no earlier: while rows come in, every report holds a file open.
        let mut out = BufWriter::with_capacity(BUFFER, Beside::create(&place)?);
        let mut file = spill.reread()?;
        let mut index = index.finish(bounds, without);
        let written = page::write_head(&mut out, summary, &mut index, &mut file)
            .and_then(|()| texts.write(&mut file, &mut out))
            .and_then(|()| page::write_tail(&mut out))
            .and_then(|()| out.flush());
        written.map_err(StoreError::io("write", &place))?;
        out.into_inner().expect("a buffer that was flushed is empty").finish()
    }
}
