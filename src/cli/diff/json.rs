//! A comparison for programs. Changed answers are printed one by one, as a million of them do not
//! fit into memory.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::CliError;
use crate::cli::named::store;
use crate::report::compare::comparison::Comparison;
use crate::report::compare::held::Held;

use super::Shown;

/// How much is printed at once.
const PIECE: usize = 256 << 10;

/// All but the answers.
#[derive(Serialize)]
struct Page<'a> {
    regression: bool,
    #[serde(flatten)]
    comparison: &'a Comparison,
    /// What `--fail-on` says; null where it says nothing.
    fail_on: Option<&'a [Held]>,
}

/// Prints all of it.
pub(super) fn print(shown: &Shown<'_>, context: &Context) -> Result<(), CliError> {
    let page = Page {
        regression: shown.is_regression(),
        comparison: &shown.comparison,
        fail_on: shown.is_asked.then_some(&*shown.held),
    };
    let mut text = serde_json::to_string_pretty(&page).expect("it has only text as keys");
    // The list of answers is put in before the closing brace.
    text.truncate(text.trim_end_matches("\n}").len());
    text.push_str(",\n  \"changes\": [");
    let mut answers = shown.compared.answers().map_err(store)?;
    let mut comma = "";
    for change in shown.compared.changes().iter().take(shown.examples) {
        let Some(task) = answers.read(change).map_err(store)? else { continue };
        let task = serde_json::to_string(&task).expect("it has only text as keys");
        text.push_str(comma);
        text.push_str("\n    ");
        text.push_str(&task);
        comma = ",";
        if text.len() > PIECE {
            context.print(&text)?;
            text.clear();
        }
    }
    text.push_str("\n  ]\n}\n");
    context.print(&text)
}
