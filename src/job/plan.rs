//! The plan: prompts × targets × repeats, counted beforehand and enumerated lazily.
//!
//! [`Plan::make`] reads every row once, so that every fault is found before anything is sent. Of a
//! row it keeps eight bytes until it is done, and then only those of prompts that occur more than
//! once. The order is that of every report: sets as in the job, in them row by row, for each row
//! its targets, for each target its repeats.

use std::path::Path;
use std::sync::Arc;

use crate::call::task::ContentHash;
use crate::job::asking::Asker;
use crate::job::cases::{Place, Places};
use crate::job::diagnostic::Diagnostic;
use crate::job::forecast::{self, AtLimits, Load};
use crate::job::prompts::PromptSet;
use crate::job::scan::scan;
use crate::job::scorers::JobScorer;
use crate::job::select::Selection;
use crate::job::tasks::Tasks;
use crate::job::template::TemplateFault;
use crate::job::{Job, JobTarget, LaneSpec};

/// What will be asked.
#[derive(Clone, Debug)]
pub struct Plan {
    inner: Arc<Inner>,
}

/// What all streams of tasks share.
#[derive(Debug)]
pub struct Inner {
    /// The targets that are asked.
    pub targets: Vec<JobTarget>,
    /// The lanes of the job, those without a task too.
    pub lanes: Vec<LaneSpec>,
    /// The sets that are asked, each of one target at least.
    pub sets: Vec<PlannedSet>,
    /// The short hashes of prompts that occur more than once, rising.
    pub twins: Vec<u64>,
    /// How often each target is asked each prompt.
    pub repeats: u32,
    /// The parameters that no row may state.
    pub varied: Arc<Vec<String>>,
    /// The lanes through which scorers ask.
    pub asked: Vec<usize>,
}

/// A prompt set and who is asked it.
#[derive(Debug)]
pub struct PlannedSet {
    /// The set.
    pub set: PromptSet,
    /// The index of its first task.
    pub base: u64,
    /// How many of its rows are asked.
    pub rows: u64,
    /// Who is asked, as places in [`Inner::targets`], in order.
    pub takers: Vec<usize>,
}

