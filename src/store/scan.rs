//! One pass over a journal from its first line to its last.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use memchr::memchr_iter;

use crate::call::record::VERSION;
use crate::store::error::StoreError;
use crate::store::format::Fault;

/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// The most that the buffer for a line keeps after a long one.
const KEPT: usize = 1 << 20;

/// Shows every whole line of the journal, without its line end, with its byte offset.
///
/// A torn last line is left out: a crash may have torn it, or a runner is writing it right now.
/// A torn line before the last is an error with its number.
pub(crate) fn scan(
    path: &Path,
    mut see: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut line = Vec::new();
    let (mut offset, mut number) = (0, 0);
    loop {
        line.clear();
        line.shrink_to(KEPT);
        let length = reader.read_until(b'\n', &mut line).map_err(StoreError::io("read", path))?;
        let Some(whole) = line.strip_suffix(b"\n") else { return Ok(()) };
        number += 1;
        if let Err(fault) = see(offset, whole) {
            let last = reader.fill_buf().map_err(StoreError::io("read", path))?.is_empty();
            return match fault {
                Fault::NotWhole(_) if last => Ok(()),
                fault => Err(fault.at(path, number)),
            };
        }
        offset += length as u64;
    }
}

impl Fault {
    /// The error that a fault in this line of a journal is.
    pub(crate) fn at(self, path: &Path, line: u64) -> StoreError {
        let path = PathBuf::from(path);
        match self {
            Self::NotWhole(why) => StoreError::CorruptJournal { path, line, why },
            Self::Newer(found) => StoreError::UnknownVersion { path, found, known: VERSION },
            Self::Store(error) => error,
        }
    }

    /// The error that a fault in the line at this byte offset is.
    pub(crate) fn at_offset(self, path: &Path, offset: u64) -> StoreError {
        match line_number(path, offset) {
            Ok(line) => self.at(path, line),
            Err(error) => error,
        }
    }
}

/// The number of the line at a byte offset, from 1. Slow: only errors ask for it.
fn line_number(path: &Path, offset: u64) -> Result<u64, StoreError> {
    use std::io::Read;

    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut reader = BufReader::with_capacity(BUFFER, file.take(offset));
    let mut number = 1;
    loop {
        let bytes = reader.fill_buf().map_err(StoreError::io("read", path))?;
        if bytes.is_empty() {
            return Ok(number);
        }
        number += memchr_iter(b'\n', bytes).count() as u64;
        let length = bytes.len();
        reader.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<(u64, String)>, StoreError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        std::fs::write(&path, text).unwrap();
        let mut lines = Vec::new();
        scan(&path, |offset, line| {
            if line.starts_with(b"x") {
                return Err(Fault::NotWhole("it is torn".into()));
            }
            lines.push((offset, String::from_utf8(line.to_vec()).unwrap()));
            Ok(())
        })?;
        Ok(lines)
    }

    #[test]
    fn a_torn_last_line_is_left_out() {
        let both = vec![(0, "a".to_owned()), (2, "bc".to_owned())];
        for text in ["a\nbc\n", "a\nbc\nd", "a\nbc\nx\n", "a\nbc\nx"] {
            assert_eq!(lines(text).unwrap(), both, "{text:?}");
        }
        assert_eq!(lines("").unwrap(), []);
    }

    #[test]
    fn a_torn_line_in_the_middle_is_an_error_with_its_number() {
        let message = lines("a\nx\nb\n").unwrap_err().to_string();
        assert!(message.contains("read line 2 of"), "{message}");
        assert!(message.contains("\nhelp: "), "{message}");
    }
}
