//! The sources of rows, one variant each.

use std::fs::File;
use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::job::file::FormatFile;
use crate::job::rows::files::{self, Named};
use crate::job::rows::lines::{self, Line};
use crate::job::rows::spool::Spool;
use crate::job::rows::text::{past_mark, unreadable, without_end};
use crate::job::rows::{At, Rows, csv, inline, json_array, toml};

/// Where rows come from. It can be opened as often as one likes.
#[derive(Clone, Debug)]
pub enum Source {
    /// A list in the job file.
    Inline(Arc<Vec<Value>>),
    /// A file of this format.
    File(Arc<Path>, FormatFile),
    /// Files that are a row each.
    Files(Arc<Vec<Named>>),
    /// What was read from standard input.
    Input(Spool, FormatFile),
}

impl Source {
    /// The rows, from the first; `name` is how faults call this source.
    pub fn rows(&self, name: &Arc<str>) -> Rows {
        match self {
            Self::Inline(items) => inline::rows(items, name),
            Self::Files(files) => files::rows(files, name),
            Self::Input(spool, format) => decoded(spool.open(), *format, name),
            Self::File(path, format) => match File::open(path) {
                Ok(file) => decoded(file, *format, name),
                Err(why) => Box::new(std::iter::once(Err(unreadable(name, At::Whole, &why)))),
            },
        }
    }

    /// The files that are read, in order: a manifest has the hash of each.
    pub fn files(&self) -> Vec<Arc<Path>> {
        match self {
            Self::Inline(_) | Self::Input(..) => Vec::new(),
            Self::File(path, _) => vec![Arc::clone(path)],
            Self::Files(files) => files.iter().map(|file| Arc::clone(&file.path)).collect(),
        }
    }

    /// The texts of these lines, in rising order, read in one go; fewer when the source ends.
    pub fn lines(&self, wanted: &[u64]) -> Vec<(u64, String)> {
        let reader: Box<dyn Read> = match self {
            Self::Inline(_) | Self::Files(_) => return Vec::new(),
            Self::Input(spool, _) => Box::new(spool.open()),
            Self::File(path, _) => match File::open(path) {
                Ok(file) => Box::new(file),
                Err(_) => return Vec::new(),
            },
        };
        let Ok(mut reader) = past_mark(reader) else { return Vec::new() };
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        let mut number = 0;
        for &line in wanted {
            while number < line {
                buffer.clear();
                match reader.read_until(b'\n', &mut buffer) {
                    Ok(1..) => number += 1,
                    Ok(0) | Err(_) => return found,
                }
            }
            if number == line {
                found.push((line, String::from_utf8_lossy(without_end(&buffer)).into_owned()));
            }
        }
        found
    }
}

fn decoded(reader: impl Read + Send + 'static, format: FormatFile, name: &Arc<str>) -> Rows {
    match format {
        FormatFile::Csv => csv::rows(reader, name, b','),
        FormatFile::Tsv => csv::rows(reader, name, b'\t'),
        FormatFile::Jsonl => lines::rows(reader, name, Line::Json),
        FormatFile::Json => json_array::rows(reader, name),
        FormatFile::Toml => toml::rows(reader, name),
        FormatFile::Txt => lines::rows(reader, name, Line::Text),
    }
}

/// The format that a file's name tells, where it does.
pub fn format_of(path: &Path) -> Option<FormatFile> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "csv" => FormatFile::Csv,
        "tsv" => FormatFile::Tsv,
        "jsonl" | "ndjson" => FormatFile::Jsonl,
        "json" => FormatFile::Json,
        "toml" => FormatFile::Toml,
        "txt" => FormatFile::Txt,
        _ => return None,
    })
}
