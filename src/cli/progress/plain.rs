//! A line for each lane now and then: for logs, cron and CI.

use std::time::Duration;

use tokio::time::Instant;

use crate::cli::progress::tally::{Tally, spoken};
use crate::cli::screen::Screen;
use crate::report::figures::count;

/// The first lines come after this time, so that a short run says little.
const FIRST: Duration = Duration::from_secs(5);
/// No minute is silent.
const THEN: Duration = Duration::from_secs(15);

/// Plain lines.
pub(super) struct Plain {
    screen: Screen,
    next: Instant,
}

impl Plain {
    pub(super) fn new(screen: Screen) -> Self {
        Self { screen, next: Instant::now() + FIRST }
    }

    pub(super) fn begin(&mut self, run: &str, lanes: &[Tally]) {
        let (total, done) = sums(lanes);
        self.screen.say(&format!("run {run}: {}{}", tasks(total), told_before(done)));
    }

    pub(super) fn judging(&self, lanes: &[Tally]) {
        let (total, done) = sums(lanes);
        let noun = if total == 1 { "call" } else { "calls" };
        let before = told_before(done);
        self.screen.say(&format!("judging the answers: {} {noun}{before}", count(total)));
    }

    pub(super) fn canary(&self, is_on: bool) {
        self.screen.say(match is_on {
            true => "canary: a first share of every model's tasks is run",
            false => "canary: passed; the rest is run",
        });
    }

    pub(super) fn tick(&mut self, lanes: &mut [Tally]) {
        for lane in lanes.iter_mut() {
            // A long wait is told when it begins.
            if let Some(waits) = lane.news() {
                self.screen.say(&format!("{}: {waits}", lane.label));
            }
        }
        if Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + THEN;
        self.lines(lanes.iter_mut().filter(|lane| lane.is_going()));
    }

    pub(super) fn end(&mut self, lanes: &mut [Tally]) {
        self.lines(lanes.iter_mut().filter(|lane| lane.is_shown()));
    }

    fn lines<'l>(&self, lanes: impl Iterator<Item = &'l mut Tally>) {
        lanes.for_each(|lane| self.screen.say(&line(lane)));
    }
}

fn sums(lanes: &[Tally]) -> (u64, u64) {
    (lanes.iter().map(|lane| lane.total).sum(), lanes.iter().map(|lane| lane.done).sum())
}

fn told_before(done: u64) -> String {
    match done {
        0 => String::new(),
        done => format!(", {} done before", count(done)),
    }
}

fn tasks(total: u64) -> String {
    let noun = if total == 1 { "task" } else { "tasks" };
    format!("{} {noun}", count(total))
}

fn line(lane: &mut Tally) -> String {
    let mut parts = vec![lane.progress(), format!("{} failed", count(lane.failed))];
    if lane.skipped > 0 {
        parts.push(format!("{} skipped", count(lane.skipped)));
    }
    parts.push(format!("{} retried", count(lane.retries)));
    if lane.is_going() {
        parts.push(lane.places());
        parts.push(format!("{:.1}/s", lane.rate()));
        parts.extend(lane.left().map(|left| format!("{} left", spoken(left))));
    }
    parts.extend(lane.waits());
    parts.extend(lane.canary().map(str::to_owned));
    parts.extend(lane.closing());
    format!("{}: {}", lane.label, parts.join(", "))
}
