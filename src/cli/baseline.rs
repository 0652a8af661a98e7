//! `runner baseline`: pins a run of a job, so that later ones are held against it.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::named::{Place, store};
use crate::cli::run::shown;
use crate::cli::screen::clipped;
use crate::cli::sheet::{self, Form};
use crate::job::words;
use crate::report::cell::Cell;
use crate::report::terminal;
use crate::store::baseline::Baselines;
use crate::store::runs::{PINNED, has_outcome, job_folder};

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner baseline set nightly/latest                   the run that later ones are held against
  runner baseline set nightly/latest~2 --name release  a second one; it is called `pinned:release`
  runner baseline list                                 what is pinned, of every job
  runner baseline unset --job nightly
  runner diff nightly/pinned nightly/latest";

/// What is done about baselines.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Pin a run; `pinned` then means it.
    Set {
        /// The run: a folder, `latest`, `latest~3`, or of a job `nightly/latest`.
        #[arg(value_name = "RUN")]
        run: String,
        /// Pin it under a name of its own, beside others: `pinned:NAME` then means it.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Where runs are.
        #[command(flatten)]
        place: Place,
    },
    /// Show what is pinned.
    #[command(visible_alias = "show")]
    List {
        /// Where runs are.
        #[command(flatten)]
        place: Place,
        /// How it is printed.
        #[arg(long, value_name = "FORM", default_value = "table")]
        format: Form,
    },
    /// Pin no run any more; the run itself stays.
    Unset {
        /// The pin's name, where it has one of its own.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Where runs are.
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the command.
pub fn main(args: &BaselineArgs, context: &Context) -> Result<Ending, CliError> {
    match &args.action {
        Action::Set { run, name, place } => set(run, name.as_deref(), place, context),
        Action::List { place, format } => list(place, *format, context),
        Action::Unset { name, place } => unset(name.as_deref(), place, context),
    }
}

fn set(
    run: &str,
    name: Option<&str>,
    place: &Place,
    context: &Context,
) -> Result<Ending, CliError> {
    let name = pin_name(name)?;
    let run = place.run(run)?;
    if !has_outcome(run.path()) {
        let message = format!("`{}` has no outcome yet", run.path().display());
        return Err(CliError::usage(message, "pin a run that can be held against another"));
    }
    let folder = job_folder(run.path());
    let mut pins = Baselines::read(&folder).map_err(store)?;
    let before = pins.pin(name, run.name());
    pins.write(&folder).map_err(store)?;
    let before = before.map(|pin| format!(", in place of {}", pin.run)).unwrap_or_default();
    context.print(&format!(
        "pinned {} as `{}`{before}\n",
        shown(run.path()).display(),
        word(name)
    ))?;
    if let Ok(Some(manifest)) = run.manifest()
        && manifest.sessions.last().is_some_and(|last| last.ended.as_deref() != Some("done"))
    {
        context.screen.note("the run is not done: what it lacks cannot be held against others");
    }
    Ok(Ending::Done)
}

fn unset(name: Option<&str>, place: &Place, context: &Context) -> Result<Ending, CliError> {
    let name = pin_name(name)?;
    let folder = place.folder()?;
    let mut pins = Baselines::read(&folder).map_err(store)?;
    let Some(pin) = pins.pins.remove(name) else {
        let known: Vec<&String> = pins.pins.keys().collect();
        let help = match known.is_empty() {
            true => "nothing is; `runner baseline list` shows what is, of every job".to_owned(),
            false => words::suggestion(name, &known, "`--name` is one of"),
        };
        let message = format!("no run is pinned as `{}` in `{}`", word(name), folder.display());
        return Err(CliError::usage(message, help));
    };
    pins.write(&folder).map_err(store)?;
    context.print(&format!("{} is pinned as `{}` no more\n", pin.run, word(name)))?;
    Ok(Ending::Done)
}

const COLUMNS: &[&str] = &["job", "name", "run", "pinned_at", "runner_version", "is_there"];

fn list(place: &Place, form: Form, context: &Context) -> Result<Ending, CliError> {
    let folders = match &place.job {
        Some(_) => vec![place.folder()?],
        None => place.jobs()?.iter().map(|job| place.out.join(job)).collect(),
    };
    let mut pins = Vec::new();
    for folder in folders {
        for (name, pin) in Baselines::read(&folder).map_err(store)?.pins {
            pins.push((folder.clone(), name, pin));
        }
    }
    let lines: Vec<Vec<Cell<'_>>> = pins
        .iter()
        .map(|(folder, name, pin)| {
            vec![
                Cell::Text(base_name(folder).into()),
                Cell::Text(word(name).into()),
                pin.run.as_str().into(),
                pin.pinned_at.into(),
                pin.runner_version.as_str().into(),
                Cell::Flag(has_outcome(&folder.join(&pin.run))),
            ]
        })
        .collect();
    let text = match form {
        Form::Json => format!("{:#}\n", json!(sheet::json(COLUMNS, &lines))),
        Form::Csv => sheet::csv(COLUMNS, &lines),
        Form::Table => {
            let rows = pins.iter().map(|(folder, name, pin)| {
                let is_there = has_outcome(&folder.join(&pin.run));
                let run = if is_there { pin.run.clone() } else { format!("{} (gone)", pin.run) };
                [base_name(folder), word(name), run, pin.pinned_at.to_string()]
                    .map(|cell| clipped(&cell))
            });
            let table = terminal::draw_left(["job", "name", "run", "pinned at"], rows.collect());
            format!("{table}\n")
        }
    };
    context.print(&text)?;
    if pins.is_empty() {
        context.screen.note("nothing is pinned: runner baseline set RUN");
    }
    Ok(Ending::Done)
}

/// The name of a pin, as it is written.
fn pin_name(name: Option<&str>) -> Result<&str, CliError> {
    match name {
        None => Ok(PINNED),
        Some(name) if name.trim().is_empty() || name.contains(char::is_control) => {
            Err(CliError::usage("`--name` is no name", "give it letters, as in `--name release`"))
        }
        Some(name) => Ok(name.strip_prefix("pinned:").unwrap_or(name)),
    }
}

/// By what a pin is meant.
fn word(name: &str) -> String {
    if name == PINNED { PINNED.to_owned() } else { format!("{PINNED}:{name}") }
}

fn base_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
