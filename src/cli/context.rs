//! What every command is given, and the options that all of them take.

use std::io::ErrorKind;

use clap::{ArgAction, Args, ValueEnum};

use crate::cli::exit::CliError;
use crate::cli::screen::Screen;
use crate::provider::env::Env;
use crate::wire::descriptors;

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Say more: -v for information, -vv for debugging.
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Everywhere")]
    pub verbose: u8,
    /// Say nothing but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Everywhere")]
    pub quiet: bool,
    /// How log lines are written.
    #[arg(
        long,
        global = true,
        value_name = "FORM",
        default_value = "text",
        help_heading = "Everywhere"
    )]
    pub log_format: LogFormat,
    /// When to colour; `auto` heeds `NO_COLOR` and whether stderr is a terminal.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Everywhere"
    )]
    pub color: Color,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Even into a file.
    Always,
    /// Not even on a terminal.
    Never,
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// Where text for people goes.
    pub screen: Screen,
    /// Keys and settings.
    pub env: Env,
    /// Whether nothing but errors is said.
    pub quiet: bool,
}

impl Context {
    /// Prints a result to stdout. A reader that went away has what it wanted.
    pub fn print(&self, text: &str) -> Result<(), CliError> {
        match self.screen.result(text) {
            Err(why) if why.kind() != ErrorKind::BrokenPipe => {
                let help = "check where stdout leads; what is on disk is not touched by that";
                Err(CliError::world("write to stdout", why).with_help(help))
            }
            _ => Ok(()),
        }
    }
}

/// One thread does all the work but writing the journal: more cost more than they give.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    if let Some(limit) = descriptors::limit().filter(|limit| *limit < descriptors::LEAST) {
        let why = format!("this process may open {limit} files, and needs {}", descriptors::LEAST);
        return Err(
            CliError::world("begin", why).with_help("raise the limit with `ulimit -n 1024`")
        );
    }
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|why| CliError::world("start the runtime", why))
}
