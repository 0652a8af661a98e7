//! The runs of a job in their order, and which of them somebody means by `latest~3`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::store::baseline::Baselines;
use crate::store::error::StoreError;
use crate::store::folder::{self, LATEST};
use crate::store::manifest::Manifest;

/// The name of a pin that was given none.
pub const PINNED: &str = "pinned";
/// The word for the run before another one.
const PREVIOUS: &str = "previous";
/// How many runs an error names.
const NAMED: usize = 5;

/// A run of a job by its part in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunName {
    /// `latest`, or `latest~3` for the third before it.
    Latest(usize),
    /// `previous`: the newest one before the run that it is held against.
    Previous,
    /// `pinned`, or `pinned:NAME` for a pin with a name of its own.
    Pinned(String),
}

/// The runs of a job that have an outcome, oldest first.
#[derive(Debug)]
pub struct JobRuns {
    folder: PathBuf,
    runs: Vec<String>,
}

/// Why there is no such run.
#[derive(Debug, thiserror::Error)]
pub enum NoRun {
    /// There are not as many.
    #[error("there is no run `{name}` in `{}`: {there}", folder.display())]
    TooFew {
        /// What was asked for.
        name: RunName,
        /// The job's folder.
        folder: PathBuf,
        /// Which runs there are.
        there: String,
    },
    /// Nothing is pinned under this name.
    #[error("no run is pinned as `{name}` in `{}`", folder.display())]
    NotPinned {
        /// The name of the pin.
        name: String,
        /// The job's folder.
        folder: PathBuf,
    },
    /// The run that is pinned was removed.
    #[error("the run `{run}`, pinned as `{name}` in `{}`, is gone", folder.display())]
    PinGone {
        /// The name of the pin.
        name: String,
        /// The run.
        run: String,
        /// The job's folder.
        folder: PathBuf,
    },
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoRun {
    /// What to do about it; `None` where the message says so itself.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::TooFew { .. } => Some("name one of these, or the folder of a run".to_owned()),
            Self::NotPinned { .. } | Self::PinGone { .. } => {
                Some("pin a run with `runner baseline set RUN`".to_owned())
            }
            Self::Store(_) => None,
        }
    }
}

impl RunName {
    /// The name that this is; `None` for a path or the name of a folder.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix(PINNED) {
            let name = name.strip_prefix(':').filter(|name| !name.is_empty());
            return match name {
                Some(name) => Some(Self::Pinned(name.to_owned())),
                None => (text == PINNED).then(|| Self::Pinned(PINNED.to_owned())),
            };
        }
        match text.strip_prefix(LATEST) {
            Some("") => Some(Self::Latest(0)),
            Some(rest) => rest.strip_prefix('~')?.parse().ok().map(Self::Latest),
            None => (text == PREVIOUS).then_some(Self::Previous),
        }
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(0) => f.write_str(LATEST),
            Self::Latest(back) => write!(f, "{LATEST}~{back}"),
            Self::Previous => f.write_str(PREVIOUS),
            Self::Pinned(name) if name == PINNED => f.write_str(PINNED),
            Self::Pinned(name) => write!(f, "{PINNED}:{name}"),
        }
    }
}

