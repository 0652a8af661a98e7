//! Our values as the columns of the ledger have them, and back.

use rusqlite::Row;

use crate::call::moment::Moment;
use crate::call::money::Usd;
use crate::call::usage::Usage;

/// Milliseconds in an hour, which is the span of a sum.
pub(super) const HOUR: i64 = 3_600_000;
/// Picodollars in the unit of sums.
pub(super) const MICRO: i128 = 1_000_000;

/// The disjoint parts of a usage, in the order of their columns. A count that no integer of a
/// database holds is as large as one can be.
pub(super) fn parts(usage: &Usage) -> [Option<i64>; 8] {
    [
        usage.input,
        usage.cached,
        usage.cache_write,
        usage.cache_write_1h,
        usage.audio_input,
        usage.output,
        usage.reasoning,
        usage.audio_output,
    ]
    .map(|tokens| tokens.map(|tokens| i64::try_from(tokens).unwrap_or(i64::MAX)))
}

/// The usage in eight columns of a row, from this one on.
pub(super) fn usage(row: &Row<'_>, from: usize) -> rusqlite::Result<Usage> {
    let part = |at: usize| -> rusqlite::Result<Option<u64>> {
        let tokens: Option<i64> = row.get(from + at)?;
        Ok(tokens.map(i64::unsigned_abs))
    };
    Ok(Usage {
        input: part(0)?,
        cached: part(1)?,
        cache_write: part(2)?,
        cache_write_1h: part(3)?,
        audio_input: part(4)?,
        output: part(5)?,
        reasoning: part(6)?,
        audio_output: part(7)?,
        ..Usage::default()
    })
}

/// A count in a column.
pub(super) fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get(at).map(i64::unsigned_abs)
}

/// A sum of money in two columns: whole microdollars, and the picodollars beyond them.
pub(super) fn money(row: &Row<'_>, at: usize) -> rusqlite::Result<Usd> {
    let (micro, rest): (i64, i64) = (row.get(at)?, row.get(at + 1)?);
    Ok(Usd::from_pico(i128::from(micro) * MICRO + i128::from(rest)))
}

/// An amount in a column of picodollars.
pub(super) fn pico(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Usd>> {
    let pico: Option<i64> = row.get(at)?;
    Ok(pico.map(|pico| Usd::from_pico(pico.into())))
}

/// The day of an hour since 1970, as `2026-11-22`.
pub(super) fn day_of(hour: i64) -> String {
    let mut text = Moment::from_millis(hour.saturating_mul(HOUR)).to_string();
    text.truncate(text.find('T').unwrap_or(text.len()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_one_reads_them() {
        assert_eq!(day_of(0), "1970-01-01");
        assert_eq!(day_of(1_795_312_800_123_i64.div_euclid(HOUR)), "2026-11-22");
        assert_eq!((day_of(23), day_of(24)), ("1970-01-01".into(), "1970-01-02".into()));
        assert_eq!(day_of(-1), "1969-12-31");
    }
}
