//! What one lane has learned of its provider, and what it does about the end of each call. Pure:
//! the gate hands in the time and does the waiting.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::call::estimate::Expected;
use crate::call::failure::FailureKind;
use crate::pace::adaptive::{Adaptive, Blame, Level, Start};
use crate::pace::breaker::{Allow, Breaker, Change};
use crate::pace::headroom::{Credit, Headroom, Learned, Mark};
use crate::pace::rate::{Waiting, Why};
use crate::pace::storm::Storm;
use crate::pace::tempo::{self, Tempo};
use crate::pace::tokens::Need;
use crate::pace::usage::Seen;
use crate::pace::verdict::{Obstacle, Upshot, Verdict};

/// The first rest of a lane that is refused again and again, and told nothing; it doubles.
const FIRST_REST: Duration = Duration::from_millis(500);

/// The longest such rest: a window of a minute is found open in time.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// The most output that is reserved for a call that states no maximum, before any was seen.
const UNKNOWN_OUTPUT: u64 = 512;

/// Where there is a fallback, a provider that asks for a longer wait than this is not waited for.
pub const WORTH_WAITING: Duration = Duration::from_secs(5);

/// So many rounds of refusals, with no answer between them, let only single calls through.
const ROUNDS: u32 = 2;

/// What one lane has learned.
#[derive(Debug)]
pub struct Pilot {
    adaptive: Adaptive,
    tempo: Tempo,
    breaker: Breaker,
    storm: Storm,
    credit: Credit,
    seen: Seen,
    /// Whether the headers tell what is left of the tokens.
    told_tokens: bool,
    rng: StdRng,
    pause: Option<Waiting>,
    /// What asked for the pause, and what the last fault was.
    asked_by: FailureKind,
    fault: FailureKind,
    in_flight: usize,
    /// The run's share that this lane may use of its width.
    allowance: usize,
    /// Calls up to this one were sent before the provider was back.
    back_at: u64,
    rounds: Rounds,
    ever_answered: bool,
    max_outage: Duration,
    counts: Counts,
}

/// Rounds of refusals with no answer between them.
#[derive(Debug, Default)]
struct Rounds {
    count: u32,
    /// Calls up to this one belong to rounds that were counted.
    mark: u64,
    since: Option<Instant>,
}

/// What happened on a lane, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Calls that ended.
    pub calls: u64,
    /// Calls that were refused because there were too many.
    pub refused: u64,
    /// Calls that failed as if the provider were faulty.
    pub faulty: u64,
}

impl Pilot {
    /// A lane before its first call.
    pub fn new(
        cap: usize,
        start: Start,
        share: f64,
        max_outage: Duration,
        rng: StdRng,
        now: Instant,
    ) -> Self {
        Self {
            adaptive: Adaptive::new(cap, start, now),
            tempo: Tempo::new(now),
            breaker: Breaker::new(max_outage),
            storm: Storm::new(share),
            credit: Credit::new(),
            seen: Seen::default(),
            told_tokens: false,
            rng,
            pause: None,
            asked_by: FailureKind::RateLimit,
            fault: FailureKind::ServiceUnavailable,
            in_flight: 0,
            allowance: usize::MAX,
            back_at: 0,
            rounds: Rounds::default(),
            ever_answered: false,
            max_outage,
            counts: Counts::default(),
        }
    }

    /// Calls that may be in flight now.
    pub fn width(&self) -> usize {
        let single = self.rounds.count >= ROUNDS;
        if single { 1 } else { self.adaptive.width().min(self.allowance).max(1) }
    }

    /// The width that the lane could use, were it alone.
    pub fn wish(&self) -> usize {
        self.adaptive.width()
    }

