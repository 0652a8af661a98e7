//! What earlier sessions did, held against the plan of this one.
//!
//! A task is named by what it asks, so a row that moved is still done: the journal is told its new
//! place. A row that changed is a new task; its old one is marked as no longer asked.

use std::sync::Arc;

use crate::call::record::Status;
use crate::call::task::Task;
use crate::job::Job;
use crate::job::plan::Plan;
use crate::run::error::RunError;
use crate::run::open::Opened;
use crate::store::format::{Labels, Placement, Spot, labels_hash};
use crate::store::survey::{Outcome, Survey};

/// Placements are written in batches of this many.
pub(super) const BATCH: usize = 4096;

/// What is done, and how much of it in each lane.
pub(super) struct Done {
    /// The last outcome of every task that was ever asked in this run.
    pub(super) survey: Arc<Survey>,
    /// Tasks of each lane that are done.
    pub(super) by_lane: Vec<u64>,
    /// The same of each target, by its place in the plan.
    pub(super) by_target: Vec<u64>,
}

/// Reads the journal of a resumed run and brings it in line with the plan. A new run has nothing
/// to read.
pub(super) fn align(job: &Job, plan: &Plan, opened: &mut Opened) -> Result<Done, RunError> {
    let mut by_lane = vec![0; job.lanes.len()];
    let mut by_target = vec![0; plan.targets().len()];
    if !opened.resumed {
        return Ok(Done { survey: Arc::default(), by_lane, by_target });
    }
    let survey = opened.dir.survey()?;
    if !survey.damages().is_empty() {
        tracing::warn!(
            journal = %opened.dir.journal_path().display(),
            why = survey.damages().first.first().map(|damage| &*damage.why),
            "{} cannot be read; what has no other outcome is asked again",
            survey.damages().told(),
        );
    }
    let mut seen = vec![false; survey.outcomes().len()];
    let mut placements = Vec::new();
    for (lane, done) in by_lane.iter_mut().enumerate() {
        for task in plan.tasks(lane) {
            let task = task.map_err(|why| RunError::Prompts(why.to_string()))?;
            let Some(position) = survey.position(&task.id) else { continue };
            seen[position] = true;
            let outcome = &survey.outcomes()[position];
            if outcome.status == Status::Ok {
                *done += 1;
                let mut targets = plan.targets().iter();
                let target = targets.position(|other| Arc::ptr_eq(&other.target, &task.target));
                by_target[target.expect("a task is one of the plan's targets'")] += 1;
            }
            placements.extend(moved(&task, outcome));
            if placements.len() >= BATCH {
                write(opened, &mut placements)?;
            }
        }
    }
    // What scorers asked is no part of the plan; it is looked at when they ask again.
    let is_left = |(outcome, seen): &(&Outcome, bool)| !seen && !outcome.judges;
    let left = survey.outcomes().iter().zip(seen).filter(is_left);
    placements.extend(left.filter_map(|(outcome, _)| gone(outcome)));
    write(opened, &mut placements)?;
    Ok(Done { survey: Arc::new(survey), by_lane, by_target })
}

pub(super) fn write(opened: &mut Opened, placements: &mut Vec<Placement>) -> Result<(), RunError> {
    let path = opened.books.scribe.path().to_owned();
    let failed = |why| RunError::Journal { path, lost: 0, kept: None, why };
    opened.books.scribe.journal().append_placements(placements).map_err(failed)?;
    placements.clear();
    Ok(())
}

/// The new place of a task whose outcome is known, if it moved or is called otherwise now.
pub(super) fn moved(task: &Task, outcome: &Outcome) -> Option<Placement> {
    let target = &task.target;
    let labels = labels_hash(&task.prompt, &task.row, &target.label, target.variant.as_deref());
    let stays = outcome.index() == Some(task.index) && outcome.labels == labels;
    (!stays).then(|| Placement {
        task: task.id,
        line: outcome.line,
        was: outcome.index(),
        to: Some(Spot {
            index: task.index,
            labels: Labels {
                prompt: Arc::clone(&task.prompt),
                row: task.row.clone(),
                model: Arc::clone(&target.label),
                variant: target.variant.clone(),
            },
        }),
    })
}

/// A task that the job no longer asks.
pub(super) fn gone(outcome: &Outcome) -> Option<Placement> {
    let was = outcome.index();
    was.map(|_| Placement { task: outcome.task, line: outcome.line, was, to: None })
}
