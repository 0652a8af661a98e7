//! How far two amounts are apart: exactly, and in percent for people.

use std::fmt;

use crate::call::money::Usd;

/// `to` minus `from`.
pub fn between(from: Usd, to: Usd) -> Usd {
    Usd::from_pico(to.as_pico().saturating_sub(from.as_pico()))
}

/// Hundredths of a percent, rounded half away from zero: written as `1.25`, `-100.00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(i128);

impl Percent {
    /// `part` in percent of `whole`; `None` of nothing.
    pub fn of(part: Usd, whole: Usd) -> Option<Self> {
        let whole = whole.as_pico().checked_abs().filter(|whole| *whole > 0)?;
        // Twice the hundredths of a percent, so that the half is a whole number.
        let twice = part.as_pico().checked_mul(20_000)? / whole;
        Some(Self(twice / 2 + twice % 2))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let hundredths = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_two_decimals_and_nothing_has_none() {
        for (part, whole, text) in [
            ("1", "100", Some("1.00")),
            ("-1", "3", Some("-33.33")),
            ("2", "3", Some("66.67")),
            ("0.00005", "1", Some("0.01")),
            ("0.000049999999", "1", Some("0.00")),
            ("-0.00005", "1", Some("-0.01")),
            ("1", "-4", Some("25.00")),
            ("-5", "5", Some("-100.00")),
            ("1", "0", None),
        ] {
            let percent = Percent::of(part.parse().unwrap(), whole.parse().unwrap());
            assert_eq!(percent.map(|percent| percent.to_string()).as_deref(), text, "{part}");
        }
    }
}
