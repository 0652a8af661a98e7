//! Whether a provider is there at all: opens on a run of failures, lets single calls try, closes
//! when one is answered, and gives up when it has been away for too long. No clock inside.

use std::time::Duration;

use tokio::time::Instant;

/// A run of so many failures, with no answer between them, opens it.
const RUN: u32 = 8;

/// The first rest before a call may try; it doubles with each that fails.
const FIRST_REST: Duration = Duration::from_secs(2);

/// The longest rest.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// So many answers, and more of them than failures, end an outage for good. One answer in a storm
/// does not.
const RECOVERED: u32 = 10;

/// Whether a call may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// It may.
    Pass,
    /// It may, as the one that tries whether the provider is back.
    Try,
    /// It may ask again then.
    Wait(Instant),
    /// One call is trying; it may ask again when that has ended.
    WaitForTrial,
}

/// What changed with a call's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// The provider is away; the next call tries then.
    Opened(Instant),
    /// The provider is back.
    Closed,
    /// It was away for too long.
    GaveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open(Instant),
    Trying,
}

/// A circuit breaker for one lane.
#[derive(Debug)]
pub struct Breaker {
    phase: Phase,
    /// Failures since the last answer.
    run: u32,
    rests: u32,
    /// When the outage began; it lasts until the lane has recovered.
    since: Option<Instant>,
    answered: u32,
    failed: u32,
    max_outage: Duration,
    opened: u64,
}

impl Breaker {
    /// A breaker that gives a provider up that has been away for this long.
    pub fn new(max_outage: Duration) -> Self {
        Self {
            phase: Phase::Closed,
            run: 0,
            rests: 0,
            since: None,
            answered: 0,
            failed: 0,
            max_outage,
            opened: 0,
        }
    }

    /// How often it opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Until when no call may try, if the provider is away.
    pub fn rests(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Open(until) if until > now => Some(until),
            Phase::Closed | Phase::Open(_) | Phase::Trying => None,
        }
    }

    /// Whether a single call tries now.
    pub fn is_trying(&self) -> bool {
        self.phase == Phase::Trying
    }

    /// Whether a call may be sent now. Whoever is allowed to try must tell how it ended, or that
    /// it was given up.
    pub fn allow(&mut self, now: Instant) -> Allow {
        match self.phase {
            Phase::Closed => Allow::Pass,
            Phase::Open(until) if until > now => Allow::Wait(until),
            Phase::Open(_) => {
                self.phase = Phase::Trying;
                Allow::Try
            }
            Phase::Trying => Allow::WaitForTrial,
        }
    }

    /// The provider answered, were it with a refusal.
    pub fn answered(&mut self) -> Change {
        self.run = 0;
        self.answered += 1;
        if self.answered >= RECOVERED && self.answered > self.failed {
            (self.since, self.rests) = (None, 0);
        }
        if self.phase == Phase::Closed {
            return Change::None;
        }
        self.phase = Phase::Closed;
        (self.answered, self.failed) = (0, 0);
        Change::Closed
    }

    /// A call failed as if the provider were away. `trial` is whether it was the one that tried.
    pub fn failed(&mut self, trial: bool, now: Instant) -> Change {
        self.run += 1;
        self.failed += 1;
        let since = *self.since.get_or_insert(now);
        match self.phase {
            Phase::Closed if self.run >= RUN => {}
            Phase::Trying if trial => {}
            // Those that were sent before it opened tell nothing new.
            Phase::Closed | Phase::Open(_) | Phase::Trying => return Change::None,
        }
        let end = since + self.max_outage;
        if now >= end && self.rests > 0 {
            return Change::GaveUp;
        }
        let rest = FIRST_REST.saturating_mul(1 << self.rests.min(8)).min(LONGEST_REST);
        self.rests += 1;
        self.opened += 1;
        (self.answered, self.failed) = (0, 0);
        // The last try comes when the time is over, and not long before it.
        let until = if now + rest < end { now + rest } else { end.max(now + FIRST_REST) };
        self.phase = Phase::Open(until);
        Change::Opened(until)
    }

    /// The call that tried was given up before its outcome was known: another one may try.
    pub fn untried(&mut self, now: Instant) {
        if self.phase == Phase::Trying {
            self.phase = Phase::Open(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// An endpoint that fails always: calls until it is given up, and how long that takes.
    fn dead(max_outage: Duration) -> (u32, Duration) {
        let start = Instant::now();
        let mut breaker = Breaker::new(max_outage);
        let (mut now, mut calls) = (start, 0);
        loop {
            let trial = match breaker.allow(now) {
                Allow::Pass => false,
                Allow::Try => true,
                Allow::Wait(until) => {
                    now = until;
                    continue;
                }
                Allow::WaitForTrial => unreachable!("one at a time"),
            };
            calls += 1;
            if breaker.failed(trial, now) == Change::GaveUp {
                return (calls, now - start);
            }
        }
    }

    #[test]
    fn a_dead_endpoint_costs_few_calls() {
        let (calls, took) = dead(Duration::from_mins(3));
        assert!(calls <= 16, "{calls}");
        assert_eq!(took, Duration::from_mins(3));
        assert!(dead(Duration::from_hours(1)).0 < 80);
    }

    #[test]
    fn one_answer_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Duration::from_mins(3));
        for _ in 0..RUN {
            assert_eq!(breaker.allow(now), Allow::Pass);
            breaker.failed(false, now);
        }
        assert_eq!(breaker.allow(now), Allow::Wait(now + FIRST_REST));
        assert_eq!(breaker.allow(now + 3 * SECOND), Allow::Try);
        assert_eq!(breaker.allow(now + 3 * SECOND), Allow::WaitForTrial);
        assert_eq!(breaker.answered(), Change::Closed);
        assert_eq!(breaker.allow(now + 3 * SECOND), Allow::Pass);
    }

    #[test]
    fn a_storm_with_single_answers_is_an_outage_all_the_same() {
        let mut now = Instant::now();
        let end = now + Duration::from_mins(30);
        let mut breaker = Breaker::new(Duration::from_mins(3));
        let mut calls = 0_u32;
        while now < end {
            let trial = match breaker.allow(now) {
                Allow::Wait(until) => {
                    now = until;
                    continue;
                }
                allow => allow == Allow::Try,
            };
            calls += 1;
            now += SECOND / 10;
            // Every ninth call is answered.
            if calls.is_multiple_of(9) {
                breaker.answered();
            } else if breaker.failed(trial, now) == Change::GaveUp {
                return;
            }
        }
        panic!("it never gave up");
    }

    #[test]
    fn a_trial_that_was_given_up_leaves_its_place_to_another() {
        let now = Instant::now();
        let mut breaker = Breaker::new(Duration::from_mins(3));
        (0..RUN).for_each(|_| {
            breaker.failed(false, now);
        });
        assert_eq!(breaker.allow(now + 3 * SECOND), Allow::Try);
        breaker.untried(now + 3 * SECOND);
        assert_eq!(breaker.allow(now + 3 * SECOND), Allow::Try);
    }
}
