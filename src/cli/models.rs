//! `runner models [PATTERN]`: the table of models; one model with all that is known of it.

use clap::Args;
use serde_json::{Value, json};

use crate::call::moment::Moment;
use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::sheet::{self, Form, Pattern};
use crate::job::words;
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;
use crate::provider::models::{self, Listing};
use crate::provider::names;
use crate::report::cell::Cell;
use crate::report::figures::count;
use crate::report::terminal;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner models gpt-4o                  all that is known of one model, and where it is from
  runner models haiku                   every model with this in its name
  runner models 'groq/*' --format csv   every model that fits";

/// Options of `models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// A model, a part of a name, or a pattern with `*` and `?`; all when left out.
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,
    /// How they are printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Form,
}

/// What was found.
struct Found {
    rows: Vec<Listing>,
    /// Whether one model is meant, and shown with all that is known of it.
    whole: bool,
    /// How many other models have this in their names.
    others: usize,
}

/// Runs the command.
pub fn main(args: &ModelsArgs, context: &Context) -> Result<Ending, CliError> {
    let found = find(args.pattern.as_deref(), &context.env)?;
    let today = Moment::now().to_string();
    let today = today.split('T').next().unwrap_or_default();
    let text = match (args.format, found.rows.as_slice()) {
        (Form::Json, rows) => format!("{:#}\n", as_json(rows)),
        (Form::Csv, rows) => sheet::csv(COLUMNS, &lines(rows)),
        (Form::Table, [row]) if found.whole => detail::text(row, today),
        (Form::Table, rows) => table(rows, today),
    };
    context.print(&text)?;
    if let (Form::Table, Some(name), more @ 1..) = (args.format, &args.pattern, found.others) {
        let note = format!(
            "{} more have `{name}` in their names: runner models '*{name}*'",
            count(more as u64)
        );
        context.screen.note(&note);
    }
    Ok(Ending::Done)
}

fn find(pattern: Option<&str>, env: &Env) -> Result<Found, CliError> {
    let Some(text) = pattern else {
        return Ok(Found { rows: models::listings().collect(), whole: false, others: 0 });
    };
    let pattern = Pattern::new(text);
    let fits = |row: &Listing| {
        pattern.fits(row.model) || pattern.fits(&format!("{}/{}", row.provider, row.model))
    };
    let rows: Vec<Listing> = models::listings().filter(fits).collect();
    let catalog = Catalog::builtin();
    let resolved = names::resolve(text, &catalog, &[], env).ok();
    let exact = resolved.as_ref().and_then(|name| models::find(&name.provider, &name.model));
    // The table knows hosts that the catalogue does not.
    let exact = exact.or_else(|| text.split_once('/').and_then(|(p, m)| models::find(p, m)));
    if let Some(row) = exact.filter(|_| !pattern.is_glob()) {
        let others = rows.iter().filter(|other| **other != row).count();
        return Ok(Found { rows: vec![row], whole: true, others });
    }
    if rows.is_empty() {
        let near = names::suggestions(text, models::names(), &catalog, env);
        let help = format!("did you mean {}?", names::list(&near));
        let message = match resolved.filter(|_| !pattern.is_glob()) {
            Some(name) => format!(
                "`{}/{}` is not in the table of models: it can be asked, at a cost that is unknown \
                 unless the job states `price`",
                name.provider, name.model
            ),
            None => format!("no model fits `{text}`"),
        };
        return Err(CliError::usage(message, help));
    }
    let whole = rows.len() == 1;
    Ok(Found { rows, whole, others: 0 })
}

const HEADER: [&str; 9] = [
    "model",
    "window",
    "max output",
    "input",
    "output",
    "cache read",
    "cache write",
    "retired",
    "source",
];

fn table(rows: &[Listing], today: &str) -> String {
    let tokens = |tokens: Option<u64>| tokens.map_or_else(|| "-".to_owned(), count);
    let line = |row: &Listing| {
        let mark = if row.price.is_none() { "*" } else { "" };
        let usd = |amount: &str| match amount {
            "" => "-".to_owned(),
            amount => format!("{amount}{mark}"),
        };
        [
            format!("{}/{}", row.provider, row.model),
            tokens(row.window),
            tokens(row.max_output),
            usd(row.listed.input),
            usd(row.listed.output),
            usd(row.listed.cache_read),
            usd(row.listed.cache_write),
            row.retires.filter(|day| *day <= today).unwrap_or_default().to_owned(),
            row.source.to_owned(),
        ]
    };
    let drawn = terminal::draw(HEADER, rows.iter().map(line).collect());
    let is_starred = |row: &Listing| row.price.is_none() && !row.listed.input.is_empty();
    let star = match rows.iter().any(is_starred) {
        true => "; * is not what costs are counted with: name one model to see why",
        false => "",
    };
    format!(
        "{drawn}\n\n{}; USD per million tokens{star}\n",
        words::count(rows.len() as u64, "model")
    )
}

/// The columns for programs and spreadsheets.
const COLUMNS: &[&str] = &[
    "provider",
    "model",
    "routes",
    "window",
    "max_output",
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "tiers",
    "off_peak",
    "batch",
    "flex",
    "priority",
    "beside",
    "other",
    "price_version",
    "unpriced",
    "abilities",
    "retires",
    "source",
    "date",
];

fn lines(rows: &[Listing]) -> Vec<Vec<Cell<'_>>> {
    rows.iter().map(line).collect()
}

fn line(row: &Listing) -> Vec<Cell<'_>> {
    let text = |text: &'static str| if text.is_empty() { Cell::Empty } else { text.into() };
    let listed = &row.listed;
    let abilities: Vec<&str> = row.abilities.flags().collect();
    vec![
        row.provider.into(),
        row.model.into(),
        row.routes.into(),
        row.window.into(),
        row.max_output.into(),
        text(listed.input),
        text(listed.output),
        text(listed.cache_read),
        text(listed.cache_write),
        text(listed.cache_write_1h),
        text(listed.reasoning),
        text(listed.tiers),
        text(listed.off_peak),
        text(listed.batch),
        text(listed.flex),
        text(listed.priority),
        text(listed.beside),
        text(listed.other),
        row.price.as_ref().map(|price| &*price.version).into(),
        row.unpriced.into(),
        Cell::Text(abilities.join(" ").into()),
        row.retires.into(),
        row.source.into(),
        row.date.into(),
    ]
}

/// A list of objects, whose routes and abilities are lists of words, with the rates that costs are
/// counted with.
fn as_json(rows: &[Listing]) -> Value {
    let mut objects = sheet::json(COLUMNS, &lines(rows));
    for (object, row) in objects.iter_mut().zip(rows) {
        object["routes"] = row.routes.split(' ').collect();
        object["abilities"] = row.abilities.flags().collect();
        object.insert("rates".to_owned(), row.price.as_ref().map_or(Value::Null, rates::of));
    }
    json!(objects)
}

mod detail;
mod rates;
