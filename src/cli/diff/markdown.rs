//! A comparison for a pull request.

use std::fmt::Write as _;

use crate::cli::exit::CliError;
use crate::cli::named::store;
use crate::report::compare::changes::ChangedTask;
use crate::report::markdown::escape;

use super::Shown;
use super::figures::{self, DRIFTS, METRICS};
use super::text::{clipped, word};

/// All of it.
pub(super) fn markdown(shown: &Shown<'_>) -> Result<String, CliError> {
    let comparison = &shown.comparison;
    let mut page = String::new();
    for line in figures::verdict(shown) {
        let _ = writeln!(page, "**{}**\n", escape(&line));
    }
    for line in figures::heading(comparison) {
        let _ = writeln!(page, "- {}", escape(&line));
    }
    table(&mut page, 2, METRICS, figures::metrics(comparison));
    table(&mut page, 1, DRIFTS, figures::drifts(comparison));
    let _ = writeln!(page, "\n{}", escape(&figures::spending(comparison)));
    for note in &comparison.notes {
        let _ = writeln!(page, "\nNote: {}", escape(note));
    }
    let changes = shown.compared.changes();
    if changes.is_empty() || shown.examples == 0 {
        return Ok(page);
    }
    let (all, some) = (changes.len(), changes.len().min(shown.examples));
    let _ = writeln!(
        page,
        "\n<details><summary>{some} of {all} changed answers, the worst first</summary>"
    );
    let mut answers = shown.compared.answers().map_err(store)?;
    for change in changes.iter().take(shown.examples) {
        if let Some(task) = answers.read(change).map_err(store)? {
            example(&mut page, &task);
        }
    }
    page.push_str("\n</details>\n");
    Ok(page)
}

fn table<const N: usize>(
    page: &mut String,
    texts: usize,
    header: [&str; N],
    lines: Vec<[String; N]>,
) {
    let rule = (0..N).map(|place| if place < texts { "---" } else { "--:" });
    let rule = rule.collect::<Vec<_>>().join("|");
    let _ = writeln!(page, "\n| {} |\n|{rule}|", header.join(" | "));
    for line in lines {
        let _ = writeln!(page, "| {} |", line.map(|cell| escape(&cell)).join(" | "));
    }
}

fn example(page: &mut String, task: &ChangedTask) {
    let name = format!("{}/{}, {}", task.prompt, task.row, task.model());
    let asked = clipped(&task.question());
    let _ =
        writeln!(page, "\n{}: {}. {}", word(task.kind), escape(&clipped(&name)), escape(&asked));
    page.push_str("\n| | answer | scores |\n|---|---|---|\n");
    for (side, told) in [("base", &task.base), ("new", &task.new)] {
        let (answer, scores) = (clipped(&figures::answer(told)), clipped(&figures::scores(told)));
        let _ = writeln!(page, "| {side} | {} | {} |", escape(&answer), escape(&scores));
    }
}
