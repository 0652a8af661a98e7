//! One writer per run: an advisory lock on the file `lock` in the run folder.
//!
//! The system lets go of the lock when its holder ends, however it ends. The text in the file only
//! tells others who holds it; a file that is left behind locks nobody out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::call::moment::Moment;
use crate::store::error::StoreError;

/// The right to write a run, for as long as the value lives.
#[derive(Debug)]
pub struct Lock {
    // Closing the file gives the lock back.
    _file: File,
}

impl Lock {
    /// Takes the lock of the run folder, or says who holds it.
    pub fn take(run: &Path) -> Result<Self, StoreError> {
        let path = run.join("lock");
        let mut options = OpenOptions::new();
        // Not truncated: until the lock is ours, the text in the file is its holder's.
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).map_err(StoreError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { run: run.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::io("lock", path)(source)),
        }
        sign(&mut file).map_err(StoreError::io("write", path))?;
        Ok(Self { _file: file })
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(format!("pid {}, since {}\n", std::process::id(), Moment::now()).as_bytes())
}

/// What the holder wrote about itself; `None` where a locked file cannot be read, as on Windows,
/// or where its holder has not signed yet.
fn holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.take(200).read_to_string(&mut text).ok()?;
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        let who = format!("another runner (pid {}, since 20", std::process::id());
        assert!(message.contains(&who), "{message}");
        assert!(message.contains("\nhelp: "), "{message}");
        drop(lock);
        Lock::take(folder.path()).expect("a lock that was given back can be taken");
    }

    #[test]
    fn a_file_left_behind_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("lock"), "pid 4194304, since a long time ago and more\n")
            .unwrap();
        let _lock = Lock::take(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("lock")).unwrap();
        assert!(text.starts_with(&format!("pid {}, since ", std::process::id())), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
