//! The tasks of one lane, one by one, as the plan has them.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;

use crate::call::request::Request;
use crate::call::task::{ContentHash, Task, TaskId};
use crate::job::asking::{Taken, taken};
use crate::job::plan::Inner;
use crate::job::prompts::{Prompt, PromptSet};
use crate::job::rows::{At, RowFault};

type Prompts = Peekable<Box<dyn Iterator<Item = Result<Prompt, RowFault>> + Send>>;

/// The tasks of one lane. It owns all it needs, and holds one row at a time.
pub struct Tasks {
    plan: Arc<Inner>,
    lane: usize,
    /// The set that is read, as a place in the plan.
    set: usize,
    /// Its prompts, once it is open.
    prompts: Option<Prompts>,
    /// How many of its rows were read.
    row: u64,
    /// The row that is asked.
    current: Option<Current>,
    /// How often each group of targets was asked each prompt that occurs more than once.
    seen: Vec<Vec<u32>>,
    /// The group of each target: those of the same sets are asked the same.
    groups: Vec<usize>,
    /// The parameters of calls for rows that bring none but the form of their set, and that set.
    formed: (usize, Vec<Option<Taken>>),
}

/// A row, on its way to all who are asked it.
struct Current {
    prompt: Prompt,
    hash: ContentHash,
    /// How many tasks of this lane the row still has, and has had.
    next: u64,
    width: u64,
    /// For each taker of this lane, how many prompts like this one came before.
    before: Vec<u32>,
    /// For each taker of this lane, the parameters of its calls.
    taken: Vec<Option<Taken>>,
    /// Whether the row brings no parameter but the form of its set.
    is_formed: bool,
}

impl Tasks {
    /// The tasks of a lane of this plan.
    pub fn new(plan: Arc<Inner>, lane: usize) -> Self {
        let mut known: HashMap<&[usize], usize> = HashMap::new();
        let mut groups = Vec::with_capacity(plan.targets.len());
        for target in &plan.targets {
            let next = known.len();
            groups.push(*known.entry(&target.sets).or_insert(next));
        }
        let seen = vec![Vec::new(); known.len()];
        let formed = (0, Vec::new());
        Self { plan, lane, set: 0, prompts: None, row: 0, current: None, seen, groups, formed }
    }

    /// The next task of the row that is asked.
    fn of_row(&mut self) -> Option<Task> {
        let plan = &self.plan;
        let repeats = u64::from(plan.repeats);
        let current = self.current.as_mut()?;
        let set = &plan.sets[self.set];
        let nth = current.next;
        if nth == current.width {
            let taken = std::mem::take(&mut current.taken);
            if current.is_formed {
                self.formed = (self.set, taken);
            }
            self.current = None;
            return None;
        }
        current.next += 1;
        let (taker, repeat) = ((nth / repeats) as usize, (nth % repeats) as u32);
        let (place, target) = plan.takers_of(set, self.lane).nth(taker)?;
        let target = &plan.targets[target];
        let taken = current.taken[taker].get_or_insert_with(|| {
            taken(target, &plan.lanes, &current.prompt.params, &plan.varied)
        });
        let form = set.set.form.as_ref();
        // Who is asked last, takes them along.
        let is_last = current.next == current.width;
        let prompt = &mut current.prompt;
        let (mut messages, name) = match is_last {
            true => (std::mem::take(&mut prompt.messages), std::mem::take(&mut prompt.row)),
            false => (prompt.messages.clone(), prompt.row.clone()),
        };
        if let Some(form) = form {
            form.demand.say_if_dropped(&taken.dropped, &mut messages);
        }
        let row = self.row - 1;
        let index = set.base + row * plan.width(set.takers.len()) + place as u64 * repeats;
        Some(Task {
            id: TaskId::new(&current.hash, &target.hash, repeat, current.before[taker]),
            index: index + u64::from(repeat),
            prompt: Arc::clone(&set.set.name),
            row: name,
            repeat,
            target: Arc::clone(&target.target),
            request: Request {
                model: Arc::clone(&target.target.model),
                messages,
                params: Arc::clone(&taken.params),
                ..Request::default()
            },
            dropped: Arc::clone(&taken.dropped),
            fallbacks: Arc::clone(&taken.fallbacks),
            form: form.map(|form| Arc::clone(&form.demand)),
            attempts_before: 0,
            expected: Arc::clone(&current.prompt.expected),
            scorer: None,
        })
    }

    /// Goes to the next row; `None` at the end of the plan.
    fn advance(&mut self) -> Option<Result<(), RowFault>> {
        loop {
            let plan = Arc::clone(&self.plan);
            let set = plan.sets.get(self.set)?;
            let width = plan.takers_of(set, self.lane).count();
            if width == 0 || self.row == set.rows {
                // Rows that were written since the plan was made are none of it.
                self.set += 1;
                self.row = 0;
                self.prompts = None;
                continue;
            }
            let prompts = self.prompts.get_or_insert_with(|| open(&set.set));
            let next = prompts.next();
            // A file that was cut short may end in half a row, so no row counts before the next
            // one is there.
            let is_whole = self.row + 1 == set.rows || prompts.peek().is_some();
            let ends = self.row + u64::from(next.is_some());
            let Some(prompt) = next.filter(|_| is_whole) else {
                let message = format!("it had {} rows, and ends after {ends}", set.rows);
                let fault = RowFault::new(&set.set.shown, At::Whole, message);
                self.set = plan.sets.len();
                return Some(Err(fault.help("leave prompt files alone while a job runs")));
            };
            self.row += 1;
            return Some(prompt.map(|prompt| self.begin(prompt, width)));
        }
    }

    fn begin(&mut self, prompt: Prompt, width: usize) {
        let plan = Arc::clone(&self.plan);
        let set = &plan.sets[self.set];
        let hash = ContentHash::of_prompt(&prompt.messages, &prompt.params);
        let groups: Vec<usize> =
            plan.takers_of(set, self.lane).map(|(_, target)| self.groups[target]).collect();
        let before = match plan.twins.binary_search(&hash.short()) {
            Ok(twin) => self.count(twin, &groups),
            Err(_) => vec![0; width],
        };
        let is_formed = set.set.form.is_some() && prompt.params.len() == 1;
        let taken = match is_formed && self.formed.0 == self.set && self.formed.1.len() == width {
            true => std::mem::take(&mut self.formed.1),
            false => vec![None; width],
        };
        let width = plan.width(width);
        self.current = Some(Current { prompt, hash, next: 0, width, before, taken, is_formed });
    }

    /// How often each of these groups was asked this prompt before; now once more.
    fn count(&mut self, twin: usize, groups: &[usize]) -> Vec<u32> {
        let twins = self.plan.twins.len();
        let mut before = Vec::with_capacity(groups.len());
        for group in groups {
            let seen = &mut self.seen[*group];
            if seen.is_empty() {
                seen.resize(twins, 0);
            }
            before.push(seen[twin]);
        }
        let mut groups = groups.to_vec();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            self.seen[group][twin] += 1;
        }
        before
    }
}

fn open(set: &PromptSet) -> Prompts {
    let prompts: Box<dyn Iterator<Item = _> + Send> = Box::new(set.prompts());
    prompts.peekable()
}

impl Iterator for Tasks {
    type Item = Result<Task, RowFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(task) = self.of_row() {
                return Some(Ok(task));
            }
            if let Err(fault) = self.advance()? {
                return Some(Err(fault));
            }
        }
    }
}
