//! `runner report RUN`: writes the reports of a run again, from its journal.

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::run::{broke, shown};
use crate::report::table::ReportSpec;
use crate::report::terminal;
use crate::run;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner report runs/nightly/latest
  runner report runs/nightly/20261122T020000Z-1a2b";

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run folder, or a job's folder for its latest run.
    #[arg(value_name = "RUN")]
    run: PathBuf,
}

/// Runs the command.
pub fn main(args: &ReportArgs, context: &Context) -> Result<Ending, CliError> {
    let (path, summary) = run::report(&args.run, ReportSpec::ALL).map_err(|why| broke(&why))?;
    let text = format!("{}\nreports in {}\n", terminal::table(&summary), shown(&path).display());
    context.print(&text)?;
    Ok(Ending::Done)
}
