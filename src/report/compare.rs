//! Two runs held against each other: what changed, what got better or worse by more than chance,
//! and what it costs and takes now.
//!
//! [`Compared::read`] reads both journals once and keeps some 64 bytes a task of each; what was asked
//! and answered is read again only of tasks that are shown. Scores count by prompt, as everywhere in
//! reports. Only tasks of both runs are held against each other, and only those with a value in both
//! count for a metric; what the runs cost as a whole stands beside.

pub mod changes;
pub mod comparison;
pub mod condition;
pub mod held;
mod matching;
mod measures;
pub mod model_map;
mod notes;
mod said;
mod side;
mod subjects;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::call::gate::{ErrorRule, Gate, Per};
use crate::store::RunDir;
use crate::store::error::StoreError;

use self::changes::{Answers, Change};
use self::comparison::{Comparison, RunHead, Spending, TaskCounts, VERSION};
use self::condition::Condition;
use self::held::{Evidence, Held, held};
use self::matching::{Matched, Pair};
use self::measures::Measures;
use self::model_map::{MapError, ModelMap};
use self::side::{Side, Spent};
use self::subjects::Draft;

/// Two runs, and which task of the one is which of the other.
#[derive(Debug)]
pub struct Compared {
    base: Side,
    new: Side,
    matched: Matched,
    /// The pairs of each model, in the order of the plan.
    models: Vec<OfModel>,
}

/// The tasks of a model of the base that are those of a model of the new run.
#[derive(Debug)]
struct OfModel {
    base: u32,
    new: u32,
    pairs: Vec<Pair>,
}

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A run cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A `--map` cannot be followed.
    #[error(transparent)]
    Map(#[from] MapError),
}

impl Compared {
    /// Reads both runs, whoever writes them at the time. `map` has a `BASE=NEW` for each model that
    /// is held against one of another name.
    pub fn read(base: &RunDir, new: &RunDir, map: &[String]) -> Result<Self, CompareError> {
        let (base, new) = (Side::read(base)?, Side::read(new)?);
        let map = ModelMap::read(map, &base, &new)?;
        Ok(Self::of(base, new, &map)?)
    }

    fn of(base: Side, new: Side, map: &ModelMap) -> Result<Self, StoreError> {
        let matched = matching::matched(&base, &new, map)?;
        let mut places = HashMap::new();
        let mut models: Vec<OfModel> = Vec::new();
        for pair in &matched.pairs {
            let was = base.tasks[pair.base as usize].model;
            let is = new.tasks[pair.new as usize].model;
            let place = *places.entry((was, is)).or_insert_with(|| {
                models.push(OfModel { base: was, new: is, pairs: Vec::new() });
                models.len() - 1
            });
            models[place].pairs.push(*pair);
        }
        models.sort_by_key(|model| model.base);
        Ok(Self { base, new, matched, models })
    }

    /// All that changed, in numbers.
    pub fn comparison(&self) -> Comparison {
        let columns = self.columns();
        let mut drafts: Vec<Draft> = Vec::new();
        for model in &self.models {
            let (was, is) = self.names(model);
            drafts.push(Draft::of(self.measures(&model.pairs), Some((was, is)), &columns));
        }
        if drafts.len() > 1 {
            drafts.push(Draft::of(self.measures(&self.matched.pairs), None, &columns));
        }
        let mut models = subjects::judged(drafts);
        let all = if models.len() > 1 { models.pop() } else { None };
        let matched = self.matched.pairs.len() as u64;
        let measures = self.measures(&self.matched.pairs);
        Comparison {
            v: VERSION,
            base: head(&self.base),
            new: head(&self.new),
            tasks: TaskCounts {
                matched,
                matched_by_content: self.matched.by_content,
                changed: measures.changed(),
                new: self.new.tasks.len() as u64 - matched,
                removed: self.base.tasks.len() as u64 - matched,
            },
            models,
            all,
            spent: Spending { base: spent(&self.base.spent), new: spent(&self.new.spent) },
            notes: notes::notes(&self.base, &self.new, measures),
        }
    }

    /// How a condition turns out for each model, for the run as a whole, or for both.
    pub fn held(&self, condition: &Condition, per: Option<Per>) -> Vec<Held> {
        let mut found = Vec::new();
        if per != Some(Per::Run) {
            found.extend(self.models.iter().map(|model| {
                let name = self.new.models[model.new as usize].name.clone();
                held(condition, Some(name), self.evidence(model, &model.pairs, ErrorRule::Exclude))
            }));
            // Where a scorer is for some models only, the others have nothing to measure.
            if found.iter().any(|held| held.samples > 0) {
                found.retain(|held| held.samples > 0);
            }
        }
        if per != Some(Per::Model) {
            found.push(held(condition, None, self.whole(&self.matched.pairs, ErrorRule::Exclude)));
        }
        found
    }

