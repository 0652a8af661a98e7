//! The case of one task, in the words and in the characters that XML may hold.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus};

use crate::call::record::Status;
use crate::call::score::{Score, ScoreState};

use super::super::Row;
use super::super::ruling;

/// The most characters of a message.
const MESSAGE: usize = 400;
/// The most characters of an answer below a failure.
const ANSWER: usize = 1_000;

/// How a case ended, as a place in `Suite::kept` and `Suite::counted`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Passed,
    Failed,
    Broken,
    Skipped,
}

/// The case of a task: its name, where nothing else is to be said of it.
pub(super) enum Case {
    Passed(String),
    Told(Box<TestCase>),
}

pub(super) fn case(
    row: &Row<'_>,
    status: Option<TestCaseStatus>,
    time: Duration,
    suite: &str,
) -> Case {
    let record = &row.record;
    let repeat = match record.repeat {
        0 => String::new(),
        repeat => format!(", repeat {repeat}"),
    };
    let name = format!("row {}{repeat}", short(&record.row));
    let broken = record.scores.iter().filter(|(_, score)| score.state == ScoreState::Broken);
    let broken: Vec<String> =
        broken.map(|(column, score)| format!("scorer {}", said(column, score))).collect();
    if status.is_none() && broken.is_empty() {
        return Case::Passed(name);
    }
    let mut case = TestCase::new(name, status.unwrap_or_else(TestCaseStatus::success));
    case.set_classname(suite).set_time(time);
    if !broken.is_empty() {
        case.set_system_out(cut(&broken.join("\n"), ANSWER));
    }
    Case::Told(Box::new(case))
}

/// How the case of a task ended; `None` when it passed.
pub(super) fn status(row: &Row<'_>) -> Option<TestCaseStatus> {
    let record = &row.record;
    let failure = record.error.as_ref();
    let told = failure.map_or("it was given up before its outcome was known", |f| &f.message);
    let kind = failure.map_or("", |failure| failure.kind.as_str());
    Some(match record.status {
        Status::Error => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(kind).set_message(short(told));
            status
        }
        Status::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(short(told));
            status
        }
        Status::Ok => {
            let failed = record.scores.iter().filter(|(_, score)| score.pass == Some(false));
            let failed: Vec<(&String, String)> =
                failed.map(|(column, score)| (column, said(column, score))).collect();
            let (first, _) = failed.first()?;
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let all: Vec<&str> = failed.iter().map(|(_, said)| said.as_str()).collect();
            status.set_type(short(first)).set_message(short(&all.join("; ")));
            let answer = row.content.as_deref().unwrap_or_default();
            status.set_description(cut(answer, ANSWER));
            status
        }
    })
}

/// What a scorer says, in a few words: `right: 0, expected 4`.
fn said(column: &str, score: &Score) -> String {
    let value = score.value.map(|value| format!(": {}", ruling::figure(value)));
    let note = score.note.as_ref().map(|note| format!(", {note}"));
    let state = if score.state == ScoreState::Broken { " is broken" } else { "" };
    format!("{column}{state}{}{}", value.unwrap_or_default(), note.unwrap_or_default())
}

pub(super) fn kind(status: &TestCaseStatus) -> Kind {
    match status {
        TestCaseStatus::Success { .. } => Kind::Passed,
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => Kind::Failed,
        TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => Kind::Broken,
        TestCaseStatus::Skipped { .. } => Kind::Skipped,
    }
}

/// A text on one line, not without end.
pub(super) fn short(text: &str) -> String {
    if text.contains('\n') { cut(&text.replace('\n', " "), MESSAGE) } else { cut(text, MESSAGE) }
}

/// The beginning of a text, as XML may hold it.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", plain(&text[..end])),
        None => plain(text),
    }
}

/// A text as XML 1.0 may hold it. What it may not, and what would move a cursor, is made visible:
/// the writer would drop it, and with it whatever looks like a terminal's commands.
pub(super) fn plain(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' => '\n',
        '\t' => ' ',
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(harmless).collect()
}
