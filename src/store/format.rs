//! The kinds of line in a journal, written and taken apart.
//!
//! An *outcome* is a line of `responses.jsonl` with one more key at its end:
//! `,"journal":{"index":12,"tries":[...]}}`. So the row of the report is the line up to the last
//! `,"journal":{`: a quote inside a string is escaped, and nothing after the mark has such a key.
//!
//! A *judgement* is the same of a call that a scorer makes about an answer, with `"judges":true`
//! beside its index. Such calls have an order of their own.
//!
//! *Scores* are written when an answer is scored after its outcome was: they stand in the place of
//! the scores of the outcome line at a byte offset.
//!
//! A *placement* is written when a resumed job has changed: it says where the outcome line at a
//! byte offset stands in the plan now, and under which labels; or that the job no longer asks it.

use std::collections::BTreeMap;
use std::io;
use std::str;
use std::sync::Arc;

use memchr::memmem;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::call::record::{Entry, FailedTry, VERSION};
use crate::call::score::Scores;
use crate::call::task::TaskId;
use crate::store::error::StoreError;

/// What comes between a row of the report and what only the journal keeps.
const MARK: &[u8] = b",\"journal\":{";
/// How every line of this version begins, up to the task's hex digits.
pub(crate) const HEAD: &[u8] = b"{\"v\":1,\"task\":\"";

/// What reports call a task. None of it is part of the task's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels {
    /// The prompt set.
    pub prompt: Arc<str>,
    /// The row's name within the prompt set.
    pub row: String,
    /// The model's label.
    pub model: Arc<str>,
    /// The combination of matrix parameters.
    pub variant: Option<Arc<str>>,
}

/// A short stand-in for labels, by which a resumed run sees that they changed.
pub fn labels_hash(prompt: &str, row: &str, model: &str, variant: Option<&str>) -> u32 {
    let mut hasher = blake3::Hasher::new();
    for label in [Some(prompt), Some(row), Some(model), variant] {
        let length = label.map_or(u64::MAX, |label| label.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(label.unwrap_or_default().as_bytes());
    }
    let mut hash = [0; 4];
    hasher.finalize_xof().fill(&mut hash);
    u32::from_le_bytes(hash)
}

/// Where an outcome that is in the journal already stands in the plan now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The task.
    pub task: TaskId,
    /// The byte offset of its last outcome line.
    pub line: u64,
    /// Where it stood; `None` when the job did not ask it before.
    pub was: Option<u64>,
    /// Where it stands; `None` when the job no longer asks it.
    pub to: Option<Spot>,
}

/// The scores of an answer whose outcome is in the journal already.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The task that was answered.
    pub task: TaskId,
    /// The byte offset of its outcome line.
    pub line: u64,
    /// All its scores.
    pub scores: Scores,
    /// For columns whose scores cannot be made again at will, a hash of all they were made of.
    pub made_of: BTreeMap<String, String>,
}

/// A place in the plan, and what reports call the task there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The place in the plan.
    pub index: u64,
    /// All labels, also those that did not change.
    pub labels: Labels,
}

/// What a line says about the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The outcome of the task at this place in the plan.
    Outcome {
        /// The place.
        index: u64,
    },
    /// The outcome of a scorer's call, at this place among all such calls.
    Judgement {
        /// The place.
        index: u64,
    },
    /// The scores of an earlier outcome line.
    Scores {
        /// The offset of that line.
        line: u64,
    },
    /// Another place for an earlier outcome line.
    Placement {
        /// The offset of that line.
        line: u64,
        /// Its place so far.
        was: Option<u64>,
        /// Its place from now on.
        index: Option<u64>,
    },
}

/// Why a line cannot be taken apart.
#[derive(Debug)]
pub enum Fault {
    /// It is torn or damaged: not JSON, or not a line of the journal.
    NotWhole(String),
    /// It is JSON, and not what a runner wrote: someone has changed it.
    Changed(String),
    /// A runner wrote it that is newer than this one.
    Newer(u32),
    /// Something else went wrong on the way.
    Store(StoreError),
}

impl Fault {
    /// A placement of an outcome line that is not there.
    pub(crate) fn orphan(line: u64) -> Self {
        Self::NotWhole(format!("it places a line at byte {line} that is not there"))
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::NotWhole(format!("it is not whole ({error})"))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Appends the line of an outcome.
pub(crate) fn write_entry(buffer: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    #[derive(Serialize)]
    struct Part<'a> {
        index: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        judges: bool,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        tries: &'a [FailedTry],
    }

    let start = buffer.len();
    serde_json::to_writer(&mut *buffer, &entry.record)?;
    let judges = entry.record.scorer.is_some();
    write_part(buffer, start, &Part { index: entry.index, judges, tries: &entry.tries })
}

/// Appends the line of an answer's scores.
pub(crate) fn write_scored(buffer: &mut Vec<u8>, scored: &Scored) -> io::Result<()> {
    #[derive(Serialize)]
    struct Head<'a> {
        v: u32,
        task: TaskId,
        scores: &'a Scores,
    }
    #[derive(Serialize)]
    struct Part<'a> {
        scores_of: u64,
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        made_of: &'a BTreeMap<String, String>,
    }

    let start = buffer.len();
    let head = Head { v: VERSION, task: scored.task, scores: &scored.scores };
    serde_json::to_writer(&mut *buffer, &head)?;
    write_part(buffer, start, &Part { scores_of: scored.line, made_of: &scored.made_of })
}

