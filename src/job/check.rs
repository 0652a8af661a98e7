//! From the job file as written to a job: every name resolved, every number held against its
//! range, every fault told, all of them at once.

pub mod asked;
pub mod budget;
pub mod fallbacks;
pub mod forms;
pub mod gates;
pub mod keys;
pub mod limits;
pub mod matrix;
pub mod mock;
pub mod models;
pub mod params;
pub mod price;
pub mod prompts;
pub mod providers;
pub mod scorers;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::call::duration::parse_duration;
use crate::job::diagnostic::Diagnostic;
use crate::job::document::Document;
use crate::job::file::{JobFile, OutputFile};
use crate::job::key_path::KeyPath;
use crate::job::prompts::PromptSet;
use crate::job::{Job, Output};
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;
use crate::report::table::ReportSpec;
use crate::wire::http::MAX_RESPONSE_BYTES;

/// Longer names do not fit into the name of a folder everywhere.
const LONGEST_NAME: usize = 100;

/// What a check looks at, and what it found.
#[derive(Debug)]
pub struct Check<'a> {
    /// The job's text.
    pub document: &'a Document,
    /// The job file.
    pub path: &'a Path,
    /// The environment, for base URLs.
    pub env: &'a Env,
    /// The providers out there.
    pub catalog: Catalog,
    /// What is at fault.
    pub faults: Vec<Diagnostic>,
    /// What is not there; in a text with syntax faults it may only not have been read.
    pub missing: Vec<Diagnostic>,
}

/// What came of a check.
#[derive(Debug)]
pub struct Checked {
    /// The job; to be used only when there is no fault.
    pub job: Option<Job>,
    /// The prompt sets that can be read, whatever else is at fault.
    pub sets: Vec<PromptSet>,
}

impl Check<'_> {
    /// Turns the file into a job, and gathers what is at fault in it.
    pub fn job(&mut self, file: JobFile) -> Checked {
        let name = self.name(file.name.as_deref());
        let timeouts = self.timeouts(&file.limits);
        let task_timeout = self.task_timeout(&file.limits, &timeouts);
        let deadline = self.deadline(&file.limits);
        let retry = self.retry(&file.retry);
        let mut providers = self.providers(&file.providers);
        let mock = self.mock(&file.providers);
        let mut prompts = self.prompts(file.prompts.as_ref());
        self.forms(&file, &mut prompts.sets);
        let mut models = self.models(&file, &mut providers, &prompts.names);
        if prompts.sets.len() == prompts.names.len() {
            self.forms_taken(&file, &models, &prompts.sets);
        }
        let scorers = self.scorers(&file, &mut models, &mut providers, &mut prompts);
        let gates = self.gates(&file, &prompts.names);
        let caps = self.caps(&file, &models, &scorers);
        let output = self.output(&file.output);
        let sets = prompts.sets;
        let is_whole = sets.len() == prompts.names.len();
        let uses_mock = models.lanes.iter().any(|lane| providers::is_mock(&lane.provider));
        let job = name.filter(|_| is_whole).map(|name| Job {
            name: name.into(),
            description: file.description,
            tags: Arc::new(file.tags),
            path: self.path.to_owned(),
            folder: self.folder(),
            document: self.document.clone(),
            repeats: file.repeats.unwrap_or(1) as u32,
            varied: Arc::new(file.matrix.keys().cloned().collect()),
            targets: models.targets,
            tells_dropped: self.tells_dropped(),
            lanes: models.lanes,
            sets: sets.clone(),
            scorers,
            gates,
            mock: uses_mock.then_some(mock),
            concurrency: file.limits.concurrency.map(|width| width as usize),
            timeouts,
            max_response_bytes: file.limits.max_response_bytes.unwrap_or(MAX_RESPONSE_BYTES),
            task_timeout,
            deadline,
            retry,
            caps,
            canary: Self::canary(file.canary.as_ref()),
            output,
        });
        Checked { job, sets }
    }

    /// The folder from which relative paths start.
    pub fn folder(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// A duration that must be longer than nothing.
    pub fn duration(&mut self, text: Option<&str>, path: &KeyPath) -> Option<Duration> {
        let fault = match parse_duration(text?) {
            Ok(duration) if !duration.is_zero() => return Some(duration),
            Ok(_) => {
                let name = path.last_key().unwrap_or_default();
                Diagnostic::at_value(path.clone(), format!("`{name}` is no time at all"))
                    .help("to do without it, leave the key away")
            }
            Err(why) => {
                // The message comes with its advice; here each has a line of its own.
                let text = why.to_string();
                let (message, help) = text.split_once("; ").unwrap_or((&text, ""));
                Diagnostic::at_value(path.clone(), message).help(help)
            }
        };
        self.faults.push(fault);
        None
    }

    fn name(&mut self, name: Option<&str>) -> Option<String> {
        let name = name?;
        let path = KeyPath::top().key("name");
        let why = if name.trim().is_empty() {
            "the job's name is empty"
        } else if name.contains(['/', '\\']) {
            "the job's name holds a path separator"
        } else if name.chars().any(char::is_control) {
            "the job's name holds a control character"
        } else if matches!(name, "." | "..") {
            "the job's name is that of a folder"
        } else if name.len() > LONGEST_NAME {
            "the job's name is too long"
        } else {
            return Some(name.to_owned());
        };
        let help = format!(
            "its runs are kept in a folder of this name: at most {LONGEST_NAME} bytes, no `/`"
        );
        self.faults.push(Diagnostic::at_value(path, why).help(help));
        None
    }

    fn output(&mut self, output: &OutputFile) -> Output {
        Output {
            dir: self.folder().join(output.dir.as_deref().unwrap_or("runs")),
            durability: output.durability.unwrap_or_default(),
            reports: output.reports.clone().unwrap_or_else(|| ReportSpec::ALL.to_vec()),
        }
    }
}

/// Reads the value that is left of a job after its shape was checked.
pub fn read(value: Value) -> Result<JobFile, Box<Diagnostic>> {
    serde_json::from_value(value).map_err(|why| {
        let message = format!("the job cannot be read: {why}");
        let fault = Diagnostic::at_key(KeyPath::top(), message);
        Box::new(fault.help("please report this: the fault should have been told with its place"))
    })
}
