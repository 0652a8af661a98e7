//! The numbers of one lane, as every style shows them.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::moment::Moment;
use crate::call::record::{Entry, Status};
use crate::engine::lane::LaneView;
use crate::pace::rate::Waiting;
use crate::pace::watch::News;
use crate::report::figures::count;
use crate::run::observer::LaneStart;

/// The weight of the newest second in the rate.
const NEWEST: f64 = 0.2;

/// A shorter wait for a limit is a rhythm, not a wait.
const WORTH_SAYING: Duration = Duration::from_millis(1500);

/// The most characters of a reason behind the numbers of a lane.
const REASON: usize = 80;

/// The numbers of one lane.
pub(super) struct Tally {
    pub(super) label: String,
    pub(super) total: u64,
    /// Done in this session or before it.
    pub(super) done: u64,
    pub(super) failed: u64,
    /// Not asked in this session, because the lane closed or the run was stopped.
    pub(super) skipped: u64,
    pub(super) retries: u64,
    pub(super) tokens: u64,
    /// Whether no more than the canary is run for now.
    pub(super) is_canary: bool,
    /// Whether what it does are calls of scorers.
    pub(super) is_judging: bool,
    view: LaneView,
    news: News,
    is_over: bool,
    rate: f64,
    rated_at: Instant,
    rated_done: u64,
}

impl Tally {
    pub(super) fn new(start: LaneStart) -> Self {
        Self {
            label: printable(&start.label),
            total: start.total,
            done: start.done,
            failed: 0,
            skipped: 0,
            retries: 0,
            tokens: 0,
            is_canary: false,
            is_judging: false,
            view: start.view,
            news: News::default(),
            is_over: false,
            rate: 0.0,
            rated_at: Instant::now(),
            rated_done: start.done,
        }
    }

    /// The numbers of a lane while scorers ask.
    pub(super) fn of_scorers(start: LaneStart) -> Self {
        Self { is_judging: true, ..Self::new(start) }
    }

    pub(super) fn count(&mut self, entry: &Entry) {
        match entry.record.status {
            Status::Ok => self.done += 1,
            Status::Error => {
                self.done += 1;
                self.failed += 1;
            }
            Status::Skipped => self.skipped += 1,
        }
        let usage = entry.record.usage.as_ref();
        self.tokens += usage.and_then(|usage| usage.total_tokens()).unwrap_or(0);
    }

    /// The run is at its end, whatever is left over.
    pub(super) fn end(&mut self) {
        self.is_over = true;
    }

    pub(super) fn in_flight(&self) -> usize {
        self.view.in_flight()
    }

    /// Calls that may be in flight now.
    pub(super) fn width(&self) -> usize {
        self.view.width()
    }

    /// Calls in flight, of those that may be.
    pub(super) fn places(&self) -> String {
        format!("{}/{} in flight", self.in_flight(), self.width())
    }

    /// How many of its tasks are done; a lane that is a fallback alone has none, but calls.
    pub(super) fn progress(&self) -> String {
        match self.total {
            0 => format!("{} calls", count(self.view.calls())),
            total => format!("{}/{} done", count(self.done), count(total)),
        }
    }

    /// Whether there is anything to show: a lane that is a fallback alone may never be asked, and most
    /// have nothing to do while scorers ask.
    pub(super) fn is_shown(&self) -> bool {
        self.total > 0 || !self.is_judging && (self.in_flight() > 0 || self.view.calls() > 0)
    }

    /// Whether more is to come.
    pub(super) fn is_going(&self) -> bool {
        let is_open = self.left_over() > 0 && self.view.closed().is_none();
        !self.is_over && self.is_shown() && (is_open || self.in_flight() > 0)
    }

    /// Tasks of its own that have no outcome yet.
    fn left_over(&self) -> u64 {
        self.total.saturating_sub(self.done + self.skipped)
    }

    pub(super) fn sleeping(&self) -> usize {
        self.view.sleeping()
    }

