//! What was estimated, summed up by target and over all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::money::Usd;
use crate::call::task::Target;

/// What a job will take and cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// By target, in the order of the plan.
    pub targets: Vec<(Arc<Target>, Sums)>,
    /// Over all of them.
    pub all: Sums,
}

/// Sums over tasks.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// The tasks.
    pub tasks: u64,
    /// Their likely input tokens.
    pub input: u64,
    /// Whether those are what the provider will count.
    pub is_exact: bool,
    /// The fewest output tokens.
    pub output_low: u64,
    /// The likely ones.
    pub output_likely: u64,
    /// The most, of one answer to each task.
    pub output_high: Sum<u64>,
    /// The least cost.
    pub low: Sum<Usd>,
    /// The likely cost.
    pub likely: Sum<Usd>,
    /// The most that can be billed, answers that are asked for again and fallbacks included.
    pub high: Sum<Usd>,
    /// What the likely output rests on.
    pub rests_on: RestsOn,
}

/// A sum of what is known, and how often it was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum<T> {
    known: T,
    /// How many parts are known.
    parts: u64,
    /// How many are not.
    pub unknown: u64,
}

/// Why an answer is taken to be so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Earlier answers were: which group of them, and how many it has.
    History(u64, u64),
    /// The built-in provider always answers so.
    Builtin,
    /// The stated limit ends it.
    MaxTokens,
    /// The prompt asks for it, or nothing is known.
    Assumed,
    /// There is none.
    None,
}

/// On what likely outputs rest, and for how many tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestsOn {
    /// Earlier answers, by group.
    history: BTreeMap<u64, u64>,
    builtin: u64,
    max_tokens: u64,
    assumed: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            tasks: 0,
            input: 0,
            is_exact: true,
            output_low: 0,
            output_likely: 0,
            output_high: Sum::default(),
            low: Sum::default(),
            likely: Sum::default(),
            high: Sum::default(),
            rests_on: RestsOn::default(),
        }
    }
}

impl<T: Copy + Default + Ord + std::ops::Add<Output = T>> Sum<T> {
    /// Adds a part that may not be known.
    pub fn add(&mut self, part: Option<T>) {
        match part {
            Some(part) => {
                self.known = self.known + part;
                self.parts += 1;
            }
            None => self.unknown += 1,
        }
    }

    /// The sum of what is known; `None` where nothing is.
    pub fn known(&self) -> Option<T> {
        (self.parts > 0 || self.unknown == 0).then_some(self.known)
    }

    /// The sum of all; `None` where any part is not known.
    pub fn whole(&self) -> Option<T> {
        (self.unknown == 0).then_some(self.known)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            known: self.known + other.known,
            parts: self.parts + other.parts,
            unknown: self.unknown + other.unknown,
        }
    }
}

impl Sum<Usd> {
    /// The same where no more than this can be spent, whatever is known.
    fn capped(self, cap: Usd) -> Self {
        let known = if self.unknown == 0 { self.known.min(cap) } else { cap };
        Self { known, parts: self.parts + self.unknown, unknown: 0 }
    }
}

impl RestsOn {
    /// Counts one more task.
    pub fn note(&mut self, basis: Basis) {
        match basis {
            Basis::History(group, answers) => drop(self.history.insert(group, answers)),
            Basis::Builtin => self.builtin += 1,
            Basis::MaxTokens => self.max_tokens += 1,
            Basis::Assumed => self.assumed += 1,
            Basis::None => {}
        }
    }

    /// In words: `history: 120 answers`, `built-in`, `max_tokens`, `assumed`.
    pub fn words(&self) -> Vec<String> {
        let answers = self.history.values().sum::<u64>();
        let history = (answers > 0).then(|| match answers {
            1 => "history: 1 answer".to_owned(),
            answers => format!("history: {answers} answers"),
        });
        let others = [
            (self.builtin, "built-in"),
            (self.max_tokens, "max_tokens"),
            (self.assumed, "assumed"),
        ];
        let others = others.into_iter().filter(|(tasks, _)| *tasks > 0);
        history.into_iter().chain(others.map(|(_, word)| word.to_owned())).collect()
    }

    fn plus(mut self, other: &Self) -> Self {
        self.history.extend(&other.history);
        self.builtin += other.builtin;
        self.max_tokens += other.max_tokens;
        self.assumed += other.assumed;
        self
    }
}

impl Sums {
    /// The likely sums of so many tasks, of which these are a part; nothing of it is exact then, and
    /// no bound.
    pub fn scaled_to(self, tasks: u64) -> Self {
        if self.tasks == 0 || self.tasks == tasks {
            return self;
        }
        let whole = |part: u64| {
            let whole = u128::from(part) * u128::from(tasks) / u128::from(self.tasks);
            u64::try_from(whole).unwrap_or(u64::MAX)
        };
        let usd = |sum: Sum<Usd>| Sum {
            known: Usd::from_pico(sum.known.as_pico() * i128::from(tasks) / i128::from(self.tasks)),
            parts: whole(sum.parts),
            unknown: whole(sum.unknown),
        };
        Self {
            tasks,
            input: whole(self.input),
            is_exact: false,
            output_low: whole(self.output_low),
            output_likely: whole(self.output_likely),
            output_high: Sum { unknown: tasks, ..Sum::default() },
            low: usd(self.low),
            likely: usd(self.likely),
            high: Sum { unknown: tasks, ..Sum::default() },
            rests_on: self.rests_on,
        }
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            tasks: self.tasks + other.tasks,
            input: self.input.saturating_add(other.input),
            is_exact: self.is_exact && other.is_exact,
            output_low: self.output_low + other.output_low,
            output_likely: self.output_likely.saturating_add(other.output_likely),
            output_high: self.output_high.plus(other.output_high),
            low: self.low.plus(other.low),
            likely: self.likely.plus(other.likely),
            high: self.high.plus(other.high),
            rests_on: self.rests_on.plus(&other.rests_on),
        }
    }
}

impl Estimate {
    /// The sums of these targets, with a cap on each and one on the whole.
    pub fn of(
        targets: impl Iterator<Item = (Arc<Target>, Sums)>,
        budget: Option<Usd>,
        cap: impl Fn(&Target) -> Option<Usd>,
    ) -> Self {
        let capped = |(target, mut sums): (Arc<Target>, Sums)| {
            // Of two caps the lower one holds.
            let caps = [budget, cap(&target)].into_iter().flatten();
            if let Some(cap) = caps.min().filter(|_| sums.tasks > 0) {
                sums.high = sums.high.capped(cap);
            }
            (target, sums)
        };
        let targets: Vec<_> = targets.map(capped).collect();
        let mut all = targets.iter().fold(Sums::default(), |all, (_, sums)| all.plus(sums));
        if let Some(cap) = budget {
            all.high = all.high.capped(cap);
        }
        Self { targets, all }
    }
}
