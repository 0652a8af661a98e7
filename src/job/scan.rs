//! One pass over a prompt set: every row read and rendered, every fault of them gathered, and
//! nothing kept.

use std::collections::BTreeMap;

use crate::job::asking::Unfit;
use crate::job::diagnostic::{DataSpot, Diagnostic, On, Place};
use crate::job::key_path::KeyPath;
use crate::job::prompts::{Prompt, PromptSet};
use crate::job::rows::{At, Cause, PROMPT, Row, RowFault, SetKey};
use crate::job::words;

/// So many faults of rows are told for each set; of the rest only how many there are.
const MOST_FAULTS: usize = 10;

/// So many columns are remembered, for messages.
const MOST_COLUMNS: usize = 200;

/// Reads all rows of a set, or the first `limit`, and gives each prompt to `each`, which may find
/// that it cannot be asked. `Ok` is how many there are.
pub fn scan(
    set: &PromptSet,
    limit: Option<u64>,
    mut each: impl FnMut(&Prompt) -> Result<(), Unfit>,
) -> Result<u64, Vec<Diagnostic>> {
    let mut scan = Scan::new(set);
    let mut number = 0;
    let limit = limit.unwrap_or(u64::MAX);
    for row in set.source.rows(&set.shown) {
        if number == limit {
            break;
        }
        number += 1;
        match row {
            Ok(row) => scan.row(row, number, &mut each),
            Err(fault) => scan.fault(fault),
        }
    }
    let diagnostics = scan.diagnostics(number, limit);
    if diagnostics.is_empty() { Ok(number) } else { Err(diagnostics) }
}

struct Scan<'s> {
    set: &'s PromptSet,
    /// The set, less the templates that turned out to be at fault.
    current: PromptSet,
    columns: Vec<String>,
    /// Faults of rows, the first of them.
    rows: Vec<RowFault>,
    /// Faults of rows beyond those.
    more: u64,
    /// Columns that a row lacks, by who names them: told once where no row has them.
    lacking: BTreeMap<(Option<SetKey>, String), Lacking>,
    /// Faults of the templates themselves.
    templates: Vec<Diagnostic>,
}

struct Lacking {
    /// The first faults of it, for rows that are alone in lacking the column.
    faults: Vec<RowFault>,
    count: u64,
}

impl<'s> Scan<'s> {
    fn new(set: &'s PromptSet) -> Self {
        Self {
            set,
            current: set.clone(),
            columns: Vec::new(),
            rows: Vec::new(),
            more: 0,
            lacking: BTreeMap::new(),
            templates: Vec::new(),
        }
    }

    fn row(&mut self, row: Row, number: u64, each: &mut impl FnMut(&Prompt) -> Result<(), Unfit>) {
        self.see(&row);
        // A row that has one fault is read again without what is at fault, for the next one. Most
        // rows have none, and are not copied for it.
        let is_suspect = number <= MOST_FAULTS as u64 || !self.lacking.is_empty();
        let spare = is_suspect.then(|| row.clone());
        let at = row.at.clone();
        let mut fault = match self.current.prompt(row, number) {
            Ok(prompt) => {
                if let Err(why) = each(&prompt) {
                    let fault = RowFault::new(&self.set.shown, at, why.message);
                    self.keep(fault.help(why.help));
                }
                return;
            }
            Err(fault) => fault,
        };
        let mut rest = self.current.clone();
        loop {
            let key = fault.cause.key();
            self.fault(fault);
            let (Some(key), Some(row)) = (key, &spare) else { return };
            rest = rest.with_blank(key);
            match rest.prompt(row.clone(), number) {
                Ok(_) => return,
                Err(next) => fault = next,
            }
        }
    }

    /// Remembers the columns; rows are mostly alike.
    fn see(&mut self, row: &Row) {
        if row.cells.len() == self.columns.len() && row.cells.keys().eq(&self.columns) {
            return;
        }
        for column in row.cells.keys() {
            if self.columns.len() < MOST_COLUMNS && !self.columns.contains(column) {
                self.columns.push(column.clone());
            }
        }
    }

    fn fault(&mut self, fault: RowFault) {
        match &*fault.cause {
            Cause::Row => self.keep(fault),
            Cause::Template { key, range } => {
                let key = *key;
                let on = range.clone().map_or(On::Value, On::Within);
                let place = Place::Key { path: self.set.path(key), on };
                let message = format!("the template cannot be used: {}", fault.message);
                let help = "Jinja2's built-in filters, tests and functions can be used, and nothing is included";
                self.templates.push(Diagnostic::new(place, message).help(help));
                // The rows after it would all say the same.
                self.current = self.current.clone().with_blank(key);
            }
            Cause::Lacks { key, column, .. } => {
                let about = (Some(*key), column.clone());
                self.lack(about, fault);
            }
            Cause::NothingToAsk => self.lack((None, PROMPT.to_owned()), fault),
        }
    }

