//! A run that has ended, booked in the pass that makes its reports.
//!
//! Nothing here can fail a run: the first thing that goes wrong is kept, and told at the end. The
//! next `runner usage` takes the run in all the same.

use std::fs;
use std::path::{Path, PathBuf};

use crate::audit::error::AuditError;
use crate::report::Row;
use crate::report::summary::Summary;
use crate::store::RunDir;

use super::booking::Booking;
use super::folders::RunFolder;
use super::{LEDGER, Ledger};

/// A run that is being booked; dropped before its end, it leaves no trace.
#[derive(Debug)]
pub struct Session {
    state: Result<Option<Open>, AuditError>,
}

#[derive(Debug)]
struct Open {
    ledger: Ledger,
    booking: Booking,
}

impl Session {
    /// Begins to book the run, in the ledger of the folder `out` of all runs; in none, where the
    /// run stands elsewhere.
    pub fn begin(out: &Path, run: &RunDir) -> Self {
        let state = match place(out, run.path()) {
            Some((folder, name)) => Open::begin(&folder, RunFolder::at(run.path(), name)),
            None => Ok(None),
        };
        Self { state }
    }

    /// Books the attempts of a task that were answered.
    pub fn see(&mut self, row: &Row<'_>) {
        let Ok(Some(open)) = &mut self.state else { return };
        let booked = open.booking.row(&open.ledger.connection, row);
        if let Err(why) = booked.map_err(AuditError::sql(&open.ledger.path)) {
            self.state = Err(why);
        }
    }

    /// Ends the booking; `Err` when the ledger lacks the run.
    pub fn finish(self, summary: &Summary) -> Result<(), AuditError> {
        let Some(Open { ledger, booking }) = self.state? else { return Ok(()) };
        let finished = booking.finish(&ledger.connection, summary);
        finished.map_err(AuditError::sql(&ledger.path))?;
        ledger.batch("COMMIT")
    }
}

impl Open {
    fn begin(folder: &Path, run: RunFolder) -> Result<Option<Self>, AuditError> {
        let ledger = match Ledger::open(folder) {
            Ok(ledger) => ledger,
            // The next `runner usage` makes it anew, which is too much at the end of a run.
            Err(AuditError::Older { .. }) => return Ok(None),
            Err(why) => return Err(why),
        };
        ledger.batch("BEGIN IMMEDIATE")?;
        let booking = Booking::begin(&ledger.connection, run);
        let booking = booking.map_err(AuditError::sql(&ledger.path))?;
        Ok(Some(Self { ledger, booking }))
    }
}

/// The folder of the ledger that has this run, and the run's name in it. A run that was named by
/// its path may stand anywhere: then a ledger is kept only where there is one.
fn place(out: &Path, run: &Path) -> Option<(PathBuf, String)> {
    let of = |run: &Path| {
        let name = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
        let job = run.parent()?;
        let folder = job.parent()?;
        // The parent of a relative path such as `job/run` is the working folder.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Some((folder.to_owned(), format!("{}/{}", name(job)?, name(run)?)))
    };
    let (folder, name) = of(run).or_else(|| of(&fs::canonicalize(run).ok()?))?;
    let is_out = matches!(
        (fs::canonicalize(&folder), fs::canonicalize(out)),
        (Ok(folder), Ok(out)) if folder == out
    );
    (is_out || folder.join(LEDGER).is_file()).then_some((folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_booked_in_the_folder_of_all_runs_or_where_a_ledger_is() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("runs");
        let run = out.join("job").join("run");
        fs::create_dir_all(&run).unwrap();
        let found = place(&out, &run).unwrap();
        assert_eq!(found, (out.clone(), "job/run".to_owned()));
        let elsewhere = root.path().join("other");
        assert_eq!(place(&elsewhere, &run), None);
        fs::write(out.join(LEDGER), "").unwrap();
        assert_eq!(place(&elsewhere, &run), Some(found));
        assert_eq!(place(&out, Path::new("/")), None);
    }
}
