//! Which task of the new run is which of the base: by its id, which says that all was asked alike;
//! and what is left by the text that was asked, so that a model with other parameters is compared
//! with what it was.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::store::entries::Entries;
use crate::store::error::StoreError;

use super::model_map::ModelMap;
use super::side::{ModelHead, Side};

/// A task of both runs, by its number in each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub base: u32,
    pub new: u32,
}

/// The tasks that both runs have, in the plan order of the base.
#[derive(Debug, Default)]
pub(super) struct Matched {
    pub pairs: Vec<Pair>,
    /// How many of them were asked with other parameters, or of another model.
    pub by_content: u64,
}

/// 16 bytes that stand for who was asked what; and the number of the task.
type Key = ([u8; 16], u32);

/// Finds the tasks that both runs have.
pub(super) fn matched(base: &Side, new: &Side, map: &ModelMap) -> Result<Matched, StoreError> {
    let mut pairs = Vec::new();
    let mut by_id: Vec<u32> = (0..base.tasks.len() as u32).collect();
    let id = |task: &u32| base.tasks[*task as usize].id;
    by_id.sort_unstable_by_key(id);
    let mut is_taken = vec![false; base.tasks.len()];
    let mut left = Vec::new();
    for (number, task) in new.tasks.iter().enumerate() {
        let number = number as u32;
        let found = by_id.binary_search_by_key(&task.id, id).ok().map(|at| by_id[at]);
        let found = found.filter(|found| {
            let model = base.tasks[*found as usize].model;
            let (was, is) = (&base.models[model as usize], &new.models[task.model as usize]);
            !is_taken[*found as usize] && map.leaves(was, is)
        });
        match found {
            Some(found) => {
                is_taken[found as usize] = true;
                pairs.push(Pair { base: found, new: number });
            }
            None => left.push(number),
        }
    }
    drop(by_id);
    let same = pairs.len();
    let rest: Vec<u32> =
        (0..base.tasks.len() as u32).filter(|task| !is_taken[*task as usize]).collect();
    if !rest.is_empty() && !left.is_empty() {
        let rest = keys(base, &rest, |model| map.base_key(model))?;
        let left = keys(new, &left, |model| map.new_key(model))?;
        join(&rest, &left, &mut pairs);
    }
    let by_content = (pairs.len() - same) as u64;
    pairs.sort_unstable_by_key(|pair| pair.base);
    Ok(Matched { pairs, by_content })
}

/// The keys of these tasks, in order; like ones in the order of the plan.
fn keys(
    side: &Side,
    tasks: &[u32],
    known_by: impl Fn(&ModelHead) -> Option<String>,
) -> Result<Vec<Key>, StoreError> {
    /// What was asked, as it stands in the record.
    #[derive(Deserialize)]
    struct Asked<'a> {
        #[serde(borrow)]
        messages: &'a RawValue,
        repeat: u32,
    }

    let models: Vec<Option<String>> = side.models.iter().map(known_by).collect();
    let mut entries = Entries::open(&side.journal, &side.index)?;
    let mut keys = Vec::with_capacity(tasks.len());
    for number in tasks {
        let task = side.tasks[*number as usize];
        let Some(model) = &models[task.model as usize] else { continue };
        let Some(line) = entries.at(task.place)? else { continue };
        let asked: Asked<'_> = line.outcome().read()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(model.len() as u64).to_le_bytes()).update(model.as_bytes());
        hasher.update(&asked.repeat.to_le_bytes()).update(asked.messages.get().as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        keys.push((key, *number));
    }
    keys.sort_unstable();
    Ok(keys)
}

/// Pairs the first of each key with the first, the second with the second.
fn join(base: &[Key], new: &[Key], pairs: &mut Vec<Pair>) {
    let (mut base, mut new) = (base.iter().peekable(), new.iter().peekable());
    while let (Some((was, one)), Some((is, other))) = (base.peek(), new.peek()) {
        if was == is {
            pairs.push(Pair { base: *one, new: *other });
        }
        let order = was.cmp(is);
        if order.is_le() {
            base.next();
        }
        if order.is_ge() {
            new.next();
        }
    }
}
