//! The ledger as a whole, over run folders that are written by hand.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::spent::by::By;
use super::spent::period::Period;
use super::spent::{Answer, Question, Spent};
use super::*;
use crate::call::failure::FailureKind;
use crate::call::moment::Moment;
use crate::call::money::{CostStatus, Usd};
use crate::call::record::{Entry, FailedTry};
use crate::call::usage::Usage;
use crate::store::format::Placement;
use crate::store::journal::Journal;
use crate::store::testing::{self, NOON};

const HOUR: i64 = 3_600_000;

/// A folder of runs.
struct Runs(tempfile::TempDir);

impl Runs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes a run with these outcomes, or adds them to it.
    fn run(&self, folder: &str, team: &str, entries: &[Entry]) -> Journal {
        let path = self.path().join(folder);
        fs::create_dir_all(&path).unwrap();
        let manifest = json!({
            "v": 1, "runner_version": "0.1.0", "job": "nightly", "run": "r", "job_hash": "",
            "tags": {"team": team}, "tasks": 9, "sessions": [],
        });
        fs::write(path.join("run.json"), manifest.to_string()).unwrap();
        let journal = path.join("journal.jsonl");
        fs::OpenOptions::new().create(true).append(true).open(&journal).unwrap();
        let mut journal = Journal::open_append(journal).unwrap();
        journal.append(entries).unwrap();
        journal
    }

    fn current(&self) -> (Ledger, Update) {
        Ledger::current(self.path()).unwrap()
    }

    fn ledger(&self) -> PathBuf {
        self.path().join(LEDGER)
    }
}

/// An answer at this cost, in pico-USD, at this time.
fn cost(index: u64, pico: i64, at: i64) -> Entry {
    let mut entry = testing::ok(index, "a");
    entry.record.cost_usd = Some(Usd::from_pico(pico.into()));
    entry.record.started_at = Some(Moment::from_millis(at));
    entry
}

/// The same without a price, and without tokens.
fn unpriced(index: u64) -> Entry {
    let mut entry = testing::ok(index, "a");
    entry.record.cost_usd = None;
    entry.record.cost_status = CostStatus::UnknownPrice;
    entry.record.price_version = None;
    entry.record.usage = None;
    entry
}

/// A failed attempt that was billed so much.
fn billed(attempt: u32, pico: i128, fallback: bool) -> FailedTry {
    FailedTry {
        usage: Some(Usage { cached: Some(4), reasoning: Some(3), ..testing::usage(10, 2) }),
        cost_usd: Some(Usd::from_pico(pico)),
        cost_status: CostStatus::Known,
        price_version: Some("job".into()),
        fallback,
        model_used: if fallback { "other/large" } else { "lab/small-1" }.into(),
        provider: if fallback { "other" } else { "lab" }.into(),
        ..testing::failed_try(attempt, FailureKind::ApiResponseValidation, "empty")
    }
}

fn ask(ledger: &Ledger, by: &[&str], period: Period) -> Answer {
    let by: Vec<By> = by.iter().map(|word| word.parse().unwrap()).collect();
    let mut answer = Answer::default();
    ledger.spent(&Question { by: &by, period, fits: &|_| true }, &mut answer).unwrap();
    answer
}

fn total(ledger: &Ledger) -> Spent {
    ask(ledger, &[], Period::default()).total
}

fn pico(money: &Money) -> i128 {
    money.sum.as_pico()
}

/// The sums by day are those of the calls, whatever was done to the ledger.
fn assert_rolled_up(ledger: &Ledger) {
    let all = |sql: &str| -> (i64, i64, i64, i64, i64) {
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        ledger.connection.query_row(sql, [], row).unwrap()
    };
    let sums = all("SELECT sum(attempts), sum(priced), sum(cost_micro * 1000000 + cost_pico), \
        sum(prompt_tokens), sum(total_told) FROM rollup");
    let calls = all("SELECT count(*), count(cost_pico), sum(cost_pico), sum(prompt_tokens), \
        count(prompt_tokens + completion_tokens) FROM attempts");
    assert_eq!(sums, calls);
}

