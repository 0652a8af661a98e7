//! Who stops a run on its way: the user, and the deadline. At the deadline nothing new is sent, and
//! what is in flight has a short grace.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::stop::{Level, Stopper};
use crate::run::observer::LaneStart;
use crate::run::stopped::StoppedBy;

/// Calls in flight have a twentieth of the run's time: a deadline is not kept by a run that takes
/// much longer.
const GRACE_PARTS: u32 = 20;
/// Most models need this long for any answer.
const LEAST_GRACE: Duration = Duration::from_secs(1);
/// Whoever waits for a run of hours can wait this long for its last calls, and hardly longer.
const MOST_GRACE: Duration = Duration::from_secs(10);

/// Hands on to the run what the user asks, and stops it at its deadline. Never returns.
pub(super) async fn watch(user: &Stopper, deadline: Option<Deadline>, stop: &Stopper) {
    let hand_on = async {
        let mut heard = user.heard();
        heard.draining().await;
        stop.stop(Level::Draining);
        heard.cancelled().await;
        stop.stop(Level::Cancelled);
    };
    let keep = async {
        if let Some(deadline) = deadline {
            deadline.keep(stop).await;
        }
    };
    tokio::join!(hand_on, keep, pending::<()>());
}

/// When a session ends, done or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// How long the session may take.
    limit: Duration,
    /// When that is over.
    pub(super) at: Instant,
}

impl Deadline {
    /// The deadline of a session that begins now.
    pub(super) fn begins_now(limit: Duration) -> Self {
        Self { limit, at: Instant::now() + limit }
    }

    /// Stops the run at the deadline: first what would be sent, after the grace what is in flight.
    async fn keep(self, stop: &Stopper) {
        sleep_until(self.at).await;
        let grace = self.grace();
        if stop.level() == Level::Running {
            tracing::warn!(
                grace_ms = grace.as_millis(),
                "`limits.deadline` is reached: nothing new is sent, and calls in flight have a grace"
            );
        }
        stop.stop(Level::Draining);
        sleep(grace).await;
        stop.stop(Level::Cancelled);
    }

    /// Why a run stopped that has tasks left: its time is over, or they would have waited beyond it.
    pub(super) fn stopped(self, lanes: &[LaneStart], level: Level) -> StoppedBy {
        let parked = |lane: &LaneStart| Some((lane.label.clone(), lane.view.parked()?.to_string()));
        StoppedBy::Deadline {
            limit: self.limit,
            is_reached: level > Level::Running,
            parked: lanes.iter().filter_map(parked).collect(),
        }
    }

    fn grace(self) -> Duration {
        (self.limit / GRACE_PARTS).clamp(LEAST_GRACE, MOST_GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_in_flight_have_a_grace_within_bounds() {
        for (limit, grace) in [(2, 1), (60, 3), (7200, 10)] {
            let (began, stop) = (Instant::now(), Stopper::default());
            let mut heard = stop.heard();
            let told = async {
                heard.draining().await;
                let drained = began.elapsed();
                heard.cancelled().await;
                (drained.as_secs(), began.elapsed().as_secs())
            };
            let deadline = Deadline::begins_now(Duration::from_secs(limit));
            let ((), told) = tokio::join!(deadline.keep(&stop), told);
            assert_eq!(told, (limit, limit + grace));
        }
    }
}
