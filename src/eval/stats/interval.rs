//! Where a figure may lie: a low end, a high end, and the rules that do without drawing at random.

use crate::eval::stats::curves::{normal_quantile, student_quantile};

/// Intervals hold 95 % of what may be.
pub const CONFIDENCE: f64 = 0.95;

/// The values that a figure may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

impl Interval {
    /// The interval made wide enough to hold `value`, then cut to `ends`.
    pub(super) fn holding(self, value: f64, ends: Option<Self>) -> Self {
        let (low, high) = (self.low.min(value), self.high.max(value));
        match ends {
            Some(ends) => Self { low: low.max(ends.low), high: high.min(ends.high) },
            None => Self { low, high },
        }
    }
}

/// The interval of a share seen in `n` independent cases, by Wilson's score; all of `[0, 1]` for
/// fewer than two.
///
/// Source: Wilson (1927); it is what Brown, Cai and DasGupta (2001), Interval estimation for a
/// binomial proportion, advise for few cases, where a bootstrap of 10 right of 10 says `[1, 1]`.
pub fn wilson(share: f64, n: f64) -> Interval {
    match n < 2.0 {
        true => Interval { low: 0.0, high: 1.0 },
        false => score(share, n, normal_quantile((1.0 - CONFIDENCE) / 2.0)),
    }
}

/// The same, where `n` was itself estimated from as many clusters.
pub(super) fn wilson_clustered(share: f64, n: f64, clusters: f64) -> Interval {
    match clusters < 2.0 {
        true => Interval { low: 0.0, high: 1.0 },
        false => score(share, n, student_quantile((1.0 - CONFIDENCE) / 2.0, clusters - 1.0)),
    }
}

fn score(share: f64, n: f64, z: f64) -> Interval {
    let square = z * z;
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = z / (1.0 + square / n)
        * (share * (1.0 - share) / n + square / (4.0 * n * n)).max(0.0).sqrt();
    Interval { low: centre - half, high: centre + half }
        .holding(share, Some(Interval { low: 0.0, high: 1.0 }))
}
