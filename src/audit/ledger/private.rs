//! A ledger that nobody else sees: for a folder that cannot be written, or has no runs yet.

use std::path::Path;

use rusqlite::Connection;

use crate::audit::error::AuditError;

use super::folders::Found;
use super::{LEDGER, Ledger, Update};

/// The tables, each copied before those that refer to it.
const TABLES: [&str; 5] = ["runs", "tags", "series", "calls", "rollup"];

impl Ledger {
    /// An empty ledger for this folder, in a file that the system removes when it is closed.
    pub(super) fn private(folder: &Path) -> Result<Self, AuditError> {
        let path = folder.join(LEDGER);
        let connection = Connection::open("").map_err(AuditError::sql(&path))?;
        let ledger = Self::with(connection, folder, path)?;
        ledger.batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")?;
        Ok(ledger)
    }

    /// The ledger of a folder without runs.
    pub(super) fn none(folder: &Path, found: Found) -> Result<(Self, Update), AuditError> {
        let update = Update { unread: found.unread, ..Update::default() };
        Ok((Self::private(folder)?, update))
    }

    /// All runs of a folder whose own ledger cannot be had.
    pub(super) fn aside(
        folder: &Path,
        found: &Found,
        why: AuditError,
    ) -> Result<(Self, Update), AuditError> {
        let ledger = Self::private(folder)?;
        let update = ledger.take_in(found)?;
        Ok((ledger, Update { kept: Some(why), ..update }))
    }

    /// One with all that this one has, as it is on disk.
    pub(super) fn private_copy(&self) -> Result<Self, AuditError> {
        let copy = Self::private(&self.folder)?;
        let sql = AuditError::sql(&self.path);
        let attached = self.path.to_string_lossy();
        copy.connection.execute("ATTACH ?1 AS old", [&*attached]).map_err(&sql)?;
        for table in TABLES {
            copy.batch(&format!("INSERT INTO {table} SELECT * FROM old.{table}"))?;
        }
        copy.batch("DETACH old")?;
        Ok(copy)
    }
}
