//! The run's one loop: events come in, outcomes go to the journal, then the observer is told.

use std::future::pending;
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
use crate::run::group::{Group, Turn};
use crate::run::observer::Observer;
use crate::store::durability::Durability;

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
    let group = (books.durability == Durability::Disk).then(Group::default);
    let mut desk = Desk {
        lanes: engine.views(),
        books,
        group,
        observer,
        stopper,
        unwritten: Vec::new(),
        fault: None,
        unsure: None,
        broken: None,
        done: Done::default(),
    };
    let mut batch = Vec::with_capacity(WAITING);
    let mut is_running = true;
    let mut tick = 0_u32;
    loop {
        tokio::select! {
            biased;
            turn = desk.turn() => desk.take_turn(turn),
            count = events.recv_many(&mut batch, WAITING), if !desk.is_full() => {
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
                    desk.look();
                }
            }
        }
    }
    if is_running {
        // The channel closes when the lanes are gone; if one of them panicked, so does this.
        running.await;
    }
    desk.wait_for_disk().await;
    for _ in 0..LAST_TRIES {
        if desk.unwritten.is_empty() {
            break;
        }
        for _ in 0..TICKS_BETWEEN_TRIES {
            ticks.tick().await;
        }
        desk.write_again();
    }
    desk.wait_for_disk().await;
    desk.group.iter().for_each(Group::tell);
    desk.end()
}

/// The outcomes among these events.
fn outcomes(events: &[Event]) -> impl Iterator<Item = &Entry> {
    events.iter().filter_map(|event| match event {
        Event::Finished { entry, .. } => Some(&**entry),
        _ => None,
    })
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
    /// Events that wait for the disk, where the job wants that.
    group: Option<Group>,
    observer: &'d mut (dyn Observer + Send),
    stopper: &'d Stopper,
    /// Outcomes that the disk refused so far. They are paid for, so they are kept.
    unwritten: Vec<Event>,
    fault: Option<io::Error>,
    /// How many events the disk may not have, and why.
    unsure: Option<(usize, io::Error)>,
    broken: Option<String>,
    done: Done,
}

impl Desk<'_> {
    /// Takes a batch of events: its outcomes are in the journal before anybody hears of them.
    fn take(&mut self, batch: &mut Vec<Event>) {
        self.books.grade(batch);
        let written = match self.unwritten.is_empty() {
            true => self.books.journal.append(outcomes(batch)),
            false => Err(io::Error::other("earlier answers are not written yet")),
        };
        let recorded = self.books.record(batch);
        for event in batch.drain(..) {
            match event {
                Event::Finished { .. } if written.is_err() => self.unwritten.push(event),
                // A call that is not on record is dropped here, and not sent.
                Event::Committed { .. } if recorded.is_err() => {}
                Event::Finished { .. } | Event::Committed { .. } => self.count(event),
                other => self.tell(other),
            }
        }
        for refused in [written, recorded].into_iter().filter_map(Result::err) {
            self.hold(refused);
        }
    }

    /// Takes what is written down: it counts at once, or when the disk has it.
    fn count(&mut self, event: Event) {
        match &mut self.group {
            Some(group) => group.add(event),
            None => self.tell(event),
        }
    }

    /// Tells whoever is concerned what counts.
    fn tell(&mut self, event: Event) {
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
                self.books.settle(&entry.record);
            }
            Event::Committed { recorded, .. } => {
                // Whoever was stopped meanwhile listens no more.
                let _ = recorded.send(());
            }
            Event::Retrying { .. } | Event::LaneEnded { .. } => {}
        }
    }

    /// Waits until something is to be done about the disk; for ever, where nothing waits for it.
    async fn turn(&mut self) -> Turn {
        match &mut self.group {
            Some(group) => group.turn().await,
            None => pending().await,
        }
    }

    fn take_turn(&mut self, turn: Turn) {
        match turn {
            Turn::Due => {
                let group = self.group.as_mut();
                if let Some(Err((events, why))) = group.map(|group| group.begin(self.books)) {
                    self.be_unsure(events, why);
                }
            }
            Turn::Ended(Ok(events)) => events.into_iter().for_each(|event| self.tell(event)),
            Turn::Ended(Err((events, why))) => self.be_unsure(events, why),
        }
    }

    /// Whether the disk must come first.
    fn is_full(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_full)
    }

    async fn wait_for_disk(&mut self) {
        while self.group.as_ref().is_some_and(|group| !group.is_empty()) {
            let turn = self.turn().await;
            self.take_turn(turn);
        }
    }

    /// Nothing new is sent for a run whose folder is gone.
    fn look(&mut self) {
        if self.books.gone.is_none() && self.books.are_gone() {
            let journal = self.books.journal.path().display();
            tracing::error!(%journal, "the run folder is gone; nothing new is sent");
            self.stopper.stop(Level::Draining);
        }
    }

    /// Nothing new is sent once the disk will not say what it has; a second sync that ends well says
    /// nothing of what the first one was for.
    fn be_unsure(&mut self, events: usize, why: io::Error) {
        let journal = self.books.journal.path().display();
        tracing::error!(%journal, %why, "the disk may not have all answers; nothing new is sent");
        let unsure = self.unsure.take().map_or(0, |(before, _)| before) + events;
        self.unsure = Some((unsure, why));
        self.stopper.stop(Level::Draining);
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
        match self.books.journal.append(outcomes(&self.unwritten)) {
            Ok(()) => {
                let written = std::mem::take(&mut self.unwritten);
                written.into_iter().for_each(|event| self.count(event));
            }
            Err(why) => self.fault = Some(why),
        }
    }

    fn end(self) -> Result<Done, RunError> {
        let path = self.books.journal.path().to_owned();
        if let Some(why) = self.fault {
            let lost = self.unwritten.len();
            let kept = (lost > 0).then(|| {
                self.books.journal.rescue(&std::env::temp_dir(), outcomes(&self.unwritten)).ok()
            });
            return Err(RunError::Journal { path, lost, kept: kept.flatten(), why });
        }
        if let Some((unsure, why)) = self.unsure {
            return Err(RunError::Unsure { path, unsure, why });
        }
        match self.broken {
            None => Ok(self.done),
            Some(why) => Err(RunError::Prompts(why)),
        }
    }
}
