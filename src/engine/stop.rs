//! Stopping: first drain, then cancel.

use tokio::sync::watch;

/// How far the run has been asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It runs.
    Running,
    /// Nothing new is sent; what is in flight ends.
    Draining,
    /// What is in flight is given up.
    Cancelled,
}

/// Asks a run to stop. Clones ask the same run.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Level>);

/// Hears that the run is to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Level>);

impl Default for Stopper {
    fn default() -> Self {
        Self(watch::channel(Level::Running).0)
    }
}

impl Stopper {
    /// Asks to stop this far; a run that was asked to stop further stays so.
    pub fn stop(&self, level: Level) {
        self.0.send_if_modified(|now| {
            let further = level > *now;
            *now = level.max(*now);
            further
        });
    }

    /// Goes one level further, and says to which.
    pub fn further(&self) -> Level {
        let next = match self.level() {
            Level::Running => Level::Draining,
            Level::Draining | Level::Cancelled => Level::Cancelled,
        };
        self.stop(next);
        next
    }

    /// How far the run has been asked to stop.
    pub fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// One more that hears.
    pub fn heard(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// How far the run has been asked to stop.
    pub fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// Waits until nothing new is to be sent.
    pub async fn draining(&mut self) {
        self.reached(Level::Draining).await;
    }

    /// Waits until what is in flight is to be given up.
    pub async fn cancelled(&mut self) {
        self.reached(Level::Cancelled).await;
    }

    async fn reached(&mut self, level: Level) {
        if self.0.wait_for(|now| *now >= level).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}
