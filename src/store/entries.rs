//! The outcomes of a run in plan order, one at a time, with all that the journal has on each;
//! then those of the calls that scorers made.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::call::record::{Entry, FailedTry, Record};
use crate::call::score::Scores;
use crate::call::task::TaskId;
use crate::store::blocks::Blocks;
use crate::store::error::StoreError;
use crate::store::format::{self, Fault, Labels, Scored};
use crate::store::index::Index;

/// Goes through a journal in plan order; then come the tasks that the job no longer asks, and then
/// the calls of scorers in theirs.
#[derive(Debug)]
pub struct Entries<I> {
    index: I,
    blocks: Blocks,
    journal: Arc<Path>,
    /// From which place on the rest stands; `None` once all places have been shown.
    next: Option<u64>,
    dropped: std::vec::IntoIter<u64>,
    judgements: std::vec::IntoIter<(Option<u64>, u64, Option<u64>)>,
    failed: bool,
}

/// All that the journal has on one task.
#[derive(Debug)]
pub struct Line {
    /// Its place in the plan; `None` when the job no longer asks it.
    pub index: Option<u64>,
    outcome: OutcomeLine,
    earlier: Vec<OutcomeLine>,
}

/// One outcome line of the journal.
#[derive(Debug)]
pub struct OutcomeLine {
    journal: Arc<Path>,
    offset: u64,
    /// The line, with a closing brace at `split` in place of the comma.
    bytes: Vec<u8>,
    split: usize,
}

impl<I: Deref<Target = Index>> Entries<I> {
    /// Opens the journal that the index was made of.
    pub fn open(journal: &Path, index: I) -> Result<Self, StoreError> {
        Ok(Self {
            dropped: index.dropped().into_iter(),
            judgements: index.judgements().into_iter(),
            index,
            blocks: Blocks::open(journal)?,
            journal: journal.into(),
            next: Some(0),
            failed: false,
        })
    }

    /// What the journal has on the task at this place in the plan.
    pub fn at(&mut self, place: u64) -> Result<Option<Line>, StoreError> {
        let relabelled = self.index.relabelled(place);
        let line = self.index.line(place).map(|offset| self.line(Some(place), offset, relabelled));
        line.transpose()
    }

    /// The last outcome of this call of a scorer.
    pub fn judgement(&mut self, task: &TaskId) -> Result<Option<OutcomeLine>, StoreError> {
        self.index.judgement(task).map(|offset| self.outcome(offset)).transpose()
    }

    /// What was written on the scores of this task's outcome line at this offset after it was.
    pub fn scored_at(&mut self, line: u64, task: &TaskId) -> Result<Option<Scored>, StoreError> {
        let Some(offset) = self.index.scored(line) else { return Ok(None) };
        let scored = format::scored(&self.blocks.line(offset)?);
        let scored = scored.map_err(|fault| fault.at_offset(&self.journal, offset))?;
        // Where bytes before it are lost, another task's line may stand at its offset.
        Ok((scored.task == *task).then_some(scored))
    }

    fn line(
        &mut self,
        place: Option<u64>,
        offset: u64,
        placement: Option<u64>,
    ) -> Result<Line, StoreError> {
        let mut outcome = self.outcome(offset)?;
        let task = outcome.fault_at(format::task(outcome.record()))?;
        if let Some(scored) = self.scored_at(offset, &task)? {
            outcome.rescore(&scored.scores)?;
        }
        if let Some(placement) = placement {
            let line = self.blocks.line(placement)?;
            let fault = |fault: Fault| fault.at_offset(self.blocks.path(), placement);
            outcome.relabel(&format::labels(&line).map_err(fault)?)?;
        }
        let earlier = self.index.earlier(&task).to_vec();
        let earlier =
            earlier.iter().map(|offset| self.outcome(*offset)).collect::<Result<_, _>>()?;
        Ok(Line { index: place, outcome, earlier })
    }

    fn outcome(&mut self, offset: u64) -> Result<OutcomeLine, StoreError> {
        let mut bytes = self.blocks.line(offset)?;
        let split =
            format::split(&bytes).map_err(|fault| fault.at_offset(&self.journal, offset))?;
        bytes[split] = b'}';
        Ok(OutcomeLine { journal: Arc::clone(&self.journal), offset, bytes, split })
    }

    fn step(&mut self) -> Result<Option<Line>, StoreError> {
        let place = self.next.and_then(|next| self.index.place_from(next));
        if let Some(place) = place {
            self.next = place.checked_add(1);
            return self.at(place);
        }
        self.next = None;
        if let Some(offset) = self.dropped.next() {
            return self.line(None, offset, None).map(Some);
        }
        let next = self.judgements.next();
        next.map(|(at, offset, placement)| self.line(at, offset, placement)).transpose()
    }
}

impl<I: Deref<Target = Index>> Iterator for Entries<I> {
    type Item = Result<Line, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = self.step();
        self.failed = line.is_err();
        line.transpose()
    }
}

