//! One limit of the simulated server, counted to the letter: as a bucket, over a window that
//! slides, or over fixed windows.

use std::collections::VecDeque;
use std::time::Duration;

use super::file::Style;

/// Differences below this come from adding fractions in binary.
const DUST: f64 = 1e-6;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Requests,
    Tokens,
    Input,
    Output,
}

/// What a call costs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) requests: u64,
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Cost {
    pub(super) fn with(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            input: self.input + other.input,
            output: self.output + other.output,
        }
    }
}

impl Unit {
    pub(super) fn of(self, cost: Cost) -> f64 {
        let amount = match self {
            Self::Requests => cost.requests,
            Self::Tokens => cost.input + cost.output,
            Self::Input => cost.input,
            Self::Output => cost.output,
        };
        amount as f64
    }
}

/// So much of something in a time. Times are those since the server began.
pub(super) struct Limit {
    pub(super) unit: Unit,
    pub(super) most: f64,
    per: Duration,
    count: Count,
}

enum Count {
    Bucket { level: f64, capacity: f64, at: Duration },
    Sliding { came: VecDeque<(Duration, f64)>, used: f64 },
    Fixed { ends: Duration, used: f64 },
}

impl Limit {
    pub(super) fn new(unit: Unit, most: f64, per: Duration, style: Style, room: Room) -> Self {
        let at = Duration::ZERO;
        let count = match style {
            Style::Bucket => Count::Bucket { level: room.capacity, capacity: room.capacity, at },
            Style::Sliding => Count::Sliding { came: VecDeque::new(), used: 0.0 },
            Style::Fixed => Count::Fixed { ends: room.first_end, used: 0.0 },
        };
        Self { unit, most, per, count }
    }

    /// Whether it takes the place of `before` when a server changes.
    pub(super) fn is_like(&self, before: &Self) -> bool {
        let style = |limit: &Self| std::mem::discriminant(&limit.count);
        (self.unit, self.per, style(self)) == (before.unit, before.per, style(before))
    }

    /// Goes on with what `before` had counted until now.
    pub(super) fn take_over(&mut self, mut before: Self, now: Duration) {
        before.settle(now);
        match (&mut self.count, before.count) {
            (Count::Bucket { level, capacity, at }, Count::Bucket { level: had, .. }) => {
                (*level, *at) = (had.min(*capacity), now);
            }
            (count, had) => *count = had,
        }
    }

    /// How long until `amount` may come; `None` when it never may.
    pub(super) fn wait(&mut self, amount: f64, now: Duration) -> Option<Duration> {
        self.settle(now);
        if amount > self.most.max(1.0) {
            return None;
        }
        let (most, rate) = (self.most, self.rate());
        let wait = match &self.count {
            // What is larger than the bucket comes when it is full, and leaves a debt.
            Count::Bucket { level, capacity, .. } => {
                let lacking = amount.min(*capacity) - level;
                Duration::from_secs_f64(if lacking > DUST { lacking / rate } else { 0.0 })
            }
            Count::Sliding { came, used } => {
                let (mut left, mut freed) = (*used, now);
                for (at, past) in came {
                    if left + amount <= most + DUST {
                        break;
                    }
                    left -= past;
                    freed = *at + self.per;
                }
                freed.saturating_sub(now)
            }
            Count::Fixed { used, .. } if used + amount <= most + DUST => Duration::ZERO,
            Count::Fixed { ends, .. } => ends.saturating_sub(now),
        };
        Some(wait)
    }

    /// Counts what came.
    pub(super) fn add(&mut self, amount: f64, now: Duration) {
        self.settle(now);
        match &mut self.count {
            Count::Bucket { level, .. } => *level -= amount,
            Count::Sliding { came, used } => {
                came.push_back((now, amount));
                *used += amount;
            }
            Count::Fixed { used, .. } => *used += amount,
        }
    }

