//! Who pays for an attempt: the money that it may cost is held, and put on record, before it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};

use crate::call::budget::Commitment;
use crate::call::failure::{Failure, FailureKind};
use crate::call::money::Usd;
use crate::engine::budget::{Budget, Hold, Payer};
use crate::engine::event::Event;
use crate::engine::lane::Lane;

/// What pays for one attempt.
pub(super) struct Purse<'t> {
    /// The accounts.
    pub(super) budget: &'t Arc<Budget>,
    /// What is put on record; its `usd` is the worst case.
    pub(super) call: Commitment,
    /// Where that is put on record.
    pub(super) events: &'t mpsc::Sender<Event>,
}

/// Why an attempt is not paid for.
pub(super) enum Unpaid {
    /// No money is left for it.
    Short,
    /// It cannot be put on record, or the run ends.
    Unrecorded,
}

impl Purse<'_> {
    /// Waits until no money is left for such calls.
    pub(super) async fn emptied(&self, lane: &Lane) {
        self.budget.closed(payer(lane, &self.call)).await;
    }

    /// Holds the money, once there is enough, and puts that on record.
    pub(super) async fn open(self, lane: &Lane) -> Result<Hold, Unpaid> {
        let Self { budget, mut call, events } = self;
        call.usd = lane.state.overrun.over(call.usd);
        let hold = {
            let _first_in_line = lane.state.till.lock().await;
            budget.hold(payer(lane, &call), call.usd).await.ok_or(Unpaid::Short)?
        };
        let (recorded, on_record) = oneshot::channel();
        let committed = Event::Committed { call, sent: hold.sent(), recorded };
        if events.send(committed).await.is_err() || on_record.await.is_err() {
            return Err(Unpaid::Unrecorded);
        }
        Ok(hold)
    }
}

/// Whose money the call takes.
fn payer<'c>(lane: &Lane, call: &'c Commitment) -> Payer<'c> {
    Payer { lane: lane.number, provider: &call.provider, label: &call.model }
}

/// The failure of a call whose worst case nobody knows.
pub(super) fn boundless() -> Failure {
    let message = "what this call can cost is not known beforehand, and a budget needs that; state \
                   `max_tokens`, and a `price` where the model has none";
    Failure::new(FailureKind::BudgetExceeded, message)
}

/// What an attempt that is over takes of the money that was held for it.
pub(super) fn settle(hold: Option<Hold>, cost: Option<Usd>, lane: &Lane) {
    let Some(hold) = hold else { return };
    let (at_most, cost) = (hold.at_most(), cost.unwrap_or(hold.at_most()));
    if cost > at_most && lane.state.overrun.saw(cost, at_most) {
        tracing::warn!(
            provider = &*lane.endpoint.provider, model = &*lane.model, %cost, %at_most,
            "a call cost more than it could have by its length and its `max_tokens`: the provider \
             counts tokens that nobody sent, and the budget holds more for its calls from now on"
        );
    }
    hold.settle(cost);
}

/// By how much calls of a lane cost more than their worst case, in thousandths of it. A provider
/// should never bill more tokens than there can be; where one does, the next holds are larger.
#[derive(Debug, Default)]
pub(super) struct Overrun(AtomicU64);

/// All of it.
const WHOLE: i128 = 1_000;

impl Overrun {
    /// The worst case of a call, so far as that is known by now.
    fn over(&self, at_most: Usd) -> Usd {
        let more = i128::from(self.0.load(Ordering::Relaxed));
        let (pico, rest) = (at_most.as_pico() / WHOLE, at_most.as_pico() % WHOLE);
        Usd::from_pico(at_most.as_pico() + pico * more + (rest * more + WHOLE - 1) / WHOLE)
    }

    /// A call cost more than was held for it; whether that is the first one.
    fn saw(&self, cost: Usd, held: Usd) -> bool {
        let before = i128::from(self.0.load(Ordering::Relaxed));
        if held <= Usd::ZERO {
            return false;
        }
        let factor = (WHOLE + before) * cost.as_pico() / held.as_pico() + 1;
        self.0.store(u64::try_from(factor - WHOLE).unwrap_or(u64::MAX), Ordering::Relaxed);
        before == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_overrun_once_is_held_from_then_on() {
        let (overrun, usd) = (Overrun::default(), Usd::from_pico);
        assert_eq!(overrun.over(usd(1_001)), usd(1_001));
        assert!(overrun.saw(usd(1_501), usd(1_001)));
        let held = overrun.over(usd(1_001));
        assert!(held >= usd(1_501) && held < usd(1_505), "{held:?}");
        assert!(!overrun.saw(usd(3_000), held));
        assert!(overrun.over(usd(1_001)) >= usd(3_000));
    }
}