    /// Sets the run's share for this lane.
    pub fn allow(&mut self, places: usize) {
        self.allowance = places.max(1);
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What stands between a call and its send now. `Ok` is whether the call is the one that tries
    /// whether the provider is back; its end must be told with [`Pilot::ended`], or
    /// [`Pilot::untried`].
    pub fn obstacle(&mut self, need: Need, now: Instant) -> Result<bool, Obstacle> {
        if let Some(pause) = self.pause(now) {
            return Err(Obstacle::Wait(pause));
        }
        self.pause = None;
        if let Some(until) = self.tempo.wait(now) {
            return Err(Obstacle::Wait(Waiting { why: Why::Tempo, until }));
        }
        if let Some((scarce, until)) = self.credit.wait(need, now) {
            return Err(Obstacle::Wait(Waiting { why: Why::Headroom(scarce), until }));
        }
        match self.breaker.allow(now) {
            Allow::Pass => Ok(false),
            Allow::Try => Ok(true),
            Allow::Wait(until) => Err(Obstacle::Wait(Waiting { why: Why::Outage, until })),
            Allow::WaitForTrial => Err(Obstacle::Trial),
        }
    }

    /// How a call would fail if it did not wait, where another model had better be asked than waited
    /// for this: the provider is away, refuses every call or asks for a long pause. Its pace is
    /// waited for, and so are limits.
    pub fn sends_away(&self, obstacle: Obstacle, now: Instant) -> Option<FailureKind> {
        let Obstacle::Wait(Waiting { why, until }) = obstacle else { return Some(self.fault) };
        let is_long = until.saturating_duration_since(now) > WORTH_WAITING;
        match why {
            Why::Outage => Some(self.fault),
            Why::Refusals => Some(self.asked_by),
            Why::Pause => is_long.then_some(self.asked_by),
            Why::Tempo => is_long.then_some(FailureKind::RateLimit),
            Why::Requests(_) | Why::Tokens(_) | Why::Headroom(_) | Why::Rest => None,
        }
    }

    /// What to reserve for a call that is expected to use this.
    pub fn need(&self, expected: Expected) -> Need {
        let unknown = expected.usual_output.min(UNKNOWN_OUTPUT);
        self.seen.need(expected.input, expected.stated_output, unknown)
    }

    /// Whether calls must be estimated, because the provider tells what is left of its tokens.
    pub fn wants_estimates(&self) -> bool {
        self.told_tokens
    }

    /// A call is sent. `paced` is whether it waited for a stated limit first.
    pub fn sent(&mut self, need: Need, paced: bool, now: Instant) -> (Level, Mark) {
        self.tempo.sent(now);
        self.in_flight += 1;
        let level = self.adaptive.sent(self.in_flight, self.width(), paced);
        (level, self.credit.sent(need, now))
    }

    /// What the answer to a call used, and what its headers say is left.
    pub fn counted(
        &mut self,
        expected: Expected,
        used: Option<Need>,
        told: (Mark, &Headroom, bool),
        now: Instant,
    ) {
        let (mark, headroom, refused) = told;
        // A refusal uses nothing, and teaches nothing of the usual.
        if let Some(used) = used.filter(|used| *used != Need::default()) {
            self.seen.saw(expected.input, used);
        }
        if !headroom.is_empty() {
            self.told_tokens |= headroom.tokens.is_some() || headroom.input_tokens.is_some();
            self.credit.saw(mark, headroom, refused, now);
        }
    }

    /// The call that tried was given up before its outcome was known.
    pub fn untried(&mut self, now: Instant) {
        self.breaker.untried(now);
    }

    /// A call is over, whatever came of it.
    pub fn landed(&mut self) {
        self.in_flight -= 1;
    }

    /// What the end of a call tells.
    pub fn ended(&mut self, level: Level, trial: bool, verdict: &Verdict, now: Instant) -> Upshot {
        self.counts.calls += 1;
        self.storm.saw(verdict.is_faulty());
        match verdict {
            Verdict::Answered => self.answered(level, now),
            Verdict::Misled if self.ever_answered => self.answered(level, now),
            Verdict::Refused(asked) => self.refused(level, *asked, now),
            Verdict::Faulty(asked) => {
                self.fault = FailureKind::ServiceUnavailable;
                self.adaptive.troubled(level);
                self.faulty(level, trial, *asked, now)
            }
            Verdict::Late => {
                self.fault = FailureKind::Timeout;
                self.adaptive.late(level);
                self.faulty(level, trial, None, now)
            }
            Verdict::Closes | Verdict::Locks | Verdict::Misled => Upshot::Closes,
        }
    }

    fn answered(&mut self, level: Level, now: Instant) -> Upshot {
        self.ever_answered = true;
        // Calls that were sent before a refusal, and are answered after it, tell nothing of it.
        if level.serial > self.rounds.mark {
            if self.rounds.count > ROUNDS {
                self.tempo.wet(now);
            }
            self.rounds = Rounds { mark: self.rounds.mark, ..Rounds::default() };
        }
        self.tempo.ok(now);
        self.adaptive.ok(level, now);
        self.heard(now)
    }

    /// The provider is there.
    fn heard(&mut self, now: Instant) -> Upshot {
        if self.breaker.answered() == Change::Closed {
            self.adaptive.restart(now);
            self.back_at = self.adaptive.newest();
            return Upshot::Back;
        }
        Upshot::None
    }

    fn refused(&mut self, level: Level, asked: Option<Duration>, now: Instant) -> Upshot {
        self.counts.refused += 1;
        self.tempo.look(true);
        // A call that was refused although its tokens were reserved: more is reserved from now on,
        // before the pace is slowed.
        let undercounted = level.is_paced() && self.seen.charged_in_full();
        let in_window = asked.is_some_and(tempo::is_window);
        let blame = self.adaptive.refused(level, asked.is_some(), in_window, now);
        let is_new = blame == Blame::Rate && level.serial > self.rounds.mark;
        if is_new {
            // What is refused after it, with no answer between, tells nothing new of the pace.
            if self.rounds.count == 0 {
                let others = self.in_flight - 1;
                if !undercounted {
                    self.tempo.refused(asked, others, now);
                }
                self.tempo.dry(others, now);
            }
            self.rounds.count += 1;
            self.rounds.mark = self.adaptive.newest();
        }
        match asked {
            Some(wait) => {
                self.pause_until(Why::Pause, now + wait, FailureKind::RateLimit);
                // What the provider asked for is not time in which it refused.
                self.rounds.since = Some(now + wait);
            }
            None if is_new && self.rounds.count >= ROUNDS => {
                let doubled = FIRST_REST.saturating_mul(1 << (self.rounds.count - ROUNDS).min(16));
                let jitter = 0.5 + 0.5 * self.rng.random::<f64>();
                let rest = doubled.min(LONGEST_REST).mul_f64(jitter);
                self.pause_until(Why::Refusals, now + rest, FailureKind::RateLimit);
            }
            None => {}
        }
        let upshot = self.heard(now);
        let since = *self.rounds.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= self.max_outage && level.in_flight == 1 {
            return Upshot::GaveUp;
        }
        upshot
    }

    fn faulty(
        &mut self,
        level: Level,
        trial: bool,
        asked: Option<Duration>,
        now: Instant,
    ) -> Upshot {
        self.counts.faulty += 1;
        if let Some(wait) = asked {
            self.pause_until(Why::Pause, now + wait, self.fault);
        }
        if level.serial <= self.back_at {
            return Upshot::None;
        }
        match self.breaker.failed(trial, now) {
            Change::Opened(until) => Upshot::Away(until),
            Change::GaveUp => Upshot::GaveUp,
            Change::None | Change::Closed => Upshot::None,
        }
    }

    /// Lets nobody through before `until`; an earlier pause that lasts longer stands.
    fn pause_until(&mut self, why: Why, until: Instant, asked_by: FailureKind) {
        if self.pause.is_none_or(|before| before.until < until) {
            self.pause = Some(Waiting { why, until });
            self.asked_by = asked_by;
        }
    }

    /// A task makes its first call here.
    pub fn first(&mut self) {
        self.storm.first();
    }

    /// Whether the retry budget allows another attempt.
    pub fn may_retry(&mut self) -> bool {
        self.storm.may_retry()
    }

    /// The pause in which the lane is now.
    pub fn pause(&self, now: Instant) -> Option<Waiting> {
        self.pause.filter(|pause| pause.until > now)
    }

    /// How long nobody is let through, whether anybody wants to or not.
    pub fn rests(&self, now: Instant) -> Option<Waiting> {
        let outage = self.breaker.rests(now).map(|until| Waiting { why: Why::Outage, until });
        self.pause(now).or(outage)
    }

    /// Whether a single call tries whether the provider is back.
    pub fn is_trying(&self) -> bool {
        self.breaker.is_trying()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What was learned of the width and of the pace.
    pub fn learned(&self) -> (&Adaptive, &Tempo) {
        (&self.adaptive, &self.tempo)
    }

    /// What the provider's headers told of its limits.
    pub fn told(&self) -> impl Iterator<Item = Learned> {
        self.credit.learned()
    }

    /// How often the provider was taken to be away, and how many retries the budget denied.
    pub fn troubles(&self) -> (u64, u64) {
        (self.breaker.opened(), self.storm.denied())
    }
}
