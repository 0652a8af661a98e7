//! Templates of nothing but text and columns, which most are: they are filled in without the
//! engine. Whatever else there is in one, or in a row for it, is the engine's.

use crate::job::template::Columns;

/// The pieces of such a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Column(Box<str>),
}

/// Words that stand for something else than a column.
const WORDS: [&str; 16] = [
    "and", "else", "false", "False", "if", "in", "is", "loop", "none", "None", "not", "or", "self",
    "super", "true", "True",
];

impl Plain {
    /// The pieces of a template, where it is such a one.
    pub(super) fn of(text: &str) -> Option<Self> {
        // The engine drops a last line end.
        let is_more =
            ["{%", "{#", "{{-", "-}}", "{{+", "+}}"].iter().any(|mark| text.contains(mark));
        if is_more || text.ends_with(['\n', '\r']) {
            return None;
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after.split_once("}}")?;
            let name = name.trim_matches([' ', '\t']);
            if !is_column(name) {
                return None;
            }
            pieces.push(Piece::Text(before.into()));
            pieces.push(Piece::Column(name.into()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.into()));
        Some(Self(pieces))
    }

    /// The text that comes of the row; `None` where one of its columns is not there or no text.
    pub(super) fn render(&self, columns: &Columns) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Column(name) => out.push_str(columns.0.get(&**name)?.as_str()?),
            }
        }
        Some(out)
    }
}

fn is_column(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !WORDS.contains(&name)
}
