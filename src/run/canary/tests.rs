//! What the canary takes, and whom it judges.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::job::load::load_text;
use crate::job::select::Selection;
use crate::job::{Job, JobTarget};
use crate::provider::env::Env;

fn job(text: &str, folder: &Path) -> Job {
    match load_text(&folder.join("job.toml"), text, &[], &Env::of([])) {
        Ok(job) => job,
        Err(faults) => panic!("{:#?}", faults.diagnostics),
    }
}

fn plan(job: &Job) -> Plan {
    Plan::make(job, &Selection::default()).expect("a plan")
}

/// The tasks of a lane without those of these places, dealt.
fn dealt(plan: &Plan, lane: usize, done: &[u64], share: f64, part: Part) -> Deal {
    let is_done = done.to_vec();
    let tasks = plan.tasks(lane).map(|task| task.map_err(|why| Broken(why.to_string())));
    let tasks =
        tasks.filter(move |task| !task.as_ref().is_ok_and(|task| is_done.contains(&task.index)));
    let counts: Vec<u64> = plan.targets().iter().map(|target| count(plan, target, done)).collect();
    Deal { tasks: Box::new(tasks), quotas: quotas(plan, &counts, lane, share), part }
}

/// How many of these tasks are a target's.
fn count(plan: &Plan, target: &JobTarget, among: &[u64]) -> u64 {
    let own = plan
        .tasks(target.lane)
        .filter_map(Result::ok)
        .filter(|task| Arc::ptr_eq(&task.target, &target.target));
    own.filter(|task| among.contains(&task.index)).count() as u64
}

#[test]
fn a_canary_reads_no_row_after_its_last_task() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("p.txt");
    std::fs::write(&file, "a\n".repeat(100)).expect("written");
    let text = "name='x'\nrepeats=2\n[[models]]\nmodel='mock/a'\n[prompts.x]\nfile='p.txt'\n";
    let plan = plan(&job(text, folder.path()));
    // Of what is cut off behind it, it knows nothing.
    std::fs::write(&file, "a\n".repeat(3)).expect("written");
    let canary = dealt(&plan, 0, &[], 0.02, Part::Canary);
    let canary: Vec<u64> = canary.map(|task| task.expect("a task").index).collect();
    assert_eq!(canary, [0, 1, 2, 3]);
    assert!(dealt(&plan, 0, &[], 0.02, Part::Rest).any(|task| task.is_err()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_canary_and_the_rest_are_all_that_is_left_and_each_target_has_its_share(
        rows in (1_usize..6, 1_usize..6),
        repeats in 1_u32..4,
        share in 0.001_f64..=1.0,
        done in prop::collection::vec(0_u64..60, 0..30),
    ) {
        let list = |count: usize, text: &str| format!("{:?}", vec![text; count]);
        let text = format!(
            "name='x'\nrepeats={repeats}\nmatrix={{ seed = [1, 2] }}\n\
             [[models]]\nmodel='mock/a'\n[[models]]\nmodel='mock/b'\nprompts=['two']\n\
             [[models]]\nmodel='mock/b'\nlabel='c'\n\
             [prompts.one]\ninline={}\n[prompts.two]\ninline={}\n",
            list(rows.0, "hi"), list(rows.1, "ho")
        );
        let job = job(&text, Path::new(""));
        let plan = plan(&job);
        for lane in 0..job.lanes.len() {
            let indexes = |part| -> Vec<u64> {
                let tasks = dealt(&plan, lane, &done, share, part);
                tasks.map(|task| task.expect("a task").index).collect()
            };
            let (canary, rest) = (indexes(Part::Canary), indexes(Part::Rest));
            prop_assert!(canary.is_sorted() && rest.is_sorted());
            for (nth, target) in plan.targets().iter().enumerate() {
                if target.lane != lane {
                    continue;
                }
                let left = plan.target_total(nth) - count(&plan, target, &done);
                prop_assert_eq!(count(&plan, target, &canary), first(left, share));
                // What is tried comes first.
                let tried = count(&plan, target, &canary);
                prop_assert!(left == 0 || tried > 0);
                prop_assert_eq!(count(&plan, target, &rest), left - tried);
            }
            let mut both = [canary, rest].concat();
            both.sort_unstable();
            let all = plan.tasks(lane).map(|task| task.expect("a task").index);
            let all: Vec<u64> = all.filter(|index| !done.contains(index)).collect();
            prop_assert_eq!(both, all);
        }
    }
}

/// A canary of so many tasks, of which these fail so often, judged.
fn verdict(judged: u64, errors: &[(FailureKind, u64)], max_error_rate: f64) -> Option<Failing> {
    let text = "name='x'\n[[models]]\nmodel='mock/a'\n[prompts.x]\ninline=['hi']\n";
    let target = Arc::clone(&plan(&job(text, Path::new(""))).targets()[0].target);
    let errors = errors.iter().map(|(kind, count)| {
        (*kind, Errors { count: *count, example: kind.to_string(), is_own: true })
    });
    Trial { target, judged, errors: errors.collect() }.failing(max_error_rate)
}

#[test]
fn a_model_fails_above_the_rate_and_not_at_it() {
    let bad = |count| [(FailureKind::BadRequest, count)];
    for (judged, failed, rate, fails) in [
        (10, 1, 0.1, false),
        (10, 2, 0.1, true),
        (100, 29, 0.29, false),
        (100, 30, 0.29, true),
        (1, 1, 0.1, true),
        (1, 1, 0.99, true),
        (3, 1, 0.0, true),
        (3, 0, 0.0, false),
        (0, 0, 0.0, false),
    ] {
        let errors = if failed == 0 { &[][..] } else { &bad(failed)[..] };
        let verdict = verdict(judged, errors, rate);
        assert_eq!(verdict.is_some(), fails, "{failed} of {judged} at {rate}");
    }
    let mixed = [(FailureKind::BadRequest, 2), (FailureKind::Timeout, 3), (FailureKind::Api, 1)];
    let failing = verdict(9, &mixed, 0.5).expect("it fails");
    assert_eq!((failing.failed, failing.judged, failing.kind), (6, 9, FailureKind::Timeout));
    assert_eq!((&*failing.model, &*failing.example), ("mock/a", "Timeout"));
}
