//! A lane: one rate-limit scope, which pulls its own tasks.
//!
//! Its workers each carry one task at a time. There are as many as the lane is wide, and one more
//! for each task that sleeps before a retry or is asked elsewhere, so that it takes nobody's place;
//! up to a bound, so that an outage does not gather the whole plan in memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rand::rngs::StdRng;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use crate::call::failure::Failure;
use crate::call::pacing::Pacing;
use crate::call::record::Entry;
use crate::call::request::Operation;
use crate::call::task::Task;
use crate::engine::budget::{Budget, Payer};
use crate::engine::event::Event;
use crate::engine::pacing;
use crate::engine::purse::Overrun;
use crate::engine::source::Source;
use crate::engine::stop::{Level, Stop};
use crate::engine::task::{self, Origin};
use crate::engine::wakes::Wakes;
use crate::pace::door::Closure;
use crate::pace::gate::Gate;
use crate::pace::rate::{Waiting, Why};
use crate::pace::retry::RetryPolicy;
use crate::provider::embedding::{none_of, unsaid};
use crate::provider::{Dialect, Endpoint, Provider};
use crate::wire::transport::Transport;

/// So many tasks may sleep for each place of the lane before it stops taking up new ones.
const SLEEPERS_PER_PLACE: usize = 4;

/// One rate-limit scope: a model at a provider.
pub struct Lane {
    /// Its number among the run's lanes.
    pub number: usize,
    /// Its number in the job, by which fallbacks name it.
    pub place: usize,
    /// Whom it calls.
    pub provider: Arc<Provider>,
    /// For which model, by the name that the provider knows.
    pub model: Arc<str>,
    /// The labels of the models whose tasks it has; none, where it is a fallback alone.
    pub labels: Vec<Arc<str>>,
    /// The provider with its key in hand.
    pub endpoint: Endpoint,
    /// In what tongue.
    pub dialect: &'static dyn Dialect,
    /// Over what.
    pub transport: Arc<dyn Transport>,
    /// Over what pictures are fetched, without any key.
    pub web: Arc<dyn Transport>,
    /// When.
    pub gate: Gate,
    /// Whether and when again.
    pub retry: RetryPolicy,
    /// How long a task may take with all its attempts, from its first send.
    pub task_timeout: Option<Duration>,
    /// What may be spent, where that is capped.
    pub budget: Option<Arc<Budget>>,
    /// Whether its limits count tokens, so that each call must be estimated.
    pub counts_tokens: bool,
    /// What every record of the run says.
    pub origin: Origin,
    /// Where it stands.
    pub state: State,
}

impl Lane {
    /// In what tongue that is asked for.
    pub(super) fn tongue(&self, operation: Operation) -> Result<&'static dyn Dialect, Failure> {
        let tongue = match operation {
            Operation::Chat => Some(self.dialect),
            Operation::Embed => self.provider.tongue(operation, &self.model),
        };
        tongue.ok_or_else(|| unsaid(&none_of(&self.model)))
    }

    /// Whether no money is left for any of its tasks.
    fn is_broke(&self) -> bool {
        let Some(budget) = &self.budget else { return false };
        let (lane, provider) = (self.number, &*self.provider.name);
        let closed = |label: &Arc<str>| budget.is_closed(Payer { lane, provider, label });
        !self.labels.is_empty() && self.labels.iter().all(closed)
    }
}

/// Where a lane stands, as it changes.
#[derive(Debug)]
pub struct State {
    pub(super) wakes: Wakes,
    pub(super) elsewhere: AtomicUsize,
    /// A task sleeps or is asked elsewhere: another one may take its place.
    pub(super) left: Notify,
    pub(super) rng: Mutex<StdRng>,
    /// Held by the call that waits for money; those after it wait in line.
    pub(super) till: tokio::sync::Mutex<()>,
    pub(super) overrun: Overrun,
}

impl State {
    /// A lane that has not begun; `rng` jitters the waits of its tasks.
    pub fn new(rng: StdRng) -> Self {
        Self {
            wakes: Wakes::default(),
            elsewhere: AtomicUsize::new(0),
            left: Notify::new(),
            rng: Mutex::new(rng),
            till: tokio::sync::Mutex::default(),
            overrun: Overrun::default(),
        }
    }
}

/// What can be seen of a lane from outside while it runs.
#[derive(Clone)]
pub struct LaneView(Arc<Lane>);

impl LaneView {
    pub(super) fn of(lane: &Arc<Lane>) -> Self {
        Self(Arc::clone(lane))
    }

    /// Calls in flight.
    pub fn in_flight(&self) -> usize {
        self.0.gate.in_flight()
    }

    /// Calls that may be in flight now.
    pub fn width(&self) -> usize {
        self.0.gate.width()
    }

    /// Tasks that sleep before a retry.
    pub fn sleeping(&self) -> usize {
        self.0.state.wakes.count()
    }

    /// Calls that ended.
    pub fn calls(&self) -> u64 {
        self.0.gate.pilot().counts().calls
    }

    /// What the lane as a whole waits for.
    pub fn waiting(&self) -> Option<Waiting> {
        self.0.gate.waiting().or_else(|| self.resting())
    }

    /// Whether a single call tries whether the provider is back.
    pub fn is_trying(&self) -> bool {
        self.0.gate.pilot().is_trying()
    }

