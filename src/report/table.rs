//! Which reports there are, and the pass over the journal that writes them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::call::score::ScorerHead;
use crate::store::RunDir;
use crate::store::entries::Entries;
use crate::store::error::StoreError;
use crate::store::index::Index;
use crate::store::manifest::Manifest;

use super::csv::{ErrorsCsv, ResponsesCsv, UsageCsv};
use super::html::HtmlPage;
use super::json::SummaryJson;
use super::jsonl::{ErrorsJsonl, ResponsesJsonl};
use super::junit::JunitXml;
use super::markdown::{FileNote, SummaryMarkdown};
use super::since::gates_since;
use super::summary::Summary;
use super::tally::Tally;
use super::{Report, Row};

/// A kind of report that a job can ask for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ReportSpec {
    /// `responses.jsonl` and `errors.jsonl`.
    Jsonl,
    /// `responses.csv`, `usage.csv` and `errors.csv`.
    Csv,
    /// `summary.json` and `summary.md`.
    Summary,
    /// `report.html`.
    Html,
    /// `junit.xml`, for CI systems.
    Junit,
}

impl ReportSpec {
    /// All of them, which is what a job gets that names none.
    pub const ALL: &[Self] = &[Self::Jsonl, Self::Csv, Self::Summary, Self::Html, Self::Junit];

    /// The files it makes, and what they hold.
    pub fn files(self) -> &'static [FileNote] {
        match self {
            Self::Jsonl => &[
                ("responses.jsonl", "every task, with what was asked and answered"),
                ("errors.jsonl", "every attempt that failed"),
            ],
            Self::Csv => &[
                ("responses.csv", "every task, flat"),
                ("usage.csv", "tokens and cost of every attempt that was answered"),
                ("errors.csv", "every attempt that failed"),
            ],
            Self::Summary => {
                &[("summary.json", "all numbers"), ("summary.md", "the numbers for people")]
            }
            Self::Html => &[("report.html", "all of it on one page, for a browser")],
            Self::Junit => &[("junit.xml", "gates and answers as test results, for CI")],
        }
    }

    fn open(
        self,
        run: &Path,
        files: &[FileNote],
        scorers: &[ScorerHead],
    ) -> Result<Vec<Box<dyn Report>>, StoreError> {
        Ok(match self {
            Self::Jsonl => {
                vec![Box::new(ResponsesJsonl::create(run)?), Box::new(ErrorsJsonl::create(run)?)]
            }
            Self::Csv => vec![
                Box::new(ResponsesCsv::create(run, scorers)?),
                Box::new(UsageCsv::create(run)?),
                Box::new(ErrorsCsv::create(run)?),
            ],
            Self::Summary => vec![
                Box::new(SummaryJson::create(run)?),
                Box::new(SummaryMarkdown::create(run, files.to_vec())?),
            ],
            Self::Html => vec![Box::new(HtmlPage::create(run)?)],
            Self::Junit => vec![Box::new(JunitXml::create(run)?)],
        })
    }
}

/// Whoever else is shown every row in the same pass.
pub type Onlooker<'a> = &'a mut dyn FnMut(&Row<'_>);

/// Writes these reports of a run from its journal, in one pass and in memory of 8 bytes a task,
/// and gives the summary. After an error, no report has changed by half.
pub fn write_reports(run: &RunDir, specs: &[ReportSpec]) -> Result<Summary, StoreError> {
    write_reports_beside(run, specs, None, &mut |_| {})
}

/// The same, with an onlooker; and where it is known already, with where the outcomes stand.
pub fn write_reports_beside(
    run: &RunDir,
    specs: &[ReportSpec],
    index: Option<Index>,
    onlooker: Onlooker<'_>,
) -> Result<Summary, StoreError> {
    let wanted: Vec<ReportSpec> =
        ReportSpec::ALL.iter().copied().filter(|spec| specs.contains(spec)).collect();
    let files: Vec<FileNote> = wanted.iter().flat_map(|spec| spec.files()).copied().collect();
    let manifest = run.manifest()?;
    let scorers = manifest.as_ref().map(|manifest| &*manifest.scorers).unwrap_or_default();
    let mut reports = Vec::new();
    for spec in wanted {
        reports.extend(spec.open(run.path(), &files, scorers)?);
    }
    let gates = manifest.as_ref().map(|manifest| manifest.gates.clone()).unwrap_or_default();
    let mut summary = fold(run, manifest, index, &mut reports, onlooker)?;
    summary.gates.extend(gates_since(run, &gates)?);
    for report in reports {
        report.finish(&summary)?;
    }
    Ok(summary)
}

/// The summary of a run from its journal; writes nothing.
pub fn summarize(run: &RunDir) -> Result<Summary, StoreError> {
    read_rows(run, &mut |_| {})
}

/// Shows every row of a run to an onlooker, and gives the summary; writes nothing.
pub fn read_rows(run: &RunDir, onlooker: Onlooker<'_>) -> Result<Summary, StoreError> {
    fold(run, run.manifest()?, None, &mut [], onlooker)
}

fn fold(
    run: &RunDir,
    manifest: Option<Manifest>,
    index: Option<Index>,
    reports: &mut [Box<dyn Report>],
    onlooker: Onlooker<'_>,
) -> Result<Summary, StoreError> {
    // Asked before the journal is read: a run that ends meanwhile is told as one that went on.
    let going = run.is_going(manifest.as_ref())?;
    let index = match index {
        Some(index) => index,
        None => run.index()?,
    };
    let mut tally = Tally::new(manifest.as_ref());
    for line in Entries::open(&run.journal_path(), &index)? {
        let line = line?;
        let row = Row::read(&line)?;
        tally.add(&row);
        onlooker(&row);
        for report in &mut *reports {
            report.row(&row)?;
        }
    }
    let mut summary = tally.finish(run.name(), manifest);
    summary.going = going;
    summary.damaged = index.damages().clone();
    summary.damaged.warn(&run.journal_path());
    if summary.job.is_empty() {
        // Neither `run.json` nor an outcome names the job, but the run stands in its folder.
        let job = run.path().parent().and_then(Path::file_name);
        summary.job = job.unwrap_or_default().to_string_lossy().into_owned();
    }
    Ok(summary)
}
