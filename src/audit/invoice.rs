//! A provider's own export of what it billed, read from whichever form it has.
//!
//! A form is known by its header or by its keys, never by the file's name: the costs of `OpenAI`
//! and `Anthropic`, as CSV from their pages or as JSON from their APIs, and a plain
//! `date,model,usd`. Columns may come in any order, with others between them. What could be read
//! in two ways is a fault with its line, not a guess: an invoice is held against money.

mod amount;
pub mod compare;
pub mod comparison;
mod csv;
mod day;
pub mod fault;
mod json;
mod names;
#[cfg(test)]
mod tests;
pub mod tolerance;

use crate::audit::invoice::fault::{Fault, InvoiceError};
use crate::call::money::Usd;

/// What a provider billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Which export it is.
    pub form: Form,
    /// Every amount of it.
    pub rows: Vec<Billed>,
    /// The days it tells of, the first and the last, also where nothing was billed; `None` when it
    /// names none.
    pub days: Option<(String, String)>,
}

/// The exports that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The costs of `OpenAI`.
    OpenAi,
    /// The costs of `Anthropic`.
    Anthropic,
    /// `date,model,usd`.
    Plain,
}

impl Form {
    /// Whose it is, by its name in the catalogue; `None` where the rows tell it, or nobody does.
    pub fn provider(self) -> Option<&'static str> {
        match self {
            Self::OpenAi => Some("openai"),
            Self::Anthropic => Some("anthropic"),
            Self::Plain => None,
        }
    }

    /// How people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::OpenAi => "OpenAI's costs",
            Self::Anthropic => "Anthropic's costs",
            Self::Plain => "the invoice",
        }
    }
}

/// One amount that was billed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The day in UTC, as `2026-11-22`.
    pub day: String,
    /// Who billed it, where the row says so or the form does.
    pub provider: Option<String>,
    /// What for.
    pub item: Item,
    /// How much; below zero for what is given back.
    pub usd: Usd,
}

/// What an amount was billed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The tokens of a model, under the name that the export has for it.
    Model(String),
    /// Anything else, in the export's words: searches, code that ran, credits, taxes.
    Other(String),
}

/// Cells of a model's column that name none.
const NO_MODELS: &[&str] =
    &["adjustment", "credit", "credits", "discount", "refund", "tax", "taxes", "vat"];

impl Item {
    /// What a cell names that is for a model; `beside` says what it is for where there is none.
    fn of_model(name: &str, beside: &str) -> Self {
        let name = name.trim();
        match name.is_empty() || NO_MODELS.contains(&&*name.to_lowercase()) {
            true => Self::other(if name.is_empty() { beside } else { name }),
            false => Self::Model(name.to_owned()),
        }
    }

    /// What a line of `OpenAI`'s names: `gpt-4o-2024-08-06, input`, or `web search tool calls`.
    fn of_line(line: &str) -> Self {
        let name = line.split(',').next().unwrap_or_default().trim();
        let is_model =
            !name.contains(char::is_whitespace) || name.to_lowercase().starts_with("gpt");
        if is_model { Self::of_model(name, line) } else { Self::other(line) }
    }

    fn other(what: &str) -> Self {
        Self::Other(what.trim().to_owned())
    }
}

impl Invoice {
    /// Reads an export; `Err` names the line and what to do.
    pub fn read(bytes: &[u8]) -> Result<Self, InvoiceError> {
        let text = str::from_utf8(bytes).map_err(|error| {
            let line = line_at(bytes, error.valid_up_to());
            InvoiceError { line: Some(line), fault: Fault::NotText }
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let invoice = match text.trim_start().starts_with(['{', '[']) {
            true => json::read(text)?,
            false => csv::read(text)?,
        };
        let names_a_model = |row: &Billed| matches!(row.item, Item::Model(_));
        let has_costs = invoice.rows.iter().any(|row| row.usd != Usd::ZERO);
        if has_costs && !invoice.rows.iter().any(names_a_model) {
            return Err(InvoiceError { line: None, fault: Fault::NoModels(invoice.form) });
        }
        Ok(invoice)
    }
}

/// The line, from 1, in which this byte stands.
fn line_at(bytes: &[u8], offset: usize) -> u64 {
    1 + memchr::memchr_iter(b'\n', &bytes[..offset]).count() as u64
}

/// The first and the last of some days.
fn span(days: impl Iterator<Item = String>) -> Option<(String, String)> {
    days.fold(None, |span: Option<(String, String)>, day| match span {
        None => Some((day.clone(), day)),
        Some((first, last)) => Some((first.min(day.clone()), last.max(day))),
    })
}
