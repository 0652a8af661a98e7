//! Could the differences of pairs be chance? Under chance each difference is as likely to point up
//! as down, so the test turns signs around and counts how often as much or more comes of it.
//!
//! Where all differences have one size, as with answers that are right or wrong, the count has a
//! closed form: `McNemar`'s exact test. Else all ways to turn up to 20 signs are counted, up to 1,000
//! signs many ways at random, and beyond a normal curve tells the same.
//!
//! Why these. Over 200 equal pairs, one-sided at 0.05, `McNemar`'s exact test gives 3.9 % false alarms
//! (4.6 % over 1,000), its mid-p form and the normal curve 5.0 %: on the mark, so that every second
//! series of 1,000 pairs would count more than 5 %. The price is small: a drop from 0.9 to 0.8 is
//! found in 86 of 100 cases instead of 89, a drop of 10 points among prompts that differ in
//! difficulty in 87 instead of 90. Graded scores leave no such choice: the count is exact.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

use crate::eval::stats::curves::{binomial_at_most, normal_tail};

/// Up to so many differences that are not 0, every way to turn their signs is counted: a million.
const ALL_WAYS: usize = 20;
/// Up to so many, this takes some milliseconds; beyond, the curve is off by less than [`WAYS`] are.
const SOME_WAYS: usize = 1_000;
/// How many ways are drawn: a p-value of 0.05 is told to within 0.002.
const WAYS: u32 = 9_999;
/// Two sums this close, relative to the differences, are the same up to rounding.
const ROUNDING: f64 = 1e-9;

/// How likely chance is to do as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// At least as far down.
    pub down: f64,
    /// At least as far up.
    pub up: f64,
}

impl Tails {
    /// At least as far either way.
    pub fn both(self) -> f64 {
        (2.0 * self.down.min(self.up)).min(1.0)
    }
}

/// The chances of the sum of these differences, or one further out.
pub fn sign_test(differences: &[f64]) -> Tails {
    let moved: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let largest = moved.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    if moved.iter().all(|d| largest - d.abs() <= largest * ROUNDING) {
        return one_size(&moved);
    }
    match moved.len() {
        n if n <= ALL_WAYS => all_ways(&moved, largest),
        n if n <= SOME_WAYS => some_ways(&moved, largest),
        _ => curve(&moved),
    }
}

/// `McNemar`'s exact test: the differing pairs are throws of a fair coin.
fn one_size(moved: &[f64]) -> Tails {
    let n = moved.len() as u64;
    let up = moved.iter().filter(|d| **d > 0.0).count() as u64;
    Tails { down: binomial_at_most(up, n, 0.5), up: binomial_at_most(n - up, n, 0.5) }
}

fn all_ways(moved: &[f64], largest: f64) -> Tails {
    let mut count = Count::new(moved, largest);
    let mut signs: Vec<f64> = moved.to_vec();
    let mut sum: f64 = moved.iter().sum();
    let ways = 1_u32 << moved.len();
    count.see(sum);
    for way in 1..ways {
        // Gray's code turns one sign at a time.
        let turned = way.trailing_zeros() as usize;
        signs[turned] = -signs[turned];
        sum += 2.0 * signs[turned];
        count.see(sum);
    }
    count.out_of(ways)
}

fn some_ways(moved: &[f64], largest: f64) -> Tails {
    let mut count = Count::new(moved, largest);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0x5163_6e73);
    count.see(moved.iter().sum());
    for _ in 0..WAYS {
        let mut sum = 0.0;
        for signs in moved.chunks(64) {
            let mut bits = random.next_u64();
            for d in signs {
                // The top bit of a double is its sign.
                sum += f64::from_bits(d.to_bits() ^ (bits & 1) << 63);
                bits >>= 1;
            }
        }
        count.see(sum);
    }
    count.out_of(WAYS + 1)
}

fn curve(moved: &[f64]) -> Tails {
    let z = moved.iter().sum::<f64>() / moved.iter().map(|d| d * d).sum::<f64>().sqrt();
    Tails { down: normal_tail(-z), up: normal_tail(z) }
}

/// How many sums lie as far out as the one seen.
struct Count {
    seen: f64,
    slack: f64,
    down: u32,
    up: u32,
}

impl Count {
    fn new(moved: &[f64], largest: f64) -> Self {
        Self { seen: moved.iter().sum(), slack: largest * ROUNDING, down: 0, up: 0 }
    }

    fn see(&mut self, sum: f64) {
        self.down += u32::from(sum <= self.seen + self.slack);
        self.up += u32::from(sum >= self.seen - self.slack);
    }

    fn out_of(self, ways: u32) -> Tails {
        let share = |count: u32| f64::from(count) / f64::from(ways);
        Tails { down: share(self.down), up: share(self.up) }
    }
}
