//! Where outcomes are written down: what came of each, whom that concerns, and what is done about a
//! disk that refuses.

use std::future::pending;
use std::io;

use crate::engine::event::Event;
use crate::engine::lane::LaneView;
use crate::engine::stop::{Level, Stopper};
use crate::run::books::Books;
use crate::run::error::RunError;
use crate::run::group::{Group, Turn};
use crate::run::observer::Observer;
use crate::run::pump::{Done, Fate};
use crate::run::scribe::{Written, outcomes};
use crate::store::durability::Durability;

/// Events that may wait to be written; when they are this many, calls wait too.
pub(super) const WAITING: usize = 512;

/// Where outcomes are written down.
pub(super) struct Desk<'d> {
    lanes: Vec<LaneView>,
    books: &'d mut Books,
    /// Events that wait for the disk, where the job wants that.
    group: Option<Group>,
    observer: &'d mut (dyn Observer + Send),
    stopper: &'d Stopper,
    /// What came while the scribe was busy: outcomes, and what must not overtake them.
    waiting: Vec<Event>,
    /// Those that the disk refused so far. They are paid for, so they are kept.
    refused: Vec<Event>,
    fault: Option<io::Error>,
    /// How many events the disk may not have, and why.
    unsure: Option<(usize, io::Error)>,
    broken: Option<String>,
    done: Done,
}

/// What came of waiting for a disk.
pub(super) enum Step {
    /// A batch is in the journal, or was refused.
    Written(Written),
    /// Something is to be done about what is on the disk.
    Synced(Turn),
}

impl<'d> Desk<'d> {
    pub(super) fn new(
        lanes: Vec<LaneView>,
        books: &'d mut Books,
        observer: &'d mut (dyn Observer + Send),
        stopper: &'d Stopper,
    ) -> Self {
        let group = (books.durability == Durability::Disk).then(Group::default);
        Self {
            lanes,
            books,
            group,
            observer,
            stopper,
            waiting: Vec::new(),
            refused: Vec::new(),
            fault: None,
            unsure: None,
            broken: None,
            done: Done::default(),
        }
    }

    /// Takes a batch of events: its outcomes are in the journal before anybody hears of them.
    pub(super) fn take(&mut self, batch: &mut Vec<Event>) {
        self.books.grade(batch);
        let recorded = self.books.record(batch);
        for event in batch.drain(..) {
            match event {
                Event::Finished { .. } | Event::LaneEnded { .. } => self.waiting.push(event),
                // A call that is not on record is dropped here, and not sent.
                Event::Committed { .. } if recorded.is_err() => {}
                Event::Committed { .. } => self.count(event),
                other => self.tell(other),
            }
        }
        if let Err(why) = recorded {
            self.hold(why);
        }
        self.begin();
    }

    /// Gives the scribe what waits, if it has nothing to do.
    fn begin(&mut self) {
        if self.waiting.is_empty() || self.books.scribe.is_busy() {
            return;
        }
        let batch = std::mem::take(&mut self.waiting);
        if self.refused.is_empty() {
            self.books.scribe.begin(batch);
        } else {
            // In their order, when the disk is tried again.
            self.refused.extend(batch);
        }
    }

    /// Waits until something is to be done about a disk; for ever, where nothing waits for one.
    /// Cancelled, it has done nothing.
    pub(super) async fn step(&mut self) -> Step {
        let turn = async {
            match &mut self.group {
                Some(group) => group.turn().await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            written = self.books.scribe.written() => Step::Written(written),
            turn = turn => Step::Synced(turn),
        }
    }

    pub(super) fn take_step(&mut self, step: Step) {
        match step {
            Step::Synced(turn) => self.take_turn(turn),
            Step::Written(Written { events, outcome }) => {
                match outcome {
                    Ok(()) => events.into_iter().for_each(|event| self.count(event)),
                    Err(why) => {
                        self.refused.splice(..0, events);
                        self.hold(why);
                    }
                }
                self.begin();
            }
        }
    }

    /// Takes what is written down: it counts at once, or when the disk has it.
    fn count(&mut self, mut event: Event) {
        if let Event::Finished { written, .. } = &mut event {
            // Whoever was stopped meanwhile listens no more.
            written.take().map(|written| written.send(()));
        }
        match &mut self.group {
            Some(group) if !matches!(event, Event::LaneEnded { .. }) => group.add(event),
            _ => self.tell(event),
        }
    }

    /// The observer may redraw.
    pub(super) fn tick(&mut self) {
        self.observer.tick();
    }

    /// Tells whoever is concerned what counts.
    fn tell(&mut self, event: Event) {
        self.observer.see(&event);
        match event {
            Event::Broken { why, .. } => self.break_off(why),
            Event::Finished { lane, entry, .. } => {
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

    /// Whether a disk must come first.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING || self.group.as_ref().is_some_and(Group::is_full)
    }

    /// Waits for all that a disk was given.
    pub(super) async fn wait(&mut self) {
        while self.books.scribe.is_busy()
            || self.group.as_ref().is_some_and(|group| !group.is_empty())
        {
            let step = self.step().await;
            self.take_step(step);
        }
    }

    /// Whether a disk refused outcomes, and has not taken them since.
    pub(super) fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Nothing new is sent for a run whose folder is gone.
    pub(super) fn look(&mut self) {
        if self.books.gone.is_none() && self.books.are_gone() {
            let journal = self.books.scribe.path().display();
            tracing::error!(%journal, "the run folder is gone; nothing new is sent");
            self.stopper.stop(Level::Draining);
        }
    }

    /// Nothing new is sent once the disk will not say what it has; a second sync that ends well says
    /// nothing of what the first one was for.
    fn be_unsure(&mut self, events: usize, why: io::Error) {
        let journal = self.books.scribe.path().display();
        tracing::error!(%journal, %why, "the disk may not have all answers; nothing new is sent");
        let unsure = self.unsure.take().map_or(0, |(before, _)| before) + events;
        self.unsure = Some((unsure, why));
        self.stopper.stop(Level::Draining);
    }

    /// Nothing new is sent while the disk refuses; answers in flight are still taken.
    fn hold(&mut self, why: io::Error) {
        if self.fault.is_none() {
            tracing::error!(
                journal = %self.books.scribe.path().display(), %why,
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

    /// Tries the disk again.
    pub(super) fn write_again(&mut self) {
        if !self.refused.is_empty() && !self.books.scribe.is_busy() {
            self.books.scribe.begin(std::mem::take(&mut self.refused));
        }
    }

    pub(super) fn end(self) -> Result<Done, RunError> {
        if let Some(group) = &self.group {
            group.tell();
        }
        let path = self.books.scribe.path().to_owned();
        if let Some(why) = self.fault {
            let lost = outcomes(&self.refused).count();
            let kept = (lost > 0).then(|| {
                let journal = self.books.scribe.journal();
                journal.rescue(&std::env::temp_dir(), outcomes(&self.refused)).ok()
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
