//! From the times of an export to the day of UTC that they are in.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::audit::invoice::fault::Fault;

const DAY: i64 = 86_400;

/// The day of UTC, as `2026-11-22`, of what begins and ends at these times. Without an end it is
/// the day of the beginning.
pub(super) fn read(start: &str, end: Option<&str>) -> Result<String, Fault> {
    let from = seconds(start)?;
    let day = from.div_euclid(DAY);
    if let Some(end) = end {
        let to = seconds(end)?;
        // The end is the first moment that is no longer in it, or the same day once more.
        if to < from || (to - 1).max(from).div_euclid(DAY) != day {
            return Err(Fault::Long { from: start.trim().to_owned(), to: end.trim().to_owned() });
        }
    }
    let start = Timestamp::from_second(from).map_err(|_| Fault::NotADay(start.to_owned()))?;
    Ok(TimeZone::UTC.to_datetime(start).date().to_string())
}

/// Seconds since the beginning of 1970 at a moment, or at the beginning of a day.
fn seconds(text: &str) -> Result<i64, Fault> {
    let bare = text.trim();
    let bare = bare.strip_suffix(" UTC").unwrap_or(bare);
    let not_a_day = || Fault::NotADay(text.to_owned());
    if bare.bytes().all(|byte| byte.is_ascii_digit()) && bare.len() != 8 {
        let number: i64 = bare.parse().map_err(|_| not_a_day())?;
        return match bare.len() {
            9 | 10 => Ok(number),
            13 => Ok(number / 1000),
            _ => Err(not_a_day()),
        };
    }
    if let Ok(moment) = bare.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    let time = bare.parse::<DateTime>().ok();
    let time = time.or_else(|| bare.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0)));
    let moment = time.and_then(|time| TimeZone::UTC.to_timestamp(time).ok());
    Ok(moment.ok_or_else(not_a_day)?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_every_way_that_exports_write_them() {
        for text in [
            "2026-11-22",
            " 2026-11-22 ",
            "20261122",
            "2026-11-22T00:00:00Z",
            "2026-11-22T23:59:59.999Z",
            "2026-11-22T23:00:00-00:30",
            "2026-11-23T00:30:00+01:00",
            "2026-11-22 17:00:00",
            "2026-11-22 17:00:00 UTC",
            "2026-11-22 00:00:00+00:00",
            "1795305600",
            "1795305600000",
        ] {
            assert_eq!(read(text, None).unwrap(), "2026-11-22", "{text}");
        }
        for text in ["", "Total", "22.11.2026", "11/22/2026", "2026-13-01", "2026-11", "12", "1e9"]
        {
            assert_eq!(read(text, None), Err(Fault::NotADay(text.to_owned())));
        }
    }

    #[test]
    fn what_is_longer_than_a_day_or_goes_over_midnight_is_refused() {
        for (start, end, is_a_day) in [
            ("2026-11-22", "2026-11-23", true),
            ("2026-11-22", "2026-11-22", true),
            ("1795305600", "1795392000", true),
            ("2026-11-22T00:00:00Z", "2026-11-22T23:59:59Z", true),
            ("2026-11-22T13:00:00Z", "2026-11-22T14:00:00Z", true),
            ("2026-11-22T23:00:00Z", "2026-11-23T00:00:00Z", true),
            ("2026-11-22", "2026-11-24", false),
            ("2026-11-01", "2026-11-30", false),
            ("2026-11-22T08:00:00Z", "2026-11-23T08:00:00Z", false),
            ("2026-11-22", "2026-11-21", false),
        ] {
            assert_eq!(read(start, Some(end)).is_ok(), is_a_day, "{start} {end}");
        }
    }
}