    /// How a gate that looks at the base turns out, for each subject that both runs have; empty
    /// where there is none.
    pub(super) fn gate(&self, gate: &Gate, condition: &Condition) -> Vec<GateHeld> {
        let covers = |pair: &&Pair| {
            let task = self.new.tasks[pair.new as usize];
            let model = &self.new.models[task.model as usize].label;
            gate.covers(model, &self.new.sets[task.set as usize])
        };
        let chosen = |pairs: &[Pair]| pairs.iter().filter(covers).copied().collect::<Vec<_>>();
        let result =
            |pairs: &[Pair], held: Held| GateHeld { held, errors: self.measures(pairs).errors().1 };
        if gate.per == Per::Run {
            let pairs = chosen(&self.matched.pairs);
            let evidence = self.whole(&pairs, gate.errors);
            let has_any = !pairs.is_empty();
            return has_any
                .then(|| result(&pairs, held(condition, None, evidence)))
                .into_iter()
                .collect();
        }
        let of_model = |model: &OfModel| {
            let pairs = chosen(&model.pairs);
            let name = self.new.models[model.new as usize].name.clone();
            let evidence = self.evidence(model, &pairs, gate.errors);
            (!pairs.is_empty()).then(|| result(&pairs, held(condition, Some(name), evidence)))
        };
        self.models.iter().filter_map(of_model).collect()
    }

    /// The models of the new run that a gate covers and that the base has no task of.
    pub(super) fn unknown_models(&self, gate: &Gate) -> Vec<String> {
        let is_known = |number: u32| self.models.iter().any(|model| model.new == number);
        let is_covered = |number: u32| {
            self.new.tasks.iter().any(|task| {
                let label = &self.new.models[number as usize].label;
                task.model == number && gate.covers(label, &self.new.sets[task.set as usize])
            })
        };
        (0..self.new.models.len() as u32)
            .filter(|number| !is_known(*number) && is_covered(*number))
            .map(|number| self.new.models[number as usize].name.clone())
            .collect()
    }

    /// The tasks that changed: those that got worse first, then those that got better, then those
    /// that only say something else.
    pub fn changes(&self) -> Vec<Change> {
        let scorers = self.new.manifest.iter().flat_map(|manifest| &manifest.scorers);
        let weights: HashMap<&str, f64> =
            scorers.map(|scorer| (scorer.column.as_str(), scorer.weight)).collect();
        let weight = |column: String| {
            let weight = weights.get(column.as_str()).copied().unwrap_or(1.0);
            (column, weight)
        };
        let weights: Vec<(String, f64)> = self.columns().into_iter().map(weight).collect();
        changes::changes(self.measures(&self.matched.pairs), &weights)
    }

    /// What both runs said of those.
    pub fn answers(&self) -> Result<Answers<'_>, StoreError> {
        Answers::open(&self.base, &self.new)
    }

    /// The scorers' columns that both runs have, in the order of the new one.
    pub fn columns(&self) -> Vec<String> {
        let names = self.new.columns.iter().map(|column| column.name.clone());
        names.filter(|name| self.base.column(name).is_some()).collect()
    }

    /// The models of each run, by their names.
    pub fn model_names(&self) -> [Vec<&str>; 2] {
        [&self.base, &self.new]
            .map(|side| side.models.iter().map(|model| model.name.as_str()).collect())
    }

    fn measures<'a>(&'a self, pairs: &'a [Pair]) -> Measures<'a> {
        Measures { base: &self.base, new: &self.new, pairs }
    }

    fn evidence<'a>(
        &'a self,
        model: &OfModel,
        pairs: &'a [Pair],
        errors: ErrorRule,
    ) -> Evidence<'a> {
        let base = &self.base.models[model.base as usize].spent;
        let new = &self.new.models[model.new as usize].spent;
        Evidence { measures: self.measures(pairs), errors, spent: [base, new] }
    }

    fn whole<'a>(&'a self, pairs: &'a [Pair], errors: ErrorRule) -> Evidence<'a> {
        let spent = [&self.base.spent, &self.new.spent];
        Evidence { measures: self.measures(pairs), errors, spent }
    }

    fn names(&self, model: &OfModel) -> (&str, &str) {
        (&self.base.models[model.base as usize].name, &self.new.models[model.new as usize].name)
    }
}

/// How a gate turned out for one subject.
pub(super) struct GateHeld {
    pub held: Held,
    /// Tasks of the new run that failed, among those that it is about.
    pub errors: u64,
}

fn head(side: &Side) -> RunHead {
    let manifest = side.manifest.as_ref();
    let sessions = manifest.map(|manifest| &*manifest.sessions).unwrap_or_default();
    RunHead {
        job: manifest.map(|manifest| manifest.job.clone()),
        run: side.name.clone(),
        started_at: sessions.first().map(|session| session.started_at),
        ended: sessions.last().and_then(|session| session.ended.clone()),
        planned: manifest.map(|manifest| manifest.tasks),
        tasks: side.tasks.len() as u64,
    }
}

fn spent(spent: &Spent) -> comparison::Spent {
    let tokens = spent.tokens.of(spent.answered);
    comparison::Spent {
        cost_usd: spent.cost.usd(),
        unpriced: spent.cost.unknown,
        prompt_tokens: tokens[0],
        completion_tokens: tokens[3],
        total_tokens: tokens[5],
        untold: spent.tokens.missing(spent.answered),
    }
}
