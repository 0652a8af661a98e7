//! The numbers of one lane, as every style shows them.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::moment::Moment;
use crate::call::record::{Entry, Status};
use crate::engine::lane::LaneView;
use crate::run::observer::LaneStart;

/// The weight of the newest second in the rate.
const NEWEST: f64 = 0.2;

/// A wait shorter than this is a rhythm, not a wait.
const WORTH_SAYING: Duration = Duration::from_millis(1500);

/// The numbers of one lane.
pub(super) struct Tally {
    pub(super) label: String,
    pub(super) total: u64,
    /// Done in this session or before it.
    pub(super) done: u64,
    pub(super) failed: u64,
    pub(super) retries: u64,
    pub(super) tokens: u64,
    view: LaneView,
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
            retries: 0,
            tokens: 0,
            view: start.view,
            rate: 0.0,
            rated_at: Instant::now(),
            rated_done: start.done,
        }
    }

    pub(super) fn count(&mut self, entry: &Entry) {
        match entry.record.status {
            Status::Ok => self.done += 1,
            Status::Error => {
                self.done += 1;
                self.failed += 1;
            }
            Status::Skipped => {}
        }
        let usage = entry.record.usage.as_ref();
        self.tokens += usage.and_then(|usage| usage.total_tokens()).unwrap_or(0);
    }

    pub(super) fn in_flight(&self) -> usize {
        self.view.in_flight()
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

    /// How long the rest takes at the present rate; nobody knows while the lane waits.
    pub(super) fn left(&mut self) -> Option<Duration> {
        let rate = self.rate();
        if self.waits().is_some() {
            return None;
        }
        let rest = self.total.saturating_sub(self.done);
        (rate > 0.0 && rest > 0).then(|| Duration::from_secs_f64(rest as f64 / rate))
    }

    /// What the lane waits for and until when, in words.
    pub(super) fn waits(&self) -> Option<String> {
        let Some(waiting) = self.view.waiting() else {
            let idle = self.in_flight() == 0 && self.sleeping() > 0;
            return idle.then(|| format!("{} tasks rest before a retry", self.sleeping()));
        };
        let left = waiting.until.saturating_duration_since(Instant::now());
        if left < WORTH_SAYING {
            return None;
        }
        let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        let at = Moment::from_millis(Moment::now().as_millis().saturating_add(millis)).to_string();
        let today = Moment::now().to_string()[..10] == at[..10];
        let until = if today { at[11..19].to_owned() } else { at[..19].replace('T', " ") };
        Some(format!("waits for {} until {until} UTC", waiting.why.as_str()))
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
}
