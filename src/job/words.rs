//! Words that many messages share.

use crate::provider::names::nearest;

/// Names in backticks: `` `a`, `b` or `c` ``.
pub fn either<S: AsRef<str>>(names: &[S]) -> String {
    joined(names, "or")
}

/// Names in backticks: `` `a`, `b` and `c` ``; a long list is cut short.
pub fn all<S: AsRef<str>>(names: &[S]) -> String {
    const MOST: usize = 20;
    if names.len() <= MOST {
        return joined(names, "and");
    }
    let quoted: Vec<String> = names[..MOST].iter().map(quoted).collect();
    format!("{} and {} more", quoted.join(", "), names.len() - MOST)
}

/// `did you mean ...?` with the known name that is nearest, where one is near.
pub fn did_you_mean<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    let close = nearest(text, known, 1);
    close.first().map(|name| did_you_mean_this(name))
}

/// The question itself.
pub fn did_you_mean_this(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// `did you mean ...?`, or the names there are, introduced by `otherwise`.
pub fn suggestion<S: AsRef<str>>(text: &str, known: &[S], otherwise: &str) -> String {
    match did_you_mean(text, known.iter().map(AsRef::as_ref)) {
        Some(question) => question,
        None => format!("{otherwise} {}", all(known)),
    }
}

/// `1 row`, `2 rows`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn joined<S: AsRef<str>>(names: &[S], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(quoted).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
        None => String::new(),
    }
}

fn quoted<S: AsRef<str>>(name: S) -> String {
    format!("`{}`", name.as_ref())
}
