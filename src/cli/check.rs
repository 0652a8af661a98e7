//! `runner check JOB.toml...`: every fault of job files; sends nothing and needs no key.

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::diagnose;
use crate::cli::exit::{CliError, Ending};
use crate::cli::run::read;
use crate::job::plan::Plan;
use crate::job::select::Selection;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner check jobs/*.toml";

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The job files.
    #[arg(value_name = "JOB.toml", required = true)]
    jobs: Vec<PathBuf>,
    /// Set a key of every job, as in `--set params.temperature=0.5`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Runs the command.
pub fn main(args: &CheckArgs, context: &Context) -> Result<Ending, CliError> {
    let mut faults = Vec::new();
    for path in &args.jobs {
        match check(path, &args.sets, context) {
            Ok(tasks) => {
                let text = format!("{}: no faults, {tasks} tasks\n", path.display());
                context.print(&text)?;
            }
            Err(CliError::Job(drawn)) => faults.push(drawn),
            Err(other) => return Err(other),
        }
    }
    match faults.is_empty() {
        true => Ok(Ending::Done),
        false => Err(CliError::Job(faults.join("\n"))),
    }
}

fn check(path: &std::path::Path, sets: &[String], context: &Context) -> Result<u64, CliError> {
    let job = read(path, sets, context)?;
    let plan = Plan::make(&job, &Selection::default())
        .map_err(|faults| diagnose::error(&job.document, &faults, &context.screen))?;
    Ok(plan.total())
}
