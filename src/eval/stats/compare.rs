//! Two runs of the same prompts: which is better, by how much, and could it be chance?

use crate::eval::stats::bootstrap::{MOST, percentile};
use crate::eval::stats::cluster::Cluster;
use crate::eval::stats::curves::{student_quantile, student_tail};
use crate::eval::stats::interval::{Interval, TAIL};
use crate::eval::stats::mean::Scale;
use crate::eval::stats::pairs::Pairs;
use crate::eval::stats::signs::sign_test;

/// A new run against its base, over the prompts that both scored. Each prompt counts once, by the
/// mean of its repeats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The mean in the base.
    pub base: f64,
    /// The mean in the new run.
    pub new: f64,
    /// New less base: below 0 the new run is worse.
    pub difference: f64,
    /// 95 % of the differences that prompts of this kind may show. One pair shows nothing of
    /// others: its interval is all of `[-1, 1]`, and `None` on a free scale.
    pub interval: Option<Interval>,
    /// Prompts that both scored.
    pub pairs: u64,
    /// Prompts that only the base scored; left out.
    pub only_base: u64,
    /// Prompts that only the new run scored; left out.
    pub only_new: u64,
    /// Prompts with a higher mean in the new run.
    pub better: u64,
    /// Prompts with a lower one.
    pub worse: u64,
    /// Prompts with the same, but for rounding.
    pub same: u64,
    /// How likely chance alone is to make the new run look at least as much worse.
    pub p_worse: f64,
    /// How likely chance alone is to make it look at least as much better.
    pub p_better: f64,
    /// How likely chance alone is to show at least such a difference, either way.
    pub p_two_sided: f64,
}

/// Holds `new` against `base`, prompt by prompt; `None` where no prompt was scored in both.
pub fn compare(base: &[Cluster], new: &[Cluster], scale: Scale) -> Option<Comparison> {
    let pairs = Pairs::of(base, new);
    if pairs.differences.is_empty() {
        return None;
    }
    let count = |wanted: fn(&f64) -> bool| {
        pairs.differences.iter().filter(|difference| wanted(difference)).count() as u64
    };
    let tails = sign_test(&pairs.differences);
    Some(Comparison {
        base: pairs.base / pairs.len(),
        new: pairs.new / pairs.len(),
        difference: pairs.difference(),
        interval: interval(&pairs, scale),
        pairs: pairs.differences.len() as u64,
        only_base: pairs.only_base,
        only_new: pairs.only_new,
        better: count(|difference| *difference > 0.0),
        worse: count(|difference| *difference < 0.0),
        same: count(|difference| *difference == 0.0),
        p_worse: tails.down,
        p_better: tails.up,
        p_two_sided: tails.both(),
    })
}

/// How well the data speak against a difference (new less base) of `threshold` or more: the
/// p-value of "the difference lies below". `None` where no prompt was scored in both.
pub fn p_below(base: &[Cluster], new: &[Cluster], threshold: f64, scale: Scale) -> Option<f64> {
    let pairs = Pairs::of(base, new);
    (!pairs.differences.is_empty()).then(|| {
        let chance = sign_test(&pairs.differences).down;
        let beyond = beyond(&pairs, threshold, scale);
        // Who shows a drop of two points has shown a drop: the two tests may not contradict.
        match threshold {
            0.0 => chance,
            ..0.0 => beyond.max(chance),
            0.0.. => beyond.min(chance),
            _ => 1.0,
        }
    })
}

/// The same for a difference of `threshold` or less: the p-value of "the difference lies above".
pub fn p_above(base: &[Cluster], new: &[Cluster], threshold: f64, scale: Scale) -> Option<f64> {
    p_below(new, base, -threshold, scale)
}

/// Whether the difference (new less base) lies below `threshold` with this one-sided confidence
/// (0.95 for `right<-0.02@95%`). At a threshold of 0 it is `p_worse < 1 - confidence`.
pub fn below(
    base: &[Cluster],
    new: &[Cluster],
    threshold: f64,
    confidence: f64,
    scale: Scale,
) -> bool {
    p_below(base, new, threshold, scale).is_some_and(|p| is_shown(p, confidence))
}

/// Whether the difference (new less base) lies above `threshold` with this one-sided confidence.
pub fn above(
    base: &[Cluster],
    new: &[Cluster],
    threshold: f64,
    confidence: f64,
    scale: Scale,
) -> bool {
    p_above(base, new, threshold, scale).is_some_and(|p| is_shown(p, confidence))
}

fn is_shown(p: f64, confidence: f64) -> bool {
    // 1 - 0.95 is a little above 0.05, where `p` may lie exactly.
    p < 1.0 - confidence - 1e-12
}

/// The differences with two pairs more, one as far up and one as far down as any: what was seen
/// once in `n` prompts, or never, may well come among the next. For answers that are right or wrong
/// this is the interval of Bonett and Price (2012), Adjusted Wald confidence interval for a
/// difference of binomial proportions based on paired data. `None` where nothing is known of how
/// far differences go.
fn widened(pairs: &Pairs, scale: Scale) -> Option<Vec<f64>> {
    let largest = pairs.differences.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    let far = match scale {
        Scale::Unit if largest == 0.0 => 1.0,
        _ => largest,
    };
    (pairs.differences.len() > 1 && far > 0.0 && far.is_finite())
        .then(|| pairs.differences.iter().copied().chain([far, -far]).collect())
}

/// Their mean, and its standard error.
fn moments(widened: &[f64]) -> (f64, f64) {
    let n = widened.len() as f64;
    let mean = widened.iter().sum::<f64>() / n;
    let spread: f64 = widened.iter().map(|d| (d - mean).powi(2)).sum();
    (mean, spread.sqrt() / n)
}

/// The p-value of a mean difference below `threshold`, by Student's t.
fn beyond(pairs: &Pairs, threshold: f64, scale: Scale) -> f64 {
    widened(pairs, scale).map_or(1.0, |widened| {
        let (mean, error) = moments(&widened);
        student_tail((threshold - mean) / error, pairs.len() - 1.0)
    })
}

/// The 95 % interval of the mean difference: drawn by prompt where they are few enough.
fn interval(pairs: &Pairs, scale: Scale) -> Option<Interval> {
    let ends = (scale == Scale::Unit).then_some(Interval { low: -1.0, high: 1.0 });
    let Some(widened) = widened(pairs, scale) else { return ends };
    let interval = if pairs.differences.len() <= MOST {
        percentile(&widened)
    } else {
        let (mean, error) = moments(&widened);
        let half = error * student_quantile(TAIL, pairs.len() - 1.0);
        Interval { low: mean - half, high: mean + half }
    };
    Some(interval.holding(pairs.difference(), ends))
}
