//! JSON: an array of rows, or an object that holds one array. The text is cut into rows as it is
//! read, so a file of any size takes the memory of its longest row.

use std::io::{BufRead, Read};
use std::sync::Arc;

use crate::job::rows::text::{parsed, past_mark, unreadable, utf8};
use crate::job::rows::{At, Row, RowFault, Rows};

/// The rows of a reader.
pub fn rows(reader: impl Read + Send + 'static, source: &Arc<str>) -> Rows {
    match past_mark(reader) {
        Ok(reader) => Box::new(ArrayRows {
            text: Cursor { reader, line: 1, column: 1, cut: Vec::new() },
            source: Arc::clone(source),
            state: State::Begin,
            is_object: false,
        }),
        Err(why) => Box::new(std::iter::once(Err(unreadable(source, At::Whole, &why)))),
    }
}

struct ArrayRows<R> {
    text: Cursor<R>,
    source: Arc<str>,
    state: State,
    /// Whether the array stands in an object, whose other keys are read and left alone.
    is_object: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was read.
    Begin,
    /// In the array, before its first item.
    First,
    /// In the array, after an item.
    Next,
    /// After the array, in the object.
    After,
    /// At the end, or after a fault that cannot be passed.
    Done,
}

/// Why the text is not what it should be.
enum Broken {
    Io(std::io::Error),
    /// At the cursor.
    Here(String),
    Fault(RowFault),
}

impl<R: BufRead> Iterator for ArrayRows<R> {
    type Item = Result<Row, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(row) => row.map(Ok),
            Err(Broken::Fault(fault)) => Some(Err(fault)),
            Err(broken) => {
                self.state = State::Done;
                Some(Err(self.fault(broken)))
            }
        }
    }
}

impl<R: BufRead> ArrayRows<R> {
    /// The next row; a fault of one row leaves the state at the row after it.
    fn advance(&mut self) -> Result<Option<Row>, Broken> {
        if self.state == State::Begin {
            self.begin()?;
        }
        while matches!(self.state, State::First | State::Next) {
            let byte = self.text.peek_solid()?;
            match (byte, self.state) {
                (Some(b']'), _) => {
                    self.text.take()?;
                    self.state = State::After;
                }
                (Some(b','), State::Next) => {
                    self.text.take()?;
                    if self.text.peek_solid()? == Some(b']') {
                        return Err(Broken::Here("a comma before the end of the array".to_owned()));
                    }
                    return self.item().map(Some);
                }
                (_, State::First) => {
                    self.state = State::Next;
                    return self.item().map(Some);
                }
                (Some(_), _) => return Err(expected("`,` or `]` after a row")),
                (None, _) => return Err(Broken::Here("the array has no end".to_owned())),
            }
        }
        if self.state == State::After {
            self.finish()?;
        }
        Ok(None)
    }

    fn begin(&mut self) -> Result<(), Broken> {
        match self.text.peek_solid()? {
            None => self.state = State::Done,
            Some(b'[') => {
                self.text.take()?;
                self.state = State::First;
            }
            Some(b'{') => {
                self.text.take()?;
                self.is_object = true;
                self.seek_array(true)?;
            }
            Some(_) => {
                let message = "the file is neither an array of rows nor an object that holds one";
                return Err(Broken::Here(message.to_owned()));
            }
        }
        Ok(())
    }

