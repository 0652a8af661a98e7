//! A row a line: JSONL, and plain text, where each line is a prompt.

use std::io::{BufRead, Read};
use std::sync::Arc;

use crate::job::rows::text::{only, parsed, past_mark, unreadable, utf8, without_end};
use crate::job::rows::{At, Row, RowFault, Rows};

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// A JSON value.
    Json,
    /// A prompt.
    Text,
}

/// The rows of a reader, a line each; blank lines are none.
pub fn rows(reader: impl Read + Send + 'static, source: &Arc<str>, line: Line) -> Rows {
    match past_mark(reader) {
        Ok(reader) => Box::new(LineRows {
            reader: Some(reader),
            source: Arc::clone(source),
            what: line,
            number: 0,
            buffer: Vec::new(),
        }),
        Err(why) => Box::new(std::iter::once(Err(unreadable(source, At::Whole, &why)))),
    }
}

struct LineRows<R> {
    reader: Option<R>,
    source: Arc<str>,
    what: Line,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Iterator for LineRows<R> {
    type Item = Result<Row, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.buffer.clear();
            match self.reader.as_mut()?.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(why) => {
                    self.reader = None;
                    return Some(Err(unreadable(&self.source, At::Line(self.number + 1), &why)));
                }
            }
            let bytes = without_end(&self.buffer);
            let text = match utf8(bytes, &self.source, self.number) {
                Ok(text) => text,
                Err(fault) => return Some(Err(fault)),
            };
            if !text.trim().is_empty() {
                return Some(self.row(text));
            }
        }
    }
}

impl<R> LineRows<R> {
    fn row(&self, text: &str) -> Result<Row, RowFault> {
        match self.what {
            Line::Json => parsed(text, &self.source, self.number, 1),
            Line::Text => {
                let at = At::Line(self.number);
                Ok(Row { at, name: None, cells: only(text.to_owned()) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8], line: Line) -> Vec<Result<String, String>> {
        rows(bytes, &"x".into(), line)
            .map(|row| {
                row.map(|row| serde_json::to_string(&row.cells).expect("json"))
                    .map_err(|fault| format!("{fault} ({})", fault.column))
            })
            .collect()
    }

    #[test]
    fn a_line_is_a_row() {
        let text = b"\xEF\xBB\xBFone\r\n\r\n  two\nthree";
        let expected = ["one", "  two", "three"];
        let got = read(text, Line::Text);
        assert_eq!(got, expected.map(|text| Ok(format!("{{\"prompt\":\"{text}\"}}"))));
    }

    #[test]
    fn a_json_line_is_an_object_or_text() {
        let got = read(b"{\"b\":1,\"a\":\"x\"}\r\n\n\"hi\"\n3\n{\"a\":}\n", Line::Json);
        let expected = [
            Ok("{\"b\":1,\"a\":\"x\"}".to_owned()),
            Ok("{\"prompt\":\"hi\"}".to_owned()),
            Err("x:4: a row must be an object or text, not a number (1)".to_owned()),
            Err("x:5: not JSON: expected value (6)".to_owned()),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn what_is_not_utf8_is_told_by_line_and_character() {
        let got = read("ok\né".as_bytes(), Line::Text);
        assert_eq!(got.len(), 2);
        let got = read(b"ok\n\xC3\xA9\xE9t\xE9\nok\n", Line::Text);
        assert_eq!(got[1], Err("x:2: the text is not UTF-8 (2)".to_owned()));
        assert!(got[2].is_ok());
    }
}
