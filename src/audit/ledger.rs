//! The ledger: every attempt that was answered, of every run in a folder, in one `SQLite` file.
//!
//! ```text
//! <out>/ledger.db                 the ledger
//! <out>/<job>/<run>/              the runs whose journals it is made of
//! ```
//!
//! It is an index. Each run that ends is booked in the pass that makes its reports
//! ([`session`]); whoever asks it first has it take in what came otherwise ([`Ledger::current`]),
//! or all anew ([`Ledger::rebuild`]). A ledger that cannot be written takes nothing from a run.
//!
//! | table | a line for each |
//! |---|---|
//! | `runs` | run folder: `folder` (`<job>/<run>`), `job`, `run`, `started_at` |
//! | `tags` | tag of a run: `name`, `value` |
//! | `series` | what many attempts of a run have in common: prompt set, model, provider, ... |
//! | `calls` | line of `usage.csv`: tokens in disjoint parts, whole picodollars |
//! | `rollup` | sum of calls by series, UTC hour, `final` and `retry` |
//!
//! People read the views: `attempts` has the columns of `usage.csv` over all runs, `daily` its sums
//! by day. `schema.rs` tells every column. `PRAGMA user_version` is the format. Nobody but the runner
//! writes the file: `calls` and `rollup` belong together.

mod booking;
mod convert;
mod folders;
mod private;
mod rebuild;
mod schema;
pub mod session;
pub mod spent;
#[cfg(test)]
mod tests;
mod update;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::audit::Booked;
use crate::audit::error::AuditError;
use crate::report::sums::Money;

use self::folders::{Found, Seen, Stamp};

/// The file's name in the folder of all runs.
pub const LEDGER: &str = "ledger.db";
/// How long one waits for another runner that writes.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 5_000 });

/// A ledger that is open.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    folder: PathBuf,
    path: PathBuf,
}

/// What was done to bring a ledger up to date.
#[derive(Debug, Default)]
pub struct Update {
    /// How many runs were taken in.
    pub taken_in: usize,
    /// How many attempts they have.
    pub attempts: u64,
    /// How many runs it has whose folders are gone.
    pub gone: usize,
    /// Runs, or whole folders of a job, that could not be read, and why. What the ledger had of
    /// them before is still in it.
    pub unread: Vec<(String, String)>,
    /// Whether it was made anew because an older runner had made it.
    pub renewed: bool,
    /// Why the file itself was left as it is, and the answer is from a copy.
    pub kept: Option<AuditError>,
}

impl Ledger {
    /// Opens the ledger of this folder of runs as it stands, and makes an empty one where there is
    /// none.
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        let path = folder.join(LEDGER);
        let connection = Connection::open(&path).map_err(AuditError::sql(&path))?;
        Self::with(connection, folder, path)
    }

    /// The ledger of this folder with everything in it that the journals have now. Where the file
    /// cannot be written, the answer is from a copy of it that nobody else sees.
    pub fn current(folder: &Path) -> Result<(Self, Update), AuditError> {
        let found = Found::below(folder)?;
        if found.runs.is_empty() && !folder.join(LEDGER).exists() {
            // Nothing is made in a folder that has no runs.
            return Self::none(folder, found);
        }
        let ledger = match Self::open(folder) {
            Ok(ledger) => ledger,
            Err(AuditError::Older { .. }) => match Self::rebuild(folder) {
                Ok((ledger, update)) => return Ok((ledger, Update { renewed: true, ..update })),
                Err(why) if why.is_of_writing() => return Self::aside(folder, &found, why),
                Err(why) => return Err(why),
            },
            Err(why) if why.is_of_writing() => return Self::aside(folder, &found, why),
            Err(why) => return Err(why),
        };
        match ledger.take_in(&found) {
            Ok(update) => Ok((ledger, update)),
            Err(why) if why.is_of_writing() => {
                let copy = ledger.private_copy()?;
                let update = copy.take_in(&found)?;
                Ok((copy, Update { kept: Some(why), ..update }))
            }
            Err(why) => Err(why),
        }
    }

    /// What each model of each provider is known to have cost on each day from `from` to `to`, both
    /// included, as `2026-11-22`; by day, provider and model.
    pub fn booked(&self, from: Option<&str>, to: Option<&str>) -> Result<Vec<Booked>, AuditError> {
        let days = self.read_days(from, to).map_err(AuditError::sql(&self.path))?;
        let booked = |((day, provider, model), money): ((String, String, String), Money)| Booked {
            day,
            provider,
            model,
            usd: money.sum,
            unpriced: money.unknown,
        };
        Ok(days.into_iter().map(booked).collect())
    }

    fn read_days(
        &self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> rusqlite::Result<BTreeMap<(String, String, String), Money>> {
        let mut statement = self.connection.prepare(
            "SELECT t.day, s.provider, s.model_used, t.attempts, t.priced, t.cost_micro, \
                t.cost_pico \
             FROM rollup t JOIN series s ON s.id = t.series \
             WHERE t.attempts > 0 AND (?1 IS NULL OR t.day >= ?1) AND (?2 IS NULL OR t.day <= ?2)",
        )?;
        let mut rows = statement.query(params![from, to])?;
        let mut days = BTreeMap::<_, Money>::new();
        while let Some(row) = rows.next()? {
            let (provider, used): (String, String) = (row.get(1)?, row.get(2)?);
            let own = used.strip_prefix(&provider).and_then(|rest| rest.strip_prefix('/'));
            let model = own.unwrap_or(&used).to_owned();
            let (attempts, known) = (convert::count(row, 3)?, convert::count(row, 4)?);
            let money = Money {
                sum: convert::money(row, 5)?,
                known,
                unknown: attempts - known.min(attempts),
            };
            days.entry((row.get(0)?, provider, model)).or_default().merge(&money);
        }
        Ok(days)
    }

    /// The ledger in this database.
    fn with(connection: Connection, folder: &Path, path: PathBuf) -> Result<Self, AuditError> {
        let set = connection.busy_timeout(PATIENCE).and_then(|()| {
            // Rows come before the run that they are of. Pages take 1 MB: rows are appended, and 4 MB
            // made neither a booking nor a rebuild of 100,000 rows faster. A crash of the machine may
            // cost the last run, which is then taken in again.
            connection.execute_batch(
                "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -1000; PRAGMA synchronous = NORMAL",
            )
        });
        set.map_err(AuditError::sql(&path))?;
        schema::prepare(&connection, &path)?;
        Ok(Self { connection, folder: folder.to_owned(), path })
    }

    /// What the ledger has of each run, by its folder.
    fn stamps(&self) -> rusqlite::Result<HashMap<String, Stamp>> {
        let mut statement = self.connection.prepare(
            "SELECT folder, journal_bytes, journal_changed, manifest_bytes, manifest_changed \
             FROM runs",
        )?;
        let stamps = statement.query_map([], |row| {
            let journal = Seen { bytes: row.get(1)?, changed: row.get(2)? };
            let manifest = Seen { bytes: row.get(3)?, changed: row.get(4)? };
            Ok((row.get(0)?, Stamp { journal, manifest }))
        })?;
        stamps.collect()
    }
}
