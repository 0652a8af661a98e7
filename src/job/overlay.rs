//! `--set KEY=VALUE`: a dotted key of the job, laid over what the file says.

use std::ops::Range;

use toml::de::DeValue;

use crate::job::diagnostic::{Diagnostic, Place};
use crate::job::node::{Data, Entry, Node, Origin, Spot};

/// A step of a dotted key and where it stands in the argument.
struct Segment {
    name: String,
    range: Range<usize>,
}

/// Lays one `--set` over the table; `nth` is its place among them.
pub fn lay(root: &mut Node, nth: usize, set: &str) -> Result<(), Box<Diagnostic>> {
    let fault = |(range, message, help): Fault| {
        Box::new(Diagnostic::new(argument(set, range), message).help(help))
    };
    let Some(split) = set.find('=') else {
        let help = "such as --set limits.concurrency=8".to_owned();
        return Err(fault((0..set.len(), "`--set` wants KEY=VALUE".to_owned(), help)));
    };
    let segments = segments(set[..split].trim_end()).map_err(|range| {
        let help = "such as models[0].label, or limits.concurrency".to_owned();
        fault((range, "this is not a dotted key".to_owned(), help))
    })?;
    // Spaces around the sign are as in the file; those of a text stand in quotes.
    let indent = set[split + 1..].len() - set[split + 1..].trim_start().len();
    let value = value(nth, set, split + 1 + indent);
    place(root, &segments, value, nth).map_err(fault)
}

/// Which bytes are at fault, what is wrong, and what to do.
type Fault = (Range<usize>, String, String);

/// The place of a stretch of a `--set`, as diagnostics show it.
pub fn argument(set: &str, range: Range<usize>) -> Place {
    const OPTION: &str = "--set ";
    let range = range.start + OPTION.len()..range.end + OPTION.len();
    Place::Argument { text: format!("{OPTION}{set}"), range }
}

/// The value: TOML where it is some, else the plain text.
fn value(nth: usize, set: &str, start: usize) -> Node {
    let origin = Origin::Set(nth);
    let text = &set[start..];
    match DeValue::parse(text) {
        Ok(value) => Node::of_value(&value, origin, start),
        Err(_) => Node {
            data: Data::Text(text.to_owned()),
            spot: Spot { origin, range: start..set.len() },
        },
    }
}

/// Splits `models[0].label` and `models.0.label` alike; a part in quotes may hold dots.
fn segments(key: &str) -> Result<Vec<Segment>, Range<usize>> {
    let mut segments = Vec::new();
    let mut at = 0;
    loop {
        let rest = &key[at..];
        let (name, taken) = segment(rest).ok_or(at..key.len())?;
        if name.is_empty() {
            return Err(at..key.len());
        }
        segments.push(Segment { name: name.to_owned(), range: at..at + taken });
        at += taken;
        while key[at..].starts_with('[') {
            let end = key[at..].find(']').ok_or(at..key.len())?;
            let name = key[at + 1..at + end].trim().to_owned();
            if name.parse::<usize>().is_err() {
                return Err(at..at + end + 1);
            }
            segments.push(Segment { name, range: at..at + end + 1 });
            at += end + 1;
        }
        match key[at..].chars().next() {
            None => return Ok(segments),
            Some('.') => at += 1,
            Some(_) => return Err(at..key.len()),
        }
    }
}

/// The part of a key at the begin of a text, and the bytes it takes.
fn segment(text: &str) -> Option<(&str, usize)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(['.', '[']).unwrap_or(text.len());
        return Some((text[..end].trim(), end));
    };
    let end = inner.find('"')?;
    Some((&inner[..end], end + 2))
}

fn place(node: &mut Node, segments: &[Segment], value: Node, nth: usize) -> Result<(), Fault> {
    let Some((segment, rest)) = segments.split_first() else {
        *node = value;
        return Ok(());
    };
    let name = &segment.name;
    match &mut node.data {
        Data::Table(entries) => {
            let at = entries.iter().position(|entry| entry.key == *name).unwrap_or_else(|| {
                entries.push(fresh_entry(segment, nth));
                entries.len() - 1
            });
            let entry = &mut entries[at];
            if rest.is_empty() {
                entry.spot = spot(segment, nth);
            }
            place(&mut entry.node, rest, value, nth)
        }
        Data::Array(items) => {
            let count = items.len();
            let index =
                name.parse::<usize>().ok().filter(|index| *index <= count).ok_or_else(|| {
                    let help = format!("write a place from 0 to {count}, such as [0]");
                    (segment.range.clone(), format!("the list has no place `{name}`"), help)
                })?;
            if index == count {
                items.push(fresh_entry(segment, nth).node);
            }
            place(&mut items[index], rest, value, nth)
        }
        _ => Err((
            segment.range.clone(),
            format!("there is no `{name}` here: what stands above is neither table nor list"),
            "leave the last part of the key away".to_owned(),
        )),
    }
}

fn spot(segment: &Segment, nth: usize) -> Spot {
    Spot { origin: Origin::Set(nth), range: segment.range.clone() }
}

fn fresh_entry(segment: &Segment, nth: usize) -> Entry {
    let spot = spot(segment, nth);
    let node = Node { data: Data::Table(Vec::new()), spot: spot.clone() };
    Entry { key: segment.name.clone(), spot, node }
}

#[cfg(test)]
mod tests {
    use crate::job::document::Document;

    fn laid(text: &str, set: &str) -> Result<String, String> {
        let (document, faults) = Document::parse("x.toml", text, &[set.to_owned()]);
        match faults.first() {
            Some(fault) => Err(fault.message.clone()),
            None => Ok(document.root().to_json().to_string()),
        }
    }

    #[test]
    fn a_set_is_laid_over_the_file() {
        let text = "name = 'a'\n[[models]]\nmodel = 'm'\n";
        for (set, json) in [
            ("name=b", r#"{"name":"b","models":[{"model":"m"}]}"#),
            ("models[0].label=x y", r#"{"name":"a","models":[{"model":"m","label":"x y"}]}"#),
            ("models.0.label=\"x\"", r#"{"name":"a","models":[{"model":"m","label":"x"}]}"#),
            ("models[1].model=n", r#"{"name":"a","models":[{"model":"m"},{"model":"n"}]}"#),
            ("a.\"b.c\"=[1,2]", r#"{"name":"a","models":[{"model":"m"}],"a":{"b.c":[1,2]}}"#),
            ("name=", r#"{"name":"","models":[{"model":"m"}]}"#),
        ] {
            assert_eq!(laid(text, set).as_deref(), Ok(json), "{set}");
        }
    }

    #[test]
    fn a_set_that_fits_nowhere_is_a_fault() {
        let text = "name = 'a'\n[[models]]\nmodel = 'm'\n";
        for (set, message) in [
            ("name", "`--set` wants KEY=VALUE"),
            ("=3", "this is not a dotted key"),
            ("a..b=3", "this is not a dotted key"),
            ("models[x].label=3", "this is not a dotted key"),
            ("models.label=3", "the list has no place `label`"),
            ("models[2].label=3", "the list has no place `2`"),
            ("name.x=3", "there is no `x` here: what stands above is neither table nor list"),
        ] {
            assert_eq!(laid(text, set), Err(message.to_owned()), "{set}");
        }
    }
}
