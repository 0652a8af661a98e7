//! From a path to a job, or to every diagnostic there is.

use std::path::Path;
use std::sync::Arc;

use crate::job::Job;
use crate::job::check::{self, Check, Checked};
use crate::job::diagnostic::{DataSpot, Diagnostic, On, Place};
use crate::job::document::Document;
use crate::job::node::Origin;
use crate::job::prompts::PromptSet;
use crate::job::rows::text::MARK;
use crate::job::scan;
use crate::job::schema::job_schema;
use crate::job::shape;
use crate::job::words;
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;

/// What is wrong with a job, and the text to show it in.
#[derive(Clone, Debug)]
pub struct Faults {
    /// The job's text; empty where it could not be read.
    pub document: Document,
    /// What is wrong, in the order of the text; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a job file, with `--set KEY=VALUE` laid over it.
///
/// The rows of its prompts are read by the plan; only where the job has a fault are they read here,
/// so that what is wrong with them is told in the same go.
pub fn load(path: &Path, sets: &[String], env: &Env) -> Result<Job, Faults> {
    let shown = path.display().to_string();
    let fault = |diagnostic: Diagnostic| Faults {
        document: Document::parse(&shown, "", &[]).0,
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
    let shape = shape::check(&document, &job_schema());
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
            check.faults.push(fault);
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
        diagnostics.extend(scan::scan(set, None, |_| {}).err().into_iter().flatten());
    }
    if diagnostics.is_empty() {
        // A job that is none has a fault; should none be known, silence would be the worst.
        let message = "the job cannot be used";
        diagnostics.push(Diagnostic::new(Place::Span(0..0), message));
    }
    Faults { document, diagnostics }
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
        .filter(|name| name.ends_with(".toml"))
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
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let shown_line = bytes[start..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let spot = DataSpot {
        file: Arc::from(shown),
        line: line as u64 + 1,
        column: String::from_utf8_lossy(&bytes[start..good]).chars().count() + 1,
        length: 1,
        text: String::from_utf8_lossy(shown_line).trim_end().to_owned(),
    };
    Diagnostic::new(Place::Data(spot), "the job is not UTF-8")
        .help("save the file as UTF-8, such as with iconv -f latin1 -t utf-8")
}
