//! A door that closes for good: nobody is let through any more, and whoever waits is told why.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::call::duration::DurationText;
use crate::call::failure::FailureKind;
use crate::pace::rate::Waiting;

/// Why no more calls are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// The kind of failure that closed the door.
    pub kind: FailureKind,
    /// What happened and what to do about it, for people.
    pub reason: Arc<str>,
    /// Whether the tasks behind it are left alone, because the run is about to end anyway; else
    /// each of them is told.
    pub is_parked: bool,
}

impl Closure {
    /// A wait that is in vain, because the run ends before it.
    pub fn parked(waiting: Waiting, now: Instant) -> Self {
        let left = waiting.until.saturating_duration_since(now).as_secs_f64().round().max(1.0);
        let left = DurationText(Duration::from_secs(left as u64));
        let reason = format!(
            "it would wait another {left} for {}, which is beyond `limits.deadline`",
            waiting.why.as_str()
        );
        Self { kind: FailureKind::Timeout, reason: reason.into(), is_parked: true }
    }
}

/// Why a call is not let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// No more calls are made.
    Closed(Closure),
    /// The provider takes no calls for now, and the call would rather go elsewhere than wait. It
    /// would fail like this.
    Away(FailureKind),
}

impl From<Closure> for Barred {
    fn from(closure: Closure) -> Self {
        Self::Closed(closure)
    }
}

/// A door.
#[derive(Debug, Default)]
pub struct Door {
    closure: OnceLock<Closure>,
    closed: Notify,
}

impl Door {
    /// Closes the door; `false` when it was closed already, and that reason stands.
    pub fn close(&self, closure: Closure) -> bool {
        let is_first = self.closure.set(closure).is_ok();
        self.closed.notify_waiters();
        is_first
    }

    /// Why it is closed, if it is.
    pub fn closure(&self) -> Option<&Closure> {
        self.closure.get()
    }

    /// Waits until it is closed.
    pub async fn closed(&self) -> Closure {
        loop {
            let mut closed = std::pin::pin!(self.closed.notified());
            // Whoever closes it between the look and the wait is heard.
            closed.as_mut().enable();
            if let Some(closure) = self.closure() {
                return closure.clone();
            }
            closed.await;
        }
    }
}
