//! ROOF. What survives a crash: one folder per run, and the journal in it.
//!
//! ```text
//! <out>/<job>/latest                     the newest run of the job
//! <out>/<job>/baseline.json              the runs that later ones are held against
//! <out>/<job>/<UTC time>-<4 hex>/
//!     job.toml  run.json  lock           what ran, and who writes
//!     journal.jsonl                      the truth: one line a task
//!     commitments.jsonl                  calls in flight, while a session works under a budget
//! ```
//!
//! A run has one writer, which holds its [`lock`]; anyone may read it at any time. A run that goes
//! on asks the [`survey`] what is done; reports go through the [`entries`] in plan order, by an
//! [`index`] of 8 bytes a task.

pub mod baseline;
pub mod beside;
mod blocks;
pub mod commitments;
pub mod damage;
pub mod durability;
pub mod entries;
pub mod error;
pub mod folder;
pub mod format;
pub mod index;
pub mod journal;
pub mod lock;
pub mod manifest;
pub mod runs;
mod scan;
pub mod survey;
#[cfg(test)]
pub(crate) mod testing;

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::error::StoreError;
use crate::store::index::Index;
use crate::store::journal::Journal;
use crate::store::lock::Lock;
use crate::store::manifest::Manifest;
use crate::store::survey::Survey;

/// The file that holds the job as it was read, byte for byte.
const JOB: &str = "job.toml";

/// The folder of one run.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    lock: Option<Lock>,
}

impl RunDir {
    /// Begins a run of this job in a folder of its own, and holds its lock. `latest` points at it
    /// as soon as it can be read and resumed.
    pub fn create(out: &Path, job_name: &str, job_text: &str) -> Result<Self, StoreError> {
        let job_folder = out.join(folder::job_folder(job_name));
        let before = folder::newest_run(&job_folder)?;
        let path = folder::create_run(&job_folder)?;
        if let Some(before) = before.filter(|before| folder::is_named_later(before, &path)) {
            tracing::warn!(
                newest = %before.display(),
                "the newest run of this job is named after a time that is yet to come, so the clock \
                 is wrong now or was then; `latest` is this run all the same"
            );
        }
        let lock = Lock::take(&path)?;
        let run = Self { path, lock: Some(lock) };
        run.replace_job(job_text)?;
        let journal = run.journal_path();
        fs::File::create_new(&journal).map_err(StoreError::io("create", journal))?;
        folder::point_latest(&job_folder, &run.name())?;
        Ok(run)
    }

    /// The newest run of this job, if there is any.
    pub fn latest(out: &Path, job_name: &str) -> Result<Option<PathBuf>, StoreError> {
        folder::newest_run(&out.join(folder::job_folder(job_name)))
    }

    /// The folder that somebody means by `named`: a path, or the name of a run of this job.
    pub fn named(out: &Path, job_name: &str, named: &Path) -> PathBuf {
        let in_job = out.join(folder::job_folder(job_name)).join(named);
        if !named.exists() && in_job.exists() { in_job } else { named.to_owned() }
    }

