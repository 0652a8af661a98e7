//! Lines by their byte offset, with few reads where lines that are asked for stand near each other.
//!
//! A journal's lines stand in the order in which their tasks were done. Reports want them in the
//! order of the plan, which is nearly the same: with several lanes it jumps between as many
//! places that all move forward, and around each of them it wavers by the width of the lane.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memchr::memchr;

use crate::store::error::StoreError;

/// Bytes of a block.
const BLOCK: usize = 64 << 10;
/// How many blocks are kept at most: 4 MiB, which holds 16 lanes that waver by 256 KiB each.
const BLOCKS: usize = 64;

/// A file whose most recently used blocks are kept in memory, until all in them was asked for: a
/// report asks for each line once.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: File,
    path: PathBuf,
    kept: Vec<Block>,
    /// The memory of a block that was let go, for the next one.
    spare: Vec<u8>,
    uses: u64,
}

#[derive(Debug)]
struct Block {
    number: u64,
    /// The whole block; it ends at `length`.
    bytes: Vec<u8>,
    length: usize,
    used: u64,
    /// Bytes that nobody asked for yet.
    left: usize,
}

impl Blocks {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        Ok(Self { file, path: path.to_owned(), kept: Vec::new(), spare: Vec::new(), uses: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The line at this byte offset, without its line end.
    pub(crate) fn line(&mut self, offset: u64) -> Result<Vec<u8>, StoreError> {
        let mut line = Vec::new();
        let mut number = offset / BLOCK as u64;
        let mut from = (offset % BLOCK as u64) as usize;
        loop {
            let at = self.block(number).map_err(StoreError::io("read", &self.path))?;
            let block = self.kept[at].get(from);
            match memchr(b'\n', block) {
                Some(end) => {
                    line.extend_from_slice(&block[..end]);
                    self.give(at, end + 1);
                    return Ok(line);
                }
                None if block.is_empty() => {
                    // The file ends here: someone has cut it since it was looked through.
                    let error = io::ErrorKind::UnexpectedEof.into();
                    return Err(StoreError::io("read", &self.path)(error));
                }
                None => {
                    line.extend_from_slice(block);
                    let given = block.len();
                    self.give(at, given);
                }
            }
            number += 1;
            from = 0;
        }
    }

    /// So many bytes of this block were asked for; one of which nothing is left is let go.
    fn give(&mut self, at: usize, bytes: usize) {
        let block = &mut self.kept[at];
        block.left = block.left.saturating_sub(bytes);
        if block.left == 0 {
            self.spare = self.kept.swap_remove(at).bytes;
        }
    }

    /// Where the block is kept.
    fn block(&mut self, number: u64) -> io::Result<usize> {
        self.uses += 1;
        let kept = self.kept.iter().position(|block| block.number == number);
        let at = match kept {
            Some(at) => at,
            None => self.fill(number)?,
        };
        let block = &mut self.kept[at];
        block.used = self.uses;
        Ok(at)
    }

    /// Reads a block in place of the one that was not used for the longest time.
    fn fill(&mut self, number: u64) -> io::Result<usize> {
        let oldest = (0..self.kept.len()).min_by_key(|at| self.kept[*at].used);
        let at = match oldest {
            Some(at) if self.kept.len() == BLOCKS => at,
            _ => {
                let bytes = std::mem::take(&mut self.spare);
                self.kept.push(Block { number, bytes, length: 0, used: 0, left: 0 });
                self.kept.len() - 1
            }
        };
        let block = &mut self.kept[at];
        // Until the read succeeds, the block must not pass for the one it was.
        block.number = u64::MAX;
        block.bytes.resize(BLOCK, 0);
        let length = read_at(&self.file, &mut block.bytes, number * BLOCK as u64)?;
        block.length = length;
        block.left = length;
        block.number = number;
        Ok(at)
    }
}

impl Block {
    /// What it has from this place on.
    fn get(&self, from: usize) -> &[u8] {
        self.bytes[..self.length].get(from..).unwrap_or_default()
    }
}

/// Fills the buffer from this offset on; gives less only at the end of the file.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match read_some(file, &mut buffer[length..], offset + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(unix)]
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_some(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read, Seek, SeekFrom};

    file.seek(SeekFrom::Start(offset))?;
    file.read(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_any_length_are_found_in_any_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let lengths = [0, 1, BLOCK - 4, BLOCK, 1, 70 * BLOCK, 10, BLOCK * 2 - 1, 3];
        let mut text = Vec::new();
        let mut lines = Vec::new();
        for (n, length) in lengths.into_iter().enumerate() {
            let line = vec![b'a' + n as u8; length];
            lines.push((text.len() as u64, line.clone()));
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        text.extend_from_slice(b"torn");
        std::fs::write(&path, &text).unwrap();
        let mut blocks = Blocks::open(&path).unwrap();
        for (offset, line) in lines.iter().rev().chain(&lines) {
            assert!(blocks.line(*offset).unwrap() == *line, "the line at {offset}");
        }
        assert!(blocks.kept.len() <= BLOCKS);
        let mut once = Blocks::open(&path).unwrap();
        for (offset, _) in &lines {
            once.line(*offset).unwrap();
        }
        // What is torn at the end was not asked for.
        assert_eq!(once.kept.len(), 1);
        blocks.line(text.len() as u64 - 4).unwrap_err();
        blocks.line(text.len() as u64 + 9).unwrap_err();
    }
}
