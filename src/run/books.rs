//! What a session writes while it works: the journal, and under a budget the calls in flight.

use std::io;

use crate::call::record::Record;
use crate::engine::event::Event;
use crate::eval::grader::Grader;
use crate::store::commitments::Commitments;
use crate::store::journal::Journal;

/// The files of a session that works.
pub(super) struct Books {
    pub(super) journal: Journal,
    /// The calls in flight, where money is capped.
    pub(super) commitments: Option<Commitments>,
    /// What scores answers as they come.
    pub(super) grader: Grader,
}

impl Books {
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

    /// An outcome is in the journal: the calls that it tells of are in flight no more.
    pub(super) fn settle(&mut self, record: &Record) {
        if let Some(commitments) = &mut self.commitments {
            commitments.settle(record);
        }
    }
}
