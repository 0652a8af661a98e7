//! Gates that look at another run: how far a metric may have moved since the one that is pinned, or
//! since the one before.

use std::path::Path;

use crate::call::gate::{Gate, GateResult, Per};
use crate::store::RunDir;
use crate::store::error::StoreError;
use crate::store::runs::{JobRuns, NoRun, RunName, job_folder};

use super::compare::condition::Condition;
use super::compare::{CompareError, Compared, GateHeld};

/// A run that gates look at, or why there is none.
enum Baseline {
    /// The run, held against this one.
    Run(Box<Compared>, String),
    /// This is the first run, or one of the first.
    None(String),
    /// It should be there and is not; and what to do.
    Missing(String),
}

/// How the gates turned out that look at another run; the others are none of this. The other run
/// is one of those beside this run: `latest~2` is the second before it.
pub fn gates_since(run: &RunDir, gates: &[Gate]) -> Result<Vec<GateResult>, StoreError> {
    let mut results = Vec::new();
    let mut known: Vec<(&str, Baseline)> = Vec::new();
    for gate in gates {
        let Some(since) = &gate.since else { continue };
        if !known.iter().any(|(name, _)| *name == since.baseline) {
            known.push((&since.baseline, baseline(run, &since.baseline)?));
        }
        let condition = Condition::of_gate(&gate.metric, since);
        let found = known.iter().find(|(name, _)| *name == since.baseline);
        results.extend(found.into_iter().flat_map(|(_, run)| gate_results(gate, &condition, run)));
    }
    Ok(results)
}

fn baseline(run: &RunDir, named: &str) -> Result<Baseline, StoreError> {
    let path = match RunName::read(named) {
        Some(name) => {
            let runs = JobRuns::of(&job_folder(run.path()))?;
            match runs.find_before(&name, &run.name()) {
                Ok(path) => path,
                Err(NoRun::TooFew { .. }) => {
                    let note = format!("there is no run `{named}` yet to hold this one against");
                    return Ok(Baseline::None(note));
                }
                Err(NoRun::Store(why)) => return Err(why),
                Err(why) => {
                    let help = why.help().unwrap_or_default();
                    return Ok(Baseline::Missing(format!("{why}: {help}")));
                }
            }
        }
        None => beside(run.path(), Path::new(named)),
    };
    let base = match RunDir::read(&path) {
        Err(StoreError::NotARun { path }) => {
            let note = format!(
                "there is no run in `{}`: name one that is there, or pin one with `runner baseline \
                 set RUN`",
                path.display()
            );
            return Ok(Baseline::Missing(note));
        }
        other => other?,
    };
    let name = base.name();
    match Compared::read(&base, run, &[]) {
        Ok(compared) => Ok(Baseline::Run(Box::new(compared), name)),
        Err(CompareError::Store(why)) => Err(why),
        Err(CompareError::Map(_)) => unreachable!("no model is mapped"),
    }
}

/// A run by its folder, or by its name beside this one.
fn beside(run: &Path, named: &Path) -> std::path::PathBuf {
    let in_job = job_folder(run).join(named);
    if !named.exists() && in_job.exists() { in_job } else { named.to_owned() }
}

fn gate_results(gate: &Gate, condition: &Condition, baseline: &Baseline) -> Vec<GateResult> {
    let (compared, name) = match baseline {
        Baseline::Run(compared, name) => (compared, name),
        Baseline::None(note) => return vec![without(gate, None, true, note.clone())],
        Baseline::Missing(note) => return vec![without(gate, None, false, note.clone())],
    };
    let mut results: Vec<GateResult> =
        compared.gate(gate, condition).into_iter().map(|held| with(gate, held, name)).collect();
    if results.is_empty() {
        let note = format!("no task that it is about is in `{name}` as well");
        return vec![without(gate, None, false, note)];
    }
    if gate.per == Per::Model {
        results.extend(compared.unknown_models(gate).into_iter().map(|model| {
            let note = format!("`{name}` has no task of it to hold it against");
            without(gate, Some(model), true, note)
        }));
    }
    results
}

fn with(gate: &Gate, GateHeld { held, errors }: GateHeld, name: &str) -> GateResult {
    let moved = match (held.base, held.new) {
        (Some(base), Some(new)) => format!("{base} in `{name}`, {new} now"),
        _ => format!("held against `{name}`"),
    };
    let note = match held.note {
        Some(note) => format!("{moved}; {note}"),
        None => moved,
    };
    GateResult {
        value: held.change.filter(|change| change.is_finite()),
        samples: held.samples,
        errors,
        ..without(gate, held.subject, !held.failed, note)
    }
}

fn without(gate: &Gate, subject: Option<String>, passed: bool, note: String) -> GateResult {
    GateResult {
        gate: gate.to_string(),
        metric: gate.metric.clone(),
        per: gate.per,
        subject,
        value: None,
        bound: gate.bound(),
        samples: 0,
        errors: 0,
        error_rule: gate.errors,
        passed,
        note: Some(note),
    }
}
