//! Group commit, for jobs that want each answer on the disk before it counts.
//!
//! What was written down waits here for the disk. While one sync is under way, whatever is written
//! meanwhile waits for the next one: so many answers share a sync, however slow the disk is, and
//! nothing waits longer than two of them. The waiting is done on a thread of its own.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::engine::event::Event;
use crate::run::books::Books;

/// From the beginning of one sync to that of the next, so that a quick disk is not kept busy with
/// single answers.
const APART: Duration = Duration::from_millis(10);

/// So many events may wait for the next sync; then the calls wait, too.
const MOST: usize = 512;

/// Events that are written down and not yet on the disk.
#[derive(Default)]
pub(super) struct Group {
    /// Those for the next sync.
    next: Vec<Event>,
    /// Those for the one under way.
    current: Vec<Event>,
    syncing: JoinSet<io::Result<()>>,
    began: Option<Instant>,
    syncs: u64,
    events: u64,
}

/// What is to be done.
pub(super) enum Turn {
    /// A sync can begin.
    Due,
    /// A sync ended: the disk has these, or so many of them may not be there.
    Ended(Result<Vec<Event>, (usize, io::Error)>),
}

impl Group {
    /// Takes an event that was written down.
    pub(super) fn add(&mut self, event: Event) {
        self.events += 1;
        self.next.push(event);
    }

    /// Whether nothing waits for the disk.
    pub(super) fn is_empty(&self) -> bool {
        self.next.is_empty() && self.syncing.is_empty()
    }

    /// Whether nothing more should be written before the next sync.
    pub(super) fn is_full(&self) -> bool {
        self.next.len() >= MOST
    }

    /// Waits until something is to be done. Cancelled, it has done nothing.
    pub(super) async fn turn(&mut self) -> Turn {
        if let Some(ended) = self.syncing.join_next().await {
            let ended = ended.map_err(io::Error::other).and_then(|synced| synced);
            let current = std::mem::take(&mut self.current);
            return Turn::Ended(ended.map_err(|why| (current.len(), why)).map(|()| current));
        }
        if self.next.is_empty() {
            return pending().await;
        }
        if let Some(began) = self.began {
            sleep_until(began + APART).await;
        }
        Turn::Due
    }

    /// Begins a sync of all that waits, or says how many events it cannot begin one for.
    pub(super) fn begin(&mut self, books: &Books) -> Result<(), (usize, io::Error)> {
        self.current = std::mem::take(&mut self.next);
        let files = books.files().map_err(|why| (std::mem::take(&mut self.current).len(), why))?;
        self.began = Some(Instant::now());
        self.syncs += 1;
        self.syncing.spawn_blocking(move || files.iter().try_for_each(|file| file.sync_data()));
        Ok(())
    }

    /// Says how often the disk was waited for.
    pub(super) fn tell(&self) {
        let Self { syncs, events, .. } = *self;
        tracing::debug!(syncs, events, "the disk has all that the run wrote down");
    }
}
