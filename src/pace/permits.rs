//! A semaphore whose width can change while it is used, both ways.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The widest that permits can be: more calls than any machine has sockets for.
const WIDEST: usize = 1 << 20;

/// Places for calls, first come, first served.
#[derive(Debug)]
pub struct Permits {
    places: Arc<Semaphore>,
    width: Mutex<Width>,
}

#[derive(Debug)]
struct Width {
    limit: usize,
    /// Places above the limit that are still in use; they are not given out again.
    debt: usize,
}

impl Permits {
    /// So many places.
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(WIDEST);
        let width = Mutex::new(Width { limit, debt: 0 });
        Self { places: Arc::new(Semaphore::new(limit)), width }
    }

    /// Waits for a place. A wait that is cancelled has taken nothing.
    pub async fn take(self: &Arc<Self>) -> Permit {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore of permits is never closed");
        Permit { of: Arc::clone(self), place: Some(place) }
    }

    /// A place, if one is free and nobody waits for it.
    pub fn try_take(self: &Arc<Self>) -> Option<Permit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Permit { of: Arc::clone(self), place: Some(place) })
    }

    /// How many places there are.
    pub fn limit(&self) -> usize {
        self.width().limit
    }

    /// Changes how many places there are. Those in use above the new limit end in their own time.
    pub fn set_limit(&self, limit: usize) {
        let limit = limit.min(WIDEST);
        let mut width = self.width();
        if limit > width.limit {
            let more = limit - width.limit;
            let paid = more.min(width.debt);
            width.debt -= paid;
            self.places.add_permits(more - paid);
        } else {
            let fewer = width.limit - limit;
            width.debt += fewer - self.places.forget_permits(fewer);
        }
        width.limit = limit;
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One place, given back when it is dropped.
#[derive(Debug)]
pub struct Permit {
    of: Arc<Permits>,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        let mut width = self.of.width();
        if width.debt > 0 {
            width.debt -= 1;
            place.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_shrunken_width_is_reached_as_places_come_back() {
        let permits = Arc::new(Permits::new(3));
        let mut held: Vec<Permit> = (0..3).filter_map(|_| permits.try_take()).collect();
        permits.set_limit(1);
        held.pop();
        assert!(permits.try_take().is_none());
        held.pop();
        assert!(permits.try_take().is_none());
        held.pop();
        let one = permits.try_take();
        assert!(one.is_some() && permits.try_take().is_none());
        permits.set_limit(2);
        assert!(permits.try_take().is_some());
    }

    #[test]
    fn a_width_that_grows_again_pays_its_debt_first() {
        let permits = Arc::new(Permits::new(4));
        let held: Vec<Permit> = (0..4).filter_map(|_| permits.try_take()).collect();
        permits.set_limit(1);
        permits.set_limit(4);
        assert!(permits.try_take().is_none());
        drop(held);
        assert_eq!((0..9).map_while(|_| permits.try_take()).collect::<Vec<_>>().len(), 4);
    }

    #[test]
    fn whoever_waits_is_served_when_the_width_grows() {
        let permits = Arc::new(Permits::new(0));
        let mut waiting = Box::pin(permits.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        permits.set_limit(1);
        assert!(waiting.now_or_never().is_some());
    }
}
