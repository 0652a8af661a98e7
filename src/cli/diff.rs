//! `runner diff BASE NEW`: holds one run against another, and ends with 1 on a regression.

use clap::{Args, ValueEnum};

use crate::call::gate::Per;
use crate::call::metric::BUILT_IN;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::named::{Place, store};
use crate::job::words;
use crate::report::compare::comparison::Comparison;
use crate::report::compare::condition::{Condition, ConditionError};
use crate::report::compare::held::Held;
use crate::report::compare::model_map::MapError;
use crate::report::compare::{CompareError, Compared};

mod figures;
mod json;
mod markdown;
mod text;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
A run is a folder, `latest`, `latest~3` (the third before it), `previous` (the one before NEW) or
`pinned` (`runner baseline set`), each of a job: `nightly/latest`, or with --job.

Without --fail-on, a regression is a scorer or the error rate that got worse by more than chance
would do: a one-sided test over the prompts of both runs at 5 %, corrected (Holm) for all models
and scorers. With it, only what it says is one: a change, NEW less BASE, below or above a bound.
  right<-0.02@95%        the mean fell by more than 0.02, sure to 95 %
  right.pass_rate<-5%    the share that passes fell by more than 5 % of what it was
  error_rate>0.01        so many more tasks failed, as measured
  latency_p50_ms>+20%@95%, ttft_p50_ms, cost_per_task_usd, cost_usd, total_tokens, ...
Cost and tokens are those of the whole runs; all else is of the tasks that both runs have.

Examples:
  runner diff previous latest
  runner diff nightly/pinned nightly/latest --fail-on 'right<-0.02@95%' --fail-on 'cost_usd>+10%'
  runner diff runs/compare/latest runs/compare/latest --map gpt-4o=gpt-4o-mini
  runner diff previous latest --format markdown >> \"$GITHUB_STEP_SUMMARY\"";

/// Options of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The run that the other is held against.
    #[arg(value_name = "BASE")]
    base: String,
    /// The run that may be better or worse.
    #[arg(value_name = "NEW")]
    new: String,
    /// Where runs are.
    #[command(flatten)]
    place: Place,
    /// Hold a model of BASE against one of NEW that has another label; may be repeated.
    #[arg(long, value_name = "BASE=NEW")]
    map: Vec<String>,
    /// What is a regression, in place of what is one without: `right<-0.02@95%`; may be repeated.
    #[arg(long, value_name = "CHANGE", allow_hyphen_values = true)]
    fail_on: Vec<String>,
    /// Of whom `--fail-on` is; left out, of each model and of the run.
    #[arg(long, value_name = "WHOM", requires = "fail_on")]
    per: Option<Whom>,
    /// How many changed answers are shown; JSON has all of them when it is left out.
    #[arg(long, value_name = "N")]
    examples: Option<usize>,
    /// How it is printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Form,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs, with every changed answer as a whole.
    Json,
    /// For pull requests.
    Markdown,
}

/// Of whom something is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Whom {
    /// Of each model, in each variant.
    Model,
    /// Of the run as a whole.
    Run,
}

/// Changed answers that are shown to people.
const EXAMPLES_SHOWN: usize = 5;

/// All that is printed.
struct Shown<'a> {
    compared: &'a Compared,
    comparison: Comparison,
    held: Vec<Held>,
    /// Whether `--fail-on` decides.
    is_asked: bool,
    /// How many changed answers are shown.
    examples: usize,
}

impl Shown<'_> {
    fn is_regression(&self) -> bool {
        match self.is_asked {
            true => self.held.iter().any(|held| held.failed),
            false => self.comparison.regressions().next().is_some(),
        }
    }
}

/// Runs the command.
pub fn main(args: &DiffArgs, context: &Context) -> Result<Ending, CliError> {
    let conditions =
        args.fail_on.iter().map(|text| condition(text)).collect::<Result<Vec<_>, _>>()?;
    let [base, new] = args.place.runs(&args.base, &args.new)?;
    let compared = Compared::read(&base, &new, &args.map).map_err(refused)?;
    for condition in &conditions {
        check(condition, &compared.columns())?;
    }
    let comparison = compared.comparison();
    if comparison.tasks.matched == 0 {
        return Err(nothing_in_common(&compared));
    }
    let per = args.per.map(|whom| if whom == Whom::Model { Per::Model } else { Per::Run });
    let held = conditions.iter().flat_map(|condition| compared.held(condition, per)).collect();
    let all = if args.format == Form::Json { usize::MAX } else { EXAMPLES_SHOWN };
    let shown = Shown {
        compared: &compared,
        comparison,
        held,
        is_asked: !conditions.is_empty(),
        examples: args.examples.unwrap_or(all),
    };
    match args.format {
        Form::Table => context.print(&text::text(&shown)?)?,
        Form::Markdown => context.print(&markdown::markdown(&shown)?)?,
        Form::Json => json::print(&shown, context)?,
    }
    Ok(if shown.is_regression() { Ending::GateFailed } else { Ending::Done })
}

fn condition(text: &str) -> Result<Condition, CliError> {
    text.parse().map_err(|why: ConditionError| {
        CliError::usage(format!("--fail-on {text}: {why}"), why.help())
    })
}

/// Whether what a condition measures is there.
fn check(condition: &Condition, columns: &[String]) -> Result<(), CliError> {
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    condition.check(&names).map_err(|why| {
        let beside = |name: &&str| [format!("{name}.pass_rate"), format!("{name}.flip_rate")];
        let mut known: Vec<String> = columns.to_vec();
        known.extend(BUILT_IN.iter().map(|name| (*name).to_owned()));
        known.extend(names.iter().flat_map(beside));
        let name = condition.metric.to_string();
        let help = words::suggestion(&name, &known, "both runs have");
        CliError::usage(format!("--fail-on {condition}: {why}"), help)
    })
}

fn refused(why: CompareError) -> CliError {
    match why {
        CompareError::Store(why) => store(why),
        CompareError::Map(why) => {
            let help = match &why {
                MapError::NotTwo(_) => {
                    "write `--map BASE=NEW` with the labels of two models".to_owned()
                }
                MapError::NoModel { name, known, .. } => words::suggestion(name, known, "it has"),
                MapError::Twice(_) => "hold each model against one other".to_owned(),
            };
            CliError::usage(format!("--map: {why}"), help)
        }
    }
}

fn nothing_in_common(compared: &Compared) -> CliError {
    let [base, new] = compared.model_names();
    let message = match (base.is_empty(), new.is_empty()) {
        (true, _) => "the base run has no outcome of a task",
        (_, true) => "the new run has no outcome of a task",
        _ => "the runs have no task in common",
    };
    let help = format!(
        "tasks are found by what is asked of which model; the base asks {}, the new run {}: hold one \
         against the other with `--map BASE=NEW`, or name other runs",
        none_or(&base),
        none_or(&new)
    );
    CliError::usage(message, help)
}

fn none_or(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { words::all(names) }
}
