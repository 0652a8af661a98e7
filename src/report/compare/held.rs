//! Conditions held against what changed: the measured change, and whether it is too much.

use serde::Serialize;

use crate::call::gate::ErrorRule;
use crate::call::metric::{Metric, Point};
use crate::eval::stats::compare::{above, below, compare};
use crate::eval::stats::flips::flip_rate;
use crate::eval::stats::mean::Scale;
use crate::report::histogram::Histogram;

use super::condition::{Condition, Side, has_test};
use super::measures::{Clusters, Measures, Values};
use super::side::{Point as Task, Spent};

/// Picodollars in a dollar.
const PICO: f64 = 1e12;

/// How a condition turned out for one subject.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The condition, such as `right<-0.02@95%`.
    pub condition: String,
    /// What was measured.
    pub metric: Metric,
    /// The model, with its variant, that this is about; null for the run as a whole.
    pub subject: Option<String>,
    /// Its value in the base; null where there was nothing to measure.
    pub base: Option<f64>,
    /// Its value in the new run.
    pub new: Option<f64>,
    /// New less base, or that as a share of the base where the condition is in percent.
    pub change: Option<f64>,
    /// Whether the change is a share.
    pub is_relative: bool,
    /// How many pairs that rests on.
    pub samples: u64,
    /// Whether the condition is true: there is a regression, or nothing to measure.
    pub failed: bool,
    /// What else is to be known, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What was measured of one subject in both runs.
pub(super) struct Reading {
    base: Option<f64>,
    new: Option<f64>,
    samples: u64,
    /// Whether the change is beyond the bound with the confidence that is wanted.
    is_sure: Option<bool>,
    note: Option<String>,
}

/// What both runs have of one subject.
#[derive(Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub measures: Measures<'a>,
    pub errors: ErrorRule,
    /// What all attempts of the subject cost in the base and in the new run.
    pub spent: [&'a Spent; 2],
}

/// How a condition turns out for a subject.
pub(super) fn held(condition: &Condition, subject: Option<String>, evidence: Evidence<'_>) -> Held {
    let Reading { base, new, samples, is_sure, note } = reading(condition, evidence);
    let change = base.zip(new).map(|(base, new)| change(condition.is_relative, base, new));
    let is_beyond = change.map(|change| condition.is_beyond(change, condition.bound));
    let failed = match condition.confidence {
        Some(_) if has_test(&condition.metric) => is_sure,
        _ => is_beyond,
    };
    let nothing = || change.is_none().then(|| "there was nothing to measure".to_owned());
    Held {
        condition: condition.to_string(),
        metric: condition.metric.clone(),
        subject,
        base,
        new,
        change,
        is_relative: condition.is_relative,
        samples,
        failed: failed.unwrap_or(true),
        note: note.or_else(nothing),
    }
}

fn change(is_relative: bool, base: f64, new: f64) -> f64 {
    match is_relative {
        false => new - base,
        // From nothing to nothing is no change, and from nothing to something more than any.
        true if base == 0.0 && new == 0.0 => 0.0,
        true => (new - base) / base,
    }
}

fn reading(condition: &Condition, evidence: Evidence<'_>) -> Reading {
    let Evidence { measures, errors, spent } = evidence;
    let millis = |of: fn(&Task) -> Option<u32>| measures.values(|point| of(point).map(f64::from));
    match &condition.metric {
        Metric::Score(_) | Metric::PassRate(_) | Metric::ErrorRate => {
            share(condition, &measures.clusters(&condition.metric, errors))
        }
        Metric::FlipRate(_) => flips(&measures.clusters(&condition.metric, errors)),
        Metric::Latency(point) => time(condition, *point, &millis(Task::latency_ms)),
        Metric::Ttft(point) => time(condition, *point, &millis(Task::ttft_ms)),
        Metric::CostPerTaskUsd => cost_per_task(condition, measures),
        Metric::CostUsd => totals(spent, cost),
        Metric::PromptTokens => totals(spent, |spent| tokens(spent, 0)),
        Metric::CompletionTokens => totals(spent, |spent| tokens(spent, 3)),
        Metric::TotalTokens => totals(spent, |spent| tokens(spent, 5)),
    }
}

