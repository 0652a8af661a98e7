//! Limits that the built-in provider enforces, as buckets that fill steadily.
//!
//! A bucket of requests holds a second's worth (or `burst`), a bucket of tokens a whole minute's, and
//! one of a day's requests the whole day's. A request is let in only if every bucket has enough for
//! it; otherwise none of them gives anything away.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Differences below this come from adding fractions of a request in binary.
const DUST: f64 = 1e-6;

/// The limits of the built-in provider, by the names that a job's limits have; none when left out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests per second.
    #[schemars(range(min = 1))]
    pub rps: Option<u64>,
    /// Requests per minute.
    #[schemars(range(min = 1))]
    pub rpm: Option<u64>,
    /// Requests per day.
    #[schemars(range(min = 1))]
    pub rpd: Option<u64>,
    /// Tokens per minute, in and out.
    #[schemars(range(min = 1))]
    pub tpm: Option<u64>,
    /// Input tokens per minute.
    #[schemars(range(min = 1))]
    pub itpm: Option<u64>,
    /// Output tokens per minute.
    #[schemars(range(min = 1))]
    pub otpm: Option<u64>,
    /// Requests at a time.
    #[schemars(range(min = 1))]
    pub concurrency: Option<u64>,
    /// Requests of `rps` and `rpm` that may come at once; a second's worth when left out.
    #[schemars(range(min = 1))]
    pub burst: Option<u64>,
}

impl Limits {
    /// Every limit that lets nothing through: its key, and what to write instead.
    pub(super) fn faults(&self) -> Vec<(String, String)> {
        let all = [
            ("rps", self.rps),
            ("rpm", self.rpm),
            ("rpd", self.rpd),
            ("tpm", self.tpm),
            ("itpm", self.itpm),
            ("otpm", self.otpm),
            ("concurrency", self.concurrency),
            ("burst", self.burst),
        ];
        let zero = all.into_iter().filter(|(_, limit)| *limit == Some(0));
        let message = "is 0, which lets nothing through; write 1 or more, or leave it out";
        zero.map(|(name, _)| (format!("limits.{name}"), message.to_owned())).collect()
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
}

/// What a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens in and out.
    Tokens,
    /// Tokens in.
    InputTokens,
    /// Tokens out.
    OutputTokens,
}

impl Unit {
    fn amount(self, tokens: Tokens) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Tokens => tokens.input + tokens.output,
            Self::InputTokens => tokens.input,
            Self::OutputTokens => tokens.output,
        }
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Barred {
    /// A limit is used up for now.
    Spent {
        /// The limit's name, as error messages write it.
        name: &'static str,
        /// What it counts.
        unit: Unit,
        /// How many it allows.
        limit: u64,
        /// How many this request needs.
        requested: u64,
        /// How long until there is enough for it.
        wait: Duration,
    },
    /// The request needs more than the limit ever allows.
    TooLarge {
        /// The limit's name, as error messages write it.
        name: &'static str,
        /// How many it allows.
        limit: u64,
        /// How many this request needs.
        requested: u64,
    },
    /// Too many requests at a time.
    Crowded {
        /// How many may be in flight.
        limit: u64,
    },
}

/// How full a bucket is, for the `x-ratelimit-*` headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The limit.
    pub limit: u64,
    /// What can be used at once.
    pub remaining: u64,
    /// How long until the bucket is full again.
    pub reset: Duration,
}

/// The turnstile at the provider's door.
#[derive(Debug)]
pub struct Turnstile {
    buckets: Vec<Bucket>,
    concurrency: Option<u64>,
}

impl Turnstile {
    /// A turnstile with full buckets.
    pub fn new(limits: &Limits, now: Instant) -> Self {
        let burst = limits.burst;
        let worth = |limit: u64, per: Duration| burst.unwrap_or(limit / per.as_secs()).max(1);
        let all = [
            ("requests per sec (RPS)", Unit::Requests, limits.rps, SECOND, None),
            ("requests per min (RPM)", Unit::Requests, limits.rpm, MINUTE, None),
            ("requests per day (RPD)", Unit::Requests, limits.rpd, DAY, limits.rpd),
            ("tokens per min (TPM)", Unit::Tokens, limits.tpm, MINUTE, limits.tpm),
            ("input tokens per min (ITPM)", Unit::InputTokens, limits.itpm, MINUTE, limits.itpm),
            ("output tokens per min (OTPM)", Unit::OutputTokens, limits.otpm, MINUTE, limits.otpm),
        ];
        let buckets = all.into_iter().filter_map(|(name, unit, limit, per, capacity)| {
            let limit = limit?;
            let capacity = capacity.unwrap_or_else(|| worth(limit, per)) as f64;
            let per_second = limit as f64 / per.as_secs_f64();
            Some(Bucket { name, unit, limit, per_second, capacity, level: capacity, at: now })
        });
        Self { buckets: buckets.collect(), concurrency: limits.concurrency }
    }

