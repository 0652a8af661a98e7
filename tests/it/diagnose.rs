//! What a bad job looks like to its author: `tests/diagnose/<case>.toml` -> `<case>.stderr`.
//!
//! A case may state arguments in its first line: `# --set name=x --models y*`. To write the
//! expected output anew, set `BLESS=1`, and review what changed.

use std::fs;
use std::path::{Path, PathBuf};

use runner::cli::diagnose::draw;
use runner::job::load::load;
use runner::job::plan::Plan;
use runner::job::select::Selection;
use runner::provider::env::Env;

/// What no output may ever hold: every key in the cases does. It is no word of a job.
const SECRET: &str = "budgie";

#[test]
fn every_bad_job_is_told_as_expected() {
    let mut cases: Vec<PathBuf> = fs::read_dir("tests/diagnose")
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= 12, "{} cases", cases.len());
    let differing: Vec<String> = cases.iter().filter_map(|case| differs(case)).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

/// Holds one case against its file; `None` when they are the same.
fn differs(case: &Path) -> Option<String> {
    let drawn = diagnose(case);
    assert!(!drawn.contains(SECRET), "{} shows a key:\n{drawn}", case.display());
    let (faults, helps) = (drawn.matches("error: ").count() - 1, drawn.matches("= help: ").count());
    assert_eq!(faults, helps, "{}: every fault says what to do:\n{drawn}", case.display());
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!drawn.contains(control), "{} lets a control character through", case.display());
    let file = case.with_extension("stderr");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, &drawn).expect("written");
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    (expected != drawn).then(|| format!("{} differs; it is now:\n{drawn}", file.display()))
}

fn diagnose(case: &Path) -> String {
    let bytes = fs::read(case).expect("a case");
    let text = String::from_utf8_lossy(&bytes);
    let first = text.lines().next().and_then(|line| line.strip_prefix("# --"));
    let words: Vec<String> = first
        .map(|line| format!("--{line}").split(' ').map(str::to_owned).collect())
        .unwrap_or_default();
    let values = |option: &str| -> Vec<String> {
        let pairs = words.windows(2).filter(|pair| pair[0] == option);
        pairs.map(|pair| pair[1].clone()).collect()
    };
    let sets = values("--set");
    let selection = Selection {
        models: values("--models").pop(),
        prompts: values("--prompts").pop(),
        limit: None,
    };
    let env = Env::of([("GROQ_API_BASE".to_owned(), "groq.example".to_owned())]);
    match load(case, &sets, &env) {
        Err(faults) => draw(&faults.document, &faults.diagnostics, false),
        Ok(job) => {
            let faults = Plan::make(&job, &selection).expect_err("a case is a bad job");
            draw(&job.document, &faults, false)
        }
    }
}
