//! Times as `--since` and `--until` take them, in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::call::duration::parse_duration;
use crate::call::moment::Moment;
use crate::cli::exit::CliError;

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;
/// Milliseconds in a day.
const DAY: i64 = 24 * HOUR;
/// More days than that are no span of time, but a slip.
const MOST_DAYS: i64 = 100_000;

const HELP: &str = "write `30d`, `2w`, `12h`, a day such as `2026-11-01`, or a moment such as `2026-11-22T02:00:00Z`";

/// The moment from which on attempts count.
pub(super) fn since(text: &str, now: Moment) -> Result<Moment, CliError> {
    let text = text.trim();
    if let Some(days) = days(text) {
        return Ok(Moment::from_millis((now.as_millis().div_euclid(DAY) - days) * DAY));
    }
    if let Some(moment) = day(text).and_then(start).or_else(|| moment(text)) {
        return Ok(moment);
    }
    // A number without a unit would be seconds.
    let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
    match parse_duration(text) {
        Ok(span) if has_unit => {
            let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            let from = now.as_millis().saturating_sub(millis);
            // Of whole hours the ledger has the sums.
            let is_cut = span.as_secs() % 3600 > 0;
            Ok(Moment::from_millis(if is_cut { from } else { from - from.rem_euclid(HOUR) }))
        }
        _ => Err(CliError::usage(format!("`--since {text}` is no time"), HELP)),
    }
}

/// The moment from which on attempts count no more.
pub(super) fn until(text: &str) -> Result<Moment, CliError> {
    let text = text.trim();
    let end = day(text).and_then(|day| day.tomorrow().ok()).and_then(start);
    end.or_else(|| moment(text)).ok_or_else(|| {
        let help = "write a day such as `2026-11-30`, or a moment such as `2026-11-22T02:00:00Z`";
        CliError::usage(format!("`--until {text}` is no day"), help)
    })
}

/// Whole days back, of `30d` and `2w`.
fn days(text: &str) -> Option<i64> {
    let (number, days) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(number), _) => (number, 1),
        (_, Some(number)) => (number, 7),
        _ => return None,
    };
    let number: i64 = number.trim().parse().ok()?;
    (0..=MOST_DAYS / days).contains(&number).then_some(number * days)
}

fn day(text: &str) -> Option<Date> {
    // The parser takes a moment for its day; a day is ten characters.
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

fn start(day: Date) -> Option<Moment> {
    let start = day.to_zoned(TimeZone::UTC).ok()?;
    Some(Moment::from_millis(start.timestamp().as_millisecond()))
}

fn moment(text: &str) -> Option<Moment> {
    let at: Timestamp = text.parse().ok()?;
    Some(Moment::from_millis(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T02:00:00.123Z.
    const NOW: Moment = Moment::from_millis(1_795_312_800_123);

    #[test]
    fn since_takes_spans_days_and_moments() {
        for (text, expected) in [
            ("30d", "2026-10-23T00:00:00.000Z"),
            ("0d", "2026-11-22T00:00:00.000Z"),
            ("2w", "2026-11-08T00:00:00.000Z"),
            ("12h", "2026-11-21T14:00:00.000Z"),
            ("90m", "2026-11-22T00:30:00.123Z"),
            ("2026-11-01", "2026-11-01T00:00:00.000Z"),
            ("2026-11-22T03:00:00+01:00", "2026-11-22T02:00:00.000Z"),
        ] {
            assert_eq!(since(text, NOW).unwrap().to_string(), expected, "{text}");
        }
        for text in
            ["", "30", "d", "-3d", "yesterday", "2026-11", "2026-13-01", "9999999999d", "3x"]
        {
            assert!(since(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn until_takes_in_the_whole_day() {
        assert_eq!(until("2026-11-30").unwrap().to_string(), "2026-12-01T00:00:00.000Z");
        let moment = "2026-11-22T02:00:00.000Z";
        assert_eq!(until(moment).unwrap().to_string(), moment);
        assert!(until("30d").is_err() && until("").is_err());
    }
}
