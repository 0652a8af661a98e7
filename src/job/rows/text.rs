//! Bytes of prompt files as text: byte-order marks, invalid UTF-8, and JSON values as rows.

use std::io::{BufRead, Read};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::job::rows::{At, PROMPT, Row, RowFault};

/// UTF-8's byte-order mark, which some editors put before a file.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";

/// The reader, past its byte-order mark.
pub fn past_mark<R: Read>(reader: R) -> std::io::Result<impl BufRead + use<R>> {
    let mut reader = std::io::BufReader::with_capacity(64 * 1024, reader);
    if reader.fill_buf()?.starts_with(MARK) {
        reader.consume(MARK.len());
    }
    Ok(reader)
}

/// The bytes as text, or a fault that points at the first byte that is none.
pub fn utf8<'b>(bytes: &'b [u8], source: &Arc<str>, line: u64) -> Result<&'b str, RowFault> {
    std::str::from_utf8(bytes).map_err(|why| {
        let good = String::from_utf8_lossy(&bytes[..why.valid_up_to()]).chars().count();
        let shown = String::from_utf8_lossy(bytes);
        RowFault::new(source, At::Line(line), "the text is not UTF-8")
            .in_text(&shown, good + 1, 1)
            .help("save the file as UTF-8, such as with iconv -f latin1 -t utf-8")
    })
}

/// A line without its end: `\n` or `\r\n`.
pub fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A value as a row: an object is its columns, text is the column `prompt`.
pub fn row_of(value: Value, source: &Arc<str>, at: At) -> Result<Row, RowFault> {
    let cells = match value {
        Value::Object(cells) => cells,
        Value::String(text) => only(text),
        other => {
            let message = format!("a row must be an object or text, not {}", kind(&other));
            return Err(RowFault::new(source, at, message).help("such as {\"prompt\": \"Hi\"}"));
        }
    };
    Ok(Row { at, name: None, cells })
}

/// A row of text alone.
pub fn only(text: String) -> Map<String, Value> {
    let mut cells = Map::new();
    cells.insert(PROMPT.to_owned(), Value::String(text));
    cells
}

/// JSON text as a row. The text begins on `line`, `column` characters into it, from 1.
pub fn parsed(text: &str, source: &Arc<str>, line: u64, column: usize) -> Result<Row, RowFault> {
    let value = serde_json::from_str(text).map_err(|why| {
        let at_line = line + (why.line() as u64).saturating_sub(1);
        let shown = text.lines().nth(why.line().saturating_sub(1)).unwrap_or_default();
        // The crate counts bytes, and from the line's begin; people count characters.
        let bytes = why.column().saturating_sub(1).min(shown.len());
        let inner = String::from_utf8_lossy(&shown.as_bytes()[..bytes]).chars().count() + 1;
        let place = if why.line() > 1 { inner } else { inner + column - 1 };
        let fault = RowFault::new(source, At::Line(at_line), format!("not JSON: {}", plain(&why)));
        let mut fault = fault.help("each row must be valid JSON: quotes around names and text");
        (fault.column, fault.length) = (place as u32, 1);
        if column == 1 {
            fault.text = Some(shown.into());
        }
        fault
    })?;
    row_of(value, source, At::Line(line))
}

/// What the parser says, without where.
pub fn plain(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text.rfind(" at line ").map_or(text.clone(), |end| text[..end].to_owned())
}

/// What a JSON value is, in words.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A fault of reading itself.
pub fn unreadable(source: &Arc<str>, at: At, why: &std::io::Error) -> RowFault {
    RowFault::new(source, at, format!("`{source}` cannot be read: {why}"))
        .help("see that the file is there, and that you may read it")
}
