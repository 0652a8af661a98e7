//! What is scored after the answers are there: by judges, by embeddings, by programs; and, when a
//! run goes on, by whatever the job has changed since.
//!
//! What scorers ask models is a second plan that goes down the same road as the first: through the
//! same lanes and their limits, under the same budget, into the same journal. A question is named by
//! what it asks about which answer, so a session that goes on asks only what has no answer yet. The
//! scores are made of the journal at the end, and written into it where they are new.

mod answers;
mod program;
mod questions;
mod settle;

use std::sync::Arc;

use crate::call::record::Status;
use crate::engine::Engine;
use crate::engine::source::Broken;
use crate::engine::stop::{Level, Stopper};
use crate::job::scorers::JobScorer;
use crate::run::ahead::Tasks;
use crate::run::error::RunError;
use crate::run::lanes::{self, Parts};
use crate::run::observer::{LaneStart, Observer};
use crate::run::open::Opened;
use crate::run::pump;
use crate::run::resume;
use crate::store::index::Index;
use crate::store::survey::Survey;

use answers::Answers;
use questions::{Question, Questions};

/// What came of the scoring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scoring {
    /// Questions of scorers that were to be asked in this session and have no outcome yet.
    pub left: u64,
    /// Questions that failed; asked again when the run goes on.
    pub failed: u64,
}

/// Asks what scorers ask, and writes down the scores. `may_ask` is not set where the run was stopped
/// before: then only what is known already is scored.
pub(super) async fn score(
    parts: &Parts<'_>,
    engine: &Engine,
    opened: &mut Opened,
    observer: &mut (dyn Observer + Send),
    stop: &Stopper,
    may_ask: bool,
) -> Result<Scoring, RunError> {
    let scorers = &parts.job.scorers;
    // Plain scores of answers of this session are in the journal with them.
    let has_older = opened.resumed && (opened.was_scored || !scorers.is_empty());
    if !has_older && scorers.iter().all(JobScorer::is_plain) {
        return Ok(Scoring::default());
    }
    let mut scoring = Scoring::default();
    if may_ask && scorers.iter().any(|scorer| scorer.asked().is_some()) {
        scoring = ask(parts, engine, opened, observer, stop).await?;
    }
    settle::settle(parts, opened, stop).await?;
    Ok(scoring)
}

/// Asks the models whom scorers ask about the answers.
async fn ask(
    parts: &Parts<'_>,
    engine: &Engine,
    opened: &mut Opened,
    observer: &mut (dyn Observer + Send),
    stop: &Stopper,
) -> Result<Scoring, RunError> {
    let index = Arc::new(opened.dir.index()?);
    let survey = match opened.resumed {
        true => Arc::new(opened.dir.survey()?),
        false => Arc::default(),
    };
    let lanes = align(parts, opened, &index, &survey)?;
    let to_do: u64 = lanes.iter().map(|(total, done)| total - done).sum();
    if to_do == 0 {
        return Ok(Scoring::default());
    }
    let mut sources = Vec::new();
    let mut starts = Vec::new();
    for (((number, _), view), (total, done)) in lanes::used(parts).zip(engine.views()).zip(lanes) {
        let label = label(&parts.job.scorers, number);
        starts.push(LaneStart { label, total, done, view });
        sources.push(source(parts, opened, number, &index, &survey)?);
    }
    observer.judging(&opened.dir.name(), starts);
    let done = pump::pump(engine, sources, &mut opened.books, observer, stop).await?;
    let left = to_do.saturating_sub(done.finished + done.barred);
    Ok(Scoring { left, failed: done.failed + done.barred })
}

/// Counts the questions of each lane that is used, all and those with an answer, and tells the
/// journal which moved and which are no longer asked.
fn align(
    parts: &Parts<'_>,
    opened: &mut Opened,
    index: &Arc<Index>,
    survey: &Arc<Survey>,
) -> Result<Vec<(u64, u64)>, RunError> {
    let numbers: Vec<usize> = lanes::used(parts).map(|(number, _)| number).collect();
    let mut lanes = vec![(0, 0); numbers.len()];
    let mut seen = vec![false; survey.outcomes().len()];
    let mut placements = Vec::new();
    for question in questions(parts, opened, index)? {
        let Question { lane, task } = question?;
        let Some(place) = numbers.iter().position(|number| *number == lane) else { continue };
        lanes[place].0 += 1;
        let Some(known) = survey.position(&task.id) else { continue };
        seen[known] = true;
        let outcome = &survey.outcomes()[known];
        lanes[place].1 += u64::from(outcome.status == Status::Ok);
        placements.extend(resume::moved(&task, outcome));
        if placements.len() >= resume::BATCH {
            resume::write(opened, &mut placements)?;
        }
    }
    let left = survey.outcomes().iter().zip(seen).filter(|(outcome, seen)| outcome.judges && !seen);
    placements.extend(left.filter_map(|(outcome, _)| resume::gone(outcome)));
    resume::write(opened, &mut placements)?;
    Ok(lanes)
}

fn questions(
    parts: &Parts<'_>,
    opened: &Opened,
    index: &Arc<Index>,
) -> Result<Questions, RunError> {
    let answers = Answers::new(parts.plan, &opened.dir.journal_path(), Arc::clone(index))?;
    Ok(Questions::new(parts, answers))
}

/// What is left to ask through a lane.
fn source(
    parts: &Parts<'_>,
    opened: &Opened,
    number: usize,
    index: &Arc<Index>,
    survey: &Arc<Survey>,
) -> Result<Tasks, RunError> {
    if !parts.job.scorers.iter().filter_map(JobScorer::asked).any(|asked| asked.lane == number) {
        return Ok(Box::new(std::iter::empty()));
    }
    let survey = Arc::clone(survey);
    let questions = questions(parts, opened, index)?;
    Ok(Box::new(questions.filter_map(move |question| match question {
        Ok(question) if question.lane != number => None,
        Ok(question) => lanes::still_to_do(question.task, &survey).map(Ok),
        Err(why) => Some(Err(Broken(why.to_string()))),
    })))
}

/// How the progress names a lane of scorers.
fn label(scorers: &[JobScorer], lane: usize) -> String {
    let asked = scorers.iter().filter_map(JobScorer::asked).filter(|asked| asked.lane == lane);
    asked.map(|asked| &*asked.target.label).collect::<Vec<_>>().join(", ")
}

/// Whether the user wants nothing more to be begun.
fn is_stopped(stop: &Stopper) -> bool {
    stop.level() > Level::Running
}
