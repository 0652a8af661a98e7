//! What can break between this machine and a run folder.
//!
//! A message fits after "failed to" and is whole: it names the cause, and what to do stands on a
//! line of its own. Whoever prints it need not walk the chain of sources.

use std::io;
use std::path::PathBuf;

/// A run folder that cannot be used as it stands.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else writes the run.
    #[error(
        "lock `{}`: another runner{} is writing this run\n\
         help: wait until it is done, or stop it and try again with `--resume`",
        .run.display(),
        .holder.as_ref().map(|who| format!(" ({who})")).unwrap_or_default()
    )]
    Locked {
        /// The run folder.
        run: PathBuf,
        /// Who holds it: pid and start, where that could be read.
        holder: Option<String>,
    },
    /// The disk, or whatever stands behind a path, refused.
    #[error("{what} `{}`: {source}{}", .path.display(), help(.source))]
    Io {
        /// What was tried, such as `write`.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the journal is not what a runner wrote.
    #[error(
        "read line {line} of `{}`: {why}\n\
         help: the file was changed or damaged after it was written: restore it from a copy, or \
         run the job anew without `--resume`",
        .path.display()
    )]
    CorruptJournal {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The list of calls in flight is not what a runner wrote.
    #[error(
        "read line {line} of `{}`: {why}\n\
         help: it tells what a session that was killed may have spent; restore it from a copy, or \
         remove it and lower the budget by what the provider billed for calls that got no answer",
        .path.display()
    )]
    CorruptCommitments {
        /// The list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// `run.json` is not what a runner wrote.
    #[error(
        "read `{}`: {why}\n\
         help: restore the file from a copy, or remove it: reports can do without it",
        .path.display()
    )]
    CorruptManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// `baseline.json` is not what a runner wrote.
    #[error(
        "read `{}`: {why}\n\
         help: remove the file, and pin a run again with `runner baseline set RUN`",
        .path.display()
    )]
    CorruptBaseline {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A newer runner wrote the file.
    #[error(
        "read `{}`: it has format version {found}, and this runner knows versions up to {known}\n\
         help: use a newer runner for this run",
        .path.display()
    )]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest version that this runner reads.
        known: u32,
    },
    /// The path is no run folder.
    #[error(
        "open run `{}`: there is no `journal.jsonl` in it\n\
         help: name the folder of one run, such as `runs/<job>/latest`",
        .path.display()
    )]
    NotARun {
        /// The path that was named.
        path: PathBuf,
    },
}

impl StoreError {
    /// Names what was tried and where, for `map_err`.
    pub(crate) fn io(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

/// What helps against what a system refuses.
fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\nhelp: free some space and try again with `--resume`; nothing that was written is lost"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "\nhelp: check who owns the folder, or choose another one with `--out DIR`"
        }
        io::ErrorKind::NotFound => "\nhelp: check the path",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "\nhelp: a file or a link stands where a folder belongs: remove it, or choose another \
             folder with `--out DIR`"
        }
        io::ErrorKind::Unsupported => {
            "\nhelp: this file system cannot lock files: choose a local folder with `--out DIR`"
        }
        _ if is_out_of_files(error) => {
            "\nhelp: this process may not open more files: raise the limit with `ulimit -n 1024`"
        }
        io::ErrorKind::FileTooLarge => {
            "\nhelp: a limit on the size of files is reached (`ulimit -f`, or the file system's): \
             raise it and try again with `--resume`; nothing that was written is lost"
        }
        _ => "\nhelp: check the disk, and try again; nothing that was written is lost",
    }
}

/// Whether the process, or the system, has as many files open as it may.
fn is_out_of_files(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which have no kind of their own, are the same on every Unix.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_why_and_what_to_do() {
        let full = StoreError::io("write", "runs/x")(io::ErrorKind::StorageFull.into());
        insta::assert_snapshot!(full, @r"
        write `runs/x`: no storage space
        help: free some space and try again with `--resume`; nothing that was written is lost
        ");
        let locked =
            StoreError::Locked { run: "runs/x".into(), holder: Some("pid 1, since noon".into()) };
        insta::assert_snapshot!(locked, @r"
        lock `runs/x`: another runner (pid 1, since noon) is writing this run
        help: wait until it is done, or stop it and try again with `--resume`
        ");
    }
}
