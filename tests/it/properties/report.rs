//! A run whose texts say anything: its journal reads back, its CSV reads back cell by cell, and no
//! cell is one that a spreadsheet would run.

use std::fs;
use std::path::Path;

use runner::call::failure::{Failure, FailureKind};
use runner::call::record::{Entry, Record};
use runner::report::table::{ReportSpec, write_reports};
use runner::store::RunDir;
use runner::store::entries::Entries;
use runner::store::index::Index;
use runner::store::journal::Journal;
use serde_json::{Value, json};

use super::feed::Feed;

/// No more tasks than these.
const TASKS: u64 = 4;

/// Texts for the records, one after the other.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let entries: Vec<Entry> =
        (0..TASKS).map_while(|nth| (!feed.is_empty()).then(|| entry(nth, &mut feed))).collect();
    super::scratch::folder(|run| {
        let path = run.join("journal.jsonl");
        fs::write(&path, "").expect("written");
        let mut journal = Journal::open_append(&path).expect("an empty journal");
        journal.append(&entries).expect("appended");
        let index = Index::read(&path).expect("what was written is read");
        let lines = Entries::open(&path, &index).expect("opened");
        let lines: Vec<_> = lines.collect::<Result<_, _>>().expect("what was written is read");
        assert_eq!(lines.len(), entries.len());
        for (line, entry) in lines.iter().zip(&entries) {
            let text = |record: &Record| serde_json::to_value(record).expect("JSON");
            let read = line.entry().expect("a record");
            assert_eq!(text(&read.record), text(&entry.record));
        }
        let folder = RunDir::read(run).expect("a run");
        write_reports(&folder, ReportSpec::ALL).expect("reports");
        let jsonl = fs::read(run.join("responses.jsonl")).expect("a report");
        assert_eq!(memchr::memchr_iter(b'\n', &jsonl).count(), entries.len());
        table(run, &entries);
        for name in ["usage.csv", "errors.csv"] {
            harmless(&run.join(name));
        }
    });
}

fn entry(nth: u64, feed: &mut Feed<'_>) -> Entry {
    let is_error = feed.flag();
    let content = match feed.byte() % 4 {
        0 => Value::Null,
        _ => feed.text().into(),
    };
    let response = json!({"choices": [{"index": 0, "finish_reason": feed.text(),
        "message": {"role": "assistant", "content": content}}]});
    let error = is_error.then(|| Failure::new(FailureKind::RateLimit, feed.text()));
    let status = if is_error { "error" } else { "ok" };
    let record = json!({
        "v": 1, "task": format!("{nth:032x}"), "job": feed.text(), "run": feed.text(),
        "prompt": feed.text(), "row": feed.text(), "repeat": feed.number(), "model": feed.text(),
        "variant": feed.flag().then(|| feed.text()), "model_used": feed.text(),
        "provider": feed.text(), "status": status,
        "messages": [{"role": "user", "content": feed.text()}], "params": {},
        "dropped_params": [], "response": if is_error { Value::Null } else { response },
        "finish_reason_raw": null, "usage": null, "cost_usd": null, "cost_status": "no_answer",
        "price_version": null, "latency_ms": feed.number(), "ttft_ms": null, "queued_ms": 0,
        "started_at": null, "attempts": 1, "request_id": feed.text(), "scores": {},
        "error": error, "tags": {},
    });
    // By way of its text, as records are read from a journal: what it holds is kept as text.
    let record = serde_json::from_str(&record.to_string()).expect("a record");
    Entry { index: nth, expected: Vec::new().into(), record, tries: Vec::new() }
}

/// Every text of `responses.csv` is that of its record, but for a quote before what would run.
fn table(run: &Path, entries: &[Entry]) {
    let rows = harmless(&run.join("responses.csv"));
    assert_eq!(rows.len(), entries.len() + 1);
    let column = |name: &str| rows[0].iter().position(|cell| cell == name).expect("a column");
    for (row, entry) in rows[1..].iter().zip(entries) {
        let record = &entry.record;
        for (name, text) in [
            ("prompt", &*record.prompt),
            ("row", &record.row),
            ("model", &record.model),
            ("variant", record.variant.as_deref().unwrap_or_default()),
            ("provider", &record.provider),
            ("request_id", record.request_id.as_deref().unwrap_or_default()),
        ] {
            let cell = &row[column(name)];
            let is_same = cell == text || cell.strip_prefix('\'') == Some(text);
            assert!(is_same, "{name}: {cell:?} for {text:?}");
        }
    }
}

/// The cells of a CSV file, none of which is run as a formula.
fn harmless(path: &Path) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_path(path);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in reader.expect("a table").records() {
        let row = row.expect("each row has as many cells as the header");
        rows.push(row.iter().map(str::to_owned).collect());
    }
    for cell in rows.iter().flatten() {
        let is_number = cell.parse::<f64>().is_ok();
        assert!(is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
    }
    rows
}
