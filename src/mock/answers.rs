//! Prepared answers: a CSV or JSONL file of prompts and what to answer to each.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file of answers that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// The file cannot be read at all.
    #[error("read the answers in `{}`: {source}\nhelp: `answers` names a CSV or JSONL file with the columns `prompt` and `answer`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line of it is not a prompt with its answer.
    #[error("read the answers in `{}`, line {line}: {why}\nhelp: each line needs a `prompt` and an `answer`, as in {}", path.display(), example(path))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Answers by the text of the prompt.
#[derive(Clone, Debug, Default)]
pub struct Answers(HashMap<Box<str>, Prepared>);

#[derive(Clone, Debug)]
struct Prepared {
    answer: Box<str>,
    line: u64,
}

#[derive(Deserialize)]
struct Row {
    prompt: String,
    answer: String,
}

impl Answers {
    /// Reads a file: CSV or TSV by its ending, else JSONL. Other columns are passed over, so a
    /// file of prompts can carry its answers.
    pub fn load(path: &Path) -> Result<Self, AnswersError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| AnswersError::Read { path: path.to_owned(), source })?;
        let read = match delimiter(path) {
            Some(delimiter) => Self::from_csv(&text, delimiter),
            None => Self::from_jsonl(&text),
        };
        read.map_err(|(line, why)| AnswersError::Line { path: path.to_owned(), line, why })
    }

    /// The answer prepared for this prompt; space around it does not count.
    pub fn to(&self, prompt: &str) -> Option<&str> {
        self.0.get(prompt.trim()).map(|prepared| &*prepared.answer)
    }

    fn from_csv(text: &str, delimiter: u8) -> Result<Self, (u64, String)> {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| (1, error.to_string()))?.clone();
        let mut answers = Self::default();
        for record in reader.records() {
            let record = record.map_err(|error| csv_fault(&error))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = record.deserialize(Some(&headers)).map_err(|error| (line, plain(&error)))?;
            answers.insert(row, line)?;
        }
        Ok(answers)
    }

    fn from_jsonl(text: &str) -> Result<Self, (u64, String)> {
        let mut answers = Self::default();
        for (line, text) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            if !text.trim().is_empty() {
                let row = serde_json::from_str(text).map_err(|error| (line, error.to_string()))?;
                answers.insert(row, line)?;
            }
        }
        Ok(answers)
    }

    fn insert(&mut self, row: Row, line: u64) -> Result<(), (u64, String)> {
        let prepared = Prepared { answer: row.answer.into(), line };
        match self.0.entry(row.prompt.trim().into()) {
            Entry::Vacant(place) => drop(place.insert(prepared)),
            Entry::Occupied(other) if other.get().answer == prepared.answer => {}
            Entry::Occupied(other) => {
                let first = other.get().line;
                return Err((line, format!("line {first} has another answer to the same prompt")));
            }
        }
        Ok(())
    }
}

fn delimiter(path: &Path) -> Option<u8> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "csv" => Some(b','),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

/// What the help shows: a line in the form that the file has.
fn example(path: &Path) -> &'static str {
    match delimiter(path) {
        Some(_) => "`What is 2 + 2?,4` below the header `prompt,answer`",
        None => r#"`{"prompt": "What is 2 + 2?", "answer": "4"}`"#,
    }
}

fn csv_fault(error: &csv::Error) -> (u64, String) {
    (error.position().map_or(1, csv::Position::line), plain(error))
}

/// What csv says about a fault, without the place that we tell ourselves.
fn plain(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("it has {len} cells where the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, text: &str) -> Result<Answers, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Answers::load(&path)
            .map_err(|error| error.to_string().replace(&path.display().to_string(), name))
    }

    #[test]
    fn answers_are_found_by_their_prompt() {
        let csv = "\u{feff}id,prompt,answer\n1,\"What is 2, 3?\",6\n2, hello ,Hi\n";
        let tsv = "prompt\tanswer\nWhat is 2, 3?\t6\nhello\tHi\n";
        let jsonl = "{\"prompt\":\"What is 2, 3?\",\"answer\":\"6\"}\n\n{\"answer\":\"Hi\",\"prompt\":\"hello\"}\n";
        for (name, text) in [("a.csv", csv), ("a.TSV", tsv), ("a.jsonl", jsonl)] {
            let answers = load(name, text).expect("answers");
            assert_eq!(answers.to("What is 2, 3?\n"), Some("6"), "{name}");
            assert_eq!(answers.to("hello"), Some("Hi"), "{name}");
            assert_eq!(answers.to("Hello"), None, "{name}");
        }
    }

    #[test]
    fn a_fault_names_its_line() {
        let twice = "{\"prompt\":\"a\",\"answer\":\"1\"}\n{\"prompt\":\"a\",\"answer\":\"2\"}\n";
        for (name, text, wanted) in [
            ("a.csv", "prompt,reply\na,b\n", "`a.csv`, line 2: missing field `answer`"),
            ("a.csv", "prompt,answer\na,b\nc\n", "line 3: it has 1 cells where the header has 2"),
            ("a.jsonl", "{\"prompt\": \"a\"}", "`a.jsonl`, line 1: missing field `answer`"),
            ("a.jsonl", "\nnot json", "line 2: expected ident"),
            ("a.jsonl", twice, "line 2: line 1 has another answer to the same prompt"),
        ] {
            let error = load(name, text).expect_err("a fault");
            assert!(error.contains(wanted), "{error}");
            assert!(error.contains("help: "), "{error}");
        }
        let missing = Answers::load(Path::new("no/such.csv")).expect_err("missing").to_string();
        assert!(missing.starts_with("read the answers in `no/such.csv`: "), "{missing}");
    }
}