#[test]
fn every_attempt_that_was_answered_is_counted_once_and_the_parts_add_up() {
    let runs = Runs::new();
    let mut tried = cost(0, 100, NOON);
    tried.record.attempts = 3;
    tried.tries = vec![billed(1, 20, false), billed(2, 3, true)];
    let mut journal = runs.run("nightly/a", "search", &[tried, unpriced(1)]);
    let line = journal.length();
    journal.append(&[cost(2, 5_000, NOON), testing::failed(3, "no")]).unwrap();
    let gone = Placement { task: testing::task(2), line, was: Some(2), to: None };
    journal.append_placements(&[gone]).unwrap();
    drop(journal);

    let (ledger, update) = runs.current();
    assert_eq!((update.taken_in, update.attempts), (1, 5));
    assert_rolled_up(&ledger);
    let spent = total(&ledger);
    assert_eq!((spent.attempts, spent.retries), (5, 2));
    assert_eq!((pico(&spent.cost), spent.cost.unknown), (5_123, 1));
    assert_eq!((pico(&spent.final_cost), spent.final_cost.unknown), (100, 1));
    assert_eq!((pico(&spent.retry_cost), spent.retry_cost.unknown), (5_023, 0));
    assert_eq!((pico(&spent.fallback_cost), spent.fallback_cost.known), (3, 1));
    let mut parts = spent.final_cost;
    parts.merge(&spent.retry_cost);
    assert_eq!(parts, spent.cost);
    // 4 told 10 in, of which 2 told 4 cached ones beside; 2 out each, of which 2 told 3 of thought.
    let told = spent.tokens.of(spent.attempts);
    assert_eq!(told, [Some(48), Some(8), None, Some(14), Some(6), Some(62)]);

    let booked = ledger.booked(None, None).unwrap();
    let day = || "2026-11-22".to_owned();
    let expected = [("lab", "small-1", 5_120, 1), ("other", "large", 3, 0)];
    let expected = expected.map(|(provider, model, usd, unpriced)| Booked {
        day: day(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        usd: Usd::from_pico(usd),
        unpriced,
    });
    assert_eq!(booked, expected);
    assert_eq!(ledger.booked(Some("2026-11-22"), Some("2026-11-22")).unwrap().len(), 2);
    assert!(ledger.booked(Some("2026-11-23"), None).unwrap().is_empty());
    assert!(ledger.booked(None, Some("2026-11-21")).unwrap().is_empty());
}

#[test]
fn groups_are_by_day_week_tag_and_whatever_else_a_line_has() {
    let runs = Runs::new();
    runs.run("nightly/a", "search", &[cost(0, 1, NOON), cost(1, 2, NOON + 24 * HOUR)]);
    runs.run("nightly/b", "ads", &[cost(0, 4, NOON)]);
    let (ledger, _) = runs.current();
    let groups = |by: &[&str]| -> Vec<(String, i128)> {
        let answer = ask(&ledger, by, Period::default());
        let text = |group: &[Option<String>]| {
            let values = group.iter().map(|value| value.as_deref().unwrap_or("-"));
            values.collect::<Vec<_>>().join(" ")
        };
        answer.groups.iter().map(|(group, spent)| (text(group), pico(&spent.cost))).collect()
    };
    let expect = |by: &[&str], expected: &[(&str, i128)]| {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        assert_eq!(groups(by), expected, "{by:?}");
    };
    expect(&["day"], &[("2026-11-22", 5), ("2026-11-23", 2)]);
    expect(
        &["week", "tag.team"],
        &[("2026-W47 ads", 4), ("2026-W47 search", 1), ("2026-W48 search", 2)],
    );
    expect(&["month", "tag.none"], &[("2026-11 -", 7)]);
    expect(&["job", "run"], &[("nightly a", 3), ("nightly b", 4)]);
    expect(
        &["provider", "model", "model_used", "prompt", "variant"],
        &[("lab small lab/small-1 sums -", 7)],
    );
    assert_eq!(ledger.tag_names().unwrap(), ["team"]);
}

#[test]
fn an_hour_that_is_cut_is_counted_by_its_attempts() {
    let runs = Runs::new();
    // One every twenty minutes, over three days.
    let step = HOUR / 3;
    let entry = |n: u64| cost(n, 1 << (n % 60), NOON + n as i64 * step);
    let entries: Vec<Entry> = (0..216).map(entry).collect();
    runs.run("nightly/a", "search", &entries);
    let (ledger, _) = runs.current();
    for (since, until) in [(0, 216), (1, 2), (3, 30), (65, 68), (66, 138), (5, 71), (30, 30)] {
        let at = |n: i64| Some(Moment::from_millis(NOON + n * step));
        let answer = ask(&ledger, &["day"], Period { since: at(since), until: at(until) });
        let expected: i128 = (since..until).map(|n| 1 << (n % 60)).sum();
        assert_eq!(pico(&answer.total.cost), expected, "{since} {until}");
        assert_eq!(answer.total.attempts, (until - since) as u64);
        let told = answer.total.tokens.of(answer.total.attempts);
        assert_eq!(told[5], Some(12 * (until - since) as u64));
    }
}

#[test]
fn sums_are_exact_beyond_what_an_integer_holds() {
    let runs = Runs::new();
    let most = i64::MAX;
    runs.run("nightly/a", "x", &[cost(0, most, NOON), cost(1, most, NOON), cost(2, most, NOON)]);
    let (ledger, _) = runs.current();
    assert_eq!(pico(&total(&ledger).cost), 3 * i128::from(most));
    assert_eq!(ledger.booked(None, None).unwrap()[0].usd.as_pico(), 3 * i128::from(most));
}

#[test]
fn a_run_that_cannot_be_booked_leaves_the_others_alone() {
    let runs = Runs::new();
    let mut dear = cost(1, 0, NOON);
    dear.record.cost_usd = Some(Usd::from_pico(i128::from(i64::MAX) + 1));
    runs.run("nightly/a", "x", &[cost(0, 7, NOON), dear]);
    runs.run("nightly/b", "x", &[cost(0, 1, NOON), cost(1, 1, NOON), cost(2, 1, NOON)]);
    runs.run("nightly/c", "x", &[cost(0, 5, NOON)]);
    let journal = runs.path().join("nightly/b/journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap().replacen("\"row\":\"2\"", "\"row\":2", 1);
    fs::write(&journal, text).unwrap();
    let (ledger, update) = runs.current();
    assert_eq!(update.taken_in, 1);
    let unread: Vec<&str> = update.unread.iter().map(|(run, _)| run.as_str()).collect();
    assert_eq!(unread, ["nightly/a", "nightly/b"]);
    assert!(update.unread[0].1.contains("help: look at the `price`"), "{:?}", update.unread);
    assert!(update.unread[1].1.contains("read line 2 of"), "{:?}", update.unread);
    assert_eq!(pico(&total(&ledger).cost), 5);
    assert_rolled_up(&ledger);
    // And in a ledger that is made anew.
    let (ledger, update) = Ledger::rebuild(runs.path()).unwrap();
    assert_eq!((pico(&total(&ledger).cost), update.unread.len()), (5, 2));
    assert_rolled_up(&ledger);
}

#[test]
fn what_grew_came_was_copied_or_went_is_seen() {
    let runs = Runs::new();
    runs.run("nightly/a", "x", &[cost(0, 1, NOON)]);
    assert_eq!(runs.current().1.taken_in, 1);
    assert_eq!(runs.current().1.taken_in, 0, "nothing changed");
    runs.run("nightly/a", "x", &[cost(1, 2, NOON)]);
    runs.run("other/b", "x", &[cost(0, 4, NOON)]);
    let (ledger, update) = runs.current();
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (2, 7));
    assert_rolled_up(&ledger);

    let copy = runs.path().join("nightly/copy of a");
    fs::create_dir(&copy).unwrap();
    for file in ["journal.jsonl", "run.json"] {
        fs::copy(runs.path().join("nightly/a").join(file), copy.join(file)).unwrap();
    }
    let (ledger, update) = runs.current();
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (1, 10));

    fs::remove_dir_all(runs.path().join("other")).unwrap();
    let (ledger, update) = runs.current();
    assert_eq!((update.taken_in, update.gone), (0, 1));
    assert_eq!(pico(&total(&ledger).cost), 10, "it was paid for");
    let (ledger, update) = Ledger::rebuild(runs.path()).unwrap();
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (2, 6));
    drop(ledger);
    assert_eq!(fs::read_dir(runs.path()).unwrap().count(), 2, "nothing is left beside it");
}

