//! What can break between this machine and the ledger.
//!
//! A message fits after "failed to" and is whole, as those of the store are.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::call::money::Usd;
use crate::store::error::StoreError;

/// A ledger that cannot be used as it stands.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The run folders.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is damaged, or no database at all.
    #[error(
        "read the ledger `{}`: {why}\n\
         help: `runner usage --rebuild` makes it anew from the journals of the runs",
        .path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file is a database of someone else.
    #[error(
        "read the ledger `{}`: the file is a database of another program\n\
         help: move it away; the ledger is then made anew from the journals of the runs",
        .path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer runner made the file.
    #[error(
        "read the ledger `{}`: it has format version {found}, and this runner knows {known}\n\
         help: use a newer runner, or make it anew with `runner usage --rebuild`",
        .path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: i64,
        /// The version that this runner writes.
        known: i64,
    },
    /// An older runner made the file.
    #[error(
        "read the ledger `{}`: it has the older format version {found}\n\
         help: `runner usage` makes it anew from the journals of the runs",
        .path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: i64,
    },
    /// Someone else is writing.
    #[error(
        "write the ledger `{}`: another runner is writing it\n\
         help: try again when that is done",
        .path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made or written.
    #[error(
        "write the ledger `{}`: {why}\n\
         help: check who owns the folder, and whether the disk has room",
        .path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// An attempt whose cost no ledger holds.
    #[error(
        "book a run in the ledger `{}`: {why}\n\
         help: look at the `price` in its job.toml; it is in USD per million tokens",
        .path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        why: String,
    },
    /// Anything else that the database said.
    #[error(
        "use the ledger `{}`: {source}\n\
         help: `runner usage --rebuild` makes it anew from the journals of the runs",
        .path.display()
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// An amount that does not fit into the ledger.
#[derive(Debug, thiserror::Error)]
#[error("one attempt cannot have cost {0} USD")]
pub(super) struct TooLarge(pub(super) Usd);

impl AuditError {
    /// What an error of the database means for this ledger, for `map_err`.
    pub(super) fn sql(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            let why = source.to_string();
            if matches!(source, rusqlite::Error::ToSqlConversionFailure(_)) {
                return Self::TooLarge { path, why };
            }
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    Self::Corrupt { path, why }
                }
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::DiskFull
                    | ErrorCode::PermissionDenied
                    | ErrorCode::SystemIoFailure,
                ) => Self::Unwritable { path, why },
                _ => Self::Database { path, source },
            }
        }
    }

    /// Whether the file is as it should be, and only cannot be written now.
    pub(super) fn is_of_writing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unwritable { .. })
    }
}
