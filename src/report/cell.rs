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
    /// It as a CSV cell, before quoting, where it is such a text already.
    pub fn as_csv(&self) -> Option<&[u8]> {
        Some(match self {
            Self::Empty => b"",
            Self::Text(text) if !is_formula(text) => text.as_bytes(),
            Self::Word(word) => word.as_bytes(),
            Self::Flag(flag) => {
                if *flag {
                    b"true"
                } else {
                    b"false"
                }
            }
            Self::Decimal(digits) => digits.as_bytes(),
            _ => return None,
        })
    }

    /// Writes it as a CSV cell, before quoting. Text that a spreadsheet would run as a formula
    /// gets a quote in front, as OWASP's page on CSV injection says.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        if let Some(text) = self.as_csv() {
            out.extend_from_slice(text);
            return;
        }
        match self {
            // It writes digits faster than the standard library's formatting does.
            Self::Number(number) => serde_json::to_writer(out, number).map_err(io::Error::from),
            Self::Money(usd) => write!(out, "{usd}"),
            Self::Task(task) => out.write_all(&task.digits()),
            Self::Moment(moment) => write!(out, "{moment}"),
            Self::Text(text) => write!(out, "'{text}"),
            Self::Empty | Self::Word(_) | Self::Flag(_) | Self::Decimal(_) => Ok(()),
        }
        .expect("memory takes all that is written to it");
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
            let mut out = Vec::new();
            Cell::from(text).write_csv(&mut out);
            assert_eq!(out, cell.as_bytes());
        }
        let mut out = Vec::new();
        Cell::Money(Usd::from_pico(-1_000_000_000_000)).write_csv(&mut out);
        assert_eq!(out, b"-1");
    }
}
