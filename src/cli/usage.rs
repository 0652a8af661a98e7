//! `runner usage`: what was spent, over all runs, from the ledger.

use std::path::PathBuf;

use clap::Args;
use glob::Pattern;

use crate::audit::error::AuditError;
use crate::audit::ledger::spent::by::By;
use crate::audit::ledger::spent::period::Period;
use crate::audit::ledger::spent::{Answer, Head, Question, Spent};
use crate::audit::ledger::{Ledger, Update};
use crate::call::moment::Moment;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::invoice::{self, InvoiceArgs};
use crate::cli::page::PageForm;
use crate::job::words;
use crate::report::figures::cost;

use self::fits::Fits;

mod fits;
mod folders;
mod invoiced;
mod shown;
mod when;

/// The end of the help: what the columns are, and examples.
pub fn help() -> String {
    format!("{COLUMNS_AND_EXAMPLES}\n{}", invoice::EXAMPLES)
}

const COLUMNS_AND_EXAMPLES: &str = "\
Every attempt that was answered counts, as in usage.csv, tasks that the job no longer asks included:
  cost_usd           all of them; final_cost_usd + retry_cost_usd, to the last digit
  final_cost_usd     the answers that a row of responses.csv shows
  retry_cost_usd     the others: asked again, given up, or no longer asked by the job
  fallback_cost_usd  of the whole, what fallbacks were asked, whether a row shows it or not
  cached_cost_usd    of the whole, input tokens that were read from a cache
  unsettled          calls that were sent and not answered, or whose end nobody heard of: not in the
                     attempts nor in the costs, and billed all the same, maybe
  at_most_usd        the most that the attempts and the unsettled calls can have cost
  unpriced           how many costs are not known, and not in cost_usd; each sum has its own count
Tokens are null where no provider told any. CSV has no line for the total; JSON has it beside the rows.

Examples:
  runner usage --since 30d                              by day and model
  runner usage --since 2026-11-01 --until 2026-11-30 --by job,tag.team
  runner usage --by month,provider --format csv
  runner usage --out runs --out archive/runs --by job   several folders of runs, summed up
  runner usage --rebuild                                make the ledger anew, of the journals there are";

/// Options of `usage`.
#[derive(Debug, Args)]
pub struct UsageArgs {
    /// The folder of all runs; may be repeated. `runs` and `jobs/runs` when left out, as far as
    /// they are there.
    #[arg(long, value_name = "DIR")]
    out: Vec<PathBuf>,
    /// Only what was sent since then: `30d` and `2w` go back to the beginning of that UTC day,
    /// `12h` to that of the hour; or a day, or a moment such as `2026-11-22T02:00:00Z`.
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Only what was sent until the end of this UTC day, or before a moment.
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    /// What to group by: `day`, `week`, `month`, `job`, `run`, `provider`, `model` (its label),
    /// `model_used`, `prompt`, `variant`, `tag.<name>`.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "day,model")]
    #[arg(conflicts_with = "invoice")]
    by: Vec<String>,
    /// Only jobs whose name fits this pattern.
    #[arg(long, value_name = "GLOB", conflicts_with = "invoice")]
    job: Option<String>,
    /// Only models whose label or `provider/model` fits this pattern.
    #[arg(long, value_name = "GLOB", conflicts_with = "invoice")]
    model: Option<String>,
    /// Only providers whose name fits this pattern.
    #[arg(long, value_name = "GLOB", conflicts_with = "invoice")]
    provider: Option<String>,
    /// How it is printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: PageForm,
    /// Make the ledger anew, of exactly the journals that are there: runs whose folders are gone
    /// are in it no more.
    #[arg(long)]
    rebuild: bool,
    /// The ledger against an invoice, in place of what was spent.
    #[command(flatten)]
    invoice: InvoiceArgs,
}

/// Runs the command.
pub fn main(args: &UsageArgs, context: &Context) -> Result<Ending, CliError> {
    let period = period(args)?;
    match &args.invoice.invoice {
        Some(invoice) => invoiced::main(args, invoice, period, context),
        None => spent(args, period, context),
    }
}

fn spent(args: &UsageArgs, period: Period, context: &Context) -> Result<Ending, CliError> {
    let by = args.by.iter().map(|word| group(word)).collect::<Result<Vec<_>, _>>()?;
    let fits = Fits::of(args)?;
    let folders = folders::found(&args.out)?;
    let mut answer = Answer::default();
    let mut known = Known::default();
    let unread = each_ledger(args, &folders, |ledger| {
        let fit = |head: &Head| fits.fit(head);
        ledger.spent(&Question { by: &by, period, fits: &fit }, &mut answer)?;
        known.add(ledger)
    })?;
    context.print(&shown::text(&answer, &by, period, &unread, args.format))?;
    let Spent { unsettled, at_most, .. } = &answer.total;
    if *unsettled > 0 {
        let (calls, most) =
            (words::count(*unsettled, "call"), cost(at_most.usd(), at_most.unknown));
        let line = format!(
            "{calls} may have been billed beside: sent, and not answered as far as we know; at most {most} in all"
        );
        context.screen.note(&line);
    }
    known.tags_missing(&by).iter().for_each(|line| context.screen.note(line));
    if answer.total.attempts == 0 {
        let why = fits.why_nothing(&known.heads).unwrap_or_else(|| {
            let folders: Vec<String> =
                folders.iter().map(|folder| folder.display().to_string()).collect();
            format!("no attempt was answered in that time in {}", words::all(&folders))
        });
        context.screen.note(&why);
    }
    whole(&unread).map(|()| Ending::Done)
}

