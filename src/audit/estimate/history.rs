//! What earlier runs of a job told: how long answers were, and how far off input estimates were.
//!
//! The newest few runs are read, by their journals. Of a task that was answered before, its own
//! tokens are known; of others, the mean over their model and prompt set, or over their model.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::audit::estimate::input::{param_tokens, talk_tokens};
use crate::audit::estimate::vocabulary::Vocabulary;
use crate::call::request::{Message, Params};
use crate::call::task::{Target, TaskId};
use crate::call::usage::Usage;
use crate::store::RunDir;
use crate::store::entries::Entries;
use crate::store::error::StoreError;
use crate::store::folder;

/// So many runs are read, the newest first.
const RUNS: usize = 3;
/// So many outcomes are read of a run; of a longer one they are spread over it.
const OUTCOMES: usize = 200_000;
/// So many prompts of each model and prompt set are counted again, to compare.
const COUNTED: u64 = 500;

/// What earlier runs told.
#[derive(Debug, Default)]
pub struct History {
    /// Answers by task, sorted.
    tasks: Vec<Answered>,
    /// Sums by `provider/model`, over all of its answers and over parts of them.
    sums: HashMap<(String, Part), Sums>,
}

/// One task that was answered, in 16 bytes: its id may be cut short, as a rare collision does no
/// harm.
#[derive(Clone, Copy, Debug)]
struct Answered {
    task: u64,
    input: u32,
    output: u32,
}

/// Which answers of a model are summed up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// Those of one variant to one prompt set.
    Variant(Option<String>, String),
    /// Those to one prompt set.
    Set(String),
    /// All of them.
    Whole,
}

/// Sums over answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// A number of their own, to tell these sums from others.
    pub nth: u64,
    /// How many.
    pub answers: u64,
    /// Their input tokens.
    input: u64,
    /// Those read from and written to a cache.
    cached: u64,
    written: u64,
    /// Their output tokens.
    output: u64,
    /// Those of thought.
    reasoning: u64,
    /// The input tokens of those that were counted again, as told and as counted.
    told: u64,
    counted: u64,
}

/// What is read of a record.
#[derive(Deserialize)]
struct Glance {
    task: TaskId,
    prompt: String,
    variant: Option<String>,
    model_used: String,
    #[serde(default)]
    fallback: bool,
    messages: Vec<Message>,
    #[serde(default)]
    params: Params,
    usage: Option<Usage>,
}

impl History {
    /// What the newest runs of this job in this folder told. One that cannot be read is passed
    /// over, with a warning.
    pub fn read(out: &Path, job: &str) -> Self {
        let mut history = Self::default();
        let mut vocabularies = HashMap::new();
        for run in newest(&out.join(folder::job_folder(job))) {
            if let Err(why) = history.add(&run, &mut vocabularies) {
                tracing::warn!(run = %run.display(), %why, "an earlier run cannot be learned from");
            }
        }
        // Of the answers to a task, that of the newest run stands first and stays.
        history.tasks.sort_by_key(|answered| answered.task);
        history.tasks.dedup_by_key(|answered| answered.task);
        history.tasks.shrink_to_fit();
        history
    }

    fn add(
        &mut self,
        run: &Path,
        vocabularies: &mut HashMap<String, Vocabulary>,
    ) -> Result<(), StoreError> {
        let run = RunDir::read(run)?;
        let index = run.index()?;
        let mut entries = Entries::open(&run.journal_path(), &index)?;
        let step = index.len().div_ceil(OUTCOMES).max(1);
        for place in index.places().step_by(step) {
            if let Some(line) = entries.at(place)? {
                self.learn(&line.outcome().read()?, vocabularies);
            }
        }
        Ok(())
    }

    fn learn(&mut self, record: &Glance, vocabularies: &mut HashMap<String, Vocabulary>) {
        let Some(usage) = &record.usage else { return };
        let (Some(input), Some(output)) = (usage.prompt_tokens(), usage.completion_tokens()) else {
            return;
        };
        if !record.fallback {
            let short = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
            let (input, output) = (short(input), short(output));
            self.tasks.push(Answered { task: short_id(&record.task), input, output });
        }
        let model = &record.model_used;
        let vocabulary = vocabularies.entry(model.clone()).or_insert_with(|| {
            let (provider, name) = model.split_once('/').unwrap_or(("", model));
            Vocabulary::of(provider, name)
        });
        let mut counted = None;
        for part in parts(record.variant.as_deref(), &record.prompt) {
            let nth = self.sums.len() as u64;
            let sums = self.sums.entry((model.clone(), part));
            let sums = sums.or_insert_with(|| Sums { nth, ..Sums::default() });
            sums.add(input, output, usage);
            if sums.answers <= COUNTED {
                sums.told += input;
                sums.counted += *counted.get_or_insert_with(|| {
                    let talk = talk_tokens(&record.messages, vocabulary, model);
                    talk.tokens + param_tokens(&record.params, vocabulary).tokens
                });
            }
        }
    }

    /// The input and the output tokens of this very task when it was answered last.
    pub fn of_task(&self, task: &TaskId) -> Option<(u64, u64)> {
        let task = short_id(task);
        let at = self.tasks.binary_search_by_key(&task, |answered| answered.task).ok()?;
        let answered = self.tasks[at];
        Some((answered.input.into(), answered.output.into()))
    }

    /// The answers that are most like those of this target to this prompt set.
    pub fn of(&self, target: &Target, prompt: &str) -> Option<&Sums> {
        if self.sums.is_empty() {
            return None;
        }
        let model = target.model_used().to_string();
        let parts = parts(target.variant.as_deref(), prompt);
        parts.into_iter().find_map(|part| self.sums.get(&(model.clone(), part)))
    }
}

