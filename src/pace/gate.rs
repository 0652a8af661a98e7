//! The gate of a lane: every call passes here, or waits, or hears that the lane is closed.
//!
//! In this order: a place in the lane, then the lane's turn, then what the lane has learned (a
//! pause, a pace, whether the provider is there), then places that are shared with other lanes, and
//! last the rates, so that a rate's cell is taken just before the send. Only whoever is first in
//! line holds a shared place while waiting, and that for rates alone; and nobody holds anything while a retry sleeps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

use crate::call::estimate::Expected;
use crate::call::fallback::FallbackOn;
use crate::pace::Limits;
use crate::pace::adaptive::{Level, Start, USUAL_CAP};
use crate::pace::clock::FineTimer;
use crate::pace::door::{Barred, Closure, Door};
use crate::pace::headroom::{Headroom, Mark};
use crate::pace::permits::{Permit, Permits};
use crate::pace::pilot::{Obstacle, Pilot, Upshot};
use crate::pace::rate::{Head, Rate, Waiting, Why};
use crate::pace::scope::Scope;
use crate::pace::tokens::Need;
use crate::pace::verdict::Verdict;
use crate::pace::watch::Watch;

/// What a gate is made of.
#[derive(Debug)]
pub struct Plan {
    /// `provider/model`, for messages.
    pub name: Box<str>,
    /// The limits of the lane's own.
    pub limits: Limits,
    /// The most calls in flight, where the job states it for the model or its provider.
    pub cap: Option<usize>,
    /// Whether the job states how many calls or tokens a time may take.
    pub is_paced: bool,
    /// The provider's scope, and the run's width where the job states one.
    pub scopes: Vec<Arc<Scope>>,
    /// Retries in a storm, as a share of the calls.
    pub retry_budget: f64,
    /// How long the provider may be away.
    pub max_outage: Duration,
    /// When the run ends. A wait beyond it is in vain.
    pub deadline: Option<Instant>,
}

/// One lane's gate.
#[derive(Debug)]
pub struct Gate {
    name: Box<str>,
    limits: Limits,
    places: Arc<Permits>,
    rate: Option<Rate>,
    scopes: Vec<Arc<Scope>>,
    turn: Mutex<()>,
    door: Door,
    pilot: StdMutex<Pilot>,
    watch: Watch,
    /// The call that tries whether the provider is back has ended.
    tried: Notify,
    /// The lane may be wider than it was.
    widened: Notify,
    timer: FineTimer,
    deadline: Option<Instant>,
    max_outage: Duration,
}

impl Gate {
    /// The gate of a lane before its first call; `rng` jitters its rests.
    pub fn new(plan: Plan, rng: StdRng) -> Self {
        let start = match (plan.cap, plan.is_paced) {
            (Some(_), _) => Start::Told,
            (None, true) => Start::Paced,
            (None, false) => Start::Blind,
        };
        let cap = plan.cap.unwrap_or(USUAL_CAP);
        let (share, now) = (plan.retry_budget, Instant::now());
        let pilot = Pilot::new(cap, start, share, plan.max_outage, rng, now);
        Self {
            name: plan.name,
            limits: plan.limits,
            places: Arc::new(Permits::new(pilot.width())),
            rate: Rate::new(&plan.limits),
            scopes: plan.scopes,
            turn: Mutex::default(),
            door: Door::default(),
            pilot: StdMutex::new(pilot),
            watch: Watch::default(),
            tried: Notify::new(),
            widened: Notify::new(),
            timer: FineTimer::default(),
            deadline: plan.deadline,
            max_outage: plan.max_outage,
        }
    }

