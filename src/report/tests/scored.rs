//! A run with scorers and gates, whose texts mean harm, and the faces of it.

use serde_json::json;

use crate::call::score::{Score, Scores};
use crate::store::manifest::Manifest;

use super::*;

/// A text that ends a cell, a tag, a fence and a line, and moves a cursor.
const HOSTILE: &str = "</failure>]]>| `x` <b>\u{0}\u{1b}[2J\u{fffe}\r\n::error::$1$";

fn scored(index: u64, model: &str, scores: &[(&str, Score)]) -> Entry {
    let mut entry = testing::ok(index, HOSTILE);
    let record = &mut entry.record;
    record.model = model.into();
    record.row = (index / 2 + 1).to_string();
    let scores = scores.iter().map(|(column, score)| ((*column).to_owned(), score.clone()));
    record.scores = scores.collect::<Scores>();
    entry
}

/// A call of the scorer `tone`, which failed.
fn call(index: u64) -> Entry {
    let mut entry = testing::failed(index, "the judge is away");
    entry.record.scorer = Some("tone".into());
    entry.record.model = "judge tone".into();
    entry
}

/// Two models, two scorers, three gates, and a task that failed.
fn judged() -> Fixture {
    let mut fixture = Fixture::new();
    let mut manifest = Manifest::read(&fixture.path).unwrap().unwrap();
    manifest.tasks = 6;
    manifest.scorers = serde_json::from_value(json!([
        {"column": "right|er", "kind": "equals", "weight": 1.0},
        {"column": "tone", "kind": "judge", "weight": 2.0, "asks_model": true},
    ]))
    .unwrap();
    manifest.gates = serde_json::from_value(json!([
        {"metric": "right|er", "per": "model", "min": 0.9},
        {"metric": "tone", "per": "run", "min": 0.5, "errors": "count"},
        {"metric": "error_rate", "per": "run", "max": 0.5},
        {"metric": "cost_usd", "per": "run", "max": 0.000_001},
    ]))
    .unwrap();
    manifest.write(&fixture.path).unwrap();
    let right = |pass| ("right|er", Score::verdict(pass).with_note(HOSTILE));
    let tone = |value| ("tone", Score::of(value, None));
    fixture.append(scored(0, "a", &[right(true), tone(0.75)]));
    fixture.append(scored(1, "<b>", &[right(false), ("tone", Score::broken("away\nfor good"))]));
    fixture.append(scored(2, "a", &[right(true), ("tone", Score::skipped("nothing there"))]));
    fixture.append(scored(3, "<b>", &[("right|er", Score::of(0.5, None)), tone(0.25)]));
    let mut failed = testing::failed(4, HOSTILE);
    failed.record.model = "a".into();
    fixture.append(failed);
    let mut skipped = skipped(5);
    skipped.record.model = "<b>".into();
    fixture.append(skipped);
    fixture.append(call(0));
    fixture
}

#[test]
fn the_faces_of_a_run_with_scorers_and_gates() {
    let fixture = judged();
    let summary = fixture.write();
    assert_eq!(summary.totals.tasks, 6);
    for name in ["junit.xml", "summary.md"] {
        insta::assert_snapshot!(format!("scored {name}"), fixture.read(name));
    }
    insta::assert_snapshot!("scored terminal", terminal::overview(&summary));
    let junit = quick_junit::Report::deserialize_from_str(&fixture.read("junit.xml")).unwrap();
    assert_eq!((junit.tests, junit.failures, junit.errors), (13, 4, 2));
}

#[test]
fn a_run_of_many_tasks_has_a_short_junit_that_says_so() {
    const PASSED: u64 = 10_010;
    let mut fixture = Fixture::new();
    for index in 0..PASSED {
        fixture.append(testing::ok(index, "fine"));
    }
    fixture.append(testing::failed(PASSED, "no"));
    fixture.write();
    let junit = quick_junit::Report::deserialize_from_str(&fixture.read("junit.xml")).unwrap();
    let suite = &junit.test_suites[2];
    assert_eq!((suite.name.as_str(), suite.tests, suite.errors), ("sums: small", 2, 1));
    assert_eq!(suite.test_cases[0].name.as_str(), format!("row {}", PASSED + 1));
    assert_eq!(suite.test_cases[1].name.as_str(), "10,010 more tasks that passed");
}

#[test]
fn a_run_that_was_killed_says_so_and_is_no_success() {
    let fixture = judged();
    let mut manifest = Manifest::read(&fixture.path).unwrap().unwrap();
    let last = manifest.sessions.last_mut().unwrap();
    (last.ended_at, last.ended, manifest.tasks) = (None, None, 8);
    manifest.write(&fixture.path).unwrap();
    let told = || {
        let summary = fixture.write();
        let (mark, parts) = crate::report::ruling::verdict(&summary);
        (summary.going, mark, parts[..2].join(", "))
    };
    assert_eq!(told(), (false, "❌", "killed, 2 of 8 tasks not done".to_owned()));
    let lock = crate::store::lock::Lock::take(&fixture.path).unwrap();
    assert_eq!(told(), (true, "⏳", "still going, 6 of 8 tasks so far".to_owned()));
    drop(lock);
}
