//! All that the engine says.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::call::budget::{Commitment, SentMark};
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
        /// Told when it is written down. Its worker sends nothing new before that, so that a process
        /// that is killed forgets no more answers than there can be calls in flight.
        written: Option<oneshot::Sender<()>>,
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
    /// A call is about to be sent that may cost money of a budget. It waits until this is on
    /// record, so that whatever happens then, nobody forgets that it was sent.
    Committed {
        /// The call.
        call: Commitment,
        /// Whether it was sent then.
        sent: SentMark,
        /// Told when it is on record; dropped when it cannot be.
        recorded: oneshot::Sender<()>,
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
