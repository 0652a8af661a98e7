//! Where in a journal the outcome of each place in the plan stands: 8 bytes a task.
//!
//! They are kept by pages, so that a number that is none, in a line that a disk has damaged, costs a
//! page and not all places before it.
//!
//! What is rare (a task that was asked in two sessions, a job that was changed in between) takes
//! more, and only where it happens.
//!
//! Placements come one after the other, so for a while two outcomes may have one place: the one that
//! came first waits until it is told where it stands, or until the other leaves. Where a kill or a
//! damaged line left such a pair for good, the one that waits is shown among those that the job no
//! longer asks, so that none is lost; the next session places both.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crate::call::record::Entry;
use crate::call::task::TaskId;
use crate::store::blocks::Blocks;
use crate::store::damage::Damages;
use crate::store::error::StoreError;
use crate::store::format::{self, Fault, Kind};
use crate::store::scan;

/// A place in the plan without an outcome.
const EMPTY: u64 = u64::MAX;

/// Places of a page: 32 KiB.
const PAGE: u64 = 1 << 12;

/// The byte offsets of outcome lines, by their place in the plan.
#[derive(Debug, Default)]
pub struct Index {
    /// By the place of their first, over `PAGE`.
    pages: BTreeMap<u64, Box<[u64]>>,
    earlier: HashMap<TaskId, Vec<u64>>,
    relabelled: HashMap<u64, u64>,
    /// Outcome lines whose place was given to another one, by that place.
    displaced: HashMap<u64, Vec<Standing>>,
    dropped: HashMap<TaskId, Dropped>,
    judgements: HashMap<TaskId, Judgement>,
    /// The last line of scores of an outcome line, by the offsets of both.
    scored: HashMap<u64, u64>,
    damages: Damages,
}

/// An outcome line, and the placement line that gives it its labels where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    line: u64,
    relabelled: Option<u64>,
}

/// The last outcome of a call that a scorer made.
#[derive(Clone, Copy, Debug)]
struct Judgement {
    /// Its place among all such calls, or `EMPTY` when the job no longer makes it.
    at: u64,
    line: u64,
    relabelled: Option<u64>,
}

/// The last outcome of a task that the job no longer asks.
#[derive(Debug)]
struct Dropped {
    was: u64,
    line: u64,
}

impl Index {
    /// Reads the journal from its first line to its last. Every line is checked to be whole; what
    /// is damaged is set aside.
    pub fn read(journal: &Path) -> Result<Self, StoreError> {
        let mut index = Self::default();
        let mut blocks = Blocks::open(journal)?;
        let damages = scan::scan(journal, |offset, line| {
            format::check(line)?;
            let task = format::task(line)?;
            match format::kind(line)? {
                Kind::Outcome { index: at } => index.outcome(task, offset, at, &mut blocks),
                Kind::Judgement { index: at } => {
                    index.judgement_line(task, offset, at);
                    Ok(())
                }
                Kind::Scores { line } => {
                    index.scored.insert(line, offset);
                    Ok(())
                }
                Kind::Placement { line, was, index: at } => {
                    index.placement(task, offset, (line, was), at, &mut blocks)
                }
            }
        })?;
        index.damages = damages;
        Ok(index)
    }

    /// Takes up an outcome that was written at this offset, after all that it knows. `false` where only
    /// a reading of the journal can tell what that means.
    pub(super) fn wrote(&mut self, entry: &Entry, line: u64) -> bool {
        if entry.record.scorer.is_some() {
            self.judgement_line(entry.record.task, line, entry.index);
            return true;
        }
        let is_free = self.line(entry.index).is_none();
        self.set(entry.index, line);
        is_free
    }

    /// The lines that were set aside.
    pub fn damages(&self) -> &Damages {
        &self.damages
    }

    /// The places of the plan that have an outcome, in order.
    pub fn places(&self) -> impl Iterator<Item = u64> {
        let next = |at: &u64| self.place_from(at.checked_add(1)?);
        std::iter::successors(self.place_from(0), next)
    }

    /// The first of them that is not before this place.
    pub fn place_from(&self, from: u64) -> Option<u64> {
        self.pages.range(from / PAGE..).find_map(|(number, page)| {
            let first = number * PAGE;
            let passed = from.saturating_sub(first) as usize;
            let found = page[passed..].iter().position(|line| *line != EMPTY)?;
            Some(first + (passed + found) as u64)
        })
    }