    /// Why the lane makes no more calls, if that is so.
    pub fn closed(&self) -> Option<Closure> {
        self.0.gate.closure()
    }

    /// How the lane was paced so far.
    pub fn pacing(&self) -> Pacing {
        pacing::pacing(&self.0)
    }

    /// All that the lane has are tasks that sleep before a retry; until the first of them wakes up.
    fn resting(&self) -> Option<Waiting> {
        if self.in_flight() > 0 {
            return None;
        }
        let until = self.0.state.wakes.next()?;
        (until > Instant::now()).then_some(Waiting { why: Why::Rest, until })
    }

    /// Why the lane is left alone until the run goes on in another session, if that is so.
    pub fn parked(&self) -> Option<Arc<str>> {
        let closure = self.0.gate.closure();
        closure.filter(|closure| closure.is_parked).map(|closure| closure.reason)
    }
}

/// Runs a lane until its tasks are done or it is stopped. `fleet` are all lanes of the run.
pub(super) async fn run(
    lane: Arc<Lane>,
    fleet: Arc<[Arc<Lane>]>,
    source: Source,
    events: mpsc::Sender<Event>,
    stop: Stop,
) {
    let crew = Crew {
        lane: &lane,
        fleet: &fleet,
        source: tokio::sync::Mutex::new(source),
        is_dry: AtomicBool::new(false),
        events: &events,
        stop: &stop,
        workers: AtomicUsize::new(0),
    };
    let mut workers = FuturesUnordered::new();
    loop {
        while !crew.is_exhausted() && crew.count() < crew.wanted() {
            crew.workers.fetch_add(1, Ordering::Relaxed);
            workers.push(crew.work());
        }
        tokio::select! {
            biased;
            ended = workers.next() => {
                if ended.is_none() {
                    break;
                }
            }
            () = lane.state.left.notified() => {}
            () = lane.gate.widened() => {}
        }
    }
    drop(workers);
    let _ = events.send(Event::LaneEnded { lane: lane.number }).await;
}

/// Nobody takes the lane's outcomes any more.
struct Gone;

/// What a lane's workers share.
struct Crew<'l> {
    lane: &'l Lane,
    fleet: &'l [Arc<Lane>],
    source: tokio::sync::Mutex<Source>,
    /// The source has no more tasks, or none that can be paid.
    is_dry: AtomicBool,
    events: &'l mpsc::Sender<Event>,
    stop: &'l Stop,
    workers: AtomicUsize,
}

impl Crew<'_> {
    async fn work(&self) {
        self.carry().await;
        self.workers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Carries one task after the other, until there are none or this worker is one too many.
    async fn carry(&self) {
        let mut stop = self.stop.clone();
        while stop.level() == Level::Running {
            let task = match self.next().await {
                None => return,
                Some(Ok(task)) => task,
                Some(Err(why)) => {
                    let broken = Event::Broken { lane: self.lane.number, why };
                    let _ = self.events.send(broken).await;
                    return;
                }
            };
            let outcome = task::run(self.lane, self.fleet, task, self.events, &mut stop).await;
            let Some(entry) = outcome else {
                // Where no money is left, each of many tasks ends at once: the others get a turn.
                tokio::task::yield_now().await;
                continue;
            };
            if self.finish(entry, &mut stop).await.is_err() {
                return;
            }
            if self.count() > self.wanted() {
                // Those who slept are back, and this worker's place is needed no more.
                return;
            }
        }
    }

    /// Hands in an outcome, and waits until it is written down; when nothing new is sent any more, that
    /// need not be waited for.
    async fn finish(&self, entry: Box<Entry>, stop: &mut Stop) -> Result<(), Gone> {
        let (written, heard) = oneshot::channel();
        let (lane, written) = (self.lane.number, Some(written));
        let finished = Event::Finished { lane, entry, written };
        self.events.send(finished).await.map_err(|_| Gone)?;
        tokio::select! {
            biased;
            _ = heard => {}
            () = stop.draining() => {}
        }
        Ok(())
    }

    async fn next(&self) -> Option<Result<Task, String>> {
        let mut source = self.source.lock().await;
        if self.lane.is_broke() {
            self.is_dry.store(true, Ordering::Relaxed);
        }
        if self.is_dry.load(Ordering::Relaxed) {
            return None;
        }
        let next = source.next().await;
        if !matches!(next, Some(Ok(_))) {
            self.is_dry.store(true, Ordering::Relaxed);
        }
        next.map(|task| task.map_err(|why| why.to_string()))
    }

    /// Whether it takes up no more tasks. A closed lane does: each of them is told.
    fn is_exhausted(&self) -> bool {
        self.is_dry.load(Ordering::Relaxed) || self.stop.level() > Level::Running
    }

    fn count(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    fn wanted(&self) -> usize {
        let (places, state) = (self.lane.gate.width(), &self.lane.state);
        let most = places * SLEEPERS_PER_PLACE;
        let wanted = places + state.wakes.count().min(most);
        let elsewhere = state.elsewhere.load(Ordering::Relaxed);
        if elsewhere == 0 {
            return wanted;
        }
        // Those who are asked elsewhere keep as many places busy there as there are, however narrow
        // their own lane has become.
        let widest = self.fleet.iter().map(|lane| lane.gate.width()).max().unwrap_or_default();
        wanted + elsewhere.min(most.max(widest))
    }
}
