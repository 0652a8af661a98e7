//! What both runs have of the same tasks, side by side: scores by prompt, times and costs.

use crate::call::gate::ErrorRule;
use crate::call::metric::Metric;
use crate::call::money::Usd;
use crate::eval::stats::cluster::{self, Cluster};
use crate::eval::stats::curves::binomial_at_most;
use crate::report::histogram::Histogram;

use super::matching::Pair;
use super::side::{Point, Side};

/// Some tasks that both runs have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measures<'a> {
    pub base: &'a Side,
    pub new: &'a Side,
    pub pairs: &'a [Pair],
}

/// The scores of both runs, of the tasks that have one in each.
pub(super) struct Clusters {
    pub base: Vec<Cluster>,
    pub new: Vec<Cluster>,
}

/// Values of both runs, pair by pair.
#[derive(Default)]
pub(super) struct Values {
    pub base: Vec<f64>,
    pub new: Vec<f64>,
}

/// How many answers went from one verdict of a scorer to the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flips {
    pub passed_before: u64,
    pub passed_now: u64,
    pub to_fail: u64,
    pub to_pass: u64,
    pub judged: u64,
}

impl<'a> Measures<'a> {
    fn points(self) -> impl Iterator<Item = (Pair, &'a Point, &'a Point)> {
        let Self { base, new, pairs } = self;
        let point = |side: &'a Side, task: u32| &side.tasks[task as usize];
        pairs.iter().map(move |pair| (*pair, point(base, pair.base), point(new, pair.new)))
    }

    /// What a metric says of each task, by prompt; a task counts where both runs have a value.
    pub(super) fn clusters(self, metric: &Metric, errors: ErrorRule) -> Clusters {
        let columns = (self.base.column_of(metric), self.new.column_of(metric));
        let is_passing = matches!(metric, Metric::PassRate(_));
        let value = |column: Option<&super::side::Column>, task: u32, point: &Point| {
            if *metric == Metric::ErrorRate {
                return Some((share(!point.is_ok), None));
            }
            if !point.is_ok && errors == ErrorRule::Count {
                return Some((0.0, Some(false)));
            }
            let pass = column?.pass(task);
            match is_passing {
                true => pass.map(|passed| (share(passed), pass)),
                false => column?.value(task).map(|value| (value, pass)),
            }
        };
        let mut clusters = Clusters { base: Vec::new(), new: Vec::new() };
        for (pair, was, is) in self.points() {
            let before = value(columns.0, pair.base, was);
            let after = value(columns.1, pair.new, is);
            if let (Some(before), Some(after)) = (before, after) {
                // Prompts of the new run may stand elsewhere: those of the base name them for both.
                cluster::add(&mut clusters.base, was.prompt, before.0, before.1);
                cluster::add(&mut clusters.new, was.prompt, after.0, after.1);
            }
        }
        clusters
    }

    /// How many answers a scorer let pass in the one run and not in the other.
    pub(super) fn flips(self, column: &str) -> Flips {
        let mut flips = Flips::default();
        let (Some(base), Some(new)) = (self.base.column(column), self.new.column(column)) else {
            return flips;
        };
        for pair in self.pairs {
            let (Some(before), Some(now)) = (base.pass(pair.base), new.pass(pair.new)) else {
                continue;
            };
            flips.judged += 1;
            flips.passed_before += u64::from(before);
            flips.passed_now += u64::from(now);
            flips.to_fail += u64::from(before && !now);
            flips.to_pass += u64::from(!before && now);
        }
        flips
    }

    /// Values of tasks that have one in both runs.
    pub(super) fn values(self, of: impl Fn(&Point) -> Option<f64>) -> Values {
        let mut values = Values::default();
        for (_, was, is) in self.points() {
            if let (Some(before), Some(after)) = (of(was), of(is)) {
                values.base.push(before);
                values.new.push(after);
            }
        }
        values
    }

    /// What tasks cost that were answered in both runs, in picodollars.
    pub(super) fn costs_of_answers(self) -> Values {
        self.values(|point| point.cost_pico().filter(|_| point.is_ok).map(|pico| pico as f64))
    }

    /// What tasks cost in both runs, where both are known: the sums, and of how many tasks.
    pub(super) fn costs(self) -> (Usd, Usd, u64) {
        let (mut base, mut new, mut count) = (Usd::ZERO, Usd::ZERO, 0);
        for (_, was, is) in self.points() {
            if let (Some(before), Some(after)) = (was.cost_pico(), is.cost_pico()) {
                base += Usd::from_pico(before.into());
                new += Usd::from_pico(after.into());
                count += 1;
            }
        }
        (base, new, count)
    }

    /// Tasks that failed in each run.
    pub(super) fn errors(self) -> (u64, u64) {
        let failed = |is_ok: bool| u64::from(!is_ok);
        self.points().fold((0, 0), |(base, new), (_, was, is)| {
            (base + failed(was.is_ok), new + failed(is.is_ok))
        })
    }

    /// Tasks whose answers, or the types of whose errors, differ.
    pub(super) fn changed(self) -> u64 {
        self.points().filter(|(_, was, is)| was.said != is.said).count() as u64
    }
}

impl Values {
    /// The histograms of both.
    pub(super) fn histograms(&self) -> [Histogram; 2] {
        [&self.base, &self.new].map(|values| {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.add(*value as u64));
            histogram
        })
    }

    /// How likely it is by chance that so many of the pairs lie beyond a bound as do: the p-value
    /// of "the typical pair lies beyond it". Pairs that stand exactly on the bound speak against it.
    pub(super) fn p_beyond(&self, is_beyond: impl Fn(f64, f64) -> bool) -> Option<f64> {
        let n = self.base.len() as u64;
        let pairs = self.base.iter().zip(&self.new);
        let beyond = pairs.filter(|(base, new)| is_beyond(**base, **new)).count() as u64;
        (n > 0).then(|| binomial_at_most(n - beyond, n, 0.5))
    }
}

fn share(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
