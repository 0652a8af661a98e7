//! What two runs with the same answers have in common: all but times, run names and request ids.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::job::{CsvRow, RunFolder};

/// Columns and keys that differ from run to run.
const PASSING: &[&str] = &[
    "run",
    "at",
    "started_at",
    "ended_at",
    "ended",
    "wall_ms",
    "latency_ms",
    "ttft_ms",
    "queued_ms",
    "waited_ms",
    "request_id",
    "made_from",
    "pace",
];

/// The reports of a run without what differs from run to run.
#[derive(Debug, PartialEq)]
pub(crate) struct Likeness {
    pub(crate) responses: Vec<Value>,
    pub(crate) errors: Vec<Value>,
    pub(crate) tables: BTreeMap<&'static str, Vec<CsvRow>>,
    pub(crate) summary: Value,
}

/// The likeness of a run.
#[track_caller]
pub(crate) fn likeness(run: &RunFolder) -> Likeness {
    let lasting = |name| {
        let mut rows = run.jsonl(name);
        rows.iter_mut().for_each(forget);
        rows
    };
    let table = |name| {
        let mut rows = run.csv(name);
        rows.iter_mut().for_each(|row| row.retain(|column, _| !PASSING.contains(&&**column)));
        (name, rows)
    };
    let mut summary = run.json("summary.json");
    forget(&mut summary);
    Likeness {
        responses: lasting("responses.jsonl"),
        errors: lasting("errors.jsonl"),
        tables: ["responses.csv", "usage.csv", "errors.csv"].map(table).into(),
        summary,
    }
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !PASSING.contains(&&**key));
            map.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
