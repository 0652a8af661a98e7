//! The text of a job file: every syntax fault of it at once, and where each key stands.

use std::ops::Range;

use toml::de::DeTable;

use crate::job::diagnostic::{Diagnostic, Place};
use crate::job::key_path::{KeyPath, Step};
use crate::job::node::{Node, Spot};
use crate::job::overlay;

/// A job file as it was read, with what the command line lays over it.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file, as messages show it.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What `--set` was given, in order.
    pub sets: Vec<String>,
    root: Node,
}

/// Where a key and its value stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The key; of an item of an array, the item.
    pub key: Spot,
    /// The value; of a table under a header, the header.
    pub value: Spot,
}

impl Document {
    /// Reads the text and lays `sets` over it. What can be read is kept, whatever is at fault.
    pub fn parse(name: &str, text: &str, sets: &[String]) -> (Self, Vec<Diagnostic>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<Diagnostic> = errors.iter().map(|error| syntax(error, text)).collect();
        faults.sort_by_key(start);
        faults.dedup_by(|later, first| is_echo(later, first, text));
        let mut root = Node::of_table(table.get_ref());
        for (nth, set) in sets.iter().enumerate() {
            faults.extend(overlay::lay(&mut root, nth, set).err().map(|fault| *fault));
        }
        let document =
            Self { name: name.to_owned(), text: text.to_owned(), sets: sets.to_vec(), root };
        (document, faults)
    }

    /// The table at the top.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The value at this path.
    pub fn node(&self, path: &KeyPath) -> Option<&Node> {
        path.steps().iter().try_fold(&self.root, |node, step| match step {
            Step::Key(name) => node.entry(name).map(|entry| &entry.node),
            Step::Index(nth) => node.item(*nth),
        })
    }

    /// Whether the job states this key.
    pub fn states(&self, path: &KeyPath) -> bool {
        self.node(path).is_some()
    }

    /// Whether this very key is stated.
    pub fn has(&self, path: &KeyPath) -> bool {
        let mut node = Some(&self.root);
        for step in path.steps() {
            node = node.and_then(|node| match step {
                Step::Key(name) => node.entry(name).map(|entry| &entry.node),
                Step::Index(nth) => node.item(*nth),
            });
        }
        node.is_some()
    }

    /// Where a key stands, or the nearest key above it that does; `None` for the whole file.
    pub fn locate(&self, path: &KeyPath) -> Option<Located> {
        let mut node = &self.root;
        let mut found = None;
        for step in path.steps() {
            let next = match step {
                Step::Key(name) => node.entry(name).map(|entry| (&entry.spot, &entry.node)),
                Step::Index(nth) => node.item(*nth).map(|item| (&item.spot, item)),
            };
            let Some((key, value)) = next else { break };
            found = Some(Located { key: key.clone(), value: value.spot.clone() });
            node = value;
        }
        found
    }
}

fn syntax(error: &toml::de::Error, text: &str) -> Diagnostic {
    let span = visible(error.span().unwrap_or(0..0), text);
    let message = error.message();
    let fault = Diagnostic::new(Place::Span(span), format!("not TOML: {message}"));
    fault
        .help(hint(message).unwrap_or("a line is `key = value` or a `[header]`; text is in quotes"))
}

/// Whether a fault is of the same slip as the one before: a second on its line, or another comma
/// missing because a list has no end.
fn is_echo(later: &Diagnostic, first: &Diagnostic, text: &str) -> bool {
    let line = |fault: &Diagnostic| text[..start(fault)].matches('\n').count();
    let is_comma = later.message.contains("missing comma") && later.message == first.message;
    line(later) == line(first) || is_comma
}

fn start(fault: &Diagnostic) -> usize {
    match &fault.place {
        Place::Span(range) => range.start,
        _ => 0,
    }
}

/// A range that holds something to underline, on one line where it was empty.
fn visible(span: Range<usize>, text: &str) -> Range<usize> {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let end = text[start..end].find('\n').map_or(end, |length| start + length);
    if end > start {
        return start..end;
    }
    let next = text[start..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
    start..start + next.map_or(0, char::len_utf8)
}

fn hint(message: &str) -> Option<&'static str> {
    let hints = [
        ("must be quoted", "put text in quotes: key = \"text\""),
        ("duplicate key", "each key and each table header stands once; join the two"),
        ("unclosed table", "close the header: [name]"),
        ("multi-line basic string", "end the text with \"\"\""),
        ("invalid basic string", "end the text with a quote on the same line"),
        ("invalid literal string", "end the text with a quote on the same line"),
        ("unexpected key or value", "begin a new line for each key"),
        ("extra comma", "take one of the commas away"),
        ("missing comma", "put a comma between the two"),
    ];
    hints.iter().find(|(part, _)| message.contains(part)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_path_finds_its_text() {
        let text = "name = \"x\"\n[[models]]\nmodel = 'a'\n[[models]]\nlimits = { rpm = 3 }\n";
        let (document, faults) = Document::parse("x.toml", text, &[]);
        assert!(faults.is_empty());
        let path = KeyPath::top().key("models").index(1).key("limits").key("rpm");
        let located = document.locate(&path).expect("found");
        assert_eq!(&text[located.key.range], "rpm");
        assert_eq!(&text[located.value.range], "3");
        let above = document.locate(&path.key("nowhere")).expect("the key above");
        assert_eq!(&text[above.key.range], "rpm");
    }

    #[test]
    fn every_syntax_fault_is_told_at_once() {
        let text = "a = \nb = 1 c = 2\n[x\nk = [1,,2]\n";
        let (_, faults) = Document::parse("x.toml", text, &[]);
        assert_eq!(faults.len(), 4, "{faults:#?}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", set in ".*") {
            drop(Document::parse("x.toml", &text, &[set]));
        }
    }
}