    /// Waits until a call that is expected to use this may be sent, or hears why none will be. It does
    /// not wait long for what these failures told, after which it can go elsewhere. A wait that is
    /// cancelled has taken nothing but, at worst, one request's cell.
    pub async fn enter(
        &self,
        expected: Expected,
        elsewhere: FallbackOn,
    ) -> Result<Pass<'_>, Barred> {
        if let Some(pass) = self.pass_at_once(expected) {
            return Ok(pass);
        }
        tokio::select! {
            biased;
            closure = self.closed() => Err(closure.into()),
            pass = self.wait_in_line(expected, elsewhere) => pass,
        }
    }

    /// Why no more calls are made, if that is so.
    pub fn closure(&self) -> Option<Closure> {
        self.doors().find_map(Door::closure).cloned()
    }

    async fn closed(&self) -> Closure {
        let doors = self.doors().map(|door| Box::pin(door.closed()));
        futures::future::select_all(doors).await.0
    }

    /// What the lane waits for now, if it does, or would if anybody wanted to be let through.
    pub fn waiting(&self) -> Option<Waiting> {
        self.watch.waiting().or_else(|| self.pilot().rests(Instant::now()))
    }

    /// Sleeps before a retry, holding nothing; shorter where there will be none, because the lane is
    /// closed. As long as the lane is paused, that is time lost to the pause, were there nobody else.
    pub async fn rest(&self, until: Instant) {
        tokio::select! {
            biased;
            _ = self.closed() => {}
            () = self.sleep(until) => {}
        }
    }

    async fn sleep(&self, until: Instant) {
        let pause = self.pilot().pause(Instant::now());
        if let Some(pause) = pause {
            let _lost = self.watch.rest(pause, &self.name);
            sleep_until(pause.until.min(until)).await;
        }
        sleep_until(until).await;
    }

    /// `provider/model`, and the limits of the lane's own.
    pub fn stated(&self) -> (&str, &Limits) {
        (&self.name, &self.limits)
    }

    /// When the run ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.pilot().in_flight()
    }

    /// Calls that may be in flight now.
    pub fn width(&self) -> usize {
        self.pilot().width()
    }

    /// The width that the lane could use, were it alone.
    pub fn wish(&self) -> usize {
        self.pilot().wish()
    }

    /// Sets the run's share for this lane.
    pub fn allow(&self, places: usize) {
        let mut pilot = self.pilot();
        pilot.allow(places);
        self.fit(&pilot);
    }

    /// Waits until the lane may have become wider.
    pub async fn widened(&self) {
        self.widened.notified().await;
    }

    /// Whether calls must be estimated, because the provider tells what is left of its tokens.
    pub fn wants_estimates(&self) -> bool {
        self.pilot().wants_estimates()
    }

    /// A task makes its first call here.
    pub fn first(&self) {
        self.pilot().first();
    }

    /// Whether the retry budget allows another attempt.
    pub fn may_retry(&self) -> bool {
        self.pilot().may_retry()
    }

    /// How long the lane waited for each cause.
    pub fn lost(&self) -> BTreeMap<Why, Duration> {
        self.watch.lost()
    }

    /// What the lane has learned.
    pub fn pilot(&self) -> MutexGuard<'_, Pilot> {
        self.pilot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way of most calls where nothing is limited: no line, no wait.
    fn pass_at_once(&self, expected: Expected) -> Option<Pass<'_>> {
        if self.rates().next().is_some() || self.doors().any(|door| door.closure().is_some()) {
            return None;
        }
        let _turn = self.turn.try_lock().ok()?;
        let mut places = vec![self.places.try_take()?];
        if !self.scopes.iter().all(|scope| scope.try_places(&mut places)) {
            return None;
        }
        let mut pilot = self.pilot();
        let need = pilot.need(expected);
        let is_trial = pilot.obstacle(need, Instant::now()).ok()?;
        let trial = Trial { gate: self, is_on: is_trial };
        let asked = Asked { expected, need, paced: false };
        Some(self.let_through(&mut pilot, asked, trial, places))
    }

    async fn wait_in_line(
        &self,
        expected: Expected,
        elsewhere: FallbackOn,
    ) -> Result<Pass<'_>, Barred> {
        let own = self.places.take().await;
        let _turn = self.turn.lock().await;
        let _line = self.watch.line();
        let need = self.pilot().need(expected);
        loop {
            let mut trial = self.overcome(need, elsewhere).await?;
            let mut places = Vec::with_capacity(4);
            for scope in &self.scopes {
                scope.take_places(&mut places).await;
            }
            // A pause may have been asked for in the meantime, or the provider may have gone away:
            // then others need the shared places more.
            if !trial.is_on {
                let Some(again) = self.unhindered(need) else { continue };
                trial = again;
            }
            let paced = self.keep_pace(need).await?;
            if !trial.is_on {
                let Some(again) = self.unhindered(need) else {
                    let now = Instant::now();
                    self.rates().for_each(|rate| rate.settle(need, Need::default(), now));
                    continue;
                };
                trial = again;
            }
            places.push(own);
            let asked = Asked { expected, need, paced };
            return Ok(self.let_through(&mut self.pilot(), asked, trial, places));
        }
    }

    /// Waits until all stated limits let the call pass; whether that took any waiting.
    async fn keep_pace(&self, need: Need) -> Result<bool, Closure> {
        let mut head = Head::of(self.rates().collect()).await;
        let mut paced = false;
        while let Some(waiting) = head.next(need) {
            paced = true;
            match waiting.why {
                Why::Tokens(_) => tokio::select! {
                    held = self.hold(waiting) => held?,
                    () = head.eased() => {}
                },
                _ => self.hold(waiting).await?,
            }
        }
        Ok(paced)
    }

    /// Leave to be sent, if nothing that the lane has learned stands in the way now.
    fn unhindered(&self, need: Need) -> Option<Trial<'_>> {
        let is_on = self.pilot().obstacle(need, Instant::now()).ok()?;
        Some(Trial { gate: self, is_on })
    }

    fn let_through<'g>(
        &'g self,
        pilot: &mut Pilot,
        asked: Asked,
        trial: Trial<'g>,
        places: Vec<Permit>,
    ) -> Pass<'g> {
        let sent = Instant::now();
        let (level, mark) = pilot.sent(asked.need, asked.paced, sent);
        Pass { gate: self, asked, sent, level, mark, trial, _places: places }
    }

    /// Waits until nothing that the lane has learned stands in the way.
    async fn overcome(&self, need: Need, elsewhere: FallbackOn) -> Result<Trial<'_>, Barred> {
        loop {
            let mut tried = std::pin::pin!(self.tried.notified());
            tried.as_mut().enable();
            let obstacle = {
                let (mut pilot, now) = (self.pilot(), Instant::now());
                match pilot.obstacle(need, now) {
                    Ok(is_on) => return Ok(Trial { gate: self, is_on }),
                    Err(obstacle) => match pilot.sends_away(obstacle, now) {
                        Some(kind) if elsewhere.covers(kind) => return Err(Barred::Away(kind)),
                        _ => obstacle,
                    },
                }
            };
            match obstacle {
                Obstacle::Wait(waiting) => self.hold(waiting).await?,
                Obstacle::Trial => tried.await,
            }
        }
    }

    /// Waits, and tells so; or parks the lane, when the wait goes beyond the end of the run.
    async fn hold(&self, waiting: Waiting) -> Result<(), Closure> {
        if self.deadline.is_some_and(|deadline| waiting.until >= deadline) {
            return Err(self.park(waiting));
        }
        let _lost = self.watch.hold(waiting, &self.name);
        self.timer.sleep_until(waiting.until).await;
        Ok(())
    }

    fn park(&self, waiting: Waiting) -> Closure {
        let closure = Closure::parked(waiting, Instant::now());
        let reason = &closure.reason;
        tracing::warn!(model = &*self.name, %reason, "the model is parked; --resume goes on with it");
        self.door.close(closure.clone());
        closure
    }

    /// The lane's width follows what was learned.
    fn fit(&self, pilot: &Pilot) {
        let width = pilot.width();
        if width != self.places.limit() {
            self.places.set_limit(width);
            self.widened.notify_one();
        }
    }

    fn ended(&self, pass: &Pass<'_>, trial: bool, end: &End<'_>) {
        let (level, verdict, reason) = (pass.level, &end.verdict, end.reason);
        let refused = matches!(verdict, Verdict::Refused(_));
        let mut pilot = self.pilot();
        let now = Instant::now();
        pilot.counted(pass.asked.expected, end.used, (pass.mark, &end.headroom, refused), now);
        if refused && level.is_paced() {
            pilot.undercounted();
        }
        let upshot = pilot.ended(level, trial, verdict, now);
        self.fit(&pilot);
        drop(pilot);
        let answers = !verdict.is_faulty() && *verdict != Verdict::Locks;
        if answers {
            self.scopes.iter().for_each(|scope| scope.proven());
        }
        if refused && level.is_paced() {
            self.rates().for_each(Rate::refused);
        }
        match upshot {
            Upshot::None => {}
            Upshot::Away(until) => tracing::warn!(
                model = &*self.name,
                rest_ms = until.saturating_duration_since(now).as_millis(),
                "call after call fails; a single one tries again after a rest"
            ),
            Upshot::Back => tracing::info!(model = &*self.name, "the provider answers again"),
            Upshot::Closes => self.close(verdict, &reason()),
            Upshot::GaveUp => {
                let last = reason();
                let reason = format!(
                    "every call failed for {:?} (`retry.max_outage`), at last with: {}",
                    self.max_outage, last.reason
                );
                self.close(verdict, &Closure { reason: reason.into(), ..last });
            }
        }
    }

    fn close(&self, verdict: &Verdict, closure: &Closure) {
        let of_key = *verdict == Verdict::Locks;
        let mut doors = self.doors();
        let door = if of_key { doors.next_back() } else { doors.next() };
        if door.is_some_and(|door| door.close(closure.clone())) {
            let whose = if of_key { "of all models with this key" } else { "of the model" };
            tracing::error!(
                model = &*self.name, error = %closure.kind, reason = %closure.reason,
                "no more calls are made; other tasks {whose} are skipped, and --resume asks them"
            );
        }
    }

    /// The lane's own door, and those of its scopes; the provider's comes last.
    fn doors(&self) -> impl DoubleEndedIterator<Item = &Door> {
        let scopes = self.scopes.iter().rev().map(|scope| scope.door());
        std::iter::once(&self.door).chain(scopes)
    }

    fn rates(&self) -> impl Iterator<Item = &Rate> {
        let shared = self.scopes.iter().filter_map(|scope| scope.rate());
        self.rate.iter().chain(shared)
    }
}

