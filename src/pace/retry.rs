//! Whether to try again, and when. The schedule is `backoff`'s; this is the only file that knows
//! that crate.
//!
//! `backoff` is unmaintained (RUSTSEC-2025-0012), so no more of it is used than its arithmetic:
//! `ExponentialBackoff` gives the upper ends of the intervals. Classes of failure, the waits that
//! servers ask for and full jitter are ours.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use rand::{Rng, RngExt as _};

use crate::call::failure::{Failure, Remedy};

/// How often an attempt is made again, and how long is waited in between.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included; at least 1.
    pub max_attempts: u32,
    /// The longest first wait.
    pub initial: Duration,
    /// The longest wait of the schedule. What a server asks for may be longer.
    pub max: Duration,
    /// Retries while a large part of the calls fails, as a share of the calls.
    pub budget: f64,
    /// How long a provider may be away before its other tasks are skipped.
    pub max_outage: Duration,
}

impl Default for RetryPolicy {
    /// Ten attempts, so that one task in 10⁷ is lost when every fifth call fails.
    fn default() -> Self {
        Self {
            max_attempts: 10,
            initial: Duration::from_millis(500),
            max: Duration::from_mins(1),
            budget: 0.1,
            max_outage: Duration::from_mins(3),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after the `attempt`th failed attempt (from 1), or `None` to give up.
    ///
    /// Full jitter: anything between nothing and the schedule's interval, so that calls which
    /// failed together do not come back together. What the server asked for is added below it.
    pub fn next(&self, attempt: u32, failure: &Failure, rng: &mut impl Rng) -> Option<Duration> {
        let attempts = match failure.remedy() {
            Remedy::Retry => self.max_attempts,
            Remedy::RetryOnce => self.max_attempts.min(2),
            Remedy::GiveUp | Remedy::CloseLane => 1,
        };
        if attempt >= attempts {
            return None;
        }
        let jitter = self.interval(attempt).mul_f64(rng.random::<f64>());
        match failure.retry_after {
            // The lane as a whole waits for what the server asked; the task adds only enough to
            // keep company from arriving in one instant.
            Some(asked) => Some(asked + jitter.min(Duration::from_millis(250))),
            None => Some(jitter),
        }
    }

    /// The schedule's interval after the `attempt`th attempt, without jitter.
    fn interval(&self, attempt: u32) -> Duration {
        let mut schedule = ExponentialBackoff {
            current_interval: self.initial,
            initial_interval: self.initial,
            max_interval: self.max,
            multiplier: 2.0,
            randomization_factor: 0.0,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        let mut interval = self.initial;
        for _ in 0..attempt.min(64) {
            interval = schedule.next_backoff().unwrap_or(self.max);
        }
        interval.min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;
    use crate::call::failure::FailureKind;

    #[test]
    fn the_schedule_doubles_up_to_its_end() {
        let policy = RetryPolicy::default();
        let seconds: Vec<f64> = (1..=10).map(|n| policy.interval(n).as_secs_f64()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]);
    }

    #[test]
    fn a_wait_is_jittered_within_its_interval() {
        let policy = RetryPolicy::default();
        let mut rng = StdRng::seed_from_u64(7);
        let failure = Failure::new(FailureKind::InternalServer, "boom");
        let waits: Vec<Duration> =
            (0..1000).filter_map(|_| policy.next(3, &failure, &mut rng)).collect();
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(2)));
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(200)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(1800)));
    }

    #[test]
    fn what_the_server_asks_for_is_waited_in_full() {
        let policy = RetryPolicy { max: Duration::from_secs(1), ..RetryPolicy::default() };
        let mut rng = StdRng::seed_from_u64(7);
        let mut failure = Failure::new(FailureKind::RateLimit, "slow down");
        failure.retry_after = Some(Duration::from_secs(90));
        for _ in 0..100 {
            let wait = policy.next(1, &failure, &mut rng).expect("it is tried again");
            assert!(wait >= Duration::from_secs(90) && wait < Duration::from_secs(91));
        }
    }

    #[test]
    fn what_cannot_help_is_not_done() {
        let policy = RetryPolicy::default();
        let mut rng = StdRng::seed_from_u64(7);
        let mut next = |attempt, kind| policy.next(attempt, &Failure::new(kind, ""), &mut rng);
        assert_eq!(next(1, FailureKind::BadRequest), None);
        assert_eq!(next(1, FailureKind::QuotaExceeded), None);
        assert!(next(1, FailureKind::ApiResponseValidation).is_some());
        assert_eq!(next(2, FailureKind::ApiResponseValidation), None);
        assert!(next(9, FailureKind::Timeout).is_some());
        assert_eq!(next(10, FailureKind::Timeout), None);
    }
}
