//! How steady a model is: how many prompts get different verdicts when asked again.

use crate::eval::stats::cluster::{Cluster, in_order};
use crate::eval::stats::interval::{Interval, of_share};

/// How many of the prompts that were asked more than once have repeats that disagree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlipRate {
    /// The share, from 0 to 1.
    pub value: f64,
    /// 95 % of the shares that such prompts may have.
    pub interval: Interval,
    /// Prompts whose repeats disagree.
    pub flipped: u64,
    /// Prompts that were scored more than once.
    pub prompts: u64,
}

/// The share of prompts scored more than once whose repeats disagree; `None` where no prompt was.
pub fn flip_rate(clusters: &[Cluster]) -> Option<FlipRate> {
    let (mut flipped, mut prompts) = (0_u64, 0_u64);
    for cluster in in_order(clusters).iter().filter(|cluster| cluster.n() > 1) {
        prompts += 1;
        flipped += u64::from(cluster.flips());
    }
    let value = (prompts > 0).then(|| flipped as f64 / prompts as f64)?;
    Some(FlipRate { value, interval: of_share(flipped, prompts), flipped, prompts })
}
