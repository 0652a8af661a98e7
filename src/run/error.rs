//! Why a run could not go on: this machine, never a provider.

use std::path::PathBuf;

use crate::mock::server::MockError;
use crate::store::error::StoreError;

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The run folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The built-in provider.
    #[error(transparent)]
    Mock(#[from] MockError),
    /// The run that is to go on is another job's.
    #[error("go on with `{}`: it is a run of the job `{job}`", path.display())]
    OtherJob {
        /// The run folder.
        path: PathBuf,
        /// Whose run it is.
        job: String,
    },
    /// The prompts changed or went away while the run was going.
    #[error("read the prompts to their end: {0}")]
    Prompts(String),
    /// Outcomes could not be written.
    #[error("write {lost} answers to `{}`: {why}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// How many outcomes were not written.
        lost: usize,
        /// What the disk said.
        why: std::io::Error,
    },
}
