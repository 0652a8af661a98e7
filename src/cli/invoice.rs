//! The ledger against a provider's own export: what is asked for, and how it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::audit::difference::Percent;
use crate::audit::invoice::Invoice;
use crate::audit::invoice::comparison::{Comparison, Line, Sides};
use crate::audit::invoice::tolerance::Tolerance;
use crate::call::money::Usd;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::page::{Page, PageForm, money, percent, percent_cell, signed};
use crate::cli::sheet;
use crate::job::words;
use crate::report::cell::Cell;
use crate::report::figures::{cost, count, dollars};

/// Examples at the end of the help.
pub const EXAMPLES: &str = "  \
  runner usage --invoice costs.csv                     the ledger against a provider's export
  runner usage --invoice costs.json --tolerance 0.5%   exit code 1 where they are further apart";

/// Options that hold the ledger against an invoice.
#[derive(Debug, Args)]
pub struct InvoiceArgs {
    /// Hold the ledger against what a provider says it billed, by day of UTC and model.
    ///
    /// FILE is the export of OpenAI's costs (CSV, or JSON of `organization/costs` grouped by
    /// `line_item`), of Anthropic's (CSV, or JSON of `cost_report` grouped by `description`), or a
    /// CSV with the columns date, model and usd, and maybe provider. The days compared are those
    /// of the export, or those that were asked for. A snapshot such as gpt-4o-2024-08-06 goes with
    /// the alias that was asked. What was billed for no model (searches, credits, taxes) is shown
    /// beside, and counts neither in the sums nor for the tolerance.
    #[arg(long, value_name = "FILE", help_heading = "Invoice")]
    pub invoice: Option<PathBuf>,
    /// How far ledger and invoice may be apart, as a share of what was billed: 1% or 0.01.
    ///
    /// It holds for the sum and for each day of each model: exit code 1 where one of them is
    /// further apart. A cent is never too much, and where all amounts of the invoice are whole
    /// cents, half a cent for each of them.
    #[arg(
        long,
        value_name = "SHARE",
        default_value = "1%",
        requires = "invoice",
        help_heading = "Invoice"
    )]
    pub tolerance: Tolerance,
}

/// Reads the export.
pub fn read(path: &Path) -> Result<Invoice, CliError> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|why| {
        let message = format!("failed to read `{shown}`: {why}");
        CliError::usage(message, "name the file that the provider's costs were exported to")
    })?;
    Invoice::read(&bytes).map_err(|why| {
        let message = match why.line {
            Some(line) => format!("line {line} of `{shown}`: {}", why.fault),
            None => format!("`{shown}`: {}", why.fault),
        };
        CliError::usage(message, why.fault.help())
    })
}

/// Prints a comparison; the exit code says whether the two sides agree.
pub fn show(
    comparison: &Comparison,
    form: PageForm,
    context: &Context,
) -> Result<Ending, CliError> {
    context.print(&text(comparison, form))?;
    Ok(if comparison.agrees() { Ending::Done } else { Ending::GateFailed })
}

const HEADER: [&str; 8] =
    ["day", "model", "booked", "billed", "difference", "in %", "unpriced", "standing"];

fn text(comparison: &Comparison, form: PageForm) -> String {
    let lines = || {
        let line = |line: &Line| row(line.day.clone(), line.model(), &line.sides);
        let mut rows: Vec<_> = comparison.lines.iter().map(line).collect();
        rows.push(row("all".to_owned(), String::new(), &comparison.total));
        rows
    };
    let page = Page {
        texts: 2,
        header: HEADER,
        lines: &lines,
        notes: &notes(comparison),
        csv: &|| sheet::csv(COLUMNS, &cells(comparison)),
        json: &|| as_json(comparison),
    };
    page.text(form)
}

fn row(day: String, model: String, sides: &Sides) -> [String; 8] {
    let mark = if sides.is_beyond { " ❌" } else { "" };
    [
        day,
        model,
        money(sides.booked),
        money(sides.billed),
        signed(sides.difference()),
        percent(share(sides)),
        count(sides.unpriced),
        format!("{}{mark}", sides.standing().as_str()),
    ]
}

/// The difference in percent of what was billed.
fn share(sides: &Sides) -> Option<Percent> {
    Percent::of(sides.difference(), sides.billed?)
}