impl Line {
    /// The bytes of its line in `responses.jsonl`, without the line end: those of the journal,
    /// with the labels that the task has in the plan now.
    pub fn response_line(&self) -> &[u8] {
        self.outcome.record()
    }

    /// Its last outcome.
    pub fn outcome(&self) -> &OutcomeLine {
        &self.outcome
    }

    /// Its outcomes in earlier sessions, oldest first.
    pub fn earlier(&self) -> &[OutcomeLine] {
        &self.earlier
    }

    /// Its last outcome as a value. `index` is 0 when the job no longer asks the task.
    pub fn entry(&self) -> Result<Entry, StoreError> {
        let record: Record = self.outcome.read()?;
        let (index, tries) = (self.index.unwrap_or(0), self.outcome.tries()?);
        Ok(Entry { index, expected: Arc::default(), record, tries })
    }
}

impl OutcomeLine {
    /// Where it stands in the journal.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The record, as JSON.
    pub fn record(&self) -> &[u8] {
        &self.bytes[..=self.split]
    }

    /// The attempts that failed before this outcome was known, in its own session.
    pub fn tries(&self) -> Result<Vec<FailedTry>, StoreError> {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            tries: Vec<FailedTry>,
        }

        let part = format::part(&self.bytes, self.split);
        let part: Result<Part, _> = serde_json::from_slice(part);
        self.fault_at(part.map_err(Fault::from)).map(|part| part.tries)
    }

    /// The record as a value of this form; keys that the form does not name are skipped.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, StoreError> {
        // Checked once as a whole, the text need not be checked again string by string.
        let text = str::from_utf8(self.record());
        let text = text.map_err(|error| Fault::NotWhole(format!("it is not UTF-8 ({error})")));
        self.fault_at(text.and_then(|text| serde_json::from_str(text).map_err(Fault::from)))
    }

    fn fault_at<T>(&self, outcome: Result<T, Fault>) -> Result<T, StoreError> {
        outcome.map_err(|fault| fault.at_offset(&self.journal, self.offset))
    }

    /// Puts other scores in the place of its own; every other byte stays.
    fn rescore(&mut self, scores: &Scores) -> Result<(), StoreError> {
        let span: ScoresSpan<'_> = self.read()?;
        let text = serde_json::to_string(scores).map_err(Fault::from);
        let new = [(span.scores, self.fault_at(text)?)];
        let places = new.map(|(old, new)| self.place(old, new));
        self.replace(places);
        Ok(())
    }

    /// Puts other labels in the place of its own; every other byte stays.
    fn relabel(&mut self, labels: &Labels) -> Result<(), StoreError> {
        let spans: Spans<'_> = self.read()?;
        let text = |label: &str| serde_json::Value::from(label).to_string();
        let new = [
            (spans.prompt, text(&labels.prompt)),
            (spans.row, text(&labels.row)),
            (spans.model, text(&labels.model)),
            (spans.variant, labels.variant.as_deref().map_or("null".to_owned(), text)),
        ];
        let places = new.map(|(old, new)| self.place(old, new));
        self.replace(places);
        Ok(())
    }

    /// Where a part of this line stands in it, and what comes there.
    fn place(&self, old: &RawValue, new: String) -> (usize, usize, String) {
        let start = old.get().as_ptr() as usize - self.bytes.as_ptr() as usize;
        (start, start + old.get().len(), new)
    }

    fn replace<const N: usize>(&mut self, mut places: [(usize, usize, String); N]) {
        // From the last to the first, so that the places before stay right.
        places.sort_unstable_by_key(|(start, ..)| std::cmp::Reverse(*start));
        let length = self.bytes.len();
        for (start, end, new) in places {
            self.bytes.splice(start..end, new.into_bytes());
        }
        self.split = self.split + self.bytes.len() - length;
    }
}

/// The scores of a record, as they stand in its line.
#[derive(Deserialize)]
struct ScoresSpan<'a> {
    #[serde(borrow)]
    scores: &'a RawValue,
}

