//! How far a ledger and an invoice may be apart.

use std::fmt;
use std::str::FromStr;

use crate::call::money::Usd;

/// A cent, in picodollars. A difference of a cent is never too large: invoices are rounded to it.
pub(super) const CENT: i128 = 10_000_000_000;

/// Picodollars in a dollar, and the parts that a share is counted in.
const ONE: i128 = 1_000_000_000_000;

/// How far the two sides may be apart, as a share of what was billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// In parts of 10⁻¹²: exact.
    share: i128,
}

/// Why a text is no tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write percent or a share below 1, such as 1% or 0.01")]
pub struct NoTolerance;

impl FromStr for Tolerance {
    type Err = NoTolerance;

    fn from_str(text: &str) -> Result<Self, NoTolerance> {
        let (number, is_percent) = match text.trim().strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (text.trim(), false),
        };
        let number: Usd = number.parse().map_err(|_| NoTolerance)?;
        let share = match is_percent {
            true => number.as_pico() / 100,
            false => number.as_pico(),
        };
        // A plain 1 is more likely meant as one percent than as anything goes.
        (0..ONE).contains(&share).then_some(Self { share }).ok_or(NoTolerance)
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", Usd::from_pico(self.share * 100))
    }
}

impl Tolerance {
    /// Whether a difference is allowed where so much was billed, in `rounded` amounts of whole
    /// cents: each of them may be half a cent off.
    pub(super) fn allows(self, difference: Usd, billed: Usd, rounded: u64) -> bool {
        let apart = difference.as_pico().saturating_abs();
        let rounding = i128::from(rounded).saturating_mul(CENT / 2);
        // Both sides times 10¹²: a share that is cut off would refuse what is exactly at it.
        let billed = billed.as_pico().saturating_abs().checked_mul(self.share);
        let is_share = match (apart.checked_mul(ONE), billed) {
            (Some(apart), Some(allowed)) => apart <= allowed,
            // Nobody has so much.
            _ => false,
        };
        is_share || apart <= rounding.max(CENT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_percent_or_a_share() {
        for (text, shown) in [
            ("1%", Some("1%")),
            ("0.5 %", Some("0.5%")),
            ("0.05", Some("5%")),
            ("0", Some("0%")),
            ("99.9%", Some("99.9%")),
            ("1", None),
            ("100%", None),
            ("-1%", None),
            ("%", None),
            ("one", None),
        ] {
            let read = text.parse::<Tolerance>().ok().map(|tolerance| tolerance.to_string());
            assert_eq!(read.as_deref(), shown, "{text}");
        }
    }

    #[test]
    fn exactly_at_the_tolerance_passes_and_a_picodollar_beyond_does_not() {
        let one: Tolerance = "1%".parse().unwrap();
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        for (difference, billed, rounded, is_allowed) in [
            ("1", "100", 0, true),
            ("-1", "100", 0, true),
            ("1.000000000001", "100", 0, false),
            ("1", "-100", 0, true),
            // A share of a picodollar is not rounded away.
            ("0.033333333333", "3.3333333333", 0, true),
            ("0.033333333334", "3.3333333333", 0, false),
            ("0.01", "0", 0, true),
            ("0.010000000001", "0", 0, false),
            ("0.025", "0.5", 5, true),
            ("0.025000000001", "0.5", 5, false),
            ("999999999999", "0", 0, false),
        ] {
            let allowed = one.allows(usd(difference), usd(billed), rounded);
            assert_eq!(allowed, is_allowed, "{difference} of {billed}");
        }
        let all = Usd::from_pico(i128::MAX);
        assert!(!one.allows(all, all, 0));
    }
}
