//! How many calls a lane has in flight: slow start, one cut for an episode of refusals, recovery.
//!
//! What a provider takes is found by refusals (429), never by latency: slow models are slow for
//! reasons of their own. Faults do not narrow the lane, they stop its growth; answers that do not
//! come in time narrow it too. Width that is not used does not grow.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::pace::curve::{Beat, Curve, KEPT};

/// Calls in flight before anything is known of a provider. A wrong key or a dead address costs no
/// more calls than this before the first answer.
pub const FIRST: usize = 4;

/// The most calls that a lane has in flight where nobody states another cap.
pub const USUAL_CAP: usize = 256;

/// Growth by more than this for an answer is a leap.
const LEAP: f64 = 1.0;

/// Seconds until a width that was too much is tried again.
const PLATEAU: f64 = 8.0;

/// So many refusals among so many calls in a row are no chance: some providers refuse one call in
/// twenty whatever the pace, and no narrower lane would help.
const SEVERAL: usize = 4;
const IN_A_ROW: u64 = 20;

/// Two refusals that pause the lane belong together when no more calls than this lie between.
const APART: u64 = 200;

/// So many calls that were taken with as many in flight as one that is refused clear the width of
/// it, out of so many that are looked at.
const PROOF: usize = 3;
const LEVELS: usize = 64;

/// Answers without growth for each fault, so that growth stops when a third of the calls fail.
const SKIPPED_PER_FAULT: usize = 2;

/// The same where answers did not come in time, which takes long to be seen.
const LATE_PLATEAU: f64 = 120.0;

/// The part of the width that is left when answers do not come in time.
const KEPT_WHEN_LATE: f64 = 0.7;

/// A refusal with fewer calls in flight than this part of what was taken a moment ago is not for
/// the width's sake.
const CLEARLY_FEWER: f64 = 0.8;

/// Where a call stood when it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// Its number among the lane's calls.
    pub serial: u64,
    /// Calls in flight, this one among them.
    pub in_flight: usize,
    /// Whether the lane was as wide as it was allowed to be.
    used: bool,
    /// Whether it waited for a limit on requests or tokens first.
    paced: bool,
}

impl Level {
    /// Whether the call waited for a stated limit on requests or tokens before it was sent.
    pub fn is_paced(self) -> bool {
        self.paced
    }
}

/// What a refusal blames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// Too many calls at once: the width was cut.
    Width,
    /// Too many calls in a time.
    Rate,
    /// It belongs to an episode that was answered with a cut already.
    Known,
    /// Nothing, as yet: a single refusal may be chance.
    Chance,
}

/// The width of one lane.
#[derive(Debug)]
pub struct Adaptive {
    cap: usize,
    width: f64,
    growth: Growth,
    serial: u64,
    /// Calls up to this one were sent before the last cut.
    cut_at: u64,
    /// The most calls in flight since the last cut.
    peak: usize,
    /// No episode cuts below this.
    floor: f64,
    skip: usize,
    /// The last calls that were refused.
    refusals: VecDeque<Level>,
    /// Calls in flight with the last ones that were taken since.
    levels: VecDeque<usize>,
    /// The last leap, as long as no call that was sent after it was answered.
    leap: Option<Leap>,
    /// Seconds until what was too much at the last cut is tried again.
    plateau: f64,
    beat: Beat,
    taken: Taken,
    cuts: u64,
    widest: usize,
}

/// A growth by more than the answers so far speak for.
#[derive(Clone, Copy, Debug)]
struct Leap {
    /// Calls up to this one were sent before it.
    after: u64,
    from: f64,
}

#[derive(Debug)]
enum Growth {
    /// So many more for each answer: the width doubles in a round trip, or more.
    Start(f64),
    Along(Curve),
}

/// How a lane begins to grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nobody knows anything: the width doubles with each round of answers.
    Blind,
    /// The job states how many calls the provider takes, at once or in a time, in which case the
    /// pace is kept and too wide a lane does no harm: it is as wide as it may be after one answer.
    Told,
}

impl Adaptive {
    /// A lane that may be as wide as `cap`, before its first call.
    pub fn new(cap: usize, start: Start, now: Instant) -> Self {
        let cap = cap.max(1);
        let step = match start {
            Start::Blind => 1.0,
            Start::Told => cap as f64,
        };
        Self {
            cap,
            width: FIRST.min(cap) as f64,
            growth: Growth::Start(step),
            serial: 0,
            cut_at: 0,
            peak: 0,
            floor: 1.0,
            skip: 0,
            refusals: VecDeque::with_capacity(SEVERAL),
            levels: VecDeque::new(),
            leap: None,
            plateau: PLATEAU,
            beat: Beat::new(now),
            taken: Taken { since: now, before: 0, lately: 0 },
            cuts: 0,
            widest: FIRST.min(cap),
        }
    }

