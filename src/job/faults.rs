//! What is wrong with a job, all of it, as an error.

use std::fmt;
use std::path::Path;

use crate::job::Job;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::document::Document;
use crate::job::load::load;
use crate::job::node::Origin;
use crate::job::plan::Plan;
use crate::job::select::Selection;
use crate::provider::env::Env;

/// What is wrong with a job, and the text to show it in. As text it is two lines a fault: where and
/// what, then what to do.
#[derive(Clone, Debug)]
pub struct Faults {
    /// The job's text; empty where it could not be read.
    pub document: Box<Document>,
    /// What is wrong, in the order of the text; at least one.
    pub diagnostics: Vec<Diagnostic>,
}

impl Job {
    /// Reads a job file; keys and base URLs come from the process's environment and a `.env` file
    /// in the working folder.
    ///
    /// ```no_run
    /// match runner::Job::load("jobs/nightly.toml") {
    ///     Ok(job) => println!("{} models", job.targets.len()),
    ///     Err(faults) => eprintln!("{faults}"),
    /// }
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Faults> {
        load(path.as_ref(), &[], &Faults::env()?)
    }

    /// Every task of the job, without sending anything: all rows are read once. Needs no key.
    pub fn plan(&self) -> Result<Plan, Faults> {
        Plan::make(self, &Selection::default()).map_err(|faults| Faults::of(self, faults))
    }
}

impl Faults {
    /// Faults of a job that was read.
    pub fn of(job: &Job, diagnostics: Vec<Diagnostic>) -> Self {
        Self { document: Box::new(job.document.clone()), diagnostics }
    }

    /// The process's environment, and below it that of the working folder.
    pub fn env() -> Result<Env, Self> {
        let folder = Path::new(".");
        Env::load(folder).map_err(|why| {
            let fault = Diagnostic::new(Place::File(folder.join(".env")), why.why);
            let document = Box::new(Document::parse(".env", "", &[]).0);
            Self { document, diagnostics: vec![fault.help("mend the file, or remove it")] }
        })
    }

    /// Where a fault is, as `file:line:column`.
    fn place(&self, fault: &Diagnostic) -> String {
        let at = match &fault.place {
            Place::Span(range) => Some(range.start),
            Place::Key { path, on } => match self.document.locate(path) {
                Some(located) => {
                    let spot = if *on == On::Key { located.key } else { located.value };
                    (spot.origin == Origin::File).then_some(spot.range.start)
                }
                None => Some(0),
            },
            Place::Data(spot) => return format!("{}:{}:{}", spot.file, spot.line, spot.column),
            Place::File(path) => return path.display().to_string(),
            Place::Argument { .. } => None,
        };
        let Some(at) = at else { return "--set".to_owned() };
        let before = &self.document.text[..at.min(self.document.text.len())];
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{}:{column}", self.document.name, before.matches('\n').count() + 1)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, fault) in self.diagnostics.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {}", self.place(fault), fault.message)?;
            if let Some(help) = &fault.help {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::load::load_text;

    #[test]
    fn faults_as_text_say_where_and_what_to_do() {
        let text =
            "name = \"t\"\n[[models]]\nmodel = \"opnai/gpt\"\n[prompts.a]\ninlin = [\"x\"]\n";
        let faults =
            load_text(Path::new("t.toml"), text, &[], &Env::of([])).expect_err("two faults");
        let told = faults.to_string();
        assert!(told.contains("t.toml:3:9: no provider is called `opnai`"), "{told}");
        assert!(told.contains("help: did you mean `openai`"), "{told}");
        assert!(told.contains("t.toml:5:1: unknown key `inlin`"), "{told}");
        let away = Job::load("no/such.toml").expect_err("no file").to_string();
        assert!(away.starts_with("no/such.toml: the job cannot be read"), "{away}");
    }
}
