//! One whole run on one page: plan, engine, journal, reports.
//!
//! [`Prepared::new`] does all that can fail before anything is sent: the plan is made, which reads
//! every row, and every key is found. [`Prepared::run`] then owns the run: events come in, the
//! journal is written first, and only then is anybody told. Nobody else writes. The reports at the
//! end are made from the journal alone.

mod ahead;
mod books;
mod canary;
mod deadline;
mod desk;
pub mod error;
mod group;
mod keys;
mod lanes;
mod money;
pub mod observer;
mod open;
mod pump;
pub mod records;
mod resume;
pub mod scoring;
mod scribe;
pub mod settings;
pub mod settled;
pub mod stopped;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::ledger::session::Session;
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
use crate::report::table::{ReportSpec, write_reports, write_reports_beside};
use crate::run::books::Books;
use crate::run::canary::{Jury, Part};
use crate::run::deadline::Deadline;
use crate::run::error::RunError;
use crate::run::lanes::Parts;
use crate::run::observer::Observer;
use crate::run::scoring::Scoring;
use crate::run::settings::Settings;
use crate::run::stopped::{Failing, Stopped, StoppedBy};
use crate::store::RunDir;
use crate::store::error::StoreError;
use crate::store::index::Index;
use crate::wire::descriptors;
use crate::wire::http::Http;
use crate::wire::secret::Redactor;

