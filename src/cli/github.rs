//! `--github`: what came of a run, in the form in which GitHub Actions shows it: annotations, and a
//! page in the summary of the step.
//!
//! Annotations are lines that the runner of GitHub reads from stdout and stderr alike. They go to
//! stderr, as all that is said about a result does, so that stdout still carries the result alone.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::cli::context::Context;
use crate::report::advice::advice;
use crate::report::figures::count;
use crate::report::markdown::markdown;
use crate::report::ruling::{self, counted};
use crate::report::summary::Summary;

/// GitHub shows no more annotations of one kind than this for a step.
const MOST: usize = 10;
/// What GitHub takes for the summary of a step, in bytes.
const CAP: u64 = 1 << 20;
/// Where it is to be put.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// The most characters of an annotation.
const LONGEST: usize = 1_000;

/// How an annotation is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In red.
    Error,
    /// In yellow.
    Warning,
    /// In grey.
    Notice,
}

/// Tells GitHub of a run: annotations to stderr, and the page of `summary.md` to the step's summary.
pub fn tell(summary: &Summary, context: &Context) {
    for line in annotations(summary) {
        context.screen.say(&line);
    }
    publish(&markdown(summary, &[]), context);
}

/// The annotations of a run: the gates and tasks that failed, what could not be scored, or that all
/// is well.
fn annotations(summary: &Summary) -> Vec<String> {
    let gates = summary.gates.iter().filter(|gate| !gate.passed);
    let gates = gates.map(|gate| ("gate failed".to_owned(), ruling::line(gate)));
    let errors = summary.errors.iter().filter(|error| error.tasks > 0).map(|error| {
        let tasks = counted(error.tasks, "task");
        let message = format!("{tasks} failed: {}\n{}", error.example, advice(error.kind));
        (error.kind.as_str().to_owned(), message)
    });
    let mut lines = few(Kind::Error, gates.chain(errors).collect());
    let (mark, parts) = ruling::verdict(summary);
    let verdict = (summary.job.clone(), format!("{mark} {}", parts.join(" · ")));
    let mut warnings = Vec::new();
    if summary.totals.ok + summary.totals.error < summary.planned.unwrap_or_default() {
        warnings.push(verdict.clone());
    }
    warnings.extend(summary.scores.iter().filter(|score| score.broken > 0).map(|score| {
        let answers = counted(score.broken, "answer");
        let message = format!("{answers} could not be scored; responses.jsonl has the reasons");
        (format!("scorer {}", score.column), message)
    }));
    lines.extend(few(Kind::Warning, warnings));
    if lines.is_empty() {
        lines.extend(few(Kind::Notice, vec![verdict]));
    }
    lines
}

/// As many as GitHub shows, the last of which tells of those that are left out.
fn few(kind: Kind, mut found: Vec<(String, String)>) -> Vec<String> {
    if found.len() > MOST {
        let more = count((found.len() + 1 - MOST) as u64);
        found.truncate(MOST - 1);
        found.push((format!("{more} more"), "the summary of this step has them all".to_owned()));
    }
    found.iter().map(|(title, message)| command(kind, title, message)).collect()
}

/// One annotation, as a command to the runner of GitHub.
pub fn command(kind: Kind, title: &str, message: &str) -> String {
    let kind = match kind {
        Kind::Error => "error",
        Kind::Warning => "warning",
        Kind::Notice => "notice",
    };
    let message: String = message.chars().take(LONGEST).collect();
    let title = escaped(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={title}::{}", escaped(&message))
}

/// A text that stays one line and means no command.
fn escaped(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    text.replace(char::is_control, " ")
}

/// Adds a page to the summary of the step, where there is one.
pub fn publish(page: &str, context: &Context) {
    let Some(path) = context.env.get(STEP_SUMMARY) else {
        context.screen.note(&format!("note: `{STEP_SUMMARY}` is not set, so no page is added"));
        return;
    };
    match append(Path::new(&path), page) {
        Ok(true) => {}
        Ok(false) => {
            let note = "warning: the summary of this step is full (1 MiB); summary.md in the run folder has the page";
            context.screen.note(note);
        }
        Err(why) => {
            let note =
                format!("warning: failed to write `{path}`, which `{STEP_SUMMARY}` names: {why}");
            context.screen.note(&note);
        }
    }
}

/// Adds to a file what it may still hold of GitHub's measure; whether all of it.
fn append(path: &Path, page: &str) -> std::io::Result<bool> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    // And a line end.
    let fits = file.metadata()?.len() + (page.len() as u64) < CAP;
    if fits {
        file.write_all(format!("{page}\n").as_bytes())?;
    }
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_one_whatever_it_says() {
        assert_eq!(
            command(Kind::Error, "a: b, c", "50 %\r\nof ::it\u{1b}[2J"),
            "::error title=a%3A b%2C c::50 %25%0D%0Aof ::it [2J"
        );
    }

    #[test]
    fn more_than_github_shows_are_counted() {
        let found =
            |number: usize| (0..number).map(|n| (n.to_string(), String::new())).collect::<Vec<_>>();
        assert_eq!(few(Kind::Warning, found(10)).len(), 10);
        let lines = few(Kind::Warning, found(12));
        assert_eq!(lines.len(), 10);
        assert!(lines[9].starts_with("::warning title=3 more::"), "{}", lines[9]);
    }

    #[test]
    fn a_step_summary_is_added_to_and_never_passes_its_cap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary");
        assert!(append(&path, "one").unwrap() && append(&path, "two").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert!(!append(&path, &"x".repeat(CAP as usize - 8)).unwrap());
        assert!(append(&path, &"x".repeat(CAP as usize - 9)).unwrap());
    }
}
