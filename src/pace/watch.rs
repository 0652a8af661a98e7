//! What can be seen of a lane's waiting: what it waits for now, the time it lost to each cause, and
//! which waits are worth a line.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::pace::rate::{Waiting, Why};

/// A wait that takes longer is worth a line of its own.
const LONG: Duration = Duration::from_secs(10);

/// Nobody expects a run to wait for longer than this: it is worth a warning.
const VERY_LONG: Duration = Duration::from_mins(10);

/// A limit that is used up makes every call wait, and no more is said of it for so long.
const RHYTHM: Duration = Duration::from_mins(10);

/// The waiting of one lane.
#[derive(Debug, Default)]
pub struct Watch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: Option<Waiting>,
    lost: Losses,
    news: News,
}

impl Watch {
    /// What whoever is first in line waits for.
    pub fn waiting(&self) -> Option<Waiting> {
        self.lock().waiting.filter(|waiting| waiting.until > Instant::now())
    }

    /// The time that was lost to each cause so far.
    pub fn lost(&self) -> BTreeMap<Why, Duration> {
        self.lock().lost.by(Instant::now())
    }

    /// Somebody is first in line, until this is dropped.
    pub fn line(&self) -> Line<'_> {
        Line(self)
    }

    /// Whoever is first in line waits, until this is dropped.
    pub fn hold(&self, waiting: Waiting, model: &str) -> Held<'_> {
        self.lock().waiting = Some(waiting);
        self.rest(waiting, model)
    }

    /// Somebody waits who is not in line, until this is dropped. A long wait is told.
    pub fn rest(&self, waiting: Waiting, model: &str) -> Held<'_> {
        let (now, Waiting { why, until }) = (Instant::now(), waiting);
        let mut state = self.lock();
        state.lost.begin(why, now);
        if state.news.is_new(waiting, now) {
            let left = until.saturating_duration_since(now);
            let (waits_for, seconds) = (why.as_str(), left.as_secs());
            if left > VERY_LONG {
                tracing::warn!(
                    model,
                    waits_for,
                    seconds,
                    "the model waits for very long; interrupt the run and go on later with --resume, \
                     or let it end by itself with `limits.deadline`"
                );
            } else {
                tracing::info!(model, waits_for, seconds, "the model waits");
            }
        }
        Held { watch: self, why }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody waits when whoever was first in line is through, or gone.
#[derive(Debug)]
pub struct Line<'w>(&'w Watch);

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting = None;
    }
}

/// Counts a wait as lost time, also when it is cancelled.
#[derive(Debug)]
pub struct Held<'w> {
    watch: &'w Watch,
    why: Why,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.watch.lock().lost.end(self.why, Instant::now());
    }
}

/// The time that a lane lost, by cause. No clock inside.
#[derive(Debug, Default)]
struct Losses(BTreeMap<Why, Lost>);

/// The time in which anybody waited for one cause.
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    before: Duration,
    waiting: usize,
    since: Option<Instant>,
}

impl Lost {
    fn by(&self, now: Instant) -> Duration {
        let lately = self.since.map(|since| now.saturating_duration_since(since));
        self.before + lately.unwrap_or_default()
    }
}

impl Losses {
    /// A wait begins.
    fn begin(&mut self, why: Why, now: Instant) {
        let lost = self.0.entry(why).or_default();
        lost.waiting += 1;
        lost.since.get_or_insert(now);
    }

    /// A wait is over. Waits for one cause at the same time count once.
    fn end(&mut self, why: Why, now: Instant) {
        let lost = self.0.entry(why).or_default();
        lost.waiting = lost.waiting.saturating_sub(1);
        if lost.waiting == 0 {
            *lost = Lost { before: lost.by(now), ..Lost::default() };
        }
    }

    fn by(&self, now: Instant) -> BTreeMap<Why, Duration> {
        self.0.iter().map(|(why, lost)| (*why, lost.by(now))).collect()
    }
}

/// Which waits are worth a line: long ones, once each.
#[derive(Debug, Default)]
pub struct News {
    told: Option<(Waiting, Instant)>,
}

impl News {
    /// Whether this wait is worth a line now. It is not from then on, nor is a rhythm of such waits.
    pub fn is_new(&mut self, waiting: Waiting, now: Instant) -> bool {
        let is_long = waiting.until.saturating_duration_since(now) >= LONG;
        let is_known = self.told.is_some_and(|(told, at)| {
            let is_rhythm = waiting.why.is_rhythm() && at + RHYTHM > now;
            // Refusals that come at once each ask for a pause, a little longer than the one before.
            told.why == waiting.why && (is_rhythm || waiting.until < told.until + LONG)
        });
        let is_new = is_long && !is_known;
        if is_new {
            self.told = Some((waiting, now));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::requests::Window;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_at_the_same_time_are_lost_time_once() {
        let start = Instant::now();
        let mut losses = Losses::default();
        losses.begin(Why::Pause, start);
        losses.begin(Why::Pause, start + SECOND);
        losses.end(Why::Pause, start + 3 * SECOND);
        assert_eq!(losses.by(start + 4 * SECOND)[&Why::Pause], 4 * SECOND);
        losses.end(Why::Pause, start + 5 * SECOND);
        losses.begin(Why::Pause, start + 7 * SECOND);
        losses.begin(Why::Outage, start + 7 * SECOND);
        losses.end(Why::Pause, start + 8 * SECOND);
        let lost = losses.by(start + 9 * SECOND);
        assert_eq!((lost[&Why::Pause], lost[&Why::Outage]), (6 * SECOND, 2 * SECOND));
    }

    #[test]
    fn a_long_wait_is_told_once_and_a_rhythm_of_them_too() {
        let start = Instant::now();
        let mut news = News::default();
        let mut told = |why, at: u64, takes: u64| {
            let now = start + Duration::from_secs(at);
            news.is_new(Waiting { why, until: now + Duration::from_secs(takes) }, now)
        };
        assert!(!told(Why::Pause, 0, 9));
        assert!(told(Why::Pause, 0, 90));
        assert!(!told(Why::Pause, 1, 90), "it is the same pause");
        assert!(!told(Why::Pause, 60, 30), "it is the rest of the same pause");
        assert!(told(Why::Pause, 90, 90), "another one");
        assert!(told(Why::Outage, 91, 16));
        assert!(told(Why::Outage, 110, 32));
        let minute = Why::Requests(Window::Minute);
        assert!(told(minute, 200, 12));
        assert!(!(201..800).step_by(12).any(|at| told(minute, at, 12)));
        assert!(told(minute, 801, 12));
    }
}
