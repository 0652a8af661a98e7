//! The canary: a first share of every model's tasks is run, and judged, before the rest is paid.
//!
//! The share is one of what is left to do: a session that goes on with a run tries first, too,
//! whether the models answer now.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::failure::FailureKind;
use crate::call::record::{Entry, Status};
use crate::call::task::{Target, Task};
use crate::engine::event::Event;
use crate::engine::lane::LaneView;
use crate::engine::source::Broken;
use crate::job::canary::first;
use crate::job::plan::Plan;
use crate::run::ahead::Tasks;
use crate::run::lanes::{self, Parts};
use crate::run::observer::{LaneStart, Observer};
use crate::run::pump::Fate;
use crate::run::stopped::Failing;

/// Nearer to each other are a count and a share of one that are meant to be the same.
const NEAR: f64 = 1e-9;

/// Which of the tasks that are left are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Of each target the first share.
    Canary,
    /// Those after them.
    Rest,
}

/// What the lanes have to do in this part of the run, in their order.
pub(super) fn sources(parts: &Parts<'_>, share: f64, part: Part) -> Vec<Tasks> {
    let source = |number| {
        let quotas = quotas(parts.plan, &parts.done.by_target, number, share);
        let tasks = lanes::source(parts, number);
        Box::new(Deal { tasks, quotas, part }) as Tasks
    };
    lanes::used(parts).map(|(number, _)| source(number)).collect()
}

/// How many tasks the canary has in each target of a lane.
fn quotas(plan: &Plan, done: &[u64], lane: usize, share: f64) -> Vec<Quota> {
    let targets = plan.targets().iter().zip(done).enumerate();
    targets
        .filter(|(_, (target, _))| target.lane == lane)
        .map(|(nth, (target, done))| Quota {
            target: Arc::clone(&target.target),
            left: first(plan.target_total(nth).saturating_sub(*done), share),
        })
        .collect()
}

/// How many of a target's next tasks belong to the canary.
struct Quota {
    target: Arc<Target>,
    left: u64,
}

/// Deals the tasks of a lane, which come in the order of the plan, to the canary and to the rest.
struct Deal {
    tasks: Tasks,
    quotas: Vec<Quota>,
    part: Part,
}

impl Deal {
    fn is_canarys(&mut self, task: &Task) -> bool {
        let mut quotas = self.quotas.iter_mut();
        let own = quotas.find(|quota| Arc::ptr_eq(&quota.target, &task.target));
        let Some(quota) = own.filter(|quota| quota.left > 0) else { return false };
        quota.left -= 1;
        true
    }
}

impl Iterator for Deal {
    type Item = Result<Task, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // No row is read that the canary does not ask.
            if self.part == Part::Canary && self.quotas.iter().all(|quota| quota.left == 0) {
                return None;
            }
            let task = match self.tasks.next()? {
                Ok(task) => task,
                broken @ Err(_) => return Some(broken),
            };
            if self.is_canarys(&task) == (self.part == Part::Canary) {
                return Some(Ok(task));
            }
        }
    }
}

/// Judges the canary while it runs. Whoever watches the run sees what happens, but not that lanes
/// end: they go on with the rest.
pub(super) struct Jury<'o> {
    observer: &'o mut (dyn Observer + Send),
    lanes: Vec<LaneView>,
    trials: Vec<Trial>,
}

impl<'o> Jury<'o> {
    pub(super) fn new(
        plan: &Plan,
        lanes: Vec<LaneView>,
        observer: &'o mut (dyn Observer + Send),
    ) -> Self {
        observer.canary(true);
        let trials = plan.targets().iter().map(|target| Trial::of(&target.target)).collect();
        Self { observer, lanes, trials }
    }

    /// The models of which a larger share failed than may.
    pub(super) fn failing(self, max_error_rate: f64) -> Vec<Failing> {
        let failing = |trial: Trial| trial.failing(max_error_rate);
        let failing: Vec<Failing> = self.trials.into_iter().filter_map(failing).collect();
        if failing.is_empty() {
            self.observer.canary(false);
        }
        failing
    }
}

impl Observer for Jury<'_> {
    fn begin(&mut self, run: &str, lanes: Vec<LaneStart>) {
        self.observer.begin(run, lanes);
    }

    fn see(&mut self, event: &Event) {
        if let Event::Finished { lane, entry, .. } = event {
            let fate = Fate::of(entry, &self.lanes[*lane]);
            if let Some(trial) = self.trials.iter_mut().find(|trial| trial.is_of(entry)) {
                trial.hear(entry, fate);
            }
        }
        if !matches!(event, Event::LaneEnded { .. }) {
            self.observer.see(event);
        }
    }

    fn tick(&mut self) {
        self.observer.tick();
    }

    fn end(&mut self) {
        self.observer.end();
    }
}

/// The canary of one target.
struct Trial {
    target: Arc<Target>,
    judged: u64,
    errors: BTreeMap<FailureKind, Errors>,
}

/// The errors of one type.
#[derive(Default)]
struct Errors {
    count: u64,
    example: String,
    /// Whether the example is a task's own failure, and not that its model was closed.
    is_own: bool,
}

impl Trial {
    fn of(target: &Arc<Target>) -> Self {
        Self { target: Arc::clone(target), judged: 0, errors: BTreeMap::new() }
    }

    fn is_of(&self, entry: &Entry) -> bool {
        let (target, record) = (&self.target, &entry.record);
        *target.label == *record.model && target.variant == record.variant
    }

    /// A task that was stopped says nothing about its model.
    fn hear(&mut self, entry: &Entry, fate: Fate) {
        if fate == Fate::Stopped {
            return;
        }
        self.judged += 1;
        let Some(error) = &entry.record.error else { return };
        let errors = self.errors.entry(error.kind).or_default();
        let is_own = entry.record.status == Status::Error;
        if errors.count == 0 || (is_own && !errors.is_own) {
            errors.example.clone_from(&error.message);
            errors.is_own = is_own;
        }
        errors.count += 1;
    }

    fn failing(self, max_error_rate: f64) -> Option<Failing> {
        let failed: u64 = self.errors.values().map(|errors| errors.count).sum();
        let may_fail = max_error_rate * self.judged as f64;
        // 0.29 times 100 is a little below 29.
        let is_failing = failed as f64 > may_fail * (1.0 + NEAR);
        let (kind, errors) = self.errors.into_iter().max_by_key(|(_, errors)| errors.count)?;
        let Target { label, variant, .. } = &*self.target;
        let model = match variant {
            Some(variant) => format!("{label} ({variant})"),
            None => label.to_string(),
        };
        let judged = self.judged;
        is_failing.then_some(Failing { model, failed, judged, kind, example: errors.example })
    }
}

#[cfg(test)]
mod tests;