    /// Calls that may be in flight now.
    pub fn width(&self) -> usize {
        (self.width as usize).clamp(1, self.cap)
    }

    /// The widest that it ever was, and how often it was cut.
    pub fn history(&self) -> (usize, u64) {
        (self.widest, self.cuts)
    }

    /// The number of the newest call.
    pub fn newest(&self) -> u64 {
        self.serial
    }

    /// A call is sent with so many in flight, where `allowed` are allowed.
    pub fn sent(&mut self, in_flight: usize, allowed: usize, paced: bool) -> Level {
        self.serial += 1;
        self.peak = self.peak.max(in_flight);
        let used = in_flight as f64 >= allowed as f64 * KEPT;
        Level { serial: self.serial, in_flight, used, paced }
    }

    /// The provider took the call and answered it.
    pub fn ok(&mut self, level: Level, now: Instant) {
        if level.serial > self.cut_at {
            self.taken.note(level.in_flight, now);
        }
        if self.refusals.back().is_some_and(|refused| level.serial > refused.serial) {
            self.levels.truncate(LEVELS - 1);
            self.levels.push_front(level.in_flight);
        }
        let step = self.beat.step(now);
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        // Whoever was told the width waits for one answer, whichever of the first calls it is to.
        let is_told = matches!(self.growth, Growth::Start(step) if step > 1.0);
        if !level.used && !is_told {
            return;
        }
        self.leap = self.leap.take().filter(|leap| level.serial <= leap.after);
        match &mut self.growth {
            Growth::Start(step) => {
                let from = self.width;
                self.width = (from + *step).min(self.cap as f64);
                if self.width > from + LEAP {
                    self.leap = Some(Leap { after: self.serial, from });
                }
            }
            Growth::Along(curve) => {
                curve.grow(step);
                // Never faster than in slow start, however long an answer takes.
                self.width = curve.now().min(self.width + 1.0).max(self.width);
            }
        }
        self.width = self.width.min(self.cap as f64);
        self.widest = self.widest.max(self.width());
    }

    /// The provider refused the call, because there are too many. `asked` is whether it asked to
    /// wait, and `in_window` whether as one that counts calls in a time.
    pub fn refused(&mut self, level: Level, asked: bool, in_window: bool, now: Instant) -> Blame {
        if level.serial <= self.cut_at {
            self.refine(level);
            return Blame::Known;
        }
        if !in_window && self.is_chance(level, asked) {
            return Blame::Chance;
        }
        let taken = self.taken.most(now) as f64;
        let few = (level.in_flight as f64) < taken * CLEARLY_FEWER;
        let used = self.peak as f64 >= self.width * KEPT;
        if in_window || level.paced || !used || few || level.in_flight <= 1 {
            return Blame::Rate;
        }
        // Whoever leapt to what the job states knows only where the leap began.
        self.floor = self.leap.take().map_or(self.width / 2.0, |leap| leap.from).max(1.0);
        self.cut(level.in_flight as f64 * KEPT, level.in_flight as f64 - 1.0, PLATEAU);
        Blame::Width
    }

    /// Whether a refusal may be chance, by those before it. Where each of them pauses the lane, they
    /// come one by one: then two in a row at the full width are enough.
    fn is_chance(&mut self, level: Level, asked: bool) -> bool {
        let last = self.refusals.back().copied();
        if self.refusals.len() == SEVERAL {
            self.refusals.pop_front();
        }
        self.refusals.push_back(level);
        let near = |other: Level, calls| level.serial.abs_diff(other.serial) <= calls;
        let first = self.refusals.front().filter(|_| self.refusals.len() == SEVERAL);
        let in_a_row = first.is_some_and(|first| near(*first, IN_A_ROW));
        let at_the_top = last.is_some_and(|last| last.used && level.used && near(last, APART));
        // As many in flight were taken since, so that it is not for their number.
        let was_taken = self.levels.iter().filter(|taken| **taken >= level.in_flight).count();
        self.levels.clear();
        let at_the_top = at_the_top && was_taken < PROOF;
        !(in_a_row || asked && at_the_top)
    }

    /// A refusal of the same episode may tell that fewer were too many already; it is no new cut.
    fn refine(&mut self, level: Level) {
        let Growth::Along(curve) = &self.growth else { return };
        let least = level.in_flight as f64 * KEPT;
        if least < self.width && curve.now() <= self.width + 1.0 {
            self.narrow(least, level.in_flight as f64 - 1.0);
        }
    }

    fn cut(&mut self, least: f64, ceiling: f64, plateau: f64) {
        (self.cut_at, self.peak) = (self.serial, 0);
        self.cuts += 1;
        self.plateau = plateau;
        self.narrow(least.min(self.width * 0.95), ceiling);
    }

