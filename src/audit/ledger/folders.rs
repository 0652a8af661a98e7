//! The run folders beside the ledger, and whether what it has of them is still all.

use std::collections::HashMap;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::store::error::StoreError;
use crate::store::folder;
use crate::store::manifest::MANIFEST;

/// A run folder on disk.
#[derive(Clone, Debug)]
pub(super) struct RunFolder {
    /// `<job>/<run>`, which is the run's name in the ledger: people copy run folders, and what is
    /// within a copy names the first one.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// By what one sees that a run has changed. The journal only grows and `run.json` is replaced, so
/// a run with the same stamp is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) journal: Seen,
    pub(super) manifest: Seen,
}

/// A file as it was seen: its length, and its last change in ns since 1970; `-1` for one that is
/// not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) bytes: i64,
    pub(super) changed: i64,
}

/// What was found on disk.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) runs: Vec<RunFolder>,
    /// Folders that could not be listed, and why.
    pub(super) unread: Vec<(String, String)>,
}

impl RunFolder {
    /// The run in this folder, as it is now: look before the journal is read, and what comes
    /// meanwhile makes the run a changed one.
    pub(super) fn at(path: &Path, name: String) -> Self {
        let stamp = Stamp {
            journal: Seen::now(&path.join(folder::JOURNAL)),
            manifest: Seen::now(&path.join(MANIFEST)),
        };
        Self { name, path: path.to_owned(), stamp }
    }
}

impl Seen {
    fn now(path: &Path) -> Self {
        let Ok(metadata) = fs::metadata(path) else { return Self { bytes: -1, changed: -1 } };
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let nanos = changed.map_or(-1, |since| since.as_nanos().min(i64::MAX as u128) as i64);
        Self { bytes: metadata.len().min(i64::MAX as u64) as i64, changed: nanos }
    }
}

impl Found {
    /// All runs `<job>/<run>` below this folder, in the order of their names.
    pub(super) fn below(out: &Path) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let listing = match fs::read_dir(out) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(StoreError::io("list", out)(error)),
        };
        let whole = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        for job in listing {
            let job = job.map_err(StoreError::io("list", out))?;
            if is_counted(&job, &whole) && job.path().is_dir() {
                found.add_job(&job, &whole);
            }
        }
        found.runs.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn add_job(&mut self, job: &DirEntry, out: &Path) {
        let job_name = job.file_name().to_string_lossy().into_owned();
        let listed = fs::read_dir(job.path()).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match listed {
            Ok(entries) => {
                for run in entries.iter().filter(|run| is_counted(run, out)) {
                    let path = run.path();
                    if folder::is_run(&path) {
                        let name = format!("{job_name}/{}", run.file_name().to_string_lossy());
                        self.runs.push(RunFolder::at(&path, name));
                    }
                }
            }
            Err(error) => self.unread.push((job_name, error.to_string())),
        }
    }

    /// Those that the ledger does not have as they are, and how many of its own are gone.
    pub(super) fn against(&self, known: &HashMap<String, Stamp>) -> (Vec<&RunFolder>, usize) {
        let same = |run: &&RunFolder| known.get(&run.name) == Some(&run.stamp);
        let stale = self.runs.iter().filter(|run| !same(run)).collect();
        let here = self.runs.iter().filter(|run| known.contains_key(&run.name)).count();
        (stale, known.len().saturating_sub(here))
    }
}

/// Whether an entry counts: a link to what stands below the folder itself would count it twice.
fn is_counted(entry: &DirEntry, out: &Path) -> bool {
    if entry.file_name() == folder::LATEST {
        return false;
    }
    let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
    !is_link || fs::canonicalize(entry.path()).is_ok_and(|target| !target.starts_with(out))
}
