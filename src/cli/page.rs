//! Tables that commands print for people, for programs, for spreadsheets and for pull requests.

use std::fmt::Write as _;

use clap::ValueEnum;
use serde_json::Value;

use crate::audit::difference::Percent;
use crate::call::money::Usd;
use crate::report::cell::Cell;
use crate::report::figures::dollars;
use crate::report::markdown::escape;
use crate::report::terminal;

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageForm {
    /// For people.
    Table,
    /// For spreadsheets: the lines alone.
    Csv,
    /// For programs.
    Json,
    /// For pull requests.
    Markdown,
}

/// A result in all four forms; only the one that is wanted is made.
pub struct Page<'a, const N: usize> {
    /// How many columns are text, before those that are numbers.
    pub texts: usize,
    /// The header of the table for people.
    pub header: [&'static str; N],
    /// Its lines.
    pub lines: &'a dyn Fn() -> Vec<[String; N]>,
    /// Sentences below it.
    pub notes: &'a [String],
    /// The lines for spreadsheets, with a header.
    pub csv: &'a dyn Fn() -> String,
    /// All of it for programs.
    pub json: &'a dyn Fn() -> Value,
}

impl<const N: usize> Page<'_, N> {
    /// It in this form.
    pub fn text(&self, form: PageForm) -> String {
        match form {
            PageForm::Table => self.table(),
            PageForm::Markdown => self.markdown(),
            PageForm::Csv => (self.csv)(),
            PageForm::Json => format!("{:#}\n", (self.json)()),
        }
    }

    fn table(&self) -> String {
        // A name may hold anything; a terminal obeys control characters.
        let tame = |text: String| text.replace(char::is_control, " ");
        let lines = (self.lines)().into_iter().map(|line| line.map(tame)).collect();
        let mut text = terminal::draw_after(self.texts, self.header, lines);
        text.push_str("\n\n");
        for note in self.notes {
            let _ = writeln!(text, "{}", note.replace(char::is_control, " "));
        }
        text
    }

    fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = row(&self.header.map(str::to_owned));
        let rule = (0..N).map(|place| if place < self.texts { "---" } else { "--:" });
        let _ = writeln!(text, "|{}|", rule.collect::<Vec<_>>().join("|"));
        for line in (self.lines)() {
            text.push_str(&row(&line.map(|cell| escape(&cell))));
        }
        for note in self.notes {
            let _ = write!(text, "\n{}\n", escape(note));
        }
        text
    }
}

/// An amount that may be missing.
pub fn money(usd: Option<Usd>) -> String {
    usd.map_or_else(|| "-".to_owned(), dollars)
}

/// A difference with its sign, also where it is above zero.
pub fn signed(usd: Usd) -> String {
    let text = dollars(usd);
    if usd <= Usd::ZERO {
        return text;
    }
    match text.strip_prefix('~') {
        Some(digits) => format!("~+{digits}"),
        None => format!("+{text}"),
    }
}

/// A percentage with its sign; `-` of nothing.
pub fn percent(percent: Option<Percent>) -> String {
    match percent.map(|percent| percent.to_string()) {
        None => "-".to_owned(),
        Some(text) if text.starts_with('-') || text == "0.00" => format!("{text} %"),
        Some(text) => format!("+{text} %"),
    }
}

/// A percentage in a cell.
pub fn percent_cell(percent: Option<Percent>) -> Cell<'static> {
    percent.map_or(Cell::Empty, |percent| Cell::Decimal(percent.to_string()))
}