    fn narrow(&mut self, least: f64, ceiling: f64) {
        self.width = least.max(self.floor).max(1.0);
        self.growth = Growth::Along(Curve::new(self.width, ceiling.max(self.width), self.plateau));
    }

    /// The provider was faulty: growth stops for a while.
    pub fn troubled(&mut self, level: Level) {
        // Those that were sent before a cut were answered with it.
        if level.serial <= self.cut_at {
            return;
        }
        self.skip = (self.skip + SKIPPED_PER_FAULT).min(2 * self.width());
    }

    /// The provider was too late: growth stops, and where the lane was as wide as it may be, that
    /// may be why.
    pub fn late(&mut self, level: Level) {
        self.troubled(level);
        if level.used && level.serial > self.cut_at {
            self.floor = 1.0;
            let ceiling = self.width * KEPT;
            self.cut(self.width * KEPT_WHEN_LATE, ceiling, LATE_PLATEAU);
        }
    }

    /// The provider is back after an outage: the lane begins anew.
    pub fn restart(&mut self, now: Instant) {
        // A lane that had not come back yet aims at what it aimed at before.
        let before = match &self.growth {
            Growth::Start(_) => self.width,
            Growth::Along(curve) => curve.ceiling().max(self.width),
        };
        self.width = FIRST.min(self.cap) as f64;
        self.growth = Growth::Along(Curve::new(self.width, before * KEPT_WHEN_LATE, self.plateau));
        (self.cut_at, self.peak) = (self.serial, 0);
        self.skip = 0;
        self.taken.forget(now);
    }
}

/// The most calls in flight that were taken lately.
#[derive(Debug)]
struct Taken {
    since: Instant,
    before: usize,
    lately: usize,
}

/// How many seconds are lately.
const LATELY: f64 = 10.0;

impl Taken {
    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        if passed > LATELY {
            self.before = if passed > 2.0 * LATELY { 0 } else { self.lately };
            (self.lately, self.since) = (0, now);
        }
    }

    fn note(&mut self, in_flight: usize, now: Instant) {
        self.turn(now);
        self.lately = self.lately.max(in_flight);
    }

    fn most(&mut self, now: Instant) -> usize {
        self.turn(now);
        self.before.max(self.lately)
    }

    fn forget(&mut self, now: Instant) {
        *self = Self { since: now, before: 0, lately: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends calls until the lane is as wide as it may be, to a server of so many slots that refuses
    /// the others at once: those that it took.
    fn crowd(adaptive: &mut Adaptive, slots: usize, now: Instant) -> Vec<Level> {
        let mut taken = Vec::new();
        let sent: Vec<Level> = (1..=adaptive.width())
            .map(|in_flight| adaptive.sent(in_flight, adaptive.width(), false))
            .collect();
        for level in sent {
            if level.in_flight <= slots {
                taken.push(level);
            } else {
                adaptive.refused(level, false, false, now);
            }
        }
        taken
    }

    #[test]
    fn any_of_the_first_answers_lets_a_lane_be_as_wide_as_it_was_told() {
        let now = Instant::now();
        let mut adaptive = Adaptive::new(128, Start::Told, now);
        let first = adaptive.sent(1, 4, false);
        for in_flight in 2..=4 {
            adaptive.sent(in_flight, 4, false);
        }
        adaptive.ok(first, now);
        assert_eq!(adaptive.width(), 128);
    }

    #[test]
    fn a_leap_beyond_what_the_provider_takes_is_taken_back_at_once() {
        let now = Instant::now();
        let mut adaptive = Adaptive::new(128, Start::Told, now);
        // Some of the first calls are answered after the leap that the first of them allows.
        crowd(&mut adaptive, 37, now).into_iter().for_each(|level| adaptive.ok(level, now));
        assert_eq!(adaptive.width(), 128);
        let taken = crowd(&mut adaptive, 37, now);
        assert_eq!((taken.len(), adaptive.history().1), (37, 1));
        assert!((30..=37).contains(&adaptive.width()), "{}", adaptive.width());
    }

    #[test]
    fn a_width_that_was_used_is_at_most_halved_by_an_episode() {
        let now = Instant::now();
        let mut adaptive = Adaptive::new(64, Start::Told, now);
        for _ in 0..3 {
            crowd(&mut adaptive, 64, now).into_iter().for_each(|level| adaptive.ok(level, now));
        }
        // Later, for a refusal right after so many were taken is not for the width's sake.
        let later = now + std::time::Duration::from_mins(1);
        crowd(&mut adaptive, 3, later);
        assert_eq!((adaptive.width(), adaptive.history().1), (32, 1));
    }
}
