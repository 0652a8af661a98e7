//! One cell of a flat report, and how it is written.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::call::moment::Moment;
use crate::call::money::Usd;
use crate::call::task::TaskId;

/// What a cell holds. Empty is not zero.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// Nothing is known.
    Empty,
    /// Text that comes from outside and may say anything.
    Text(Cow<'a, str>),
    /// One of our own words.
    Word(&'static str),
    /// A whole number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// An amount in USD.
    Money(Usd),
    /// Another decimal number, in digits.
    Decimal(String),
    /// A task.
    Task(TaskId),
    /// A moment.
    Moment(Moment),
}

impl Cell<'_> {
    /// It as a CSV cell, before quoting; what is no such text yet is written into `room`. Text that a
    /// spreadsheet would run as a formula gets a quote in front, as OWASP's page on CSV injection
    /// says.
    pub fn as_csv<'c>(&'c self, room: &'c mut Vec<u8>) -> &'c [u8] {
        room.clear();
        let written = match self {
            Self::Empty => Ok(()),
            Self::Text(text) if !is_formula(text) => return text.as_bytes(),
            Self::Word(word) => return word.as_bytes(),
            Self::Flag(true) => return b"true",
            Self::Flag(false) => return b"false",
            Self::Decimal(digits) => return digits.as_bytes(),
            Self::Text(text) => write!(room, "'{text}"),
            // It writes digits faster than the standard library's formatting does.
            Self::Number(number) => {
                serde_json::to_writer(&mut *room, number).map_err(io::Error::from)
            }
            Self::Money(usd) => write!(room, "{usd}"),
            Self::Task(task) => room.write_all(&task.digits()),
            Self::Moment(moment) => write!(room, "{moment}"),
        };
        written.expect("memory takes all that is written to it");
        room
    }
}

fn is_formula(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'))
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => text.serialize(serializer),
            Self::Word(word) => word.serialize(serializer),
            Self::Number(number) => number.serialize(serializer),
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Money(usd) => usd.serialize(serializer),
            Self::Decimal(digits) => digits.serialize(serializer),
            Self::Task(task) => task.serialize(serializer),
            Self::Moment(moment) => moment.serialize(serializer),
        }
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Cell<'_> {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<Usd> for Cell<'_> {
    fn from(usd: Usd) -> Self {
        Self::Money(usd)
    }
}

impl From<Moment> for Cell<'_> {
    fn from(moment: Moment) -> Self {
        Self::Moment(moment)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Empty, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_a_spreadsheet_would_run_is_made_harmless() {
        for (text, cell) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("1 = 1", "1 = 1"),
            ("", ""),
        ] {
            assert_eq!(Cell::from(text).as_csv(&mut Vec::new()), cell.as_bytes());
        }
        let money = Cell::Money(Usd::from_pico(-1_000_000_000_000));
        assert_eq!(money.as_csv(&mut Vec::new()), b"-1");
    }
}
