//! Runs in their folders: which task is which, what changed, and what gates say of it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::call::gate::{ErrorRule, Gate, Per, Since};
use crate::call::json::Json;
use crate::call::metric::Metric;
use crate::call::money::Usd;
use crate::call::record::Entry;
use crate::call::request::Message;
use crate::call::score::{Score, Scores};
use crate::report::since::gates_since;
use crate::store::RunDir;
use crate::store::baseline::Baselines;
use crate::store::journal::Journal;
use crate::store::runs::PINNED;
use crate::store::testing;

use super::super::Compared;
use super::super::changes::ChangeKind;
use super::super::comparison::Comparison;
use super::super::held::Held;

/// A job's folder with runs in it.
struct Job {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// A task in the making.
struct Asked {
    id: u64,
    text: &'static str,
    model: &'static str,
    answer: Option<&'static str>,
    right: Option<f64>,
}

/// The task `id`, which asks the model `m` this text and is answered like this.
fn asked(id: u64, text: &'static str, answer: &'static str, right: f64) -> Asked {
    Asked { id, text, model: "m", answer: Some(answer), right: Some(right) }
}

impl Asked {
    fn of(self, model: &'static str) -> Self {
        Self { model, ..self }
    }

    fn failing(self) -> Self {
        Self { answer: None, right: None, ..self }
    }

    fn entry(&self, place: u64) -> Entry {
        let mut entry = match self.answer {
            Some(answer) => testing::ok(place, answer),
            None => testing::failed(place, "slow down"),
        };
        let record = &mut entry.record;
        record.task = testing::task(self.id);
        record.row = self.text.to_owned();
        record.model = Arc::from(self.model);
        record.messages = vec![Message::text("user", self.text)];
        let pass = |value: f64| Some(value >= 0.5);
        record.scores = self
            .right
            .map(|value| ("right".to_owned(), Score::of(value, pass(value))))
            .into_iter()
            .collect::<Scores>();
        entry
    }
}

impl Job {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nightly");
        fs::create_dir(&path).unwrap();
        Self { _folder: folder, path }
    }

    /// The run of the `nth` night, with these tasks.
    fn run(&self, nth: u64, tasks: &[Asked]) -> RunDir {
        let entries = tasks.iter().enumerate().map(|(at, task)| task.entry(at as u64));
        self.run_of(nth, &entries.collect::<Vec<_>>())
    }

    fn run_of(&self, nth: u64, entries: &[Entry]) -> RunDir {
        let name = format!("2026110{nth}T020000Z-0000");
        let path = self.path.join(&name);
        fs::create_dir(&path).unwrap();
        let manifest = json!({
            "v": 1, "runner_version": "0.1.0", "job": "nightly", "run": name, "job_hash": "ab",
            "tasks": entries.len(), "scorers": [{"column": "right", "kind": "equals", "weight": 1.0}],
        });
        fs::write(path.join("run.json"), manifest.to_string()).unwrap();
        fs::write(path.join("journal.jsonl"), "").unwrap();
        Journal::open_append(path.join("journal.jsonl")).unwrap().append(entries).unwrap();
        RunDir::read(&path).unwrap()
    }
}

fn compared(base: &RunDir, new: &RunDir, map: &[&str]) -> Compared {
    let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
    Compared::read(base, new, &map).unwrap_or_else(|why| panic!("{why}"))
}

fn comparison(base: &RunDir, new: &RunDir, map: &[&str]) -> Comparison {
    compared(base, new, map).comparison()
}

fn tasks(comparison: &Comparison) -> [u64; 5] {
    let tasks = &comparison.tasks;
    [tasks.matched, tasks.matched_by_content, tasks.changed, tasks.new, tasks.removed]
}

/// So many tasks of which the first few are answered well.
fn graded(count: u64, good: u64) -> Vec<Asked> {
    const TEXTS: [&str; 2] = ["even", "odd"];
    let task = |id: u64| asked(id, TEXTS[id as usize % 2], "a", f64::from(u8::from(id < good)));
    (0..count).map(task).collect()
}

#[test]
fn tasks_are_found_by_their_ids_wherever_they_stand() {
    let job = Job::new();
    let base =
        job.run(1, &[asked(1, "a", "x", 1.0), asked(2, "b", "x", 1.0), asked(3, "c", "x", 1.0)]);
    let new =
        job.run(2, &[asked(9, "z", "x", 1.0), asked(3, "c", "y", 0.0), asked(1, "a", "x", 1.0)]);
    let compared = compared(&base, &new, &[]);
    let comparison = compared.comparison();
    assert_eq!(tasks(&comparison), [2, 0, 1, 1, 1]);
    let right = &comparison.models[0].metrics[0];
    assert_eq!((right.base, right.new, right.pairs), (1.0, 0.5, 2));
    assert_eq!((right.worse, right.better, right.same), (1, 0, 1));
    assert_eq!((right.now_failing, right.now_passing), (1, 0));
    assert_eq!((right.base_pass_rate, right.new_pass_rate), (Some(1.0), Some(0.5)));
    assert_eq!(comparison.models[0].name(), "m");
    assert!(comparison.all.is_none());
}

