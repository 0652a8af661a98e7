//! One prompt, and the answers to it that stand side by side.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::super::Row;

/// The prompt of the rows that come in. Rows come in plan order, so those of a prompt follow one
/// another.
#[derive(Debug, Default)]
pub(super) struct Group {
    prompt: String,
    row: String,
    messages: String,
    /// Models and repeats; empty before the first group.
    taken: HashSet<(usize, u32)>,
}

impl Group {
    /// Begins the group that this row is the first of; `model` is its place in the index.
    pub(super) fn begin(&mut self, row: &Row<'_>, model: usize) {
        row.record.prompt.as_ref().clone_into(&mut self.prompt);
        row.record.row.as_ref().clone_into(&mut self.row);
        messages(row).clone_into(&mut self.messages);
        self.taken.clear();
        self.taken.insert((model, row.record.repeat));
    }

    /// Whether this row belongs to it. A row of the same name that asks something else does not,
    /// nor does one that asks the same model again: a prompt set may have two rows of one name.
    pub(super) fn takes(&mut self, row: &Row<'_>, model: usize) -> bool {
        !self.taken.is_empty()
            && self.row == row.record.row
            && self.prompt == row.record.prompt
            && self.messages == messages(row)
            && self.taken.insert((model, row.record.repeat))
    }
}

fn messages<'a>(row: &Row<'a>) -> &'a str {
    row.record.messages.map_or("", RawValue::get)
}
