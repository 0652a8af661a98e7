//! From a path to a job, or to every diagnostic there is.

use std::path::Path;
use std::sync::Arc;

use crate::job::Job;
use crate::job::check::{self, Check, Checked};
use crate::job::diagnostic::{DataSpot, Diagnostic, On, Place};
use crate::job::document::Document;
use crate::job::faults::Faults;
use crate::job::node::Origin;
use crate::job::prompts::PromptSet;
use crate::job::rows::text::MARK;
use crate::job::scan;
use crate::job::schema::job_schema;
use crate::job::shape;
use crate::job::veil;
use crate::job::words;
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;

/// Reads a job file, with `--set KEY=VALUE` laid over it.
///
/// The rows of its prompts are read by the plan; only where the job has a fault are they read here,
/// so that what is wrong with them is told in the same go.
pub fn load(path: &Path, sets: &[String], env: &Env) -> Result<Job, Faults> {
    let shown = path.display().to_string();
    let fault = |diagnostic: Diagnostic| Faults {
        document: Box::new(Document::parse(&shown, "", &[]).0),
        diagnostics: vec![diagnostic],
    };
    let bytes = std::fs::read(path).map_err(|why| fault(unreadable(path, &why)))?;
    match String::from_utf8(bytes) {
        Ok(text) => load_text(path, &text, sets, env),
        Err(why) => Err(fault(not_utf8(&shown, &why))),
    }
}

/// Reads a job from a text that stands, or could stand, in the file `path`.
pub fn load_text(path: &Path, text: &str, sets: &[String], env: &Env) -> Result<Job, Faults> {
    let shown = path.display().to_string();
    let (document, syntax) = Document::parse(&shown, text, sets);
    let shape = shape::check(&document, job_schema());
    let mut check = Check {
        document: &document,
        path,
        env,
        catalog: Catalog::builtin(),
        faults: shape.faults,
        missing: shape.missing,
    };
    let Checked { job, sets } = match check::read(shape.value) {
        Ok(file) => check.job(file),
        Err(fault) => {
            check.faults.push(*fault);
            Checked { job: None, sets: Vec::new() }
        }
    };
    let (faults, missing) = (check.faults, check.missing);
    let diagnostics = gathered(&document, syntax, faults, missing);
    match job.filter(|_| diagnostics.is_empty()) {
        Some(job) => Ok(job),
        None => Err(with_data(document, diagnostics, &sets)),
    }
}

/// All diagnostics of the job's text, in its order.
fn gathered(
    document: &Document,
    syntax: Vec<Diagnostic>,
    mut faults: Vec<Diagnostic>,
    missing: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let line = |at: usize| document.text[..at.min(document.text.len())].matches('\n').count();
    if syntax.is_empty() {
        faults.extend(missing);
    } else {
        // What is missing may stand in the part that was lost, and what stands on a line that
        // could not be read was not written so.
        let broken: Vec<usize> = syntax.iter().filter_map(span_start).map(line).collect();
        faults.retain(|fault| match place_of(document, fault) {
            (Origin::File, at) => !broken.contains(&line(at)),
            (Origin::Set(_), _) => true,
        });
        faults.extend(syntax);
    }
    faults.sort_by_key(|fault| match place_of(document, fault) {
        (Origin::File, at) => (0, at),
        (Origin::Set(nth), at) => (nth + 1, at),
    });
    faults.dedup();
    faults
}

fn span_start(fault: &Diagnostic) -> Option<usize> {
    match &fault.place {
        Place::Span(range) => Some(range.start),
        _ => None,
    }
}

fn place_of(document: &Document, fault: &Diagnostic) -> (Origin, usize) {
    match &fault.place {
        Place::Span(range) => (Origin::File, range.start),
        Place::Key { path, on } => document.locate(path).map_or((Origin::File, 0), |located| {
            let spot = if *on == On::Key { located.key } else { located.value };
            (spot.origin, spot.range.start)
        }),
        Place::Argument { range, .. } => (Origin::Set(usize::MAX - 1), range.start),
        Place::Data(_) | Place::File(_) => (Origin::Set(usize::MAX - 1), usize::MAX),
    }
}

/// The job's faults and those of the rows of the sets that can be read all the same.
fn with_data(document: Document, mut diagnostics: Vec<Diagnostic>, sets: &[PromptSet]) -> Faults {
    for set in sets {
        diagnostics.extend(scan::scan(set, None, |_| Ok(())).err().into_iter().flatten());
    }
    if diagnostics.is_empty() {
        // A job that is none has a fault; should none be known, silence would be the worst.
        let message = "the job cannot be used";
        diagnostics.push(Diagnostic::new(Place::Span(0..0), message).help("please report this"));
    }
    Faults { document: Box::new(document), diagnostics }
}

