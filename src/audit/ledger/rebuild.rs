//! Makes the ledger anew from the journals that are there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::audit::error::AuditError;
use crate::store::beside;
use crate::store::error::StoreError;

use super::folders::Found;
use super::{LEDGER, Ledger, PATIENCE, Update};

impl Ledger {
    /// Makes the ledger of this folder anew, of exactly the journals that are there, beside the old
    /// one; then it takes its place. Runs whose folders are gone are in it no more.
    pub fn rebuild(folder: &Path) -> Result<(Self, Update), AuditError> {
        let found = Found::below(folder)?;
        let place = folder.join(LEDGER);
        if found.runs.is_empty() && !place.exists() {
            // Nothing is made in a folder that has no runs.
            return Self::none(folder, found);
        }
        let beside = Leftover(beside::temporary(&place));
        let sql = AuditError::sql(&place);
        let connection = Connection::open(&beside.0).map_err(&sql)?;
        // Nobody reads it before it is whole, and half of one is thrown away.
        let set = "PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE";
        connection.execute_batch(set).map_err(&sql)?;
        let ledger = Self::with(connection, folder, place.clone())?;
        ledger.batch("PRAGMA synchronous = OFF")?;
        let update = ledger.take_in(&found)?;
        ledger.connection.close().map_err(|(_, why)| sql(why))?;
        replace(&beside.0, &place)?;
        Ok((Self::open(folder)?, update))
    }
}

/// A file that is removed, if it is still there.
struct Leftover(PathBuf);

impl Drop for Leftover {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Puts a new ledger in the place of the old one while nobody writes that: what a writer leaves
/// beside the old file when it is killed would be taken for a part of the new one.
fn replace(new: &Path, place: &Path) -> Result<(), AuditError> {
    let written = |error| StoreError::io("write", place)(error);
    File::open(new).and_then(|file| file.sync_all()).map_err(written)?;
    let old = place.exists().then(|| lock(place)).transpose()?;
    for ending in ["-journal", "-wal", "-shm"] {
        let mut name = place.as_os_str().to_owned();
        name.push(ending);
        // Most often there is none.
        let _ = fs::remove_file(name);
    }
    if cfg!(windows) {
        // There a file that is open cannot be replaced.
        drop(old);
    }
    fs::rename(new, place).map_err(|error| StoreError::io("write", place)(error).into())
}

/// Keeps all others from a ledger, unless it is damaged; then there is nothing to keep them from.
fn lock(place: &Path) -> Result<Option<Connection>, AuditError> {
    let locked = Connection::open(place).and_then(|old| {
        old.busy_timeout(PATIENCE)?;
        old.execute_batch("BEGIN EXCLUSIVE").map(|()| old)
    });
    match locked.map_err(AuditError::sql(place)) {
        Ok(old) => Ok(Some(old)),
        Err(why @ (AuditError::Busy { .. } | AuditError::Unwritable { .. })) => Err(why),
        Err(_) => Ok(None),
    }
}
