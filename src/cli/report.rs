//! `runner report RUN`: writes the reports of a run again, from its journal; or shows what it
//! would cost at other prices.

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::github;
use crate::cli::page::PageForm;
use crate::cli::run::{broke, shown};
use crate::report::ruling;
use crate::report::table::ReportSpec;
use crate::report::terminal;
use crate::run;

mod repriced;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner report runs/nightly/latest
  runner report runs/nightly/20261122T020000Z-1a2b
  runner report runs/nightly/latest --reports csv,junit           no others
  runner report runs/nightly/latest --github                      in GitHub Actions
  runner report runs/nightly/latest --reprice                     at the built-in prices of today
  runner report runs/nightly/latest --reprice --prices mine.csv   at your own, over the built-in";

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run folder, or a job's folder for its latest run.
    ///
    /// A run that still goes is shown as far as it came, and goes on undisturbed. The exit code is 0
    /// once the reports are written, also where a gate failed: the run itself has ended with that.
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Write only these reports: jsonl, csv, summary, junit, ...
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = report_named)]
    reports: Vec<ReportSpec>,
    /// Tell GitHub Actions: annotations for what failed (on stderr, which it reads too), and the page
    /// of summary.md for the step's summary, at `$GITHUB_STEP_SUMMARY`.
    #[arg(long)]
    github: bool,
    /// Show what the run cost beside what it would cost at today's built-in prices; changes nothing
    /// in the run folder.
    ///
    /// Every attempt that was answered counts, retries and fallbacks too. What the job's own
    /// `price` was used for is computed at the table's price as well; a model that the table has no
    /// price for is counted as unpriced. The difference is that of the attempts with both costs.
    #[arg(long)]
    reprice: bool,
    /// Prices over the built-in ones: a CSV with the columns provider, model, input and output, and
    /// maybe `cache_read`, `cache_write`, `cache_write_1h`, reasoning and tiers, in USD per million
    /// tokens, as `runner models --format csv` prints them.
    #[arg(long, value_name = "FILE", requires = "reprice")]
    prices: Option<PathBuf>,
    /// How the two costs are printed.
    #[arg(long, value_name = "FORM", default_value = "table", requires = "reprice")]
    format: PageForm,
}

/// Runs the command.
pub fn main(args: &ReportArgs, context: &Context) -> Result<Ending, CliError> {
    if args.reprice {
        return repriced::main(&args.run, args.prices.as_deref(), args.format, context);
    }
    let specs = if args.reports.is_empty() { ReportSpec::ALL } else { &args.reports };
    let (path, summary) = run::report(&args.run, specs).map_err(|why| broke(&why))?;
    let (mark, parts) = ruling::verdict(&summary);
    let text = format!(
        "{mark} {}\n\n{}\nreports in {}\n",
        parts.join(" · "),
        terminal::overview(&summary),
        shown(&path).display()
    );
    context.print(&text)?;
    if args.github {
        github::tell(&summary, context);
    }
    Ok(Ending::Done)
}

/// The report of this name.
fn report_named(name: &str) -> Result<ReportSpec, String> {
    let spec = serde_json::from_value(name.trim().into());
    spec.map_err(|why| why.to_string())
}
