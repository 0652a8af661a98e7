//! The mean of many scores, and how far it can be trusted.

use crate::eval::stats::cluster::{Cluster, in_order};
use crate::eval::stats::curves::student_quantile;
use crate::eval::stats::interval::{CONFIDENCE, Interval, wilson, wilson_clustered};

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
    /// its interval is all of `[0, 1]`, and `None` on a free scale.
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
    let value = clusters.iter().map(Cluster::sum).sum::<f64>() / n as f64;
    let prompts = clusters.len() as u64;
    let is_share = scale == Scale::Unit && n == prompts && clusters.iter().all(Cluster::is_binary);
    let interval = match is_share {
        true => Some(wilson(value, prompts as f64)),
        false => by_prompt(&clusters, value, n as f64, scale),
    };
    Some(Estimate { value, interval, n, prompts })
}

fn by_prompt(clusters: &[Cluster], value: f64, n: f64, scale: Scale) -> Option<Interval> {
    let prompts = clusters.len() as f64;
    let square = |cluster: &Cluster| (cluster.sum() - value * f64::from(cluster.n())).powi(2);
    let spread = clusters.iter().map(square).sum::<f64>();
    let variance = spread / (n * n) * prompts / (prompts - 1.0);
    match scale {
        Scale::Unit => {
            let effective = value * (1.0 - value) / variance;
            let effective = if effective.is_finite() { effective.clamp(1.0, n) } else { prompts };
            Some(wilson_clustered(value, effective, prompts))
        }
        Scale::Free if prompts < 2.0 => None,
        Scale::Free => {
            let half = student_quantile((1.0 - CONFIDENCE) / 2.0, prompts - 1.0) * variance.sqrt();
            Some(Interval { low: value - half, high: value + half })
        }
    }
}
