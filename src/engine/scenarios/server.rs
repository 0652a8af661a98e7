//! The simulated provider: exact, seeded, in virtual time. It keeps a log of every call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep};

use super::file::{Charges, Conduct, LaneSpec};
use super::limit::{Cost, Limit, Room, Unit};
use super::voice::{self, Asked, Left};
use crate::call::failure::{Failure, FailureKind};
use crate::wire::frames::Framing;
use crate::wire::message::{WireReply, WireRequest};
use crate::wire::transport::{Opened, Pending, Transport};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Longer than any attempt may take.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// A server, and the client's end of the wire to it.
pub(super) struct Server {
    began: Instant,
    /// The time that the client gives an attempt.
    timeout: Duration,
    phases: Vec<(Duration, Conduct)>,
    desk: Mutex<Desk>,
}

/// What the server keeps.
struct Desk {
    phase: usize,
    rng: StdRng,
    in_flight: usize,
    limits: Vec<Limit>,
    log: Vec<Call>,
}

/// One call, as the server saw it. Times are in seconds since the run began.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) at: f64,
    /// When it ended; the client may have given it up.
    pub(super) ended: f64,
    pub(super) fate: Fate,
    /// What it counted against the limits, where it was let in.
    pub(super) cost: Cost,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// 429, because of slots or limits.
    Refused,
    /// Another error.
    Failed,
    /// The client waited no longer, or was stopped.
    GivenUp,
}

impl Server {
    pub(super) fn new(spec: &LaneSpec, seed: u64) -> Self {
        let phases = spec.phases();
        let desk = Desk {
            phase: 0,
            rng: StdRng::seed_from_u64(seed),
            in_flight: 0,
            limits: limits(&phases[0].1),
            log: Vec::new(),
        };
        Self { began: Instant::now(), timeout: spec.timeout.0, phases, desk: Mutex::new(desk) }
    }

    /// Every call so far, in the order in which they came.
    pub(super) fn log(&self) -> Vec<Call> {
        self.desk().log.clone()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// What will become of a call that comes now, and how long that takes.
    fn receive(&self, wire: &WireRequest) -> Received<'_> {
        let now = self.now();
        let mut desk = self.desk();
        desk.keep_up(&self.phases, now);
        let conduct = &self.phases[desk.phase].1;
        let decided = desk.decide(conduct, &Asked::read(wire), now);
        let takes = decided.takes.min(self.timeout);
        let is_given_up = decided.takes > self.timeout;
        let fate = if is_given_up { Fate::GivenUp } else { decided.fate };
        desk.in_flight += usize::from(decided.has_slot);
        let number = desk.log.len();
        let at = now.as_secs_f64();
        desk.log.push(Call { at, ended: f64::INFINITY, fate: Fate::GivenUp, cost: decided.cost });
        let stay = Stay { server: self, number, fate: Fate::GivenUp, decided };
        Received { stay, fate, takes }
    }
}

/// A call that came.
struct Received<'s> {
    stay: Stay<'s>,
    fate: Fate,
    takes: Duration,
}

/// What the server makes of a call.
struct Decided {
    fate: Fate,
    takes: Duration,
    has_slot: bool,
    cost: Cost,
    /// Output that is counted when the call ends.
    at_end: Cost,
    answer: Result<WireReply, Failure>,
}

/// A call's stay at the server. However it ends, its slot is free again and the log says when.
struct Stay<'s> {
    server: &'s Server,
    number: usize,
    fate: Fate,
    decided: Decided,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let now = self.server.now();
        let mut desk = self.server.desk();
        desk.in_flight -= usize::from(self.decided.has_slot);
        if self.fate == Fate::Answered {
            desk.charge(self.decided.at_end, now);
        }
        let number = self.number;
        desk.log[number].ended = now.as_secs_f64();
        desk.log[number].fate = self.fate;
    }
}

impl Desk {
    /// Enters the phase of this time.
    fn keep_up(&mut self, phases: &[(Duration, Conduct)], now: Duration) {
        while phases.get(self.phase + 1).is_some_and(|(from, _)| *from <= now) {
            self.phase += 1;
            let (from, conduct) = &phases[self.phase];
            let mut known = std::mem::replace(&mut self.limits, limits(conduct));
            for limit in &mut self.limits {
                if let Some(before) = known.iter().position(|known| limit.is_like(known)) {
                    limit.take_over(known.swap_remove(before), *from);
                }
            }
        }
    }

    fn decide(&mut self, conduct: &Conduct, asked: &Asked, now: Duration) -> Decided {
        if conduct.dead {
            let failure = Failure::new(FailureKind::ApiConnection, "connection refused");
            return failed(conduct.refusal_latency.0, Err(failure));
        }
        let latency = self.latency(conduct);
        if let Some(failing) = &conduct.failing
            && self.rng.random::<f64>() < failing.share
        {
            let takes = failing.latency.map_or(latency, |latency| latency.0);
            let fate = if failing.status == 429 { Fate::Refused } else { Fate::Failed };
            return Decided { fate, ..failed(takes, Ok(voice::failing(conduct, failing))) };
        }
        let cost = self.cost(conduct, asked);
        if let Err((what, wait)) = self.admit(conduct, cost.on_arrival, now) {
            if conduct.count_refused {
                self.charge(cost.on_arrival, now);
            }
            let left = self.left(now);
            let reply = voice::refusal(conduct, what, wait, &left, now);
            return Decided { fate: Fate::Refused, ..failed(conduct.refusal_latency.0, Ok(reply)) };
        }
        self.charge(cost.on_arrival, now);
        let hangs = self.rng.random::<f64>() < conduct.hanging;
        let left = self.left(now);
        Decided {
            fate: Fate::Answered,
            takes: if hangs { NEVER } else { latency },
            has_slot: true,
            cost: cost.on_arrival.with(cost.at_end),
            at_end: cost.at_end,
            answer: Ok(voice::answer(conduct, cost.used, &left, now + latency)),
        }
    }

