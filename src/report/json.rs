//! `summary.json`: the summary as it is.

use std::io::Write;
use std::path::Path;

use crate::store::beside::Beside;
use crate::store::error::StoreError;

use super::summary::Summary;
use super::{Report, Row};

/// `summary.json` in the making.
#[derive(Debug)]
pub struct SummaryJson(Beside);

impl SummaryJson {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        Beside::create(run.join("summary.json")).map(Self)
    }
}

impl Report for SummaryJson {
    fn row(&mut self, _: &Row<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(summary).expect("a summary has only text as keys");
        text.push(b'\n');
        let written = self.0.write_all(&text);
        written.map_err(StoreError::io("write", self.0.place()))?;
        self.0.finish()
    }
}
