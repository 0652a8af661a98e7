//! One writer per run: an advisory lock on the file `lock` in the run folder.
//!
//! The system lets go of the lock when its holder ends, however it ends. The text in the file only
//! tells others who holds it; a file that is left behind locks nobody out.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::call::moment::Moment;
use crate::store::error::StoreError;

/// How often the lock is tried, and how long after it was found taken: whoever asks
/// [`Lock::is_held`] has it for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);

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
        let mut tries = 1;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    thread::park_timeout(PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    return Err(StoreError::Locked { run: run.to_owned(), holder });
                }
                Err(TryLockError::Error(why)) => return Err(StoreError::io("lock", path)(why)),
            }
        }
        sign(&mut file).map_err(StoreError::io("write", path))?;
        Ok(Self { _file: file })
    }

    /// Whether somebody holds the lock of the run folder. Writes nothing; a folder that cannot be
    /// asked, such as one that was copied without its lock, is nobody's.
    pub fn is_held(run: &Path) -> Result<bool, StoreError> {
        let path = run.join("lock");
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(false),
            Err(why) => return Err(StoreError::io("open", path)(why)),
        };
        // The lock, where it is had, ends with this function.
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(why)) => Err(StoreError::io("ask for", path)(why)),
        }
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
        assert!(Lock::is_held(folder.path()).unwrap());
        drop(lock);
        assert!(!Lock::is_held(folder.path()).unwrap());
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
