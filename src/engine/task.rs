//! One task: attempts until an outcome. The only loop of a request's way, and it holds no place
//! and no rate while it sleeps.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::call::failure::Failure;
use crate::call::moment::Moment;
use crate::call::money::{Cost, CostStatus, Usd};
use crate::call::record::{Entry, FailedTry, Record, Status, VERSION};
use crate::call::response::Response;
use crate::call::task::Task;
use crate::engine::attempt::{self, Facts, Made};
use crate::engine::event::Event;
use crate::engine::lane::Lane;
use crate::engine::stop::Stop;
use crate::pace::door::Closure;
use crate::pace::verdict::Verdict;
use crate::provider::Rejected;

/// What every record of a run says alike.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The job's name.
    pub job: Arc<str>,
    /// The run folder's name.
    pub run: Arc<str>,
    /// The job's tags.
    pub tags: Arc<BTreeMap<String, String>>,
}

/// Runs a task to its outcome. `None` when it was stopped before its first attempt; one that was
/// stopped later, or whose lane is closed, is `skipped`, so that what was tried is on record.
pub(super) async fn run(
    lane: &Lane,
    task: Task,
    events: &mpsc::Sender<Event>,
    stop: &mut Stop,
) -> Option<Entry> {
    let mut course = Course::new(lane, task);
    let mut begun = None;
    loop {
        let attempt = match attempt::make(course.lane, &course.task.request, &mut begun, stop).await
        {
            Made::Ended(attempt) => *attempt,
            Made::Barred(closure) => return course.barred(&closure),
            Made::TooLate => return Some(course.too_late()),
            Made::Stopped => return course.stopped(),
        };
        let (outcome, facts) = (attempt.outcome, attempt.facts);
        let mut rejected = match outcome {
            Ok(response) => return Some(course.answered(response, &facts)),
            Err(rejected) => rejected,
        };
        let wait = course.next_wait(&mut rejected.failure);
        course.note(&rejected, &facts, wait);
        let Some(wait) = wait else {
            return Some(course.gave_up(rejected, &facts));
        };
        let kind = rejected.failure.kind;
        let retrying =
            Event::Retrying { lane: lane.number, kind, attempt: course.attempts(), wait };
        let _ = events.send(retrying).await;
        if !rest(course.lane, wait, stop).await {
            return course.stopped();
        }
    }
}

/// A task on its way, with the attempts that failed so far.
struct Course<'l> {
    /// The lane that is asked now.
    lane: &'l Lane,
    task: Task,
    model_used: Arc<str>,
    tries: Vec<FailedTry>,
}

impl<'l> Course<'l> {
    fn new(lane: &'l Lane, task: Task) -> Self {
        lane.gate.first();
        Self { lane, model_used: task.target.model_used(), task, tries: Vec::new() }
    }

    /// How often the task was sent, over all sessions.
    fn attempts(&self) -> u32 {
        self.task.attempts_before + self.tries.len() as u32
    }

    /// How long to wait before the next attempt, or `None` to give up; the failure then says so,
    /// where it is not the failure's own doing.
    fn next_wait(&self, failure: &mut Failure) -> Option<Duration> {
        let wait = {
            let mut rng = self.lane.state.rng.lock().unwrap_or_else(PoisonError::into_inner);
            self.lane.retry.next(self.tries.len() as u32 + 1, failure, &mut *rng)?
        };
        let is_faulty = matches!(Verdict::of(failure, false), Verdict::Faulty(_));
        if is_faulty && !self.lane.gate.may_retry() {
            let share = self.lane.retry.budget * 100.0;
            let why = format!(
                " (not tried again: so many calls fail that retries are held to {share} % of the \
                 calls, `retry.budget`)"
            );
            failure.message.push_str(&why);
            return None;
        }
        Some(wait)
    }

    /// Keeps an attempt that failed.
    fn note(&mut self, rejected: &Rejected, facts: &Facts, wait: Option<Duration>) {
        let usage = rejected.response.as_ref().and_then(|response| response.usage);
        let billed = rejected.response.as_ref().map(|response| self.bill(response, facts.at));
        let billed = billed.unwrap_or_default();
        self.tries.push(FailedTry {
            attempt: self.attempts() + 1,
            at: facts.at,
            model_used: Arc::clone(&self.model_used),
            provider: Arc::clone(&self.task.target.provider),
            queued_ms: millis(facts.queued),
            latency_ms: millis(facts.took),
            request_id: facts.request_id.clone(),
            usage,
            cost_usd: billed.cost_usd,
            cost_status: billed.cost_status,
            price_version: billed.price_version,
            failure: rejected.failure.clone(),
            waited_ms: wait.map(millis),
        });
    }

    fn bill(&self, response: &Response, at: Moment) -> Bill {
        let price = self.task.target.price.as_ref();
        let price = price.and_then(|price| price.applying(&self.task.request, at));
        let cost = Cost::of(price.as_ref(), response.charged());
        let version = price.filter(|_| cost.usd().is_some()).map(|price| price.version);
        Bill { cost_usd: cost.usd(), cost_status: cost.status(), price_version: version }
    }