/// Appends the line of a placement.
pub(crate) fn write_placement(buffer: &mut Vec<u8>, placement: &Placement) -> io::Result<()> {
    #[derive(Serialize)]
    struct Head {
        v: u32,
        task: TaskId,
    }
    #[derive(Serialize)]
    struct Part<'a> {
        line: u64,
        was: Option<u64>,
        index: Option<u64>,
        #[serde(flatten)]
        labels: Option<&'a Labels>,
    }

    let start = buffer.len();
    serde_json::to_writer(&mut *buffer, &Head { v: VERSION, task: placement.task })?;
    let to = placement.to.as_ref();
    let part = Part {
        line: placement.line,
        was: placement.was,
        index: to.map(|spot| spot.index),
        labels: to.map(|spot| &spot.labels),
    };
    write_part(buffer, start, &part)
}

/// Opens the object that begins at `start` again, adds the journal's part and ends the line.
fn write_part(buffer: &mut Vec<u8>, start: usize, part: &impl Serialize) -> io::Result<()> {
    buffer.pop();
    buffer.extend_from_slice(&MARK[..MARK.len() - 1]);
    serde_json::to_writer(&mut *buffer, part)?;
    // A provider's own JSON may hold line ends between its tokens, where a space says the same.
    let mut from = start;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', &buffer[from..]) {
        buffer[from + at] = b' ';
        from += at + 1;
    }
    buffer.extend_from_slice(b"}\n");
    Ok(())
}

/// Where the row of the report ends: the place of the comma that the closing brace replaces.
pub(crate) fn split(line: &[u8]) -> Result<usize, Fault> {
    if let Some(mark) = memmem::rfind(line, MARK).filter(|_| line.ends_with(b"}}")) {
        return Ok(mark);
    }
    // A newer format may end in another way.
    check_version(line)?;
    Err(Fault::NotWhole("it does not end as a line of the journal does".into()))
}

/// The journal's own part of the line, an object.
pub(crate) fn part(line: &[u8], split: usize) -> &[u8] {
    &line[split + MARK.len() - 1..line.len() - 1]
}

/// Checks that the line is JSON, and text.
pub(crate) fn check(line: &[u8]) -> Result<(), Fault> {
    let text = text(line)?;
    serde_json::from_str::<IgnoredAny>(text)?;
    Ok(())
}

/// The line as a value of this form. What is JSON of another form is told from what is damaged.
pub(crate) fn read<'l, T: Deserialize<'l>>(line: &'l [u8]) -> Result<T, Fault> {
    let text = text(line)?;
    serde_json::from_str(text).map_err(|why| match check(line) {
        Ok(()) => Fault::Changed(format!("it is not what a runner wrote ({why})")),
        Err(fault) => fault,
    })
}

fn text(line: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(line).map_err(|why| Fault::NotWhole(format!("it is not UTF-8 ({why})")))
}

/// What kind of line it is. Only its end is looked at.
pub(crate) fn kind(line: &[u8]) -> Result<Kind, Fault> {
    #[derive(Deserialize)]
    struct Part {
        line: Option<u64>,
        was: Option<u64>,
        index: Option<u64>,
        #[serde(default)]
        judges: bool,
        scores_of: Option<u64>,
    }

    let part: Part = serde_json::from_slice(part(line, split(line)?))?;
    match part {
        Part { scores_of: Some(line), .. } => Ok(Kind::Scores { line }),
        Part { line: Some(line), was, index, .. } => Ok(Kind::Placement { line, was, index }),
        Part { index: Some(index), judges: true, .. } => Ok(Kind::Judgement { index }),
        Part { index: Some(index), .. } => Ok(Kind::Outcome { index }),
        Part { .. } => Err(Fault::NotWhole("it has no place in the plan".into())),
    }
}

/// The task that a line is about. Only its beginning is looked at where that is possible.
pub(crate) fn task(line: &[u8]) -> Result<TaskId, Fault> {
    if let Some(rest) = line.strip_prefix(HEAD)
        && let Some((hex, [b'"', ..])) = rest.split_at_checked(32)
        && let Some(task) = str::from_utf8(hex).ok().and_then(|hex| hex.parse().ok())
    {
        return Ok(task);
    }
    slow_task(line)
}

