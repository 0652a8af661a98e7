//! The answers of a run in plan order, each with the row that it answers.

use std::path::Path;
use std::sync::Arc;

use crate::call::record::{Record, Status};
use crate::eval::grader::Answered;
use crate::job::cases::{Place, Places};
use crate::job::plan::Plan;
use crate::run::error::RunError;
use crate::store::entries::Entries;
use crate::store::index::Index;

/// The answers of a run. It owns all it needs, and holds one at a time.
pub(super) struct Answers {
    places: Places,
    entries: Entries<Arc<Index>>,
}

/// One answer.
pub(super) struct Answer {
    /// Where it stands in the plan, and the row.
    pub(super) place: Place,
    /// Its record, with the scores that it has so far.
    pub(super) record: Record,
    /// What it says.
    pub(super) answered: Answered,
    /// The byte offset of its line in the journal.
    pub(super) line: u64,
}

impl Answers {
    pub(super) fn new(plan: &Plan, journal: &Path, index: Arc<Index>) -> Result<Self, RunError> {
        Ok(Self { places: plan.places(), entries: Entries::open(journal, index)? })
    }

    /// The journal, to look up what scorers asked.
    pub(super) fn entries(&mut self) -> &mut Entries<Arc<Index>> {
        &mut self.entries
    }

    fn at(&mut self, place: Place) -> Result<Option<Answer>, RunError> {
        let Some(line) = self.entries.at(place.index)? else { return Ok(None) };
        let record: Record = line.outcome().read()?;
        if record.status != Status::Ok {
            return Ok(None);
        }
        // An answer that cannot be read again is one that says nothing.
        let answered = Answered::of(&record).unwrap_or_default();
        let line = line.outcome().offset();
        Ok(Some(Answer { place, record, answered, line }))
    }
}

impl Iterator for Answers {
    type Item = Result<Answer, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let place = match self.places.next()? {
                Ok(place) => place,
                Err(why) => return Some(Err(RunError::Prompts(why.to_string()))),
            };
            if let Some(answer) = self.at(place).transpose() {
                return Some(answer);
            }
        }
    }
}

impl Answer {
    /// The last thing that the user said.
    pub(super) fn input(&self) -> String {
        let messages = &self.record.messages;
        let said = messages.iter().rev().find(|message| message.role == "user");
        said.or(messages.last()).map(|message| message.plain_text()).unwrap_or_default()
    }
}
