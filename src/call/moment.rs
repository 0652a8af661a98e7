//! A moment of wall-clock time, as reports write it: UTC, whole milliseconds, RFC 3339.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch; written as `2026-11-22T02:00:00.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The wall clock now. Pacing never uses it: a clock that jumps must not change a wait.
    pub fn now() -> Self {
        Self(Timestamp::now().as_millisecond())
    }

    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment as the name of a run folder begins: `20261122T020000Z`.
    pub fn compact(self) -> String {
        self.timestamp().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Its text, where the year has four digits. A run writes three of them a task.
    fn digits(self) -> Option<[u8; 24]> {
        let at = Offset::UTC.to_datetime(self.timestamp());
        let year = u16::try_from(at.year()).ok()?;
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |place: std::ops::Range<usize>, mut number: u16| {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0..4, year);
        for (start, number) in
            [(5, at.month()), (8, at.day()), (11, at.hour()), (14, at.minute()), (17, at.second())]
        {
            put(start..start + 2, number.unsigned_abs().into());
        }
        put(20..23, at.millisecond().unsigned_abs());
        Some(text)
    }

    /// The moment that this is the text of, when it has exactly the form that is written.
    fn of_digits(text: &[u8]) -> Option<Self> {
        let text: &[u8; 24] = text.try_into().ok()?;
        let marks =
            [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
        if marks.iter().any(|(at, mark)| text[*at] != *mark) {
            return None;
        }
        let number = |place: std::ops::Range<usize>| {
            text[place].iter().try_fold(0_i16, |number, digit| {
                digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
            })
        };
        let two = |start: usize| number(start..start + 2).map(|number| number as i8);
        let nanosecond = i32::from(number(20..23)?) * 1_000_000;
        let at = DateTime::new(
            number(0..4)?,
            two(5)?,
            two(8)?,
            two(11)?,
            two(14)?,
            two(17)?,
            nanosecond,
        );
        let timestamp = Offset::UTC.to_timestamp(at.ok()?).ok()?;
        Some(Self(timestamp.as_millisecond()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digits() {
            Some(text) => f.write_str(ascii(&text)),
            None => write!(f, "{:.3}", self.timestamp()),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.digits() {
            Some(text) => serializer.serialize_str(ascii(&text)),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        if let Some(moment) = Self::of_digits(text.as_bytes()) {
            return Ok(moment);
        }
        let timestamp: Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(timestamp.as_millisecond()))
    }
}

impl schemars::JsonSchema for Moment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "UTC, RFC 3339, whole milliseconds"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_what_it_wrote() {
        let moment = Moment::from_millis(1_795_312_800_123);
        let text = serde_json::to_string(&moment).expect("a moment is a string");
        assert_eq!(text, "\"2026-11-22T02:00:00.123Z\"");
        assert_eq!(serde_json::from_str::<Moment>(&text).expect("it reads back"), moment);
        assert_eq!(moment.compact(), "20261122T020000Z");
    }

    #[test]
    fn digits_say_what_the_library_says() {
        for millis in
            [0, -1, 951_782_400_999, -62_135_596_800_001, 253_402_207_199_999, 4_102_444_799_001]
        {
            let moment = Moment::from_millis(millis);
            let library = format!("{:.3}", moment.timestamp());
            assert_eq!(moment.to_string(), library);
            let text = serde_json::to_string(&moment).expect("a moment is a string");
            assert_eq!(text, format!("\"{library}\""));
            assert_eq!(serde_json::from_str::<Moment>(&text).expect("it reads back"), moment);
        }
        let other = "\"2026-11-22T03:00:00.123456+01:00\"";
        let moment: Moment = serde_json::from_str(other).expect("an RFC 3339 text");
        assert_eq!(moment.to_string(), "2026-11-22T02:00:00.123Z");
        for bad in
            ["2026-13-22T02:00:00.123Z", "2026-02-30T02:00:00.123Z", "2026-02-1aT02:00:00.123Z"]
        {
            assert!(serde_json::from_str::<Moment>(&format!("\"{bad}\"")).is_err(), "{bad}");
        }
    }
}
