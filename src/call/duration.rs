//! Durations as users write them: `500ms`, `1.5s`, `2m`, `1h30m`; a number alone is seconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MILLISECOND: u128 = 1_000_000;
const SECOND: u128 = 1_000 * MILLISECOND;
const MINUTE: u128 = 60 * SECOND;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;

/// A longer wait than this is a slip of the pen, and adding it to a clock could overflow.
const LONGEST: u128 = 1_000 * DAY;

/// A text that is not a duration, with what is wrong about it and how to write one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration: {why}; write a number and a unit, \
     such as `500ms`, `1.5s`, `2m` or `1h30m`"
)]
pub struct DurationError {
    text: String,
    why: String,
}

/// The duration that a text stands for.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let nanos = nanos(text.trim()).map_err(|why| DurationError { text: text.to_owned(), why })?;
    Ok(from_nanos(nanos))
}

fn nanos(text: &str) -> Result<u128, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('-') {
        return Err("it cannot be negative".to_owned());
    }
    if let Some(seconds) = scaled(text, SECOND) {
        return within_bounds(seconds);
    }
    let mut rest = text;
    let mut sum = 0;
    let mut last_unit = u128::MAX;
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit() && c != '.');
        let (name, after) = split_where(after.trim_start(), |c| !c.is_alphabetic());
        let unit = unit(number, name)?;
        let part = scaled(number, unit).ok_or_else(|| no_number(number, rest))?;
        if unit >= last_unit {
            return Err(format!("`{name}` comes after a unit that is no longer"));
        }
        sum = within_bounds(sum + part)?;
        last_unit = unit;
        rest = after.trim_start();
    }
    Ok(sum)
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

fn unit(number: &str, name: &str) -> Result<u128, String> {
    match name {
        "ms" => Ok(MILLISECOND),
        "s" | "sec" => Ok(SECOND),
        "m" | "min" => Ok(MINUTE),
        "h" => Ok(HOUR),
        "d" => Ok(DAY),
        "" if number.is_empty() => Err("it has no number".to_owned()),
        "" => Err(format!("`{number}` has no unit")),
        _ => Err(format!("`{name}` is no unit (ms, s, m, h or d)")),
    }
}

fn no_number(number: &str, rest: &str) -> String {
    if number.is_empty() {
        format!("a number is missing before `{rest}`")
    } else {
        format!("`{number}` is no number")
    }
}

fn within_bounds(nanos: u128) -> Result<u128, String> {
    if nanos > LONGEST { Err("it is longer than 1000 days".to_owned()) } else { Ok(nanos) }
}

/// A decimal number times a unit, in exact whole nanoseconds; `None` if it is no number.
fn scaled(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    // What does not fit is far beyond the longest duration, which is told apart later.
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().unwrap_or(u64::MAX) };
    let mut parts = u128::from(whole) * unit;
    let mut share = unit;
    for digit in fraction.bytes() {
        share /= 10;
        parts += share * u128::from(digit - b'0');
    }
    Some(parts)
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
}

/// A duration in a file that users write: read from its text, and written back as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationText(pub Duration);

impl From<DurationText> for Duration {
    fn from(text: DurationText) -> Self {
        text.0
    }
}

impl From<Duration> for DurationText {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl FromStr for DurationText {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        parse_duration(text).map(Self)
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < SECOND {
            return decimal(f, nanos, MILLISECOND, "ms");
        }
        let (hours, rest) = (nanos / HOUR, nanos % HOUR);
        let (minutes, rest) = (rest / MINUTE, rest % MINUTE);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        match rest {
            0 => Ok(()),
            // A fraction of a second after hours or minutes is one of seconds all the same.
            _ => decimal(f, rest, SECOND, "s"),
        }
    }
}

/// A count of nanoseconds as a decimal number of units, without zeros at its end.
fn decimal(f: &mut fmt::Formatter<'_>, nanos: u128, unit: u128, name: &str) -> fmt::Result {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return write!(f, "{whole}{name}");
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    write!(f, "{whole}.{}{name}", fraction.trim_end_matches('0'))
}

impl Serialize for DurationText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = DurationText;

            // A bare number is refused here: nobody could see whether 400 is seconds or not.
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration as text, such as \"500ms\", \"1.5s\", \"2m\" or \"1h30m\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<DurationText, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl schemars::JsonSchema for DurationText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^\s*([0-9.]+|([0-9.]+\s*(ms|s|sec|m|min|h|d)\s*)+)\s*$",
            "description": "a duration, such as \"500ms\", \"1.5s\", \"2m\" or \"1h30m\"; a number alone is seconds",
            "examples": ["500ms", "1.5s", "2m", "1h30m"]
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_read_exactly() {
        for (text, millis) in [
            ("500ms", 500),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("1h 30m 2.5s", 5_402_500),
            ("60", 60_000),
            ("0.1", 100),
            (".5s", 500),
            ("0ms", 0),
            ("0", 0),
            (" 2 min ", 120_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_fault_says_what_to_write() {
        for (text, why) in [
            ("", "it is empty"),
            ("-1s", "it cannot be negative"),
            ("s", "a number is missing before `s`"),
            ("1h30", "`30` has no unit"),
            ("400 mss", "`mss` is no unit (ms, s, m, h or d)"),
            ("1.2.3s", "`1.2.3` is no number"),
            (".s", "`.` is no number"),
            ("1m1m", "`m` comes after a unit that is no longer"),
            ("1e3", "`e` is no unit (ms, s, m, h or d)"),
            ("1_000ms", "`1` has no unit"),
            ("+5s", "it has no number"),
            ("1001d", "it is longer than 1000 days"),
            ("99999999999999999999999s", "it is longer than 1000 days"),
            ("９s", "it has no number"),
        ] {
            let error = parse_duration(text).expect_err(text).to_string();
            let wanted = format!("`{text}` is not a duration: {why}; write a number and a unit");
            assert!(error.starts_with(&wanted), "{error}");
        }
    }

    #[test]
    fn a_number_without_quotes_is_refused_with_what_to_write() {
        let error = serde_json::from_str::<DurationText>("60").expect_err("a number");
        assert!(error.to_string().contains("such as \"500ms\""), "{error}");
    }

    #[test]
    fn it_is_written_as_people_would() {
        for text in ["0s", "500ms", "0.25ms", "1.5s", "1m", "2m30s", "1h30m", "1h0.5s", "48h"] {
            let duration: DurationText = text.parse().expect("a duration");
            assert_eq!(duration.to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(nanos in 0..(LONGEST as u64)) {
            let text = DurationText(Duration::from_nanos(nanos));
            prop_assert_eq!(text.to_string().parse::<DurationText>(), Ok(text));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse_duration(&text);
        }
    }
}
