//! One task: attempts until an outcome. The only loop of a request's way, and it holds no place
//! and no rate while it sleeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::call::bound;
use crate::call::budget::Commitment;
use crate::call::failure::{Failure, FailureKind};
use crate::call::money::CostStatus;
use crate::call::record::{Entry, FailedTry, Record, Status, VERSION};
use crate::call::response::Response;
use crate::call::score::Scores;
use crate::call::task::Task;
use crate::engine::attempt::{self, Asking, Attempt, Facts, Made};
use crate::engine::bill::{self, Bill};
use crate::engine::budget::Payer;
use crate::engine::event::Event;
use crate::engine::form::{Held, Taken, held};
use crate::engine::lane::Lane;
use crate::engine::purse::{self, Purse};
use crate::engine::route::Route;
use crate::engine::stop::Stop;
use crate::pace::door::{Barred, Closure};
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
    fleet: &[Arc<Lane>],
    task: Task,
    events: &mpsc::Sender<Event>,
    stop: &mut Stop,
) -> Option<Box<Entry>> {
    let mut course = Course { route: Route::new(lane, fleet, task), tries: Vec::new(), told: 0 };
    let mut begun = None;
    loop {
        let (asked, purse) = (course.route.lane, course.purse(events));
        let attempt = match purse {
            Err(failure) => Made::Ended(Box::new(attempt::unsent(failure))),
            Ok(purse) => {
                let (request, elsewhere) = (course.route.request(), course.route.elsewhere());
                let asking = Asking { request, elsewhere, purse };
                attempt::make(asked, asking, &mut begun, stop).await
            }
        };
        let attempt = match attempt {
            Made::Ended(attempt) => *attempt,
            Made::Barred(Barred::Away(kind)) => {
                course.route.advance(kind);
                continue;
            }
            Made::Barred(Barred::Closed(closure)) => {
                if course.route.advance(closure.kind) {
                    continue;
                }
                return course.barred(&closure);
            }
            Made::TooLate => return Some(course.too_late()),
            Made::Unaffordable | Made::Stopped => return course.stopped(),
        };
        let Attempt { outcome, facts, hold } = attempt;
        let bill = Bill::of(&outcome, course.route.request(), course.route.target(), facts.at);
        purse::settle(hold, bill.at_most(), asked);
        let mut rejected = match outcome {
            Err(rejected) => bill::once_if_billed(rejected),
            Ok(response) => match held(response, course.route.task.form.as_deref(), course.told) {
                Held::Taken(taken) => return Some(course.answered(*taken, bill, &facts)),
                Held::Refused(rejected) => {
                    course.note_invalid(&rejected, &bill, &facts, None);
                    return Some(course.gave_up(rejected, bill, &facts));
                }
                Held::Again { rejected, talk } => {
                    course.note_invalid(&rejected, &bill, &facts, Some(Duration::ZERO));
                    course.told += 1;
                    course.route.go_on(*talk);
                    let retrying = course.retrying(rejected.failure.kind, Duration::ZERO);
                    let _ = events.send(retrying).await;
                    continue;
                }
            },
        };
        let wait = course.route.next_wait(&mut rejected.failure);
        course.note(&rejected, &bill, &facts, wait);
        let kind = rejected.failure.kind;
        let Some(wait) = wait else {
            if course.route.advance(kind) {
                continue;
            }
            return Some(course.gave_up(rejected, bill, &facts));
        };
        let _ = events.send(course.retrying(kind, wait)).await;
        if !course.rest(wait, stop).await {
            return course.stopped();
        }
    }
}

/// A task on its way, with the attempts that failed so far.
struct Course<'l> {
    route: Route<'l>,
    tries: Vec<FailedTry>,
    /// How often a model was told that its answer does not fit.
    told: u32,
}

