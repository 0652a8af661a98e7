//! What a report will hold, set aside on disk until its end: pieces in one file, and strands of
//! pieces, of which only the end is in memory.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;

use crate::store::beside::Beside;
use crate::store::error::StoreError;

/// The end of a strand is set aside once it is this long.
const PIECE: usize = 16 << 10;

/// The file of pieces, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Spill {
    file: Beside,
    length: u64,
}

/// Where a piece stands in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    start: u64,
    length: u64,
}

/// Bytes that belong together, however they are spread over the file.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pieces: Vec<Piece>,
    /// What is not in the file yet.
    pub(super) end: Vec<u8>,
}

impl Spill {
    /// Begins a file beside this report.
    pub(super) fn create(report: &Path) -> Result<Self, StoreError> {
        Ok(Self { file: Beside::create(report)?, length: 0 })
    }

    /// The file, to be read.
    pub(super) fn reread(&self) -> Result<File, StoreError> {
        self.file.reread()
    }

    /// Sets a piece aside.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<Piece, StoreError> {
        let written = self.file.write_all(bytes);
        written.map_err(StoreError::io("write", self.file.place()))?;
        let piece = Piece { start: self.length, length: bytes.len() as u64 };
        self.length += piece.length;
        Ok(piece)
    }
}

impl Piece {
    /// Writes it; `file` is what [`Spill::reread`] gives.
    pub(super) fn write(self, file: &mut File, out: &mut impl Write) -> io::Result<()> {
        file.seek(SeekFrom::Start(self.start))?;
        if io::copy(&mut file.take(self.length), out)? < self.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Strand {
    /// Sets its end aside where that has become long.
    pub(super) fn ease(&mut self, spill: &mut Spill) -> Result<(), StoreError> {
        if self.end.len() >= PIECE {
            self.pieces.push(spill.add(&self.end)?);
            self.end.clear();
        }
        Ok(())
    }

    /// Writes all of it; `file` is what [`Spill::reread`] gives.
    pub(super) fn write(&self, file: &mut File, out: &mut impl Write) -> io::Result<()> {
        self.pieces.iter().try_for_each(|piece| piece.write(file, out))?;
        out.write_all(&self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strands_come_back_whole_however_they_were_mixed() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(&folder.path().join("report.html")).unwrap();
        let mut strands = [Strand::default(), Strand::default(), Strand::default()];
        let mut whole = [Vec::new(), Vec::new(), Vec::new()];
        for number in 0..50_000_usize {
            let text = number.to_string();
            strands[number % 2].end.extend(text.bytes());
            whole[number % 2].extend(text.bytes());
            strands[number % 2].ease(&mut spill).unwrap();
        }
        assert!(strands[0].pieces.len() > 2 && strands[2].pieces.is_empty());
        let mut file = spill.reread().unwrap();
        for (strand, whole) in strands.iter().zip(&whole) {
            let mut out = Vec::new();
            strand.write(&mut file, &mut out).unwrap();
            assert!(out == *whole && strand.end.capacity() <= 2 * PIECE);
        }
        drop(spill);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
