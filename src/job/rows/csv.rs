//! CSV and TSV: a header line, and a row a record. Every value is text.

use std::io::Read;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use crate::job::rows::text::{past_mark, unreadable, utf8};
use crate::job::rows::{At, Row, RowFault, Rows};
use crate::job::words::count;

/// The rows of a reader, with this byte between the values.
pub fn rows(reader: impl Read + Send + 'static, source: &Arc<str>, delimiter: u8) -> Rows {
    let opened = past_mark(reader)
        .map_err(|why| unreadable(source, At::Whole, &why))
        .and_then(|reader| CsvRows::open(reader, source, delimiter));
    match opened {
        Ok(rows) => Box::new(rows),
        Err(fault) => Box::new(std::iter::once(Err(fault))),
    }
}

struct CsvRows<R> {
    records: csv::Reader<Tail<R>>,
    source: Arc<str>,
    columns: Vec<String>,
    record: ByteRecord,
    ended: bool,
}

impl<R: Read> CsvRows<R> {
    fn open(reader: R, source: &Arc<str>, delimiter: u8) -> Result<Self, RowFault> {
        let mut records = ReaderBuilder::new()
            .has_headers(false)
            // Ragged records are told by us, with their line and both counts.
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(Tail { reader, last: 0, ended: false });
        let mut header = ByteRecord::new();
        let there = records.read_byte_record(&mut header);
        if !there.map_err(|why| broken(source, 1, why))? {
            header.clear();
        }
        let line = line_of(&header);
        let mut columns: Vec<String> = Vec::new();
        for (nth, name) in header.iter().enumerate() {
            let name = utf8(name, source, line)?.trim();
            let fault = |message: String| RowFault::new(source, At::Line(line), message);
            if name.is_empty() {
                let message = format!("column {} has no name", nth + 1);
                return Err(fault(message).help("name every column in the first line"));
            }
            if columns.iter().any(|column| column == name) {
                let message = format!("two columns are called `{name}`");
                return Err(fault(message).help("give each column a name of its own"));
            }
            columns.push(name.to_owned());
        }
        let source = Arc::clone(source);
        Ok(Self { records, source, columns, record: ByteRecord::new(), ended: false })
    }

    fn row(&self) -> Result<Row, RowFault> {
        let line = line_of(&self.record);
        let (found, wanted) = (self.record.len(), self.columns.len());
        if found != wanted {
            let found = count(found as u64, "value");
            let message = format!("this row has {found}, and the header {wanted}");
            let help = "put quotes around a value that holds a comma, a quote or a line's end";
            return Err(RowFault::new(&self.source, At::Line(line), message).help(help));
        }
        let mut cells = Map::with_capacity(wanted);
        for (column, value) in self.columns.iter().zip(&self.record) {
            let text = std::str::from_utf8(value);
            let text = text.map_err(|_| self.not_utf8(line, column))?;
            cells.insert(column.clone(), Value::String(text.to_owned()));
        }
        Ok(Row { at: At::Line(line), name: None, cells })
    }

    fn not_utf8(&self, line: u64, column: &str) -> RowFault {
        let message = format!("the text in column `{column}` is not UTF-8");
        RowFault::new(&self.source, At::Line(line), message)
            .help("save the file as UTF-8, such as with iconv -f latin1 -t utf-8")
    }

    /// Whether the record just read ran into the end of the file within quotes.
    ///
    /// Only a value in quotes can hold a line's end, and only a closing quote can end such a one.
    fn is_unclosed(&self) -> bool {
        let last = self.record.iter().next_back().unwrap_or_default();
        let tail = self.records.get_ref();
        last.contains(&b'\n') && tail.ended && tail.last != b'"'
    }
}

impl<R: Read> Iterator for CsvRows<R> {
    type Item = Result<Row, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let mut record = std::mem::take(&mut self.record);
        let there = self.records.read_byte_record(&mut record);
        self.record = record;
        match there {
            Ok(false) => None,
            Ok(true) if self.is_unclosed() => {
                self.ended = true;
                let at = At::Line(line_of(&self.record));
                let fault =
                    RowFault::new(&self.source, at, "a quote opens here and is never closed");
                Some(Err(
                    fault.help("close the quote, or write \"\" for one that belongs to the text")
                ))
            }
            Ok(true) => Some(self.row()),
            Err(why) => {
                self.ended = true;
                Some(Err(broken(&self.source, line_of(&self.record), why)))
            }
        }
    }
}

fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(1, csv::Position::line)
}

fn broken(source: &Arc<str>, line: u64, why: csv::Error) -> RowFault {
    match why.into_kind() {
        csv::ErrorKind::Io(why) => unreadable(source, At::Line(line), &why),
        other => RowFault::new(source, At::Line(line), format!("it is no CSV: {other:?}"))
            .help("write a header line, and a line of values for each row"),
    }
}

/// A reader that remembers the last byte that was no line's end.
struct Tail<R> {
    reader: R,
    last: u8,
    ended: bool,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.ended |= length == 0 && !buffer.is_empty();
        let text = buffer[..length].iter().rev();
        if let Some(last) = text.copied().find(|byte| !matches!(byte, b'\n' | b'\r')) {
            self.last = last;
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &'static [u8]) -> Vec<Result<String, String>> {
        rows(bytes, &"x".into(), b',')
            .map(|row| {
                row.map(|row| serde_json::to_string(&row.cells).expect("json"))
                    .map_err(|fault| fault.to_string())
            })
            .collect()
    }

    #[test]
    fn records_become_rows() {
        let got = read(b"\xEF\xBB\xBFa, b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n2,\r\n");
        let expected = [r#"{"a":"1","b":"x, \"y\"\r\nz"}"#, r#"{"a":"2","b":""}"#];
        assert_eq!(got, expected.map(|row| Ok(row.to_owned())));
        assert_eq!(read(b""), []);
        assert_eq!(read(b"a,b\n"), []);
    }

    #[test]
    fn a_ragged_row_is_told_with_its_line_and_both_counts() {
        let got = read(b"a,b\n1,2\n1,2,3\n\"x\ny\",2\n1\n");
        assert_eq!(got[1], Err("x:3: this row has 3 values, and the header 2".to_owned()));
        assert!(got[2].is_ok());
        assert_eq!(got[3], Err("x:6: this row has 1 value, and the header 2".to_owned()));
    }

    #[test]
    fn other_faults_are_told_by_line() {
        assert_eq!(read(b"a,a\n1,2\n"), [Err("x:1: two columns are called `a`".to_owned())]);
        assert_eq!(read(b"a,\n1,2\n"), [Err("x:1: column 2 has no name".to_owned())]);
        let got = read(b"a\n\xE9\n1\n");
        assert_eq!(got[0], Err("x:2: the text in column `a` is not UTF-8".to_owned()));
        assert!(got[1].is_ok());
        let got = read(b"a,b\n1,\"x\n2,y\n");
        assert_eq!(got, [Err("x:2: a quote opens here and is never closed".to_owned())]);
        assert!(read(b"a,b\n1,\"x\ny\"\n")[0].is_ok());
    }
}
