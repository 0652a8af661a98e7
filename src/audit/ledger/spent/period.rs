//! A span of time, and how it lies over whole hours.

use crate::audit::ledger::convert::HOUR;
use crate::call::moment::Moment;

/// From one moment to before another; without either, all that came before or comes after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment that is in it.
    pub since: Option<Moment>,
    /// The first moment that is in it no more.
    pub until: Option<Moment>,
}

impl Period {
    /// The first whole hour in it, and the first after those, since 1970; `None` where it has no
    /// bound.
    pub(super) fn whole_hours(&self) -> (Option<i64>, Option<i64>) {
        let first = self.since.map(|since| ceil(since.as_millis()));
        let end = self.until.map(|until| until.as_millis().div_euclid(HOUR));
        (first, end)
    }

    /// The parts of hours at its ends, in ms since 1970: from, and to before.
    pub(super) fn cut_hours(&self) -> Vec<(i64, i64)> {
        let since = self.since.map_or(i64::MIN, Moment::as_millis);
        let until = self.until.map_or(i64::MAX, Moment::as_millis);
        let mut cut = Vec::new();
        if self.since.is_some() && since.rem_euclid(HOUR) > 0 {
            cut.push((since, until.min(ceil(since).saturating_mul(HOUR))));
        }
        // Both ends may lie within the same hour.
        let is_same_hour = cut.first().is_some_and(|(_, to)| *to == until);
        if self.until.is_some() && until.rem_euclid(HOUR) > 0 && !is_same_hour {
            cut.push((since.max(until - until.rem_euclid(HOUR)), until));
        }
        cut.retain(|(from, to)| from < to);
        cut
    }
}

/// The first hour that begins at this time or later.
fn ceil(millis: i64) -> i64 {
    millis.div_euclid(HOUR) + i64::from(millis.rem_euclid(HOUR) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every quarter of some hours is in the whole hours or in one cut one, exactly when it is in
    /// the period.
    #[test]
    fn a_period_is_its_whole_hours_and_its_cut_ones() {
        const QUARTER: i64 = HOUR / 4;
        let quarters = 0..18;
        for (since, until) in quarters.clone().flat_map(|a| (a..18).map(move |b| (a, b))) {
            let at = |quarter: i64| Moment::from_millis(quarter * QUARTER);
            let period = Period { since: Some(at(since)), until: Some(at(until)) };
            let (Some(first), Some(end)) = period.whole_hours() else { panic!("it has bounds") };
            for quarter in quarters.clone() {
                let hour = quarter / 4;
                let in_whole = usize::from(first <= hour && hour < end);
                let cut = period.cut_hours();
                let is_in = |(from, to): &&(i64, i64)| (*from..*to).contains(&(quarter * QUARTER));
                let in_cut = cut.iter().filter(is_in).count();
                let expected = usize::from((since..until).contains(&quarter));
                assert_eq!(in_whole + in_cut, expected, "{since} {until} {quarter}");
            }
        }
        assert_eq!(Period::default().whole_hours(), (None, None));
        assert!(Period::default().cut_hours().is_empty());
    }
}
