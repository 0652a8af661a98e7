//! TOML: the one array of tables in a file. It is read whole, so it is for files written by hand.

use std::io::Read;
use std::sync::Arc;

use toml::de::DeTable;

use crate::job::node::{Data, Node};
use crate::job::rows::text::{MARK, row_of, unreadable, utf8, without_end};
use crate::job::rows::{At, Row, RowFault, Rows};

/// The rows of a reader.
pub fn rows(reader: impl Read, source: &Arc<str>) -> Rows {
    match read(reader, source) {
        Ok(rows) => Box::new(rows.into_iter()),
        Err(fault) => Box::new(std::iter::once(Err(fault))),
    }
}

fn read(mut reader: impl Read, source: &Arc<str>) -> Result<Vec<Result<Row, RowFault>>, RowFault> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|why| unreadable(source, At::Whole, &why))?;
    let text = decoded(bytes.strip_prefix(MARK).unwrap_or(&bytes), source)?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let table = DeTable::parse(text).map_err(|why| {
        let start = why.span().map_or(0, |span| span.start);
        let begin = text[..start].rfind('\n').map_or(0, |end| end + 1);
        let shown = text[begin..].lines().next().unwrap_or_default();
        let column = text[begin..start].chars().count() + 1;
        RowFault::new(
            source,
            At::Line(line_at(text, start)),
            format!("not TOML: {}", why.message()),
        )
        .in_text(shown, column, 1)
        .help("write [[prompt]] before each row, and a line `key = value` for each column")
    })?;
    let root = Node::of_table(table.get_ref());
    let lists = arrays(&root);
    let [(_, items)] = lists.as_slice() else {
        let names: Vec<&str> = lists.iter().map(|(name, _)| *name).collect();
        let message = match names.as_slice() {
            [] => "there is no array of tables in it".to_owned(),
            _ => format!("there is more than one array in it: {}", names.join(", ")),
        };
        let fault = RowFault::new(source, At::Whole, message);
        return Err(fault.help("write one [[prompt]] for each row, and no other list"));
    };
    let row = |item: &Node| {
        let at = At::Line(line_at(text, item.spot.range.start));
        row_of(item.to_json(), source, at)
    };
    Ok(items.iter().map(row).collect())
}

fn arrays(root: &Node) -> Vec<(&str, &Vec<Node>)> {
    let Data::Table(entries) = &root.data else { return Vec::new() };
    let lists = entries.iter().filter_map(|entry| match &entry.node.data {
        Data::Array(items) => Some((entry.key.as_str(), items)),
        _ => None,
    });
    lists.collect()
}

fn decoded<'b>(bytes: &'b [u8], source: &Arc<str>) -> Result<&'b str, RowFault> {
    std::str::from_utf8(bytes).or_else(|why| {
        let line = memchr::memchr_iter(b'\n', &bytes[..why.valid_up_to()]).count();
        let shown = bytes.split(|byte| *byte == b'\n').nth(line).unwrap_or_default();
        utf8(without_end(shown), source, line as u64 + 1)
    })
}

fn line_at(text: &str, start: usize) -> u64 {
    text[..start].matches('\n').count() as u64 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &'static str) -> Vec<Result<(String, At), String>> {
        rows(text.as_bytes(), &"x".into())
            .map(|row| {
                row.map(|row| (serde_json::to_string(&row.cells).expect("json"), row.at))
                    .map_err(|fault| fault.to_string())
            })
            .collect()
    }

    #[test]
    fn the_one_array_of_tables_is_the_rows() {
        let got = read_text("title = 'x'\n[[p]]\nb = 1\na = 'x'\n\n[[p]]\nday = 2024-01-02\n");
        let expected = [
            Ok((r#"{"b":1,"a":"x"}"#.to_owned(), At::Line(2))),
            Ok((r#"{"day":"2024-01-02"}"#.to_owned(), At::Line(6))),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn another_shape_is_a_fault() {
        let message = |text| read_text(text)[0].clone().expect_err("a fault");
        assert_eq!(message("a = 1\n"), "x: there is no array of tables in it");
        assert_eq!(message("a=[{}]\nb=[{}]\n"), "x: there is more than one array in it: a, b");
        assert!(message("a = 1\nb = = 2\n").starts_with("x:2: not TOML"));
    }
}
