//! One fixed small journal, and every report of it.

mod scored;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::call::failure::{Failure, FailureKind};
use crate::call::money::{CostStatus, Usd};
use crate::call::record::{Entry, Status};
use crate::call::usage::Usage;
use crate::store::RunDir;
use crate::store::format::{Placement, Spot};
use crate::store::journal::Journal;
use crate::store::testing;

use super::summary::Summary;
use super::table::{ReportSpec, summarize, write_reports};
use super::terminal;

/// A run folder with these outcomes, written in this order.
struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
    journal: Journal,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nightly").join("20261122T020000Z-0000");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("journal.jsonl"), "").unwrap();
        let manifest = json!({
            "v": 1, "runner_version": "0.1.0", "job": "nightly", "run": "20261122T020000Z-0000",
            "job_hash": "ab12", "tags": {"team": "search"}, "tasks": 9,
            "sessions": [
                {"started_at": "2026-11-22T02:00:00.000Z", "ended_at": "2026-11-22T02:00:10.000Z",
                 "ended": "interrupted", "options": {}},
                {"started_at": "2026-11-22T03:00:00.000Z", "ended_at": "2026-11-22T03:00:02.500Z",
                 "ended": "failed", "options": {}, "pacing": [{
                    "provider": "lab", "model": "small-1", "stated": {"rpm": 500},
                    "learned": {"width": 12, "widest": 16, "cuts": 1},
                    "calls": 9, "refused": 2, "waited_ms": {"retry_after": 2000, "rpm": 120},
                 }]},
            ],
        });
        fs::write(path.join("run.json"), manifest.to_string()).unwrap();
        let journal = Journal::open_append(path.join("journal.jsonl")).unwrap();
        Self { _folder: folder, path, journal }
    }

    fn append(&mut self, entry: Entry) -> u64 {
        let line = self.journal.length();
        self.journal.append(&[entry]).unwrap();
        line
    }

    fn place(&mut self, task: u64, line: u64, was: u64, to: Option<Spot>) {
        let placement = Placement { task: testing::task(task), line, was: Some(was), to };
        self.journal.append_placements(&[placement]).unwrap();
    }

    fn run(&self) -> RunDir {
        RunDir::read(&self.path).unwrap()
    }

    fn write(&self) -> Summary {
        write_reports(&self.run(), ReportSpec::ALL).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path.join(name)).unwrap()
    }
}

/// Two failed tries, one of them billed, then an answer that a spreadsheet would run.
fn retried() -> Entry {
    let mut entry = testing::ok(1, "=1+1, \"said\"\nshe");
    let mut limited = testing::failed_try(1, FailureKind::RateLimit, "slow down");
    limited.failure.http_status = Some(429);
    limited.failure.provider_code = Some("-tokens".into());
    limited.waited_ms = Some(500);
    let mut empty = testing::failed_try(2, FailureKind::ApiResponseValidation, "no text at all");
    empty.usage = Some(testing::usage(10, 0));
    empty.cost_usd = Some(Usd::from_pico(1));
    empty.cost_status = CostStatus::Known;
    empty.price_version = Some("litellm-1.109.1@2026-11-22".into());
    empty.request_id = Some("req-2".into());
    empty.waited_ms = Some(0);
    entry.tries = vec![limited, empty];
    entry.record.attempts = 3;
    entry.record.ttft_ms = Some(40);
    entry
}

/// The same task as it failed in a first session and in a second one.
fn failed_twice() -> [Entry; 2] {
    let first = testing::failed(2, "first");
    let mut second = testing::failed(2, "| second |\n<b>");
    second.tries[0].attempt = 2;
    second.record.attempts = 2;
    [first, second]
}

fn unpriced(index: u64) -> Entry {
    let mut entry = testing::ok(index, "@here");
    let record = &mut entry.record;
    record.model = "haiku".into();
    record.variant = Some("top_p=0.5".into());
    record.model_used = "other/haiku-3".into();
    record.provider = "other".into();
    record.row = "-1".into();
    record.cost_usd = None;
    record.cost_status = CostStatus::UnknownPrice;
    record.price_version = None;
    record.usage = Some(Usage { cached: Some(4), reasoning: Some(1), ..testing::usage(6, 1) });
    entry
}

