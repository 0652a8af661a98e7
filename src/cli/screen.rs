//! Where text goes: results to stdout, all else to stderr, and no key to either.
//!
//! Bars own the bottom of a terminal; a line that is printed while they are drawn is put above
//! them.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::MultiProgress;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::context::Color;
use crate::wire::secret::Redactor;

/// The longest message that is shown on a line, in characters.
const LONGEST: usize = 240;

/// A message as it fits on a line: no control characters, and not without end.
pub fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().take(LONGEST).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped.replace(char::is_control, " ")
}

/// A text without what steers a terminal: colours, the cursor, its title, its clipboard.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(is_harmful) {
        true => Cow::Owned(text.replace(is_harmful, "")),
        false => Cow::Borrowed(text),
    }
}

/// Standard output and standard error of the program.
#[derive(Clone, Debug)]
pub struct Screen {
    shared: Arc<Mutex<Shared>>,
    colored: bool,
}

#[derive(Debug, Default)]
struct Shared {
    bars: Option<MultiProgress>,
    redactor: Redactor,
    /// Whether what is said is read by a program, line by line.
    json: bool,
}

impl Screen {
    /// A screen that colours when asked to, or when it should by custom.
    pub fn new(color: Color) -> Self {
        let customary = || {
            let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            !forbidden && !dumb && io::stderr().is_terminal()
        };
        let colored = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => customary(),
        };
        Self { shared: Arc::default(), colored }
    }

    /// Whether what goes to stderr is coloured.
    pub fn is_colored(&self) -> bool {
        self.colored
    }

    /// Whether stderr is a terminal, on which bars can be drawn.
    pub fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// From now on none of these keys is printed.
    pub fn conceal(&self, redactor: Redactor) {
        self.lock().redactor = redactor;
    }

    /// From now on these bars are drawn; `None` when they are gone.
    pub fn draw(&self, bars: Option<MultiProgress>) {
        self.lock().bars = bars;
    }

    /// From now on what is said is JSON, a line each.
    pub fn speak_json(&self) {
        self.lock().json = true;
    }

    /// Prints a line for people to stderr; for programs, as an event of its own.
    pub fn note(&self, line: &str) {
        if self.lock().json {
            let note = serde_json::json!({"event": "note", "message": line});
            return self.say(&note.to_string());
        }
        self.say(line);
    }

    /// Prints a line to stderr. A stderr that is closed takes nothing from the run.
    pub fn say(&self, line: &str) {
        self.raw(format!("{line}\n").as_bytes());
    }

    /// Prints a result to stdout; `Err` when nobody can read it, as when a pipe was closed. A pipe
    /// gets it as it is, a terminal without what would steer it.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let (bars, text) = {
            let shared = self.lock();
            (shared.bars.clone(), shared.redactor.clean_text(text).into_owned())
        };
        let print = || {
            let mut stdout = io::stdout().lock();
            match stdout.is_terminal() {
                true => stdout.write_all(harmless(&text).as_bytes())?,
                false => stdout.write_all(text.as_bytes())?,
            }
            stdout.flush()
        };
        bars.map_or_else(print, |bars| bars.suspend(print))
    }

    fn raw(&self, bytes: &[u8]) {
        let (bars, clean) = {
            let shared = self.lock();
            let text = String::from_utf8_lossy(bytes);
            (shared.bars.clone(), shared.redactor.clean_text(&text).into_owned())
        };
        let print = || {
            let _ = io::stderr().lock().write_all(clean.as_bytes());
        };
        bars.map_or_else(print, |bars| bars.suspend(print));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One log line on its way to stderr.
#[derive(Debug)]
pub struct Line {
    screen: Screen,
    bytes: Vec<u8>,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.screen.raw(&self.bytes);
        }
    }
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { screen: self.clone(), bytes: Vec::new() }
    }
}
