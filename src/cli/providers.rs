//! `runner providers [PATTERN]`: who can be asked, where, and whether the key is set.

use clap::Args;
use reqwest::Url;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::exit::{CliError, Ending};
use crate::cli::sheet::{self, Form, Pattern};
use crate::job::words;
use crate::provider::auth::Auth;
use crate::provider::catalog::{Catalog, KeyNeed, MOCK, Row};
use crate::provider::env::Env;
use crate::provider::names;
use crate::report::cell::Cell;
use crate::report::terminal;

/// Examples at the end of the help.
pub const EXAMPLES: &str = "\
Examples:
  runner providers                      all of them, and whose key is set
  runner providers mistral
  runner providers '*ai' --format json";

/// Options of `providers`.
#[derive(Debug, Args)]
pub struct ProvidersArgs {
    /// A part of a name, or a pattern with `*` and `?`; all when left out.
    #[arg(value_name = "PATTERN")]
    pattern: Option<String>,
    /// How they are printed.
    #[arg(long, value_name = "FORM", default_value = "table")]
    format: Form,
}

/// One provider, as this environment has it.
struct Line<'c> {
    name: &'c str,
    title: &'c str,
    dialect: &'c str,
    base_url: String,
    /// The variable that the base URL is from; `None` for that of the catalogue.
    base_url_from: Option<&'c str>,
    key_env: String,
    need: &'static str,
    /// The variable that holds the key. The key itself is never looked at.
    key_set: Option<&'c str>,
}

/// Runs the command.
pub fn main(args: &ProvidersArgs, context: &Context) -> Result<Ending, CliError> {
    let catalog = Catalog::builtin();
    let pattern = args.pattern.as_deref().map(Pattern::new);
    let fits = |(name, row): &(&str, &Row)| {
        pattern.as_ref().is_none_or(|pattern| {
            let mut names = std::iter::once(*name).chain(row.aliases.iter().map(String::as_str));
            names.any(|name| pattern.fits(name)) || pattern.fits(&row.title)
        })
    };
    let rows = catalog.rows().filter(fits);
    let mut lines: Vec<Line<'_>> = rows.map(|(name, row)| line(name, row, &context.env)).collect();
    if pattern.as_ref().is_none_or(|pattern| pattern.fits(MOCK)) {
        lines.push(mock());
    }
    if let (true, Some(text)) = (lines.is_empty(), &args.pattern) {
        let near = names::nearest(text, catalog.names().chain([MOCK]), 3);
        let help = match near.as_slice() {
            [] => "see all with `runner providers`, or define your own in a job".to_owned(),
            near => format!("did you mean {}?", names::list(near)),
        };
        return Err(CliError::usage(format!("no provider fits `{text}`"), help));
    }
    let text = match args.format {
        Form::Table => table(&lines),
        Form::Json => format!("{:#}\n", json!(sheet::json(COLUMNS, &cells(&lines)))),
        Form::Csv => sheet::csv(COLUMNS, &cells(&lines)),
    };
    context.print(&text)?;
    Ok(Ending::Done)
}

fn line<'c>(name: &'c str, row: &'c Row, env: &Env) -> Line<'c> {
    let set = env.first(&row.base_url_env);
    Line {
        name,
        title: &row.title,
        dialect: &row.dialect,
        base_url_from: set.as_ref().map(|(variable, _)| *variable),
        base_url: set.map_or_else(|| row.base_url.clone(), |(_, url)| shown(&url)),
        key_env: row.key_env.join(" | "),
        need: match row.key {
            KeyNeed::Required => "required",
            // A login of another program serves where no variable is set.
            KeyNeed::Optional if row.auth != Auth::Key => "login",
            KeyNeed::Optional => "optional",
            KeyNeed::None => "none",
        },
        key_set: row.opened_by(env),
    }
}

fn mock() -> Line<'static> {
    Line {
        name: MOCK,
        title: "the built-in provider",
        dialect: "openai",
        base_url: String::new(),
        base_url_from: None,
        key_env: String::new(),
        need: "none",
        key_set: None,
    }
}

/// A URL of the environment, without what may be secret in it.
fn shown(text: &str) -> String {
    match Url::parse(text.trim()) {
        Ok(mut url) if url.has_host() => {
            let is_bare = url.username().is_empty() && url.password().is_none();
            if is_bare && url.query().is_none() {
                return text.trim().trim_end_matches('/').to_owned();
            }
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            url.set_query(None);
            cleared.map_or_else(|()| "not shown".to_owned(), |()| format!("{url} (shortened)"))
        }
        _ => "not a URL".to_owned(),
    }
}

const HEADER: [&str; 4] = ["provider", "dialect", "base URL", "key"];

fn table(lines: &[Line<'_>]) -> String {
    let drawn = lines.iter().map(|line| {
        let key = match (line.key_set, line.need) {
            (Some(variable), _) => format!("✅ {variable}"),
            (None, "none") => "none needed".to_owned(),
            (None, "optional") => format!("none needed ({})", line.key_env),
            (None, "login") => format!("a login of its own tools, or {}", line.key_env),
            (None, _) => format!("❌ {}", line.key_env),
        };
        let base_url = match line.base_url_from {
            Some(variable) => format!("{} (from {variable})", line.base_url),
            None if line.name == MOCK => "in this process".to_owned(),
            None if line.base_url.is_empty() => "your own".to_owned(),
            None => line.base_url.clone(),
        };
        [line.name.to_owned(), line.dialect.to_owned(), base_url, key]
    });
    let set = lines.iter().filter(|line| line.key_set.is_some()).count();
    let drawn = terminal::draw_left(HEADER, drawn.collect());
    let all = words::count(lines.len() as u64, "provider");
    format!("{drawn}\n\n{all}; the key of {set} is set\n")
}

/// The columns for programs and spreadsheets.
const COLUMNS: &[&str] =
    &["provider", "title", "dialect", "base_url", "base_url_from", "key", "key_env", "key_set"];

fn cells<'l>(lines: &'l [Line<'_>]) -> Vec<Vec<Cell<'l>>> {
    let text = |text: &'l str| if text.is_empty() { Cell::Empty } else { text.into() };
    let cells = |line: &'l Line<'_>| {
        vec![
            line.name.into(),
            line.title.into(),
            line.dialect.into(),
            text(&line.base_url),
            line.base_url_from.into(),
            Cell::Word(line.need),
            text(&line.key_env),
            line.key_set.into(),
        ]
    };
    lines.iter().map(cells).collect()
}
