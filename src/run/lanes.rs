//! From the lanes of a job to the lanes of the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::StdRng;
use tokio::time::Instant;

use crate::call::record::Status;
use crate::call::task::Task;
use crate::engine::Engine;
use crate::engine::budget::Budget;
use crate::engine::lane::{Lane, State};
use crate::engine::source::Broken;
use crate::engine::task::Origin;
use crate::job::plan::Plan;
use crate::job::{Job, LaneSpec};
use crate::mock::server::Mock;
use crate::pace::gate::{self, Gate};
use crate::pace::scope::Scope;
use crate::provider::access::Access;
use crate::provider::catalog::MOCK;
use crate::run::ahead::Tasks;
use crate::run::observer::LaneStart;
use crate::run::resume::Done;
use crate::store::survey::Survey;
use crate::wire::http::Http;

/// What lanes are made of.
pub(super) struct Parts<'p> {
    pub(super) job: &'p Job,
    pub(super) plan: &'p Plan,
    /// What opens each lane's provider, by the lane's number in the job.
    pub(super) access: &'p [Access],
    pub(super) mock: Option<&'p Mock>,
    pub(super) http: Arc<Http>,
    pub(super) origin: Origin,
    pub(super) done: &'p Done,
    /// Calls in flight at once, over all lanes, where the job or this machine bounds them.
    pub(super) width: Option<usize>,
    /// What may be spent, where the job caps it.
    pub(super) budget: Option<Arc<Budget>>,
    /// When the run ends.
    pub(super) deadline: Option<Instant>,
}

/// The lanes through which calls may go, by their numbers in the job. One that is a fallback alone
/// has no tasks of its own.
pub(super) fn used<'p>(parts: &Parts<'p>) -> impl Iterator<Item = (usize, &'p LaneSpec)> {
    let plan = parts.plan;
    parts.job.lanes.iter().enumerate().filter(|(number, _)| plan.lane_is_used(*number))
}

/// The engine's lanes.
pub(super) fn lanes(parts: &Parts<'_>) -> Vec<Lane> {
    let mut providers: BTreeMap<&str, Arc<Scope>> = BTreeMap::new();
    let width = parts.width.map(|places| Arc::new(Scope::of_places(places)));
    let mut lanes = Vec::new();
    for (number, spec) in used(parts) {
        let limits = &spec.provider.limits;
        let provider = providers
            .entry(&spec.provider.name)
            .or_insert_with(|| Arc::new(Scope::of_provider(limits)));
        let scopes = [Arc::clone(provider)].into_iter().chain(width.clone()).collect();
        lanes.push(lane(parts, lanes.len(), number, spec, scopes));
    }
    lanes
}

/// What the lanes still have to do, in their order.
pub(super) fn sources(parts: &Parts<'_>) -> Vec<Tasks> {
    used(parts).map(|(number, _)| source(parts, number)).collect()
}

fn lane(
    parts: &Parts<'_>,
    number: usize,
    place: usize,
    spec: &LaneSpec,
    scopes: Vec<Arc<Scope>>,
) -> Lane {
    let (provider, job) = (&spec.provider, parts.job);
    let access = &parts.access[place];
    let mut endpoint = provider.endpoint(access);
    if let Some(mock) = parts.mock.filter(|_| *provider.name == *MOCK) {
        endpoint.base_url = mock.base_url().into();
    }
    let caps = [spec.limits.concurrency, provider.limits.concurrency];
    let labels = parts.plan.targets().iter().filter(|target| target.lane == place);
    let labels = labels.map(|target| Arc::clone(&target.target.label)).collect();
    let plan = gate::Plan {
        name: format!("{}/{}", provider.name, spec.model).into(),
        limits: spec.limits,
        cap: caps.into_iter().flatten().min(),
        is_paced: spec.limits.sets_pace() || provider.limits.sets_pace(),
        scopes,
        retry_budget: job.retry.budget,
        max_outage: job.retry.max_outage,
        deadline: parts.deadline,
    };
    Lane {
        number,
        place,
        provider: Arc::clone(provider),
        model: Arc::clone(&spec.model),
        labels,
        endpoint,
        dialect: provider.dialect_for(&spec.model),
        transport: access.transport(&parts.http),
        web: Arc::clone(&parts.http) as _,
        gate: Gate::new(plan, rand::make_rng::<StdRng>()),
        retry: job.retry.clone(),
        task_timeout: job.task_timeout,
        budget: parts.budget.clone(),
        counts_tokens: spec.limits.counts_tokens() || provider.limits.counts_tokens(),
        origin: parts.origin.clone(),
        state: State::new(rand::make_rng::<StdRng>()),
    }
}

/// The tasks of a lane that are not done, each with the attempts made at it before.
pub(super) fn source(parts: &Parts<'_>, in_job: usize) -> Tasks {
    let survey = Arc::clone(&parts.done.survey);
    let tasks = parts.plan.tasks(in_job);
    Box::new(tasks.filter_map(move |task| match task {
        Ok(task) => still_to_do(task, &survey).map(Ok),
        Err(why) => Some(Err(Broken(why.to_string()))),
    }))
}

/// The task, where it is not done, with the attempts made at it before.
pub(super) fn still_to_do(mut task: Task, survey: &Survey) -> Option<Task> {
    if let Some(outcome) = survey.find(&task.id) {
        if outcome.status == Status::Ok {
            return None;
        }
        task.attempts_before = outcome.attempts();
    }
    Some(task)
}

/// What an observer is told of the lanes.
pub(super) fn starts(parts: &Parts<'_>, engine: &Engine) -> Vec<LaneStart> {
    let start = |((number, spec), view): ((usize, &LaneSpec), _)| LaneStart {
        label: label(parts.job, number, spec),
        total: parts.plan.lane_total(number),
        done: parts.done.by_lane[number],
        view,
    };
    used(parts).zip(engine.views()).map(start).collect()
}

/// The label of the lane's one target, or what its targets have in common.
fn label(job: &Job, number: usize, spec: &LaneSpec) -> String {
    let mut labels: Vec<&str> = job
        .targets
        .iter()
        .filter(|target| target.lane == number)
        .map(|target| &*target.target.label)
        .collect();
    labels.dedup();
    match labels.as_slice() {
        [label] => (*label).to_owned(),
        _ => format!("{}/{}", spec.provider.name, spec.model),
    }
}
