//! What a journal says about each task, for a run that goes on.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use crate::call::record::Status;
use crate::call::task::TaskId;
use crate::store::damage::Damages;
use crate::store::error::StoreError;
use crate::store::format::{self, Fault, Kind, labels_hash};
use crate::store::scan;

/// No place in the plan.
const NOWHERE: u64 = u64::MAX;

/// The last outcome of every task in a journal, sorted by task.
#[derive(Debug, Default)]
pub struct Survey {
    outcomes: Vec<Outcome>,
    damages: Damages,
}

/// The last outcome of one task, in 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The task.
    pub task: TaskId,
    /// The byte offset of its line.
    pub line: u64,
    /// Its place in the plan, or `NOWHERE`: an `Option` would take 8 bytes more.
    index: u64,
    /// The [`labels_hash`] of its labels, placements counted in.
    pub labels: u32,
    /// How often it was sent, over all sessions so far; more than 65 535 are not told apart.
    attempts: u16,
    /// How it ended.
    pub status: Status,
    /// Whether it is of a scorer's call; its place is one among such calls then.
    pub judges: bool,
}

impl Outcome {
    /// Its place in the plan; `None` when the job did not ask it in the last session.
    pub fn index(&self) -> Option<u64> {
        (self.index != NOWHERE).then_some(self.index)
    }

    /// How often it was sent, over all sessions so far.
    pub fn attempts(&self) -> u32 {
        self.attempts.into()
    }
}

/// What a resumed run must know of a record.
#[derive(Deserialize)]
struct Glance<'a> {
    #[serde(borrow)]
    prompt: Cow<'a, str>,
    #[serde(borrow)]
    row: Cow<'a, str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    variant: Option<String>,
    status: Status,
    attempts: u32,
}

impl Survey {
    /// Reads the journal from its first line to its last. Every line is checked to be whole; what
    /// is damaged is set aside, and tells of no task.
    pub fn read(journal: &Path) -> Result<Self, StoreError> {
        let mut outcomes = Vec::new();
        let damages = scan::scan(journal, |offset, line| match format::kind(line)? {
            Kind::Outcome { index } => {
                outcomes.push(outcome(line, offset, index, false)?);
                Ok(())
            }
            Kind::Judgement { index } => {
                outcomes.push(outcome(line, offset, index, true)?);
                Ok(())
            }
            Kind::Scores { .. } => format::check(line),
            Kind::Placement { line: placed, index, .. } => {
                place(&mut outcomes, line, placed, index)
            }
        })?;
        // Of the lines of one task, the last comes first and stays.
        outcomes.sort_unstable_by_key(|outcome| (outcome.task, u64::MAX - outcome.line));
        outcomes.dedup_by_key(|outcome| outcome.task);
        outcomes.shrink_to_fit();
        Ok(Self { outcomes, damages })
    }

    /// The lines that were set aside.
    pub fn damages(&self) -> &Damages {
        &self.damages
    }

    /// All of them, sorted by task.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The last outcome of this task.
    pub fn find(&self, task: &TaskId) -> Option<&Outcome> {
        self.position(task).map(|at| &self.outcomes[at])
    }

    /// Where the last outcome of this task stands in [`Survey::outcomes`].
    pub fn position(&self, task: &TaskId) -> Option<usize> {
        self.outcomes.binary_search_by_key(task, |outcome| outcome.task).ok()
    }
}

fn outcome(line: &[u8], offset: u64, index: u64, judges: bool) -> Result<Outcome, Fault> {
    let task = format::task(line)?;
    let glance: Glance<'_> = format::read(line)?;
    let variant = glance.variant.as_deref();
    Ok(Outcome {
        task,
        line: offset,
        index,
        labels: labels_hash(&glance.prompt, &glance.row, &glance.model, variant),
        attempts: u16::try_from(glance.attempts).unwrap_or(u16::MAX),
        status: glance.status,
        judges,
    })
}

