//! Takes runs into the ledger that it does not have as they are.

use crate::audit::error::AuditError;
use crate::report::table::read_rows;
use crate::store::RunDir;

use super::booking::{self, Booking};
use super::folders::{Found, RunFolder};
use super::{Ledger, Update};

/// After so many attempts what was booked is written for good, so that a long update that is broken
/// off goes on where it was.
const ATTEMPTS: u64 = 500_000;
/// The same after so many runs.
const RUNS: usize = 500;

impl Ledger {
    /// Takes in every run that is new or has changed. One that cannot be read leaves the others
    /// alone.
    pub(super) fn take_in(&self, found: &Found) -> Result<Update, AuditError> {
        let known = self.stamps().map_err(AuditError::sql(&self.path))?;
        let (stale, gone) = found.against(&known);
        let mut update = Update { gone, unread: found.unread.clone(), ..Update::default() };
        let mut rest = stale.as_slice();
        while !rest.is_empty() {
            self.batch("BEGIN IMMEDIATE")?;
            match self.take_some(rest, &mut update) {
                Ok(done) => {
                    self.batch("COMMIT")?;
                    rest = &rest[done..];
                }
                Err(why) => {
                    // What broke is told; a transaction that cannot be ended ends with the file.
                    let _ = self.batch("ROLLBACK");
                    return Err(why);
                }
            }
        }
        Ok(update)
    }

    /// Takes in the first of these runs, and tells how many.
    fn take_some(&self, runs: &[&RunFolder], update: &mut Update) -> Result<usize, AuditError> {
        let before = update.attempts;
        for (done, run) in runs.iter().enumerate() {
            if done == RUNS || update.attempts - before >= ATTEMPTS {
                return Ok(done);
            }
            match self.take(run) {
                Ok(attempts) => {
                    update.attempts += attempts;
                    update.taken_in += 1;
                }
                Err(why @ (AuditError::Store(_) | AuditError::TooLarge { .. })) => {
                    update.unread.push((run.name.clone(), why.to_string()));
                }
                Err(why) => return Err(why),
            }
        }
        Ok(runs.len())
    }

    /// Takes in one run and gives the number of its attempts, or leaves the ledger as it was.
    fn take(&self, run: &RunFolder) -> Result<u64, AuditError> {
        let sql = AuditError::sql(&self.path);
        let mut booking = Booking::begin(&self.connection, run.clone()).map_err(&sql)?;
        let mut booked = Ok(());
        let summary = RunDir::read(&run.path).and_then(|dir| {
            read_rows(&dir, &mut |row| {
                if booked.is_ok() {
                    booked = booking.row(&self.connection, row);
                }
            })
        });
        let ended = summary.map_err(AuditError::from).and_then(|summary| {
            let finished = booked.and_then(|()| booking.finish(&self.connection, &summary));
            finished.map_err(&sql)
        });
        if ended.is_err() {
            booking::roll_back(&self.connection).map_err(&sql)?;
        }
        ended
    }

    pub(super) fn batch(&self, statements: &str) -> Result<(), AuditError> {
        self.connection.execute_batch(statements).map_err(AuditError::sql(&self.path))
    }
}
