//! A prompt file of any format, whatever stands in it: rows and faults, the same wherever the bytes
//! are split.

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use runner::job::prompts::PromptSet;
use runner::job::rows::lines::Line;
use runner::job::rows::table::Source;
use runner::job::rows::{Row, RowFault, Rows, csv, json_array, lines, toml};
use runner::job::template::Template;

use super::feed::Feed;

/// The first byte is for the format, the second for how many bytes are read at once.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let (format, most) = (feed.byte(), usize::from(feed.byte()).max(1));
    let bytes = feed.rest();
    let whole = read(format, Cursor::new(bytes.to_vec()));
    let dribbled = read(format, Dribble { bytes: bytes.to_vec(), at: 0, most });
    assert_eq!(whole, dribbled, "it does not matter how the bytes come");
    let sets = [set(None), set(Some("{{ prompt }} {{ a }}"))];
    for (number, row) in (1..).zip(whole) {
        match row {
            Err(fault) => assert!(!fault.message.is_empty()),
            Ok(row) => sets.iter().for_each(|set| match set.prompt(row.clone(), number) {
                Ok(prompt) => assert!(!prompt.messages.is_empty()),
                Err(fault) => assert!(!fault.to_string().is_empty()),
            }),
        }
    }
}

fn read(format: u8, reader: impl Read + Send + 'static) -> Vec<Result<Row, RowFault>> {
    let source = Arc::from("rows");
    let rows: Rows = match format % 6 {
        0 => csv::rows(reader, &source, b','),
        1 => csv::rows(reader, &source, b'\t'),
        2 => lines::rows(reader, &source, Line::Json),
        3 => lines::rows(reader, &source, Line::Text),
        4 => json_array::rows(reader, &source),
        _ => toml::rows(reader, &source),
    };
    rows.collect()
}

fn set(user: Option<&str>) -> PromptSet {
    PromptSet {
        name: "rows".into(),
        shown: "rows".into(),
        source: Source::Inline(Arc::default()),
        system: None,
        user: user.map(|text| Template::new(text).expect("a template")),
        image: None,
        folder: Path::new("/nowhere").into(),
        id: None,
        expected: Arc::default(),
        keeps_columns: true,
        form: None,
    }
}

/// A reader that never gives more than a few bytes.
struct Dribble {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.most.min(buffer.len()).min(self.bytes.len() - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
