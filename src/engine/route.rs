//! Who is asked: the task's own model, and its fallbacks, one after the other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::call::estimate::input_tokens;
use crate::call::failure::{Failure, FailureKind};
use crate::call::fallback::{Fallback, FallbackOn};
use crate::call::request::{Message, Request};
use crate::call::task::{Target, Task};
use crate::engine::lane::Lane;
use crate::pace::pilot::WORTH_WAITING;
use crate::pace::verdict::Verdict;

/// So often is a model asked that has a fallback, before the fallback is.
const ATTEMPTS_BEFORE_FALLBACK: u32 = 2;

/// The way of one task.
pub(super) struct Route<'l> {
    /// The lane that is asked now.
    pub(super) lane: &'l Lane,
    /// The lane of the task's own model.
    pub(super) home: &'l Lane,
    fleet: &'l [Arc<Lane>],
    /// What is asked of the task's own model.
    pub(super) task: Task,
    /// Who is asked instead, and what.
    instead: Option<Instead>,
    /// What is asked of whoever is asked now, once it was told that its answer does not fit.
    again: Option<Request>,
    /// Fallbacks that were asked or passed over.
    passed: usize,
    /// Attempts at the model that is asked now.
    attempts: u32,
    /// A task that is asked elsewhere takes nobody's place at home.
    away: Option<Away<'l>>,
}

/// A fallback that is asked.
struct Instead {
    target: Arc<Target>,
    request: Request,
    window: Option<u64>,
}

impl<'l> Route<'l> {
    /// A task at its own model. `fleet` are all lanes of the run.
    pub(super) fn new(lane: &'l Lane, fleet: &'l [Arc<Lane>], task: Task) -> Self {
        lane.gate.first();
        let (instead, again, away) = (None, None, None);
        Self { lane, home: lane, fleet, task, instead, again, passed: 0, attempts: 0, away }
    }

    /// Whether the task's own model is asked now.
    pub(super) fn is_home(&self) -> bool {
        self.instead.is_none()
    }

    /// Who is asked now.
    pub(super) fn target(&self) -> &Arc<Target> {
        self.instead.as_ref().map_or(&self.task.target, |instead| &instead.target)
    }

    /// What is asked now.
    pub(super) fn request(&self) -> &Request {
        let first = self.instead.as_ref().map_or(&self.task.request, |instead| &instead.request);
        self.again.as_ref().unwrap_or(first)
    }

    /// Goes on with the talk: what is asked next ends in these messages.
    pub(super) fn go_on(&mut self, talk: [Message; 2]) {
        let mut request = self.request().clone();
        request.messages.extend(talk);
        self.again = Some(request);
    }

    /// The parameters that whoever is asked now does not take.
    pub(super) fn dropped(&self) -> &Vec<String> {
        self.instead.as_ref().map_or(&self.task.dropped, |instead| &instead.target.dropped)
    }

    /// After which failures there may be somebody else to ask.
    pub(super) fn elsewhere(&self) -> FallbackOn {
        match self.passed < self.task.fallbacks.len() {
            true => self.task.target.fallback_on,
            false => FallbackOn::NEVER,
        }
    }

    /// Goes on to the next fallback that can be asked after a failure of this kind; `false` when
    /// there is none.
    pub(super) fn advance(&mut self, kind: FailureKind) -> bool {
        if !self.elsewhere().covers(kind) {
            return false;
        }
        let fallbacks = Arc::clone(&self.task.fallbacks);
        while let Some(fallback) = fallbacks.get(self.passed) {
            self.passed += 1;
            let Some(lane) = self.fleet.iter().find(|lane| lane.place == fallback.lane) else {
                continue;
            };
            if lane.gate.closure().is_some() || !self.fits(fallback, kind) {
                continue;
            }
            tracing::info!(
                model = &*self.target().model_used(), error = %kind,
                fallback = &*fallback.target.model_used(), "a fallback is asked"
            );
            lane.gate.first();
            self.instead = Some(Instead {
                target: Arc::clone(&fallback.target),
                request: self.task.request_to(fallback),
                window: fallback.window,
            });
            (self.lane, self.attempts, self.again) = (lane, 0, None);
            self.away.get_or_insert_with(|| Away::from(self.home));
            return true;
        }
        false
    }

    /// Whether a fallback's window is large enough, as far as that is known.
    fn fits(&self, fallback: &Fallback, kind: FailureKind) -> bool {
        let Some(window) = fallback.window else { return true };
        let before =
            self.instead.as_ref().map_or(self.task.target.window, |instead| instead.window);
        let was_too_small = kind == FailureKind::ContextWindowExceeded && before >= Some(window);
        !was_too_small && input_tokens(&self.task.request.messages) <= window
    }

    /// How long to wait before the next attempt at whoever is asked now, or `None` when there is
    /// to be none; the failure then says so, where it is not the failure's own doing.
    pub(super) fn next_wait(&mut self, failure: &mut Failure) -> Option<Duration> {
        self.attempts += 1;
        let wait = {
            let mut rng = self.lane.state.rng.lock().unwrap_or_else(PoisonError::into_inner);
            self.lane.retry.next(self.attempts, failure, &mut *rng)?
        };
        let long = failure.retry_after.is_some_and(|asked| asked > WORTH_WAITING);
        let enough = long || self.attempts >= ATTEMPTS_BEFORE_FALLBACK;
        if enough && self.elsewhere().covers(failure.kind) {
            return None;
        }
        if Verdict::of(failure, false).is_faulty() && !self.lane.gate.may_retry() {
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
}

/// Counts a task as asked elsewhere for as long as it lives: another one may take its place.
struct Away<'l>(&'l Lane);

impl<'l> Away<'l> {
    /// Away from this lane.
    fn from(lane: &'l Lane) -> Self {
        lane.state.elsewhere.fetch_add(1, Ordering::Relaxed);
        lane.state.left.notify_one();
        Self(lane)
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.0.state.elsewhere.fetch_sub(1, Ordering::Relaxed);
    }
}
