//! A run as a stream: each record when it is safe in the journal, for programs. After the tasks of
//! the job come the calls of its scorers, which have a `scorer`.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::Stream;

use crate::call::record::Record;
use crate::engine::event::Event;
use crate::engine::stop::{Level, Stopper};
use crate::job::Job;
use crate::job::faults::Faults;
use crate::provider::env::Env;
use crate::run::error::RunError;
use crate::run::observer::{LaneStart, Observer};
use crate::run::settings::Settings;
use crate::run::{Ended, Prepared};

/// The records of a run, in the order in which they are done. Each is in the journal before it is
/// here.
///
/// The run goes on only while this is polled; whoever takes records slowly slows the calls. Dropping
/// it gives up what is in flight: what was done is in the journal, and [`Settings::resume`] goes on.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use futures::StreamExt as _;
/// use runner::{Job, Settings};
///
/// let job = Job::load("jobs/nightly.toml")?;
/// println!("{} tasks", job.plan()?.total());
/// let mut records = job.run(Settings::default())?;
/// while let Some(record) = records.next().await {
///     println!("{} {:?}", record.row, record.status);
/// }
/// let ended = records.ended().await?;
/// println!("reports in {}", ended.path.display());
/// # Ok(())
/// # }
/// ```
#[must_use = "a run does nothing unless its records are taken"]
pub struct Records<'j> {
    done: Shelf,
    running: Option<Running<'j>>,
    outcome: Option<Result<Ended, RunError>>,
    stopper: Stopper,
}

/// The run as a whole.
type Running<'j> = Pin<Box<dyn Future<Output = Result<Ended, RunError>> + Send + 'j>>;

/// Records that nobody has taken yet.
type Shelf = Arc<Mutex<VecDeque<Record>>>;

impl Job {
    /// Runs the job, with keys from the process's environment and a `.env` file in the working
    /// folder. The faults are those of its rows, and keys that are missing; nothing was sent then.
    pub fn run(&self, settings: Settings) -> Result<Records<'_>, Faults> {
        self.run_with(settings, &Faults::env()?)
    }

    /// The same with the keys of this environment.
    pub fn run_with(&self, settings: Settings, env: &Env) -> Result<Records<'_>, Faults> {
        let prepared = Prepared::new(self, &settings.selection, env)
            .map_err(|faults| Faults::of(self, faults))?;
        let (done, stopper) = (Shelf::default(), Stopper::default());
        let (mut keeper, heard) = (Keeper(Arc::clone(&done)), stopper.clone());
        let running = async move { prepared.run(&settings, &mut keeper, &heard).await };
        Ok(Records { done, running: Some(Box::pin(running)), outcome: None, stopper })
    }
}

impl Records<'_> {
    /// Stops the run: draining first ends what is in flight. The records that still come are all
    /// there is, and [`Ended::stopped`] says so.
    pub fn stop(&self, level: Level) {
        self.stopper.stop(level);
    }

    /// How the run ended, once its reports are written. Records that were not taken are in the
    /// journal all the same.
    pub async fn ended(mut self) -> Result<Ended, RunError> {
        if let Some(running) = self.running.take() {
            return running.await;
        }
        self.outcome.take().expect("a run that does not go on has ended")
    }

    fn take(&self) -> Option<Record> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Stream for Records<'_> {
    type Item = Record;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Record>> {
        if let Some(record) = self.take() {
            return Poll::Ready(Some(record));
        }
        if let Some(running) = &mut self.running
            && let Poll::Ready(outcome) = running.as_mut().poll(context)
        {
            self.outcome = Some(outcome);
            self.running = None;
        }
        match (self.take(), &self.running) {
            (Some(record), _) => Poll::Ready(Some(record)),
            (None, None) => Poll::Ready(None),
            (None, Some(_)) => Poll::Pending,
        }
    }
}

/// Keeps each record for whoever takes it.
struct Keeper(Shelf);

impl Observer for Keeper {
    fn begin(&mut self, _: &str, _: Vec<LaneStart>) {}

    fn see(&mut self, event: &Event) {
        if let Event::Finished { entry, .. } = event {
            let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            shelf.push_back(entry.record.clone());
        }
    }

    fn tick(&mut self) {}

    fn end(&mut self) {}
}
