//! What would have come of other prompts: the prompts at hand, drawn again and again.
//!
//! Prompts are drawn whole, with all their repeats, because repeats of one prompt resemble each
//! other. The seed is fixed, so the same scores always give the same interval.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

use crate::eval::stats::interval::Interval;

/// Up to so many prompts an interval is drawn; beyond, a formula gives the same to within what
/// drawing leaves to chance, in a hundredth of the time. A test holds the two together there.
pub(super) const MOST: usize = 2_000;
/// One less than a round number: then the 50th from either end cuts off exactly 2.5 %.
const RESAMPLES: usize = 1_999;
const CUT: usize = 49;
/// The generator is named, not the default one, so that figures outlive a new version of it.
const SEED: u64 = 0x7275_6e6e_6572;

/// One prompt: how far the sum of its scores lies from what the mean promises, and how many they
/// are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub residual: f64,
    pub n: f64,
}

/// The 95 % interval of a mean: each resample's distance from it in its own standard errors, then
/// read the other way around (the bootstrap-t of Efron and Tibshirani 1993, chapter 12). `error`
/// is the standard error of the mean. `None` where resamples are too alike to tell.
pub(super) fn studentized(shares: &[Share], mean: f64, error: f64) -> Option<Interval> {
    let mut draw = Draw::new(shares.len());
    let mut distances: Vec<f64> = (0..RESAMPLES).map(|_| draw.distance(shares)).collect();
    distances.sort_unstable_by(f64::total_cmp);
    let (low, high) = (distances[CUT], distances[RESAMPLES - 1 - CUT]);
    let interval = Interval { low: mean - high * error, high: mean - low * error };
    (interval.low.is_finite() && interval.high.is_finite()).then_some(interval)
}

/// The middle 95 % of the means of resamples.
pub(super) fn percentile(values: &[f64]) -> Interval {
    let mut draw = Draw::new(values.len());
    let mean = |draw: &mut Draw| {
        (0..values.len()).map(|_| values[draw.index()]).sum::<f64>() / values.len() as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| mean(&mut draw)).collect();
    means.sort_unstable_by(f64::total_cmp);
    Interval { low: means[CUT], high: means[RESAMPLES - 1 - CUT] }
}

/// Draws prompts, with putting back.
struct Draw {
    random: Xoshiro256PlusPlus,
    prompts: u64,
}

impl Draw {
    fn new(prompts: usize) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(SEED), prompts: prompts as u64 }
    }

    fn index(&mut self) -> usize {
        // Scaling 32 bits favours a prompt over another by less than one in two million.
        (((self.random.next_u64() >> 32) * self.prompts) >> 32) as usize
    }

    /// How far one resample's mean lies from the mean, in the resample's own standard errors.
    fn distance(&mut self, shares: &[Share]) -> f64 {
        let (mut sum, mut n, mut squares, mut cross, mut sizes) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for _ in 0..shares.len() {
            let share = shares[self.index()];
            sum += share.residual;
            n += share.n;
            squares += share.residual * share.residual;
            cross += share.residual * share.n;
            sizes += share.n * share.n;
        }
        let shift = sum / n;
        let spread = squares - 2.0 * shift * cross + shift * shift * sizes;
        // What rounding leaves of equal residuals is no spread.
        if spread <= squares * 1e-12 {
            return if shift == 0.0 { 0.0 } else { shift.signum() * f64::INFINITY };
        }
        let prompts = shares.len() as f64;
        sum / (spread * prompts / (prompts - 1.0)).sqrt()
    }
}
