//! ROOF. The face: arguments in, sentences and an exit code out. Nobody imports it.
//!
//! One file for each command. What the library says as values, [`diagnose`], [`exit`] and
//! [`progress`] turn into text; results go to stdout, all else to stderr through [`screen`].

pub mod advice;
pub mod ask;
pub mod baseline;
pub mod chat;
pub mod check;
pub mod closed;
pub mod context;
pub mod diagnose;
pub mod diff;
pub mod doctor;
pub mod exit;
pub mod github;
pub mod invoice;
pub mod log;
pub mod mock;
pub mod models;
pub mod named;
pub mod page;
pub mod plan;
pub mod progress;
pub mod providers;
pub mod report;
pub mod run;
pub mod schema;
pub mod screen;
pub mod sheet;
pub mod signals;
pub mod stopped;
pub mod unpriced;
pub mod usage;

use std::ffi::OsString;
use std::panic;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::context::{Common, Context};
use crate::cli::exit::{CliError, Ending};
use crate::cli::screen::Screen;
use crate::job::template::guard;
use crate::provider::env::Env;

/// Examples at the end of `runner --help`.
const EXAMPLES: &str = "\
Examples:
  runner jobs/hello.toml                    run a job
  runner run jobs/nightly.toml --resume     go on where the latest run stopped
  runner --model gpt-4o-mini --message Hi   one completion
  runner --model gpt-4o-mini --interactive  a chat
  runner doctor                             is each provider set up
  runner plan jobs/nightly.toml             what would be sent, its cost, and how long it would take
  runner check jobs/*.toml                  every fault of these jobs; sends nothing
  runner report runs/nightly/latest         write a run's reports again
  runner diff previous latest               what got better or worse since the run before
  runner usage --since 30d --by job,model   what was spent, over all runs
  runner models gpt-4o                      window, price, and where the price is from
  runner mock --port 8080                   an OpenAI-compatible server for trying jobs";

/// Sends a list of prompts to many LLM providers: within their limits, through their faults, and
/// loses nothing.
#[derive(Debug, Parser)]
#[command(name = "runner", version, about, after_help = EXAMPLES)]
#[command(arg_required_else_help = true, max_term_width = 100)]
#[command(
    override_usage = "runner JOB.toml [OPTIONS]\n       runner --model M --message TEXT [OPTIONS]\n       runner --model M --interactive [OPTIONS]\n       runner <COMMAND>"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
    /// Options of every command.
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a job, or go on with one.
    #[command(after_help = run::EXAMPLES)]
    Run(run::RunArgs),
    /// One completion, streamed to stdout; the word `ask` may be left out.
    #[command(after_help = ask::EXAMPLES)]
    Ask(ask::AskArgs),
    /// A talk with a model; `--interactive` stands for the word `chat`.
    #[command(after_help = chat::EXAMPLES)]
    Chat(chat::ChatArgs),
    /// Show whether each provider is set up: its key found and taken, and an answer had.
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Show what a job would send, what it would cost, and how long it would take at its limits;
    /// sends nothing.
    #[command(after_help = plan::EXAMPLES)]
    Plan(plan::PlanArgs),
    /// Show every fault of job files; sends nothing.
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArgs),
    /// Write the reports of a run again, from its journal.
    #[command(after_help = report::EXAMPLES)]
    Report(report::ReportArgs),
    /// Hold a run against another: what got better or worse, and what was said; exit code 1 on a
    /// regression.
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::DiffArgs),
    /// Pin a run of a job, so that later ones are held against it.
    #[command(after_help = baseline::EXAMPLES)]
    Baseline(baseline::BaselineArgs),
    /// Show what was spent, over all runs: by day, job, provider, model, tag, ...
    #[command(after_help = usage::help())]
    Usage(usage::UsageArgs),
    /// Show the table of models: windows, prices, and where each price is from.
    #[command(after_help = models::EXAMPLES)]
    Models(models::ModelsArgs),
    /// Show the providers: where they are, and whose key is set.
    #[command(after_help = providers::EXAMPLES)]
    Providers(providers::ProvidersArgs),
    /// Print a JSON Schema.
    #[command(after_help = schema::EXAMPLES)]
    Schema(schema::SchemaArgs),
    /// Serve the built-in provider on loopback.
    #[command(after_help = mock::EXAMPLES)]
    Mock(mock::MockArgs),
}

/// Runs the program and gives its exit code.
pub fn main() -> ExitCode {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        if !guard::is_guarded() {
            usual(what);
        }
    }));
    let cli = Cli::parse_from(with_run(std::env::args_os().collect()));
    let screen = Screen::new(cli.common.color);
    let ending = prepare(&cli.common, &screen).and_then(|env| {
        dispatch(cli.command, &Context { screen: screen.clone(), env, quiet: cli.common.quiet })
    });
    match ending {
        Ok(ending) => ending.code(),
        Err(error) => error.tell(&screen),
    }
}

fn prepare(common: &Common, screen: &Screen) -> Result<Env, CliError> {
    let folder =
        std::env::current_dir().map_err(|why| CliError::world("find the working folder", why))?;
    let env = Env::load(&folder).map_err(|why| {
        CliError::usage(format!("failed to {why}"), "mend the file, or remove it")
    })?;
    log::start(common, screen, &env)?;
    Ok(env)
}

fn dispatch(command: Command, context: &Context) -> Result<Ending, CliError> {
    match command {
        Command::Run(args) => run::main(args, context),
        Command::Ask(args) => ask::main(args, context),
        Command::Chat(args) => chat::main(args, context),
        Command::Doctor(args) => doctor::main(&args, context),
        Command::Plan(args) => plan::main(&args, context),
        Command::Check(args) => check::main(&args, context),
        Command::Report(args) => report::main(&args, context),
        Command::Diff(args) => diff::main(&args, context),
        Command::Baseline(args) => baseline::main(&args, context),
        Command::Usage(args) => usage::main(&args, context),
        Command::Models(args) => models::main(&args, context),
        Command::Providers(args) => providers::main(&args, context),
        Command::Schema(args) => schema::main(&args, context),
        Command::Mock(args) => mock::main(&args, context),
    }
}

/// `runner JOB.toml` is `runner run JOB.toml`, `runner --model M --message T` is `runner ask ...`,
/// and `runner --model M --interactive` is `runner chat ...`: puts in the word that was left out.
fn with_run(mut arguments: Vec<OsString>) -> Vec<OsString> {
    /// Options before a command whose value is the next word.
    const WITH_VALUE: [&str; 2] = ["--color", "--log-format"];
    /// Options that only one completion has, and a chat.
    const OF_ASK: [&str; 2] = ["--model", "--message"];
    const OF_CHAT: &str = "--interactive";
    let begins = arguments.get(1).map(|word| word.to_string_lossy().into_owned());
    let is_option = begins.is_some_and(|word| word.starts_with('-'));
    let of_ask = |word: &OsString| {
        let word = word.to_string_lossy();
        OF_ASK.contains(&word.split('=').next().unwrap_or_default())
    };
    if is_option && arguments.iter().any(|word| word == OF_CHAT) {
        arguments.insert(1, "chat".into());
        return arguments;
    }
    if is_option && arguments.iter().any(of_ask) {
        arguments.insert(1, "ask".into());
        return arguments;
    }
    let mut is_value = false;
    let first = arguments.iter().skip(1).find(|argument| {
        let word = argument.to_string_lossy();
        let skipped = is_value || word.starts_with('-') && word.len() > 1;
        is_value = !is_value && WITH_VALUE.contains(&&*word);
        !skipped
    });
    let names_command = |word: &OsString| {
        let command = Cli::command();
        word == "help" || command.get_subcommands().any(|known| known.get_name() == word)
    };
    if first.is_some_and(|word| !names_command(word)) {
        arguments.insert(1, "run".into());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_run_may_be_left_out() {
        for (given, meant) in [
            ("runner x.toml --resume", "runner run x.toml --resume"),
            ("runner -v --color never x.toml", "runner run -v --color never x.toml"),
            ("runner --color=never check x.toml", "runner --color=never check x.toml"),
            ("runner run x.toml", "runner run x.toml"),
            ("runner help run", "runner help run"),
            ("runner --model m --message hi", "runner ask --model m --message hi"),
            ("runner -v --message=hi --model=m", "runner ask -v --message=hi --model=m"),
            ("runner --model m --interactive", "runner chat --model m --interactive"),
            ("runner --help", "runner --help"),
            ("runner", "runner"),
        ] {
            let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(with_run(words(given)), words(meant));
        }
    }

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