fn unreadable(path: &Path, why: &std::io::Error) -> Diagnostic {
    let shown = path.display();
    let fault =
        Diagnostic::new(Place::File(path.to_owned()), format!("the job cannot be read: {why}"));
    if path.is_dir() {
        return fault.help(format!("name a file in it: {shown}/job.toml"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries =
        std::fs::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml"))
        .collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match words::did_you_mean(&name, names.iter().map(String::as_str)) {
        Some(question) => fault.help(question),
        None => fault.help("name a job file, such as jobs/hello.toml"),
    }
}

fn not_utf8(shown: &str, why: &std::string::FromUtf8Error) -> Diagnostic {
    let bytes = why.as_bytes();
    let bytes = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let good = std::str::from_utf8(bytes).err().map_or(0, |why| why.valid_up_to());
    let before = &bytes[..good];
    let line = memchr::memchr_iter(b'\n', before).count();
    let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
    let shown_line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let spot = DataSpot {
        file: Arc::from(shown),
        line: line as u64 + 1,
        column: String::from_utf8_lossy(&bytes[start..good]).chars().count() + 1,
        length: 1,
        text: veil::cover_text(String::from_utf8_lossy(shown_line).trim_end()),
    };
    Diagnostic::new(Place::Data(spot), "the job is not UTF-8")
        .help("save the file as UTF-8, such as with iconv -f latin1 -t utf-8")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::call::duration::DurationText;
    use crate::job::canary::Canary;
    use crate::provider::auth::KeySource;

    const GOOD: &str = r#"#:schema ../schemas/job.schema.json
name = "nightly"
repeats = 2
tags = { team = "search" }

[params]
temperature = 0
max_tokens = 256

[matrix]
top_p = [0.5, 1.0]
seed = [1, 2]

[[models]]
model = "gpt-4o-mini"
limits = { rpm = 500, tpm = 200_000 }

[[models]]
model = "openai/gpt-4o-mini"
label = "again"
params = { temperature = 0.2, max_completion_tokens = 9 }
prompts = ["chats"]
price = { input = 0.25, output = "1.25" }
limits = { concurrency = 3 }

[[models]]
model = "lab/a/b"

[[models]]
model = "mock/echo"

[providers.openai]
limits = { rpm = 1000, concurrency = 64 }
api_key = { env = ["MY_KEY", "OPENAI_API_KEY"] }

[providers.lab]
dialect = "openai"
base_url = "http://127.0.0.1:8000/v1/"
api_key = { file = "keys/lab" }

[providers.mock]
latency = "0s"
faults = { rate_limit = 0.2 }
limits = { rpm = 60 }
seed = 7

[prompts.greetings]
inline = ["Hello! How are you?", "Bonjour !"]

[prompts.chats]
inline = [{ question = "Why?" }]
user = "{{ question }}"

[limits]
concurrency = 256
timeout = "60s"

[retry]
max_attempts = 5
initial = "2m"

[output]
dir = "../runs"
reports = ["csv"]
"#;

    fn env() -> Env {
        Env::of([("OPENAI_BASE_URL".to_owned(), "https://proxy.example/v1/".to_owned())])
    }

    fn good(sets: &[&str]) -> Job {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        match load_text(Path::new("jobs/nightly.toml"), GOOD, &sets, &env()) {
            Ok(job) => job,
            Err(faults) => panic!("{:#?}", faults.diagnostics),
        }
    }

    #[test]
    fn a_good_job_becomes_targets_and_lanes() {
        let job = good(&[]);
        assert_eq!((&*job.name, job.repeats, job.concurrency), ("nightly", 2, Some(256)));
        assert_eq!(job.targets.len(), 4 * 4);
        let lanes: Vec<String> =
            job.lanes.iter().map(|lane| format!("{} {}", lane.provider.name, lane.model)).collect();
        assert_eq!(lanes, ["openai gpt-4o-mini", "lab a/b", "mock echo"]);
        let limits = job.lanes[0].limits;
        assert_eq!((limits.requests_per_minute, limits.concurrency), (Some(500), Some(3)));
        let again = &job.targets[5];
        assert_eq!(again.target.variant.as_deref(), Some("top_p=0.5,seed=2"));
        assert_eq!((again.lane, &again.sets), (0, &vec![1]));
        let params =
            json!({"temperature": 0.2, "max_completion_tokens": 9, "top_p": 0.5, "seed": 2});
        assert_eq!(serde_json::to_value(&*again.target.params).expect("json"), params);
        assert_eq!(again.target.price.as_ref().expect("stated").base.output.as_pico(), 1_250_000);
        assert_eq!(&*job.targets[0].target.label, "gpt-4o-mini");
    }

    #[test]
    fn providers_come_from_the_catalogue_the_environment_and_the_job() {
        let job = good(&[]);
        let openai = &job.lanes[0].provider;
        assert_eq!(&*openai.base_url, "https://proxy.example/v1");
        let names = vec!["MY_KEY".to_owned(), "OPENAI_API_KEY".to_owned()];
        assert_eq!(openai.key, KeySource::Env(names));
        assert_eq!(openai.limits.concurrency, Some(64));
        let lab = &job.lanes[1].provider;
        assert_eq!(&*lab.base_url, "http://127.0.0.1:8000/v1");
        assert_eq!(lab.key, KeySource::File("jobs/keys/lab".into()));
        let mock = job.mock.expect("a model of it is asked");
        assert_eq!((mock.latency, mock.seed), (DurationText::default(), 7));
        assert_eq!(mock.limits.rpm, Some(60));
        assert_eq!(job.lanes[2].provider.limits, crate::pace::Limits::default());
        let stated = good(&["providers.openai.base_url=https://stated.example"]);
        assert_eq!(&*stated.lanes[0].provider.base_url, "https://stated.example");
    }

    #[test]
    fn the_rest_is_as_stated_or_as_usual() {
        let job = good(&["models[3].label=x"]);
        assert_eq!(job.timeouts.total, Duration::from_mins(1));
        assert_eq!(job.timeouts.connect, Duration::from_secs(10));
        assert_eq!(job.retry.max_attempts, 5);
        assert_eq!(job.retry.max, Duration::from_mins(2));
        assert_eq!((job.task_timeout, job.deadline, job.canary), (None, None, None));
        assert_eq!(job.output.dir, Path::new("jobs/../runs"));
        assert_eq!(job.output.reports.len(), 1);
        assert_eq!(&*job.targets[15].target.label, "x");
        assert_eq!(job.document.text, GOOD);
    }

    #[test]
    fn the_pace_is_as_stated() {
        let job = good(&[
            "limits.deadline=2h",
            "limits.task_timeout=10m",
            "retry.budget=0.5",
            "retry.max_outage=30s",
            "canary.share=1",
        ]);
        let minutes = |number| Some(Duration::from_mins(number));
        assert_eq!((job.deadline, job.task_timeout), (minutes(120), minutes(10)));
        assert_eq!((job.retry.budget, job.retry.max_outage), (0.5, Duration::from_secs(30)));
        assert_eq!(job.canary, Some(Canary { share: 1.0, max_error_rate: 0.1 }));
        let bare = good(&["canary={}"]);
        assert_eq!(bare.canary, Some(Canary::default()));
        let text = GOOD.replace("concurrency = 256", "");
        let job = load_text(Path::new("x.toml"), &text, &[], &env()).expect("a good job");
        assert_eq!(job.concurrency, None);
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_change_nothing() {
        let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
        let job = load_text(Path::new("x.toml"), &text, &[], &env()).expect("a good job");
        assert_eq!(job.targets.len(), 16);
        assert_eq!(job.document.text, text);
    }

    #[test]
    fn a_job_that_is_not_there_is_told_with_the_nearest_name() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("hello.toml"), GOOD).expect("written");
        let faults = load(&folder.path().join("helo.toml"), &[], &env()).expect_err("no file");
        assert_eq!(faults.diagnostics[0].help.as_deref(), Some("did you mean `hello.toml`?"));
        assert!(load(folder.path(), &[], &env()).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_job_makes_it_panic(
            cuts in prop::collection::vec((0..GOOD.len(), 0..12_usize, "[a-z\"'={}\\[\\].#\n0-9 -]{0,6}"), 1..4)
        ) {
            let mut text = GOOD.to_owned();
            for (at, length, put) in cuts {
                let start = at.min(text.len());
                let end = (start + length).min(text.len());
                text.replace_range(start..end, &put);
            }
            if let Err(faults) = load_text(Path::new("x.toml"), &text, &[], &env()) {
                prop_assert!(!faults.diagnostics.is_empty());
            }
        }
    }
}
