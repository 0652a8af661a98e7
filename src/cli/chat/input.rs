//! Where lines come from: a line editor at a terminal, or standard input as it is.

use std::io::{BufRead as _, IsTerminal as _};

use tokio::signal::ctrl_c;
use tokio::task::JoinSet;

use crate::cli::chat::editor::Editor;
use crate::cli::chat::lines::{is_open, joined};
use crate::cli::context::Context;
use crate::cli::exit::CliError;

/// What the user did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Said something.
    Line(String),
    /// Pressed Ctrl-C and so threw away what was written.
    Cleared,
    /// Pressed Ctrl-C where nothing was written.
    Interrupt,
    /// Interrupted the program where no line is edited.
    Signal,
    /// Left: Ctrl-D, or the end of the file.
    End,
}

/// Gives lines, and blocks while it waits for one.
pub(super) trait Lines: Send {
    /// The next line, or lines that belong together.
    fn line(&mut self, prompt: &str) -> Result<Heard, CliError>;
}

/// Where lines come from.
pub(super) struct Input {
    lines: Option<Box<dyn Lines>>,
    is_terminal: bool,
}

impl Input {
    pub(super) fn open(context: &Context) -> Result<Self, CliError> {
        let is_terminal = std::io::stdin().is_terminal();
        let lines: Box<dyn Lines> = match is_terminal {
            true => Box::new(Editor::open(context)?),
            false => Box::new(Piped),
        };
        Ok(Self { lines: Some(lines), is_terminal })
    }

    /// Whether someone sits there.
    pub(super) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Waits for the next line, while the runtime looks after its connections. When it is dropped,
    /// the line that was being written is lost, and no other can be had.
    pub(super) async fn next(&mut self, prompt: &str) -> Result<Heard, CliError> {
        let mut lines = self.lines.take().expect("it is put back after each line");
        let prompt = prompt.to_owned();
        let mut reading = JoinSet::new();
        reading.spawn_blocking(move || {
            let heard = lines.line(&prompt);
            (lines, heard)
        });
        tokio::select! {
            // An editor hears the key itself.
            _ = ctrl_c(), if !self.is_terminal => Ok(Heard::Signal),
            Some(read) = reading.join_next() => {
                let (lines, heard) = read.map_err(|why| CliError::world("read a line", why))?;
                self.lines = Some(lines);
                heard
            }
        }
    }
}

/// Standard input that is no terminal: a file or a pipe.
struct Piped;

impl Lines for Piped {
    fn line(&mut self, _prompt: &str) -> Result<Heard, CliError> {
        let mut text = String::new();
        let mut stdin = std::io::stdin().lock();
        loop {
            let before = text.len();
            stdin.read_line(&mut text).map_err(|why| {
                let message = format!("failed to read standard input: {why}");
                CliError::usage(message, "send UTF-8 text, a message a line")
            })?;
            let is_end = text.len() == before;
            if is_end && text.is_empty() {
                return Ok(Heard::End);
            }
            let line = text.strip_suffix('\n').unwrap_or(&text);
            let line = line.strip_suffix('\r').unwrap_or(line);
            if is_end || !is_open(line) {
                return Ok(Heard::Line(joined(line)));
            }
        }
    }
}