/// Turns that others get before the reports are made: in each, some sixty connections close.
const TURNS: usize = 32;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The run folder.
    pub path: PathBuf,
    /// Its numbers.
    pub summary: Summary,
    /// What stopped it with tasks left, if anything did.
    pub stopped: Option<Stopped>,
    /// What came of the questions of scorers.
    pub scoring: Scoring,
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

    /// Runs the job to its end, or until `stopper` is asked, the deadline is over or the canary
    /// fails.
    pub async fn run(
        self,
        settings: &Settings,
        observer: &mut (dyn Observer + Send),
        stopper: &Stopper,
    ) -> Result<Ended, RunError> {
        let deadline = self.job.deadline.map(Deadline::begins_now);
        let mut opened = open::open(self.job, &self.plan, settings)?;
        let result = self.work(&mut opened, observer, stopper, deadline).await;
        hang_up().await;
        let result = opened.gone(self.job).map_or(result, Err);
        let ending = match &result {
            Err(_) => "failed",
            Ok((Some(stopped), _)) => stopped.by.as_str(),
            Ok((None, _)) => open::DONE,
        };
        let closed = open::close(&mut opened, ending);
        // The reports of a run that broke off show what is safe in the journal.
        let index = opened.books.scribe.journal().take_index();
        let summary = self.report(&opened.dir, settings, index);
        // What broke first is told first: it is the cause of what follows.
        let (stopped, scoring) = result?;
        closed?;
        let summary = summary?;
        Ok(Ended { path: opened.dir.path().to_owned(), summary, stopped, scoring })
    }

    /// Writes the reports and books the run in the ledger.
    fn report(
        &self,
        dir: &RunDir,
        settings: &Settings,
        index: Option<Index>,
    ) -> Result<Summary, StoreError> {
        // A journal that is not as it was written is read whole, to tell what is damaged.
        let known = index.and_then(|index| self.fold(dir, settings, Some(index)).ok());
        known.map_or_else(|| self.fold(dir, settings, None), Ok)
    }

    /// The same, in one pass over the journal; where it is not said where its outcomes stand, in two.
    fn fold(
        &self,
        dir: &RunDir,
        settings: &Settings,
        index: Option<Index>,
    ) -> Result<Summary, StoreError> {
        let out = settings.out.as_deref().unwrap_or(&self.job.output.dir);
        let mut ledger = Session::begin(out, dir);
        let reports = &self.job.output.reports;
        let summary = write_reports_beside(dir, reports, index, &mut |row| ledger.see(row))?;
        if let Err(why) = ledger.finish(&summary) {
            // The run is whole without it, and whoever asks the ledger has it look for such runs.
            tracing::warn!(
                "the ledger lacks this run until the next `runner usage`: failed to {why}"
            );
        }
        Ok(summary)
    }

    /// Does the work that is left; what stopped it before all of it was done, and what came of the
    /// scorers' questions.
    async fn work(
        &self,
        opened: &mut open::Opened,
        observer: &mut (dyn Observer + Send),
        stopper: &Stopper,
        deadline: Option<Deadline>,
    ) -> Result<(Option<Stopped>, Scoring), RunError> {
        let done = resume::align(self.job, &self.plan, opened)?;
        let budget = money::open(self.job, opened, &done.survey)?;
        let mock = self.start_mock().await?;
        let http = Http::new(self.job.timeouts, self.redactor.clone());
        let http = Arc::new(http.taking_at_most(self.job.max_response_bytes));
        let origin = Origin {
            job: Arc::clone(&self.job.name),
            run: opened.dir.name().into(),
            tags: Arc::clone(&self.job.tags),
        };
        let parts = Parts {
            job: self.job,
            plan: &self.plan,
            access: &self.access,
            mock: mock.as_ref(),
            http,
            origin,
            done: &done,
            width: self.width(),
            budget: budget.clone(),
            deadline: deadline.map(|deadline| deadline.at),
        };
        let engine = Engine::new(lanes::lanes(&parts), parts.width);
        observer.begin(&opened.dir.name(), lanes::starts(&parts, &engine));
        // What the user asks goes through here, so that it can be told from what the run itself does.
        let stop = Stopper::default();
        let outcome = tokio::select! {
            biased;
            () = deadline::watch(stopper, deadline, &stop) => unreachable!("it never returns"),
            outcome = phases(&parts, &engine, opened, observer, &stop) => outcome,
        };
        observer.end();
        opened.keep_pacing(&engine.views());
        money::close(opened, budget.as_deref());
        opened.warn_of_changes();
        let Phases { session, failing, scoring } = outcome?;
        let to_do = self.plan.total() - done.by_lane.iter().sum::<u64>();
        let left = to_do.saturating_sub(session.finished);
        // Tasks of a closed model are told as skipped, and nothing else of them was cut short.
        if left <= session.barred && scoring.left == 0 {
            return Ok((None, scoring));
        }
        let left = left + scoring.left;
        let shortage = budget.as_ref().and_then(|budget| budget.shortage());
        let by = if stopper.level() > Level::Running {
            Some(StoppedBy::User)
        } else if let Some(shortage) = shortage {
            Some(StoppedBy::Budget(shortage))
        } else if failing.is_empty() {
            let lanes = lanes::starts(&parts, &engine);
            deadline.map(|deadline| deadline.stopped(&lanes, stop.level()))
        } else {
            let max_error_rate = self.job.canary.unwrap_or_default().max_error_rate;
            Some(StoppedBy::Canary { max_error_rate, failing })
        };
        Ok((by.map(|by| Stopped { by, left }), scoring))
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

/// Lets connections that nobody needs any more close: they give back their memory, and the reports
/// take it up.
async fn hang_up() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// What came of all that was left to do.
struct Phases {
    session: pump::Done,
    /// The models that failed in the canary.
    failing: Vec<Failing>,
    scoring: Scoring,
}

/// All that is left to do: first what the job asks, then what its scorers ask about the answers.
async fn phases(
    parts: &Parts<'_>,
    engine: &Engine,
    opened: &mut open::Opened,
    observer: &mut (dyn Observer + Send),
    stop: &Stopper,
) -> Result<Phases, RunError> {
    let (session, failing) = asking(parts, engine, &mut opened.books, observer, stop).await?;
    let is_short = parts.budget.as_ref().is_some_and(|budget| budget.shortage().is_some());
    let may_ask = stop.level() == Level::Running && failing.is_empty() && !is_short;
    let scoring = scoring::score(parts, engine, opened, observer, stop, may_ask).await?;
    Ok(Phases { session, failing, scoring })
}

/// What the job asks; where it has a canary, that first, and the rest only if no model fails in it.
/// Gives what was done, and the models that failed.
async fn asking(
    parts: &Parts<'_>,
    engine: &Engine,
    books: &mut Books,
    observer: &mut (dyn Observer + Send),
    stop: &Stopper,
) -> Result<(pump::Done, Vec<Failing>), RunError> {
    let Some(canary) = parts.job.canary else {
        let done = pump::pump(engine, lanes::sources(parts), books, observer, stop).await?;
        return Ok((done, Vec::new()));
    };
    let first = canary::sources(parts, canary.share, Part::Canary);
    let mut jury = Jury::new(parts.plan, engine.views(), observer);
    let done = pump::pump(engine, first, books, &mut jury, stop).await?;
    if stop.level() > Level::Running {
        // It was cut short, and judges nobody.
        return Ok((done, Vec::new()));
    }
    let failing = jury.failing(canary.max_error_rate);
    if !failing.is_empty() {
        return Ok((done, failing));
    }
    let rest = canary::sources(parts, canary.share, Part::Rest);
    let rest = pump::pump(engine, rest, books, observer, stop).await?;
    Ok((done.and(rest), Vec::new()))
}

/// Writes the reports of a run again, from its journal. One that still goes is told as far as it
/// came.
pub fn report(path: &Path, specs: &[ReportSpec]) -> Result<(PathBuf, Summary), RunError> {
    let run = RunDir::read(path)?;
    loop {
        let summary = write_reports(&run, specs)?;
        // A run that ended meanwhile may have written its own before these took their place.
        if !summary.going || run.is_going(run.manifest()?.as_ref())? {
            return Ok((run.path().to_owned(), summary));
        }
    }
}