/// Whether a call is the one that tries whether the provider is back. Dropped while it is on, it
/// leaves the place to another.
#[derive(Debug)]
struct Trial<'g> {
    gate: &'g Gate,
    is_on: bool,
}

impl Trial<'_> {
    fn end(&mut self) -> bool {
        std::mem::take(&mut self.is_on)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if self.is_on {
            self.gate.pilot().untried(Instant::now());
        }
        self.gate.tried.notify_waiters();
    }
}

/// Leave to send one call. Dropped without [`Pass::leave`] it gives its places back and leaves the
/// reserved tokens spent, since nobody knows what the call used.
#[derive(Debug)]
pub struct Pass<'g> {
    gate: &'g Gate,
    asked: Asked,
    sent: Instant,
    level: Level,
    mark: Mark,
    trial: Trial<'g>,
    _places: Vec<Permit>,
}

/// What a call was let through with.
#[derive(Clone, Copy, Debug)]
struct Asked {
    expected: Expected,
    need: Need,
    /// Whether it waited for a stated limit.
    paced: bool,
}

/// How a call ended.
pub struct End<'e> {
    /// The tokens that it used, where that is known.
    pub used: Option<Need>,
    /// What it tells of the provider.
    pub verdict: Verdict,
    /// What the provider's headers say is left.
    pub headroom: Headroom,
    /// Asked for when the lane closes for it.
    pub reason: &'e dyn Fn() -> Closure,
}

impl Pass<'_> {
    /// Ends the call: settles the tokens with those that were used, and lets the lane learn from
    /// what came.
    pub fn leave(mut self, end: &End<'_>) {
        if let Some(used) = end.used {
            self.gate.rates().for_each(|rate| rate.settle(self.asked.need, used, self.sent));
        }
        let is_trial = self.trial.end();
        self.gate.ended(&self, is_trial, end);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.pilot().landed();
    }
}

#[cfg(test)]
mod tests;
