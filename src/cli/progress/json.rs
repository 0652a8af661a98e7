//! A JSON object a line, once a second: for programs that watch a run.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::call::moment::Moment;
use crate::cli::progress::tally::{Tally, moment};
use crate::cli::screen::Screen;

const EVERY: Duration = Duration::from_secs(1);

/// JSON lines.
pub(super) struct Json {
    screen: Screen,
    next: Instant,
}

impl Json {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, next: Instant::now() + EVERY }
    }

    pub(super) fn begin(&mut self, run: &str, lanes: &[Tally]) {
        self.phase("begin", run, lanes);
    }

    /// The answers are there, and scorers ask: the numbers are those of their calls from here on.
    pub(super) fn judging(&mut self, run: &str, lanes: &[Tally]) {
        self.phase("judging", run, lanes);
    }

    fn phase(&self, event: &str, run: &str, lanes: &[Tally]) {
        let total: u64 = lanes.iter().map(|lane| lane.total).sum();
        let done: u64 = lanes.iter().map(|lane| lane.done).sum();
        self.say(
            &json!({"event": event, "at": Moment::now(), "run": run, "total": total, "done": done}),
        );
    }

    pub(super) fn progress(&mut self, lanes: &mut [Tally]) {
        self.lanes("progress", lanes);
    }

    pub(super) fn tick(&mut self, lanes: &mut [Tally]) {
        if Instant::now() >= self.next {
            self.next = Instant::now() + EVERY;
            self.progress(lanes);
        }
    }

    pub(super) fn end(&mut self, lanes: &mut [Tally]) {
        self.lanes("end", lanes);
    }

    fn lanes(&self, event: &str, lanes: &mut [Tally]) {
        let lanes: Vec<Value> = lanes.iter_mut().filter(|lane| lane.is_shown()).map(lane).collect();
        self.say(&json!({"event": event, "at": Moment::now(), "models": lanes}));
    }

    fn say(&self, value: &Value) {
        self.screen.say(&value.to_string());
    }
}

fn lane(lane: &mut Tally) -> Value {
    let waiting = lane.waiting();
    json!({
        "model": lane.label,
        "total": lane.total,
        "done": lane.done,
        "failed": lane.failed,
        "skipped": lane.skipped,
        "retries": lane.retries,
        "in_flight": lane.in_flight(),
        "width": lane.width(),
        "sleeping": lane.sleeping(),
        "tokens": lane.tokens,
        "per_second": (lane.rate() * 10.0).round() / 10.0,
        "seconds_left": lane.left().map(|left| left.as_secs()),
        "waits": lane.waits(),
        "waits_for": waiting.map(|waiting| waiting.why.key()),
        "waits_until": waiting.map(|waiting| moment(waiting.until)),
        "closed": lane.closed(),
        "canary": lane.is_canary,
    })
}