    /// Lets a request in and takes what it costs from every bucket, or says what bars it.
    pub fn enter(&mut self, now: Instant, tokens: Tokens, in_flight: u64) -> Result<(), Barred> {
        if let Some(limit) = self.concurrency
            && in_flight >= limit
        {
            return Err(Barred::Crowded { limit });
        }
        // Of several limits that bar it, the one to tell is that with the longest wait.
        let mut longest: Option<(Duration, Barred)> = None;
        for bucket in &mut self.buckets {
            bucket.fill(now);
            if let Some((wait, barred)) = bucket.bars(tokens)
                && longest.is_none_or(|(other, _)| wait > other)
            {
                longest = Some((wait, barred));
            }
        }
        if let Some((_, barred)) = longest {
            return Err(barred);
        }
        for bucket in &mut self.buckets {
            bucket.level -= bucket.unit.amount(tokens) as f64;
        }
        Ok(())
    }

    /// The levels for the headers: of requests and of tokens, each where it is tightest.
    pub fn levels(&mut self, now: Instant) -> (Option<Level>, Option<Level>) {
        self.buckets.iter_mut().for_each(|bucket| bucket.fill(now));
        let tightest = |requests: bool| {
            let those = self.buckets.iter().filter(|b| (b.unit == Unit::Requests) == requests);
            those.min_by(|a, b| a.share().total_cmp(&b.share())).map(Bucket::shown)
        };
        (tightest(true), tightest(false))
    }
}

#[derive(Debug)]
struct Bucket {
    name: &'static str,
    unit: Unit,
    limit: u64,
    per_second: f64,
    capacity: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn fill(&mut self, now: Instant) {
        let gained = now.duration_since(self.at).as_secs_f64() * self.per_second;
        self.level = (self.level + gained).min(self.capacity);
        self.at = now;
    }

    fn bars(&self, tokens: Tokens) -> Option<(Duration, Barred)> {
        let Self { name, unit, limit, .. } = *self;
        let requested = unit.amount(tokens);
        let amount = requested as f64;
        if amount > self.capacity {
            return Some((Duration::MAX, Barred::TooLarge { name, limit, requested }));
        }
        if amount <= self.level + DUST {
            return None;
        }
        let wait = self.until(amount);
        Some((wait, Barred::Spent { name, unit, limit, requested, wait }))
    }

    fn until(&self, level: f64) -> Duration {
        Duration::from_secs_f64((level - self.level).max(0.0) / self.per_second)
    }

    fn share(&self) -> f64 {
        self.level / self.capacity
    }

    fn shown(&self) -> Level {
        let remaining = (self.level + DUST).floor().max(0.0) as u64;
        Level { limit: self.limit, remaining, reset: self.until(self.capacity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(entered: Result<(), Barred>) -> Duration {
        match entered {
            Err(Barred::Spent { wait, .. }) => wait,
            other => panic!("{other:?}"),
        }
    }

    fn millis_near(duration: Duration, millis: u64) -> bool {
        duration.abs_diff(Duration::from_millis(millis)) < Duration::from_millis(1)
    }

    #[test]
    fn a_second_of_requests_may_come_at_once_and_then_at_their_rate() {
        let start = Instant::now();
        let limits = Limits { rpm: Some(300), ..Limits::default() };
        let mut door = Turnstile::new(&limits, start);
        let none = Tokens::default();
        for _ in 0..5 {
            assert_eq!(door.enter(start, none, 0), Ok(()));
        }
        assert!(millis_near(wait(door.enter(start, none, 0)), 200));
        let mut let_in = 0;
        for millis in 0..60_000 {
            let now = start + Duration::from_millis(millis);
            let_in += u64::from(door.enter(now, none, 0).is_ok());
        }
        assert_eq!(let_in, 299);
        let day = start + DAY;
        let level = door.levels(day).0.expect("a limit of requests");
        assert_eq!(level, Level { limit: 300, remaining: 5, reset: Duration::ZERO });
    }

    #[test]
    fn tokens_are_counted_by_the_minute_and_a_request_beyond_it_never_passes() {
        let start = Instant::now();
        let limits = Limits { tpm: Some(600), otpm: Some(100), ..Limits::default() };
        let mut door = Turnstile::new(&limits, start);
        assert_eq!(door.enter(start, Tokens { input: 500, output: 40 }, 0), Ok(()));
        // Both limits bar this one; that of tokens bars it for longer.
        assert!(millis_near(wait(door.enter(start, Tokens { input: 100, output: 61 }, 0)), 10_100));
        let (requests, tokens) = door.levels(start);
        assert_eq!((requests, tokens.expect("a limit of tokens").remaining), (None, 60));
        assert_eq!(
            door.enter(start, Tokens { input: 600, output: 1 }, 0),
            Err(Barred::TooLarge { name: "tokens per min (TPM)", limit: 600, requested: 601 })
        );
    }

    #[test]
    fn what_is_barred_by_one_limit_costs_nothing_at_the_others() {
        let start = Instant::now();
        let limits = Limits { rpm: Some(60), tpm: Some(10), ..Limits::default() };
        let mut door = Turnstile::new(&limits, start);
        let large = Tokens { input: 11, output: 0 };
        assert!(door.enter(start, large, 0).is_err());
        assert_eq!(door.enter(start, Tokens { input: 10, output: 0 }, 0), Ok(()));
    }

    #[test]
    fn only_so_many_are_in_flight() {
        let limits = Limits { concurrency: Some(2), ..Limits::default() };
        let start = Instant::now();
        let mut door = Turnstile::new(&limits, start);
        assert_eq!(door.enter(start, Tokens::default(), 1), Ok(()));
        assert_eq!(door.enter(start, Tokens::default(), 2), Err(Barred::Crowded { limit: 2 }));
    }
}