fn untold(index: u64) -> Entry {
    let mut entry = testing::ok(index, "plain");
    entry.record.usage = None;
    entry.record.cost_usd = None;
    entry.record.cost_status = CostStatus::UnknownUsage;
    entry.record.price_version = None;
    entry
}

fn skipped(index: u64) -> Entry {
    let mut entry = testing::failed(index, "cut short");
    entry.record.status = Status::Skipped;
    entry.record.error = None;
    entry
}

fn never_sent(index: u64) -> Entry {
    let mut entry = testing::failed(index, "");
    entry.tries.clear();
    entry.record.error = Some(Failure::new(FailureKind::BudgetExceeded, "the budget is used up"));
    entry.record.attempts = 0;
    entry.record.started_at = None;
    entry.record.latency_ms = None;
    entry.record.queued_ms = 0;
    entry
}

/// All that can happen to a task, in one run of two sessions between which the job was changed.
fn everything() -> Fixture {
    let mut fixture = Fixture::new();
    let [first, second] = failed_twice();
    fixture.append(first);
    fixture.append(unpriced(5));
    let dropped = fixture.append(testing::ok(4, "paid for nothing"));
    let moved = fixture.append(testing::ok(6, "moved"));
    fixture.append(retried());
    fixture.append(testing::ok(0, "2"));
    fixture.place(4, dropped, 4, None);
    let labels = testing::labels("new set", "r7", "small", None);
    fixture.place(6, moved, 6, Some(Spot { index: 4, labels }));
    fixture.append(never_sent(8));
    fixture.append(second);
    fixture.append(skipped(3));
    fixture.append(untold(7));
    fixture
}

#[test]
fn every_report_of_a_run() {
    let fixture = everything();
    let summary = fixture.write();
    for spec in ReportSpec::ALL {
        // The page is mostly its scripts; `html/tests.rs` looks at what it carries.
        for (name, _) in spec.files().iter().filter(|_| *spec != ReportSpec::Html) {
            insta::assert_snapshot!(*name, fixture.read(name));
        }
    }
    insta::assert_snapshot!("terminal", terminal::table(&summary));
    assert_eq!(summary, serde_json::from_str(&fixture.read("summary.json")).unwrap());
    assert_eq!(summary, summarize(&fixture.run()).unwrap());
}

#[test]
fn csv_lines_end_as_the_standard_says() {
    let fixture = everything();
    fixture.write();
    let text = fixture.read("errors.csv");
    assert_eq!(text.matches("\r\n").count(), text.lines().count() - 1, "one cell has a line end");
}

/// The sum of a column, and how many of its cells are empty.
fn sum<T: std::str::FromStr + std::iter::Sum>(csv: &str, name: &str, only: &str) -> (T, u64)
where
    T::Err: std::fmt::Debug,
{
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    let cells = records.iter().filter(|record| only.is_empty() || &record[at(only)] == "true");
    let cells: Vec<&str> = cells.map(|record| &record[at(name)]).collect();
    let empty = cells.iter().filter(|cell| cell.is_empty()).count() as u64;
    let told = cells.into_iter().filter(|cell| !cell.is_empty());
    (told.map(|cell| cell.parse::<T>().unwrap()).sum(), empty)
}

#[test]
fn sums_equal_the_rows_to_the_last_digit() {
    let fixture = everything();
    let totals = fixture.write().totals;
    let usage = fixture.read("usage.csv");
    let responses = fixture.read("responses.csv");
    assert_eq!(sum(&usage, "cost_usd", ""), (totals.cost_usd.unwrap(), totals.unpriced));
    let last = (totals.final_cost_usd.unwrap(), totals.final_unpriced);
    assert_eq!(sum(&usage, "cost_usd", "final"), last);
    assert_eq!(sum::<Usd>(&responses, "cost_usd", "").0, last.0);
    let tokens = &totals.tokens;
    assert_eq!(sum(&usage, "total_tokens", ""), (tokens.total_tokens.unwrap(), tokens.missing));
    assert_eq!(sum::<u64>(&usage, "cached_tokens", "").0, tokens.cached_tokens.unwrap());
    assert_eq!(usage.lines().count() as u64 - 1, totals.answered_attempts);
    assert_eq!(responses.matches("\r\n").count() as u64 - 1, totals.tasks);
}

