//! What scorers said, added up: means with intervals by model, by prompt set and over all, and the
//! models held against each other.
//!
//! Scores are counted by prompt, because answers to the same prompt are not independent. A prompt
//! is a row of a prompt set; in plan order all its answers stand together. It takes 24 bytes for
//! each model and scorer, and nothing where a job has no scorers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::call::score::{Score, ScoreState, ScorerHead};
use crate::eval::stats::cluster::{self, Cluster};
use crate::eval::stats::compare::compare;
use crate::eval::stats::flips::flip_rate;
use crate::eval::stats::mean::{Scale, mean};
use crate::eval::stats::verdict::{Verdict, holm};

use super::Row;

/// With more models than this, each is held against the best one alone.
const MOST_IN_PAIRS: usize = 6;

/// The scores of one scorer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ScoreSummary {
    /// The scorer's column.
    pub column: String,
    /// The mean of its values; null without any.
    pub value: Option<f64>,
    /// Where the mean may lie for prompts of this kind: the low end of a 95 % interval.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// Answers that have a value.
    pub scored: u64,
    /// Those of them that passed.
    pub passed: u64,
    /// Those of them that did not. Where a scorer has no bound, neither is counted.
    pub failed: u64,
    /// Answers that there was nothing to hold against.
    pub skipped: u64,
    /// Answers that the scorer could not score.
    pub broken: u64,
    /// Prompts that the values are of.
    pub prompts: u64,
    /// The share of prompts that were asked more than once and on whose answers the scorer differs;
    /// null where no prompt was, and over several models.
    pub flip_rate: Option<f64>,
}

/// Two models held against each other on the prompts that both answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ModelComparison {
    /// The scorer's column.
    pub column: String,
    /// The model that the other is held against, with its variant.
    pub base: String,
    /// The other model.
    pub new: String,
    /// By how much the other's mean is higher.
    pub difference: f64,
    /// The low end of a 95 % interval of the difference.
    pub low: Option<f64>,
    /// The high end.
    pub high: Option<f64>,
    /// How likely chance alone is to show such a difference, corrected (Holm) for how many pairs
    /// were compared.
    pub p: f64,
    /// Prompts that both answered.
    pub prompts: u64,
    /// `better`, `worse` or `no difference shown`.
    pub verdict: String,
}

/// The scores of a run so far.
#[derive(Debug, Default)]
pub(super) struct ScoreBook {
    scorers: Vec<ScorerHead>,
    /// The place of each scorer's column.
    places: HashMap<String, usize>,
    models: Vec<Vec<Column>>,
    prompts: Vec<Vec<Column>>,
    all: Vec<Column>,
    /// The row of which the last answer was, and its number.
    current: Option<(String, String)>,
    prompt: u32,
}

/// The scores of one scorer in one group of answers.
#[derive(Clone, Debug, Default)]
struct Column {
    clusters: Vec<Cluster>,
    passed: u64,
    failed: u64,
    skipped: u64,
    broken: u64,
}

impl ScoreBook {
    /// The book of a run with these scorers.
    pub(super) fn new(scorers: &[ScorerHead]) -> Self {
        let places = scorers.iter().enumerate();
        let places = places.map(|(place, scorer)| (scorer.column.clone(), place)).collect();
        let all = vec![Column::default(); scorers.len()];
        Self { scorers: scorers.to_vec(), places, all, ..Self::default() }
    }

    /// Counts the scores of an answer: of the `model`th model, to the `prompt`th prompt set.
    pub(super) fn add(&mut self, row: &Row<'_>, model: usize, prompt: usize) {
        if self.scorers.is_empty() {
            return;
        }
        let record = &row.record;
        let is_next = |(set, name): &(String, String)| *set != record.prompt || *name != record.row;
        if self.current.as_ref().is_none_or(is_next) {
            self.prompt += u32::from(self.current.is_some());
            self.current = Some((record.prompt.to_string(), record.row.to_string()));
        }
        let width = self.scorers.len();
        for (groups, place) in [(&mut self.models, model), (&mut self.prompts, prompt)] {
            while groups.len() <= place {
                groups.push(vec![Column::default(); width]);
            }
        }
        for (column, score) in &record.scores {
            let Some(place) = self.places.get(column).copied() else { continue };
            for group in [&mut self.models[model], &mut self.prompts[prompt], &mut self.all] {
                group[place].add(self.prompt, score);
            }
        }
    }

