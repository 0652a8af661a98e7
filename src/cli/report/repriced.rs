//! A run at two price tables, side by side.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::audit::difference::Percent;
use crate::audit::reprice::prices::PriceList;
use crate::audit::reprice::{Known, Repriced, Sums, reprice};
use crate::call::money::JOB;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::page::{Page, PageForm, percent, percent_cell, signed};
use crate::cli::run::broke;
use crate::cli::sheet;
use crate::job::words;
use crate::report::cell::Cell;
use crate::report::figures::{cost, count};
use crate::run::error::RunError;
use crate::store::RunDir;

/// Shows what a run would cost at these prices.
pub(super) fn main(
    run: &Path,
    prices: Option<&Path>,
    form: PageForm,
    context: &Context,
) -> Result<Ending, CliError> {
    let prices = prices.map_or_else(|| Ok(PriceList::builtin()), read)?;
    let repriced = RunDir::read(run).and_then(|run| reprice(&run, &prices));
    let repriced = repriced.map_err(|why| broke(&RunError::Store(why)))?;
    context.print(&text(&repriced, form))?;
    Ok(Ending::Done)
}

fn read(path: &Path) -> Result<PriceList, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|why| {
        let message = format!("failed to read `{shown}`: {why}");
        CliError::usage(
            message,
            "name a CSV of prices in UTF-8; `runner models --format csv` is one",
        )
    })?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    PriceList::read(&text, &name).map_err(|why| {
        CliError::usage(format!("line {} of `{shown}`: {}", why.line, why.why), why.help())
    })
}

const HEADER: [&str; 6] = ["model", "attempts", "cost then", "cost now", "difference", "in %"];

fn text(repriced: &Repriced, form: PageForm) -> String {
    let lines = || {
        let line = |(name, sums): &(Arc<str>, Sums)| row(name, sums);
        let mut lines: Vec<_> = repriced.models.iter().map(line).collect();
        if repriced.models.len() != 1 {
            lines.push(row("all", &repriced.total));
        }
        lines
    };
    let page = Page {
        texts: 1,
        header: HEADER,
        lines: &lines,
        notes: &notes(repriced),
        csv: &|| sheet::csv(COLUMNS, &cells(repriced)),
        json: &|| as_json(repriced),
    };
    page.text(form)
}

fn row(name: &str, sums: &Sums) -> [String; 6] {
    let known = |known: &Known| cost(known.cost.usd(), known.cost.unknown);
    [
        name.to_owned(),
        count(sums.attempts),
        known(&sums.then),
        known(&sums.now),
        sums.difference().map_or_else(|| "-".to_owned(), signed),
        percent(share(sums)),
    ]
}

fn share(sums: &Sums) -> Option<Percent> {
    Percent::of(sums.difference()?, sums.both_then)
}

fn notes(repriced: &Repriced) -> Vec<String> {
    let total = &repriced.total;
    let mut notes = vec![
        format!("Run {}; nothing in its folder was changed.", repriced.run),
        format!("Prices then: {}.", versions(&total.then.versions)),
        format!("Prices now: {}: {}.", repriced.prices, versions(&total.now.versions)),
    ];
    if total.then.versions.contains(JOB) {
        notes.push(
            "`job` is a price that the job itself stated: now the table's is used, where it has one."
                .to_owned(),
        );
    }
    if total.is_partial() {
        let both = words::count(total.both, "attempt");
        notes.push(format!("The difference is that of the {both} with a cost on both sides."));
    }
    notes
}

fn versions(versions: &BTreeSet<Arc<str>>) -> String {
    match versions.is_empty() {
        true => "none".to_owned(),
        false => versions.iter().map(|version| &**version).collect::<Vec<_>>().join(", "),
    }
}

/// The columns for spreadsheets, which are the keys of the lines for programs.
const COLUMNS: &[&str] = &[
    "model_used",
    "attempts",
    "then_usd",
    "then_unpriced",
    "now_usd",
    "now_unpriced",
    "compared",
    "difference_usd",
    "difference_percent",
    "then_versions",
    "now_versions",
];

fn cells(repriced: &Repriced) -> Vec<Vec<Cell<'_>>> {
    repriced.models.iter().map(|(name, sums)| line(name, sums)).collect()
}

fn line<'s>(name: &'s str, sums: &'s Sums) -> Vec<Cell<'s>> {
    let text = |versions: &BTreeSet<Arc<str>>| match versions.is_empty() {
        true => Cell::Empty,
        false => Cell::Text(self::versions(versions).into()),
    };
    vec![
        name.into(),
        sums.attempts.into(),
        sums.then.cost.usd().into(),
        sums.then.cost.unknown.into(),
        sums.now.cost.usd().into(),
        sums.now.cost.unknown.into(),
        sums.both.into(),
        sums.difference().into(),
        percent_cell(share(sums)),
        text(&sums.then.versions),
        text(&sums.now.versions),
    ]
}

fn as_json(repriced: &Repriced) -> Value {
    let object = |name: &str, sums: &Sums| {
        let mut object = sheet::json(COLUMNS, &[line(name, sums)]).remove(0);
        object["then_versions"] = json!(sums.then.versions);
        object["now_versions"] = json!(sums.now.versions);
        object
    };
    let models: Vec<_> = repriced.models.iter().map(|(name, sums)| object(name, sums)).collect();
    let mut total = object("", &repriced.total);
    total.shift_remove("model_used");
    json!({"run": repriced.run, "prices": repriced.prices, "models": models, "total": total})
}
