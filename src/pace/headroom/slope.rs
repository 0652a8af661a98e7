//! How fast a limit comes back, read off two of its headers.
//!
//! A limit of 600 a minute may be kept by a bucket that holds ten. Then `limit - remaining` is not
//! what is missing, and the time until the bucket is full says nothing alone; but of two headers,
//! the difference in what is left over the difference in time is the rate, whatever it holds.

use std::time::Duration;

use tokio::time::Instant;

/// A header is compared with others for this long: rates change.
const MEMORY: Duration = Duration::from_mins(2);

/// Two headers say something only this far apart: in what is left, and in the time until it is
/// whole again, which many round to whole seconds.
const LEAST_LEFT: f64 = 4.0;
const LEAST_SHARE: f64 = 0.01;
const LEAST_TIME: f64 = 0.05;
const LEAST_SECONDS: f64 = 5.0;

/// The two headers that lie furthest apart, and the rate that was last read off such two.
#[derive(Debug, Default)]
pub(super) struct Slope {
    limit: u64,
    near: Option<Point>,
    far: Option<Point>,
    rate: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Point {
    remaining: f64,
    reset: f64,
    at: Instant,
}

impl Slope {
    /// Takes one header.
    pub(super) fn see(&mut self, remaining: u64, limit: u64, reset: Duration, now: Instant) {
        if limit != self.limit {
            *self = Self { limit, ..Self::default() };
        }
        let point = Point { remaining: remaining as f64, reset: reset.as_secs_f64(), at: now };
        let is_fresh = |old: &Point| now <= old.at + MEMORY;
        let near = self.near.filter(|near| is_fresh(near) && near.reset < point.reset);
        let far = self.far.filter(|far| is_fresh(far) && far.reset > point.reset);
        let (near, far) = (near.unwrap_or(point), far.unwrap_or(point));
        (self.near, self.far) = (Some(near), Some(far));
        self.rate = self.between(near, far).or(self.rate);
    }

    /// What comes back in a second, where two headers that were far enough apart agreed on it.
    pub(super) fn rate(&self) -> Option<f64> {
        self.rate
    }

    fn between(&self, near: Point, far: Point) -> Option<f64> {
        let left = near.remaining - far.remaining;
        let time = far.reset - near.reset;
        let is_whole = near.reset.fract() == 0.0 && far.reset.fract() == 0.0;
        let least_time = if is_whole { LEAST_SECONDS } else { LEAST_TIME };
        let least_left = LEAST_LEFT.max(self.limit as f64 * LEAST_SHARE);
        // In what comes back at once, little is left when little time is.
        (left >= least_left && time >= least_time).then(|| left / time)
    }
}
