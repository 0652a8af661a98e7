//! All that the engine says.

use std::time::Duration;

use crate::call::failure::FailureKind;
use crate::call::record::Entry;

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// A task has its outcome.
    Finished {
        /// The lane's number.
        lane: usize,
        /// The outcome, for the journal.
        entry: Box<Entry>,
    },
    /// An attempt failed, and the task will try again.
    Retrying {
        /// The lane's number.
        lane: usize,
        /// Why it failed.
        kind: FailureKind,
        /// The number of the attempt that failed, from 1.
        attempt: u32,
        /// How long it waits first.
        wait: Duration,
    },
    /// A lane cannot read its tasks any more; what it has in flight still ends.
    Broken {
        /// The lane's number.
        lane: usize,
        /// What is wrong with the source.
        why: String,
    },
    /// A lane has no more tasks, and none in flight.
    LaneEnded {
        /// The lane's number.
        lane: usize,
    },
}
