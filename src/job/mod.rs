//! GROUND. What the user asks for: a [`Job`] is a job file that was checked.
//!
//! [`load`] reads a file and gives a job or every diagnostic at once. On the way the [`document`]
//! keeps the text and where each key stands, [`shape`] holds it against the schema of [`file`](mod@file), and
//! [`check`] turns it into a job. A job's [`prompts`] are read row by row, as often as they are
//! needed; its [`plan`] turns them into tasks, lazily.

pub mod asking;
pub mod canary;
pub mod cases;
pub mod check;
pub mod diagnostic;
pub mod document;
pub mod faults;
pub mod file;
pub mod file_scorers;
pub mod file_values;
pub mod forecast;
pub mod form;
pub mod key_path;
pub mod load;
pub mod node;
pub mod overlay;
pub mod params;
pub mod pictures;
pub mod plan;
pub mod prompts;
pub mod rows;
pub mod scan;
pub mod schema;
pub mod scorers;
pub mod select;
pub mod shape;
pub mod tasks;
pub mod template;
pub mod veil;
pub mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::gate::Gate;
use crate::call::money::Usd;
use crate::call::task::{ContentHash, Target};
use crate::job::canary::Canary;
use crate::job::document::Document;
use crate::job::file::OnUnsupported;
use crate::job::prompts::PromptSet;
use crate::job::scorers::JobScorer;
use crate::mock::script::Script;
use crate::pace::Limits;
use crate::pace::retry::RetryPolicy;
use crate::provider::Provider;
use crate::report::table::ReportSpec;
use crate::store::durability::Durability;
use crate::wire::message::Timeouts;

/// A job that was checked: every name resolved, every number in range.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name, under which its runs are kept.
    pub name: Arc<str>,
    /// What it is for.
    pub description: Option<String>,
    /// What every record carries.
    pub tags: Arc<BTreeMap<String, String>>,
    /// The job file.
    pub path: PathBuf,
    /// Its folder, from which relative paths start; empty for the working folder.
    pub folder: PathBuf,
    /// The job file as it was read, to show faults in.
    pub document: Document,
    /// How often each prompt is asked of each target.
    pub repeats: u32,
    /// The parameters that the matrix varies: no row may state them.
    pub varied: Arc<Vec<String>>,
    /// Who is asked: one for each model and combination of the matrix, in the order of the file.
    pub targets: Vec<JobTarget>,
    /// Whether each parameter that is left out is to be logged.
    pub tells_dropped: bool,
    /// The queues: one for each model of each provider.
    pub lanes: Vec<LaneSpec>,
    /// The prompt sets, in the order of the file.
    pub sets: Vec<PromptSet>,
    /// What says how good the answers are, in the order of the file.
    pub scorers: Vec<JobScorer>,
    /// The bounds that a run has to keep.
    pub gates: Vec<Gate>,
    /// How the built-in provider behaves, where a target is one of its models.
    pub mock: Option<Script>,
    /// Calls in flight over all providers; `None`: each lane finds its own width.
    pub concurrency: Option<usize>,
    /// How long an attempt may take.
    pub timeouts: Timeouts,
    /// How many bytes an answer may have.
    pub max_response_bytes: u64,
    /// How long a task may take with all its attempts and waits, from its first send.
    pub task_timeout: Option<Duration>,
    /// How long the run may take, each session of it anew.
    pub deadline: Option<Duration>,
    /// How often an attempt is made again.
    pub retry: RetryPolicy,
    /// What may be spent.
    pub caps: Caps,
    /// What is run before the rest, if anything.
    pub canary: Option<Canary>,
    /// What is written, and where.
    pub output: Output,
}

/// A target and what it is asked.
#[derive(Clone, Debug)]
pub struct JobTarget {
    /// Who is asked.
    pub target: Arc<Target>,
    /// Its part of the name of every task.
    pub hash: ContentHash,
    /// Its lane, as a place in [`Job::lanes`].
    pub lane: usize,
    /// The prompt sets it gets, as places in [`Job::sets`], rising.
    pub sets: Vec<usize>,
    /// What to do about a parameter of a row that it does not take.
    pub on_unsupported: OnUnsupported,
}

/// A queue: one model of one provider.
#[derive(Clone, Debug)]
pub struct LaneSpec {
    /// Who answers.
    pub provider: Arc<Provider>,
    /// The model's name as the provider knows it.
    pub model: Arc<str>,
    /// The model's own limits; those of the provider hold beside them, for all its models.
    pub limits: Limits,
}

/// What may be spent, in USD; never passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// By the whole run.
    pub run: Option<Usd>,
    /// On calls to these providers.
    pub providers: Vec<(Arc<str>, Usd)>,
    /// On the tasks of the models with these labels, fallbacks included.
    pub models: Vec<(Arc<str>, Usd)>,
}

/// What is written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The folder of all runs.
    pub dir: PathBuf,
    /// The reports.
    pub reports: Vec<ReportSpec>,
    /// When an outcome counts as done.
    pub durability: Durability,
}