    /// Reads keys and values up to the array, or to the end of the object.
    fn seek_array(&mut self, mut is_first: bool) -> Result<(), Broken> {
        loop {
            match self.text.peek_solid()? {
                Some(b'}') if is_first || self.state == State::After => {
                    self.text.take()?;
                    if self.state != State::After {
                        let message = "the object holds no array of rows";
                        return Err(Broken::Here(message.to_owned()));
                    }
                    return Ok(());
                }
                Some(b'"') if is_first => {}
                Some(b',') if !is_first => {
                    self.text.take()?;
                    self.text.peek_solid()?;
                }
                Some(b'}') => {
                    return Err(Broken::Here("the object holds no array of rows".to_owned()));
                }
                _ => return Err(expected("a key in quotes")),
            }
            is_first = false;
            self.skip()?;
            if self.text.peek_solid()? != Some(b':') {
                return Err(expected("`:` after a key"));
            }
            self.text.take()?;
            match self.text.peek_solid()? {
                Some(b'[') if self.state == State::After => {
                    let message = "the object holds more than one array";
                    return Err(Broken::Here(message.to_owned()));
                }
                Some(b'[') => {
                    self.text.take()?;
                    self.state = State::First;
                    return Ok(());
                }
                _ => self.skip()?,
            }
        }
    }

    /// What may stand after the array.
    fn finish(&mut self) -> Result<(), Broken> {
        if self.is_object {
            self.seek_array(false)?;
        }
        self.state = State::Done;
        match self.text.peek_solid()? {
            None => Ok(()),
            Some(_) => Err(Broken::Here("there is more after the end".to_owned())),
        }
    }

    /// The item that begins here.
    fn item(&mut self) -> Result<Row, Broken> {
        self.text.peek_solid()?;
        let (line, column) = (self.text.line, self.text.column);
        self.text.cut_value()?;
        let text = utf8(&self.text.cut, &self.source, line).map_err(Broken::Fault)?;
        parsed(text, &self.source, line, column).map_err(Broken::Fault)
    }

    /// Reads a key, or a value that is no row; it must be valid all the same.
    fn skip(&mut self) -> Result<(), Broken> {
        self.text.cut_value()?;
        match serde_json::from_slice::<serde::de::IgnoredAny>(&self.text.cut) {
            Ok(_) => Ok(()),
            Err(why) => Err(Broken::Here(format!("not JSON: {}", super::text::plain(&why)))),
        }
    }

    fn fault(&self, broken: Broken) -> RowFault {
        let at = At::Line(self.text.line);
        match broken {
            Broken::Io(why) => unreadable(&self.source, at, &why),
            Broken::Fault(fault) => fault,
            Broken::Here(message) => {
                let mut fault = RowFault::new(&self.source, at, message);
                (fault.column, fault.length) = (self.text.column as u32, 1);
                fault.help("write one array of rows: [{\"prompt\": \"Hi\"}, ...]")
            }
        }
    }
}

fn expected(what: &str) -> Broken {
    Broken::Here(format!("not JSON: expected {what}"))
}

/// The text, byte by byte, with the place of each.
struct Cursor<R> {
    reader: R,
    line: u64,
    column: usize,
    /// The value that was cut out last.
    cut: Vec<u8>,
}

impl<R: BufRead> Cursor<R> {
    fn peek(&mut self) -> Result<Option<u8>, Broken> {
        Ok(self.reader.fill_buf().map_err(Broken::Io)?.first().copied())
    }