impl Course<'_> {
    /// How often the task was sent, over all sessions.
    fn attempts(&self) -> u32 {
        self.route.task.attempts_before + self.tries.len() as u32
    }

    /// What is said of an attempt that failed, and after which another one is made.
    fn retrying(&self, kind: FailureKind, wait: Duration) -> Event {
        Event::Retrying { lane: self.route.home.number, kind, attempt: self.attempts(), wait }
    }

    /// What pays for the next attempt, where its money is capped; or the failure of a call whose worst
    /// case nobody knows.
    fn purse<'e>(&self, events: &'e mpsc::Sender<Event>) -> Result<Option<Purse<'e>>, Failure>
    where
        Self: 'e,
    {
        let lane = self.route.lane;
        let Some(budget) = &lane.budget else { return Ok(None) };
        let target = self.route.target();
        let label = &self.route.task.target.label;
        if !budget.covers(Payer { lane: lane.number, provider: &target.provider, label }) {
            return Ok(None);
        }
        let usd = bound::cost_at_most(self.route.request(), target).ok_or_else(purse::boundless)?;
        let call = Commitment {
            task: self.route.task.id,
            attempt: self.attempts() + 1,
            model: Arc::clone(label),
            provider: Arc::clone(&target.provider),
            usd,
        };
        Ok(Some(Purse { budget, call, events }))
    }

    /// Sleeps before a retry, holding nothing; `false` when the run was stopped meanwhile, or will
    /// be, or no money is left for the retry.
    async fn rest(&self, wait: Duration, stop: &mut Stop) -> bool {
        let lane = self.route.lane;
        let until = Instant::now() + wait;
        if lane.gate.deadline().is_some_and(|deadline| until >= deadline) {
            return false;
        }
        let _asleep = lane.state.wakes.sleep(until);
        lane.state.left.notify_one();
        tokio::select! {
            biased;
            () = stop.draining() => false,
            () = self.emptied() => false,
            () = lane.gate.rest(until) => true,
        }
    }

    /// Waits until no money is left for the next attempt; for ever, where none is capped.
    async fn emptied(&self) {
        let Some(budget) = &self.route.lane.budget else { return std::future::pending().await };
        let (lane, provider) = (self.route.lane.number, &*self.route.target().provider);
        budget.closed(Payer { lane, provider, label: &self.route.task.target.label }).await;
    }

    /// Keeps an attempt that failed.
    fn note(&mut self, rejected: &Rejected, bill: &Bill, facts: &Facts, wait: Option<Duration>) {
        let usage = rejected.response.as_ref().and_then(|response| response.usage);
        self.tries.push(FailedTry {
            attempt: self.attempts() + 1,
            at: facts.at,
            model_used: self.route.target().model_used(),
            provider: Arc::clone(&self.route.target().provider),
            fallback: !self.route.is_home(),
            queued_ms: millis(facts.queued),
            latency_ms: millis(facts.took),
            request_id: facts.request_id.clone(),
            usage,
            cost_usd: bill.cost_usd,
            cost_status: bill.cost_status,
            cost_at_most_usd: bill.cost_at_most_usd,
            cached_cost_usd: bill.cached_cost_usd,
            price_version: bill.price_version.clone(),
            failure: rejected.failure.clone(),
            invalid: false,
            waited_ms: wait.map(millis),
        });
    }

    /// Keeps an attempt whose answer does not have the form that is demanded.
    fn note_invalid(
        &mut self,
        rejected: &Rejected,
        bill: &Bill,
        facts: &Facts,
        wait: Option<Duration>,
    ) {
        self.note(rejected, bill, facts, wait);
        self.tries.iter_mut().last().into_iter().for_each(|tried| tried.invalid = true);
    }

    fn answered(self, taken: Taken, bill: Bill, facts: &Facts) -> Box<Entry> {
        let attempts = self.attempts() + 1;
        let Taken { response, fits, fault } = taken;
        let mut entry = self.entry(Status::Ok, Some(facts));
        let record = &mut entry.record;
        record.attempts = attempts;
        (record.schema_valid, record.schema_fault) = (fits, fault);
        keep(record, response, bill);
        entry
    }

    /// What came with the last failure is kept: a blocked or cut-off text may be worth reading.
    fn gave_up(self, rejected: Rejected, bill: Bill, facts: &Facts) -> Box<Entry> {
        let is_invalid = self.tries.last().is_some_and(|tried| tried.invalid);
        let mut entry = self.entry(Status::Error, Some(facts));
        let record = &mut entry.record;
        record.schema_valid = is_invalid.then_some(false);
        record.error = Some(rejected.failure);
        match rejected.response {
            Some(response) => keep(record, *response, bill),
            None => record.cost_at_most_usd = bill.cost_at_most_usd,
        }
        entry
    }

    /// A task whose lane is closed.
    fn barred(self, closure: &Closure) -> Option<Box<Entry>> {
        if closure.is_parked {
            return self.stopped();
        }
        let (status, why) = match self.route.is_home() {
            true => (Status::Skipped, "not asked, because the model was closed"),
            // Its own model is not closed: the task failed there, or would have had to wait.
            false => (
                Status::Error,
                "its own model could not answer, and its fallback was not asked, because that was \
                 closed",
            ),
        };
        let failure = Failure::new(closure.kind, format!("{why}: {}", closure.reason));
        Some(self.unsent(status, failure))
    }

    /// A task whose time was over before it could be sent again.
    fn too_late(self) -> Box<Entry> {
        let failure = attempt::too_late(self.route.lane);
        self.unsent(Status::Error, failure)
    }

    /// A task that was stopped leaves a record only for the attempts it made.
    fn stopped(mut self) -> Option<Box<Entry>> {
        let last = self.tries.last_mut()?;
        last.waited_ms = None;
        let failure = last.failure.clone();
        Some(self.unsent(Status::Skipped, failure))
    }

    /// A task that ends with no attempt of its own.
    fn unsent(self, status: Status, failure: Failure) -> Box<Entry> {
        let mut entry = self.entry(status, None);
        entry.record.error = Some(failure);
        entry
    }

    fn entry(self, status: Status, facts: Option<&Facts>) -> Box<Entry> {
        let (origin, attempts) = (&self.route.lane.origin, self.attempts());
        let asked = Arc::clone(self.route.target());
        let (dropped, fallback) = (self.route.dropped().clone(), !self.route.is_home());
        let task = self.route.task;
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
            model_used: asked.model_used(),
            provider: Arc::clone(&asked.provider),
            fallback,
            status,
            messages: task.request.messages,
            params: task.request.params,
            dropped_params: dropped,
            response: None,
            finish_reason_raw: None,
            schema_valid: None,
            schema_fault: None,
            usage: None,
            cost_usd: None,
            cost_status: CostStatus::NoAnswer,
            cost_at_most_usd: None,
            cached_cost_usd: None,
            price_version: None,
            latency_ms: facts.map(|facts| millis(facts.took)),
            ttft_ms: facts.and_then(|facts| facts.first_token).map(millis),
            queued_ms: facts.map_or(0, |facts| millis(facts.queued)),
            started_at: facts.map(|facts| facts.at),
            attempts,
            request_id: facts.and_then(|facts| facts.request_id.clone()),
            scorer: task.scorer,
            scores: Scores::new(),
            error: None,
            tags: Arc::clone(&origin.tags),
        };
        Box::new(Entry { index: task.index, expected: task.expected, record, tries: self.tries })
    }
}

/// Puts what came into the record, and what it cost.
fn keep(record: &mut Record, response: Response, bill: Bill) {
    record.cost_usd = bill.cost_usd;
    record.cost_status = bill.cost_status;
    record.cost_at_most_usd = bill.cost_at_most_usd;
    record.cached_cost_usd = bill.cached_cost_usd;
    record.price_version = bill.price_version;
    record.usage = Some(response.usage.unwrap_or_default());
    record.response = Some(response.body);
    record.finish_reason_raw = response.finish_reason_raw;
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
