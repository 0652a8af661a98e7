//! One limit of tokens: a bucket that spreads them, and the minute that it must never overfill.

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::tokens::minute::{LENGTH, Minute};

/// The bucket holds what comes in within this time. Providers let about a second's worth burst, and
/// whoever comes a little late for his turn loses nothing.
const BURST: Duration = Duration::from_secs(1);

/// What is given back may go at once, up to so many times the burst.
const GIVEN_BACK: f64 = 1.0;

/// A longer wait is none that anybody waits for; it keeps the sums of times within their range.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// Each refusal lowers the rate by this share, up to [`MOST_SLACK`]: the provider counts more than
/// is reserved, or others use the same limit. Calm takes it away again.
const SLACK: f64 = 0.015;
const MOST_SLACK: f64 = 0.2;
/// So many calls in a row without a refusal are calm.
const CALM: u32 = 150;
/// Refusals this close together are one.
const EPISODE: Duration = Duration::from_secs(1);

/// Differences below this come from counting in binary fractions.
const DUST: f64 = 1e-6;

/// One limit.
#[derive(Debug)]
pub(super) struct Bucket {
    per_minute: f64,
    per_second: f64,
    capacity: f64,
    level: f64,
    at: Instant,
    minute: Minute,
    slack: f64,
    calm: u32,
    refused: Option<Instant>,
}

impl Bucket {
    /// A full bucket. Its rate leaves room in a minute for the burst at its start, so that a steady
    /// stream never has to wait for the minute.
    pub(super) fn new(per_minute: f64, now: Instant) -> Self {
        let capacity = (per_minute / 60.0 * BURST.as_secs_f64()).max(1.0);
        let per_second = (per_minute - capacity).max(per_minute / 2.0) / LENGTH.as_secs_f64();
        let minute = Minute::default();
        let (slack, calm, refused) = (0.0, 0, None);
        let level = capacity;
        Self { per_minute, per_second, capacity, level, at: now, minute, slack, calm, refused }
    }

    /// How long until `need` may go. One that is larger than the bucket goes when the bucket is
    /// full, and leaves a debt that those behind it wait for; one that is larger than the limit has
    /// the minute before it for itself as well.
    pub(super) fn wait(&mut self, need: f64, now: Instant) -> Duration {
        self.refill(now);
        let lacking = need.min(self.capacity) - self.level;
        let by_bucket = if lacking <= DUST {
            Duration::ZERO
        } else {
            let wait = (lacking / self.rate()).min(LONGEST.as_secs_f64());
            Duration::from_secs_f64(wait) + Duration::from_micros(1)
        };
        let room = self.per_minute - need.min(self.per_minute) + DUST;
        let until = self.minute.holds_at_most(room, now);
        by_bucket.max(until.saturating_duration_since(now))
    }

    /// Takes `need`, which may go now.
    pub(super) fn take(&mut self, need: f64, now: Instant) {
        self.level -= need;
        self.minute.add(need, now);
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.slack = (self.slack - SLACK / 2.0).max(0.0);
        }
    }

    /// Gives back what was reserved at the time `taken` and not used, or takes what was used beyond
    /// it.
    pub(super) fn settle(&mut self, reserved: f64, used: f64, taken: Instant, now: Instant) {
        self.refill(now);
        let most = reserved.max(self.capacity * GIVEN_BACK).max(self.level);
        self.level = (self.level + reserved - used).min(most);
        self.minute.correct(used - reserved, taken);
    }

    /// Lowers the rate by a little, once for all refusals that come together.
    pub(super) fn refused(&mut self, now: Instant) {
        if self.refused.is_some_and(|last| now < last + EPISODE) {
            return;
        }
        self.refill(now);
        self.refused = Some(now);
        self.calm = 0;
        self.slack = (self.slack + SLACK).min(MOST_SLACK);
    }

    fn rate(&self) -> f64 {
        self.per_second * (1.0 - self.slack)
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let filled = (self.level + passed * self.rate()).min(self.capacity);
        self.level = self.level.max(filled);
        self.at = now;
    }
}
