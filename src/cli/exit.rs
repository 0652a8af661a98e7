//! How the program ends: the exit codes, and the sentences that go with errors.

use std::process::ExitCode;

use crate::cli::screen::{Screen, harmless};

/// How a command ended when nothing broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All is done.
    Done,
    /// A gate failed: something is not as it should be, and nothing broke.
    GateFailed,
    /// Some tasks failed.
    SomeFailed,
    /// Stopped early, by a budget, a deadline or a canary; `--resume` goes on.
    StoppedEarly,
    /// Interrupted; `--resume` goes on.
    Interrupted,
}

impl Ending {
    /// The exit code of the contract.
    pub fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Done => 0,
            Self::GateFailed => 1,
            Self::SomeFailed => 3,
            Self::StoppedEarly => 4,
            Self::Interrupted => 130,
        })
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum CliError {
    /// Bad usage or a bad job: nothing was sent. Exit code 2.
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Faults of a job, already drawn over its text. Exit code 2.
    Job(String),
    /// The one call that was asked for failed. Exit code 3.
    Call(String),
    /// This machine: a disk, a lock, a port. Trying again may help. Exit code 5.
    World {
        /// What is wrong, after "failed to".
        message: String,
        /// What to do about it, where that can be said.
        help: Option<String>,
    },
}

impl CliError {
    /// Bad usage.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Something of this machine failed; `what` fits after "failed to".
    pub fn world(what: &str, why: impl std::fmt::Display) -> Self {
        Self::World { message: format!("failed to {what}: {why}"), help: None }
    }

    /// The same with what to do about it.
    pub fn with_help(self, text: impl Into<String>) -> Self {
        match self {
            Self::World { message, .. } => Self::World { message, help: Some(text.into()) },
            other => other,
        }
    }

    /// Prints the error to stderr and gives the exit code.
    pub fn tell(&self, screen: &Screen) -> ExitCode {
        let (text, code) = match self {
            Self::Usage { message, help } => (format!("error: {message}\nhelp: {help}"), 2),
            Self::Job(drawn) => {
                // Drawn with colours, and harmless already.
                screen.say(drawn.trim_end());
                return ExitCode::from(2);
            }
            Self::Call(message) => (format!("error: {message}"), 3),
            Self::World { message, help: Some(help) } => {
                (format!("error: {message}\nhelp: {help}"), 5)
            }
            Self::World { message, help: None } => (format!("error: {message}"), 5),
        };
        // It may quote what a server said.
        let text = harmless(&text);
        screen.say(&text);
        ExitCode::from(code)
    }
}
