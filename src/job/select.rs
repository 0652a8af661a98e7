//! Which part of a job is planned: `--models`, `--prompts`, `--limit`.

use glob::Pattern;

use crate::job::diagnostic::{Diagnostic, Place};
use crate::job::words;
use crate::job::{Job, JobTarget};

/// Which part of a job is planned. Nothing stated is the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// A glob of labels, or of `provider/model`.
    pub models: Option<String>,
    /// A glob of prompt sets' names.
    pub prompts: Option<String>,
    /// The first so many rows of each set.
    pub limit: Option<u64>,
}

/// What was selected, as places in the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The targets.
    pub targets: Vec<usize>,
    /// The prompt sets.
    pub sets: Vec<usize>,
}

impl Selection {
    /// Whether it is the whole job.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// The selected places of a job; a glob that fits nothing is a fault.
    pub fn of(&self, job: &Job) -> Result<Selected, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let models = pattern("--models", self.models.as_deref(), &mut faults);
        let prompts = pattern("--prompts", self.prompts.as_deref(), &mut faults);
        let fits = |target: &&JobTarget| match &models {
            Some(pattern) => {
                pattern.matches(&target.target.label)
                    || pattern.matches(&target.target.model_used())
            }
            None => true,
        };
        let targets = places(&job.targets, fits);
        let sets =
            places(&job.sets, |set| prompts.as_ref().is_none_or(|glob| glob.matches(&set.name)));
        if targets.is_empty() && models.is_some() {
            let names: Vec<&str> = job.targets.iter().map(|target| &*target.target.label).collect();
            faults.push(nothing("--models", self.models.as_deref(), "model", names));
        }
        if sets.is_empty() && prompts.is_some() {
            let names = job.sets.iter().map(|set| &*set.name).collect();
            faults.push(nothing("--prompts", self.prompts.as_deref(), "prompt set", names));
        }
        if faults.is_empty() { Ok(Selected { targets, sets }) } else { Err(faults) }
    }
}

fn places<T>(items: &[T], fits: impl Fn(&&T) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| fits(item)).map(|(place, _)| place).collect()
}

fn pattern(option: &str, text: Option<&str>, faults: &mut Vec<Diagnostic>) -> Option<Pattern> {
    let text = text?;
    match Pattern::new(text) {
        Ok(pattern) => Some(pattern),
        Err(why) => {
            let fault =
                Diagnostic::new(argument(option, text), format!("this is no glob: {}", why.msg));
            faults.push(fault.help("a `*` stands for anything, `?` for one character"));
            None
        }
    }
}

fn nothing(option: &str, text: Option<&str>, noun: &str, mut names: Vec<&str>) -> Diagnostic {
    let text = text.unwrap_or_default();
    names.dedup();
    let help = words::suggestion(text, &names, "there is");
    Diagnostic::new(argument(option, text), format!("no {noun} fits this")).help(help)
}

fn argument(option: &str, text: &str) -> Place {
    let start = option.len() + 1;
    Place::Argument { text: format!("{option} {text}"), range: start..start + text.len() }
}
