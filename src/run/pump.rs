//! The run's one loop: events come in, outcomes go to the journal, then the observer is told.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::call::record::{Entry, Status};
use crate::engine::Engine;
use crate::engine::lane::LaneView;
use crate::engine::stop::Stopper;
use crate::run::ahead::{Tasks, made_ahead};
use crate::run::books::Books;
use crate::run::desk::{Desk, WAITING};
use crate::run::error::RunError;
use crate::run::observer::Observer;

/// How often the observer may redraw.
const TICK: Duration = Duration::from_millis(100);

/// How often, in ticks, a disk that refused is tried again.
const TICKS_BETWEEN_TRIES: u32 = 10;

/// How often the disk is tried once no more answers come.
const LAST_TRIES: u32 = 5;

/// Runs the engine to its end and keeps every outcome.
pub(super) async fn pump(
    engine: &Engine,
    tasks: Vec<Tasks>,
    books: &mut Books,
    observer: &mut (dyn Observer + Send),
    stopper: &Stopper,
) -> Result<Done, RunError> {
    let (sender, mut events) = mpsc::channel(WAITING);
    let sources = tasks.into_iter().map(made_ahead).collect();
    let running = engine.run(sources, sender, stopper.heard());
    let mut running = std::pin::pin!(running);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut desk = Desk::new(engine.views(), books, observer, stopper);
    let mut batch = Vec::with_capacity(WAITING);
    let mut is_running = true;
    let mut tick = 0_u32;
    loop {
        tokio::select! {
            biased;
            step = desk.step() => desk.take_step(step),
            count = events.recv_many(&mut batch, WAITING), if !desk.is_full() => {
                if count == 0 {
                    break;
                }
                desk.take(&mut batch);
            }
            () = &mut running, if is_running => is_running = false,
            _ = ticks.tick() => {
                tick += 1;
                desk.tick();
                if tick.is_multiple_of(TICKS_BETWEEN_TRIES) {
                    desk.write_again();
                    desk.look();
                }
            }
        }
    }
    if is_running {
        // The channel closes when the lanes are gone; if one of them panicked, so does this.
        running.await;
    }
    desk.wait().await;
    for _ in 0..LAST_TRIES {
        if !desk.is_refused() {
            break;
        }
        for _ in 0..TICKS_BETWEEN_TRIES {
            ticks.tick().await;
        }
        desk.write_again();
        desk.wait().await;
    }
    desk.end()
}

/// What a session did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    /// Tasks that were answered or failed.
    pub(super) finished: u64,
    /// Those of them that failed.
    pub(super) failed: u64,
    /// Tasks that were skipped because their model was closed.
    pub(super) barred: u64,
}

impl Done {
    pub(super) fn and(self, more: Self) -> Self {
        Self {
            finished: self.finished + more.finished,
            failed: self.failed + more.failed,
            barred: self.barred + more.barred,
        }
    }
}

/// What became of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was answered.
    Answered,
    /// It failed.
    Failed,
    /// It was skipped because its model was closed.
    Barred,
    /// It was stopped, or its wait goes beyond the deadline.
    Stopped,
}

impl Fate {
    /// What became of a task of this lane.
    pub(super) fn of(entry: &Entry, lane: &LaneView) -> Self {
        match entry.record.status {
            Status::Ok => Self::Answered,
            Status::Error => Self::Failed,
            Status::Skipped if lane.closed().is_some() && lane.parked().is_none() => Self::Barred,
            Status::Skipped => Self::Stopped,
        }
    }
}