    /// Whether a call may come: else what bars it, and how long until there is enough.
    fn admit(
        &mut self,
        conduct: &Conduct,
        cost: Cost,
        now: Duration,
    ) -> Result<(), (Barred, Option<Duration>)> {
        if conduct.slots.is_some_and(|slots| self.in_flight >= slots) {
            return Err((Barred::Slots, None));
        }
        let mut longest = Duration::ZERO;
        let mut unit = Unit::Requests;
        for limit in &mut self.limits {
            match limit.wait(limit.unit.of(cost), now) {
                None => return Err((Barred::TooLarge, None)),
                Some(wait) if wait > longest => (longest, unit) = (wait, limit.unit),
                Some(_) => {}
            }
        }
        if longest.is_zero() { Ok(()) } else { Err((Barred::Limit(unit), Some(longest))) }
    }

    fn charge(&mut self, cost: Cost, now: Duration) {
        for limit in &mut self.limits {
            limit.add(limit.unit.of(cost), now);
        }
    }

    fn cost(&mut self, conduct: &Conduct, asked: &Asked) -> Costs {
        let input = (asked.tokens as f64 * conduct.token_count).round() as u64;
        let output = conduct.answer_tokens.draw(&mut self.rng);
        let output = output.min(asked.max_tokens.unwrap_or(u64::MAX));
        let used = Cost { requests: 1, input, output };
        let none = Cost::default();
        let (on_arrival, at_end) = match conduct.charges {
            Charges::Used => (used, none),
            Charges::MaxTokens => {
                (Cost { output: asked.max_tokens.unwrap_or(output), ..used }, none)
            }
            Charges::OutputAtEnd => (Cost { output: 0, ..used }, Cost { output, ..none }),
        };
        Costs { used, on_arrival, at_end }
    }

    /// A time around the median, lognormally distributed; longer in a crowd.
    fn latency(&mut self, conduct: &Conduct) -> Duration {
        let (one, other): (f64, f64) = (self.rng.random(), self.rng.random());
        let normal = (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        let crowd = conduct.crowd.map_or(1.0, |crowd| (self.in_flight + 1) as f64 / crowd as f64);
        conduct.latency.0.mul_f64((conduct.jitter * normal).exp() * crowd.max(1.0))
    }

    fn left(&mut self, now: Duration) -> Vec<Left> {
        let left = |limit: &mut Limit| {
            let (remaining, reset) = limit.left(now);
            Left { unit: limit.unit, limit: limit.most, remaining, reset }
        };
        self.limits.iter_mut().map(left).collect()
    }
}

/// What bars a call.
#[derive(Clone, Copy)]
pub(super) enum Barred {
    Slots,
    Limit(Unit),
    TooLarge,
}

/// What a call costs, and when.
struct Costs {
    used: Cost,
    on_arrival: Cost,
    at_end: Cost,
}

fn failed(takes: Duration, answer: Result<WireReply, Failure>) -> Decided {
    let cost = Cost::default();
    Decided { fate: Fate::Failed, takes, has_slot: false, cost, at_end: cost, answer }
}

fn limits(conduct: &Conduct) -> Vec<Limit> {
    let first_end = conduct.window_ends.map(|at| at.0);
    let all = [
        (Unit::Requests, conduct.rps, SECOND),
        (Unit::Requests, conduct.rpm, MINUTE),
        (Unit::Tokens, conduct.tpm, MINUTE),
        (Unit::Input, conduct.itpm, MINUTE),
        (Unit::Output, conduct.otpm, MINUTE),
    ];
    let limit = |(unit, most, per): (Unit, Option<f64>, Duration)| {
        let most = most?;
        let capacity = match unit {
            Unit::Requests => conduct.burst,
            _ => conduct.token_burst.unwrap_or(most),
        };
        let room = Room { capacity, first_end: first_end.unwrap_or(per) };
        Some(Limit::new(unit, most, per, conduct.limit_style, room))
    };
    all.into_iter().filter_map(limit).collect()
}

impl Transport for Server {
    fn open(&self, wire: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async { self.send(wire).await.map(Opened::Whole) })
    }

    fn send(&self, wire: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async move {
            let Received { mut stay, fate, takes } = self.receive(&wire);
            sleep(takes).await;
            stay.fate = fate;
            if fate == Fate::GivenUp {
                let message = format!("the whole answer did not come within {:?}", self.timeout);
                return Err(Failure::new(FailureKind::Timeout, message));
            }
            stay.decided.answer.clone()
        })
    }
}
