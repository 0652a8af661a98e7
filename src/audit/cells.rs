//! Lines of CSV that somebody else wrote, taken apart without a guess.

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

/// The lines that hold anything, one after the other; the first of them is the header.
pub(super) struct Cells<'t> {
    text: &'t str,
    reader: Reader<&'t [u8]>,
    /// How many columns there are, once the header was read.
    width: Option<usize>,
    /// The line that was read last.
    pub record: StringRecord,
}

impl<'t> Cells<'t> {
    /// Over this text.
    pub(super) fn of(text: &'t str, delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(delimiter);
        let reader = builder.from_reader(text.as_bytes());
        Self { text, reader, width: None, record: StringRecord::new() }
    }

    /// Reads the next line; `false` after the last. `Err` says what is wrong with [`Self::line`].
    pub(super) fn advance(&mut self) -> Result<bool, String> {
        loop {
            let is_there = self.reader.read_record(&mut self.record);
            if !is_there.map_err(|error| error.to_string())? {
                return Ok(false);
            }
            if self.record.iter().any(|cell| !cell.trim().is_empty()) {
                self.check()?;
                return Ok(true);
            }
        }
    }

    /// Cells that went astray would be counted wrongly, or not at all.
    fn check(&mut self) -> Result<(), String> {
        if self.record.iter().any(|cell| cell.trim().contains('\n')) {
            return Err("a cell goes over several lines: a quote is missing".to_owned());
        }
        let width = *self.width.get_or_insert(self.record.len());
        if self.record.iter().skip(width).any(|cell| !cell.trim().is_empty()) {
            return Err("there are more cells than columns: a quote is missing".to_owned());
        }
        Ok(())
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn line(&self) -> u64 {
        let read: &ByteRecord = self.record.as_byte_record();
        let offset = read.position().map_or(0, |position| position.byte() as usize);
        let (before, rest) = self.text.as_bytes().split_at(offset.min(self.text.len()));
        // The reader's own count is that of the empty lines before it.
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let empty = ends.filter(|byte| **byte == b'\n').count();
        (1 + memchr::memchr_iter(b'\n', before).count() + empty) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line's number, and its first cell or what is wrong with it.
    type Told = (u64, String);

    fn read(text: &str) -> (Vec<Told>, Option<Told>) {
        let mut cells = Cells::of(text, b',');
        let mut lines = Vec::new();
        loop {
            match cells.advance() {
                Ok(true) => lines.push((cells.line(), cells.record[0].to_owned())),
                Ok(false) => return (lines, None),
                Err(why) => return (lines, Some((cells.line(), why))),
            }
        }
    }

    #[test]
    fn lines_have_their_own_numbers_whatever_stands_between() {
        for end in ["\n", "\r\n"] {
            let text = ["", "a,b", "", " , ", "c,d", "", "", "\"e\",f,,"].join(end);
            let expected = [(2, "a"), (5, "c"), (8, "e")].map(|(at, cell)| (at, cell.to_owned()));
            assert_eq!(read(&text), (expected.to_vec(), None), "{text:?}");
        }
    }

    #[test]
    fn a_missing_quote_is_found() {
        let (_, fault) = read("day,usd,note\n1,2,\"x\n2,3,y\n");
        assert_eq!(fault.unwrap().0, 2);
        let (_, fault) = read("day,usd\n\n1,2\n3,4,567\n");
        assert_eq!(fault.unwrap().0, 4);
    }
}
