//! One prompt, and the answers to it that stand side by side.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::super::Row;

/// The prompt of the rows that come in. Rows come in plan order, so those of a prompt follow one
/// another.
#[derive(Debug)]
pub(super) struct Group {
    prompt: String,
    row: String,
    messages: String,
    taken: HashSet<(usize, u32)>,
}

impl Group {
    /// The group that this row begins; `model` is its place in the index.
    pub(super) fn of(row: &Row<'_>, model: usize) -> Self {
        Self {
            prompt: row.record.prompt.to_string(),
            row: row.record.row.to_string(),
            messages: messages(row).to_owned(),
            taken: HashSet::from([(model, row.record.repeat)]),
        }
    }

    /// Whether this row belongs to it. A row of the same name that asks something else does not,
    /// nor does one that asks the same model again: a prompt set may have two rows of one name.
    pub(super) fn takes(&mut self, row: &Row<'_>, model: usize) -> bool {
        self.prompt == row.record.prompt
            && self.row == row.record.row
            && self.messages == messages(row)
            && self.taken.insert((model, row.record.repeat))
    }
}

fn messages<'a>(row: &Row<'a>) -> &'a str {
    row.record.messages.map_or("", RawValue::get)
}