    fn answered(self, response: Response, facts: &Facts) -> Entry {
        let bill = self.bill(&response, facts.at);
        let attempts = self.attempts() + 1;
        let mut entry = self.entry(Status::Ok, Some(facts));
        let record = &mut entry.record;
        record.attempts = attempts;
        keep(record, response, bill);
        entry
    }

    /// What came with the last failure is kept: a blocked or cut-off text may be worth reading.
    fn gave_up(self, rejected: Rejected, facts: &Facts) -> Entry {
        let bill = rejected.response.as_ref().map(|response| self.bill(response, facts.at));
        let mut entry = self.entry(Status::Error, Some(facts));
        let record = &mut entry.record;
        record.error = Some(rejected.failure);
        if let (Some(response), Some(bill)) = (rejected.response, bill) {
            keep(record, *response, bill);
        }
        entry
    }

    /// A task whose lane is closed.
    fn barred(self, closure: &Closure) -> Option<Entry> {
        if closure.is_parked {
            return self.stopped();
        }
        let message = format!("not asked, because the model was closed: {}", closure.reason);
        let mut entry = self.entry(Status::Skipped, None);
        entry.record.error = Some(Failure::new(closure.kind, message));
        Some(entry)
    }

    /// A task whose time was over before it could be sent again.
    fn too_late(self) -> Entry {
        let failure = attempt::too_late(self.lane);
        let mut entry = self.entry(Status::Error, None);
        entry.record.error = Some(failure);
        entry
    }

    /// A task that was stopped leaves a record only for the attempts it made.
    fn stopped(mut self) -> Option<Entry> {
        let last = self.tries.last_mut()?;
        last.waited_ms = None;
        let failure = last.failure.clone();
        let mut entry = self.entry(Status::Skipped, None);
        entry.record.error = Some(failure);
        Some(entry)
    }

    fn entry(self, status: Status, facts: Option<&Facts>) -> Entry {
        let (origin, attempts) = (&self.lane.origin, self.attempts());
        let task = self.task;
        let record = Record {
            v: VERSION,
            task: task.id,
            job: Arc::clone(&origin.job),
            run: Arc::clone(&origin.run),
            prompt: task.prompt,
            row: task.row,
            repeat: task.repeat,
            model: Arc::clone(&task.target.label),
            variant: task.target.variant.clone(),
            model_used: self.model_used,
            provider: Arc::clone(&task.target.provider),
            status,
            messages: task.request.messages,
            params: task.request.params,
            dropped_params: (*task.dropped).clone(),
            response: None,
            finish_reason_raw: None,
            usage: None,
            cost_usd: None,
            cost_status: CostStatus::NoAnswer,
            price_version: None,
            latency_ms: facts.map(|facts| millis(facts.took)),
            ttft_ms: facts.and_then(|facts| facts.first_token).map(millis),
            queued_ms: facts.map_or(0, |facts| millis(facts.queued)),
            started_at: facts.map(|facts| facts.at),
            attempts,
            request_id: facts.and_then(|facts| facts.request_id.clone()),
            scores: BTreeMap::new(),
            error: None,
            tags: Arc::clone(&origin.tags),
        };
        Entry { index: task.index, record, tries: self.tries }
    }
}

/// What an answer cost, as records tell it.
struct Bill {
    cost_usd: Option<Usd>,
    cost_status: CostStatus,
    price_version: Option<Arc<str>>,
}

impl Default for Bill {
    /// Nothing was answered.
    fn default() -> Self {
        Self { cost_usd: None, cost_status: CostStatus::NoAnswer, price_version: None }
    }
}

/// Puts what came into the record, and what it cost.
fn keep(record: &mut Record, response: Response, bill: Bill) {
    record.cost_usd = bill.cost_usd;
    record.cost_status = bill.cost_status;
    record.price_version = bill.price_version;
    record.usage = Some(response.usage.unwrap_or_default());
    record.response = Some(response.body);
    record.finish_reason_raw = response.finish_reason_raw;
}

/// Sleeps before a retry, holding nothing; `false` when the run was stopped meanwhile, or will be.
async fn rest(lane: &Lane, wait: Duration, stop: &mut Stop) -> bool {
    if lane.gate.deadline().is_some_and(|deadline| Instant::now() + wait >= deadline) {
        return false;
    }
    let _away = Away::begin(lane);
    tokio::select! {
        biased;
        () = stop.draining() => false,
        () = sleep(wait) => true,
    }
}

/// Counts a task as away from its lane for as long as it lives: another one may take its place.
struct Away<'l>(&'l Lane);

impl<'l> Away<'l> {
    fn begin(lane: &'l Lane) -> Self {
        lane.state.away.fetch_add(1, Ordering::Relaxed);
        lane.state.left.notify_one();
        Self(lane)
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.state.away.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
