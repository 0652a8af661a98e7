//! The mean of many scores, and how far it can be trusted.
//!
//! Which interval is told was chosen by simulation, with true means of 0.5, 0.9 and 0.98 over 20,
//! 50 and 200 prompts: right-or-wrong and graded, with and without repeats that resemble each other.
//! In brackets: in how many of 100 cases it held the truth.
//!
//! - Answers that are right or wrong, each prompt asked once: the interval of a share (93 to 99,
//!   where a bootstrap falls to 35).
//! - Other scores with at least five prompts' worth to tell the spread by: the bootstrap by prompt
//!   (94 to 98).
//! - With less, near 0 and 1, where all resamples look alike: Wilson's score for as many answers as
//!   the prompts are worth (95 to 99, where the bootstrap falls to 52).
//! - Free scales: the bootstrap (92 to 95, under long tails), and Student's t for a handful of
//!   prompts.

use crate::eval::stats::bootstrap::{MOST, Share, studentized};
use crate::eval::stats::cluster::{Cluster, in_order};
use crate::eval::stats::curves::student_quantile;
use crate::eval::stats::interval::{Interval, TAIL, UNIT, of_share, of_worth};

/// So many prompts' worth of spread, of a quarter each, is enough to draw from.
const ENOUGH: f64 = 5.0;
/// So much of one prompt whose scores are 0 or 1 is added to the spread: a few scores near the top
/// say little of how far down others may lie.
const DOUBT: f64 = 0.3;
/// On a free scale, fewer prompts are not drawn from.
const HANDFUL: usize = 10;

/// Which values there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From 0 to 1, as scores are.
    Unit,
    /// Any: times, tokens, money.
    Free,
}

/// A mean, where it may lie, and how much it stands on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean over all scores.
    pub value: f64,
    /// 95 % of the means that prompts of this kind may have. One prompt shows nothing of others:
    /// its interval is all of `[0, 1]`. On a free scale it is `None` then, and where all scores are
    /// the same.
    pub interval: Option<Interval>,
    /// How many scores.
    pub n: u64,
    /// How many prompts they are of.
    pub prompts: u64,
}

/// The mean over all scores, with its 95 % interval by prompt; `None` without scores.
pub fn mean(clusters: &[Cluster], scale: Scale) -> Option<Estimate> {
    let clusters = in_order(clusters);
    let n: u64 = clusters.iter().map(|cluster| u64::from(cluster.n())).sum();
    if n == 0 {
        return None;
    }
    let sum: f64 = clusters.iter().map(Cluster::sum).sum();
    let value = sum / n as f64;
    if !value.is_finite() {
        return None;
    }
    let prompts = clusters.len() as u64;
    let interval = match scale {
        Scale::Unit if n == prompts && clusters.iter().all(Cluster::is_binary) => {
            Some(of_share(sum.round() as u64, n))
        }
        Scale::Unit => Some(of_scores(&clusters, value, n as f64)),
        Scale::Free => of_any(&clusters, value, n as f64),
    };
    Some(Estimate { value, interval, n, prompts })
}

fn of_scores(clusters: &[Cluster], value: f64, n: f64) -> Interval {
    let prompts = clusters.len() as f64;
    if prompts < 2.0 {
        return UNIT;
    }
    let error = standard_error(clusters, value, n);
    // What the prompts would spread if each were 0 or 1, and how much of it they do.
    let most = (prompts * value * (1.0 - value)).max(0.0);
    if most >= ENOUGH
        && clusters.len() <= MOST
        && let Some(drawn) = drawn(clusters, value, error)
    {
        return drawn.holding(value, Some(UNIT));
    }
    let seen = (error * prompts).powi(2);
    let effect = if most > 0.0 { seen / most } else { 1.0 };
    let doubted = (seen + DOUBT) / (most + DOUBT);
    of_worth(value, prompts / effect.max(doubted), prompts)
}

fn of_any(clusters: &[Cluster], value: f64, n: f64) -> Option<Interval> {
    let prompts = clusters.len();
    let error = standard_error(clusters, value, n);
    // What rounding leaves of equal scores is no spread either.
    if prompts < 2 || error <= value.abs() * 1e-12 {
        return None;
    }
    let by_formula = || {
        let half = error * student_quantile(TAIL, prompts as f64 - 1.0);
        Interval { low: value - half, high: value + half }
    };
    let drawn = (HANDFUL..=MOST).contains(&prompts).then(|| drawn(clusters, value, error));
    Some(drawn.flatten().unwrap_or_else(by_formula).holding(value, None))
}

fn drawn(clusters: &[Cluster], value: f64, error: f64) -> Option<Interval> {
    let share =
        |cluster: &Cluster| Share { residual: residual(cluster, value), n: f64::from(cluster.n()) };
    let shares: Vec<Share> = clusters.iter().map(share).collect();
    studentized(&shares, value, error)
}

/// The standard error of the mean, robust against repeats that resemble each other.
fn standard_error(clusters: &[Cluster], value: f64, n: f64) -> f64 {
    let prompts = clusters.len() as f64;
    let spread: f64 = clusters.iter().map(|cluster| residual(cluster, value).powi(2)).sum();
    (spread * prompts / (prompts - 1.0)).sqrt() / n
}

fn residual(cluster: &Cluster, value: f64) -> f64 {
    cluster.sum() - value * f64::from(cluster.n())
}
