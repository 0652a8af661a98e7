//! How fast to grow again after a cut: quickly up to what was too much, slowly around it, and ever
//! faster beyond it, for what was too much once may not be any more.
//!
//! It is the cubic of TCP CUBIC (RFC 9438), in time and not in round trips: a provider's limits
//! change with the clock, whatever an answer takes.

use tokio::time::Instant;

/// The part of what was too much that is left after a cut.
pub const KEPT: f64 = 0.9;

/// The way up after a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve {
    /// What was too much, or just not.
    ceiling: f64,
    /// What the cut left.
    floor: f64,
    /// Seconds until the ceiling is reached again.
    plateau: f64,
    /// Seconds in which the room was used; time without use teaches nothing.
    grown: f64,
}

impl Curve {
    /// The way from `floor` back to `ceiling`, which takes `plateau` seconds, and beyond.
    pub fn new(floor: f64, ceiling: f64, plateau: f64) -> Self {
        Self { ceiling: ceiling.max(floor), floor, plateau, grown: 0.0 }
    }

    /// What was too much, or just not.
    pub fn ceiling(&self) -> f64 {
        self.ceiling
    }

    /// Goes on for so many seconds of use.
    pub fn grow(&mut self, seconds: f64) {
        self.grown += seconds;
    }

    /// What is allowed now.
    pub fn now(&self) -> f64 {
        // At least a tenth of the ceiling lies between, or the curve would be flat.
        let depth = (self.ceiling - self.floor).max(self.ceiling * (1.0 - KEPT));
        let part = (self.grown - self.plateau) / self.plateau;
        (self.ceiling + depth * part.powi(3)).max(self.floor)
    }
}

/// The longest silence between two answers that counts as time of use.
const LONGEST_STEP: f64 = 5.0;

/// The time between answers, by which curves grow.
#[derive(Clone, Copy, Debug)]
pub struct Beat(Instant);

impl Beat {
    /// Before the first answer.
    pub fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Seconds since the answer before this one.
    pub fn step(&mut self, now: Instant) -> f64 {
        let step = now.saturating_duration_since(self.0).as_secs_f64().min(LONGEST_STEP);
        self.0 = now;
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_at_the_ceiling_and_then_takes_off() {
        let mut curve = Curve::new(33.0, 37.0, 6.0);
        let mut at = |seconds: f64| {
            curve.grown = seconds;
            curve.now()
        };
        assert!((at(0.0) - 33.0).abs() < 0.5);
        assert!((at(6.0) - 37.0).abs() < 1e-9);
        assert!(at(3.0) > 36.0 && at(9.0) < 38.0);
        // Twice the ceiling within 20 seconds.
        assert!(at(19.0) > 70.0);
    }
}