    /// What is left now, and how long until nothing is used any more.
    pub(super) fn left(&mut self, now: Duration) -> (f64, Duration) {
        self.settle(now);
        match &self.count {
            Count::Bucket { level, capacity, .. } => {
                let reset = Duration::from_secs_f64((capacity - level).max(0.0) / self.rate());
                (level.max(0.0), reset)
            }
            Count::Sliding { came, used } => {
                let free = came.back().map_or(now, |(at, _)| *at + self.per);
                ((self.most - used).max(0.0), free.saturating_sub(now))
            }
            Count::Fixed { ends, used } => ((self.most - used).max(0.0), ends.saturating_sub(now)),
        }
    }

    fn rate(&self) -> f64 {
        self.most / self.per.as_secs_f64()
    }

    /// Brings the count up to this time.
    fn settle(&mut self, now: Duration) {
        let (rate, per) = (self.rate(), self.per);
        match &mut self.count {
            Count::Bucket { level, capacity, at } => {
                let passed = now.saturating_sub(*at).as_secs_f64();
                *level = (*level + passed * rate).min(*capacity);
                *at = now;
            }
            Count::Sliding { came, used } => {
                while let Some((at, gone)) = came.front()
                    && *at + per <= now
                {
                    *used -= gone;
                    came.pop_front();
                }
            }
            Count::Fixed { ends, used } => {
                while *ends <= now {
                    *ends += per;
                    *used = 0.0;
                }
            }
        }
    }
}

/// What a limit is made of beside its number.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// What a bucket holds.
    pub(super) capacity: f64,
    /// When the first fixed window ends.
    pub(super) first_end: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);

    fn limit(style: Style, most: f64, capacity: f64) -> Limit {
        let room = Room { capacity, first_end: 23 * SECOND };
        Limit::new(Unit::Requests, most, MINUTE, style, room)
    }

    /// How many of a request every 10 ms are let in between these seconds.
    fn let_in(limit: &mut Limit, seconds: std::ops::Range<u64>) -> usize {
        let times = seconds.start * 100..seconds.end * 100;
        let asked = |tick: &u64| {
            let now = Duration::from_millis(tick * 10);
            let comes = limit.wait(1.0, now) == Some(Duration::ZERO);
            if comes {
                limit.add(1.0, now);
            }
            comes
        };
        times.filter(asked).count()
    }

    #[test]
    fn a_bucket_holds_its_burst_and_fills_steadily() {
        let mut limit = limit(Style::Bucket, 60.0, 5.0);
        assert_eq!(let_in(&mut limit, 0..1), 5);
        assert_eq!(let_in(&mut limit, 1..61), 60);
        assert_eq!(limit.wait(2.0, 61 * SECOND), Some(SECOND));
        let before = std::mem::replace(&mut limit, self::limit(Style::Bucket, 120.0, 1.0));
        limit.take_over(before, 61 * SECOND);
        assert_eq!(let_in(&mut limit, 61..121), 120);
        assert_eq!(limit.wait(121.0, 121 * SECOND), None);
    }

    #[test]
    fn a_window_that_slides_gives_back_what_left_it() {
        let mut limit = limit(Style::Sliding, 60.0, 1.0);
        assert_eq!(let_in(&mut limit, 0..60), 60);
        assert_eq!(let_in(&mut limit, 60..120), 60);
        assert_eq!(limit.wait(1.0, 90 * SECOND), Some(30 * SECOND));
        let at = Duration::from_millis(120_100);
        assert_eq!(limit.left(at), (11.0, Duration::from_millis(490)));
    }

    #[test]
    fn a_fixed_window_begins_anew_at_its_end() {
        let mut limit = limit(Style::Fixed, 60.0, 1.0);
        assert_eq!(let_in(&mut limit, 0..23), 60);
        assert_eq!(limit.wait(1.0, 22 * SECOND), Some(SECOND));
        assert_eq!(let_in(&mut limit, 23..83), 60);
        assert_eq!(limit.left(82 * SECOND), (0.0, SECOND));
    }
}
