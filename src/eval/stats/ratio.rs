//! Drift of what has no upper end: times and money, as ratios of the new run to its base.
//!
//! Three questions, three ratios: [`median_ratio`] for how the same prompt fares (latency),
//! [`total_ratio`] for what a run takes in all (money, tokens), [`percentile_ratio`] for the slow
//! tail. Swapping base and new gives the reciprocal. Values that are negative or no finite number
//! are left out, in pairs with their partner.

use crate::eval::stats::curves::{binomial_at_most, student_quantile};
use crate::eval::stats::interval::TAIL;

/// How many times its base the new run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// New over base: above 1 the new run takes more.
    pub value: f64,
    /// The low end of the 95 % interval; 0 where the data set none.
    pub low: f64,
    /// Its high end; `None` where the data set none.
    pub high: Option<f64>,
    /// How many pairs it stands on; without pairs, how many values of the run that has fewer.
    pub n: u64,
}

/// The median of `new[i] / base[i]`, with the 95 % interval of its order statistics, which holds
/// for any distribution; `None` without pairs, and where half of them or more grow from nothing.
///
/// From 0 to 0 is a ratio of 1, and from 0 to anything else one larger than all others: a median
/// takes both without a made-up floor.
pub fn median_ratio(base: &[f64], new: &[f64]) -> Option<Ratio> {
    let mut ratios: Vec<f64> = pairs(base, new).map(of_pair).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let n = ratios.len();
    if n == 0 {
        return None;
    }
    // The geometric mean of the two in the middle keeps a swap the reciprocal.
    let (left, right) = (ratios[(n - 1) / 2], ratios[n / 2]);
    let value = (left.sqrt() * right.sqrt()).clamp(left, right);
    let (low, high) = ranks(n, 0.5);
    Some(Ratio {
        value: finite(value)?,
        low: low.map_or(0.0, |rank| ratios[rank]),
        high: high.and_then(|rank| finite(ratios[rank])),
        n: n as u64,
    })
}

/// The sum of `new` over the sum of `base`, by pairs, with its 95 % interval on the log scale;
/// `None` where the base comes to nothing.
pub fn total_ratio(base: &[f64], new: &[f64]) -> Option<Ratio> {
    let sum = |(before, after): (f64, f64), (base, new): (f64, f64)| (before + base, after + new);
    let (before, after) = pairs(base, new).fold((0.0, 0.0), sum);
    let n = pairs(base, new).count();
    let value = finite(after / before)?;
    if n < 2 || value <= 0.0 {
        return Some(Ratio { value, low: 0.0, high: None, n: n as u64 });
    }
    let spread: f64 = pairs(base, new).map(|(base, new)| (new - value * base).powi(2)).sum();
    // The standard error of the logarithm, to first order (the delta method).
    let error = (spread * n as f64 / (n as f64 - 1.0)).sqrt() / after;
    let factor = (error * student_quantile(TAIL, n as f64 - 1.0)).exp();
    Some(Ratio { value, low: value / factor, high: finite(value * factor), n: n as u64 })
}

/// The percentile of `new` over that of `base` (nearest rank; `share` is from 0 to 1, 0.95 for
/// p95), whatever the order of either, with a 95 % interval; `None` without values, and where the
/// percentile of the base is 0.
///
/// Each percentile has the interval of its order statistics, and the two are joined on the log
/// scale by the rule of Zou and Donner (2008), Construction of confidence limits about effect
/// measures. Values count as independent of each other.
pub fn percentile_ratio(base: &[f64], new: &[f64], share: f64) -> Option<Ratio> {
    let (before, after) = (Percentile::of(base, share)?, Percentile::of(new, share)?);
    let value = finite(after.value / before.value)?;
    let down = after.down().hypot(before.up());
    let up = after.up().hypot(before.down());
    Some(Ratio {
        value,
        low: if value > 0.0 { value * (-down).exp() } else { 0.0 },
        high: if value > 0.0 { finite(value * up.exp()) } else { None },
        n: before.n.min(after.n),
    })
}

/// A percentile and the order statistics that hold it in 95 %, where there are enough.
struct Percentile {
    value: f64,
    low: Option<f64>,
    high: Option<f64>,
    n: u64,
}

impl Percentile {
    fn of(values: &[f64], share: f64) -> Option<Self> {
        let mut values: Vec<f64> =
            values.iter().copied().filter(|value| is_usable(*value)).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (n, share) = (values.len(), if share.is_nan() { 0.5 } else { share.clamp(0.0, 1.0) });
        let rank = ((n as f64 * share).ceil() as usize).max(1);
        let value = *values.get(rank - 1)?;
        let (low, high) = ranks(n, share);
        let at = |rank: Option<usize>| rank.map(|rank| values[rank]);
        Some(Self { value, low: at(low), high: at(high), n: n as u64 })
    }

    /// How far it may lie below, as a logarithm.
    fn down(&self) -> f64 {
        self.low.map_or(f64::INFINITY, |low| distance(low, self.value))
    }

    /// How far it may lie above.
    fn up(&self) -> f64 {
        self.high.map_or(f64::INFINITY, |high| distance(self.value, high))
    }
}

fn distance(low: f64, high: f64) -> f64 {
    if low >= high { 0.0 } else { (high / low).ln() }
}

/// The order statistics, counted from 0, between which the quantile `share` of `n` values lies in
/// at least 95 %.
fn ranks(n: usize, share: f64) -> (Option<usize>, Option<usize>) {
    let rank = |share: f64| {
        // How many values may lie below the quantile, at the least, but for 2.5 %.
        let (mut low, mut high) = (0, n as u64);
        while low < high {
            let middle = low.midpoint(high);
            match binomial_at_most(middle, n as u64, share) <= TAIL {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low.checked_sub(1).map(|rank| rank as usize)
    };
    (rank(share), rank(1.0 - share).map(|rank| n - 1 - rank))
}

fn pairs(base: &[f64], new: &[f64]) -> impl Iterator<Item = (f64, f64)> {
    let both = base.iter().copied().zip(new.iter().copied());
    both.filter(|(base, new)| is_usable(*base) && is_usable(*new))
}

fn of_pair((base, new): (f64, f64)) -> f64 {
    match base == 0.0 && new == 0.0 {
        true => 1.0,
        false => new / base,
    }
}

fn is_usable(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