impl Plan {
    /// Reads every row that is needed, and counts; or gives every fault of them.
    pub fn make(job: &Job, selection: &Selection) -> Result<Self, Vec<Diagnostic>> {
        let selected = selection.of(job)?;
        let targets: Vec<JobTarget> =
            selected.targets.iter().map(|place| job.targets[*place].clone()).collect();
        let mut sets = Vec::new();
        let mut faults = Vec::new();
        let mut hashes = Vec::new();
        let mut base = 0;
        for place in selected.sets {
            let takers: Vec<usize> =
                (0..targets.len()).filter(|nth| targets[*nth].sets.contains(&place)).collect();
            if takers.is_empty() {
                continue;
            }
            let set = &job.sets[place];
            let asker = |nth: &usize| {
                let asker = Asker::new(&targets[*nth], &job.lanes, &job.varied, &job.caps);
                asker.in_form(set.form.as_deref())
            };
            let mut askers: Vec<Asker<'_>> = takers.iter().map(asker).collect();
            let scanned = scan(set, selection.limit, |prompt| {
                hashes.push(ContentHash::of_prompt(&prompt.messages, &prompt.params).short());
                askers.iter_mut().try_for_each(|asker| asker.judge(prompt))
            });
            askers.iter().for_each(|asker| asker.tell_left_out(job.tells_dropped));
            match scanned {
                Err(more) => faults.extend(more),
                Ok(rows) => {
                    let width = takers.len() as u64 * u64::from(job.repeats);
                    sets.push(PlannedSet { set: set.clone(), base, rows, takers });
                    base += rows * width;
                }
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let asked = asked(job, &targets, &sets);
        let inner = Inner {
            asked,
            targets,
            lanes: job.lanes.clone(),
            sets,
            twins: twins(hashes),
            repeats: job.repeats,
            varied: Arc::clone(&job.varied),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The targets that are asked.
    pub fn targets(&self) -> &[JobTarget] {
        &self.inner.targets
    }

    /// How many tasks there are.
    pub fn total(&self) -> u64 {
        self.inner.sets.iter().map(|set| set.rows * self.inner.width(set.takers.len())).sum()
    }

    /// How many of them one lane has.
    pub fn lane_total(&self, lane: usize) -> u64 {
        let inner = &self.inner;
        inner
            .sets
            .iter()
            .map(|set| set.rows * inner.width(inner.takers_of(set, lane).count()))
            .sum()
    }

    /// Whether calls may go through a lane: it has tasks, or is a fallback of somebody who has, or a
    /// scorer of their answers asks there.
    pub fn lane_is_used(&self, lane: usize) -> bool {
        let inner = &self.inner;
        if inner.asked.contains(&lane) {
            return true;
        }
        let is_asked = |(nth, target): &(usize, &JobTarget)| {
            let falls_back = || target.target.fallbacks.iter().any(|to| to.lane == lane);
            (target.lane == lane || falls_back()) && inner.target_total(*nth) > 0
        };
        inner.targets.iter().enumerate().any(|target| is_asked(&target))
    }

    /// The files that prompts and their schemas are read from, each once.
    pub fn files(&self) -> Vec<Arc<Path>> {
        let mut files: Vec<Arc<Path>> =
            self.inner.sets.iter().flat_map(|set| set.set.files()).collect();
        files.sort();
        files.dedup();
        files
    }

    /// The tasks of one lane in the order of their index, read and rendered as they are taken.
    pub fn tasks(&self, lane: usize) -> Tasks {
        Tasks::new(Arc::clone(&self.inner), lane)
    }

    /// All places of the plan in order, each with its row.
    pub fn places(&self) -> Places {
        Places::new(Arc::clone(&self.inner))
    }

    /// The text of a scorer for an answer: the `nth` of all texts of this set.
    pub fn text_of(
        &self,
        place: &Place,
        nth: usize,
        input: &str,
        output: &str,
    ) -> Result<String, TemplateFault> {
        self.inner.sets[place.set].set.text(nth, &place.prompt, input, output)
    }

    /// How many of them one target has, by its place in [`Plan::targets`].
    pub fn target_total(&self, target: usize) -> u64 {
        self.inner.target_total(target)
    }

    /// How long each target takes at the limits, where its calls count this much.
    pub fn at_limits(&self, loads: &[Load]) -> Vec<AtLimits> {
        let lanes = self.inner.targets.iter().map(|target| target.lane);
        self.lanes_at_limits(&lanes.zip(loads.iter().copied()).collect::<Vec<_>>())
    }

    /// The same of calls through lanes, such as those of scorers.
    pub fn lanes_at_limits(&self, loads: &[(usize, Load)]) -> Vec<AtLimits> {
        forecast::at_limits(&self.inner, loads)
    }
}

impl Inner {
    /// Tasks of a row for so many targets.
    pub fn width(&self, takers: usize) -> u64 {
        takers as u64 * u64::from(self.repeats)
    }

    /// Tasks of a target, by its place.
    pub fn target_total(&self, target: usize) -> u64 {
        let asked = self.sets.iter().filter(|set| set.takers.contains(&target));
        asked.map(|set| set.rows * u64::from(self.repeats)).sum()
    }

    /// The takers of a set that belong to a lane: their place among all takers, and the target's.
    pub fn takers_of<'p>(
        &'p self,
        set: &'p PlannedSet,
        lane: usize,
    ) -> impl Iterator<Item = (usize, usize)> + 'p {
        let takers = set.takers.iter().copied().enumerate();
        takers.filter(move |(_, target)| self.targets[*target].lane == lane)
    }
}

/// The lanes of scorers that score any of these sets' answers.
fn asked(job: &Job, targets: &[JobTarget], sets: &[PlannedSet]) -> Vec<usize> {
    let scores = |scorer: &JobScorer| {
        sets.iter().any(|set| {
            let mut labels = set.takers.iter().map(|taker| &targets[*taker].target.label);
            labels.any(|label| scorer.reach.covers(&set.set.name, label))
        })
    };
    let scorers = job.scorers.iter().filter(|scorer| scores(scorer));
    scorers.filter_map(JobScorer::asked).map(|asked| asked.lane).collect()
}

/// The hashes that occur more than once, each of them once.
fn twins(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    let mut twins: Vec<u64> =
        hashes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twins.dedup();
    twins.shrink_to_fit();
    twins
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::call::task::Task;
    use crate::job::load::load_text;
    use crate::provider::env::Env;

    fn job(text: &str, folder: &Path) -> Job {
        match load_text(&folder.join("job.toml"), text, &[], &Env::of([])) {
            Ok(job) => job,
            Err(faults) => panic!("{:#?}", faults.diagnostics),
        }
    }

    fn plan_of(text: &str) -> (Job, Plan) {
        let job = job(text, Path::new(""));
        let plan = Plan::make(&job, &Selection::default()).expect("a plan");
        (job, plan)
    }

    fn tasks(job: &Job, plan: &Plan) -> Vec<Task> {
        let lanes = 0..job.lanes.len();
        let mut tasks: Vec<Task> =
            lanes.flat_map(|lane| plan.tasks(lane)).map(|task| task.expect("a task")).collect();
        tasks.sort_by_key(|task| task.index);
        tasks
    }

    const JOB: &str = r#"
name = "x"
repeats = 2
[params]
max_tokens = 10
[matrix]
top_p = [0.5, 1.0]
[[models]]
model = "mock/a"
[[models]]
model = "mock/b"
prompts = ["two"]
[prompts.one]
inline = ["hi", "ho", "hi"]
[prompts.two]
inline = ["hi", { custom_id = "q", body = { messages = [{ role = "user", content = "x" }], top_p = 0.1, n = 2 } }]
"#;

    #[test]
    fn tasks_come_row_by_row_target_by_target_repeat_by_repeat() {
        let (job, plan) = plan_of(JOB);
        let tasks = tasks(&job, &plan);
        assert_eq!(plan.total(), 3 * 2 * 2 + 2 * 4 * 2);
        assert_eq!((plan.lane_total(0), plan.lane_total(1)), (20, 8));
        let indexes: Vec<u64> = tasks.iter().map(|task| task.index).collect();
        assert_eq!(indexes, (0..28).collect::<Vec<u64>>());
        let ids: BTreeSet<_> = tasks.iter().map(|task| task.id).collect();
        assert_eq!(ids.len(), 28);
        let shown = |task: &Task| {
            let variant = task.target.variant.as_deref().unwrap_or_default();
            format!("{} {} {} {variant} {}", task.prompt, task.row, task.target.label, task.repeat)
        };
        let begin: Vec<String> = tasks[..5].iter().map(shown).collect();
        let expected = [
            "one 1 mock/a top_p=0.5 0",
            "one 1 mock/a top_p=0.5 1",
            "one 1 mock/a top_p=1.0 0",
            "one 1 mock/a top_p=1.0 1",
            "one 2 mock/a top_p=0.5 0",
        ];
        assert_eq!(begin, expected);
        assert_eq!(shown(&tasks[27]), "two q mock/b top_p=1.0 1");
    }

    #[test]
    fn a_row_brings_parameters_but_none_that_the_matrix_varies() {
        let (job, plan) = plan_of(JOB);
        let tasks = tasks(&job, &plan);
        let params = serde_json::to_string(&*tasks[27].request.params).expect("json");
        assert_eq!(params, r#"{"max_tokens":10,"top_p":1.0,"n":2}"#);
        assert!(Arc::ptr_eq(&tasks[0].request.params, &tasks[0].target.params));
    }

    #[test]
    fn a_plan_tells_minutes_at_the_limits() {
        let text =
            JOB.replace("model = \"mock/b\"", "model = \"mock/b\"\nlimits = { rpm = 2, rps = 3 }");
        let (_, plan) = plan_of(&text);
        let load = |target| Load { requests: plan.target_total(target), input: 9, output: 9 };
        let told = plan.at_limits(&[0, 1, 2, 3].map(load));
        // Two rows, asked twice, in each of two variants.
        assert_eq!((plan.target_total(2), told[2].minutes), (4, 4.0));
        assert_eq!(told[2].binds.as_deref(), Some("rpm of b"));
        assert_eq!((told[0].minutes, &told[0].binds), (0.0, &None));
    }

    #[test]
    fn a_selection_plans_a_part() {
        let (job, whole) = plan_of(JOB);
        let all: BTreeSet<_> = tasks(&job, &whole).iter().map(|task| task.id).collect();
        let text = |text: &str| Some(text.to_owned());
        for (selection, total) in [
            (Selection { models: text("*/b"), ..Selection::default() }, 8),
            (Selection { prompts: text("o*"), ..Selection::default() }, 12),
            (Selection { limit: Some(1), ..Selection::default() }, 4 + 8),
            (Selection { models: text("mock/b"), prompts: text("one"), limit: None }, 0),
        ] {
            let plan = Plan::make(&job, &selection).expect("a plan");
            assert_eq!(plan.total(), total, "{selection:?}");
            let some = tasks(&job, &plan);
            assert_eq!(some.len() as u64, total, "{selection:?}");
            assert!(some.iter().all(|task| all.contains(&task.id)), "{selection:?}");
        }
        let selection = Selection { models: text("nobody"), ..Selection::default() };
        assert!(Plan::make(&job, &selection).is_err());
    }

    #[test]
    fn a_file_that_shrinks_is_told_and_one_that_grows_is_not_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("p.txt");
        std::fs::write(&file, "a\nb\nc\n").expect("written");
        let text = "name='x'\n[[models]]\nmodel='mock/a'\n[prompts.x]\nfile='p.txt'\n";
        let job = job(text, folder.path());
        let plan = Plan::make(&job, &Selection::default()).expect("a plan");
        std::fs::write(&file, "a\nb\nc\nd\n").expect("written");
        assert_eq!(plan.tasks(0).filter_map(Result::ok).count(), 3);
        std::fs::write(&file, "a\nb\n").expect("written");
        let last = plan.tasks(0).last().expect("an item").expect_err("a row is gone");
        assert!(last.to_string().ends_with("p.txt: it had 3 rows, and ends after 2"), "{last}");
        // The last row that is left may be half of one, and is not asked.
        assert_eq!(plan.tasks(0).filter_map(Result::ok).count(), 1);
    }

    #[test]
    fn a_stream_of_tasks_can_go_to_another_thread() {
        fn goes<T: Send + 'static>(_: T) {}
        goes(plan_of(JOB).1.tasks(0));
    }

    fn ids(rows: &[String]) -> Vec<String> {
        let list = serde_json::to_string(rows).expect("json");
        let text = format!("name='x'\n[[models]]\nmodel='mock/a'\n[prompts.x]\ninline={list}\n");
        let (job, plan) = plan_of(&text);
        tasks(&job, &plan).iter().map(|task| task.id.to_string()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn the_order_of_rows_moves_no_id(
            rows in prop::collection::vec("[ab]{1,2}", 1..8).prop_flat_map(|rows| {
                (Just(rows.clone()), Just(rows).prop_shuffle())
            }),
            edited: prop::sample::Index,
        ) {
            let (rows, shuffled) = rows;
            let set = |rows: &[String]| -> BTreeSet<String> { ids(rows).into_iter().collect() };
            let before = set(&rows);
            prop_assert_eq!(before.len(), rows.len());
            prop_assert_eq!(&before, &set(&shuffled));
            // An edited row is a new question; the others are the old ones.
            let mut other = rows.clone();
            other[edited.index(rows.len())] = "edited".to_owned();
            prop_assert_eq!(before.intersection(&set(&other)).count(), rows.len() - 1);
        }
    }
}
