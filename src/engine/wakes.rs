//! When the tasks wake up that sleep before a retry.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// When the sleeping tasks of a lane wake up, and how many do so at each time.
#[derive(Debug, Default)]
pub(super) struct Wakes(Mutex<BTreeMap<Instant, usize>>);

impl Wakes {
    /// One more sleeps until then, or until what comes back is dropped.
    pub(super) fn sleep(&self, until: Instant) -> Asleep<'_> {
        *self.lock().entry(until).or_default() += 1;
        Asleep { wakes: self, until }
    }

    /// How many sleep.
    pub(super) fn count(&self) -> usize {
        self.lock().values().sum()
    }

    /// When the next one wakes up.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().first_key_value().map(|(until, _)| *until)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Instant, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut wakes = self.wakes.lock();
        let Some(together) = wakes.get_mut(&self.until) else { return };
        *together -= 1;
        if *together == 0 {
            wakes.remove(&self.until);
        }
    }
}
