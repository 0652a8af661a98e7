//! A fault of a job: where it is, what it is, and what to do. Nothing here draws.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::job::key_path::KeyPath;

/// One fault, in words. It never holds a key that a job file should not have held.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Where it is.
    pub place: Place,
    /// What is wrong: a lower-case sentence without a full stop.
    pub message: String,
    /// What stands at the underlined text; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Another place that has to do with it, and what stands there.
    pub also: Option<(Place, String)>,
}

/// Where a fault is.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// At a key of the job, in the file or in the `--set` that states it.
    Key {
        /// Which key.
        path: KeyPath,
        /// Which part of it.
        on: On,
    },
    /// At a stretch of the job file's text.
    Span(Range<usize>),
    /// At an argument of the command line.
    Argument {
        /// The argument as it was given.
        text: String,
        /// The bytes of it that are at fault.
        range: Range<usize>,
    },
    /// At a line of a prompt file.
    Data(DataSpot),
    /// A file as a whole.
    File(PathBuf),
}

/// Which part of a key and its value a fault is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The key's name.
    Key,
    /// The whole value.
    Value,
    /// These bytes of a text.
    Within(Range<usize>),
}

/// A stretch of a line of a prompt file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSpot {
    /// The file, as messages show it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// The character of it, from 1.
    pub column: usize,
    /// How many characters are at fault.
    pub length: usize,
    /// The line, without its end; empty where it cannot be shown.
    pub text: String,
}

impl Diagnostic {
    /// A fault at this place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { place, message, label: String::new(), help: None, also: None }
    }

    /// A fault of a key itself.
    pub fn at_key(path: KeyPath, message: impl Into<String>) -> Self {
        Self::new(Place::Key { path, on: On::Key }, message)
    }

    /// A fault of a key's value.
    pub fn at_value(path: KeyPath, message: impl Into<String>) -> Self {
        Self::new(Place::Key { path, on: On::Value }, message)
    }

    /// The same fault with what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same fault with a few words at the underlined text.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same fault with another place that has to do with it.
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Self {
        self.also = Some((place, label.into()));
        self
    }
}