    /// The offset of the outcome line for this place in the plan.
    pub fn line(&self, at: u64) -> Option<u64> {
        let page = self.pages.get(&(at / PAGE))?;
        Some(page[(at % PAGE) as usize]).filter(|line| *line != EMPTY)
    }

    /// The offset of the placement line that gives this place its labels, where the labels are
    /// not those of the outcome line.
    pub fn relabelled(&self, at: u64) -> Option<u64> {
        self.relabelled.get(&at).copied()
    }

    /// The offsets of outcome lines of this task before its last one, oldest first.
    pub fn earlier(&self, task: &TaskId) -> &[u64] {
        self.earlier.get(task).map(Vec::as_slice).unwrap_or_default()
    }

    /// The offsets of outcome lines whose tasks the job no longer asks, by the place they had.
    pub fn dropped(&self) -> Vec<u64> {
        let dropped = self.dropped.values().map(|dropped| (dropped.was, dropped.line));
        let waiting =
            self.displaced.iter().flat_map(|(at, all)| all.iter().map(|of| (*at, of.line)));
        let mut dropped: Vec<(u64, u64)> = dropped.chain(waiting).collect();
        dropped.sort_unstable();
        dropped.into_iter().map(|(_, line)| line).collect()
    }

    /// The offset of the last line of scores for the outcome line at this offset.
    pub fn scored(&self, line: u64) -> Option<u64> {
        self.scored.get(&line).copied()
    }

    /// The offset of the last outcome line of this call of a scorer.
    pub fn judgement(&self, task: &TaskId) -> Option<u64> {
        self.judgements.get(task).map(|judgement| judgement.line)
    }

    /// The calls of scorers in their order, those that the job no longer makes last: the place, the
    /// offset of the outcome line, and that of the placement line with its labels where there is
    /// one.
    pub fn judgements(&self) -> Vec<(Option<u64>, u64, Option<u64>)> {
        let mut judgements: Vec<Judgement> = self.judgements.values().copied().collect();
        judgements.sort_unstable_by_key(|judgement| (judgement.at, judgement.line));
        let shown = |of: Judgement| ((of.at != EMPTY).then_some(of.at), of.line, of.relabelled);
        judgements.into_iter().map(shown).collect()
    }

    /// How many places of the plan have an outcome.
    pub fn len(&self) -> usize {
        self.pages.values().flatten().filter(|line| **line != EMPTY).count()
    }

