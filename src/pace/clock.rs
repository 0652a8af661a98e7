//! Time for pacing: tokio's clock as governor's, and a wait that ends on time.
//!
//! governor's own waits sleep on a timer that a paused tokio clock does not move; so governor is
//! only asked how long, and the waiting is done here.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use governor::clock::Clock;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// tokio's clock, which tests can pause.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioClock;

impl Clock for TokioClock {
    type Instant = std::time::Instant;

    fn now(&self) -> Self::Instant {
        Instant::now().into_std()
    }
}

/// tokio rounds a wait up to whole milliseconds twice, in its wheel and in its poll, so a wait
/// that must end on time gives its last part to a finer timer.
const COARSE: Duration = Duration::from_millis(3);

/// Waits that end within a tenth of a millisecond of their time, for paces at which a late
/// millisecond is a share of the quota lost.
#[derive(Debug, Default)]
pub struct FineTimer {
    thread: Mutex<Option<mpsc::Sender<Alarm>>>,
}

#[derive(Debug)]
struct Alarm {
    after: Duration,
    ring: oneshot::Sender<()>,
}

impl FineTimer {
    /// Waits until `deadline`; nothing is lost when the wait is cancelled.
    pub async fn sleep_until(&self, deadline: Instant) {
        sleep_until(deadline - COARSE).await;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let (ring, rung) = oneshot::channel();
        self.set(Alarm { after: left, ring });
        tokio::select! {
            _ = rung => {}
            () = sleep_until(deadline) => {}
        }
        // Under a paused clock the alarm rings in real time, which is not the time waited for.
        if Instant::now() < deadline {
            sleep_until(deadline).await;
        }
    }

    /// Hands the alarm to the timer's thread, which is started by the first one.
    fn set(&self, alarm: Alarm) {
        let Ok(mut thread) = self.thread.lock() else { return };
        let sender = thread.get_or_insert_with(start);
        // Without its thread the alarm is dropped, and the coarse timer ends the wait.
        let _ = sender.send(alarm);
    }
}

/// Starts the thread. It ends when the timer is dropped.
fn start() -> mpsc::Sender<Alarm> {
    let (sender, alarms) = mpsc::channel::<Alarm>();
    let thread = std::thread::Builder::new().name("pace".to_owned());
    let started = thread.spawn(move || {
        for alarm in alarms {
            #[expect(clippy::disallowed_methods, reason = "this thread is the fine timer itself")]
            std::thread::sleep(alarm.after);
            let _ = alarm.ring.send(());
        }
    });
    if let Err(why) = started {
        tracing::debug!(%why, "no thread for the fine timer; waits end a millisecond late");
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fine_wait_keeps_to_virtual_time() {
        let timer = FineTimer::default();
        let start = Instant::now();
        for millis in [0, 1, 2, 5, 1000] {
            let before = Instant::now();
            timer.sleep_until(before + Duration::from_millis(millis)).await;
            assert!(before.elapsed() >= Duration::from_millis(millis));
        }
        assert!(start.elapsed() < Duration::from_millis(1020));
    }
}
