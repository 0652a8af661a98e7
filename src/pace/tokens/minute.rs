//! What was taken in the last minute.
//!
//! A bucket alone keeps no minute below its limit: a request that is larger than it goes when it is
//! full, behind almost a minute's worth of small ones.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Servers count arrivals, not sends: a minute is taken to be half a percent longer.
pub(super) const LENGTH: Duration = Duration::from_millis(60_300);

/// What is taken within this time is counted as one, so that a minute is a short list.
const GRAIN: Duration = Duration::from_millis(50);

/// What was taken in the last minute, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Minute {
    takes: VecDeque<Takes>,
}

#[derive(Debug)]
struct Takes {
    first: Instant,
    last: Instant,
    tokens: f64,
}

impl Minute {
    /// Adds what is taken now.
    pub(super) fn add(&mut self, tokens: f64, now: Instant) {
        match self.takes.back_mut().filter(|takes| now < takes.first + GRAIN) {
            Some(takes) => {
                takes.last = now;
                takes.tokens += tokens;
            }
            None => self.takes.push_back(Takes { first: now, last: now, tokens }),
        }
    }

    /// Corrects what was taken at this time by what was used beyond it, or less than it.
    pub(super) fn correct(&mut self, more: f64, taken: Instant) {
        let place = self.takes.partition_point(|takes| takes.first <= taken);
        // What is older than the minute counts no more.
        if let Some(takes) = place.checked_sub(1).and_then(|place| self.takes.get_mut(place)) {
            takes.tokens = (takes.tokens + more).max(0.0);
        }
    }

    /// When the minute holds no more than `room`: `now`, or later when enough has left it.
    pub(super) fn holds_at_most(&mut self, room: f64, now: Instant) -> Instant {
        while self.takes.front().is_some_and(|takes| takes.last + LENGTH <= now) {
            self.takes.pop_front();
        }
        let mut held: f64 = self.takes.iter().map(|takes| takes.tokens).sum();
        let mut until = now;
        for takes in &self.takes {
            if held <= room {
                break;
            }
            held -= takes.tokens;
            until = takes.last + LENGTH;
        }
        until
    }
}
