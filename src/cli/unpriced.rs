//! What is said at the end of a run about answers whose cost is not known, and what to do.

use crate::cli::screen::clipped;
use crate::job::Job;
use crate::job::scorers::JobScorer;
use crate::report::figures::count;
use crate::report::summary::Summary;

/// A line with the models that have such answers, and what to do about it; none without any.
pub fn notes(summary: &Summary, job: &Job) -> Vec<String> {
    let models = summary
        .by_model
        .iter()
        .map(|model| (model.totals.unpriced, model.name(), has_price(job, &model.model)));
    let calls = summary.scorers.iter().filter_map(|scorer| {
        let (name, calls) = scorer.calls()?;
        Some((calls.unpriced, name, scorer_has_price(job, &scorer.head.column)))
    });
    let unpriced: Vec<(u64, String, bool)> =
        models.chain(calls).filter(|(number, ..)| *number > 0).collect();
    if unpriced.is_empty() {
        return Vec::new();
    }
    let named = |(number, name, has_price): &(u64, String, bool)| {
        let why = if *has_price { "tokens not told, or not covered" } else { "no price" };
        format!("{} of {} ({why})", count(*number), clipped(name))
    };
    let models: Vec<String> = unpriced.iter().map(named).collect();
    let mut notes = vec![format!(
        "warning: the cost of some answers is not known, and in no sum: {}",
        models.join(", ")
    )];
    if unpriced.iter().any(|(_, _, has_price)| !has_price) {
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

/// Whether a price is known for the model that the scorer of this column asks.
fn scorer_has_price(job: &Job, column: &str) -> bool {
    let scorer = job.scorers.iter().find(|scorer| scorer.head.column == column);
    scorer.and_then(JobScorer::asked).is_some_and(|asked| asked.target.price.is_some())
}
