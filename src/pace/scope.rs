//! What several lanes share: the limits of their provider and its key, or the width of the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::pace::Limits;
use crate::pace::adaptive::FIRST;
use crate::pace::door::Door;
use crate::pace::permits::{Permit, Permits};
use crate::pace::rate::Rate;

/// What the lanes of one provider share, or all lanes of a run.
#[derive(Debug)]
pub struct Scope {
    places: Option<Arc<Permits>>,
    rate: Option<Rate>,
    trial: Option<Trial>,
    door: Door,
}

/// Until a provider has answered once, few calls go to it, however many its lanes are.
#[derive(Debug)]
struct Trial {
    places: Arc<Permits>,
    is_over: AtomicBool,
}

impl Scope {
    /// What the lanes of a provider share.
    pub fn of_provider(limits: &Limits) -> Self {
        let trial =
            Trial { places: Arc::new(Permits::new(FIRST)), is_over: AtomicBool::new(false) };
        Self {
            places: limits.concurrency.map(|places| Arc::new(Permits::new(places))),
            rate: Rate::new(limits),
            trial: Some(trial),
            door: Door::default(),
        }
    }

    /// The width of a run, which its lanes share.
    pub fn of_places(places: usize) -> Self {
        let places = Some(Arc::new(Permits::new(places)));
        Self { places, rate: None, trial: None, door: Door::default() }
    }

    /// The rates that the lanes share.
    pub fn rate(&self) -> Option<&Rate> {
        self.rate.as_ref()
    }

    /// Closed when no call with this key can succeed.
    pub fn door(&self) -> &Door {
        &self.door
    }

    /// The provider has answered, and taken the key.
    pub fn proven(&self) {
        let Some(trial) = &self.trial else { return };
        if !trial.is_over.swap(true, Ordering::Relaxed) {
            trial.places.set_limit(usize::MAX);
        }
    }

    /// Waits for the places that a call needs here.
    pub async fn take_places(&self, places: &mut Vec<Permit>) {
        if let Some(trial) = self.on_trial() {
            places.push(trial.take().await);
        }
        if let Some(shared) = &self.places {
            places.push(shared.take().await);
        }
    }

    /// The places that a call needs here, if they are free; `false` when they are not, and then
    /// some may have been taken.
    pub fn try_places(&self, places: &mut Vec<Permit>) -> bool {
        let wanted = self.on_trial().into_iter().chain(&self.places);
        for permits in wanted {
            match permits.try_take() {
                Some(place) => places.push(place),
                None => return false,
            }
        }
        true
    }

    fn on_trial(&self) -> Option<&Arc<Permits>> {
        let trial = self.trial.as_ref()?;
        (!trial.is_over.load(Ordering::Relaxed)).then_some(&trial.places)
    }
}
