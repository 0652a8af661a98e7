//! Tokens per minute: buckets with reserve, settle and debt.
//!
//! governor cannot do this: a request above the burst would never pass, and nothing can be given
//! back. Whoever is first in line asks [`Tokens::take`] and waits; so a large request is never
//! starved behind small ones.

mod bucket;
mod minute;

use tokio::time::Instant;

use crate::pace::Limits;
use crate::pace::tokens::bucket::Bucket;

/// Tokens that a call is going to count against its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// Input tokens, estimated before the call and counted after it.
    pub input: u64,
    /// Output tokens: the most allowed before the call, those that came after it.
    pub output: u64,
}

/// Which tokens a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// `tpm`: both sides.
    All,
    /// `itpm`.
    Input,
    /// `otpm`.
    Output,
}

impl Counted {
    fn of(self, need: Need) -> f64 {
        let tokens = match self {
            Self::All => need.input.saturating_add(need.output),
            Self::Input => need.input,
            Self::Output => need.output,
        };
        tokens as f64
    }
}

/// The token limits of one scope. All of them are taken in one step or not at all.
#[derive(Debug)]
pub struct Tokens {
    buckets: Vec<(Counted, Bucket)>,
}

impl Tokens {
    /// The token limits among `limits`; `None` when there is none.
    pub fn new(limits: &Limits, now: Instant) -> Option<Self> {
        let stated = [
            (Counted::All, limits.tokens_per_minute),
            (Counted::Input, limits.input_tokens_per_minute),
            (Counted::Output, limits.output_tokens_per_minute),
        ];
        let bucket = |(counted, limit): (Counted, Option<u64>)| {
            Some((counted, Bucket::new(limit? as f64, now)))
        };
        let buckets: Vec<_> = stated.into_iter().filter_map(bucket).collect();
        (!buckets.is_empty()).then_some(Self { buckets })
    }

    /// Which bucket is the last to have `need`, and when; `None` when all of them have it now.
    pub fn lacks(&mut self, need: Need, now: Instant) -> Option<(Counted, Instant)> {
        let waits = self
            .buckets
            .iter_mut()
            .map(|(counted, bucket)| (*counted, bucket.wait(counted.of(need), now)));
        let (counted, wait) = waits.max_by_key(|(_, wait)| *wait)?;
        (!wait.is_zero()).then(|| (counted, now + wait))
    }

    /// Takes `need` from every bucket, or from none and says which is the last to have it and when.
    pub fn take(&mut self, need: Need, now: Instant) -> Result<(), (Counted, Instant)> {
        if let Some(lack) = self.lacks(need, now) {
            return Err(lack);
        }
        for (counted, bucket) in &mut self.buckets {
            bucket.take(counted.of(need), now);
        }
        Ok(())
    }

    /// Gives back what was reserved at the time `taken` beyond what was used, or takes what was used
    /// beyond it.
    pub fn settle(&mut self, reserved: Need, used: Need, taken: Instant, now: Instant) {
        for (counted, bucket) in &mut self.buckets {
            bucket.settle(counted.of(reserved), counted.of(used), taken, now);
        }
    }

    /// The provider refused a call although the pace was kept: the pace is slowed by a little, and
    /// calm takes that away again. Of the refusals within a second only the first counts.
    pub fn refused(&mut self, now: Instant) {
        self.buckets.iter_mut().for_each(|(_, bucket)| bucket.refused(now));
    }
}

#[cfg(test)]
mod tests;
