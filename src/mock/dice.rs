//! Dice: all chance of the built-in provider, drawn from a hash of what was asked.
//!
//! Nothing here depends on time, on the order of requests or on a generator's state, so a run that
//! is repeated with the same seed meets the same latencies and the same faults.

use std::time::Duration;

use crate::mock::answer::Question;

/// The dice for one question: same seed and same question, same throws.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    question: [u8; 32],
}

impl Dice {
    /// The dice for the model's name and the text of the messages.
    pub fn new(seed: u64, question: &Question<'_>) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut absorb = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        absorb(question.name());
        for message in &question.messages {
            absorb(&message.role);
            absorb(&message.text);
        }
        Self { seed, question: *hasher.finalize().as_bytes() }
    }

    /// 64 bits that follow from the question alone, whatever the seed.
    pub fn question(&self) -> u64 {
        first_u64(&self.question)
    }

    /// A number from 0 up to, but not including, 1 that decides the fate of the `nth` try.
    pub fn fate(&self, nth: u32) -> f64 {
        self.unit("fate", nth)
    }

    /// A latency around this median, lognormally distributed; the same at every try.
    pub fn latency(&self, median: Duration, sigma: f64) -> Duration {
        if median.is_zero() || sigma <= 0.0 {
            return median;
        }
        median.mul_f64((sigma * self.normal("latency")).exp())
    }

    /// A throw of the standard normal distribution (Box and Muller), within about 8.6 of 0.
    fn normal(&self, purpose: &str) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit(purpose, 0)).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit(purpose, 1)).cos()
    }

    fn unit(&self, purpose: &str, nth: u32) -> f64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.question);
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&nth.to_le_bytes());
        hasher.update(purpose.as_bytes());
        let bits = first_u64(hasher.finalize().as_bytes());
        // A double holds 53 bits.
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn first_u64(hash: &[u8; 32]) -> u64 {
    u64::from_le_bytes(hash[..8].try_into().expect("8 of 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dice(seed: u64, text: &str) -> Dice {
        Dice::new(seed, &Question::of("lark", text))
    }

    #[test]
    fn the_same_question_meets_the_same_fate() {
        let (one, same) = (dice(1, "hi"), dice(1, "hi"));
        assert_eq!(one.fate(3).to_bits(), same.fate(3).to_bits());
        let others = [one.fate(4), dice(2, "hi").fate(3), dice(1, "ho").fate(3)];
        assert!(others.iter().all(|fate| fate.to_bits() != one.fate(3).to_bits()));
    }

    #[test]
    fn fates_are_spread_evenly() {
        let below = (0..10_000).filter(|nth| dice(0, "hi").fate(*nth) < 0.05).count();
        assert!((420..580).contains(&below), "{below}");
    }

    #[test]
    fn latencies_lie_around_their_median() {
        let median = Duration::from_millis(400);
        let mut all: Vec<Duration> =
            (0..2_000).map(|i| dice(0, &i.to_string()).latency(median, 0.3)).collect();
        all.sort_unstable();
        let near = |at: usize, millis: u64| {
            let wanted = Duration::from_millis(millis);
            assert!(all[at].abs_diff(wanted) < wanted / 12, "{:?} for {wanted:?}", all[at]);
        };
        near(1_000, 400);
        near(1_900, 655);
        near(100, 244);
        assert_eq!(dice(0, "hi").latency(median, 0.0), median);
        assert_eq!(dice(0, "hi").latency(Duration::ZERO, 0.3), Duration::ZERO);
    }
}