    /// The summaries of each model, of each prompt set and over all.
    pub(super) fn finish(&self) -> [Vec<Vec<ScoreSummary>>; 3] {
        let groups = |groups: &[Vec<Column>], is_one_model| -> Vec<Vec<ScoreSummary>> {
            groups.iter().map(|columns| self.summaries(columns, is_one_model)).collect()
        };
        [groups(&self.models, true), groups(&self.prompts, false), {
            groups(std::slice::from_ref(&self.all), false)
        }]
    }

    fn summaries(&self, columns: &[Column], is_one_model: bool) -> Vec<ScoreSummary> {
        let columns = self.scorers.iter().zip(columns);
        let seen = columns.filter(|(_, column)| column.has_seen());
        seen.map(|(scorer, column)| column.summary(&scorer.column, is_one_model)).collect()
    }

    /// The models of these names held against each other, scorer by scorer.
    pub(super) fn comparisons(&self, names: &[String]) -> Vec<ModelComparison> {
        let mut found = Vec::new();
        let mut chances = Vec::new();
        for (place, scorer) in self.scorers.iter().enumerate() {
            for (base, new) in self.pairs(place) {
                let clusters = |model: usize| &*self.models[model][place].clusters;
                let Some(shown) = compare(clusters(base), clusters(new), Scale::Unit) else {
                    continue;
                };
                chances.push(shown.p_two_sided);
                found.push(ModelComparison {
                    column: scorer.column.clone(),
                    base: names[base].clone(),
                    new: names[new].clone(),
                    difference: shown.difference,
                    low: shown.interval.map(|interval| interval.low),
                    high: shown.interval.map(|interval| interval.high),
                    p: 1.0,
                    prompts: shown.pairs,
                    verdict: String::new(),
                });
            }
        }
        for (comparison, p) in found.iter_mut().zip(holm(&chances)) {
            comparison.p = p;
            comparison.verdict = Verdict::of(comparison.difference, p).to_string();
        }
        found
    }

    /// Which models are held against which by one scorer.
    fn pairs(&self, place: usize) -> Vec<(usize, usize)> {
        let models = self.models.len();
        if models <= MOST_IN_PAIRS {
            return (0..models)
                .flat_map(|one| (one + 1..models).map(move |two| (one, two)))
                .collect();
        }
        let value = |model: &usize| {
            let estimate = mean(&self.models[*model][place].clusters, Scale::Unit);
            estimate.map_or(-1.0, |estimate| estimate.value)
        };
        let best = (0..models).rev().max_by(|one, two| value(one).total_cmp(&value(two)));
        let best = best.unwrap_or_default();
        (0..models).filter(|model| *model != best).map(|model| (best, model)).collect()
    }
}

impl Column {
    fn add(&mut self, prompt: u32, score: &Score) {
        match (score.state, score.value) {
            (ScoreState::Scored, Some(value)) => {
                cluster::add(&mut self.clusters, prompt, value, score.pass);
                self.passed += u64::from(score.pass == Some(true));
                self.failed += u64::from(score.pass == Some(false));
            }
            (ScoreState::Skipped, _) => self.skipped += 1,
            (ScoreState::Broken | ScoreState::Scored, _) => self.broken += 1,
        }
    }

    fn has_seen(&self) -> bool {
        !self.clusters.is_empty() || self.skipped + self.broken > 0
    }

    fn summary(&self, column: &str, is_one_model: bool) -> ScoreSummary {
        let estimate = mean(&self.clusters, Scale::Unit);
        let interval = estimate.and_then(|estimate| estimate.interval);
        let flips = is_one_model.then(|| flip_rate(&self.clusters)).flatten();
        ScoreSummary {
            column: column.to_owned(),
            value: estimate.map(|estimate| estimate.value),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            scored: estimate.map_or(0, |estimate| estimate.n),
            passed: self.passed,
            failed: self.failed,
            skipped: self.skipped,
            broken: self.broken,
            prompts: estimate.map_or(0, |estimate| estimate.prompts),
            flip_rate: flips.map(|flips| flips.value),
        }
    }
}

/// The mean of these scores by the weights of their scorers; `None` where none has a value or all
/// weigh nothing.
pub(super) fn overall(scores: &[ScoreSummary], scorers: &[ScorerHead]) -> Option<f64> {
    let (mut sum, mut weights) = (0.0, 0.0);
    for score in scores {
        let scorer = scorers.iter().find(|scorer| scorer.column == score.column);
        let weight = scorer.map_or(0.0, |scorer| scorer.weight);
        if let Some(value) = score.value {
            sum += weight * value;
            weights += weight;
        }
    }
    (weights > 0.0).then(|| sum / weights)
}
