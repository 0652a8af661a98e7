//! Who watches a run.

use crate::engine::event::Event;
use crate::engine::lane::LaneView;

/// Watches a run.
pub trait Observer {
    /// The run begins.
    fn begin(&mut self, run: &str, lanes: Vec<LaneStart>);
    /// Something happened. An outcome is in the journal when this is called.
    fn see(&mut self, event: &Event);
    /// The canary begins, or is passed. Not told where it stops the run.
    fn canary(&mut self, _is_on: bool) {}
    /// The answers are there, and scorers begin to ask models about them. The lanes are those of the
    /// run in their order; what they have to do now are the calls of scorers, and most have none.
    fn judging(&mut self, _run: &str, _lanes: Vec<LaneStart>) {}
    /// Some time has passed: a tenth of a second.
    fn tick(&mut self);
    /// Nothing more will happen.
    fn end(&mut self);
}

/// A lane at the start of a session.
pub struct LaneStart {
    /// How reports name its model.
    pub label: String,
    /// Its tasks, those done before this session among them.
    pub total: u64,
    /// Tasks that were done before this session.
    pub done: u64,
    /// What can be seen of it while it runs.
    pub view: LaneView,
}
