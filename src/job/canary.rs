//! The canary: a first share of every model's tasks, run before the rest is paid.

use crate::job::plan::Inner;

/// How much is run first, and how much of it may fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// Which share of every target's tasks; above 0, at most 1.
    pub share: f64,
    /// Which share of any target's canary tasks may fail; below 1. Above it the run stops.
    pub max_error_rate: f64,
}

impl Default for Canary {
    fn default() -> Self {
        Self { share: 0.02, max_error_rate: 0.1 }
    }
}

/// Which tasks of a lane are enumerated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// All of them.
    Whole,
    /// Of each target the first of this share.
    Canary(f64),
    /// Those after them.
    Rest(f64),
}

/// Deals the tasks of a lane, which come in the order of the plan, to the canary and to the rest.
#[derive(Debug)]
pub struct Dealer {
    part: Part,
    /// For each target of the plan, how many of its next tasks belong to the canary.
    left: Vec<u64>,
    /// The same of all targets together.
    sum: u64,
}

impl Dealer {
    /// Deals the tasks of this lane.
    pub fn new(plan: &Inner, lane: usize, part: Part) -> Self {
        let quota = |nth: usize| match part {
            Part::Canary(share) | Part::Rest(share) if plan.targets[nth].lane == lane => {
                first(plan.target_total(nth), share)
            }
            _ => 0,
        };
        let left: Vec<u64> = (0..plan.targets.len()).map(quota).collect();
        Self { part, sum: left.iter().sum(), left }
    }

    /// Whether the next task of this target belongs to the part.
    pub fn deals(&mut self, target: usize) -> bool {
        let is_first = self.left[target] > 0;
        self.left[target] -= u64::from(is_first);
        self.sum -= u64::from(is_first);
        match self.part {
            Part::Whole => true,
            Part::Canary(_) => is_first,
            Part::Rest(_) => !is_first,
        }
    }

    /// Whether nothing more can come, so that no further row need be read.
    pub fn is_done(&self) -> bool {
        matches!(self.part, Part::Canary(_)) && self.sum == 0
    }
}

/// How many of so many tasks a share is: one at least, where there is any.
pub fn first(tasks: u64, share: f64) -> u64 {
    /// Further apart are a product and a whole number that are not meant to be the same: 0.1 times
    /// 30 is a little above 3.
    const NEAR: f64 = 1e-9;
    let exact = tasks as f64 * share;
    let whole = exact.round();
    let is_whole = (exact - whole).abs() <= NEAR * whole.max(1.0);
    let count = if is_whole { whole } else { exact.ceil() };
    (count as u64).max(1).min(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_and_never_by_the_dust_of_a_product() {
        for (tasks, share, count) in [
            (0, 0.5, 0),
            (1, 0.001, 1),
            (30, 0.1, 3),
            (31, 0.1, 4),
            (1_000_000, 0.02, 20_000),
            (7, 1.0, 7),
            (3, 0.999, 3),
        ] {
            assert_eq!(first(tasks, share), count, "{share} of {tasks}");
        }
    }
}
