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
    /// Outcomes could not be written, or not at once.
    #[error("write {}`{}`: {why}", answers(*lost, " to "), path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// How many outcomes were not written in the end.
        lost: usize,
        /// Where they are kept instead, if that could be done.
        kept: Option<PathBuf>,
        /// What the disk said.
        why: std::io::Error,
    },
    /// The disk would not say that it has what was written.
    #[error("make sure that the disk has {}`{}`: {why}", answers(*unsure, " of "), path.display())]
    Unsure {
        /// The journal.
        path: PathBuf,
        /// How many outcomes it may not have.
        unsure: usize,
        /// What the disk said.
        why: std::io::Error,
    },
    /// The run folder was removed while the run was going.
    #[error(
        "go on in `{}`: the folder was removed while the run was going{}", path.display(),
        .lost.as_ref().map(|why| format!(", and failed to {why}")).unwrap_or_default()
    )]
    Removed {
        /// The run folder.
        path: PathBuf,
        /// Why it could not be put back with all answers so far; `None` where it was.
        lost: Option<StoreError>,
    },
    /// The run folder was renamed while the run was going.
    #[error("find `{}`: the folder was moved while the run was going", path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
}

/// So many answers, and the word behind them; nothing for none.
fn answers(count: usize, word: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("1 answer{word}"),
        more => format!("{more} answers{word}"),
    }
}
