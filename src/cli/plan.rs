//! `runner plan JOB.toml`: what would be sent, what it would cost, and how long it would take at the
//! limits. Sends nothing and needs no key.

mod json;
mod scorers;
mod table;

use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::audit::estimate::Estimator;
use crate::audit::estimate::history::History;
use crate::audit::estimate::sums::{Estimate, Sums};
use crate::call::money::Usd;
use crate::call::task::{Target, Task};
use crate::cli::context::Context;
use crate::cli::diagnose;
use crate::cli::exit::{CliError, Ending};
use crate::cli::plan::scorers::{Asks, Questions};
use crate::cli::run::{Choice, broke, read};
use crate::job::Job;
use crate::job::forecast::{AtLimits, Load};
use crate::job::plan::Plan;
use crate::job::rows::RowFault;
use crate::job::tasks::Tasks;
use crate::mock::answers::Answers;
use crate::mock::server::MockError;
use crate::run::error::RunError;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner plan jobs/nightly.toml
  runner plan jobs/nightly.toml --models 'gpt-*' --format json";

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The job file.
    #[arg(value_name = "JOB.toml")]
    job: PathBuf,
    /// What to plan.
    #[command(flatten)]
    choice: Choice,
    /// How the plan is printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Format,
}

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Runs the command.
pub fn main(args: &PlanArgs, context: &Context) -> Result<Ending, CliError> {
    show(&args.job, &args.choice, args.format, context)
}

/// What is shown of a plan.
#[derive(Debug)]
struct Forecast {
    job: Arc<str>,
    estimate: Estimate,
    /// How long each target takes, in the order of the estimate.
    minutes: Vec<AtLimits>,
    /// What scorers ask once the answers are there.
    scorers: Vec<Asks>,
}

impl Forecast {
    /// Each target with its sums and its minutes.
    fn targets(&self) -> impl Iterator<Item = (&Arc<Target>, &Sums, &AtLimits)> {
        let targets = self.estimate.targets.iter().zip(&self.minutes);
        targets.map(|((target, sums), minutes)| (target, sums, minutes))
    }

    /// Minutes until all are done: the lanes run side by side, and scorers ask after them.
    fn minutes(&self) -> f64 {
        let longest =
            |all: &mut dyn Iterator<Item = &AtLimits>| all.map(|at| at.minutes).fold(0.0, f64::max);
        let scorers = longest(&mut self.scorers.iter().map(|asks| &asks.at));
        longest(&mut self.minutes.iter()) + scorers
    }

    /// The likely cost of all, scorers included, and how many tasks and calls it lacks.
    fn likely(&self) -> (Option<Usd>, u64) {
        let likely = &self.estimate.all.likely;
        let (scorers, unpriced) = scorers::cost(&self.scorers);
        let sum = match (likely.known(), scorers) {
            (None, None) => None,
            (tasks, scorers) => Some(tasks.into_iter().chain(scorers).sum()),
        };
        (sum, likely.unknown + unpriced)
    }
}

/// Plans a job and prints what would be sent.
pub fn show(
    path: &Path,
    choice: &Choice,
    format: Format,
    context: &Context,
) -> Result<Ending, CliError> {
    let job = read(path, &choice.sets(), context)?;
    let plan = Plan::make(&job, &choice.selection())
        .map_err(|faults| diagnose::error(&job.document, &faults, &context.screen))?;
    let forecast = forecast(&job, &plan).map_err(|why| broke(&why))?;
    let text = match format {
        Format::Table => table::text(&forecast),
        Format::Json => format!("{:#}\n", json::value(&forecast)),
    };
    context.print(&text)?;
    Ok(Ending::Done)
}

/// What a plan will take and cost.
fn forecast(job: &Job, plan: &Plan) -> Result<Forecast, RunError> {
    let answers = job.mock.as_ref().and_then(|script| script.answers.as_deref());
    let answers = answers.map_or(Ok(Answers::default()), Answers::load).map_err(MockError::from)?;
    let history = History::read(&job.output.dir, &job.name);
    let targets = plan.targets().iter().map(|target| Arc::clone(&target.target));
    let mut estimator = Estimator::new(targets, history, answers, job.retry.max_attempts);
    let broken = |why: RowFault| RunError::Prompts(why.to_string());
    let mut questions = Questions::new(job, plan);
    let mut places = plan.places();
    for task in InOrder::of(job, plan) {
        let task = task.map_err(broken)?;
        let tokens = estimator.add(&task);
        if questions.are_none() {
            continue;
        }
        // The places come in the same order.
        let place = places.find(|place| place.as_ref().map_or(true, |at| at.index == task.index));
        if let Some(place) = place.transpose().map_err(broken)? {
            questions.add(&task, &place, tokens);
        }
    }
    let caps = &job.caps;
    let of_model = |target: &Target| {
        let cap = caps.models.iter().find(|(label, _)| *label == target.label);
        cap.map(|(_, usd)| *usd)
    };
    let estimate = estimator.finish(caps.run, of_model);
    let load = |(_, sums): &(Arc<Target>, Sums)| Load {
        requests: sums.tasks,
        input: sums.input,
        output: sums.output_likely,
    };
    let loads: Vec<Load> = estimate.targets.iter().map(load).collect();
    let (job, minutes) = (Arc::clone(&job.name), plan.at_limits(&loads));
    Ok(Forecast { job, minutes, estimate, scorers: questions.finish() })
}

/// The tasks of all lanes in the order of the plan, so that those of one row follow each other.
struct InOrder {
    lanes: Vec<Peekable<Tasks>>,
}

impl InOrder {
    fn of(job: &Job, plan: &Plan) -> Self {
        let lanes = (0..job.lanes.len()).filter(|lane| plan.lane_total(*lane) > 0);
        Self { lanes: lanes.map(|lane| plan.tasks(lane).peekable()).collect() }
    }
}

impl Iterator for InOrder {
    type Item = Result<Task, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = |lane: &mut Peekable<Tasks>| match lane.peek()? {
            Ok(task) => Some(task.index),
            // A fault is told as soon as it is met.
            Err(_) => Some(0),
        };
        let lanes = self.lanes.iter_mut();
        let next = lanes.filter_map(|lane| Some((index(lane)?, lane))).min_by_key(|(at, _)| *at)?;
        next.1.next()
    }
}

#[cfg(test)]
mod tests;
