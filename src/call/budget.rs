//! What a run keeps on record of its budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::call::money::Usd;
use crate::call::task::TaskId;

/// A call that is about to be sent, and what it may cost: all that is left of it if nobody ever
/// hears of it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// The task.
    pub task: TaskId,
    /// The number of the attempt within the task, from 1, over all sessions of the run.
    pub attempt: u32,
    /// The label of the model whose task it is.
    pub model: Arc<str>,
    /// The provider that is asked.
    pub provider: Arc<str>,
    /// The most that it can cost.
    pub usd: Usd,
}

/// Whether a call that is on record was sent: it may be stopped between the two.
#[derive(Clone, Debug, Default)]
pub struct SentMark(Arc<AtomicBool>);

impl SentMark {
    /// It is sent now.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Calls that were sent and of which nobody knows how they ended: the session was killed or
/// cancelled meanwhile. The provider may have billed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LostCalls {
    /// The label of the model whose tasks they were for.
    pub model: Arc<str>,
    /// The provider that was asked.
    pub provider: Arc<str>,
    /// How many.
    pub calls: u64,
    /// The most that they can have cost in USD.
    pub at_most_usd: Usd,
}

impl LostCalls {
    /// These calls, by model and provider.
    pub fn of<'c>(calls: impl IntoIterator<Item = &'c Commitment>) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for call in calls {
            let is_this =
                |lost: &&mut Self| lost.model == call.model && lost.provider == call.provider;
            if let Some(lost) = all.iter_mut().find(is_this) {
                lost.calls += 1;
                lost.at_most_usd += call.usd;
            } else {
                all.push(Self {
                    model: Arc::clone(&call.model),
                    provider: Arc::clone(&call.provider),
                    calls: 1,
                    at_most_usd: call.usd,
                });
            }
        }
        all
    }
}

/// What a cap is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CapOn {
    /// The whole run.
    Run,
    /// The calls to one provider.
    Provider,
    /// The tasks of one model, fallbacks included.
    Model,
}

/// A cap of the budget, and what is spent of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CapReport {
    /// What the cap is for.
    pub on: CapOn,
    /// The provider's name or the model's label; null for the run.
    pub name: Option<Arc<str>>,
    /// The cap in USD.
    pub max_usd: Usd,
    /// What is spent of it in USD over all sessions; where a cost is not known, the most that it
    /// can be.
    pub spent_usd: Usd,
}
