//! The plan: prompts × targets × repeats, counted beforehand and enumerated lazily.
//!
//! [`Plan::make`] reads every row once, so that every fault is found before anything is sent. Of a
//! row it keeps eight bytes until it is done, and then only those of prompts that occur more than
//! once. The order is that of every report: sets as in the job, in them row by row, for each row
//! its targets, for each target its repeats.

use std::path::Path;
use std::sync::Arc;

use crate::call::estimate::reserved_tokens;
use crate::call::request::{Params, Request};
use crate::call::task::ContentHash;
use crate::job::diagnostic::Diagnostic;
use crate::job::forecast::Forecast;
use crate::job::params;
use crate::job::prompts::{Prompt, PromptSet};
use crate::job::scan::scan;
use crate::job::select::Selection;
use crate::job::tasks::Tasks;
use crate::job::{Job, JobTarget, LaneSpec};

/// What will be asked.
#[derive(Clone, Debug)]
pub struct Plan {
    inner: Arc<Inner>,
}

/// What all streams of tasks share.
#[derive(Debug)]
pub struct Inner {
    /// The targets that are asked.
    pub targets: Vec<JobTarget>,
    /// The lanes of the job, those without a task too.
    pub lanes: Vec<LaneSpec>,
    /// The sets that are asked, each of one target at least.
    pub sets: Vec<PlannedSet>,
    /// The short hashes of prompts that occur more than once, rising.
    pub twins: Vec<u64>,
    /// How often each target is asked each prompt.
    pub repeats: u32,
    /// The parameters that no row may state.
    pub varied: Arc<Vec<String>>,
}

/// A prompt set and who is asked it.
#[derive(Debug)]
pub struct PlannedSet {
    /// The set.
    pub set: PromptSet,
    /// The index of its first task.
    pub base: u64,
    /// How many of its rows are asked.
    pub rows: u64,
    /// Who is asked, as places in [`Inner::targets`], in order.
    pub takers: Vec<usize>,
    /// What its tokens will be.
    pub tally: Tally,
}

/// Estimated tokens of the rows of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Input tokens of all rows.
    pub input: u64,
    /// Rows that bring no limit of tokens of their own.
    pub plain_rows: u64,
    /// Output tokens of those, where the target states no limit either.
    pub plain_output: u64,
    /// Output tokens of the other rows, by taker.
    pub own_output: Vec<u64>,
}

impl Plan {
    /// Reads every row that is needed, and counts; or gives every fault of them.
    pub fn make(job: &Job, selection: &Selection) -> Result<Self, Vec<Diagnostic>> {
        let selected = selection.of(job)?;
        let targets: Vec<JobTarget> =
            selected.targets.iter().map(|place| job.targets[*place].clone()).collect();
        let mut sets = Vec::new();
        let mut faults = Vec::new();
        let mut hashes = Vec::new();
        let mut base = 0;
        for place in selected.sets {
            let takers: Vec<usize> =
                (0..targets.len()).filter(|nth| targets[*nth].sets.contains(&place)).collect();
            if takers.is_empty() {
                continue;
            }
            let set = &job.sets[place];
            let mut tally = Tally { own_output: vec![0; takers.len()], ..Tally::default() };
            let scanned = scan(set, selection.limit, |prompt| {
                hashes.push(ContentHash::of_prompt(&prompt.messages, &prompt.params).short());
                tally.add(prompt, takers.iter().map(|nth| &targets[*nth]), &job.varied);
            });
            match scanned {
                Err(more) => faults.extend(more),
                Ok(rows) => {
                    let width = takers.len() as u64 * u64::from(job.repeats);
                    sets.push(PlannedSet { set: set.clone(), base, rows, takers, tally });
                    base += rows * width;
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let inner = Inner {
            targets,
            lanes: job.lanes.clone(),
            sets,
            twins: twins(hashes),
            repeats: job.repeats,
            varied: Arc::clone(&job.varied),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// How many tasks there are.
    pub fn total(&self) -> u64 {
        self.inner.sets.iter().map(|set| set.rows * self.inner.width(set.takers.len())).sum()
    }

    /// How many of them one lane has.
    pub fn lane_total(&self, lane: usize) -> u64 {
        let inner = &self.inner;
        inner
            .sets
            .iter()
            .map(|set| set.rows * inner.width(inner.takers_of(set, lane).count()))
            .sum()
    }

    /// The files that prompts are read from, each once.
    pub fn files(&self) -> Vec<Arc<Path>> {
        let mut files: Vec<Arc<Path>> =
            self.inner.sets.iter().flat_map(|set| set.set.source.files()).collect();
        files.sort();
        files.dedup();
        files
    }

    /// The tasks of one lane in the order of their index, read and rendered as they are taken.
    pub fn tasks(&self, lane: usize) -> Tasks {
        Tasks::new(Arc::clone(&self.inner), lane)
    }

    /// What it will take.
    pub fn forecast(&self) -> Forecast {
        Forecast::of(&self.inner)
    }
}

impl Inner {
    /// Tasks of a row for so many targets.
    pub fn width(&self, takers: usize) -> u64 {
        takers as u64 * u64::from(self.repeats)
    }

    /// The takers of a set that belong to a lane: their place among all takers, and the target's.
    pub fn takers_of<'p>(
        &'p self,
        set: &'p PlannedSet,
        lane: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'p {
        let takers = set.takers.iter().copied().enumerate();
        takers.filter(move |(_, target)| self.targets[*target].lane == lane)
    }
}

impl Tally {
    fn add<'t>(
        &mut self,
        prompt: &Prompt,
        takers: impl Iterator<Item = &'t JobTarget>,
        varied: &[String],
    ) {
        let request = |params| Request {
            model: "".into(),
            messages: prompt.messages.clone(),
            params: Arc::new(params),
        };
        let (input, output) = reserved_tokens(&request(Params::default()));
        self.input += input;
        let counts = ["max_tokens", "max_completion_tokens", "n"];
        if !counts.iter().any(|name| prompt.params.contains_key(*name)) {
            self.plain_rows += 1;
            self.plain_output += output;
            return;
        }
        for (sum, taker) in self.own_output.iter_mut().zip(takers) {
            let params = asked(&taker.target.params, &prompt.params, varied);
            let (_, output) = reserved_tokens(&request(params));
            *sum = sum.saturating_add(output);
        }
    }
}

/// A target's parameters with a row's laid over them; what the matrix varies stays.
pub fn asked(target: &Params, row: &Params, varied: &[String]) -> Params {
    let mut own = row.clone();
    own.retain(|name, _| !params::is_among(name, varied));
    params::overlaid(target, &own)
}

/// The hashes that occur more than once, each of them once.
fn twins(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    let mut twins: Vec<u64> =
        hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twins.dedup();
    twins.shrink_to_fit();
    twins
}