fn share(condition: &Condition, clusters: &Clusters) -> Reading {
    let Clusters { base, new } = clusters;
    let shown = compare(base, new, Scale::Unit);
    let is_sure = condition.confidence.and_then(|sure| {
        let bound = match condition.is_relative {
            true => condition.bound * shown?.base,
            false => condition.bound,
        };
        shown.map(|_| match condition.side {
            Side::Below => below(base, new, bound, sure, Scale::Unit),
            Side::Above => above(base, new, bound, sure, Scale::Unit),
        })
    });
    Reading {
        base: shown.map(|shown| shown.base),
        new: shown.map(|shown| shown.new),
        samples: shown.map_or(0, |shown| shown.pairs),
        is_sure,
        note: None,
    }
}

fn flips(clusters: &Clusters) -> Reading {
    let (base, new) = (flip_rate(&clusters.base), flip_rate(&clusters.new));
    Reading {
        base: base.as_ref().map(|flips| flips.value),
        new: new.as_ref().map(|flips| flips.value),
        samples: new.map_or(0, |flips| flips.prompts),
        is_sure: None,
        note: None,
    }
}

fn time(condition: &Condition, point: Point, values: &Values) -> Reading {
    let of = |times: &Histogram| match point {
        Point::Percentile(percent) => times.percentile(u64::from(percent)),
        Point::Mean => times.mean(),
        Point::Max => times.max(),
    };
    let [base, new] = values.histograms().map(|times| of(&times).map(|millis| millis as f64));
    let is_sure = typical(condition, condition.bound, values);
    Reading { base, new, samples: values.base.len() as u64, is_sure, note: None }
}

fn cost_per_task(condition: &Condition, measures: Measures<'_>) -> Reading {
    let (base, new, priced) = measures.costs();
    let unpriced = measures.pairs.len() as u64 - priced;
    let each = |pico: i128| (priced > 0).then(|| pico as f64 / PICO / priced as f64);
    let bound = if condition.is_relative { condition.bound } else { condition.bound * PICO };
    let note = (unpriced > 0).then(|| format!("the cost of {unpriced} tasks is not known"));
    Reading {
        base: each(base.as_pico()),
        new: each(new.as_pico()),
        samples: priced,
        is_sure: typical(condition, bound, &measures.costs_of_answers()),
        note,
    }
}

/// Whether the typical pair changed by more than the bound, with the confidence that is wanted.
fn typical(condition: &Condition, bound: f64, values: &Values) -> Option<bool> {
    let confidence = condition.confidence?;
    let p = values
        .p_beyond(|base, new| condition.is_beyond(change(condition.is_relative, base, new), bound));
    p.map(|p| p < 1.0 - confidence)
}

/// The sums of both runs, where they are known to the last.
fn totals(spent: [&Spent; 2], of: impl Fn(&Spent) -> Result<f64, String>) -> Reading {
    let [base, new] = spent.map(of);
    let side = |name: &str, why: &str| format!("{why} in the {name} run");
    let note = match (&base, &new) {
        (_, Err(why)) => Some(side("new", why)),
        (Err(why), _) => Some(side("base", why)),
        _ => None,
    };
    let samples = spent[1].answered;
    Reading { base: base.ok(), new: new.ok(), samples, is_sure: None, note }
}

fn cost(spent: &Spent) -> Result<f64, String> {
    match spent.cost.unknown {
        0 => Ok(spent.cost.sum.as_pico() as f64 / PICO),
        unpriced => Err(format!("the cost of {unpriced} attempts is not known")),
    }
}

fn tokens(spent: &Spent, kind: usize) -> Result<f64, String> {
    match (spent.tokens.missing(spent.answered), spent.tokens.of(spent.answered)[kind]) {
        (0, Some(tokens)) => Ok(tokens as f64),
        (missing, _) => Err(format!("{missing} answers told no tokens")),
    }
}
