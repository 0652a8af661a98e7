//! A comparison for a terminal: the verdict first, and some of the answers that changed last.

use std::fmt::Write as _;

use crate::cli::exit::CliError;
use crate::cli::named::store;
use crate::report::compare::changes::{ChangeKind, ChangedTask};
use crate::report::figures::count;
use crate::report::terminal;

use super::Shown;
use super::figures::{self, DRIFTS, METRICS};

/// The most characters of a text that is shown.
const LONGEST: usize = 300;

/// All of it.
pub(super) fn text(shown: &Shown<'_>) -> Result<String, CliError> {
    let comparison = &shown.comparison;
    let mut page = String::new();
    for line in figures::verdict(shown).iter().chain(&figures::heading(comparison)) {
        let _ = writeln!(page, "{}", tame(line));
    }
    let lines = figures::metrics(comparison).into_iter().map(|line| line.map(|cell| tame(&cell)));
    let _ = writeln!(page, "\n{}", terminal::draw_after(2, METRICS, lines.collect()));
    let lines = figures::drifts(comparison).into_iter().map(|line| line.map(|cell| tame(&cell)));
    let _ = writeln!(page, "\n{}", terminal::draw_after(1, DRIFTS, lines.collect()));
    let _ = writeln!(page, "\n{}", figures::spending(comparison));
    for note in &comparison.notes {
        let _ = writeln!(page, "note: {}", tame(note));
    }
    examples(&mut page, shown)?;
    Ok(page)
}

fn examples(page: &mut String, shown: &Shown<'_>) -> Result<(), CliError> {
    let changes = shown.compared.changes();
    if changes.is_empty() || shown.examples == 0 {
        return Ok(());
    }
    let number = |kind| changes.iter().filter(|change| change.kind == kind).count() as u64;
    let (worse, better) = (number(ChangeKind::Worse), number(ChangeKind::Better));
    let _ = writeln!(
        page,
        "\nchanged: {} worse, {} better, {} in what they say alone",
        count(worse),
        count(better),
        count(changes.len() as u64 - worse - better)
    );
    let mut answers = shown.compared.answers().map_err(store)?;
    for (nth, change) in changes.iter().take(shown.examples).enumerate() {
        if let Some(task) = answers.read(change).map_err(store)? {
            example(page, nth + 1, &task);
        }
    }
    let more = changes.len().saturating_sub(shown.examples);
    if more > 0 {
        let _ = writeln!(page, "\n{} more: --examples N, or --format json", count(more as u64));
    }
    Ok(())
}

fn example(page: &mut String, nth: usize, task: &ChangedTask) {
    let repeat = if task.repeat > 0 { format!(" repeat {}", task.repeat) } else { String::new() };
    let name = format!("{}/{}{repeat}, {}", task.prompt, task.row, task.model());
    let _ = writeln!(page, "\n{nth}. {}: {}", word(task.kind), clipped(&name));
    let _ = writeln!(page, "   asked  {}", clipped(&task.question()));
    for (side, told) in [("base", &task.base), ("new ", &task.new)] {
        let scores = figures::scores(told);
        let scores = if scores.is_empty() { scores } else { format!("  [{scores}]") };
        let _ =
            writeln!(page, "   {side}   {}{}", clipped(&figures::answer(told)), clipped(&scores));
    }
}

/// What became of a task, in a word.
pub(super) fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Worse => "worse",
        ChangeKind::Better => "better",
        ChangeKind::Changed => "changed",
    }
}

/// The beginning of a text, on one line.
pub(super) fn clipped(text: &str) -> String {
    let mut clipped: String = text.chars().take(LONGEST).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    tame(&clipped)
}

/// Text from outside without what a terminal obeys: control characters, and marks that turn the
/// direction of what follows.
fn tame(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.replace(|c: char| c.is_control() || turns(c), " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_not_printed() {
        assert_eq!(clipped("a\x1b[31m\r\nb\u{202e}c\u{9b}2J"), "a [31m  b c 2J");
        let long = clipped(&"é".repeat(1000));
        assert_eq!(long.chars().count(), LONGEST + 1);
    }
}
