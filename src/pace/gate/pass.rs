//! Leave to send a call, and its end.

use tokio::time::Instant;

use crate::call::estimate::Expected;
use crate::pace::adaptive::Level;
use crate::pace::door::Closure;
use crate::pace::gate::Gate;
use crate::pace::headroom::{Headroom, Mark};
use crate::pace::permits::Permit;
use crate::pace::tokens::Need;
use crate::pace::verdict::Verdict;

/// Whether a call is the one that tries whether the provider is back. Dropped while it is on, it
/// leaves the place to another.
#[derive(Debug)]
pub(super) struct Trial<'g> {
    pub(super) gate: &'g Gate,
    pub(super) is_on: bool,
}

impl Trial<'_> {
    fn end(&mut self) -> bool {
        std::mem::take(&mut self.is_on)
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if self.is_on {
            self.gate.pilot().untried(Instant::now());
        }
        self.gate.tried.notify_waiters();
    }
}

/// Leave to send one call. Dropped without [`Pass::leave`] it gives its places back and leaves the
/// reserved tokens spent, since nobody knows what the call used.
#[derive(Debug)]
pub struct Pass<'g> {
    pub(super) gate: &'g Gate,
    pub(super) asked: Asked,
    pub(super) sent: Instant,
    pub(super) level: Level,
    pub(super) mark: Mark,
    pub(super) trial: Trial<'g>,
    #[expect(dead_code, reason = "the places are given back with the pass")]
    pub(super) places: Vec<Permit>,
}

/// What a call was let through with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) expected: Expected,
    pub(super) need: Need,
    /// Whether it waited for a stated limit.
    pub(super) paced: bool,
}

/// How a call ended.
pub struct End<'e> {
    /// The tokens that it used, where that is known.
    pub used: Option<Need>,
    /// What it tells of the provider.
    pub verdict: Verdict,
    /// What the provider's headers say is left.
    pub headroom: Headroom,
    /// Asked for when the lane closes for it.
    pub reason: &'e dyn Fn() -> Closure,
}

impl Pass<'_> {
    /// Ends the call: settles the tokens with those that were used, and lets the lane learn from
    /// what came.
    pub fn leave(mut self, end: &End<'_>) {
        if let Some(used) = end.used {
            self.gate.rates().for_each(|rate| rate.settle(self.asked.need, used, self.sent));
        }
        let is_trial = self.trial.end();
        self.gate.ended(&self, is_trial, end);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.pilot().landed();
    }
}
