//! Drift of what has no upper end: times and money, as ratios of new to base.

use crate::eval::stats::curves::fair_rank;
use crate::eval::stats::interval::CONFIDENCE;

/// How many times the base the new run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// New over base: above 1 the new run takes more.
    pub value: f64,
    /// The low end of the 95 % interval.
    pub low: f64,
    /// Its high end; `None` where the data set none.
    pub high: Option<f64>,
    /// How many pairs it stands on.
    pub pairs: u64,
}

/// The median of `new[i] / base[i]` with its 95 % interval; `None` without pairs, and where more
/// than half of them grow from nothing.
///
/// Values are 0 or more. From 0 to 0 is a ratio of 1, and from 0 to anything else one larger than
/// all others: a median takes both without a made-up floor. The interval are the order statistics
/// that a fair coin allows, so it holds for any distribution. Pairs in which a value is negative or
/// no finite number are left out.
pub fn ratio(base: &[f64], new: &[f64]) -> Option<Ratio> {
    let mut ratios: Vec<f64> = base.iter().zip(new).filter_map(|(b, n)| of_pair(*b, *n)).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let n = ratios.len();
    if n == 0 {
        return None;
    }
    // On the log scale, so that swapping base and new gives the reciprocal.
    let (left, right) = (ratios[(n - 1) / 2], ratios[n / 2]);
    let value = if left == right { left } else { (left * right).sqrt() };
    let rank = fair_rank(n as u64, (1.0 - CONFIDENCE) / 2.0).map(|rank| rank as usize);
    let finite = |ratio: f64| ratio.is_finite().then_some(ratio);
    Some(Ratio {
        value: finite(value)?,
        low: rank.map_or(0.0, |rank| ratios[rank]),
        high: rank.and_then(|rank| finite(ratios[n - 1 - rank])),
        pairs: n as u64,
    })
}

fn of_pair(base: f64, new: f64) -> Option<f64> {
    let usable = |value: f64| value.is_finite() && value >= 0.0;
    match usable(base) && usable(new) {
        true if base == new => Some(1.0),
        true => Some(new / base),
        false => None,
    }
}
