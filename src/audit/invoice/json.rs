//! Exports in JSON: pages of `OpenAI`'s `organization/costs` and of `Anthropic`'s `cost_report`.
//!
//! A file may hold one page, a list of pages or of buckets, or pages one after the other. Amounts
//! are taken from the text as it stands: a number in JSON is decimal, whatever others make of it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::audit::invoice::amount::{self, Unit};
use crate::audit::invoice::csv::is_usd;
use crate::audit::invoice::fault::{Fault, InvoiceError, at};
use crate::audit::invoice::{Billed, Form, Invoice, Item, day, line_at, span};

/// Lists of pages of buckets: nothing known is deeper.
const DEPTH: usize = 4;

/// A page, which has `data`; or a bucket, which has `results`.
#[derive(Deserialize)]
struct Node<'a> {
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    has_more: Option<bool>,
    #[serde(borrow)]
    results: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    start_time: Option<&'a RawValue>,
    #[serde(borrow)]
    end_time: Option<&'a RawValue>,
    #[serde(borrow)]
    starting_at: Option<&'a RawValue>,
    #[serde(borrow)]
    ending_at: Option<&'a RawValue>,
}

/// One result of a bucket, of either provider.
#[derive(Deserialize)]
struct Told<'a> {
    /// A decimal text in cents, or an object with dollars.
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    currency: Option<Cow<'a, str>>,
    #[serde(borrow)]
    line_item: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cost_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Money<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    #[serde(borrow)]
    currency: Option<Cow<'a, str>>,
}

/// An export in the making.
struct Reading<'a> {
    text: &'a str,
    form: Option<Form>,
    rows: Vec<Billed>,
    days: Vec<String>,
    /// Whether the last page so far says that there are more.
    goes_on: bool,
}

/// Reads an export.
pub(super) fn read(text: &str) -> Result<Invoice, InvoiceError> {
    let mut reading =
        Reading { text, form: None, rows: Vec::new(), days: Vec::new(), goes_on: false };
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        reading.walk(value.map_err(|error| torn(&error, 1))?, DEPTH)?;
    }
    if reading.goes_on {
        return Err(InvoiceError { line: None, fault: Fault::Unfinished });
    }
    // A list of no pages, or a page of no buckets, is nobody's.
    let nobodys = || Fault::NotCosts("there is nothing in it".to_owned());
    let form = reading.form.ok_or_else(|| at(1)(nobodys()))?;
    Ok(Invoice { form, rows: reading.rows, days: span(reading.days.into_iter()) })
}

/// `first` is the line in which the text begins.
fn torn(error: &serde_json::Error, first: u64) -> InvoiceError {
    // The line is told already, and the column of a part means nothing in the whole.
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default().to_owned();
    let line = first + (error.line() as u64).saturating_sub(1);
    at(line)(Fault::NotCosts(why))
}

impl<'a> Reading<'a> {
    fn line(&self, value: &RawValue) -> u64 {
        let offset = value.get().as_ptr() as usize - self.text.as_ptr() as usize;
        line_at(self.text.as_bytes(), offset)
    }

    fn parse<T: Deserialize<'a>>(&self, value: &'a RawValue) -> Result<T, InvoiceError> {
        serde_json::from_str(value.get()).map_err(|error| torn(&error, self.line(value)))
    }

    fn walk(&mut self, value: &'a RawValue, depth: usize) -> Result<(), InvoiceError> {
        let unknown = |reading: &Self| {
            let why = "expected pages with `data`, or buckets with `results`".to_owned();
            at(reading.line(value))(Fault::NotCosts(why))
        };
        let Some(depth) = depth.checked_sub(1) else { return Err(unknown(self)) };
        if value.get().starts_with('[') {
            let values: Vec<&RawValue> = self.parse(value)?;
            return values.into_iter().try_for_each(|value| self.walk(value, depth));
        }
        let node: Node<'_> = self.parse(value)?;
        match (node.data, node.results) {
            (Some(buckets), _) => {
                self.goes_on = node.has_more.unwrap_or(false);
                buckets.into_iter().try_for_each(|bucket| self.walk(bucket, depth))
            }
            (None, Some(results)) => {
                let (form, start, end) = match (node.start_time, node.starting_at) {
                    (Some(start), _) => (Form::OpenAi, start, node.end_time),
                    (None, Some(start)) => (Form::Anthropic, start, node.ending_at),
                    (None, None) => return Err(unknown(self)),
                };
                self.bucket(form, start, end, &results)
            }
            (None, None) => Err(unknown(self)),
        }
    }

    fn bucket(
        &mut self,
        form: Form,
        start: &'a RawValue,
        end: Option<&'a RawValue>,
        results: &[&'a RawValue],
    ) -> Result<(), InvoiceError> {
        if *self.form.get_or_insert(form) != form {
            return Err(at(self.line(start))(Fault::Mixed));
        }
        let from = self.plain(start)?;
        let to = end.map(|end| self.plain(end)).transpose()?;
        let day = day::read(&from, to.as_deref()).map_err(at(self.line(start)))?;
        for result in results {
            let told = self.parse(result)?;
            let row = self.row(form, &day, &told, result)?;
            self.rows.push(row);
        }
        self.days.push(day);
        Ok(())
    }

    fn row(
        &self,
        form: Form,
        day: &str,
        told: &Told<'a>,
        result: &'a RawValue,
    ) -> Result<Billed, InvoiceError> {
        let at = at(self.line(result));
        let amount = told.amount.ok_or_else(|| at(Fault::NotMoney(String::new())))?;
        let (value, currency) = match amount.get().starts_with('{') {
            true => {
                let Money { value, currency } = self.parse(amount)?;
                (value, currency)
            }
            false => (amount, None),
        };
        let currency = currency.as_ref().or(told.currency.as_ref());
        if let Some(currency) = currency.filter(|currency| !is_usd(currency)) {
            return Err(at(Fault::Foreign(currency.to_uppercase())));
        }
        let unit = if form == Form::Anthropic { Unit::Cents } else { Unit::Dollars };
        let usd = amount::read(&self.plain(value)?, unit).map_err(at)?;
        let item = match form {
            Form::OpenAi => Item::of_line(told.line_item.as_deref().unwrap_or_default()),
            Form::Anthropic | Form::Plain => {
                let beside = told.description.as_ref().or(told.cost_type.as_ref());
                let beside = beside.map(|beside| &**beside).unwrap_or_default();
                Item::of_model(told.model.as_deref().unwrap_or_default(), beside)
            }
        };
        let provider = form.provider().map(str::to_owned);
        Ok(Billed { day: day.to_owned(), provider, item, usd })
    }

    /// A number as it stands, or the text of a string.
    fn plain(&self, value: &'a RawValue) -> Result<Cow<'a, str>, InvoiceError> {
        match value.get().starts_with('"') {
            true => self.parse::<String>(value).map(Cow::Owned),
            false => Ok(Cow::Borrowed(value.get())),
        }
    }
}