    fn lack(&mut self, about: (Option<SetKey>, String), fault: RowFault) {
        let lacking = self.lacking.entry(about).or_insert(Lacking { faults: Vec::new(), count: 0 });
        lacking.count += 1;
        if lacking.faults.len() < MOST_FAULTS {
            lacking.faults.push(fault);
        }
    }

    fn keep(&mut self, fault: RowFault) {
        if self.rows.len() < MOST_FAULTS {
            self.rows.push(fault);
        } else {
            self.more += 1;
        }
    }

    fn path(&self) -> KeyPath {
        KeyPath::top().key("prompts").key(&self.set.name)
    }

    fn diagnostics(mut self, rows: u64, limit: u64) -> Vec<Diagnostic> {
        let mut diagnostics = std::mem::take(&mut self.templates);
        for ((key, column), lacking) in std::mem::take(&mut self.lacking) {
            let known = match key {
                None => self.columns.iter().any(|known| known == PROMPT || known == "messages"),
                Some(_) => self.columns.contains(&column),
            };
            if known {
                let told = lacking.faults.len() as u64;
                lacking.faults.into_iter().for_each(|fault| self.keep(fault));
                self.more += lacking.count - told;
            } else {
                diagnostics
                    .extend(lacking.faults.first().map(|fault| self.nowhere(key, &column, fault)));
            }
        }
        if rows == 0 && limit > 0 && self.rows.is_empty() {
            diagnostics.push(self.empty());
        }
        self.rows.sort_by_key(|fault| match fault.at {
            At::Line(line) => line,
            _ => 0,
        });
        diagnostics.extend(self.row_diagnostics());
        if self.more > 0 {
            let message = format!(
                "{} like these in `{}`",
                words::count(self.more, "more fault"),
                self.set.shown
            );
            let help = "mend those that are shown, and check again";
            diagnostics.push(Diagnostic::at_key(self.path(), message).help(help));
        }
        diagnostics
    }

    /// A column that is named and that no row has.
    fn nowhere(&self, key: Option<SetKey>, column: &str, fault: &RowFault) -> Diagnostic {
        let columns = if self.columns.is_empty() {
            "the rows are empty".to_owned()
        } else {
            format!("the columns are {}", words::all(&self.columns))
        };
        let Some(key) = key else {
            let first = self.columns.first().map_or("column", String::as_str);
            let message = format!("nothing says what of `{}` is asked", self.set.shown);
            return Diagnostic::at_key(self.path(), message)
                .label("no `user`, and no column `prompt` or `messages`")
                .help(format!("write a template: user = \"{{{{ {first} }}}}\"; {columns}"));
        };
        let on = match &*fault.cause {
            Cause::Lacks { range: Some(range), .. } => On::Within(range.clone()),
            _ => On::Value,
        };
        let place = Place::Key { path: self.set.path(key), on };
        let message =
            format!("no row of `{}` has a column `{}`", self.set.shown, column.escape_debug());
        let help = match words::did_you_mean(column, self.columns.iter().map(String::as_str)) {
            Some(question) => format!("{question} {columns}"),
            None => columns,
        };
        Diagnostic::new(place, message).help(help)
    }

    fn empty(&self) -> Diagnostic {
        let key = if self.set.shown.ends_with(".inline") { "inline" } else { "file" };
        let message = format!("`{}` has no rows", self.set.shown);
        Diagnostic::at_value(self.path().key(key), message).help("write at least one row into it")
    }

    /// The faults of rows, each with its line.
    fn row_diagnostics(&self) -> Vec<Diagnostic> {
        let line = |fault: &RowFault| match fault.at {
            At::Line(line) if fault.text.is_none() => Some(line),
            _ => None,
        };
        let mut wanted: Vec<u64> = self.rows.iter().filter_map(line).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let texts: BTreeMap<u64, String> = self.set.source.lines(&wanted).into_iter().collect();
        self.rows.iter().map(|fault| self.row_diagnostic(fault, &texts)).collect()
    }

    fn row_diagnostic(&self, fault: &RowFault, texts: &BTreeMap<u64, String>) -> Diagnostic {
        let place = match &fault.at {
            At::Item(nth) => {
                Place::Key { path: self.path().key("inline").index(*nth), on: On::Value }
            }
            At::File(path) => Place::File(path.to_path_buf()),
            At::Whole => Place::File(fault.source.to_string().into()),
            At::Line(line) => {
                let known = || texts.get(line).map_or("", String::as_str);
                Place::Data(spot(fault, *line, fault.text.as_deref().unwrap_or_else(known)))
            }
        };
        let diagnostic = Diagnostic::new(place, fault.message.clone());
        match &fault.help {
            Some(help) => diagnostic.help(help.clone()),
            None => diagnostic,
        }
    }
}

fn spot(fault: &RowFault, line: u64, text: &str) -> DataSpot {
    let whole = text.trim_end().chars().count().max(1);
    let (column, length) = match fault.length {
        0 => (1, whole),
        length => (fault.column as usize, length as usize),
    };
    DataSpot { file: fault.source.clone(), line, column, length, text: text.to_owned() }
}