#[test]
fn a_model_with_other_parameters_is_compared_by_what_it_was_asked() {
    let job = Job::new();
    let base =
        job.run(1, &[asked(1, "a", "x", 1.0), asked(2, "a", "y", 0.0), asked(3, "b", "x", 1.0)]);
    let new =
        job.run(2, &[asked(3, "b", "x", 1.0), asked(7, "a", "x", 1.0), asked(8, "a", "y", 0.0)]);
    let comparison = comparison(&base, &new, &[]);
    // The first `a` is the first `a`, and the second the second: nothing changed.
    assert_eq!(tasks(&comparison), [3, 2, 0, 0, 0]);
}

#[test]
fn one_model_is_held_against_another_of_the_same_run() {
    let job = Job::new();
    let both = |answer| asked(1, "a", answer, 1.0).of("small");
    let run = job.run(1, &[both("x"), asked(2, "a", "y", 0.0).of("large")]);
    assert_eq!(tasks(&comparison(&run, &run, &[])), [2, 0, 0, 0, 0]);
    let mapped = comparison(&run, &run, &["small=large"]);
    assert_eq!(tasks(&mapped), [1, 1, 1, 1, 1]);
    assert_eq!(mapped.models[0].name(), "small -> large");
    let swapped = comparison(&run, &run, &["small=large", "large=small"]);
    assert_eq!(tasks(&swapped), [2, 2, 2, 0, 0]);
    for (map, told) in [
        (&["small"][..], "is not two models"),
        (&["smal=large"], "the base run has no model `smal`"),
        (&["small=huge"], "the new run has no model `huge`"),
        (&["small=large", "large=large"], "`large` is named twice"),
    ] {
        let map: Vec<String> = map.iter().map(|text| (*text).to_owned()).collect();
        let why = Compared::read(&run, &run, &map).unwrap_err().to_string();
        assert!(why.contains(told), "{why}");
    }
}

#[test]
fn a_variant_is_held_against_another_by_its_whole_name() {
    let job = Job::new();
    let variant = |id: u64, variant: &str, right: f64| {
        let mut entry = asked(id, "a", "x", right).entry(id);
        entry.record.variant = Some(variant.into());
        entry
    };
    let run = job.run_of(1, &[variant(0, "top_p=0.5", 1.0), variant(1, "top_p=1", 0.0)]);
    let mapped = comparison(&run, &run, &["m (top_p=0.5)=m (top_p=1)"]);
    assert_eq!(tasks(&mapped), [1, 1, 0, 1, 1]);
    assert_eq!(mapped.models[0].metrics[0].worse, 1);
}

#[test]
fn what_got_worse_comes_first_and_is_shown_as_both_said_it() {
    let job = Job::new();
    let base = job.run(
        1,
        &[
            asked(1, "said otherwise", "x", 1.0),
            asked(2, "better", "x", 0.2),
            asked(3, "a little worse", "x", 1.0),
            asked(4, "fails now", "x", 0.0),
            asked(5, "the same", "x", 1.0),
            asked(6, "no longer fails", "", 0.0).failing(),
        ],
    );
    let new = job.run(
        2,
        &[
            asked(1, "said otherwise", "y", 1.0),
            asked(2, "better", "y", 0.9),
            asked(3, "a little worse", "y", 0.9),
            asked(4, "fails now", "", 0.0).failing(),
            asked(5, "the same", "x", 1.0),
            asked(6, "no longer fails", "y", 0.0),
        ],
    );
    let compared = compared(&base, &new, &[]);
    let mut answers = compared.answers().unwrap();
    let shown: Vec<_> = compared
        .changes()
        .iter()
        .map(|change| answers.read(change).unwrap().unwrap())
        .map(|task| (task.kind, task.question()))
        .collect();
    let expected = [
        (ChangeKind::Worse, "fails now"),
        (ChangeKind::Worse, "a little worse"),
        (ChangeKind::Better, "no longer fails"),
        (ChangeKind::Better, "better"),
        (ChangeKind::Changed, "said otherwise"),
    ];
    assert_eq!(shown, expected.map(|(kind, text)| (kind, text.to_owned())));
    let task = answers.read(&compared.changes()[0]).unwrap().unwrap();
    assert_eq!((task.base.content.as_deref(), task.new.content), (Some("x"), None));
    assert_eq!(task.new.error.unwrap().message, "slow down");
    let errors = &compared.comparison().models[0].metrics[1];
    assert_eq!((errors.better, errors.worse, errors.same), (1, 1, 4));
    assert_eq!((errors.now_failing, errors.now_passing), (1, 1));
}

