//! A job file, whatever stands in it: a job, or faults that can be drawn.

use std::path::Path;

use runner::cli::diagnose;
use runner::job::document::Document;
use runner::job::load::load_text;
use runner::job::plan::Plan;
use runner::job::select::Selection;
use runner::provider::env::Env;

/// So many tasks of a lane are taken.
const TASKS: usize = 20;

/// Behind each NUL stands a `--set`.
pub(super) fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.split('\0');
    let text = parts.next().unwrap_or_default();
    let sets: Vec<String> = parts.take(3).map(str::to_owned).collect();
    if reaches_out(text) || sets.iter().any(|set| reaches_out(set)) {
        return;
    }
    let path = Path::new("/nowhere/job.toml");
    match load_text(path, text, &sets, &Env::of([])) {
        Err(faults) => {
            assert!(!faults.diagnostics.is_empty(), "a job that is none has a fault");
            shows(&diagnose::draw(&faults.document, &faults.diagnostics, false));
        }
        Ok(job) => match Plan::make(&job, &Selection::default()) {
            Err(faults) => {
                assert!(!faults.is_empty(), "a plan that is none has a fault");
                shows(&diagnose::draw(&job.document, &faults, false));
            }
            Ok(plan) => {
                let all: u64 = (0..job.lanes.len()).map(|lane| plan.lane_total(lane)).sum();
                assert_eq!(all, plan.total(), "each task has its lane");
                (0..job.lanes.len()).for_each(|lane| plan.tasks(lane).take(TASKS).for_each(drop));
            }
        },
    }
    // The text is kept as it was, byte for byte.
    assert_eq!(Document::parse("job.toml", text, &[]).0.text, text);
}

/// Whether a job may name files of this machine, or its standard input: those are not what is tried. No
/// other path leads anywhere from a folder that is not there.
fn reaches_out(text: &str) -> bool {
    ["\"/", "'/", "\n/", "\"-", "'-", "\n-", "\\u", "\\U", "=/", "=-"]
        .iter()
        .any(|part| text.contains(part))
}

/// What is drawn steers no terminal.
fn shows(drawn: &str) {
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!drawn.contains(steers), "{drawn:?}");
    assert!(drawn.contains("nothing was sent"), "{drawn}");
}