/// Asks the ledger of each folder, up to date; gives the runs that could not be read, and why.
fn each_ledger(
    args: &UsageArgs,
    folders: &[PathBuf],
    mut ask: impl FnMut(&Ledger) -> Result<(), AuditError>,
) -> Result<Unread, CliError> {
    let mut unread = Vec::new();
    for folder in folders {
        tracing::info!(folder = %folder.display(), "the ledger of this folder is asked");
        let opened = match args.rebuild {
            true => Ledger::rebuild(folder),
            false => Ledger::current(folder),
        };
        let asked = opened.and_then(|(ledger, update)| ask(&ledger).map(|()| update));
        let update = asked
            .map_err(|why| CliError::World { message: format!("failed to {why}"), help: None })?;
        tell(&update);
        unread.extend(update.unread);
    }
    Ok(unread)
}

/// Runs that could not be read, and why.
type Unread = Vec<(String, String)>;

/// What the ledgers have, for what is asked in vain.
#[derive(Default)]
struct Known {
    heads: Vec<Head>,
    tags: Vec<String>,
}

impl Known {
    fn add(&mut self, ledger: &Ledger) -> Result<(), AuditError> {
        self.heads.extend(ledger.heads()?);
        self.tags.extend(ledger.tag_names()?);
        Ok(())
    }

    /// A line for each tag that no run has.
    fn tags_missing(&self, by: &[By]) -> Vec<String> {
        let missing = by.iter().filter_map(By::tag).filter(|tag| {
            let is_known = self.tags.iter().any(|known| known == tag);
            !is_known && !self.heads.is_empty()
        });
        let line = |tag: &str| match self.tags.is_empty() {
            true => format!("no run has the tag `{tag}`, nor any other"),
            false => {
                format!(
                    "no run has the tag `{tag}`: {}",
                    words::suggestion(tag, &self.tags, "there is")
                )
            }
        };
        missing.map(line).collect()
    }
}

fn group(word: &str) -> Result<By, CliError> {
    word.trim().parse().map_err(|_| {
        let mut names: Vec<&str> = By::NAMES.iter().map(|(name, _)| *name).collect();
        names.push("tag.<name>");
        let help = words::suggestion(word, &names, "there is");
        CliError::usage(format!("nothing can be grouped by `{word}`"), help)
    })
}

fn period(args: &UsageArgs) -> Result<Period, CliError> {
    let now = Moment::now();
    let since = args.since.as_deref().map(|text| when::since(text, now)).transpose()?;
    let until = args.until.as_deref().map(when::until).transpose()?;
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        let message = format!("`--since` begins at {since}, and `--until` ends at {until}");
        return Err(CliError::usage(message, "let the first come before the second"));
    }
    Ok(Period { since, until })
}

/// A pattern of an option.
fn glob(option: &str, text: Option<&str>) -> Result<Option<Pattern>, CliError> {
    let pattern = text.map(Pattern::new).transpose();
    pattern.map_err(|why| {
        let message = format!("`{option} {}` is no glob: {}", text.unwrap_or_default(), why.msg);
        CliError::usage(message, "a `*` stands for anything, `?` for one character")
    })
}

fn tell(update: &Update) {
    if update.taken_in > 0 {
        let (runs, attempts) = (update.taken_in, update.attempts);
        tracing::info!(runs, attempts, "the ledger took in what it did not have");
    }
    if update.renewed {
        tracing::info!("the ledger was of an older format and is made anew");
    }
    if update.gone > 0 {
        let runs = update.gone;
        tracing::info!(runs, "runs whose folders are gone are counted; --rebuild leaves them out");
    }
    if let Some(why) = &update.kept {
        tracing::info!("the answer is from a copy of the ledger: failed to {why}");
    }
}

/// An answer that lacks runs is no whole one.
fn whole(unread: &[(String, String)]) -> Result<(), CliError> {
    if unread.is_empty() {
        return Ok(());
    }
    let line = |(run, why): &(String, String)| format!("`{run}`: failed to {why}");
    let lines: Vec<String> = unread.iter().map(line).collect();
    let count = words::count(unread.len() as u64, "run");
    Err(CliError::World {
        message: format!("the ledger lacks what is new in {count}\n{}", lines.join("\n")),
        help: Some("mend or move away what cannot be read, and ask again".to_owned()),
    })
}
