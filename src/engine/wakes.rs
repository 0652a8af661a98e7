//! When the tasks wake up that sleep before a retry.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// When the sleeping tasks of a lane wake up, and how many do so at each time.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    times: Mutex<BTreeMap<Instant, usize>>,
    count: AtomicUsize,
}

impl Wakes {
    /// One more sleeps until then, or until what comes back is dropped.
    pub(super) fn sleep(&self, until: Instant) -> Asleep<'_> {
        *self.lock().entry(until).or_default() += 1;
        self.count.fetch_add(1, Ordering::Relaxed);
        Asleep { wakes: self, until }
    }

    /// How many sleep.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// When the next one wakes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().first_key_value().map(|(until, _)| *until)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Instant, usize>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that sleeps.
#[derive(Debug)]
pub(super) struct Asleep<'w> {
    wakes: &'w Wakes,
    until: Instant,
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        self.wakes.count.fetch_sub(1, Ordering::Relaxed);
        let mut wakes = self.wakes.lock();
        let Some(together) = wakes.get_mut(&self.until) else { return };
        *together -= 1;
        if *together == 0 {
            wakes.remove(&self.until);
        }
    }
}
