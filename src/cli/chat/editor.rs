//! The line editor: history that outlives the session, several lines, and Tab for the commands.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::completion::Completer;
use rustyline::config::Config;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, Helper};

use crate::cli::chat::command;
use crate::cli::chat::input::{Heard, Lines};
use crate::cli::chat::lines::{is_open, joined};
use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::screen::Screen;
use crate::provider::env::Env;

/// Messages that the history keeps.
const KEPT: usize = 2_000;

/// A line editor at the terminal. What is typed and shown goes past stdout, which is for answers.
pub(super) struct Editor {
    line: rustyline::Editor<Manners, DefaultHistory>,
    /// `None` where it cannot be kept.
    history: Option<PathBuf>,
    screen: Screen,
}

impl Editor {
    pub(super) fn open(context: &Context) -> Result<Self, CliError> {
        let failed = |why: ReadlineError| CliError::world("use the terminal", why);
        let config = Config::builder()
            .behavior(Behavior::PreferTerm)
            .max_history_size(KEPT)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(failed)?
            .history_ignore_space(true)
            .build();
        let mut line = rustyline::Editor::with_config(config).map_err(failed)?;
        line.set_helper(Some(Manners { is_blank: AtomicBool::new(true) }));
        let mut opened =
            Self { line, history: history(&context.env), screen: context.screen.clone() };
        opened.load();
        Ok(opened)
    }

    fn load(&mut self) {
        let Some(path) = self.history.clone() else { return };
        let made = path.parent().map_or(Ok(()), make_folder);
        let loaded =
            made.map_err(ReadlineError::from).and_then(|()| match self.line.load_history(&path) {
                Err(ReadlineError::Io(why)) if why.kind() == ErrorKind::NotFound => Ok(()),
                loaded => loaded,
            });
        if let Err(why) = loaded {
            self.give_up(&path, &why);
        }
    }

    /// Keeps a message at once: the next session may begin before this one ends.
    fn keep(&mut self, text: &str) {
        let added = self.line.add_history_entry(text);
        let Some(path) = self.history.clone() else { return };
        if let Err(why) = added.and_then(|_| self.line.append_history(&path)) {
            self.give_up(&path, &why);
        }
    }

    fn give_up(&mut self, path: &Path, why: &ReadlineError) {
        let shown = path.display();
        self.screen.say(&format!(
            "warning: the history is not kept: `{shown}`: {why}\n\
             help: mend the file, or set XDG_STATE_HOME to a folder that can be written"
        ));
        self.history = None;
    }
}

impl Lines for Editor {
    fn line(&mut self, prompt: &str) -> Result<Heard, CliError> {
        match self.line.readline(prompt) {
            Ok(text) => {
                self.keep(&text);
                Ok(Heard::Line(joined(&text)))
            }
            Err(ReadlineError::Eof) => Ok(Heard::End),
            Err(ReadlineError::Interrupted) => {
                let manners = self.line.helper();
                let is_blank =
                    manners.is_none_or(|manners| manners.is_blank.load(Ordering::Relaxed));
                Ok(if is_blank { Heard::Interrupt } else { Heard::Cleared })
            }
            Err(why) => Err(CliError::world("read a line", why)),
        }
    }
}

/// Where the history is kept, by the XDG base directories: state that is worth keeping, and no
/// configuration.
fn history(env: &Env) -> Option<PathBuf> {
    let absolute = |name| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local").join("state")))?;
    Some(state.join("runner").join("history"))
}

/// Makes the folder of the history, for this user alone. The editor makes the file so.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// How the editor behaves.
struct Manners {
    /// Whether nothing is written: the editor tells of Ctrl-C, and not of the line it threw away.
    is_blank: AtomicBool,
}

impl Helper for Manners {}

impl Completer for Manners {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let written = &line[..pos];
        let fits = |name: &&str| written.starts_with('/') && name.starts_with(written);
        Ok((0, command::names().filter(fits).map(|name| format!("{name} ")).collect()))
    }
}

impl Hinter for Manners {
    type Hint = String;

    /// Gives no hint; it is called whenever the line has changed.
    fn hint(&self, line: &str, _pos: usize, _: &rustyline::Context<'_>) -> Option<String> {
        self.is_blank.store(line.is_empty(), Ordering::Relaxed);
        None
    }
}

impl Highlighter for Manners {}

impl Validator for Manners {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match is_open(context.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_kept_where_the_user_keeps_state() {
        let found = |variables: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            history(&Env::of(variables.iter().map(owned)))
        };
        let both = [("XDG_STATE_HOME", "/s"), ("HOME", "/h")];
        assert_eq!(found(&both), Some("/s/runner/history".into()));
        let relative = [("XDG_STATE_HOME", "s"), ("HOME", "/h")];
        assert_eq!(found(&relative), Some("/h/.local/state/runner/history".into()));
        assert_eq!(found(&[]), None);
    }
}
