//! Filters of Jinja2 that take a number and make as much of something, whatever the number: here it
//! has a bound, which no prompt comes near.

use minijinja::value::{Kwargs, StringInput, Value};
use minijinja::{Environment, Error, ErrorKind, State, filters};

/// The widest indent, the longest batch, the most slices.
const MOST: usize = 100_000;

/// Puts them in the place of those that know no bound.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("indent", indent);
    environment.add_filter("batch", batch);
    environment.add_filter("slice", slice);
}

fn indent(
    value: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    named: Kwargs,
) -> Result<Value, Error> {
    let stated = match width {
        Some(width) => Some(width),
        None => named.peek("width")?,
    };
    bounded(stated.unwrap_or_default())?;
    filters::indent(value, width, first, blank, named)
}

fn batch(state: &State, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    filters::batch(state, value, bounded(count)?, fill)
}

fn slice(state: &State, value: Value, count: usize, fill: Option<Value>) -> Result<Value, Error> {
    filters::slice(state, value, bounded(count)?, fill)
}

fn bounded(number: usize) -> Result<usize, Error> {
    if number <= MOST {
        return Ok(number);
    }
    let message = format!("{number} is too many: a filter takes {MOST} at most");
    Err(Error::new(ErrorKind::InvalidOperation, message))
}
