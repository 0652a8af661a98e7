//! `runner usage --invoice FILE`: the ledgers, held against what a provider says it billed.

use std::collections::BTreeMap;
use std::path::Path;

use super::{UsageArgs, each_ledger, folders, whole};
use crate::audit::Booked;
use crate::audit::invoice::compare::compare;
use crate::audit::invoice::comparison::Terms;
use crate::audit::ledger::spent::period::Period;
use crate::call::moment::Moment;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::invoice;

/// Milliseconds in a day.
const DAY: i64 = 86_400_000;

pub(super) fn main(
    args: &UsageArgs,
    path: &Path,
    period: Period,
    context: &Context,
) -> Result<Ending, CliError> {
    let terms = Terms {
        tolerance: args.invoice.tolerance,
        first_day: period.since.map(|since| day("--since", since)).transpose()?,
        last_day: period.until.map(last_day).transpose()?,
    };
    let invoice = invoice::read(path)?;
    let folders = folders::found(&args.out)?;
    let mut booked = BTreeMap::<(String, String, String), Booked>::new();
    let unread = each_ledger(args, &folders, |ledger| {
        for more in ledger.booked(None, None)? {
            let key = (more.day.clone(), more.provider.clone(), more.model.clone());
            // The same model may have been asked from several folders of runs.
            booked
                .entry(key)
                .and_modify(|sum| {
                    sum.usd += more.usd;
                    sum.unpriced += more.unpriced;
                })
                .or_insert(more);
        }
        Ok(())
    })?;
    let booked: Vec<Booked> = booked.into_values().collect();
    let ending = invoice::show(&compare(&invoice, &booked, &terms), args.format, context)?;
    whole(&unread).map(|()| ending)
}

/// The day that begins at this moment. An invoice has no hours.
fn day(option: &str, at: Moment) -> Result<String, CliError> {
    if at.as_millis().rem_euclid(DAY) > 0 {
        let message = format!("`{option}` is within a day, and an invoice has whole days of UTC");
        return Err(CliError::usage(message, format!("name a day, such as `{option} 2026-11-01`")));
    }
    let mut text = at.to_string();
    text.truncate(text.find('T').unwrap_or(text.len()));
    Ok(text)
}

/// The last day before this moment.
fn last_day(until: Moment) -> Result<String, CliError> {
    day("--until", until)?;
    day("--until", Moment::from_millis(until.as_millis() - DAY))
}
