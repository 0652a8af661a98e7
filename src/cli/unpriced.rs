//! What is said at the end of a run about answers whose cost is not known, and what to do.

use crate::cli::screen::clipped;
use crate::job::Job;
use crate::report::figures::count;
use crate::report::summary::{ModelSummary, Summary};

/// A line with the models that have such answers, and what to do about it; none without any.
pub fn notes(summary: &Summary, job: &Job) -> Vec<String> {
    let unpriced: Vec<&ModelSummary> =
        summary.by_model.iter().filter(|model| model.totals.unpriced > 0).collect();
    let calls = summary.scorers.iter().filter_map(|scorer| {
        let unpriced = scorer.calls.as_ref()?.unpriced;
        let name = clipped(&scorer.head.column);
        (unpriced > 0).then(|| format!("{} of the scorer {name}", count(unpriced)))
    });
    let calls: Vec<String> = calls.collect();
    if unpriced.is_empty() && calls.is_empty() {
        return Vec::new();
    }
    let named = |model: &&ModelSummary| {
        let why = if has_price(job, &model.model) {
            "tokens not told, or not covered"
        } else {
            "no price"
        };
        format!("{} of {} ({why})", count(model.totals.unpriced), clipped(&model.name()))
    };
    let models: Vec<String> = unpriced.iter().map(named).chain(calls.iter().cloned()).collect();
    let mut notes = vec![format!(
        "warning: the cost of some answers is not known, and in no sum: {}",
        models.join(", ")
    )];
    if unpriced.iter().any(|model| !has_price(job, &model.model)) || !calls.is_empty() {
        notes.push(
            "help: state it at the model or the scorer, in USD per million tokens: price = { input = ..., output = ... }"
                .to_owned(),
        );
    }
    notes
}

/// Whether a price is known for the model with this label.
fn has_price(job: &Job, label: &str) -> bool {
    job.targets.iter().any(|target| *target.target.label == *label && target.target.price.is_some())
}
