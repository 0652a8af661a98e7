//! GROUND. Rows: what a prompt set is made of, one format a file.
//!
//! A [`Source`](table::Source) can be opened as often as one likes, and each time gives the same rows in the same
//! order, one by one: no format holds more of a file than the row it is at (TOML apart, which is
//! for files that people write by hand).
//!
//! To add a format, add a file here, a variant to `FormatFile` and an arm to `table.rs`.

pub mod csv;
pub mod files;
pub mod inline;
pub mod json_array;
pub mod lines;
pub mod spool;
pub mod table;
pub mod text;
pub mod toml;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

/// The column that text without columns is.
pub const PROMPT: &str = "prompt";

/// One row, as its source has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it stands.
    pub at: At,
    /// Its name, where the source names its rows; else they are numbered.
    pub name: Option<String>,
    /// Its columns, in the order of the source.
    pub cells: Map<String, Value>,
}

/// Where a row stands in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// The item of an inline list, from 0.
    Item(usize),
    /// The line of a file, from 1.
    Line(u64),
    /// A file that is a row.
    File(Arc<Path>),
    /// The source as a whole.
    Whole,
}

/// The rows of a source, in order.
pub type Rows = Box<dyn Iterator<Item = Result<Row, RowFault>> + Send>;

/// A row that cannot be used: the file, the line, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct RowFault {
    /// The source, as messages show it.
    pub source: Arc<str>,
    /// Where in it.
    pub at: At,
    /// The character of the line, from 1.
    pub column: u32,
    /// How many characters are at fault; 0 for the line as a whole.
    pub length: u32,
    /// The line, where it was at hand.
    pub text: Option<Box<str>>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether it is one fault of the template or the id, and not of this row alone.
    pub cause: Box<Cause>,
}

/// A key that is read with each row of a prompt set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetKey {
    /// One of the set's own: `user`, `system`, `image` or `id`.
    Own(&'static str),
    /// A text of a scorer, by its place in [`PromptSet::expected`].
    ///
    /// [`PromptSet::expected`]: crate::job::prompts::PromptSet::expected
    Expected(usize),
}

/// What a fault comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The row itself.
    Row,
    /// A column that a template or `id` names and this row has not.
    Lacks {
        /// The key that names it.
        key: SetKey,
        /// The column.
        column: String,
        /// The bytes of the template that name it.
        range: Option<std::ops::Range<usize>>,
    },
    /// The template, whatever the row.
    Template {
        /// The key that it is the value of.
        key: SetKey,
        /// The bytes of it that are at fault.
        range: Option<std::ops::Range<usize>>,
    },
    /// No key says what of the row is asked.
    NothingToAsk,
}

impl Cause {
    /// The key that it comes from.
    pub fn key(&self) -> Option<SetKey> {
        match self {
            Self::Lacks { key, .. } | Self::Template { key, .. } => Some(*key),
            Self::Row | Self::NothingToAsk => None,
        }
    }
}

impl RowFault {
    /// A fault of the row that stands there.
    pub fn new(source: &Arc<str>, at: At, message: impl Into<String>) -> Self {
        Self {
            source: Arc::clone(source),
            at,
            column: 1,
            length: 0,
            text: None,
            message: message.into(),
            help: None,
            cause: Box::new(Cause::Row),
        }
    }

    /// The same fault with what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same fault with what it comes from.
    pub fn cause(mut self, cause: Cause) -> Self {
        self.cause = Box::new(cause);
        self
    }

    /// The same fault at these characters of this line.
    pub fn in_text(mut self, text: &str, column: usize, length: usize) -> Self {
        self.text = Some(text.into());
        self.column = column as u32;
        self.length = length as u32;
        self
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Item(nth) => write!(f, "{}[{nth}]: ", self.source)?,
            At::Line(line) => write!(f, "{}:{line}: ", self.source)?,
            At::File(path) => write!(f, "{}: ", path.display())?,
            At::Whole => write!(f, "{}: ", self.source)?,
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for RowFault {}
