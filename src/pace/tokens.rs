//! Tokens per minute: a bucket with reserve, settle and debt.
//!
//! governor cannot do this: a request above the burst would never pass, and nothing can be given
//! back. Whoever is first in line asks [`Tokens::take`] and waits; so a large request is never
//! starved behind small ones.

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::Limits;

/// The bucket holds what comes in within this time. Providers let about a second's worth burst.
const BURST: Duration = Duration::from_secs(1);

/// A longer wait is none that anybody waits for; it keeps the sums of times within their range.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Tokens that a call is going to count against its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Input tokens, estimated before the call and counted after it.
    pub input: u64,
    /// Output tokens: the most allowed before the call, those that came after it.
    pub output: u64,
}

/// Which tokens a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// `tpm`: both sides.
    All,
    /// `itpm`.
    Input,
    /// `otpm`.
    Output,
}

impl Counted {
    fn of(self, need: Need) -> f64 {
        let tokens = match self {
            Self::All => need.input.saturating_add(need.output),
            Self::Input => need.input,
            Self::Output => need.output,
        };
        tokens as f64
    }
}

/// The token limits of one scope. All of them are taken in one step or not at all.
#[derive(Debug)]
pub struct Tokens {
    buckets: Vec<(Counted, Bucket)>,
}

impl Tokens {
    /// The token limits among `limits`; `None` when there is none.
    pub fn new(limits: &Limits, now: Instant) -> Option<Self> {
        let stated = [
            (Counted::All, limits.tokens_per_minute),
            (Counted::Input, limits.input_tokens_per_minute),
            (Counted::Output, limits.output_tokens_per_minute),
        ];
        let bucket = |(counted, limit): (Counted, Option<u64>)| {
            Some((counted, Bucket::new(limit? as f64, now)))
        };
        let buckets: Vec<_> = stated.into_iter().filter_map(bucket).collect();
        (!buckets.is_empty()).then_some(Self { buckets })
    }

    /// Which bucket is the last to have `need`, and when; `None` when all of them have it now.
    pub fn lacks(&mut self, need: Need, now: Instant) -> Option<(Counted, Instant)> {
        let waits = self
            .buckets
            .iter_mut()
            .map(|(counted, bucket)| (*counted, bucket.wait(counted.of(need), now)));
        let (counted, wait) = waits.max_by_key(|(_, wait)| *wait)?;
        (!wait.is_zero()).then(|| (counted, now + wait))
    }

    /// Takes `need` from every bucket, or from none and says which is the last to have it and when.
    pub fn take(&mut self, need: Need, now: Instant) -> Result<(), (Counted, Instant)> {
        if let Some(lack) = self.lacks(need, now) {
            return Err(lack);
        }
        for (counted, bucket) in &mut self.buckets {
            bucket.level -= counted.of(need);
        }
        Ok(())
    }

    /// Gives back what was reserved beyond what was used, or takes what was used beyond it.
    pub fn settle(&mut self, reserved: Need, used: Need, now: Instant) {
        for (counted, bucket) in &mut self.buckets {
            bucket.refill(now);
            bucket.level += counted.of(reserved) - counted.of(used);
        }
    }
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    /// A bucket that never lets more than `per_minute` tokens into a minute: what it holds at the
    /// start of the minute and what comes in during it.
    fn new(per_minute: f64, now: Instant) -> Self {
        let capacity = (per_minute / 60.0 * BURST.as_secs_f64()).max(1.0);
        let per_second = ((per_minute - capacity) / 60.0).max(per_minute / 120.0);
        Self { per_second, capacity, level: capacity, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.capacity);
        self.at = now;
    }

    /// How long until `need` may go. One that is larger than the bucket goes when the bucket is
    /// full, and leaves a debt that those behind it wait for.
    fn wait(&mut self, need: f64, now: Instant) -> Duration {
        self.refill(now);
        let lacking = need.min(self.capacity) - self.level;
        if lacking <= 1e-6 {
            return Duration::ZERO;
        }
        let wait = (lacking / self.per_second).min(LONGEST.as_secs_f64());
        Duration::from_secs_f64(wait) + Duration::from_micros(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(per_minute: u64) -> Tokens {
        let limits = Limits { tokens_per_minute: Some(per_minute), ..Limits::default() };
        Tokens::new(&limits, Instant::now()).expect("there is a limit")
    }

    fn need(input: u64, output: u64) -> Need {
        Need { input, output }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_larger_than_the_bucket_goes_alone_and_is_paid_for_after() {
        let mut tokens = tokens(6000);
        let start = Instant::now();
        assert!(tokens.take(need(1000, 1000), start).is_ok());
        let (counted, until) = tokens.take(need(10, 0), start).expect_err("there is a debt");
        assert_eq!(counted, Counted::All);
        let wait = (until - start).as_secs_f64();
        assert!((19.0..21.0).contains(&wait), "{wait}");
        assert!(tokens.take(need(10, 0), until).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_used_is_given_back() {
        let mut tokens = tokens(6000);
        let now = Instant::now();
        assert!(tokens.take(need(10, 90), now).is_ok());
        assert!(tokens.take(need(10, 80), now).is_err());
        tokens.settle(need(10, 90), need(10, 0), now);
        assert!(tokens.take(need(10, 80), now).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn all_limits_are_taken_or_none() {
        let limits = Limits {
            input_tokens_per_minute: Some(6000),
            output_tokens_per_minute: Some(600),
            ..Limits::default()
        };
        let now = Instant::now();
        let mut tokens = Tokens::new(&limits, now).expect("limits");
        assert!(tokens.take(need(50, 10), now).is_ok());
        assert_eq!(
            tokens.take(need(50, 10), now).map_err(|(counted, _)| counted),
            Err(Counted::Output)
        );
        assert!(tokens.take(need(50, 0), now).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_holds_more_than_the_limit() {
        let mut tokens = tokens(60_000);
        let start = Instant::now();
        let mut now = start;
        let mut sent = 0;
        while now < start + Duration::from_mins(1) {
            match tokens.take(need(70, 30), now) {
                Ok(()) => sent += 100,
                Err((_, until)) => now = until,
            }
        }
        assert!((58_000..=60_000).contains(&sent), "{sent}");
    }
}
