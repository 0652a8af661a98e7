//! The gate of a lane: every call passes here, or waits, or hears that the lane is closed.
//!
//! In this order: a place in the lane, then the lane's turn, then what the lane has learned (a
//! pause, a pace, whether the provider is there), then places that are shared with other lanes, and
//! last the rates, so that a rate's cell is taken just before the send. Only whoever is first in
//! line holds a shared place while waiting, and that for rates alone; and nobody holds anything
//! while a retry sleeps.

mod line;
pub mod pass;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

use crate::call::duration::DurationText;
use crate::call::estimate::Expected;
use crate::call::fallback::FallbackOn;
use crate::pace::Limits;
use crate::pace::adaptive::{Start, USUAL_CAP};
use crate::pace::clock::FineTimer;
use crate::pace::door::{Barred, Closure, Door};
use crate::pace::gate::pass::{End, Pass};
use crate::pace::permits::Permits;
use crate::pace::pilot::Pilot;
use crate::pace::rate::{Rate, Waiting, Why};
use crate::pace::scope::Scope;
use crate::pace::verdict::{Upshot, Verdict};
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
        let is_told = plan.cap.is_some() || plan.is_paced;
        let start = if is_told { Start::Told } else { Start::Blind };
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

    /// Waits until a call that is expected to use this may be sent, or hears why none will be. It
    /// does not wait long for what these failures told, after which it can go elsewhere. A wait that
    /// is cancelled has taken nothing but, at worst, one request's cell.
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

    /// Sleeps before a retry, holding nothing; shorter where there will be none, because the lane
    /// is closed. As long as the lane is paused, that is time lost to the pause, were there nobody
    /// else.
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

    /// The limits of the lane's own.
    pub fn limits(&self) -> &Limits {
        &self.limits
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
                    "every call failed for {} (`retry.max_outage`), at last with: {}",
                    DurationText(self.max_outage),
                    last.reason
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
            let whose = match of_key {
                true => "of all models with this key",
                false => "of the model that have no fallback",
            };
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

#[cfg(test)]
mod tests;
