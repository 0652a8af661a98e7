//! What one should know of two runs before one believes their comparison.

use super::measures::Measures;
use super::side::{Column, Side};

/// Sentences on what else differs between the runs.
pub(super) fn notes(base: &Side, new: &Side, measures: Measures<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    made_from(base, new, &mut notes);
    for (name, side) in [("base", base), ("new", new)] {
        unfinished(name, side, &mut notes);
    }
    scorers(base, new, &mut notes);
    columns(base, new, measures, &mut notes);
    notes
}

/// What the runs were made from, as far as `run.json` tells.
fn made_from(base: &Side, new: &Side, notes: &mut Vec<String>) {
    let (Some(was), Some(is)) = (&base.manifest, &new.manifest) else { return };
    if was.job != is.job {
        notes.push(format!("the runs are of two jobs, `{}` and `{}`", was.job, is.job));
    }
    if was.job_hash != is.job_hash {
        notes.push("the job file changed between the runs".to_owned());
    }
    for input in &is.inputs {
        let before = was.inputs.iter().find(|before| before.path == input.path);
        if before.is_some_and(|before| before.hash != input.hash) {
            notes.push(format!("`{}` changed between the runs", input.path));
        }
    }
    if was.prices_hash != is.prices_hash {
        notes.push("the costs were counted at different prices".to_owned());
    }
}

fn unfinished(name: &str, side: &Side, notes: &mut Vec<String>) {
    let (done, planned) =
        (side.tasks.len() as u64, side.manifest.as_ref().map(|manifest| manifest.tasks));
    let Some(planned) = planned.filter(|planned| *planned > done) else { return };
    notes.push(format!("the {name} run has outcomes of {done} of its {planned} tasks"));
}

/// Scorers that are defined in another way, as far as that is known, or that one run has alone.
fn scorers(base: &Side, new: &Side, notes: &mut Vec<String>) {
    let heads = |side: &Side| {
        side.manifest.as_ref().map(|manifest| manifest.scorers.clone()).unwrap_or_default()
    };
    let before = heads(base);
    for scorer in heads(new) {
        let column = &scorer.column;
        let Some(was) = before.iter().find(|was| was.column == *column) else { continue };
        if was.kind != scorer.kind {
            let (was, is) = (&was.kind, &scorer.kind);
            notes.push(format!("`{column}` was scored by `{was}` and is by `{is}` now"));
        } else if was.weight.to_bits() != scorer.weight.to_bits() {
            notes.push(format!(
                "`{column}` weighed {} and weighs {} now",
                was.weight, scorer.weight
            ));
        }
    }
    for (name, side, other) in [("base", base, new), ("new", new, base)] {
        let alone = side.columns.iter().filter(|column| other.column(&column.name).is_none());
        for Column { name: column, .. } in alone {
            notes.push(format!("only the {name} run has the scorer `{column}`"));
        }
    }
}

/// Scorers that could not score, and those of which no task has a value in both runs.
fn columns(base: &Side, new: &Side, measures: Measures<'_>, notes: &mut Vec<String>) {
    for column in &new.columns {
        let Some(before) = base.column(&column.name) else { continue };
        for (name, broken) in [("base", before.broken), ("new", column.broken)] {
            if broken > 0 {
                let column = &column.name;
                notes
                    .push(format!("`{column}` could not score {broken} answers of the {name} run"));
            }
        }
        let has_pair = measures
            .pairs
            .iter()
            .any(|pair| before.value(pair.base).is_some() && column.value(pair.new).is_some());
        if !has_pair {
            notes.push(format!("no task has a value of `{}` in both runs", column.name));
        }
    }
}