    /// Tasks a second, smoothed; call it a few times a second.
    pub(super) fn rate(&mut self) -> f64 {
        let passed = self.rated_at.elapsed().as_secs_f64();
        if passed >= 1.0 {
            let newest = (self.done - self.rated_done) as f64 / passed;
            self.rate =
                if self.rate == 0.0 { newest } else { self.rate + NEWEST * (newest - self.rate) };
            (self.rated_at, self.rated_done) = (Instant::now(), self.done);
        }
        self.rate
    }

    /// How long the rest takes at the present rate; nobody knows while the lane waits or the canary
    /// runs.
    pub(super) fn left(&mut self) -> Option<Duration> {
        let rate = self.rate();
        if self.is_canary || self.waiting().is_some() {
            return None;
        }
        let rest = self.left_over();
        (rate > 0.0 && rest > 0).then(|| Duration::from_secs_f64(rest as f64 / rate))
    }

    /// What the lane waits for, where that is worth saying.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let waiting = self.view.waiting().filter(|_| self.is_going())?;
        let left = waiting.until.saturating_duration_since(Instant::now());
        (left >= WORTH_SAYING || !waiting.why.is_rhythm()).then_some(waiting)
    }

    /// What the lane waits for and until when, in words.
    pub(super) fn waits(&self) -> Option<String> {
        if self.view.is_trying() && self.is_going() {
            return Some("waits for one call, which tries whether the provider is back".to_owned());
        }
        let waiting = self.waiting()?;
        // The time goes first: the end of the line may not fit on the screen.
        Some(format!("waits until {} UTC for {}", clock(waiting.until), waiting.why.as_str()))
    }

    /// The same for a long wait that nobody was told of yet.
    pub(super) fn news(&mut self) -> Option<String> {
        let waiting = self.waiting()?;
        self.news.is_new(waiting, Instant::now()).then(|| self.waits())?
    }

    /// That no more than the canary is run for now, of this lane or of others.
    pub(super) fn canary(&self) -> Option<&'static str> {
        let is_told = self.is_canary && self.is_going() && self.total > 0;
        let rests = self.in_flight() == 0 && self.view.waiting().is_none();
        is_told.then_some(if rests { "waits for the canary of all models" } else { "canary" })
    }

    /// Why no more calls are made, in a short line.
    pub(super) fn closed(&self) -> Option<String> {
        self.view.closed().map(|closure| short(&closure.reason))
    }

    /// That no more calls are made, and why.
    pub(super) fn closing(&self) -> Option<String> {
        let what = if self.view.parked().is_some() { "parked" } else { "closed" };
        self.closed().map(|reason| format!("{what}: {reason}"))
    }
}

/// The moment of an instant to come.
pub(super) fn moment(at: Instant) -> Moment {
    let left = at.saturating_duration_since(Instant::now());
    let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
    Moment::from_millis(Moment::now().as_millis().saturating_add(millis))
}

/// The time of day in UTC, with the date where it is not today's.
fn clock(at: Instant) -> String {
    let (at, now) = (moment(at).to_string(), Moment::now().to_string());
    if now[..10] == at[..10] { at[11..19].to_owned() } else { at[..19].replace('T', " ") }
}

/// The first line of a reason, as far as it fits behind the numbers of a lane.
fn short(reason: &str) -> String {
    let line = printable(reason.lines().next().unwrap_or_default());
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// A duration as people say it.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A label without what would move a terminal's cursor.
fn printable(label: &str) -> String {
    label.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_people() {
        assert_eq!(spoken(Duration::from_secs(59)), "59 s");
        assert_eq!(spoken(Duration::from_secs(61)), "1 min 01 s");
        assert_eq!(spoken(Duration::from_mins(121)), "2 h 01 min");
    }

    #[test]
    fn a_reason_is_cut_to_a_short_line() {
        assert_eq!(short("who are\tyou?\nreally"), "who are\u{FFFD}you?");
        let long = "ü".repeat(REASON);
        assert_eq!(short(&long), long);
        assert_eq!(short(&format!("{long}x")), format!("{long}..."));
    }
}
