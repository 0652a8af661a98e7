//! Exports in CSV: `OpenAI`'s, `Anthropic`'s, and plain ones.

use csv::StringRecord;

use crate::audit::cells::Cells;
use crate::audit::invoice::amount::{self, Unit};
use crate::audit::invoice::fault::{Fault, InvoiceError, at};
use crate::audit::invoice::{Billed, Form, Invoice, Item, day, span};

/// The columns that tell a thing, the best one first. Names are compared in lower case, with `_`
/// for whatever is neither a letter nor a digit.
const STARTS: &[&str] = &[
    "usage_date_utc",
    "start_time_iso",
    "start_time",
    "starting_at",
    "date",
    "day",
    "date_utc",
    "usage_date",
    "timestamp",
];
const ENDS: &[&str] = &["end_time_iso", "end_time", "ending_at"];
const MODELS: &[&str] = &["model", "model_name", "model_id", "line_item"];
const AMOUNTS: &[&str] = &["cost_usd", "usd", "amount_usd", "amount_value", "cost", "amount"];
const CURRENCIES: &[&str] = &["amount_currency", "currency"];
const PROVIDERS: &[&str] = &["provider"];
/// What an amount without a model is for.
const BESIDES: &[&str] = &["cost_type", "description", "usage_type"];

/// Kinds of cost that are no tokens, whatever stands in the column of the model.
const NO_TOKENS: &[&str] = &["web_search", "code_execution", "session_usage"];

/// Where in a line the things stand.
struct Columns {
    form: Form,
    start: usize,
    end: Option<usize>,
    model: usize,
    /// Whether what names the model is a line item of `OpenAI`'s.
    is_line_item: bool,
    amount: usize,
    currency: Option<usize>,
    provider: Option<usize>,
    beside: Option<usize>,
}

/// Reads an export.
pub(super) fn read(text: &str) -> Result<Invoice, InvoiceError> {
    let mut cells = Cells::of(text, delimiter(text));
    let mut columns: Option<Columns> = None;
    let (mut rows, mut days) = (Vec::new(), Vec::new());
    loop {
        let is_there = cells.advance().map_err(Fault::Torn);
        let read = is_there.and_then(|is_there| match (is_there, &columns) {
            (false, _) => Ok(false),
            (true, None) => {
                columns = Some(Columns::find(&cells.record)?);
                Ok(true)
            }
            (true, Some(columns)) => {
                let day = columns.day(&cells.record)?;
                rows.extend(columns.row(&cells.record, &day)?);
                days.push(day);
                Ok(true)
            }
        });
        if !read.map_err(|fault| at(cells.line())(fault))? {
            break;
        }
    }
    let nothing = || Fault::NoColumn { what: "the day", found: Vec::new() };
    let form = columns.ok_or_else(|| at(1)(nothing()))?.form;
    Ok(Invoice { form, rows, days: span(days.into_iter()) })
}

/// What parts the cells of the first line that holds anything.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |mark: u8| memchr::memchr_iter(mark, header.as_bytes()).count();
    // Of marks that are there as often, `max_by_key` takes the last.
    [b'\t', b';', b','].into_iter().max_by_key(|mark| count(*mark)).unwrap_or(b',')
}

/// A name as the tables above have it.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, Fault> {
        let names: Vec<String> = header.iter().map(plain).collect();
        let place = |known: &[&str]| -> Result<Option<usize>, Fault> {
            for name in known {
                let mut places = (0..names.len()).filter(|place| names[*place] == *name);
                match (places.next(), places.next()) {
                    (Some(_), Some(_)) => return Err(Fault::TwiceColumn((*name).to_owned())),
                    (Some(place), None) => return Ok(Some(place)),
                    (None, _) => {}
                }
            }
            Ok(None)
        };
        let needed = |known: &[&str], what: &'static str| {
            let found = || header.iter().map(|name| name.trim().to_owned()).collect();
            place(known)?.ok_or_else(|| Fault::NoColumn { what, found: found() })
        };
        let has = |name: &str| names.iter().any(|column| column == name);
        let form = match () {
            () if has("usage_date_utc") => Form::Anthropic,
            () if has("amount_value") => Form::OpenAi,
            () => Form::Plain,
        };
        let model = needed(MODELS, "the model")?;
        Ok(Self {
            form,
            start: needed(STARTS, "the day")?,
            end: place(ENDS)?,
            model,
            is_line_item: names[model] == "line_item",
            amount: needed(AMOUNTS, "the cost in USD")?,
            currency: place(CURRENCIES)?,
            provider: place(PROVIDERS)?,
            beside: place(BESIDES)?,
        })
    }

    fn day(&self, line: &StringRecord) -> Result<String, Fault> {
        let start = line.get(self.start).unwrap_or_default();
        day::read(start, cell(line, self.end))
    }

    /// What was billed; `None` in a line that only says that nothing was.
    fn row(&self, line: &StringRecord, day: &str) -> Result<Option<Billed>, Fault> {
        let model = line.get(self.model).unwrap_or_default();
        let amount = line.get(self.amount).unwrap_or_default();
        if amount.trim().is_empty() && model.trim().is_empty() {
            return Ok(None);
        }
        let currency = cell(line, self.currency);
        if let Some(currency) = currency.filter(|currency| !is_usd(currency)) {
            return Err(Fault::Foreign(currency.to_uppercase()));
        }
        let usd = amount::read(amount, Unit::Dollars)?;
        let provider = self.form.provider().or_else(|| cell(line, self.provider));
        let beside = cell(line, self.beside).unwrap_or_default();
        let item = match () {
            () if NO_TOKENS.contains(&plain(beside).as_str()) => Item::other(beside),
            () if self.is_line_item => Item::of_line(model),
            () => Item::of_model(model, beside),
        };
        let provider = provider.map(str::to_lowercase);
        Ok(Some(Billed { day: day.to_owned(), provider, item, usd }))
    }
}

/// A cell that holds something.
fn cell(line: &StringRecord, place: Option<usize>) -> Option<&str> {
    line.get(place?).map(str::trim).filter(|cell| !cell.is_empty())
}

/// Whether a currency is the one that the ledger is in.
pub(super) fn is_usd(currency: &str) -> bool {
    ["usd", "us$", "$"].contains(&&*currency.trim().to_lowercase())
}
