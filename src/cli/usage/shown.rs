//! What was spent, as text: a table, CSV, JSON or Markdown.

use serde_json::{Value, json};

use crate::audit::ledger::spent::by::By;
use crate::audit::ledger::spent::period::Period;
use crate::audit::ledger::spent::{Answer, Spent};
use crate::cli::page::PageForm;
use crate::cli::sheet;
use crate::report::cell::Cell;
use crate::report::figures::{cost, count, tokens};
use crate::report::markdown::escape;
use crate::report::sums::{Money, TokenSums};
use crate::report::terminal;

/// The version of the JSON.
const VERSION: u32 = 1;

/// The answer in this form.
pub(super) fn text(
    answer: &Answer,
    by: &[By],
    period: Period,
    unread: &[(String, String)],
    form: PageForm,
) -> String {
    let names: Vec<String> = by.iter().map(By::to_string).collect();
    match form {
        PageForm::Table => format!("{}\n", table(answer, &names)),
        PageForm::Markdown => markdown(answer, &names),
        PageForm::Csv => csv(answer, &names),
        PageForm::Json => format!("{:#}\n", as_json(answer, &names, period, unread)),
    }
}

/// The columns behind those of the group.
fn columns() -> Vec<&'static str> {
    let costs = ["cost_usd", "unpriced", "final_cost_usd", "final_unpriced"];
    let apart = [
        "retry_cost_usd",
        "retry_unpriced",
        "fallback_cost_usd",
        "fallback_unpriced",
        "cached_cost_usd",
        "cached_unpriced",
        "unsettled",
        "at_most_usd",
        "at_most_unpriced",
    ];
    [&["attempts", "retries"][..], &TokenSums::NAMES, &costs, &apart].concat()
}

fn cells(spent: &Spent) -> Vec<Cell<'static>> {
    let mut cells = vec![spent.attempts.into(), spent.retries.into()];
    cells.extend(spent.tokens.of(spent.attempts).map(Cell::from));
    let Spent { cost, final_cost, retry_cost, fallback_cost, cached_cost, .. } = spent;
    for money in [cost, final_cost, retry_cost, fallback_cost, cached_cost] {
        cells.extend([money.usd().into(), money.unknown.into()]);
    }
    let at_most = &spent.at_most;
    cells.extend([spent.unsettled.into(), at_most.usd().into(), at_most.unknown.into()]);
    cells
}

fn csv(answer: &Answer, names: &[String]) -> String {
    let mut header: Vec<&str> = names.iter().map(String::as_str).collect();
    header.extend(columns());
    sheet::csv(&header, &lines(answer))
}

fn lines(answer: &Answer) -> Vec<Vec<Cell<'_>>> {
    let line = |(group, spent): (&'_ Vec<Option<String>>, &Spent)| {
        let mut line: Vec<Cell<'static>> = group
            .iter()
            .map(|value| value.clone().map_or(Cell::Empty, |v| Cell::Text(v.into())))
            .collect();
        line.extend(cells(spent));
        line
    };
    answer.groups.iter().map(line).collect()
}

fn as_json(
    answer: &Answer,
    names: &[String],
    period: Period,
    unread: &[(String, String)],
) -> Value {
    let mut header: Vec<&str> = names.iter().map(String::as_str).collect();
    header.extend(columns());
    let unread: Vec<&str> = unread.iter().map(|(run, _)| run.as_str()).collect();
    json!({
        "v": VERSION,
        "by": names,
        "since": period.since,
        "until": period.until,
        "rows": sheet::json(&header, &lines(answer)),
        "total": sheet::json(&columns(), &[cells(&answer.total)])[0],
        "unread": unread,
    })
}

/// The columns for people, behind those of the group.
const FOR_PEOPLE: [&str; 9] = [
    "attempts",
    "tokens in",
    "cached",
    "tokens out",
    "reasoning",
    "cost",
    "retry cost",
    "fallback cost",
    "cached cost",
];

fn table(answer: &Answer, names: &[String]) -> String {
    let mut header: Vec<&str> = names.iter().map(String::as_str).collect();
    header.extend(FOR_PEOPLE);
    // A name may hold anything; a terminal obeys control characters.
    let shown = |text: &str| text.replace(char::is_control, " ");
    terminal::draw_after(names.len(), header, for_people(answer, names, shown))
}

fn markdown(answer: &Answer, names: &[String]) -> String {
    let mut header: Vec<String> = names.iter().map(|name| escape(name)).collect();
    header.extend(FOR_PEOPLE.map(str::to_owned));
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut page = line(&header);
    page.push_str(&"|---".repeat(names.len()));
    page.push_str(&"|--:".repeat(FOR_PEOPLE.len()));
    page.push_str("|\n");
    for cells in for_people(answer, names, escape) {
        page.push_str(&line(&cells));
    }
    page
}

/// A line for each group, and one for all where there are several.
fn for_people(
    answer: &Answer,
    names: &[String],
    shown: impl Fn(&str) -> String,
) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for (group, spent) in &answer.groups {
        let mut line: Vec<String> =
            group.iter().map(|value| value.as_deref().map_or("-".to_owned(), &shown)).collect();
        line.extend(figures(spent));
        lines.push(line);
    }
    if lines.len() > 1 {
        let mut line = vec![String::new(); names.len()];
        if let Some(first) = line.first_mut() {
            "all".clone_into(first);
        }
        line.extend(figures(&answer.total));
        lines.push(line);
    }
    lines
}

fn figures(spent: &Spent) -> [String; 9] {
    let [prompt, cached, _, completion, reasoning, _] = spent.tokens.of(spent.attempts);
    let money = |money: &Money| cost(money.usd(), money.unknown);
    [
        count(spent.attempts),
        tokens(prompt),
        tokens(cached),
        tokens(completion),
        tokens(reasoning),
        money(&spent.cost),
        money(&spent.retry_cost),
        money(&spent.fallback_cost),
        money(&spent.cached_cost),
    ]
}