    fn take(&mut self) -> Result<Option<u8>, Broken> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.reader.consume(1);
            self.pass(byte);
        }
        Ok(byte)
    }

    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.line += 1;
            self.column = 1;
        } else if byte & 0xC0 != 0x80 {
            // The later bytes of a character are none of their own.
            self.column += 1;
        }
    }

    /// The next byte that is no white space.
    fn peek_solid(&mut self) -> Result<Option<u8>, Broken> {
        while matches!(self.peek()?, Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.take()?;
        }
        self.peek()
    }

    /// Cuts out the value that begins here; whether it is valid is for the parser to say.
    fn cut_value(&mut self) -> Result<(), Broken> {
        self.cut.clear();
        let mut depth = 0_usize;
        let mut in_text = false;
        let mut escaped = false;
        loop {
            let bytes = self.reader.fill_buf().map_err(Broken::Io)?;
            if bytes.is_empty() {
                // What was cut so far is told apart by the parser.
                return Ok(());
            }
            let mut taken = 0;
            let mut ended = false;
            for &byte in bytes {
                if !in_text && depth == 0 && matches!(byte, b',' | b']' | b'}' | b':') {
                    ended = true;
                    break;
                }
                taken += 1;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    b'{' | b'[' if !in_text => depth += 1,
                    b'}' | b']' if !in_text => depth -= 1,
                    _ => {}
                }
                if depth == 0 && !in_text && matches!(byte, b'}' | b']' | b'"') {
                    ended = true;
                    break;
                }
            }
            self.cut.extend_from_slice(&bytes[..taken]);
            let from = self.cut.len() - taken;
            self.reader.consume(taken);
            for nth in from..self.cut.len() {
                self.pass(self.cut[nth]);
            }
            if ended {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::job::rows::text::row_of;

    fn read(text: &str) -> Vec<Result<Row, RowFault>> {
        rows(std::io::Cursor::new(text.as_bytes().to_vec()), &"x".into()).collect()
    }

    fn message(text: &str) -> String {
        read(text).pop().expect("an item").expect_err(text).to_string()
    }

    #[test]
    fn an_object_may_hold_the_array() {
        let got = read(r#"{"v": {"a": [1]}, "rows": [{"a": 1}, "hi"], "after": "]"} "#);
        let cells: Vec<Value> =
            got.into_iter().map(|row| Value::Object(row.expect("a row").cells)).collect();
        assert_eq!(Value::from(cells).to_string(), r#"[{"a":1},{"prompt":"hi"}]"#);
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        assert_eq!(
            message("3"),
            "x:1: the file is neither an array of rows nor an object that holds one"
        );
        assert_eq!(message("{\"a\": 1}"), "x:1: the object holds no array of rows");
        assert_eq!(message("{\"a\": [], \"b\": []}"), "x:1: the object holds more than one array");
        assert_eq!(message("[{}\n,{}\n"), "x:3: the array has no end");
        assert_eq!(message("[{}\n{}]"), "x:2: not JSON: expected `,` or `]` after a row");
        assert_eq!(message("[{},]"), "x:1: a comma before the end of the array");
        assert_eq!(message("[{}] x"), "x:1: there is more after the end");
        let faults: Vec<String> = read("[{},\n{\"a\": nul},\n3,\n{\n \"b\" 1}]")
            .into_iter()
            .filter_map(Result::err)
            .map(|fault| format!("{fault} ({})", fault.column))
            .collect();
        let expected = [
            "x:2: not JSON: expected ident (10)",
            "x:3: a row must be an object or text, not a number (1)",
            "x:5: not JSON: expected `:` (6)",
        ];
        assert_eq!(faults, expected);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a\"\\\\\\[\\]{},: é\n]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a\"é]{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_cuts_as_the_parser_does(items in prop::collection::vec(json(), 0..6), pretty: bool) {
            let value = Value::from(items.clone());
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let got: Vec<_> = read(&text).into_iter().map(|row| row.map(|row| row.cells).map_err(|f| f.message)).collect();
            let wanted: Vec<_> = items
                .into_iter()
                .map(|item| row_of(item, &"x".into(), At::Whole).map(|row| row.cells).map_err(|f| f.message))
                .collect();
            prop_assert_eq!(got, wanted);
        }

        #[test]
        fn what_the_parser_refuses_it_refuses(text in "[\\[\\]{}\",:1a \\\\]{0,12}") {
            let text = format!("[{text}");
            let is_array = serde_json::from_str::<Vec<Value>>(&text).is_ok();
            let rows = read(&text);
            let has_fault = |row: &Result<Row, RowFault>| {
                row.as_ref().is_err_and(|fault| !fault.message.starts_with("a row must be"))
            };
            prop_assert_eq!(is_array, !rows.iter().any(has_fault), "{}", text);
        }
    }
}