/// The labels of a record, as they stand in its line.
#[derive(Deserialize)]
struct Spans<'a> {
    #[serde(borrow)]
    prompt: &'a RawValue,
    #[serde(borrow)]
    row: &'a RawValue,
    #[serde(borrow)]
    model: &'a RawValue,
    #[serde(borrow)]
    variant: &'a RawValue,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::call::failure::FailureKind;
    use crate::store::format::{Placement, Spot};
    use crate::store::journal::Journal;
    use crate::store::testing;

    fn new_journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        fs::write(&path, "").unwrap();
        let journal = Journal::open_append(&path).unwrap();
        (folder, journal)
    }

    fn lines(journal: &Journal) -> Vec<Line> {
        let index = Index::read(journal.path()).unwrap();
        let entries = Entries::open(journal.path(), &index).unwrap();
        entries.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn entries_come_in_plan_order_as_they_were_written() {
        let (_folder, mut journal) = new_journal();
        let mut tried = testing::ok(1, "second");
        tried.tries = vec![testing::failed_try(1, FailureKind::Timeout, "slow")];
        let entries = [testing::ok(2, "third"), tried, testing::ok(0, &"long".repeat(3_000_000))];
        journal.append(&entries).unwrap();
        let lines = lines(&journal);
        assert_eq!(lines.iter().map(|line| line.index).collect::<Vec<_>>(), [0, 1, 2].map(Some));
        for (line, entry) in lines.iter().zip([&entries[2], &entries[1], &entries[0]]) {
            assert!(line.response_line() == serde_json::to_vec(&entry.record).unwrap());
            let read = line.entry().unwrap();
            assert_eq!(read.index, entry.index);
            assert_eq!(read.tries.len(), entry.tries.len());
            assert_eq!(read.record.task, entry.record.task);
        }
    }

    #[test]
    fn new_labels_change_nothing_else() {
        let (_folder, mut journal) = new_journal();
        journal.append(&[testing::ok(0, "a \"row\":\"1\" b")]).unwrap();
        let labels = testing::labels("a \"new\" set", "r=7", "large", Some("top_p=0.5"));
        let to = Some(Spot { index: 4, labels });
        let placement = Placement { task: testing::task(0), line: 0, was: Some(0), to };
        journal.append_placements(&[placement]).unwrap();
        let lines = lines(&journal);
        let mut record = testing::ok(0, "a \"row\":\"1\" b").record;
        record.prompt = "a \"new\" set".into();
        record.row = "r=7".into();
        record.model = "large".into();
        record.variant = Some("top_p=0.5".into());
        assert_eq!(lines[0].response_line(), serde_json::to_vec(&record).unwrap());
        assert_eq!(lines[0].index, Some(4));
        assert!(lines[0].outcome().tries().unwrap().is_empty());
    }

    #[test]
    fn earlier_outcomes_come_with_the_last_one_and_dropped_tasks_come_last() {
        let (_folder, mut journal) = new_journal();
        journal.append(&[testing::failed(0, "no"), testing::ok(1, "b")]).unwrap();
        let line = journal.length();
        journal.append(&[testing::ok(0, "a")]).unwrap();
        let dropped = Placement { task: testing::task(0), line, was: Some(0), to: None };
        journal.append_placements(&[dropped]).unwrap();
        let lines = lines(&journal);
        assert_eq!(lines.iter().map(|line| line.index).collect::<Vec<_>>(), [Some(1), None]);
        assert_eq!(lines[1].earlier().len(), 1);
        assert_eq!(lines[1].earlier()[0].tries().unwrap()[0].failure.message, "no");
    }

    #[test]
    fn scores_are_those_of_no_other_task() {
        let (folder, mut journal) = new_journal();
        journal.append(&[testing::ok(0, "a")]).unwrap();
        let second = journal.length() as usize;
        journal.append(&[testing::ok(1, "b")]).unwrap();
        let scores =
            Scores::from_iter([("right".to_owned(), crate::call::score::Score::default())]);
        let made_of = std::collections::BTreeMap::new();
        let scored = Scored { task: testing::task(0), line: 0, scores, made_of };
        journal.append_scores(&[scored]).unwrap();
        assert!(lines(&journal)[0].response_line().windows(7).any(|part| part == b"\"right\""));
        // At the place of the line that is lost stands the next one now.
        let cut = folder.path().join("cut");
        fs::write(&cut, &fs::read(journal.path()).unwrap()[second..]).unwrap();
        let index = Index::read(&cut).unwrap();
        let line = Entries::open(&cut, &index).unwrap().at(1).unwrap().unwrap();
        assert!(!line.response_line().windows(7).any(|part| part == b"\"right\""));
    }

    #[test]
    fn a_line_damaged_within_is_named() {
        let (_folder, mut journal) = new_journal();
        journal.append(&[testing::ok(0, "a"), testing::ok(1, "b"), testing::ok(2, "c")]).unwrap();
        let text = fs::read_to_string(journal.path()).unwrap();
        fs::write(journal.path(), text.replacen("\"row\":\"2\"", "\"row\":\"2x", 1)).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!((index.damages().told(), index.line(1)), ("line 2".to_owned(), None));
    }

    #[test]
    fn a_line_that_somebody_changed_is_named() {
        let (_folder, mut journal) = new_journal();
        journal.append(&[testing::ok(0, "a"), testing::ok(1, "b"), testing::ok(2, "c")]).unwrap();
        let text = fs::read_to_string(journal.path()).unwrap();
        fs::write(journal.path(), text.replacen("\"row\":\"2\"", "\"row\":2", 1)).unwrap();
        let index = Index::read(journal.path()).unwrap();
        let mut entries = Entries::open(journal.path(), &index).unwrap();
        let line = entries.at(1).unwrap().unwrap();
        let message = line.entry().unwrap_err().to_string();
        assert!(message.contains("read line 2 of"), "{message}");
    }
}
