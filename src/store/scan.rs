//! One pass over a journal from its first line to its last.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use memchr::{memchr_iter, memmem};

use crate::call::record::VERSION;
use crate::store::damage::Damages;
use crate::store::error::StoreError;
use crate::store::format::{Fault, HEAD};

/// Bytes read at once.
const BUFFER: usize = 256 << 10;
/// The most that the buffer for a line keeps after a long one.
const KEPT: usize = 1 << 20;

/// Shows every whole line of the journal, without its line end, with its byte offset, and gives the
/// lines that are damaged.
///
/// A torn last line is left out: a crash may have torn it, or a runner is writing it right now.
/// A damaged line before the last is set aside. Where it lost its line end, the line that hangs on to
/// it is shown all the same. What is shown must be left as it was where `see` finds a fault in it.
pub(crate) fn scan(
    path: &Path,
    mut see: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
) -> Result<Damages, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut reader = BufReader::with_capacity(BUFFER, file);
    let mut line = Vec::new();
    let mut damages = Damages::default();
    let (mut offset, mut number) = (0, 0);
    loop {
        line.clear();
        line.shrink_to(KEPT);
        let length = reader.read_until(b'\n', &mut line).map_err(StoreError::io("read", path))?;
        let Some(whole) = line.strip_suffix(b"\n") else { return Ok(damages) };
        number += 1;
        if let Err(fault) = see(offset, whole) {
            let Fault::NotWhole(why) = fault else { return Err(fault.at(path, number)) };
            match see_hanging(offset, whole, &mut see) {
                Err(Fault::NotWhole(_)) => {
                    let last = reader.fill_buf().map_err(StoreError::io("read", path))?.is_empty();
                    if last {
                        return Ok(damages);
                    }
                }
                seen => seen.map_err(|fault| fault.at(path, number))?,
            }
            damages.add(number, why);
        }
        offset += length as u64;
    }
}

/// Shows the whole line that hangs on to a torn one which lost its line end.
fn see_hanging(
    offset: u64,
    line: &[u8],
    see: &mut impl FnMut(u64, &[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    // Within a text its quotes would be escaped, so only a line begins like this.
    match memmem::rfind(line, HEAD) {
        Some(at) if at > 0 => see(offset + at as u64, &line[at..]),
        _ => Err(Fault::NotWhole("nothing hangs on to it".into())),
    }
}

impl Fault {
    /// The error that a fault in this line of a journal is.
    pub(crate) fn at(self, path: &Path, line: u64) -> StoreError {
        let path = PathBuf::from(path);
        match self {
            Self::NotWhole(why) | Self::Changed(why) => {
                StoreError::CorruptJournal { path, line, why }
            }
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

    /// The lines of this text that are shown, and those that are set aside; a line with an `x` is
    /// damaged.
    fn lines(text: &str) -> (Vec<(u64, String)>, Damages) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        std::fs::write(&path, text).unwrap();
        let mut lines = Vec::new();
        let damages = scan(&path, |offset, line| {
            if line.contains(&b'x') {
                return Err(Fault::NotWhole("it is torn".into()));
            }
            lines.push((offset, String::from_utf8(line.to_vec()).unwrap()));
            Ok(())
        });
        (lines, damages.unwrap())
    }

    #[test]
    fn a_torn_last_line_is_left_out() {
        let both = vec![(0, "a".to_owned()), (2, "bc".to_owned())];
        for text in ["a\nbc\n", "a\nbc\nd", "a\nbc\nx\n", "a\nbc\nx"] {
            let (lines, damages) = lines(text);
            assert_eq!(lines, both, "{text:?}");
            assert!(damages.is_empty());
        }
        assert_eq!(lines("").0, []);
    }

    #[test]
    fn a_damaged_line_in_the_middle_is_set_aside_with_its_number() {
        let (shown, damages) = lines("a\nx\nb\nx\nx\nc\n");
        assert_eq!(shown, [(0, "a".to_owned()), (4, "b".to_owned()), (10, "c".to_owned())]);
        assert_eq!(damages.lines, 3);
        let numbers: Vec<u64> = damages.first.iter().map(|damage| damage.line).collect();
        assert_eq!(numbers, [2, 4, 5]);
    }

    #[test]
    fn what_hangs_on_to_a_torn_line_is_shown() {
        let head = str::from_utf8(HEAD).unwrap();
        for end in ["\nb\n", "\n"] {
            let (shown, damages) = lines(&format!("a\n{head}x{head}y{end}"));
            assert_eq!(shown[1], (2 + head.len() as u64 + 1, format!("{head}y")), "{end:?}");
            assert_eq!(damages.lines, 1);
        }
    }
}
