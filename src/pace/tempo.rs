//! A pace that was learned from refusals, where a provider takes fewer calls in a time than the job
//! states or than anybody stated.
//!
//! Single refusals are noise: clocks differ, and some providers refuse a few calls whatever the
//! pace. Many are a limit: from then on calls are spaced by what the provider was seen to take,
//! and the pace rises again along the same curve as the width.

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::curve::{Beat, Curve, KEPT};
use crate::pace::recent::Recent;

/// A part of the last calls that is refused by chance, or because others use the same limit, and
/// is not worth slowing down for.
const CHANCE: f64 = 0.1;

/// The last calls that are looked at, and how few refusals among them tell nothing.
const LOOKED_AT: usize = 100;
const ENOUGH: usize = 8;

/// So few calls say nothing of a pace.
const FEW: u32 = 5;

/// Fewer calls than this are hardly all that a window takes.
const MANY: u32 = 30;

/// Calls are counted over this many seconds at the least.
const SHORTEST: f64 = 0.05;

/// Seconds until it is tried again where calls are counted in a window of a minute: whether it was
/// too much is not seen soon.
const WINDOW_PLATEAU: f64 = 30.0;

/// Whoever takes nothing for this long counts calls in a window.
const WINDOW: Duration = Duration::from_secs(5);

/// Whether a provider that asks for this wait counts calls in a window of a minute.
pub fn is_window(asked: Duration) -> bool {
    asked >= WINDOW && asked <= Duration::from_mins(1)
}

/// Seconds until a pace that was too much is tried again.
const PLATEAU: f64 = 10.0;

/// The slowest pace that is learned, in calls a second; a longer silence is a pause's or a
/// breaker's work.
const SLOWEST: f64 = 1.0 / 60.0;

/// A pace that grew to this many times what was learned is forgotten: it was an episode.
const FAR_ABOVE: f64 = 8.0;

/// The learned pace of one lane.
#[derive(Debug)]
pub struct Tempo {
    curve: Option<Curve>,
    /// What was learned, in calls a second.
    learned: f64,
    plateau: f64,
    /// When that was, and the calls that were taken since.
    since: Instant,
    since_cut: u32,
    next: Instant,
    /// Whether anybody waited for it since the last answer.
    used: bool,
    /// Whether each of the last calls was refused.
    recent: Recent,
    taken: Minute,
    beat: Beat,
    slowest: Option<f64>,
    /// What was taken before a time without any answers, and since when.
    dry: Option<Dry>,
}

/// A time in which nothing is taken.
#[derive(Clone, Copy, Debug)]
struct Dry {
    /// What was taken in the minute before.
    taken: u32,
    /// When that minute began, or the first call was made.
    since: Instant,
    began: Instant,
}

impl Tempo {
    /// Nothing is learned yet.
    pub fn new(now: Instant) -> Self {
        Self {
            curve: None,
            learned: 0.0,
            plateau: PLATEAU,
            since: now,
            since_cut: 0,
            next: now,
            used: false,
            recent: Recent::new(LOOKED_AT),
            taken: Minute::new(now),
            beat: Beat::new(now),
            slowest: None,
            dry: None,
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
        self.since_cut += 1;
        self.look(false);
        let step = self.beat.step(now);
        let Some(curve) = &mut self.curve else { return };
        if std::mem::take(&mut self.used) {
            curve.grow(step);
        }
        if curve.now() > FAR_ABOVE * self.learned {
            self.curve = None;
        }
    }

    /// The provider takes no calls any more. So many are still in flight, which it took.
    pub fn dry(&mut self, in_flight: usize, now: Instant) {
        let (taken, span) = self.taken.all(now);
        self.dry = Some(Dry { taken: taken + in_flight as u32, since: now - span, began: now });
    }

    /// The provider takes calls again after a dry time: what it took in the minute before is what
    /// it takes in the time from there to now.
    pub fn wet(&mut self, now: Instant) {
        let Some(Dry { taken, since, began }) = self.dry.take() else { return };
        if now.saturating_duration_since(began) < WINDOW {
            return;
        }
        let span = now.saturating_duration_since(since).as_secs_f64();
        let seen = f64::from(taken) / span.max(1.0);
        if self.curve.is_none_or(|curve| seen < curve.now()) {
            self.begin(seen, WINDOW_PLATEAU, now);
        }
    }

    /// The provider refused a call for its pace, for the first time after an answer, and may have
    /// asked to wait. So many others are in flight.
    pub fn refused(&mut self, asked: Option<Duration>, in_flight: usize, now: Instant) {
        let asked = asked.unwrap_or_default();
        let (taken, span) = self.taken.all(now);
        let mut plateau = self.plateau;
        let ceiling = match &self.curve {
            // A window that begins anew after the wait has taken all that it takes.
            None if is_window(asked) && taken >= MANY => {
                plateau = WINDOW_PLATEAU;
                let span = (span + asked).as_secs_f64().clamp(1.0, 60.0);
                (f64::from(taken) + in_flight as f64) / span
            }
            _ if !self.is_limit() => return,
            None => self.taken.last_minute(now),
            Some(curve) => {
                let before = curve.now();
                let passed = now.saturating_duration_since(self.since).as_secs_f64();
                // What was taken since the last cut says by how much this one was too much; where
                // that is hardly anything, it only came too soon.
                match self.since_cut >= FEW && passed >= 1.0 {
                    true => (f64::from(self.since_cut) / passed).clamp(before / 2.0, before * 0.98),
                    false => before * KEPT,
                }
            }
        };
        self.begin(ceiling, plateau, now);
        // Nothing is taken while the lane waits.
        self.since = now + asked;
    }

    /// Counts a call that ended, and whether it was refused.
    pub fn look(&mut self, refused: bool) {
        self.recent.saw(refused);
    }

    fn is_limit(&self) -> bool {
        self.recent.hits() >= ENOUGH && self.recent.reaches(CHANCE)
    }

    fn begin(&mut self, ceiling: f64, plateau: f64, now: Instant) {
        let ceiling = ceiling.max(SLOWEST);
        (self.since, self.since_cut) = (now, 0);
        (self.learned, self.plateau) = (ceiling, plateau);
        self.curve = Some(Curve::new(ceiling * KEPT, ceiling, plateau));
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

    /// What was taken in the last minute, and how long that is, if the beginning is nearer.
    fn all(&mut self, now: Instant) -> (u32, Duration) {
        self.turn(now);
        let age = now.saturating_duration_since(self.start);
        (self.bins.iter().sum(), age.min(Duration::from_mins(1)))
    }

    /// What was taken a second, over the last minute or since the beginning.
    fn last_minute(&mut self, now: Instant) -> f64 {
        let (taken, _) = self.all(now);
        let age = now.saturating_duration_since(self.start).as_secs_f64();
        // The newest second has only begun.
        let length = (self.second.min(59) as f64 + age.fract()).min(age);
        f64::from(taken) / length.max(SHORTEST)
    }
}
