//! Two runs side by side: what each prompt got in the one and in the other.

use crate::eval::stats::cluster::{Cluster, in_order};

/// A difference below this share of the values is rounding: thirds do not add up to one.
const ROUNDING: f64 = 1e-9;

/// The prompts that both runs scored, in the order of their ids. Each counts once, by the mean of
/// its repeats.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    /// New less base, for each prompt; exactly 0 where they are the same but for rounding.
    pub differences: Vec<f64>,
    /// The sums of what the prompts got.
    pub base: f64,
    pub new: f64,
    /// Prompts without a partner.
    pub only_base: u64,
    pub only_new: u64,
}

impl Pairs {
    pub(super) fn of(base: &[Cluster], new: &[Cluster]) -> Self {
        let (base, new) = (in_order(base), in_order(new));
        let mut pairs = Self::default();
        let mut rest = new.iter().peekable();
        for before in base.iter() {
            while rest.next_if(|after| after.id() < before.id()).is_some() {
                pairs.only_new += 1;
            }
            match rest.next_if(|after| after.id() == before.id()) {
                Some(after) => pairs.push(before.mean(), after.mean()),
                None => pairs.only_base += 1,
            }
        }
        pairs.only_new += rest.count() as u64;
        pairs
    }

    fn push(&mut self, before: f64, after: f64) {
        self.base += before;
        self.new += after;
        let difference = after - before;
        let is_rounding = difference.abs() <= ROUNDING * before.abs().max(after.abs());
        self.differences.push(if is_rounding { 0.0 } else { difference });
    }

    /// How many pairs.
    pub(super) fn len(&self) -> f64 {
        self.differences.len() as f64
    }

    /// The mean difference.
    pub(super) fn difference(&self) -> f64 {
        self.differences.iter().sum::<f64>() / self.len()
    }
}
