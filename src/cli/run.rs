//! `runner run JOB.toml`: runs a job, or goes on with one.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::closed;
use crate::cli::context::{Context, runtime};
use crate::cli::diagnose;
use crate::cli::exit::{CliError, Ending};
use crate::cli::github;
use crate::cli::plan;
use crate::cli::progress::{Progress, Style};
use crate::cli::signals;
use crate::cli::stopped;
use crate::cli::unpriced;
use crate::engine::stop::Stopper;
use crate::job::Job;
use crate::job::load::load;
use crate::job::select::Selection;
use crate::report::terminal;
use crate::run::error::RunError;
use crate::run::settings::{Resume, Settings};
use crate::run::settled::settled;
use crate::run::{Ended, Prepared};
use crate::store::error::StoreError;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner jobs/nightly.toml                            run it all
  runner jobs/nightly.toml --limit 5 --models 'gpt-*' try it on a few rows of some models
  runner jobs/nightly.toml --set params.temperature=1 change a key of the job
  runner jobs/nightly.toml --max-usd 2.50             stop before more than that is spent
  runner jobs/nightly.toml --resume                   ask what has no answer yet
  runner jobs/nightly.toml --progress json 2>run.log  for programs that watch it
  runner jobs/nightly.toml --github                   in GitHub Actions";

/// What `--resume` means without a value: the newest run of the job.
const LATEST: &str = "latest";

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The job file.
    #[arg(value_name = "JOB.toml")]
    job: PathBuf,
    /// Go on with the latest run of this job, or with the run folder named.
    #[arg(long, value_name = "RUN", num_args = 0..=1, default_missing_value = LATEST)]
    resume: Option<PathBuf>,
    /// Make run folders here, in place of the job's `output.dir`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to send.
    #[command(flatten)]
    choice: Choice,
    /// Calls in flight at once, over all providers.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: Option<u32>,
    /// Show what would be sent, and send nothing.
    #[arg(long)]
    dry_run: bool,
    /// How the run is shown on stderr.
    #[arg(long, value_name = "STYLE", default_value = "auto")]
    progress: Style,
    /// Tell GitHub Actions: annotations for what failed (on stderr, which it reads too), and the page
    /// of summary.md for the step's summary, at `$GITHUB_STEP_SUMMARY`.
    #[arg(long)]
    github: bool,
}

/// What is taken of a job.
#[derive(Clone, Debug, Args)]
pub struct Choice {
    /// Set a key of the job, as in `--set params.temperature=0.5`; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// Only models whose label or name fits this pattern.
    #[arg(long, value_name = "GLOB")]
    pub models: Option<String>,
    /// Only prompt sets whose name fits this pattern.
    #[arg(long, value_name = "GLOB")]
    pub prompts: Option<String>,
    /// Only the first N rows of each prompt set.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Spend no more than this, in USD over all sessions of the run; in place of the job's
    /// `budget.max_usd`.
    #[arg(long, value_name = "USD")]
    pub max_usd: Option<String>,
}

impl Choice {
    /// The keys of the job that are set.
    pub fn sets(&self) -> Vec<String> {
        let budget = self.max_usd.iter().map(|usd| format!("budget.max_usd={usd}"));
        self.sets.iter().cloned().chain(budget).collect()
    }

    /// The selection for the plan.
    pub fn selection(&self) -> Selection {
        Selection { models: self.models.clone(), prompts: self.prompts.clone(), limit: self.limit }
    }
}

/// Runs the command.
pub fn main(args: RunArgs, context: &Context) -> Result<Ending, CliError> {
    if args.dry_run {
        return plan::show(&args.job, &args.choice, plan::Format::Table, context);
    }
    let options = options(&args);
    let mut sets = args.choice.sets();
    sets.extend(args.concurrency.map(|width| format!("limits.concurrency={width}")));
    let job = read(&args.job, &sets, context)?;
    let settings = Settings {
        out: args.out,
        resume: args.resume.map(resume),
        selection: args.choice.selection(),
        options,
    };
    let ended = match settled(&job, &settings).map_err(|why| broke(&why))? {
        Some(ended) => {
            context.screen.note("all of it was done before, and nothing has changed since");
            ended
        }
        None => run(&job, &settings, args.progress, context)?,
    };
    let ending = tell(&ended, &job, context);
    if args.github {
        github::tell(&ended.summary, context);
    }
    Ok(ending)
}

/// Runs the job to its end.
fn run(
    job: &Job,
    settings: &Settings,
    progress: Style,
    context: &Context,
) -> Result<Ended, CliError> {
    let prepared = Prepared::new(job, &settings.selection, &context.env)
        .map_err(|faults| diagnose::error(&job.document, &faults, &context.screen))?;
    context.screen.conceal(prepared.redactor());
    let style = if context.quiet { Style::None } else { progress };
    let mut progress = Progress::new(style, &context.screen);
    let stopper = Stopper::default();
    let ended = runtime()?.block_on(async {
        tokio::select! {
            ended = prepared.run(settings, &mut progress, &stopper) => ended,
            () = signals::listen(&stopper, &context.screen) => unreachable!("it never returns"),
        }
    });
    ended.map_err(|why| broke(&why))
}