fn slow_task(line: &[u8]) -> Result<TaskId, Fault> {
    #[derive(Deserialize)]
    struct Head {
        task: TaskId,
    }

    check_version(line)?;
    let Head { task } = serde_json::from_slice(line)?;
    Ok(task)
}

fn check_version(line: &[u8]) -> Result<(), Fault> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }

    let Version { v } = serde_json::from_slice(line)?;
    if v > VERSION { Err(Fault::Newer(v)) } else { Ok(()) }
}

/// What a line of scores says of them.
pub(crate) fn scored(line: &[u8]) -> Result<Scored, Fault> {
    #[derive(Deserialize)]
    struct Head {
        task: TaskId,
        scores: Scores,
    }
    #[derive(Deserialize)]
    struct Part {
        scores_of: u64,
        #[serde(default)]
        made_of: BTreeMap<String, String>,
    }

    let Head { task, scores } = serde_json::from_slice(line)?;
    let Part { scores_of, made_of } = serde_json::from_slice(part(line, split(line)?))?;
    Ok(Scored { task, line: scores_of, scores, made_of })
}

/// The labels that a placement line gives.
pub(crate) fn labels(line: &[u8]) -> Result<Labels, Fault> {
    Ok(serde_json::from_slice(part(line, split(line)?))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    #[test]
    fn an_outcome_is_the_record_with_one_more_key_at_its_end() {
        for entry in [testing::ok(3, "hi"), testing::failed(4, "no \"journal\":{ here")] {
            let mut line = Vec::new();
            write_entry(&mut line, &entry).unwrap();
            let line = line.strip_suffix(b"\n").unwrap();
            let at = split(line).unwrap();
            let row = [&line[..at], b"}"].concat();
            assert_eq!(row, serde_json::to_vec(&entry.record).unwrap());
            assert_eq!(kind(line).unwrap(), Kind::Outcome { index: entry.index });
            assert_eq!(task(line).unwrap(), entry.record.task);
            assert_eq!(slow_task(line).unwrap(), entry.record.task);
        }
    }

    #[test]
    fn text_that_looks_like_the_mark_does_not_mislead() {
        let mut entry = testing::failed(4, r#","journal":{"index":9}}"#);
        entry.record.response =
            Some(serde_json::from_str(r#"{"a":1,"journal":{"index":7}}"#).unwrap());
        let mut line = Vec::new();
        write_entry(&mut line, &entry).unwrap();
        let line = line.trim_ascii_end();
        assert_eq!(kind(line).unwrap(), Kind::Outcome { index: 4 });
        let row = [&line[..split(line).unwrap()], b"}"].concat();
        assert_eq!(row, serde_json::to_vec(&entry.record).unwrap());
    }

    #[test]
    fn an_answer_of_many_lines_stays_on_one() {
        let mut entry = testing::ok(0, "a\nb");
        entry.record.response = Some(serde_json::from_str("{\n \"a\":\r\n 1}").unwrap());
        let mut line = Vec::new();
        write_entry(&mut line, &entry).unwrap();
        assert_eq!(memchr::memchr_iter(b'\n', &line).count(), 1);
        serde_json::from_slice::<serde_json::Value>(&line).unwrap();
    }

    #[test]
    fn a_placement_reads_back() {
        let spot = Spot { index: 7, labels: testing::labels("p", "r", "m", Some("t=1")) };
        let task_id = testing::task(1);
        let placement = Placement { task: task_id, line: 99, was: None, to: Some(spot.clone()) };
        let mut line = Vec::new();
        write_placement(&mut line, &placement).unwrap();
        let line = line.trim_ascii_end();
        assert_eq!(kind(line).unwrap(), Kind::Placement { line: 99, was: None, index: Some(7) });
        assert_eq!(task(line).unwrap(), task_id);
        assert_eq!(labels(line).unwrap(), spot.labels);
    }

    #[test]
    fn what_is_no_line_is_said_to_be_none() {
        for text in ["", "{}", "{\"v\":1", r#"{"v":1,"journal":{"index":null}}"#, "\0\0\0"] {
            assert!(matches!(kind(text.as_bytes()), Err(Fault::NotWhole(_))), "{text}");
            assert!(matches!(task(text.as_bytes()), Err(Fault::NotWhole(_))), "{text}");
        }
        assert!(matches!(task(br#"{"v":2,"other":1}"#), Err(Fault::Newer(2))));
        assert!(matches!(kind(br#"{"v":2,"other":1}"#), Err(Fault::Newer(2))));
    }

    #[test]
    fn labels_are_told_apart() {
        let hash = labels_hash;
        assert_eq!(hash("p", "r", "m", None), hash("p", "r", "m", None));
        assert_ne!(hash("p", "r", "m", None), hash("p", "r", "m", Some("")));
        assert_ne!(hash("pr", "", "m", None), hash("p", "r", "m", None));
    }
}
