//! The retry budget: while a large part of the calls fails, retries may be only a small share of
//! the calls, so that they do not make the storm worse.
//!
//! In calm weather every failure is tried again: a fault in five calls costs a quarter more calls
//! and loses nothing. Whether it storms is seen from the last calls of the lane.

use crate::pace::recent::Recent;

/// The calls that are looked at.
const LOOKED_AT: usize = 200;

/// Fewer calls tell nothing.
const ENOUGH: usize = 50;

/// It storms when this part of them failed. A fifth is far from it, by chance too.
const STORMY: f64 = 0.35;

/// What a lane's calls and retries came to.
#[derive(Debug)]
pub struct Storm {
    share: f64,
    /// Whether each of the last calls failed.
    recent: Recent,
    firsts: u64,
    retries: u64,
    denied: u64,
}

impl Storm {
    /// A budget of this share of the calls.
    pub fn new(share: f64) -> Self {
        Self { share, recent: Recent::new(LOOKED_AT), firsts: 0, retries: 0, denied: 0 }
    }

    /// A task makes its first call.
    pub fn first(&mut self) {
        self.firsts += 1;
    }

    /// A call ended: whether it failed as if the provider were faulty.
    pub fn saw(&mut self, failed: bool) {
        self.recent.saw(failed);
    }

    /// Whether most calls fail.
    pub fn rages(&self) -> bool {
        self.recent.calls() >= ENOUGH && self.recent.reaches(STORMY)
    }

    /// Whether a failed call may be made again; if so, that is counted.
    pub fn may_retry(&mut self) -> bool {
        let within = (self.retries + 1) as f64 <= self.firsts as f64 * self.share;
        let may = within || !self.rages();
        self.retries += u64::from(may);
        self.denied += u64::from(!may);
        may
    }

    /// How many retries were denied.
    pub fn denied(&self) -> u64 {
        self.denied
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// Calls for each task, and the share of the tasks that are given up, of 5,000 whose every call
    /// fails with this chance.
    fn weather(chance: f64, seed: u64) -> (f64, f64) {
        const TASKS: u32 = 5000;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut storm = Storm::new(0.1);
        let (mut calls, mut lost) = (0, 0);
        for _ in 0..TASKS {
            storm.first();
            loop {
                calls += 1;
                let failed = rng.random_bool(chance);
                storm.saw(failed);
                if !failed {
                    break;
                }
                if !storm.may_retry() {
                    lost += 1;
                    break;
                }
            }
        }
        (f64::from(calls) / f64::from(TASKS), f64::from(lost) / f64::from(TASKS))
    }

    #[test]
    fn a_storm_is_not_made_worse_and_calm_weather_loses_nothing() {
        for seed in 0..20 {
            assert!(weather(0.2, seed).1 <= 0.0);
            for chance in [0.5, 0.7, 0.9, 1.0] {
                let (calls, _) = weather(chance, seed);
                assert!(calls <= 1.1, "{chance}: {calls}");
            }
        }
    }
}
