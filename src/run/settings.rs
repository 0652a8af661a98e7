//! What is asked of a run beside its job.

use std::path::PathBuf;

use serde_json::Value;

use crate::job::select::Selection;

/// What is asked of a run beside its job.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where run folders are made, in place of the job's `output.dir`.
    pub out: Option<PathBuf>,
    /// Whether to go on with a run that was begun before.
    pub resume: Option<Resume>,
    /// Which models, prompts and rows.
    pub selection: Selection,
    /// What the user stated, for `run.json`.
    pub options: Value,
}

/// Which run to go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The newest of the job; where there is none, a new one begins.
    Latest,
    /// The one in this folder, or of this name.
    Run(PathBuf),
}
