//! What a `junit.xml` may hold, as the schemas of Jenkins and its plugins say it: which element
//! stands where, with which attributes, and that the counts of a suite are those of its cases.

use std::collections::BTreeMap;

/// Names.
type Names = &'static [&'static str];

/// An element: those it may stand in, the attributes that it must have, and those that it may have.
const ELEMENTS: &[(&str, Names, Names, Names)] = &[
    ("testsuites", &[""], &[], &["name", "time", "tests", "failures", "errors"]),
    (
        "testsuite",
        &["testsuites"],
        &["name", "tests", "failures", "errors"],
        &["skipped", "time", "timestamp", "hostname", "id", "package"],
    ),
    ("properties", &["testsuite"], &[], &[]),
    ("property", &["properties"], &["name", "value"], &[]),
    ("testcase", &["testsuite"], &["name"], &["classname", "time"]),
    ("failure", &["testcase"], &[], &["type", "message"]),
    ("error", &["testcase"], &[], &["type", "message"]),
    ("skipped", &["testcase"], &[], &["type", "message"]),
    ("system-out", &["testcase", "testsuite"], &[], &[]),
];

/// A suite: its name, and how many cases it has, that failed, that broke and that were skipped.
pub(crate) type Suite = (String, [usize; 4]);

/// Panics unless the text is what those schemas let pass; gives its suites.
#[track_caller]
pub(crate) fn suites(text: &str) -> Vec<Suite> {
    let is_char = |c: char| matches!(c, '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_char), "a character that XML forbids");
    let body =
        text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("a declaration");
    let mut open: Vec<String> = vec![String::new()];
    let mut suites: Vec<Suite> = Vec::new();
    let mut stated = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, behind) = piece.split_once('>').expect("a tag ends");
        let is_text =
            ["failure", "error", "skipped", "system-out"].contains(&&**open.last().expect("one"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            assert!(behind.trim().is_empty(), "text behind </{name}>: {behind}");
            continue;
        }
        let is_empty = tag.ends_with('/');
        let tag = tag.trim_end_matches('/');
        let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(!is_text, "<{name}> stands in text");
        let attributes = attributes(rest);
        check(name, open.last().expect("one"), &attributes);
        let count = |key: &str| attributes.get(key).map_or(0, |n| n.parse().expect("a count"));
        match name {
            "testsuite" => {
                stated.push(["tests", "failures", "errors", "skipped"].map(count));
                suites.push((attributes["name"].clone(), [0; 4]));
            }
            "testcase" => suites.last_mut().expect("a suite").1[0] += 1,
            "failure" => suites.last_mut().expect("a suite").1[1] += 1,
            "error" => suites.last_mut().expect("a suite").1[2] += 1,
            "skipped" => suites.last_mut().expect("a suite").1[3] += 1,
            _ => {}
        }
        let holds_text = ["failure", "error", "skipped", "system-out"].contains(&name);
        assert!(holds_text || behind.trim().is_empty(), "text in <{name}>: {behind}");
        if !is_empty {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, [""], "an element is left open");
    assert!(
        suites.iter().map(|(_, counts)| *counts).eq(stated),
        "counts differ from cases: {suites:?}"
    );
    suites
}

#[track_caller]
fn check(name: &str, parent: &str, attributes: &BTreeMap<String, String>) {
    let known = ELEMENTS.iter().find(|(known, ..)| *known == name);
    let (_, parents, must, may) = known.unwrap_or_else(|| panic!("no schema has <{name}>"));
    assert!(parents.contains(&parent), "<{name}> stands in <{parent}>");
    assert!(must.iter().all(|key| attributes.contains_key(*key)), "<{name}> lacks one of {must:?}");
    for (key, value) in attributes {
        let is_known = must.contains(&&**key) || may.contains(&&**key);
        assert!(is_known, "<{name}> has no attribute {key}");
        let is_time = |c: char| c.is_ascii_digit() || c == '.';
        assert!(key != "time" || value.chars().all(is_time), "{value} is no time in seconds");
    }
}

#[track_caller]
fn attributes(mut text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while !text.trim().is_empty() {
        let (key, rest) = text.split_once("=\"").expect("an attribute has a value");
        let (value, rest) = rest.split_once('"').expect("a value ends");
        let is_twice = found.insert(key.trim().to_owned(), value.to_owned()).is_some();
        assert!(!is_twice, "{key} stands there twice");
        text = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schemas_do_not_know_is_found() {
        const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let is_well = |body: &str| {
            let text = format!("{HEAD}{body}");
            std::panic::catch_unwind(|| suites(&text)).is_ok()
        };
        assert!(is_well("<testsuites name=\"a\"></testsuites>"));
        for body in [
            "<testsuites skipped=\"0\"></testsuites>",
            "<testsuites>text</testsuites>",
            "<testsuites><testcase name=\"a\"/></testsuites>",
            "<testsuites><testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\"/></testsuites>",
            "<testsuites>",
            "<testsuites time=\"1 s\"/>",
            "<testsuites name=\"\u{1}\"/>",
        ] {
            assert!(!is_well(body), "{body}");
        }
    }
}