fn notes(comparison: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    let title = comparison.form.title();
    notes.push(match &comparison.days {
        Some((first, last)) => format!("The ledger against {title}, {first} to {last} (UTC)."),
        None => format!("The ledger against {title}: there is nothing in either."),
    });
    let merged = comparison.lines.iter().filter(|line| line.is_merged());
    // The same models are merged on every day.
    notes.extend(merged.map(merged_note).collect::<BTreeSet<String>>());
    notes.extend(others_note(comparison));
    if comparison.total.unpriced > 0 {
        let attempts = words::count(comparison.total.unpriced, "attempt");
        notes.push(format!(
            "The cost of {attempts} is not known and not in what was booked: give the models a \
             price in the job."
        ));
    }
    let outside = &comparison.outside;
    if let Some(booked) = outside.booked {
        let booked = cost(Some(booked), outside.unpriced);
        notes.push(format!("Booked on other days, and not compared: {booked}."));
    }
    notes.push(verdict(comparison));
    notes
}

fn merged_note(line: &Line) -> String {
    let names = |names: &[String]| match names {
        [] => "not at all".to_owned(),
        names => format!("as {}", names.join(", ")),
    };
    format!(
        "Added up in one line, because a name may stand for several: booked {}; billed {}.",
        names(&line.booked_as),
        names(&line.billed_as)
    )
}

/// What was billed for no model, over all days.
fn others_note(comparison: &Comparison) -> Option<String> {
    let mut sums = BTreeMap::<&str, Usd>::new();
    for other in &comparison.others {
        *sums.entry(&other.what).or_default() += other.usd;
    }
    let named = |what: &str| if what.is_empty() { "nothing named" } else { what }.to_owned();
    let parts: Vec<String> =
        sums.into_iter().map(|(what, usd)| format!("{} {}", named(what), dollars(usd))).collect();
    (!parts.is_empty())
        .then(|| format!("Billed without a model, and not compared: {}.", parts.join("; ")))
}

fn verdict(comparison: &Comparison) -> String {
    let tolerance = comparison.tolerance;
    let beyond = comparison.lines.iter().filter(|line| line.sides.is_beyond).count() as u64;
    let lines = words::count(beyond, "line");
    match (beyond, comparison.total.is_beyond) {
        (0, false) => format!("✅ Within {tolerance} (or a cent)."),
        (0, true) => format!("❌ The sum is beyond {tolerance}."),
        (_, false) => format!("❌ Beyond {tolerance}: {lines}."),
        (_, true) => format!("❌ Beyond {tolerance}: {lines}, and the sum."),
    }
}

/// The columns for spreadsheets, which are the keys of the lines for programs.
const COLUMNS: &[&str] = &[
    "day",
    "model",
    "booked_as",
    "billed_as",
    "booked_usd",
    "billed_usd",
    "difference_usd",
    "difference_percent",
    "unpriced",
    "standing",
    "beyond",
];

fn cells(comparison: &Comparison) -> Vec<Vec<Cell<'static>>> {
    let cells = |line: &Line| {
        let text = |text: String| Cell::Text(text.into());
        let sides = &line.sides;
        vec![
            text(line.day.clone()),
            text(line.model()),
            text(line.booked_as.join(" + ")),
            text(line.billed_as.join(" + ")),
            sides.booked.into(),
            sides.billed.into(),
            sides.difference().into(),
            percent_cell(share(sides)),
            sides.unpriced.into(),
            Cell::Word(sides.standing().as_str()),
            Cell::Flag(sides.is_beyond),
        ]
    };
    comparison.lines.iter().map(cells).collect()
}

fn as_json(comparison: &Comparison) -> Value {
    let sides = |sides: &Sides| {
        json!({
            "booked_usd": sides.booked,
            "billed_usd": sides.billed,
            "difference_usd": sides.difference(),
            "difference_percent": share(sides).map(|share| share.to_string()),
            "unpriced": sides.unpriced,
            "beyond": sides.is_beyond,
        })
    };
    let mut lines = sheet::json(COLUMNS, &cells(comparison));
    for (object, line) in lines.iter_mut().zip(&comparison.lines) {
        object["booked_as"] = json!(line.booked_as);
        object["billed_as"] = json!(line.billed_as);
    }
    let others = comparison.others.iter();
    let others: Vec<Value> = others
        .map(|other| json!({"day": other.day, "what": other.what, "billed_usd": other.usd}))
        .collect();
    let outside = &comparison.outside;
    json!({
        "provider": comparison.form.provider(),
        "first_day": comparison.days.as_ref().map(|(first, _)| first),
        "last_day": comparison.days.as_ref().map(|(_, last)| last),
        "tolerance": comparison.tolerance.to_string(),
        "agrees": comparison.agrees(),
        "total": sides(&comparison.total),
        "lines": lines,
        "without_model": others,
        "other_days": {"booked_usd": outside.booked, "unpriced": outside.unpriced},
    })
}

#[cfg(test)]
mod tests;