impl Sums {
    fn add(&mut self, input: u64, output: u64, usage: &Usage) {
        self.answers += 1;
        self.input += input;
        self.cached += usage.cached.unwrap_or(0);
        self.written += usage.cache_write_tokens().unwrap_or(0);
        self.output += output;
        self.reasoning += usage.reasoning.unwrap_or(0);
    }

    /// Output tokens of an answer, in the mean.
    pub fn mean_output(&self) -> f64 {
        share(self.output, self.answers)
    }

    /// The part of the output that is thought.
    pub fn reasoning(&self) -> f64 {
        share(self.reasoning, self.output)
    }

    /// The part of the input that is read from a cache, and that is written to one.
    pub fn cached(&self) -> (f64, f64) {
        (share(self.cached, self.input), share(self.written, self.input))
    }

    /// What a count of input is to be multiplied by; `None` where it was right.
    pub fn correction(&self) -> Option<f64> {
        let is_off = self.counted > 0 && self.told != self.counted;
        is_off.then(|| share(self.told, self.counted))
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn short_id(task: &TaskId) -> u64 {
    let digits = task.to_string();
    u64::from_str_radix(&digits[16..], 16).expect("a task is named by hex digits")
}

/// The parts that an answer is in, the smallest first.
fn parts(variant: Option<&str>, prompt: &str) -> [Part; 3] {
    let (variant, prompt) = (variant.map(str::to_owned), prompt.to_owned());
    [Part::Variant(variant, prompt.clone()), Part::Set(prompt), Part::Whole]
}

/// The newest runs in the folder of a job, the newest first.
fn newest(job: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(job).into_iter().flatten().flatten();
    let is_run = |path: &PathBuf| !path.is_symlink() && folder::is_run(path);
    let mut runs: Vec<PathBuf> = listing.map(|entry| entry.path()).filter(is_run).collect();
    // Names begin with the time, so their order is that of the runs.
    runs.sort_unstable_by_key(|run| Reverse(run.file_name().map(ToOwned::to_owned)));
    runs.truncate(RUNS);
    runs
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::call::record::Entry;
    use crate::store::testing;

    /// An answer to a message of 8 tokens, by OpenAI's count.
    fn answered(index: u64, prompt: &str, told: (u64, u64)) -> Entry {
        let mut entry = testing::ok(index, "an answer");
        let record = &mut entry.record;
        record.messages = vec![Message::text("user", "hello")];
        record.model_used = "openai/gpt-4o".into();
        record.variant = None;
        record.prompt = prompt.into();
        let row = json!({
            "prompt_tokens": told.0, "cached_tokens": told.0 / 2, "cache_write_tokens": null,
            "completion_tokens": told.1, "reasoning_tokens": null, "total_tokens": null,
            "source": "provider",
        });
        record.usage = serde_json::from_value(row).expect("usage");
        entry
    }

    fn run(out: &Path, entries: &[Entry]) {
        let run = RunDir::create(out, "job", "").expect("a run");
        run.journal().expect("a journal").append(entries).expect("written");
    }

    fn target() -> Target {
        Target {
            label: "m".into(),
            provider: "openai".into(),
            model: "gpt-4o".into(),
            variant: None,
            params: Arc::default(),
            dropped: Arc::default(),
            price: None,
            window: None,
            max_output: crate::call::bound::MostOutput::Unknown,
            fallbacks: Arc::default(),
            fallback_on: crate::call::fallback::FallbackOn::default(),
        }
    }

    #[test]
    fn answers_of_earlier_runs_are_known_by_task_by_set_and_by_model() {
        let out = tempfile::tempdir().expect("a folder");
        assert!(History::read(out.path(), "job").of(&target(), "a").is_none());
        run(out.path(), &[answered(0, "a", (16, 10)), answered(1, "a", (8, 13))]);
        run(out.path(), &[answered(0, "b", (8, 20)), testing::failed(7, "no")]);
        let history = History::read(out.path(), "job");
        // One folder may have been made in the same second as the other, so either may be newer.
        let told = history.of_task(&testing::task(0)).expect("known");
        assert!([(16, 10), (8, 20)].contains(&told), "{told:?}");
        assert_eq!(history.of_task(&testing::task(1)), Some((8, 13)));
        assert_eq!(history.of_task(&testing::task(7)), None);
        let sums = history.of(&target(), "a").expect("answers");
        assert_eq!((sums.answers, sums.mean_output()), (2, 11.5));
        assert_eq!(sums.correction(), Some(1.5));
        assert_eq!(sums.cached(), (0.5, 0.0));
        assert_eq!(history.of(&target(), "b").and_then(Sums::correction), None);
        let of_model = history.of(&target(), "new").expect("answers");
        assert_eq!((of_model.answers, of_model.mean_output()), (3, 43.0 / 3.0));
        let other = Target { model: "gpt-4".into(), ..target() };
        assert!(history.of(&other, "a").is_none());
    }

    #[test]
    fn a_run_that_cannot_be_read_is_passed_over() {
        let out = tempfile::tempdir().expect("a folder");
        run(out.path(), &[answered(0, "a", (8, 10))]);
        let torn = out.path().join("job/20200101T000000Z-0000");
        fs::create_dir_all(&torn).expect("a folder");
        fs::write(torn.join("journal.jsonl"), "{torn}\n{torn}\n").expect("a file");
        let history = History::read(out.path(), "job");
        assert_eq!(history.of(&target(), "a").map(|sums| sums.answers), Some(1));
    }
}