    /// Whether the journal has no outcome at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn outcome(
        &mut self,
        task: TaskId,
        line: u64,
        at: u64,
        blocks: &mut Blocks,
    ) -> Result<(), Fault> {
        let mut is_of_task = |line: u64| Ok::<_, Fault>(format::task(&blocks.line(line)?)? == task);
        if let Some(before) = self.line(at)
            && is_of_task(before)?
        {
            self.earlier.entry(task).or_default().push(before);
            self.set(at, EMPTY);
        }
        for waiting in self.displaced.get(&at).cloned().unwrap_or_default() {
            if is_of_task(waiting.line)? {
                self.earlier.entry(task).or_default().push(waiting.line);
                self.forget_displaced(at, waiting.line);
            }
        }
        // A task that was dropped is asked again.
        if let Some(dropped) = self.dropped.remove(&task) {
            self.earlier.entry(task).or_default().push(dropped.line);
        }
        self.put(at, Standing { line, relabelled: None });
        Ok(())
    }

    fn judgement_line(&mut self, task: TaskId, line: u64, at: u64) {
        let judgement = Judgement { at, line, relabelled: None };
        if let Some(before) = self.judgements.insert(task, judgement) {
            self.earlier.entry(task).or_default().push(before.line);
        }
    }

    fn placement(
        &mut self,
        task: TaskId,
        placement: u64,
        (line, was): (u64, Option<u64>),
        at: Option<u64>,
        blocks: &mut Blocks,
    ) -> Result<(), Fault> {
        if let Some(judgement) = self.judgements.get_mut(&task).filter(|of| of.line == line) {
            judgement.at = at.unwrap_or(EMPTY);
            judgement.relabelled = at.map(|_| placement);
            return Ok(());
        }
        if !self.take(task, line, was, blocks)? {
            return Err(Fault::orphan(line));
        }
        if let Some(at) = at {
            self.put(at, Standing { line, relabelled: Some(placement) });
        } else {
            let was = was.unwrap_or(EMPTY);
            self.dropped.insert(task, Dropped { was, line });
        }
        Ok(())
    }

    /// Takes an outcome line from where it stands; `false` where it stands nowhere.
    fn take(
        &mut self,
        task: TaskId,
        line: u64,
        was: Option<u64>,
        blocks: &mut Blocks,
    ) -> Result<bool, Fault> {
        if self.dropped.get(&task).is_some_and(|dropped| dropped.line == line) {
            self.dropped.remove(&task);
            return Ok(true);
        }
        let is_there = |at: &u64| self.line(*at) == Some(line) || self.waits(*at, line);
        // Where the placement before this one is damaged, the line is not where this one says.
        let place = was.filter(is_there).or_else(|| self.search(line));
        let Some(at) = place else { return Ok(false) };
        // Where bytes before it are lost, another task's line may stand at its offset.
        if format::task(&blocks.line(line)?)? != task {
            return Ok(false);
        }
        if self.line(at) != Some(line) {
            self.forget_displaced(at, line);
            return Ok(true);
        }
        self.set(at, EMPTY);
        self.relabelled.remove(&at);
        if let Some(waiting) = self.displaced.get(&at).and_then(|all| all.last().copied()) {
            self.forget_displaced(at, waiting.line);
            self.put(at, waiting);
        }
        Ok(true)
    }

    /// Looks for an outcome line at every place.
    fn search(&self, line: u64) -> Option<u64> {
        let slot = self.places().find(|at| self.line(*at) == Some(line));
        let waiting = || self.displaced.keys().copied().find(|at| self.waits(*at, line));
        slot.or_else(waiting)
    }

    fn waits(&self, at: u64, line: u64) -> bool {
        self.displaced.get(&at).is_some_and(|all| all.iter().any(|other| other.line == line))
    }

    fn forget_displaced(&mut self, at: u64, line: u64) {
        if let Some(all) = self.displaced.get_mut(&at) {
            all.retain(|other| other.line != line);
            if all.is_empty() {
                self.displaced.remove(&at);
            }
        }
    }

    fn put(&mut self, at: u64, new: Standing) {
        if let Some(line) = self.line(at) {
            let relabelled = self.relabelled.get(&at).copied();
            self.displaced.entry(at).or_default().push(Standing { line, relabelled });
        }
        match new.relabelled {
            Some(placement) => drop(self.relabelled.insert(at, placement)),
            None => drop(self.relabelled.remove(&at)),
        }
        self.set(at, new.line);
    }

    fn set(&mut self, at: u64, line: u64) {
        let empty = || vec![EMPTY; PAGE as usize].into_boxed_slice();
        let page = self.pages.entry(at / PAGE).or_insert_with(empty);
        page[(at % PAGE) as usize] = line;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::store::format::{Placement, Spot};
    use crate::store::journal::Journal;
    use crate::store::survey::Survey;
    use crate::store::testing;

    /// A journal of these tasks, in this order, each at the place of its number.
    fn journal(tasks: &[u64]) -> (tempfile::TempDir, Journal, HashMap<u64, u64>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        fs::write(&path, "").unwrap();
        let mut journal = Journal::open_append(&path).unwrap();
        let mut lines = HashMap::new();
        for task in tasks {
            lines.insert(*task, journal.length());
            journal.append(&[testing::ok(*task, "a")]).unwrap();
        }
        (folder, journal, lines)
    }

    fn moved(task: u64, line: u64, was: Option<u64>, to: Option<u64>) -> Placement {
        let spot = |index| Spot { index, labels: testing::labels("p", "r", "m", None) };
        Placement { task: testing::task(task), line, was, to: to.map(spot) }
    }

    #[test]
    fn outcomes_stand_by_their_place_in_the_plan() {
        let (_folder, journal, lines) = journal(&[2, 0, 5]);
        let index = Index::read(journal.path()).unwrap();
        assert_eq!(index.places().collect::<Vec<_>>(), [0, 2, 5]);
        assert_eq!(index.line(2), Some(lines[&2]));
        assert_eq!((index.line(1), index.line(9), index.len()), (None, None, 3));
        assert!(index.dropped().is_empty() && index.earlier(&testing::task(2)).is_empty());
    }

    #[test]
    fn a_place_that_no_plan_has_costs_no_more_than_any_other() {
        for index in [u64::MAX, u64::MAX - 1, 1 << 50] {
            let (_folder, mut journal, _) = journal(&[0]);
            let line = journal.length();
            let entry = Entry { index, ..testing::ok(1, "a") };
            journal.append(&[entry]).unwrap();
            let index_of = Index::read(journal.path()).unwrap();
            assert_eq!(index_of.places().collect::<Vec<_>>(), [0, index]);
            assert_eq!((index_of.line(index), index_of.len()), (Some(line), 2));
        }
    }

    #[test]
    fn a_later_outcome_takes_the_place_and_keeps_the_earlier_ones() {
        let (_folder, mut journal, lines) = journal(&[0, 1]);
        let second = journal.length();
        journal.append(&[testing::ok(1, "b")]).unwrap();
        let third = journal.length();
        journal.append(&[testing::ok(1, "c")]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!(index.line(1), Some(third));
        assert_eq!(index.earlier(&testing::task(1)), [lines[&1], second]);
    }

    #[test]
    fn two_tasks_that_swap_places_do_not_lose_each_other() {
        let (_folder, mut journal, lines) = journal(&[0, 1]);
        let first = journal.length();
        journal
            .append_placements(&[
                moved(0, lines[&0], Some(0), Some(1)),
                moved(1, lines[&1], Some(1), Some(0)),
            ])
            .unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!((index.line(0), index.line(1)), (Some(lines[&1]), Some(lines[&0])));
        assert_eq!(index.relabelled(1), Some(first));
        assert!(index.relabelled(0).is_some_and(|line| line > first));
    }

    #[test]
    fn a_placement_moves_no_line_of_another_task() {
        let (folder, mut journal, lines) = journal(&[2, 0, 1]);
        journal.append_placements(&[moved(2, lines[&2], Some(2), None)]).unwrap();
        journal.append(&[testing::ok(3, "d")]).unwrap();
        let text = fs::read(journal.path()).unwrap();
        let cut = folder.path().join("cut");
        // At the place of the line that is lost stands the next one now.
        fs::write(&cut, &text[lines[&0] as usize..]).unwrap();
        let index = Index::read(&cut).unwrap();
        assert_eq!(index.places().collect::<Vec<_>>(), [0, 1, 3]);
        assert_eq!((index.line(0), index.damages().lines), (Some(0), 1));
    }

    #[test]
    fn a_dropped_task_can_come_back() {
        let (_folder, mut journal, lines) = journal(&[0, 1, 2]);
        journal.append_placements(&[moved(2, lines[&2], Some(2), None)]).unwrap();
        journal.append_placements(&[moved(1, lines[&1], Some(1), None)]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!(index.places().collect::<Vec<_>>(), [0]);
        assert_eq!(index.dropped(), [lines[&1], lines[&2]]);
        journal.append_placements(&[moved(2, lines[&2], None, Some(7))]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!(index.line(7), Some(lines[&2]));
        assert_eq!(index.dropped(), [lines[&1]]);
    }

    #[test]
    fn a_dropped_task_that_is_asked_anew_is_dropped_no_more() {
        let (_folder, mut journal, lines) = journal(&[0, 1]);
        journal.append_placements(&[moved(1, lines[&1], Some(1), None)]).unwrap();
        journal.append(&[testing::ok(1, "b")]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert!(index.dropped().is_empty());
        assert_eq!(index.earlier(&testing::task(1)), [lines[&1]]);
    }

    #[test]
    fn a_new_outcome_has_labels_of_its_own() {
        let (_folder, mut journal, lines) = journal(&[0]);
        journal.append_placements(&[moved(0, lines[&0], Some(0), Some(3))]).unwrap();
        let line = journal.length();
        let mut entry = testing::ok(0, "new");
        entry.index = 3;
        journal.append(&[entry]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!((index.line(3), index.relabelled(3)), (Some(line), None));
        assert_eq!(index.earlier(&testing::task(0)), [lines[&0]]);
    }

    #[test]
    fn a_swap_of_which_half_was_written_loses_nothing() {
        let (_folder, mut journal, lines) = journal(&[0, 1]);
        journal.append_placements(&[moved(0, lines[&0], Some(0), Some(1))]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!((index.line(0), index.line(1)), (None, Some(lines[&0])));
        assert_eq!(index.dropped(), [lines[&1]], "it is shown all the same");
        // The next session swaps nothing: for it, the second task never moved.
        journal.append_placements(&[moved(0, lines[&0], Some(1), Some(0))]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!((index.line(0), index.line(1)), (Some(lines[&0]), Some(lines[&1])));
        assert!(index.dropped().is_empty());
    }

    #[test]
    fn a_placement_of_a_damaged_line_is_set_aside_with_it() {
        let (_folder, mut journal, lines) = journal(&[0, 1, 2]);
        journal.append_placements(&[moved(1, lines[&1], Some(1), Some(5))]).unwrap();
        let text = fs::read_to_string(journal.path()).unwrap();
        let line = text.lines().nth(1).unwrap();
        fs::write(journal.path(), text.replace(line, &"#".repeat(line.len()))).unwrap();
        // A later line, as the last one may be torn without harm.
        journal.append(&[testing::ok(3, "c")]).unwrap();
        let index = Index::read(journal.path()).unwrap();
        assert_eq!(index.places().collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!(index.damages().told(), "lines 2 and 4");
        let survey = Survey::read(journal.path()).unwrap();
        assert_eq!(survey.outcomes().len(), 3);
        assert_eq!(survey.damages(), index.damages());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        /// What a resumed run does: it surveys the journal, and places what stands elsewhere.
        #[test]
        fn placements_that_a_kill_cut_short_leave_no_task_behind(
            plans in proptest::collection::vec(
                (Just((0..8_u64).collect::<Vec<_>>()).prop_shuffle(), 1..8_usize, 0..8_usize), 1..6),
        ) {
            let (_folder, mut journal, _) = journal(&[3, 1, 0, 2, 7, 6, 5, 4]);
            let last = plans.len() - 1;
            for (nth, (plan, asked, written)) in plans.iter().enumerate() {
                let survey = Survey::read(journal.path()).unwrap();
                let mut placements = Vec::new();
                for task in 0..8 {
                    let at = plan[..*asked].iter().position(|other| *other == task);
                    let outcome = survey.find(&testing::task(task)).unwrap();
                    let to = at.map(|at| at as u64);
                    if outcome.index() != to {
                        placements.push(moved(task, outcome.line, outcome.index(), to));
                    }
                }
                let written = if nth == last { placements.len() } else { *written };
                placements.truncate(written);
                journal.append_placements(&placements).unwrap();
                let index = Index::read(journal.path()).unwrap();
                prop_assert_eq!(index.len() + index.dropped().len(), 8);
            }
            let index = Index::read(journal.path()).unwrap();
            let survey = Survey::read(journal.path()).unwrap();
            for task in 0..8 {
                let outcome = survey.find(&testing::task(task)).unwrap();
                match outcome.index() {
                    Some(at) => prop_assert_eq!(index.line(at), Some(outcome.line)),
                    None => prop_assert!(index.dropped().contains(&outcome.line)),
                }
            }
        }


        #[test]
        fn shuffles_and_drops_leave_every_task_where_it_was_put_last(
            plans in proptest::collection::vec(
                Just((0..8_u64).collect::<Vec<_>>()).prop_shuffle(), 1..4),
            asked in 1..8_usize,
        ) {
            let (_folder, mut journal, lines) = journal(&[3, 1, 0, 2, 7, 6, 5, 4]);
            let mut places: HashMap<u64, Option<u64>> = (0..8).map(|n| (n, Some(n))).collect();
            for plan in &plans {
                let mut placements = Vec::new();
                for task in 0..8 {
                    let at = plan[..asked].iter().position(|other| *other == task);
                    let to = at.map(|at| at as u64);
                    let was = places.insert(task, to).unwrap();
                    if was != to {
                        placements.push(moved(task, lines[&task], was, to));
                    }
                }
                journal.append_placements(&placements).unwrap();
            }
            let index = Index::read(journal.path()).unwrap();
            for (task, place) in places {
                match place {
                    Some(at) => prop_assert_eq!(index.line(at), Some(lines[&task])),
                    None => prop_assert!(index.dropped().contains(&lines[&task])),
                }
            }
            prop_assert_eq!((index.len(), index.dropped().len()), (asked, 8 - asked));
        }
    }
}
