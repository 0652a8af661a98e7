//! What a lane learns, whatever calls end how and when: it counts its calls, its width keeps to the
//! cap, every wait has an end, and one call at a time tries.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use runner::call::estimate::Expected;
use runner::pace::adaptive::{Level, Start};
use runner::pace::headroom::{Headroom, Left, Mark};
use runner::pace::permits::{Permit, Permits};
use runner::pace::pilot::Pilot;
use runner::pace::tokens::Need;
use runner::pace::verdict::{Obstacle, Upshot, Verdict};
use std::sync::Arc;
use tokio::time::Instant;

use super::feed::Feed;

/// No wait is longer: servers ask for hours at most, and are believed that far.
const LONGEST: Duration = Duration::from_hours(24 * 400);

/// The cap, the longest outage and a seed, and then what happens.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let cap = usize::from(feed.byte()) + 1;
    let start = if feed.flag() { Start::Told } else { Start::Blind };
    let outage = Duration::from_secs(u64::from(feed.byte()) * 10);
    let mut now = Instant::now();
    let rng = StdRng::seed_from_u64(u64::from(feed.byte()));
    let mut lane = Lane {
        pilot: Pilot::new(cap, start, 0.3, outage, rng, now),
        permits: Arc::new(Permits::new(4)),
        in_flight: Vec::new(),
        ended: 0,
    };
    while !feed.is_empty() {
        match feed.byte() % 8 {
            0 => now += Duration::from_millis(u64::from(feed.number()) % 100_000),
            1 => lane.pilot.allow(feed.below(300)),
            2..=4 => lane.send(&mut feed, now),
            _ => {
                if let Upshot::GaveUp | Upshot::Closes = lane.end(&mut feed, now) {
                    return;
                }
            }
        }
        let width = lane.pilot.width();
        assert!((1..=cap).contains(&width), "{width} of {cap}");
        lane.permits.set_limit(width);
        assert_eq!(lane.pilot.in_flight(), lane.in_flight.len());
        assert_eq!(lane.pilot.counts().calls, lane.ended);
        let waits = [lane.pilot.pause(now), lane.pilot.rests(now)];
        let is_long = |until: Instant| until > now + LONGEST;
        assert!(!waits.into_iter().flatten().any(|waiting| is_long(waiting.until)));
    }
}

struct Lane {
    pilot: Pilot,
    permits: Arc<Permits>,
    in_flight: Vec<Call>,
    ended: u64,
}

struct Call {
    level: Level,
    mark: Mark,
    trial: bool,
    expected: Expected,
    _place: Permit,
}

impl Lane {
    fn send(&mut self, feed: &mut Feed<'_>, now: Instant) {
        let trials = self.in_flight.iter().filter(|call| call.trial).count();
        // Never more calls than places, however often the width changed while they were away.
        let Some(place) = self.permits.try_take() else {
            assert!(self.in_flight.len() >= self.permits.limit());
            return;
        };
        assert!(self.in_flight.len() < self.permits.limit());
        let stated = feed.flag().then(|| u64::from(feed.number()));
        let input = u64::from(feed.number()) % 2_000_000;
        let expected = Expected { input, stated_output: stated, usual_output: 500 };
        let need = self.pilot.need(expected);
        match self.pilot.obstacle(need, now) {
            Err(obstacle) => {
                let _ = self.pilot.sends_away(obstacle, now);
                match obstacle {
                    Obstacle::Wait(waiting) => {
                        assert!(waiting.until > now && waiting.until <= now + LONGEST);
                    }
                    Obstacle::Trial => assert_eq!(trials, 1),
                }
            }
            Ok(trial) => {
                assert!(!trial || trials == 0, "one tries at a time");
                self.pilot.first();
                let (level, mark) = self.pilot.sent(need, feed.flag(), now);
                self.in_flight.push(Call { level, mark, trial, expected, _place: place });
            }
        }
    }

    fn end(&mut self, feed: &mut Feed<'_>, now: Instant) -> Upshot {
        if self.in_flight.is_empty() {
            return Upshot::None;
        }
        let call = self.in_flight.swap_remove(feed.below(self.in_flight.len()));
        let asked = feed.flag().then(|| Duration::from_millis(u64::from(feed.number())));
        let verdict = match feed.byte() % 8 {
            0..=3 => Verdict::Answered,
            4 | 5 => Verdict::Refused(asked),
            6 => Verdict::Faulty(asked),
            _ => Verdict::Late,
        };
        let left = |feed: &mut Feed<'_>| Left {
            remaining: u64::from(feed.number()),
            limit: feed.flag().then(|| feed.large()),
            reset: feed.flag().then(|| Duration::from_millis(u64::from(feed.number()))),
        };
        let headroom = Headroom {
            requests: feed.flag().then(|| left(feed)),
            tokens: feed.flag().then(|| left(feed)),
            ..Headroom::default()
        };
        let used =
            feed.flag().then(|| Need { input: feed.number().into(), output: feed.number().into() });
        let is_refused = matches!(verdict, Verdict::Refused(_));
        self.pilot.counted(call.expected, used, (call.mark, &headroom, is_refused), now);
        let upshot = self.pilot.ended(call.level, call.trial, &verdict, now);
        self.pilot.landed();
        self.ended += 1;
        // Whoever tried and was refused by another of the lane's rules leaves the trial to others.
        if call.trial && self.pilot.is_trying() {
            self.pilot.untried(now);
        }
        let _ = self.pilot.may_retry();
        upshot
    }
}