impl JobRuns {
    /// Those in this folder of a job; none where it is not there.
    pub fn of(job_folder: &Path) -> Result<Self, StoreError> {
        let mut runs = Vec::new();
        let listing = match fs::read_dir(job_folder) {
            Ok(listing) => Some(listing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(StoreError::io("list", job_folder)(error)),
        };
        for entry in listing.into_iter().flatten() {
            let path = entry.map_err(StoreError::io("list", job_folder))?.path();
            if !path.is_symlink() && has_outcome(&path) {
                runs.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        runs.sort_unstable();
        order_within_a_second(&mut runs, job_folder);
        put_latest_last(&mut runs, job_folder);
        Ok(Self { folder: job_folder.to_owned(), runs })
    }

    /// Their names, oldest first.
    pub fn names(&self) -> &[String] {
        &self.runs
    }

    /// The run of this name that is held against the run `new`, or against none yet. `previous` is
    /// never `new` itself.
    pub fn find(&self, name: &RunName, new: Option<&str>) -> Result<PathBuf, NoRun> {
        let found = match name {
            RunName::Latest(back) => self.runs.iter().rev().nth(*back),
            RunName::Previous => self.before(new).next(),
            RunName::Pinned(pin) => return self.pinned(pin),
        };
        self.found(name, found)
    }

    /// The same for a gate of the run `new`, to which `latest~3` is the third before itself.
    pub fn find_before(&self, name: &RunName, new: &str) -> Result<PathBuf, NoRun> {
        let back = match name {
            RunName::Latest(back) => back.saturating_sub(1),
            RunName::Previous => 0,
            RunName::Pinned(pin) => return self.pinned(pin),
        };
        self.found(name, self.before(Some(new)).nth(back))
    }

    /// The runs before this one, or before the newest, from the newest back.
    fn before(&self, new: Option<&str>) -> std::iter::Rev<std::slice::Iter<'_, String>> {
        let end = match new {
            None => self.runs.len().saturating_sub(1),
            Some(new) => {
                let own = self.runs.iter().position(|run| run == new);
                own.unwrap_or_else(|| self.runs.partition_point(|run| run.as_str() < new))
            }
        };
        self.runs[..end].iter().rev()
    }

    fn found(&self, name: &RunName, found: Option<&String>) -> Result<PathBuf, NoRun> {
        found.map(|run| self.folder.join(run)).ok_or_else(|| NoRun::TooFew {
            name: name.clone(),
            folder: self.folder.clone(),
            there: self.there(),
        })
    }

    fn pinned(&self, name: &str) -> Result<PathBuf, NoRun> {
        let (name, folder) = (name.to_owned(), self.folder.clone());
        let Some(pin) = Baselines::read(&folder)?.pins.remove(&name) else {
            return Err(NoRun::NotPinned { name, folder });
        };
        let path = folder.join(&pin.run);
        if folder::is_run(&path) {
            Ok(path)
        } else {
            Err(NoRun::PinGone { name, run: pin.run, folder })
        }
    }

    /// Which runs there are, newest first.
    fn there(&self) -> String {
        let names: Vec<String> =
            self.runs.iter().rev().take(NAMED).map(|run| format!("`{run}`")).collect();
        let more = self.runs.len().saturating_sub(NAMED);
        match (names.len(), more) {
            (0, _) => "no run there has an outcome yet".to_owned(),
            (1, _) => format!("there is {} alone", names[0]),
            (_, 0) => format!("there are {}", names.join(", ")),
            (_, more) => format!("there are {} and {more} older ones", names.join(", ")),
        }
    }
}

/// Names begin with the time, so their order is that of the runs; but for those that began within
/// one second, which `run.json` knows better.
fn order_within_a_second(runs: &mut [String], job_folder: &Path) {
    let second = |run: &str| run.split('-').next().unwrap_or_default().to_owned();
    for alike in runs.chunk_by_mut(|one, next| second(one) == second(next)) {
        if alike.len() > 1 {
            alike.sort_by_cached_key(|run| {
                let manifest = Manifest::read(&job_folder.join(run)).ok().flatten();
                let session = manifest.and_then(|manifest| manifest.sessions.into_iter().next());
                (session.map(|session| session.started_at), run.clone())
            });
        }
    }
}

/// The newest run is the one that `latest` points at, also where its name says otherwise: a clock that
/// was wrong once names a run after a time that is yet to come.
fn put_latest_last(runs: &mut Vec<String>, job_folder: &Path) {
    let latest = folder::resolve(&job_folder.join(LATEST));
    let name = latest.file_name().unwrap_or_default().to_string_lossy();
    if let Some(at) = runs.iter().position(|run| *run == name) {
        let latest = runs.remove(at);
        runs.push(latest);
    }
}

/// Whether the folder is a run with a whole line in its journal. A runner may be writing the first
/// one right now.
pub fn has_outcome(run: &Path) -> bool {
    let whole_line = || -> io::Result<bool> {
        let mut journal = BufReader::new(File::open(run.join(folder::JOURNAL))?);
        loop {
            let bytes = journal.fill_buf()?;
            if bytes.is_empty() || memchr::memchr(b'\n', bytes).is_some() {
                return Ok(!bytes.is_empty());
            }
            let length = bytes.len();
            journal.consume(length);
        }
    };
    whole_line().unwrap_or(false)
}

/// The folder of the job that this run is of: the one it stands in.
pub fn job_folder(run: &Path) -> PathBuf {
    let whole = fs::canonicalize(run).unwrap_or_else(|_| run.to_owned());
    match (run.parent(), whole.parent()) {
        // As the user writes it, where there is something to write.
        (Some(parent), _) if !parent.as_os_str().is_empty() => parent.to_owned(),
        (_, Some(parent)) => parent.to_owned(),
        _ => run.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNS: [&str; 4] =
        ["20260101T000000Z-aaaa", "20260102T000000Z-0000", "20260103T000000Z-ffff", "20260104T0"];

    /// A job with four runs; the last one has no outcome yet.
    fn job() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for run in RUNS {
            fs::create_dir(folder.path().join(run)).unwrap();
            let journal = if run == RUNS[3] { "{\"v\":1" } else { "{}\n" };
            fs::write(folder.path().join(run).join(folder::JOURNAL), journal).unwrap();
        }
        folder::point_latest(folder.path(), RUNS[3]).unwrap();
        folder
    }

    #[test]
    fn names_read_back_what_they_write() {
        for text in ["latest", "latest~3", "previous", "pinned", "pinned:release 2"] {
            assert_eq!(RunName::read(text).unwrap().to_string(), text);
        }
        for text in ["latest~", "latest~x", "latest3", "pinned:", "pinneder", "runs/t/latest", ""] {
            assert_eq!(RunName::read(text), None, "{text}");
        }
    }

    #[test]
    fn runs_are_counted_back_and_those_without_an_outcome_are_not_there() {
        let folder = job();
        let runs = JobRuns::of(folder.path()).unwrap();
        let find = |text: &str, new: Option<&str>| {
            let found = runs.find(&RunName::read(text).unwrap(), new);
            found.map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        };
        for (text, new, expected) in [
            ("latest", None, 2),
            ("latest~0", None, 2),
            ("latest~2", None, 0),
            ("previous", None, 1),
            ("previous", Some(RUNS[3]), 2),
            ("previous", Some(RUNS[2]), 1),
        ] {
            assert_eq!(find(text, new).unwrap(), RUNS[expected], "{text} {new:?}");
        }
        let told = find("previous", Some(RUNS[0])).unwrap_err().to_string();
        assert!(told.contains("there are `20260103T000000Z-ffff`, `2026"), "{told}");
        let before = |text: &str| runs.find_before(&RunName::read(text).unwrap(), RUNS[2]);
        for (text, expected) in [("latest~2", 0), ("latest~1", 1), ("latest", 1), ("previous", 1)] {
            assert_eq!(before(text).unwrap(), folder.path().join(RUNS[expected]), "{text}");
        }
        assert!(matches!(before("latest~3"), Err(NoRun::TooFew { .. })));
    }

    #[test]
    fn runs_of_one_second_stand_in_the_order_in_which_they_began() {
        let folder = tempfile::tempdir().unwrap();
        for (run, millis) in [("20260101T000000Z-ffff", 1), ("20260101T000000Z-0000", 2)] {
            let path = folder.path().join(run);
            fs::create_dir(&path).unwrap();
            fs::write(path.join(folder::JOURNAL), "{}\n").unwrap();
            let manifest = format!(
                "{{\"v\":1,\"runner_version\":\"0\",\"job\":\"t\",\"run\":\"r\",\"job_hash\":\"\",\"tasks\":1,\
                 \"sessions\":[{{\"started_at\":\"2026-01-01T00:00:00.00{millis}Z\",\"ended_at\":null,\
                 \"ended\":null}}]}}"
            );
            fs::write(path.join("run.json"), manifest).unwrap();
        }
        let runs = JobRuns::of(folder.path()).unwrap();
        assert_eq!(runs.names(), ["20260101T000000Z-ffff", "20260101T000000Z-0000"]);
        let before = runs.find(&RunName::Previous, Some("20260101T000000Z-0000")).unwrap();
        assert!(before.ends_with("20260101T000000Z-ffff"));
    }

    #[test]
    fn a_pin_is_found_until_its_run_is_gone() {
        let folder = job();
        let pinned = RunName::read("pinned").unwrap();
        let find = || JobRuns::of(folder.path()).unwrap().find(&pinned, None);
        let told = find().unwrap_err();
        assert!(told.help().unwrap().contains("runner baseline set"), "{told}");
        let mut pins = Baselines::default();
        pins.pin(PINNED, RUNS[1].to_owned());
        pins.write(folder.path()).unwrap();
        assert_eq!(find().unwrap(), folder.path().join(RUNS[1]));
        fs::remove_dir_all(folder.path().join(RUNS[1])).unwrap();
        assert!(matches!(find(), Err(NoRun::PinGone { .. })));
    }
}