#[test]
fn costs_and_times_are_those_of_the_same_tasks_and_the_runs_stand_beside() {
    let job = Job::new();
    let entry = |place: u64, id: u64, pico: i128, millis: u64| {
        let mut entry = asked(id, "a", "x", 1.0).entry(place);
        entry.record.cost_usd = Some(Usd::from_pico(pico));
        entry.record.latency_ms = Some(millis);
        entry
    };
    let base = job.run_of(1, &[entry(0, 1, 100, 1000), entry(1, 2, 200, 2000), entry(2, 3, 9, 9)]);
    let mut call = entry(0, 77, 5000, 7);
    call.record.scorer = Some("right".into());
    call.record.scores.clear();
    let new = job.run_of(2, &[entry(0, 1, 110, 1500), entry(1, 2, 220, 3000), call]);
    let comparison = comparison(&base, &new, &[]);
    let cost = &comparison.models[0].cost;
    assert_eq!((cost.base_usd, cost.new_usd), (Usd::from_pico(300), Usd::from_pico(330)));
    assert_eq!(cost.new_per_task_usd, Some(Usd::from_pico(165)));
    assert_eq!((cost.priced, cost.unpriced), (2, 0));
    assert!((cost.ratio.ratio.unwrap() - 1.1).abs() < 1e-12);
    assert_eq!(comparison.models[0].latency_ms.ratio.ratio, Some(1.5));
    assert_eq!(comparison.spent.base.cost_usd, Some(Usd::from_pico(309)));
    assert_eq!(comparison.spent.new.cost_usd, Some(Usd::from_pico(5330)));
    assert_eq!(tasks(&comparison), [2, 0, 0, 0, 1]);
}

#[test]
fn tool_calls_are_compared_by_what_they_call_and_not_by_their_ids() {
    let job = Job::new();
    let entry = |id: &str, arguments: &str| {
        let mut entry = asked(1, "a", "x", 1.0).entry(0);
        let response = json!({"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": null, "tool_calls": [
            {"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}},
        ]}}]});
        entry.record.response = Some(Json::from(&response));
        entry
    };
    let runs = [(1, "c1", "{}"), (2, "c2", "{}"), (3, "c3", "{\"a\":1}")];
    let [one, two, three] = runs.map(|(nth, id, text)| job.run_of(nth, &[entry(id, text)]));
    assert_eq!(comparison(&one, &two, &[]).tasks.changed, 0);
    let compared = compared(&one, &three, &[]);
    let task = compared.answers().unwrap().read(&compared.changes()[0]).unwrap().unwrap();
    assert_eq!(task.new.content.as_deref(), Some("f({\"a\":1})"));
}

#[test]
fn a_column_with_fewer_than_five_moves_can_show_nothing() {
    let job = Job::new();
    let base = job.run(1, &graded(20, 20));
    let four = comparison(&base, &job.run(2, &graded(20, 16)), &[]);
    assert_eq!((four.models[0].metrics[0].p, four.regressions().count()), (1.0, 0));
    let five = comparison(&base, &job.run(3, &graded(20, 15)), &[]);
    // Five of five down: one in 2⁵, and nothing else that could have shown anything.
    assert!((five.models[0].metrics[0].p - 1.0 / 32.0).abs() < 1e-9);
    assert_eq!(five.regressions().count(), 1);
}

fn held(base: &RunDir, new: &RunDir, condition: &str) -> Vec<Held> {
    compared(base, new, &[]).held(&condition.parse().unwrap(), None)
}

#[test]
fn conditions_are_held_against_each_model_and_the_run() {
    let job = Job::new();
    let base = job.run(1, &graded(100, 90));
    let new = job.run(2, &graded(100, 80));
    for (condition, failed) in [
        ("right<-0.09", true),
        ("right<-0.1", false),
        ("right<-11%", true),
        ("right<-12%", false),
        ("right<-0.02@95%", true),
        ("right<-0.09@95%", false),
        ("right.pass_rate<-0.05", true),
        ("error_rate>0", false),
        ("latency_p50_ms>0", false),
        ("latency_p50_ms>+1%@95%", false),
        ("cost_usd>+0%", false),
        ("cost_per_task_usd>+1%@95%", false),
        ("total_tokens>0", false),
        // There is nothing to measure: nobody is told that all is well.
        ("right.flip_rate>0.5", true),
        ("ttft_p50_ms>+10%", true),
    ] {
        let held = held(&base, &new, condition);
        let subjects: Vec<_> = held.iter().map(|held| held.subject.as_deref()).collect();
        assert_eq!(subjects, [Some("m"), None], "{condition}");
        assert!(held.iter().all(|held| held.failed == failed), "{condition}: {held:?}");
    }
    let told = &held(&base, &new, "right<-0.05")[0];
    assert_eq!((told.base, told.new, told.samples), (Some(0.9), Some(0.8), 100));
    let nothing = &held(&base, &new, "ttft_p50_ms>+10%")[0];
    assert_eq!(nothing.note.as_deref(), Some("there was nothing to measure"));
}

