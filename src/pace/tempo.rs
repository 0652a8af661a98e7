//! A pace that was learned from refusals, where a provider takes fewer calls in a time than the job
//! states or than anybody stated.
//!
//! A single refusal is noise: clocks differ, and a request that travels long arrives close to the
//! next. Several are a limit: from then on calls are spaced by what the provider was seen to take,
//! and the pace rises again along the same curve as the width.

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::curve::{Curve, KEPT};

/// So many refusals, with no calm between them, are a limit.
const STRIKES: u32 = 3;

/// So many answers in a row take one strike away.
const CALM: u32 = 50;

/// Seconds until a pace that was too much is tried again.
const PLATEAU: f64 = 10.0;

/// The slowest pace that is learned, in calls a second; a longer silence is a pause's or a
/// breaker's work.
const SLOWEST: f64 = 1.0 / 60.0;

/// A learned pace this many times above what is used holds nobody back, and is forgotten.
const FAR_ABOVE: f64 = 8.0;

/// The longest time between two answers that counts as use.
const LONGEST_STEP: f64 = 5.0;

/// The learned pace of one lane.
#[derive(Debug)]
pub struct Tempo {
    curve: Option<Curve>,
    next: Instant,
    /// Whether anybody waited for it since the last answer.
    used: bool,
    /// Calls up to this one were sent before the last cut.
    cut_at: u64,
    strikes: u32,
    calm: u32,
    taken: Minute,
    last_ok: Instant,
    slowest: Option<f64>,
}

impl Tempo {
    /// Nothing is learned yet.
    pub fn new(now: Instant) -> Self {
        Self {
            curve: None,
            next: now,
            used: false,
            cut_at: 0,
            strikes: 0,
            calm: 0,
            taken: Minute::new(now),
            last_ok: now,
            slowest: None,
        }
    }

    /// When the next call may be sent, if that is not now.
    pub fn wait(&mut self, now: Instant) -> Option<Instant> {
        let waits = self.curve.is_some() && self.next > now;
        self.used |= waits;
        waits.then_some(self.next)
    }

    /// A call is sent.
    pub fn sent(&mut self, now: Instant) {
        if let Some(curve) = &self.curve {
            let apart = Duration::from_secs_f64(1.0 / curve.now().max(SLOWEST));
            self.next = self.next.max(now) + apart;
        }
    }

    /// The provider took a call.
    pub fn ok(&mut self, now: Instant) {
        self.taken.note(now);
        self.calm += 1;
        if self.calm >= CALM {
            (self.strikes, self.calm) = (self.strikes.saturating_sub(1), 0);
        }
        let step = now.saturating_duration_since(self.last_ok).as_secs_f64().min(LONGEST_STEP);
        self.last_ok = now;
        let Some(curve) = &mut self.curve else { return };
        if std::mem::take(&mut self.used) {
            curve.grow(step);
        }
        if curve.now() > FAR_ABOVE * self.taken.per_second(60, now) {
            self.curve = None;
        }
    }

    /// The provider refused call `serial`, the newest of which is `newest`, for its pace.
    pub fn refused(&mut self, serial: u64, newest: u64, now: Instant) {
        self.calm = 0;
        if serial <= self.cut_at {
            return;
        }
        self.cut_at = newest;
        self.strikes += 1;
        let ceiling = match &self.curve {
            None if self.strikes < STRIKES => return,
            None => self.taken.per_second(60, now),
            Some(curve) => {
                let before = curve.now();
                self.taken.per_second(10, now).clamp(before / 2.0, before * 0.98)
            }
        };
        let ceiling = ceiling.max(SLOWEST);
        self.curve = Some(Curve::new(ceiling * KEPT, ceiling, PLATEAU));
        self.slowest = Some(self.slowest.map_or(ceiling, |slowest| slowest.min(ceiling)));
        self.next = now + Duration::from_secs_f64(1.0 / ceiling);
    }

    /// The learned pace now, in calls a minute; `None` where none holds.
    pub fn per_minute(&self) -> Option<f64> {
        self.curve.as_ref().map(|curve| curve.now() * 60.0)
    }

    /// The slowest pace that was ever learned, in calls a minute.
    pub fn slowest_per_minute(&self) -> Option<f64> {
        self.slowest.map(|slowest| slowest * 60.0)
    }
}

/// Calls that were taken in each of the last 60 seconds.
#[derive(Debug)]
struct Minute {
    start: Instant,
    second: u64,
    bins: [u32; 60],
}

impl Minute {
    fn new(now: Instant) -> Self {
        Self { start: now, second: 0, bins: [0; 60] }
    }

    fn turn(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.start).as_secs();
        for passed in self.second + 1..=second.min(self.second + 60) {
            self.bins[(passed % 60) as usize] = 0;
        }
        self.second = self.second.max(second);
    }

    fn note(&mut self, now: Instant) {
        self.turn(now);
        self.bins[(self.second % 60) as usize] += 1;
    }

    /// What was taken a second, over the last `seconds` or since the beginning.
    fn per_second(&mut self, seconds: u64, now: Instant) -> f64 {
        self.turn(now);
        let age = now.saturating_duration_since(self.start).as_secs_f64();
        let whole = self.second.min(seconds - 1);
        let bins = (0..=whole).map(|back| self.bins[((self.second - back) % 60) as usize]);
        let taken: u32 = bins.sum();
        // The newest second has only begun.
        let length = (whole as f64 + age.fract()).min(age).max(1.0);
        f64::from(taken) / length
    }
}
