//! The rows of a plan again, each with the places of its tasks: what scorers hold answers against.

use std::sync::Arc;

use crate::call::task::Target;
use crate::job::plan::{Inner, PlannedSet};
use crate::job::prompts::Prompt;
use crate::job::rows::RowFault;

/// One place in the plan, with the row that is asked there.
#[derive(Clone, Debug)]
pub struct Place {
    /// The place.
    pub index: u64,
    /// The prompt set, as a place among those of the plan.
    pub set: usize,
    /// The row.
    pub prompt: Arc<Prompt>,
    /// Who is asked.
    pub target: Arc<Target>,
}

/// The places of a plan in order. It owns all it needs, and holds one row at a time.
pub struct Places {
    plan: Arc<Inner>,
    set: usize,
    prompts: Option<Prompts>,
    row: u64,
    current: Option<Arc<Prompt>>,
    next: u64,
}

type Prompts = Box<dyn Iterator<Item = Result<Prompt, RowFault>> + Send>;

impl Places {
    /// The places of this plan.
    pub(super) fn new(plan: Arc<Inner>) -> Self {
        Self { plan, set: 0, prompts: None, row: 0, current: None, next: 0 }
    }

    /// The next place of the row that is open.
    fn of_row(&mut self) -> Option<Place> {
        let set = self.plan.sets.get(self.set)?;
        let prompt = self.current.as_ref()?;
        let width = self.plan.width(set.takers.len());
        if self.next == width {
            self.current = None;
            return None;
        }
        let nth = self.next;
        self.next += 1;
        let taker = set.takers[(nth / u64::from(self.plan.repeats)) as usize];
        Some(Place {
            index: set.base + (self.row - 1) * width + nth,
            set: self.set,
            prompt: Arc::clone(prompt),
            target: Arc::clone(&self.plan.targets[taker].target),
        })
    }

    /// Goes to the next row; `None` at the end. Rows that are gone since the plan was made have no
    /// place any more.
    fn advance(&mut self) -> Option<Result<(), RowFault>> {
        loop {
            let set: &PlannedSet = self.plan.sets.get(self.set)?;
            let open = || Box::new(set.set.prompts()) as Prompts;
            let next = match self.row < set.rows {
                true => self.prompts.get_or_insert_with(open).next(),
                false => None,
            };
            let Some(next) = next else {
                (self.set, self.row, self.prompts) = (self.set + 1, 0, None);
                continue;
            };
            self.row += 1;
            return Some(next.map(|prompt| {
                self.current = Some(Arc::new(prompt));
                self.next = 0;
            }));
        }
    }
}

impl Iterator for Places {
    type Item = Result<Place, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(place) = self.of_row() {
                return Some(Ok(place));
            }
            if let Err(fault) = self.advance()? {
                return Some(Err(fault));
            }
        }
    }
}