/// Moves the outcome whose line is at `placed`. Until they are sorted, they stand by offset.
fn place(
    outcomes: &mut [Outcome],
    line: &[u8],
    placed: u64,
    index: Option<u64>,
) -> Result<(), Fault> {
    format::check(line)?;
    let task = format::task(line)?;
    let labels = index.map(|_| format::labels(line)).transpose()?;
    let at = outcomes.binary_search_by_key(&placed, |outcome| outcome.line).ok();
    let Some(outcome) = at.map(|at| &mut outcomes[at]).filter(|outcome| outcome.task == task)
    else {
        return Err(Fault::orphan(placed));
    };
    outcome.index = index.unwrap_or(NOWHERE);
    if let Some(labels) = labels {
        let variant = labels.variant.as_deref();
        outcome.labels = labels_hash(&labels.prompt, &labels.row, &labels.model, variant);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::format::{Placement, Spot};
    use crate::store::journal::Journal;
    use crate::store::testing;

    #[test]
    fn an_outcome_takes_forty_bytes() {
        assert_eq!(size_of::<Outcome>(), 40);
    }

    #[test]
    fn the_last_outcome_of_a_task_counts_and_placements_move_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        fs::write(&path, "").unwrap();
        let mut journal = Journal::open_append(&path).unwrap();
        let mut lines = Vec::new();
        for entry in [testing::ok(1, "b"), testing::failed(0, "no"), testing::ok(2, "c")] {
            lines.push(journal.length());
            journal.append(&[entry]).unwrap();
        }
        lines.push(journal.length());
        journal.append(&[testing::ok(0, "a")]).unwrap();
        let labels = testing::labels("sums", "9", "small", Some("x=1"));
        let placements = [
            Placement {
                task: testing::task(1),
                line: lines[0],
                was: Some(1),
                to: Some(Spot { index: 5, labels }),
            },
            Placement { task: testing::task(2), line: lines[2], was: Some(2), to: None },
        ];
        journal.append_placements(&placements).unwrap();

        let survey = Survey::read(&path).unwrap();
        assert_eq!(survey.outcomes().len(), 3);
        let [zero, one, two] = [0, 1, 2].map(|n| *survey.find(&testing::task(n)).unwrap());
        assert_eq!((zero.line, zero.index(), zero.status), (lines[3], Some(0), Status::Ok));
        assert_eq!((one.line, one.index()), (lines[0], Some(5)));
        assert_eq!(one.labels, labels_hash("sums", "9", "small", Some("x=1")));
        assert_eq!((two.line, two.index(), two.attempts()), (lines[2], None, 1));
        assert_eq!(survey.find(&testing::task(3)), None);
    }

    #[test]
    fn a_torn_middle_line_is_set_aside_and_what_hangs_on_to_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        fs::write(&path, "").unwrap();
        let mut journal = Journal::open_append(&path).unwrap();
        journal.append(&[testing::ok(0, "a"), testing::ok(1, "b"), testing::ok(2, "c")]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        // The second line lost its second half, and its line end with it.
        let torn = format!("{}\n{}{}\n", lines[0], &lines[1][..60], lines[2]);
        for text in [torn.clone(), format!("{torn}{}\n", lines[0])] {
            fs::write(&path, text).unwrap();
            let survey = Survey::read(&path).unwrap();
            assert_eq!(survey.damages().told(), "line 2");
            let known = [0, 1, 2].map(|n| survey.find(&testing::task(n)).is_some());
            assert_eq!(known, [true, false, true]);
            // Nor is it cut off as a torn last line would be.
            let length = fs::metadata(&path).unwrap().len();
            assert_eq!(Journal::open_append(&path).unwrap().length(), length);
        }
    }

    #[test]
    fn a_line_that_somebody_changed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        fs::write(&path, "").unwrap();
        let mut journal = Journal::open_append(&path).unwrap();
        journal.append(&[testing::ok(0, "a"), testing::ok(1, "b"), testing::ok(2, "c")]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("\"status\":\"ok\"", "\"status\":\"fine\"", 1)).unwrap();
        let message = Survey::read(&path).unwrap_err().to_string();
        assert!(message.contains("read line 1 of"), "{message}");
    }
}