    /// Opens a run to go on with it, and holds its lock.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let run = Self::read(path)?;
        let lock = Some(Lock::take(&run.path)?);
        beside::sweep(&run.path);
        Ok(Self { lock, ..run })
    }

    /// Opens a run to read it, whoever writes it at the time.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let mut path = folder::resolve(path);
        if !folder::is_run(&path)
            && let Some(newest) = folder::newest_run(&path)?
        {
            // A job's folder stands for its newest run.
            path = newest;
        }
        if folder::is_run(&path) {
            Ok(Self { path, lock: None })
        } else {
            Err(StoreError::NotARun { path })
        }
    }

    /// The folder's name, which is the run's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this value holds the run's lock and may write the journal.
    pub fn is_writer(&self) -> bool {
        self.lock.is_some()
    }

    /// Whether another runner works on the run now, by this manifest of it. One that was killed does
    /// not, though its last session has no end.
    pub fn is_going(&self, manifest: Option<&Manifest>) -> Result<bool, StoreError> {
        let last = manifest.and_then(|manifest| manifest.sessions.last());
        match last.is_some_and(|session| session.ended_at.is_none()) {
            true => Ok(!self.is_writer() && Lock::is_held(&self.path)?),
            false => Ok(false),
        }
    }

    /// The journal.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(folder::JOURNAL)
    }

    /// The job as it was read.
    pub fn job_path(&self) -> PathBuf {
        self.path.join(JOB)
    }

    /// Replaces the job, for a run that goes on with a changed one.
    pub fn replace_job(&self, text: &str) -> Result<(), StoreError> {
        beside::replace(&self.job_path(), text.as_bytes())
    }

    /// `run.json`; `None` when there is none.
    pub fn manifest(&self) -> Result<Option<Manifest>, StoreError> {
        Manifest::read(&self.path)
    }

    /// Writes `run.json` as a whole.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        manifest.write(&self.path)
    }

    /// Waits until the disk has the folder itself: that there is a run, and its files by their names.
    pub fn sync_folders(&self) -> Result<(), StoreError> {
        let named = |folder: &Path| match folder.as_os_str().is_empty() {
            true => Path::new(".").to_owned(),
            false => folder.to_owned(),
        };
        let mut folders = self.path.ancestors().map(named);
        // Of the run, of the job, and of all runs.
        folders.by_ref().take(3).try_for_each(|folder| beside::sync_folder(&folder))?;
        // That folder may be as new as the run; the one that it stands in need not be ours to open.
        folders.next().map(|folder| beside::sync_folder(&folder).ok());
        Ok(())
    }

    /// Lays the folder of a run out again whose journal was put back after somebody removed it.
    pub fn put_back(&mut self, job_text: &str) -> Result<(), StoreError> {
        self.lock = Some(Lock::take(&self.path)?);
        self.replace_job(job_text)?;
        match self.path.parent() {
            Some(job_folder) => folder::point_latest(job_folder, &self.name()),
            None => Ok(()),
        }
    }

    /// Opens the journal for writing; a torn last line is cut off. Only the holder of the lock
    /// may do so.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        debug_assert!(self.is_writer(), "only the holder of the lock writes the journal");
        Journal::open_append(self.journal_path())
    }

    /// What is known of each task, for a run that goes on.
    pub fn survey(&self) -> Result<Survey, StoreError> {
        Survey::read(&self.journal_path())
    }

    /// Where the outcomes stand in the journal, for reports.
    pub fn index(&self) -> Result<Index, StoreError> {
        Index::read(&self.journal_path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_begun_found_and_opened_again() {
        let out = tempfile::tempdir().unwrap();
        assert_eq!(RunDir::latest(out.path(), "nightly").unwrap(), None);
        let first = RunDir::create(out.path(), "nightly", "name = \"nightly\"\r\n").unwrap();
        let second = RunDir::create(out.path(), "nightly", "").unwrap();
        assert_ne!(first.path(), second.path());
        assert_eq!(fs::read(first.job_path()).unwrap(), b"name = \"nightly\"\r\n");
        let latest = RunDir::latest(out.path(), "nightly").unwrap().unwrap();
        assert_eq!(latest, second.path());

        let link = out.path().join("nightly").join("latest");
        let error = RunDir::open(&link).unwrap_err();
        assert!(matches!(error, StoreError::Locked { .. }), "{error}");
        assert_eq!(RunDir::read(&link).unwrap().name(), second.name());
        drop(second);
        assert!(RunDir::open(&link).unwrap().is_writer());
    }

    #[test]
    fn a_hostile_name_stays_below_the_out_folder() {
        let out = tempfile::tempdir().unwrap();
        for name in ["../x", "/etc/x", "a/../../b", "..", ""] {
            let run = RunDir::create(out.path(), name, "").unwrap();
            assert_eq!(run.path().parent().unwrap().parent().unwrap(), out.path());
            assert_eq!(RunDir::latest(out.path(), name).unwrap().unwrap(), run.path());
        }
    }

    #[test]
    fn what_is_no_run_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let message = RunDir::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("help: name the folder of one run"), "{message}");
        assert!(!folder.path().join("lock").exists());
    }
}
