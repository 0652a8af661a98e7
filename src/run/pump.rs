//! The run's one loop: events come in, outcomes go to the journal, then the observer is told.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::call::record::{Entry, Status};
use crate::engine::Engine;
use crate::engine::event::Event;
use crate::engine::lane::LaneView;
use crate::engine::source::Source;
use crate::engine::stop::{Level, Stopper};
use crate::run::books::Books;
use crate::run::error::RunError;
use crate::run::observer::Observer;

/// Events that may wait for the disk; when they are this many, calls wait too.
const WAITING: usize = 512;

/// How often the observer may redraw.
const TICK: Duration = Duration::from_millis(100);

/// How often, in ticks, a disk that refused is tried again.
const TICKS_BETWEEN_TRIES: u32 = 10;

/// How often the disk is tried once no more answers come.
const LAST_TRIES: u32 = 5;

/// Runs the engine to its end and keeps every outcome.
pub(super) async fn pump(
    engine: &Engine,
    sources: Vec<Source>,
    books: &mut Books,
    observer: &mut (dyn Observer + Send),
    stopper: &Stopper,
) -> Result<Done, RunError> {
    let (sender, mut events) = mpsc::channel(WAITING);
    let running = engine.run(sources, sender, stopper.heard());
    let mut running = std::pin::pin!(running);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut desk = Desk {
        lanes: engine.views(),
        books,
        observer,
        stopper,
        unwritten: Vec::new(),
        fault: None,
        broken: None,
        done: Done::default(),
    };
    let mut batch = Vec::with_capacity(WAITING);
    let mut is_running = true;
    let mut tick = 0_u32;
    loop {
        tokio::select! {
            biased;
            count = events.recv_many(&mut batch, WAITING) => {
                if count == 0 {
                    break;
                }
                desk.take(&mut batch);
            }
            () = &mut running, if is_running => is_running = false,
            _ = ticks.tick() => {
                tick += 1;
                desk.observer.tick();
                if tick.is_multiple_of(TICKS_BETWEEN_TRIES) {
                    desk.write_again();
                }
            }
        }
    }
    if is_running {
        // The channel closes when the lanes are gone; if one of them panicked, so does this.
        running.await;
    }
    for _ in 0..LAST_TRIES {
        if desk.unwritten.is_empty() {
            break;
        }
        for _ in 0..TICKS_BETWEEN_TRIES {
            ticks.tick().await;
        }
        desk.write_again();
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

/// Where outcomes are written down.
struct Desk<'d> {
    lanes: Vec<LaneView>,
    books: &'d mut Books,
    observer: &'d mut (dyn Observer + Send),
    stopper: &'d Stopper,
    /// Outcomes that the disk refused so far. They are paid for, so they are kept.
    unwritten: Vec<Entry>,
    fault: Option<io::Error>,
    broken: Option<String>,
    done: Done,
}

impl Desk<'_> {
    /// Takes a batch of events: its outcomes are in the journal before anybody hears of them.
    fn take(&mut self, batch: &mut Vec<Event>) {
        self.books.grade(batch);
        let outcomes = batch.iter().filter_map(|event| match event {
            Event::Finished { entry, .. } => Some(&**entry),
            _ => None,
        });
        let written = match self.unwritten.is_empty() {
            true => self.books.journal.append(outcomes),
            false => Err(io::Error::other("earlier answers are not written yet")),
        };
        let recorded = self.books.record(batch);
        for event in batch.drain(..) {
            self.observer.see(&event);
            match event {
                Event::Broken { why, .. } => self.break_off(why),
                Event::Finished { lane, entry } => {
                    match Fate::of(&entry, &self.lanes[lane]) {
                        Fate::Answered => self.done.finished += 1,
                        Fate::Failed => {
                            self.done.finished += 1;
                            self.done.failed += 1;
                        }
                        Fate::Barred => self.done.barred += 1,
                        Fate::Stopped => {}
                    }
                    match &written {
                        Ok(()) => self.books.settle(&entry.record),
                        Err(_) => self.unwritten.push(*entry),
                    }
                }
                Event::Committed { recorded: told, .. } if recorded.is_ok() => {
                    // Whoever was stopped meanwhile listens no more.
                    let _ = told.send(());
                }
                // A call that is not on record is dropped here, and not sent.
                Event::Committed { .. } | Event::Retrying { .. } | Event::LaneEnded { .. } => {}
            }
        }
        for refused in [written, recorded].into_iter().filter_map(Result::err) {
            self.hold(refused);
        }
    }

    /// Nothing new is sent while the disk refuses; answers in flight are still taken.
    fn hold(&mut self, why: io::Error) {
        if self.fault.is_none() {
            tracing::error!(
                journal = %self.books.journal.path().display(), %why,
                "an answer cannot be written; nothing new is sent, and writing is tried again"
            );
            self.fault = Some(why);
        }
        self.stopper.stop(Level::Draining);
    }

    fn break_off(&mut self, why: String) {
        tracing::error!(%why, "the prompts cannot be read any more; nothing new is sent");
        self.broken.get_or_insert(why);
        self.stopper.stop(Level::Draining);
    }

    fn write_again(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        match self.books.journal.append(&self.unwritten) {
            Ok(()) => {
                let written = std::mem::take(&mut self.unwritten);
                written.iter().for_each(|entry| self.books.settle(&entry.record));
            }
            Err(why) => self.fault = Some(why),
        }
    }

    fn end(self) -> Result<Done, RunError> {
        let path = self.books.journal.path().to_owned();
        if let Some(why) = self.fault {
            return Err(RunError::Journal { path, lost: self.unwritten.len(), why });
        }
        self.books.journal.sync().map_err(|why| RunError::Journal { path, lost: 0, why })?;
        match self.broken {
            None => Ok(self.done),
            Some(why) => Err(RunError::Prompts(why)),
        }
    }
}