#[test]
fn a_run_of_the_same_length_with_other_tags_is_seen() {
    let runs = Runs::new();
    runs.run("nightly/a", "x", &[cost(0, 1, NOON)]);
    runs.current();
    runs.run("nightly/a", "other", &[]);
    let (ledger, update) = runs.current();
    assert_eq!(update.taken_in, 1);
    let answer = ask(&ledger, &["tag.team"], Period::default());
    assert_eq!(answer.groups.keys().collect::<Vec<_>>(), [&vec![Some("other".to_owned())]]);
}

#[cfg(unix)]
#[test]
fn links_count_what_stands_elsewhere_and_nothing_twice() {
    use std::os::unix::fs::symlink;
    let (runs, elsewhere) = (Runs::new(), Runs::new());
    runs.run("nightly/a", "x", &[cost(0, 1, NOON)]);
    symlink("a", runs.path().join("nightly/latest")).unwrap();
    symlink("a", runs.path().join("nightly/b")).unwrap();
    symlink("nightly", runs.path().join("again")).unwrap();
    elsewhere.run("moved/c", "x", &[cost(0, 2, NOON)]);
    symlink(elsewhere.path().join("moved/c"), runs.path().join("nightly/c")).unwrap();
    symlink(elsewhere.path().join("moved"), runs.path().join("moved")).unwrap();
    let (ledger, update) = runs.current();
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (3, 5));
}