fn resume(named: PathBuf) -> Resume {
    if named.as_os_str() == LATEST { Resume::Latest } else { Resume::Run(named) }
}

/// Reads a job, or draws its faults.
pub fn read(path: &Path, sets: &[String], context: &Context) -> Result<Job, CliError> {
    load(path, sets, &context.env)
        .map_err(|faults| diagnose::error(&faults.document, &faults.diagnostics, &context.screen))
}

/// What the user stated, for `run.json`.
fn options(args: &RunArgs) -> serde_json::Value {
    json!({
        "resume": args.resume,
        "set": args.choice.sets,
        "models": args.choice.models,
        "prompts": args.choice.prompts,
        "limit": args.choice.limit,
        "concurrency": args.concurrency,
        "max_usd": args.choice.max_usd,
    })
}

/// What came of the run, where the reports are, and which models were closed.
fn tell(ended: &Ended, job: &Job, context: &Context) -> Ending {
    let overview = terminal::overview(&ended.summary);
    let text = format!("{overview}\nreports in {}\n", shown(&ended.path).display());
    // A stdout that nobody reads takes nothing from the run.
    let _ = context.screen.result(&text);
    let closed = closed::notes(&ended.summary, job, &context.env);
    closed.iter().for_each(|line| context.screen.note(line));
    if !context.quiet {
        let unpriced = unpriced::notes(&ended.summary, job);
        unpriced.iter().for_each(|line| context.screen.note(line));
    }
    if let Some(stopped) = &ended.stopped {
        context.screen.note(&stopped::told(stopped));
        return stopped::ending(stopped);
    }
    let planned = ended.summary.planned.unwrap_or_default();
    if ended.scoring.failed > 0 {
        context.screen.note(&unscored(ended.scoring.failed));
    }
    if ended.summary.totals.ok < planned || ended.scoring.failed > 0 {
        Ending::SomeFailed
    } else if ended.summary.gates.iter().all(|gate| gate.passed) {
        Ending::Done
    } else {
        Ending::GateFailed
    }
}

/// That calls of scorers failed.
fn unscored(failed: u64) -> String {
    let noun = if failed == 1 { "call of a scorer" } else { "calls of scorers" };
    format!(
        "warning: {failed} {noun} failed, and the answers that they were about are not scored in \
         full\nhelp: errors.csv says why; --resume asks them again"
    )
}

/// A folder as one would write it from here.
pub fn shown(path: &Path) -> PathBuf {
    let (Ok(whole), Ok(here)) = (path.canonicalize(), std::env::current_dir()) else {
        return path.to_owned();
    };
    whole.strip_prefix(here).map_or(path.to_owned(), Path::to_owned)
}

/// Something of this machine broke.
pub fn broke(why: &RunError) -> CliError {
    if let RunError::Store(StoreError::NotARun { path }) = why {
        let message = format!("there is no run in `{}`", path.display());
        return CliError::usage(message, "name the folder of a run, such as runs/<job>/latest");
    }
    if let RunError::OtherJob { .. } = why {
        let help = "name a run of this job, or leave the name away for its newest one";
        return CliError::usage(format!("failed to {why}"), help);
    }
    let error = CliError::World { message: format!("failed to {why}"), help: None };
    match why {
        RunError::Prompts(_) => error.with_help("restore the prompt files, then --resume goes on"),
        RunError::Journal { lost: 0, .. } => error.with_help(
            "every answer is in the journal by now; make room on the disk or mend its rights, and \
             --resume goes on",
        ),
        RunError::Journal { kept: Some(kept), path, .. } => error.with_help(format!(
            "they are kept in `{kept}`: make room on the disk or mend its rights, append them with \
             `cat {kept} >> {journal}`, and --resume goes on",
            kept = kept.display(),
            journal = path.display(),
        )),
        RunError::Journal { .. } => error.with_help(
            "make room on the disk or mend its rights; what is in the journal is safe, and --resume \
             asks again only what is not",
        ),
        RunError::Unsure { .. } => error.with_help(
            "every answer is in the journal, but may not outlive this machine: check the disk, then \
             --resume goes on",
        ),
        RunError::Removed { lost: None, .. } => error.with_help(
            "it was put back with every answer so far, and nothing more was sent: --resume goes on, \
             or remove it again",
        ),
        RunError::Removed { .. } => error.with_help(
            "what was answered is lost with it; make the folder writable and run the job anew",
        ),
        RunError::Moved { .. } => error.with_help(
            "every answer is in the journal, wherever the folder is now: `--resume FOLDER` goes on \
             there",
        ),
        // These say themselves what to do.
        RunError::Store(_)
        | RunError::Mock(_)
        | RunError::OtherJob { .. } => error,
    }
}