fn gate(baseline: &str, slack: f64) -> Gate {
    let baseline = baseline.to_owned();
    Gate {
        metric: Metric::Score("right".to_owned()),
        per: Per::Model,
        min: None,
        max: None,
        since: Some(Since { baseline, slack, is_relative: false, confidence: None }),
        models: Vec::new(),
        prompts: Vec::new(),
        errors: ErrorRule::Exclude,
    }
}

#[test]
fn a_gate_looks_at_the_run_before() {
    let job = Job::new();
    let first = job.run(1, &graded(10, 9));
    let result = &gates_since(&first, &[gate("previous", 0.05)]).unwrap()[0];
    assert!(result.passed && result.value.is_none(), "{result:?}");
    assert!(result.note.as_ref().unwrap().contains("there is no run `previous` yet"));
    let second = job.run(2, &graded(10, 8));
    let results = gates_since(&second, &[gate("previous", 0.05), gate("latest~1", 0.2)]).unwrap();
    let shown: Vec<_> =
        results.iter().map(|result| (result.passed, result.subject.as_deref())).collect();
    assert_eq!(shown, [(false, Some("m")), (true, Some("m"))]);
    assert!((results[0].value.unwrap() + 0.1).abs() < 1e-9, "{results:?}");
    assert_eq!((results[0].samples, &*results[0].bound), (10, "drop 0.05 since previous"));
    assert_eq!(results[0].note.as_deref(), Some("0.9 in `20261101T020000Z-0000`, 0.8 now"));
    // A later run is not what an earlier one is held against.
    assert!(gates_since(&first, &[gate("previous", 0.0)]).unwrap()[0].passed);
}

#[test]
fn a_gate_without_its_pin_fails_and_says_what_to_do() {
    let job = Job::new();
    let (first, second) = (job.run(1, &graded(10, 10)), job.run(2, &graded(10, 5)));
    for baseline in ["pinned", "20250101T000000Z-0000"] {
        let result = &gates_since(&second, &[gate(baseline, 0.1)]).unwrap()[0];
        assert!(!result.passed && result.note.as_ref().unwrap().contains("runner baseline set"));
    }
    let mut pins = Baselines::default();
    pins.pin(PINNED, first.name());
    pins.write(&job.path).unwrap();
    let by_name = first.name();
    for baseline in ["pinned", &by_name] {
        let result = &gates_since(&second, &[gate(baseline, 0.1)]).unwrap()[0];
        assert_eq!((result.passed, result.value), (false, Some(-0.5)), "{result:?}");
    }
}

#[test]
fn a_gate_counts_errors_as_it_says_and_passes_over_new_models() {
    let job = Job::new();
    let base = [asked(1, "a", "x", 1.0), asked(2, "b", "x", 1.0)];
    job.run(1, &base);
    let tasks = [
        asked(1, "a", "x", 1.0),
        asked(2, "b", "", 0.0).failing(),
        asked(3, "a", "x", 0.0).of("n"),
    ];
    let new = job.run(2, &tasks);
    let counted = Gate { errors: ErrorRule::Count, ..gate("previous", 0.1) };
    let results = gates_since(&new, &[gate("previous", 0.1), counted]).unwrap();
    let shown: Vec<_> = results
        .iter()
        .map(|result| {
            (result.subject.as_deref().unwrap(), result.value, result.errors, result.passed)
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("m", Some(0.0), 1, true),
            ("n", None, 0, true),
            ("m", Some(-0.5), 1, false),
            ("n", None, 0, true),
        ]
    );
    let elsewhere = Gate { prompts: vec!["other".to_owned()], ..gate("previous", 0.1) };
    let result = &gates_since(&new, &[elsewhere]).unwrap()[0];
    assert!(!result.passed && result.note.as_ref().unwrap().contains("no task that it is about"));
}

#[test]
fn notes_tell_what_else_differs() {
    let job = Job::new();
    let base = job.run(1, &graded(10, 9));
    let new = job.run(2, &graded(8, 8));
    let path = new.path().join("run.json");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("\"ab\"", "\"cd\"").replace("\"tasks\":8", "\"tasks\":10");
    fs::write(&path, text.replace("\"equals\"", "\"regex\"")).unwrap();
    assert_eq!(
        comparison(&base, &new, &[]).notes,
        [
            "the job file changed between the runs",
            "the new run has outcomes of 8 of its 10 tasks",
            "`right` was scored by `equals` and is by `regex` now",
        ]
    );
}
