//! Writes outcomes into the journal on a thread of its own, so that calls go on meanwhile: in one
//! batch all that came while the batch before was written.

use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

use crate::call::record::Entry;
use crate::engine::event::Event;
use crate::store::journal::Journal;

/// Whoever writes the journal of a session.
pub(super) struct Scribe {
    path: PathBuf,
    shared: Arc<Shared>,
    writing: JoinSet<Written>,
}

/// What the session and the thread that writes share.
struct Shared {
    journal: Mutex<Journal>,
    /// Nothing more is to be written: the run folder may be somebody else's soon. Set and asked by
    /// whoever holds the journal.
    is_closed: AtomicBool,
}

/// What came of writing a batch.
pub(super) struct Written {
    /// The batch.
    pub(super) events: Vec<Event>,
    /// Whether its outcomes are in the journal; after an error none of them is.
    pub(super) outcome: io::Result<()>,
}

impl Scribe {
    pub(super) fn new(journal: Journal) -> Self {
        let path = journal.path().to_owned();
        let shared = Shared { journal: Mutex::new(journal), is_closed: AtomicBool::new(false) };
        Self { path, shared: Arc::new(shared), writing: JoinSet::new() }
    }

    /// Where the journal stands.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The journal, once nobody writes in it.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.shared.journal()
    }

    /// Whether a batch is being written.
    pub(super) fn is_busy(&self) -> bool {
        !self.writing.is_empty()
    }

    /// Begins to write the outcomes among these events, with one write.
    pub(super) fn begin(&mut self, events: Vec<Event>) {
        let shared = Arc::clone(&self.shared);
        self.writing.spawn_blocking(move || {
            let outcome = shared.write(&events);
            Written { events, outcome }
        });
    }

    /// Waits until the batch is written; for ever, where there is none. Cancelled, it has done
    /// nothing.
    pub(super) async fn written(&mut self) -> Written {
        match self.writing.join_next().await {
            // Whoever panicked over an outcome would lose it: let it be seen as a fault of ours.
            Some(written) => written.expect("writing an outcome does not panic"),
            None => pending().await,
        }
    }
}

impl Drop for Scribe {
    /// Who is dropped while a batch is being written waits for its end.
    fn drop(&mut self) {
        let _at_rest = self.shared.journal();
        self.shared.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, events: &[Event]) -> io::Result<()> {
        let mut journal = self.journal();
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(io::Error::other("the run is over"));
        }
        journal.append(outcomes(events))
    }
}

/// The outcomes among these events.
pub(super) fn outcomes(events: &[Event]) -> impl Iterator<Item = &Entry> {
    events.iter().filter_map(|event| match event {
        Event::Finished { entry, .. } => Some(&**entry),
        _ => None,
    })
}
