//! Sums of what may not be known of all: unknown is not zero, and is counted beside the sum.

use crate::call::money::Usd;
use crate::call::usage::{Usage, UsageRow};

/// A sum of tokens that some may not have told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSum {
    /// The sum of those that were told.
    pub sum: u64,
    /// How many told.
    pub told: u64,
}

impl TokenSum {
    /// Adds what one answer told.
    pub fn add(&mut self, tokens: Option<u64>) {
        if let Some(sum) = tokens {
            self.merge(Self { sum, told: 1 });
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.told += other.told;
    }

    /// The sum over so many answers; `None` when there were answers and none told.
    pub fn of(&self, answered: u64) -> Option<u64> {
        (self.told > 0 || answered == 0).then_some(self.sum)
    }
}

/// Sums of tokens in `OpenAI`'s view, in the order of [`TokenSums::NAMES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenSums(pub [TokenSum; 6]);

impl TokenSums {
    /// What each of them is a sum of, by its column in `usage.csv`.
    pub const NAMES: [&'static str; 6] = [
        "prompt_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "completion_tokens",
        "reasoning_tokens",
        "total_tokens",
    ];

    /// Adds the tokens of one answer.
    pub fn add(&mut self, usage: Option<&Usage>) {
        let usage = UsageRow::from(usage.copied().unwrap_or_default());
        let told = [
            usage.prompt_tokens,
            usage.cached_tokens,
            usage.cache_write_tokens,
            usage.completion_tokens,
            usage.reasoning_tokens,
            usage.total_tokens,
        ];
        self.0.iter_mut().zip(told).for_each(|(sum, told)| sum.add(told));
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, other)| sum.merge(other));
    }

    /// The sums over so many answers; each `None` when there were answers and none told.
    pub fn of(&self, answered: u64) -> [Option<u64>; 6] {
        self.0.map(|sum| sum.of(answered))
    }

    /// How many of so many answers did not tell their total.
    pub fn missing(&self, answered: u64) -> u64 {
        answered.saturating_sub(self.0[5].told)
    }
}

/// A sum of money that may not be known of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Money {
    /// The sum of what is known.
    pub sum: Usd,
    /// How many costs are in it.
    pub known: u64,
    /// How many are not.
    pub unknown: u64,
}

impl Money {
    /// Adds one cost.
    pub fn add(&mut self, cost: Option<Usd>) {
        match cost {
            Some(sum) => self.merge(&Self { sum, known: 1, unknown: 0 }),
            None => self.unknown += 1,
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.known += other.known;
        self.unknown += other.unknown;
    }

    /// The sum; `None` when there is something to pay and none of it is known.
    pub fn usd(&self) -> Option<Usd> {
        (self.known > 0 || self.unknown == 0).then_some(self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_not_zero() {
        let mut money = Money::default();
        assert_eq!(money.usd(), Some(Usd::ZERO));
        money.add(None);
        assert_eq!(money.usd(), None);
        money.add(Some(Usd::from_pico(1)));
        money.add(Some(Usd::from_pico(2)));
        assert_eq!((money.usd(), money.unknown), (Some(Usd::from_pico(3)), 1));

        let mut tokens = TokenSum::default();
        assert_eq!(tokens.of(0), Some(0));
        tokens.add(None);
        assert_eq!(tokens.of(1), None);
        tokens.add(Some(0));
        assert_eq!(tokens.of(2), Some(0));
    }
}