#[test]
fn parts_add_up_to_the_whole() {
    let summary = everything().write();
    let groups = [
        summary.by_model.iter().map(|group| &group.totals).collect::<Vec<_>>(),
        summary.by_prompt.iter().map(|group| &group.totals).collect(),
        summary.by_provider.iter().map(|group| &group.totals).collect(),
    ];
    for group in groups {
        let sum = |of: fn(&super::summary::Totals) -> u64| group.iter().map(|t| of(t)).sum::<u64>();
        assert_eq!(sum(|t| t.tasks), summary.totals.tasks);
        assert_eq!(sum(|t| t.attempts), summary.totals.attempts);
        assert_eq!(sum(|t| t.failed_attempts), summary.totals.failed_attempts);
        assert_eq!(sum(|t| t.unpriced), summary.totals.unpriced);
        let cost: Usd = group.iter().filter_map(|t| t.cost_usd).sum();
        assert_eq!(Some(cost), summary.totals.cost_usd);
    }
}

#[test]
fn the_order_in_which_tasks_were_done_shows_in_no_report() {
    let entries = || vec![testing::ok(0, "a"), retried(), testing::failed(2, "no"), unpriced(3)];
    let mut forward = Fixture::new();
    let mut backward = Fixture::new();
    for (first, last) in entries().into_iter().zip(entries().into_iter().rev()) {
        forward.append(first);
        backward.append(last);
    }
    forward.write();
    backward.write();
    for (name, _) in ReportSpec::ALL.iter().flat_map(|spec| spec.files()) {
        assert_eq!(forward.read(name), backward.read(name), "{name}");
    }
}

#[test]
fn a_run_without_outcomes_or_manifest_has_reports_too() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.path.join("run.json")).unwrap();
    let summary = fixture.write();
    assert_eq!((summary.job.as_str(), summary.totals.tasks, summary.planned), ("nightly", 0, None));
    assert_eq!(summary.totals.cost_usd, Some(Usd::ZERO));
    assert_eq!(fixture.read("responses.jsonl"), "");
    assert_eq!(fixture.read("errors.csv").lines().count(), 1);
}

#[test]
fn a_report_that_fails_leaves_the_old_ones_and_no_trace() {
    let fixture = everything();
    fixture.write();
    let text = fixture.read("journal.jsonl");
    let damaged = text.replacen("\"repeat\":0", "\"repeat\":true", 1);
    fs::write(fixture.path.join("journal.jsonl"), damaged).unwrap();
    let before = fixture.read("responses.csv");
    let message = write_reports(&fixture.run(), ReportSpec::ALL).unwrap_err().to_string();
    assert!(message.contains("read line 1 of"), "{message}");
    assert_eq!(fixture.read("responses.csv"), before);
    let names = fs::read_dir(&fixture.path).unwrap().map(|entry| entry.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().contains("tmp")).count();
    assert_eq!(left, 0);
}

#[test]
fn only_the_reports_that_were_asked_for_are_written() {
    let fixture = everything();
    write_reports(&fixture.run(), &[ReportSpec::Jsonl]).unwrap();
    assert!(fixture.path.join("responses.jsonl").exists());
    assert!(!fixture.path.join("responses.csv").exists());
    assert!(!fixture.path.join("summary.json").exists());
}

#[test]
fn records_and_summaries_are_as_their_schemas_say() {
    let fixture = everything();
    fixture.write();
    let check = |schema: schemars::Schema, text: &str| {
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    };
    check(schemars::schema_for!(Summary), &fixture.read("summary.json"));
    for line in fixture.read("responses.jsonl").lines() {
        check(schemars::schema_for!(crate::call::record::Record), line);
    }
}
