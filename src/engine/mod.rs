//! ROOF. Does the work: tasks in, events out. It talks to nobody but its channel.
//!
//! Each [`lane`] pulls its own tasks, holds them to its own gate, and has its own share of the
//! run's width; so whatever one provider does, the others never notice. A [`task`] is attempts
//! until an outcome; an [`attempt`] is encode, pass, send, decode. Dropping [`Engine::run`] ends
//! every call.

pub mod attempt;
mod bill;
pub mod budget;
pub mod event;
pub mod exchange;
mod form;
pub mod lane;
mod pacing;
pub mod pictures;
mod purse;
pub mod route;
pub mod source;
pub mod stop;
pub mod task;
mod wakes;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::engine::event::Event;
use crate::engine::lane::{Lane, LaneView};
use crate::engine::source::Source;
use crate::engine::stop::Stop;
use crate::pace::share;

/// How often the run's width is divided anew.
const SHARING: Duration = Duration::from_millis(100);

/// Every lane of a run.
pub struct Engine {
    lanes: Arc<[Arc<Lane>]>,
    /// Calls in flight at once, over all lanes, where the job states it.
    concurrency: Option<usize>,
}

impl Engine {
    /// An engine of these lanes, which together have at most `concurrency` calls in flight; `None`
    /// leaves each lane to itself.
    pub fn new(lanes: Vec<Lane>, concurrency: Option<usize>) -> Self {
        Self { lanes: lanes.into_iter().map(Arc::new).collect(), concurrency }
    }

    /// What can be seen of the lanes from outside while they run, in their order.
    pub fn views(&self) -> Vec<LaneView> {
        self.lanes.iter().map(LaneView::of).collect()
    }

    /// Runs every lane to the end of its source, or until it is stopped. Each task ends in one
    /// [`Event::Finished`], unless it was stopped before its first attempt. What the lanes learn
    /// stays with them: the engine can be run again with other sources.
    ///
    /// The channel is bounded: whoever reads the events slowly slows the calls.
    pub async fn run(&self, sources: Vec<Source>, events: mpsc::Sender<Event>, stop: Stop) {
        let mut active = vec![true; self.lanes.len()];
        self.share(&active);
        let mut running = JoinSet::new();
        for (number, (lane, source)) in self.lanes.iter().zip(sources).enumerate() {
            let (lane, fleet) = (Arc::clone(lane), Arc::clone(&self.lanes));
            let (events, stop) = (events.clone(), stop.clone());
            running.spawn(async move {
                lane::run(lane, fleet, source, events, stop).await;
                number
            });
        }
        drop(events);
        let mut ticks = interval(SHARING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_shared = self.concurrency.is_some() && self.lanes.len() > 1;
        loop {
            tokio::select! {
                biased;
                ended = running.join_next() => {
                    let Some(ended) = ended else { break };
                    // A lane that panicked is a fault of ours: let it be seen as one.
                    active[ended.expect("a lane does not panic")] = false;
                }
                _ = ticks.tick(), if is_shared => {}
            }
            self.share(&active);
        }
    }

    /// Divides the run's width among the lanes that can use it. A lane that is narrow, because its
    /// provider is slow to begin or takes no more, leaves the rest to the others.
    fn share(&self, active: &[bool]) {
        let Some(total) = self.concurrency else { return };
        if let [lane] = &*self.lanes {
            lane.gate.allow(total);
            return;
        }
        // A lane that has no tasks of its own, or no more, may be another's fallback.
        let wish = |(lane, active): (&Arc<Lane>, &bool)| match active {
            true => 2 * lane.gate.wish(),
            false if lane.gate.in_flight() > 0 => 2 * lane.gate.wish(),
            false => 0,
        };
        let wishes = self.lanes.iter().zip(active).map(wish);
        let wishes: Vec<(usize, usize)> =
            wishes.enumerate().filter(|(_, wish)| *wish > 0).collect();
        let caps: Vec<usize> = wishes.iter().map(|(_, wish)| *wish).collect();
        for ((lane, _), share) in wishes.iter().zip(share::divide(total, &caps)) {
            self.lanes[*lane].gate.allow(share);
        }
    }
}

#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod structured;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
