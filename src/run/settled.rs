//! A resumed run that has nothing left to do, and of which nothing has changed since.
//!
//! Reading a million rows and a journal of gigabytes again, to say that all of it is done, takes
//! half a minute; the hashes in `run.json` say the same within a second. Whatever cannot be told
//! by them (pictures that rows name, scorers, gates that look at other runs) goes the long way.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::job::Job;
use crate::report::summary::Summary;
use crate::report::table::ReportSpec;
use crate::run::Ended;
use crate::run::error::RunError;
use crate::run::open::{DONE, earlier, prices_hash, shown};
use crate::run::scoring::Scoring;
use crate::run::settings::Settings;
use crate::store::RunDir;
use crate::store::manifest::{Input, Manifest};

/// The ending of the run that is to go on, where all of it is done already; `None` where that has
/// to be looked at. Writes nothing.
pub fn settled(job: &Job, settings: &Settings) -> Result<Option<Ended>, RunError> {
    if settings.resume.is_none() || !is_told_by_hashes(job, settings) {
        return Ok(None);
    }
    let out = settings.out.as_deref().unwrap_or(&job.output.dir);
    let Some(path) = earlier(job, out, settings)? else { return Ok(None) };
    // Whatever is wrong with the folder is told where it is opened in earnest.
    let Ok(dir) = RunDir::open(&path) else { return Ok(None) };
    let Ok(Some(manifest)) = dir.manifest() else { return Ok(None) };
    if !is_the_same(job, settings, &manifest) || !is_whole(&dir, &manifest, job) {
        return Ok(None);
    }
    let Some(summary) = summary(dir.path()).filter(|summary| is_done(summary, &manifest)) else {
        return Ok(None);
    };
    let path = dir.path().to_owned();
    Ok(Some(Ended { path, summary, stopped: None, scoring: Scoring::default() }))
}

/// Whether what would be asked follows from the job and the files of its prompts alone.
fn is_told_by_hashes(job: &Job, settings: &Settings) -> bool {
    settings.selection.is_all()
        && job.scorers.is_empty()
        && job.gates.is_empty()
        && job.output.reports.contains(&ReportSpec::Summary)
        && job.sets.iter().all(|set| set.user.is_some() && set.image.is_none())
}

/// Whether the same runner was asked for the same with the same job, rows and prices.
fn is_the_same(job: &Job, settings: &Settings, manifest: &Manifest) -> bool {
    let now = Manifest::new(&job.name, &manifest.run, &job.document.text, manifest.tasks);
    let options = manifest.sessions.last().map(|session| &session.options);
    now.runner_version == manifest.runner_version
        && now.job == manifest.job
        && now.job_hash == manifest.job_hash
        && *job.tags == manifest.tags
        && prices_hash(&job.targets) == manifest.prices_hash
        && options.is_some_and(|options| changes(options) == changes(&settings.options))
        && are_the_same(job, &manifest.inputs)
}

/// The options that change what is asked.
fn changes(options: &Value) -> Value {
    let mut options = options.clone();
    if let Some(options) = options.as_object_mut() {
        options.remove("resume");
    }
    options
}

fn are_the_same(job: &Job, inputs: &[Input]) -> bool {
    let mut files: Vec<Arc<Path>> = job.sets.iter().flat_map(|set| set.files()).collect();
    files.sort();
    files.dedup();
    let is_same = |(file, input): (&Arc<Path>, &Input)| {
        let is_as_long = file.metadata().is_ok_and(|metadata| metadata.len() == input.bytes);
        is_as_long && Input::of(file, shown(job, file)).is_ok_and(|now| now == *input)
    };
    files.len() == inputs.len() && files.iter().zip(inputs).all(is_same)
}

/// Whether the last session ended by itself, and nothing was taken from its folder since.
fn is_whole(dir: &RunDir, manifest: &Manifest, job: &Job) -> bool {
    let Some(last) = manifest.sessions.last() else { return false };
    let journal = dir.journal_path().metadata().ok().map(|metadata| metadata.len());
    let files = job.output.reports.iter().flat_map(|spec| spec.files());
    last.ended.as_deref() == Some(DONE)
        && last.journal_bytes.is_some()
        && last.journal_bytes == journal
        && last.lost.is_empty()
        && files.into_iter().all(|(name, _)| dir.path().join(name).is_file())
}

fn summary(run: &Path) -> Option<Summary> {
    serde_json::from_slice(&std::fs::read(run.join("summary.json")).ok()?).ok()
}

/// Whether every task of the run was answered.
fn is_done(summary: &Summary, manifest: &Manifest) -> bool {
    summary.run == manifest.run
        && !summary.going
        && summary.damaged.is_empty()
        && summary.totals.ok == manifest.tasks
        && summary.totals.tasks == manifest.tasks
}
