//! The gate of a lane: every call passes here, or waits. Calls are queued, never refused.
//!
//! In this order: a place in the lane, then the lane's turn, then the pause that the provider
//! asked for, then a place that is shared with other lanes, and last the rates, so that a rate's
//! cell is taken just before the send. Only whoever is first in line holds a shared place while
//! waiting; and nobody holds anything while a retry sleeps.

use std::sync::Arc;
use std::sync::Mutex as StdMutex;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::pace::Limits;
use crate::pace::rate::{Rate, Waiting, Why};
use crate::pace::tokens::Need;

/// What several lanes share: the limits of their provider, or the width of the run.
#[derive(Debug)]
pub struct Shared {
    places: Option<Arc<Semaphore>>,
    rate: Option<Rate>,
}

impl Shared {
    /// What the lanes of a provider share; `None` when it states no limit.
    pub fn of_provider(limits: &Limits) -> Option<Self> {
        let places = limits.concurrency.map(|places| Arc::new(Semaphore::new(places)));
        let rate = Rate::new(limits);
        (places.is_some() || rate.is_some()).then_some(Self { places, rate })
    }

    /// A width that lanes share where they cannot each have a place of their own.
    pub fn of_places(places: usize) -> Self {
        Self { places: Some(Arc::new(Semaphore::new(places))), rate: None }
    }
}

/// One lane's gate.
#[derive(Debug)]
pub struct Gate {
    places: Arc<Semaphore>,
    rate: Option<Rate>,
    shared: Vec<Arc<Shared>>,
    turn: Mutex<()>,
    pause: StdMutex<Option<Instant>>,
    waiting: StdMutex<Option<Waiting>>,
}

impl Gate {
    /// A gate with the limits of a lane's own and those that it shares. It starts with no place.
    pub fn new(limits: &Limits, shared: Vec<Arc<Shared>>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(0)),
            rate: Rate::new(limits),
            shared,
            turn: Mutex::default(),
            pause: StdMutex::default(),
            waiting: StdMutex::default(),
        }
    }

    /// Adds places to the lane.
    pub fn widen(&self, places: usize) {
        self.places.add_permits(places);
    }

    /// Waits until a call with this need may be sent. A wait that is cancelled has taken nothing
    /// but, at worst, one request's cell.
    pub async fn enter(&self, need: Need) -> Pass<'_> {
        let place = take_place(&self.places).await;
        let mut places = vec![place];
        if self.rate.is_some() || !self.shared.is_empty() {
            let _turn = self.turn.lock().await;
            self.sit_out_pause().await;
            for shared in &self.shared {
                if let Some(shared_places) = &shared.places {
                    places.push(take_place(shared_places).await);
                }
            }
            self.pass_rates(need).await;
        } else {
            self.sit_out_pause().await;
        }
        self.tell(None);
        Pass { gate: self, reserved: need, _places: places }
    }

    /// Lets nobody through before `until`; an earlier pause that lasts longer stands.
    pub fn pause_until(&self, until: Instant) {
        let mut pause = lock(&self.pause);
        if pause.is_none_or(|before| before < until) {
            *pause = Some(until);
        }
    }

    /// The provider refused a call although the pace was kept: the pace is slowed by a little.
    pub fn refused(&self) {
        self.rates().for_each(Rate::refused);
    }

    /// What the lane waits for now, if it does.
    pub fn waiting(&self) -> Option<Waiting> {
        lock(&self.waiting).filter(|waiting| waiting.until > Instant::now())
    }

    async fn pass_rates(&self, need: Need) {
        let tell = |waiting| self.tell(Some(waiting));
        for rate in self.rates() {
            rate.enter(need, &tell).await;
        }
        // A pause may have been asked for in the meantime.
        self.sit_out_pause().await;
    }

    fn rates(&self) -> impl Iterator<Item = &Rate> {
        let shared = self.shared.iter().filter_map(|shared| shared.rate.as_ref());
        self.rate.iter().chain(shared)
    }

    async fn sit_out_pause(&self) {
        while let Some(until) = self.paused_until() {
            self.tell(Some(Waiting { why: Why::Pause, until }));
            sleep_until(until).await;
        }
    }

    fn paused_until(&self) -> Option<Instant> {
        lock(&self.pause).filter(|until| *until > Instant::now())
    }

    fn tell(&self, waiting: Option<Waiting>) {
        *lock(&self.waiting) = waiting;
    }
}

/// Leave to send one call. Dropped without [`Pass::leave`] it gives its places back and leaves the
/// reserved tokens spent, since nobody knows what the call used.
#[derive(Debug)]
pub struct Pass<'g> {
    gate: &'g Gate,
    reserved: Need,
    _places: Vec<OwnedSemaphorePermit>,
}

impl Pass<'_> {
    /// Ends the call: settles the tokens with those that were used, where that is known.
    pub fn leave(self, used: Option<Need>) {
        if let Some(used) = used {
            self.gate.rates().for_each(|rate| rate.settle(self.reserved, used));
        }
    }
}

async fn take_place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let place = Arc::clone(places).acquire_owned().await;
    place.expect("the semaphores of a gate are never closed")
}

fn lock<T>(mutex: &StdMutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;

    fn gate(limits: Limits, width: usize) -> Gate {
        let gate = Gate::new(&limits, Vec::new());
        gate.widen(width);
        gate
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_felt_by_the_whole_lane_in_full() {
        let gate = gate(Limits::default(), 8);
        let start = Instant::now();
        gate.pause_until(start + Duration::from_secs(90));
        gate.pause_until(start + Duration::from_secs(1));
        let calls = (0..8).map(|_| async {
            gate.enter(Need::default()).await.leave(None);
            start.elapsed()
        });
        let waited = join_all(calls).await;
        assert!(waited.iter().all(|wait| *wait >= Duration::from_secs(90)), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_says_what_it_waits_for() {
        let gate = gate(Limits { requests_per_minute: Some(1), ..Limits::default() }, 2);
        gate.enter(Need::default()).await.leave(None);
        assert_eq!(gate.waiting(), None);
        let second = gate.enter(Need::default());
        tokio::select! {
            _ = second => panic!("the limit is one a minute"),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
        let waiting = gate.waiting().expect("it waits");
        assert_eq!(waiting.why, Why::Requests(crate::pace::requests::Window::Minute));
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_of_a_provider_share_its_rate_and_its_places() {
        let limits =
            Limits { requests_per_minute: Some(60), concurrency: Some(1), ..Limits::default() };
        let shared = Arc::new(Shared::of_provider(&limits).expect("limits"));
        let gates: Vec<Gate> =
            (0..2).map(|_| Gate::new(&Limits::default(), vec![Arc::clone(&shared)])).collect();
        gates.iter().for_each(|gate| gate.widen(4));
        let start = Instant::now();
        let calls = (0..20).map(|n| gates[n % 2].enter(Need::default()));
        let calls = calls.map(|call| async { call.await.leave(None) });
        join_all(calls).await;
        let took = start.elapsed().as_secs_f64();
        assert!((19.0..19.5).contains(&took), "{took}");
    }
}
