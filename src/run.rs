//! One whole run on one page: plan, engine, journal, reports.
//!
//! [`Prepared::new`] does all that can fail before anything is sent: the plan is made, which reads
//! every row, and every key is found. [`Prepared::run`] then owns the run: events come in, the
//! journal is written first, and only then is anybody told. Nobody else writes. The reports at the
//! end are made from the journal alone.

pub mod error;
mod keys;
mod lanes;
pub mod observer;
mod open;
mod pump;
pub mod records;
mod resume;
pub mod settings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::time::Instant;

use crate::engine::Engine;
use crate::engine::stop::{Level, Stopper};
use crate::engine::task::Origin;
use crate::job::Job;
use crate::job::diagnostic::Diagnostic;
use crate::job::plan::Plan;
use crate::job::select::Selection;
use crate::mock::server::Mock;
use crate::pace::adaptive::USUAL_CAP;
use crate::provider::access::Access;
use crate::provider::env::Env;
use crate::report::summary::Summary;
use crate::report::table::{ReportSpec, write_reports};
use crate::run::error::RunError;
use crate::run::observer::Observer;
use crate::run::settings::Settings;
use crate::store::RunDir;
use crate::wire::descriptors;
use crate::wire::http::Http;
use crate::wire::secret::Redactor;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The run folder.
    pub path: PathBuf,
    /// Its numbers.
    pub summary: Summary,
    /// Whether it was stopped with tasks left.
    pub interrupted: bool,
}

/// A job that is ready to be run: planned, and with every key in hand.
pub struct Prepared<'j> {
    job: &'j Job,
    plan: Plan,
    access: Vec<Access>,
    redactor: Redactor,
}

impl<'j> Prepared<'j> {
    /// Plans the job and finds its keys; every fault at once. Sends nothing.
    pub fn new(job: &'j Job, selection: &Selection, env: &Env) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let plan = Plan::make(job, selection).map_err(|more| faults.extend(more));
        let redactor = Redactor::default();
        let access = keys::find(job, plan.as_ref().ok(), env, &redactor)
            .and_then(|access| keys::not_in_job(job, &redactor).map(|()| access))
            .map_err(|more| faults.extend(more));
        match (plan, access) {
            (Ok(plan), Ok(access)) => Ok(Self { job, plan, access, redactor }),
            _ => Err(faults),
        }
    }

    /// Takes the run's keys out of texts.
    pub fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    /// Runs the job to its end, or until `stopper` is asked.
    pub async fn run(
        self,
        settings: &Settings,
        observer: &mut (dyn Observer + Send),
        stopper: &Stopper,
    ) -> Result<Ended, RunError> {
        let mut opened = open::open(self.job, &self.plan, settings)?;
        let result = self.work(&mut opened, observer, stopper).await;
        let ending = match &result {
            Err(_) => "failed",
            Ok(true) => "interrupted",
            Ok(false) => "done",
        };
        let closed = open::close(&mut opened, ending);
        // The reports of a run that broke off show what is safe in the journal.
        let summary = write_reports(&opened.dir, &self.job.output.reports);
        // What broke first is told first: it is the cause of what follows.
        let interrupted = result?;
        closed?;
        let summary = summary?;
        Ok(Ended { path: opened.dir.path().to_owned(), summary, interrupted })
    }

    /// Does the work that is left; whether it was stopped before all of it was done.
    async fn work(
        &self,
        opened: &mut open::Opened,
        observer: &mut (dyn Observer + Send),
        stopper: &Stopper,
    ) -> Result<bool, RunError> {
        let done = resume::align(self.job, &self.plan, opened)?;
        let mock = self.start_mock().await?;
        let http = Arc::new(Http::new(self.job.timeouts, self.redactor.clone())?);
        let origin = Origin {
            job: Arc::clone(&self.job.name),
            run: opened.dir.name().into(),
            tags: Arc::clone(&self.job.tags),
        };
        let parts = lanes::Parts {
            job: self.job,
            plan: &self.plan,
            access: &self.access,
            mock: mock.as_ref(),
            http,
            origin,
            done: &done,
            width: self.width(),
            deadline: self.job.deadline.map(|deadline| Instant::now() + deadline),
        };
        let engine = Engine::new(lanes::lanes(&parts), parts.width);
        let sources = lanes::sources(&parts);
        let starts = lanes::starts(&parts, &engine);
        observer.begin(&opened.dir.name(), starts);
        let outcome = pump::pump(&engine, sources, &mut opened.journal, observer, stopper).await;
        observer.end();
        opened.warn_of_changes();
        let to_do = self.plan.total() - done.by_lane.iter().sum::<u64>();
        Ok(outcome?.finished < to_do && stopper.level() > Level::Running)
    }

    /// Calls in flight at once: what the job allows, or this machine. `None` leaves each lane to
    /// itself.
    fn width(&self) -> Option<usize> {
        let most = descriptors::most_connections(self.job.mock.is_some());
        let wanted = self.job.concurrency.unwrap_or(USUAL_CAP);
        if most < wanted {
            tracing::warn!(
                wanted,
                allowed = most,
                "the limit on open files allows fewer calls in flight; raise it with `ulimit -n`"
            );
        }
        let is_bounded = most < self.job.lanes.len().saturating_mul(USUAL_CAP);
        self.job.concurrency.map(|stated| stated.min(most)).or(is_bounded.then_some(most))
    }

    /// Starts the built-in provider, where a lane of the plan calls it.
    async fn start_mock(&self) -> Result<Option<Mock>, RunError> {
        match &self.job.mock {
            Some(script) => Ok(Some(Mock::start(script.clone(), 0).await?)),
            None => Ok(None),
        }
    }
}

/// Writes the reports of a run again, from its journal.
pub fn report(path: &Path, specs: &[ReportSpec]) -> Result<(PathBuf, Summary), RunError> {
    let run = RunDir::read(path)?;
    let summary = write_reports(&run, specs)?;
    Ok((run.path().to_owned(), summary))
}