#[test]
fn a_folder_without_runs_stays_as_it_is() {
    let runs = Runs::new();
    let (ledger, _) = runs.current();
    assert_eq!(total(&ledger), Spent::default());
    Ledger::rebuild(runs.path()).unwrap();
    assert!(!runs.ledger().exists());
}

#[test]
fn a_ledger_that_is_damaged_or_someone_elses_is_told_with_what_helps() {
    let runs = Runs::new();
    runs.run("nightly/a", "x", &[cost(0, 1, NOON)]);
    fs::write(runs.ledger(), "this is no database, however long it may be".repeat(100)).unwrap();
    let error = Ledger::current(runs.path()).unwrap_err();
    assert!(matches!(error, AuditError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("help: `runner usage --rebuild`"), "{error}");
    let (ledger, _) = Ledger::rebuild(runs.path()).unwrap();
    assert_eq!(pico(&total(&ledger).cost), 1);
    drop(ledger);

    let set = |sql: &str| Connection::open(runs.ledger()).unwrap().execute_batch(sql).unwrap();
    set("PRAGMA user_version = 2");
    let error = Ledger::current(runs.path()).unwrap_err();
    assert!(error.to_string().contains("help: use a newer runner"), "{error}");
    set("PRAGMA user_version = 0; DELETE FROM calls; DELETE FROM rollup");
    let (ledger, update) = runs.current();
    assert!(update.renewed, "an older one is made anew");
    assert_eq!(pico(&total(&ledger).cost), 1);
    drop(ledger);

    set("PRAGMA application_id = 7");
    let error = Ledger::current(runs.path()).unwrap_err();
    assert!(matches!(error, AuditError::Foreign { .. }), "{error}");
}

#[test]
fn while_another_writes_the_answer_is_whole_all_the_same() {
    let runs = Runs::new();
    runs.run("nightly/a", "x", &[cost(0, 1, NOON)]);
    runs.current();
    runs.run("nightly/b", "x", &[cost(0, 2, NOON)]);
    let other = Connection::open(runs.ledger()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (ledger, update) = runs.current();
    assert!(matches!(update.kept, Some(AuditError::Busy { .. })), "{:?}", update.kept);
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (1, 3));
    let error = Ledger::rebuild(runs.path()).unwrap_err();
    assert!(matches!(error, AuditError::Busy { .. }), "{error}");
    drop(other);
    let (ledger, update) = runs.current();
    assert!(update.kept.is_none());
    assert_eq!((update.taken_in, pico(&total(&ledger).cost)), (1, 3));
}

#[test]
fn tokens_beyond_all_bounds_break_nothing() {
    let runs = Runs::new();
    let mut entry = cost(0, 1, NOON);
    entry.record.usage = Some(testing::usage(u64::MAX, u64::MAX));
    let mut again = entry.clone();
    (again.index, again.record.task) = (1, testing::task(1));
    runs.run("nightly/a", "x", &[entry, again]);
    let (ledger, _) = runs.current();
    let told = total(&ledger).tokens.of(2);
    assert_eq!(told[0], Some(i64::MAX as u64), "as large as can be");
}
