//! The canary: a first share of every model's tasks, run before the rest is paid.

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
