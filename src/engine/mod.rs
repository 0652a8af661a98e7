//! ROOF. Does the work: tasks in, events out. It talks to nobody but its channel.
//!
//! Each [`lane`] pulls its own tasks, holds them to its own gate, and has its own share of the
//! run's width; so whatever one provider does, the others never notice. A [`task`] is attempts
//! until an outcome; an [`attempt`] is encode, pass, send, decode. Dropping [`Engine::run`] ends
//! every call.

pub mod attempt;
pub mod event;
pub mod exchange;
pub mod lane;
pub mod pictures;
pub mod source;
pub mod stop;
pub mod task;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::engine::event::Event;
use crate::engine::lane::{Lane, LaneView};
use crate::engine::source::Source;
use crate::engine::stop::Stop;
use crate::pace::share;

/// Every lane of a run, ready to go.
pub struct Engine {
    lanes: Vec<(Arc<Lane>, Source)>,
    /// Calls in flight at once, over all lanes.
    concurrency: usize,
}

impl Engine {
    /// An engine of these lanes, which together have at most `concurrency` calls in flight.
    pub fn new(lanes: Vec<(Lane, Source)>, concurrency: usize) -> Self {
        let lanes = lanes.into_iter().map(|(lane, source)| (Arc::new(lane), source)).collect();
        Self { lanes, concurrency }
    }

    /// What can be seen of the lanes from outside while they run, in their order.
    pub fn views(&self) -> Vec<LaneView> {
        self.lanes.iter().map(|(lane, _)| LaneView::of(lane)).collect()
    }

    /// Runs every lane to its end, or until it is stopped. Each task ends in one
    /// [`Event::Finished`], unless it was stopped before its first attempt.
    ///
    /// The channel is bounded: whoever reads the events slowly slows the calls.
    pub async fn run(self, events: mpsc::Sender<Event>, stop: Stop) {
        let caps: Vec<usize> = self.lanes.iter().map(|(lane, _)| lane.cap()).collect();
        let mut active = vec![true; caps.len()];
        let mut widths = Vec::new();
        let mut running = JoinSet::new();
        let first = share::divide(self.concurrency, &caps);
        for (number, ((lane, source), width)) in self.lanes.into_iter().zip(first).enumerate() {
            let (sender, receiver) = watch::channel(width);
            widths.push(sender);
            let (events, stop) = (events.clone(), stop.clone());
            running.spawn(async move {
                lane::run(lane, source, receiver, events, stop).await;
                number
            });
        }
        drop(events);
        while let Some(ended) = running.join_next().await {
            // A lane that panicked is a fault of ours: let it be seen as one.
            let number = ended.expect("a lane does not panic");
            active[number] = false;
            widen(&widths, self.concurrency, &caps, &active);
        }
    }
}

/// Gives the places of lanes that ended to those that still run.
fn widen(widths: &[watch::Sender<usize>], total: usize, caps: &[usize], active: &[bool]) {
    let left: Vec<usize> = (0..caps.len()).filter(|lane| active[*lane]).collect();
    let caps: Vec<usize> = left.iter().map(|lane| caps[*lane]).collect();
    for (lane, share) in left.iter().zip(share::divide(total, &caps)) {
        widths[*lane].send_if_modified(|width| {
            let wider = share > *width;
            *width = share.max(*width);
            wider
        });
    }
}

#[cfg(test)]
mod tests;
