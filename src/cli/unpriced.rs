//! What is said at the end of a run about answers whose cost is not known, and what to do.

use crate::cli::screen::clipped;
use crate::job::Job;
use crate::report::figures::count;
use crate::report::summary::{ModelSummary, Summary};

/// A line with the models that have such answers, and what to do about it; none without any.
pub fn notes(summary: &Summary, job: &Job) -> Vec<String> {
    let unpriced: Vec<&ModelSummary> =
        summary.by_model.iter().filter(|model| model.totals.unpriced > 0).collect();
    if unpriced.is_empty() {
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
    let models: Vec<String> = unpriced.iter().map(named).collect();
    let mut notes = vec![format!(
        "warning: the cost of some answers is not known, and in no sum: {}",
        models.join(", ")
    )];
    if unpriced.iter().any(|model| !has_price(job, &model.model)) {
        notes.push(
            "help: state it at the model, in USD per million tokens: price = { input = ..., output = ... }"
                .to_owned(),
        );
    }
    notes
}

/// Whether a price is known for the model with this label.
fn has_price(job: &Job, label: &str) -> bool {
    job.targets.iter().any(|target| *target.target.label == *label && target.target.price.is_some())
}
