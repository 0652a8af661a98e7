//! What a session writes while it works: the journal, and under a budget the calls in flight.

use std::fs::File;
use std::io;

use crate::call::record::Record;
use crate::engine::event::Event;
use crate::eval::grader::Grader;
use crate::run::scribe::Scribe;
use crate::store::commitments::Commitments;
use crate::store::durability::Durability;
use crate::store::error::StoreError;
use crate::store::journal::Whereabouts;

/// The files of a session that works.
pub(super) struct Books {
    /// Has the journal.
    pub(super) scribe: Scribe,
    /// The calls in flight, where money is capped.
    pub(super) commitments: Option<Commitments>,
    /// When an outcome counts as done.
    pub(super) durability: Durability,
    /// What became of the run folder, once it stood no longer where it was.
    pub(super) gone: Option<Gone>,
    /// What scores answers as they come.
    pub(super) grader: Grader,
}

/// A run folder that went away while the run was going.
#[derive(Debug)]
pub(super) enum Gone {
    /// It was renamed; the journal goes on in it.
    Moved,
    /// It was removed. Its journal was put back, if that could be done.
    Removed(Result<(), StoreError>),
}

impl Books {
    /// Whether the run folder is gone. One that was removed gets its journal back at once: it is
    /// paid for.
    pub(super) fn are_gone(&mut self) -> bool {
        if self.gone.is_none() {
            let whereabouts = self.scribe.journal().whereabouts();
            self.gone = match whereabouts {
                Whereabouts::Here => None,
                Whereabouts::Moved => Some(Gone::Moved),
                Whereabouts::Removed => Some(Gone::Removed(self.put_back())),
            };
        }
        self.gone.is_some()
    }

    fn put_back(&mut self) -> Result<(), StoreError> {
        self.scribe.journal().put_back()?;
        let path = self.scribe.path();
        match &mut self.commitments {
            Some(commitments) => commitments.rewrite().map_err(StoreError::io("write", path)),
            None => Ok(()),
        }
    }

    /// Scores the answers among these events.
    pub(super) fn grade(&self, events: &mut [Event]) {
        for event in events {
            if let Event::Finished { entry, .. } = event {
                entry.record.scores = self.grader.grade(&entry.record, &entry.expected);
            }
        }
    }

    /// Writes down the calls that these events announce.
    pub(super) fn record(&mut self, events: &[Event]) -> io::Result<()> {
        let Some(commitments) = &mut self.commitments else { return Ok(()) };
        let calls: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::Committed { call, sent, .. } => Some((call, sent)),
                _ => None,
            })
            .collect();
        if calls.is_empty() { Ok(()) } else { commitments.append(calls) }
    }

    /// All files of the session, for whoever waits until the disk has them.
    pub(super) fn files(&self) -> io::Result<Vec<File>> {
        let commitments = self.commitments.iter().map(Commitments::file);
        commitments.chain([self.scribe.journal().file()]).collect()
    }

    /// An outcome is in the journal: the calls that it tells of are in flight no more.
    pub(super) fn settle(&mut self, record: &Record) {
        if let Some(commitments) = &mut self.commitments {
            commitments.settle(record);
        }
    }
}
