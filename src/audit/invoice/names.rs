//! Which billed name is which booked one.
//!
//! A provider bills by the snapshot that answered (`gpt-4o-2024-08-06`) or by the name that it
//! shows (`Claude Haiku 4.5`), and the job asked by an alias (`gpt-4o`). The same name goes first;
//! what is left over goes with what is the same but for a date. Two different dates are two models.

use std::collections::BTreeMap;

/// A name on one of the two sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Whether it was booked; else it was billed.
    pub is_booked: bool,
    /// Whose model it is, where that is told.
    pub provider: Option<String>,
    /// The model.
    pub model: String,
}

/// A name without its date, and the date; none of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    stem: String,
    snapshot: Option<String>,
}

/// Groups of names that are one model, as far as anybody can tell; by their places in `names`.
pub(super) fn grouped(names: &[Name]) -> Vec<Vec<usize>> {
    let keys: Vec<Key> = names.iter().map(|name| Key::of(&name.model)).collect();
    let mut stems: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, key) in keys.iter().enumerate() {
        stems.entry(&key.stem).or_default().push(place);
    }
    let mut groups = Vec::new();
    for places in stems.into_values() {
        // Where an invoice does not say whose a model is, it is everybody's.
        let billed = |place: &&usize| !names[**place].is_booked;
        let is_told = places.iter().filter(billed).all(|place| names[*place].provider.is_some());
        let mut scopes: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for place in places {
            let provider = names[place].provider.as_deref().filter(|_| is_told);
            scopes.entry(provider).or_default().push(place);
        }
        scopes.into_values().for_each(|places| groups.extend(matched(names, &keys, &places)));
    }
    groups
}

/// The groups within names that are the same but for their dates.
fn matched(names: &[Name], keys: &[Key], places: &[usize]) -> Vec<Vec<usize>> {
    let mut by_snapshot: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for place in places {
        by_snapshot.entry(keys[*place].snapshot.as_deref()).or_default().push(*place);
    }
    let sides = |places: &[usize]| {
        let is_booked = |place: &usize| names[*place].is_booked;
        (places.iter().any(is_booked), !places.iter().all(is_booked))
    };
    let alias = by_snapshot.remove(&None).unwrap_or_default();
    let (is_booked, is_billed) = sides(&alias);
    let mut dated: Vec<Vec<usize>> = by_snapshot.into_values().collect();
    if is_booked != is_billed {
        // What the alias stands for is on the other side: first of all what nobody else asked for
        // by its name.
        let is_other = |group: &Vec<usize>| {
            let (booked, billed) = sides(group);
            if is_booked { billed } else { booked }
        };
        let is_left_over = |group: &Vec<usize>| is_other(group) && sides(group) != (true, true);
        let some_left_over = dated.iter().any(is_left_over);
        let joins = |group: &mut Vec<usize>| {
            if some_left_over { is_left_over(group) } else { is_other(group) }
        };
        let joined: Vec<usize> = dated.extract_if(.., joins).flatten().collect();
        dated.push([alias, joined].concat());
    } else if !alias.is_empty() {
        dated.push(alias);
    }
    dated
}

impl Key {
    fn of(name: &str) -> Self {
        let lower = name.trim().to_lowercase();
        let name = lower.strip_prefix("responses/").unwrap_or(&lower);
        if name.starts_with("ft:") {
            return Self { stem: name.to_owned(), snapshot: None };
        }
        // A tail such as `:thinking` makes another model.
        let tail_at = name.find(':').unwrap_or(name.len());
        let (body, tail) = name.split_at(tail_at);
        let body = body.split_whitespace().collect::<Vec<_>>().join("-");
        let (stem, snapshot) = undated(&body);
        let stem = if stem.starts_with("claude-") { claude(stem) } else { stem.to_owned() };
        Self { stem: stem + tail, snapshot }
    }
}

/// A name without the date at its end, and the date in digits alone.
fn undated(name: &str) -> (&str, Option<String>) {
    if let Some(alias) = name.strip_suffix("-latest") {
        return (alias, None);
    }
    let Some((rest, last)) = name.rsplit_once(['-', '@']) else { return (name, None) };
    if is_day(last, 8) {
        return (rest, Some(last.to_owned()));
    }
    if is_day(last, 4) {
        return (rest, Some(last.to_owned()));
    }
    let mut parts = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        let date = [year, month, day].concat();
        if (year.len(), month.len()) == (4, 2) && is_day(&date, 8) {
            return (rest, Some(date));
        }
    }
    (name, None)
}

/// Whether these are so many digits whose last four are a month and a day.
fn is_day(text: &str, length: usize) -> bool {
    let are_digits = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or(0);
    are_digits
        && (1..=12).contains(&number(length - 4, length - 2))
        && (1..=31).contains(&number(length - 2, length))
        && (length == 4 || text.starts_with("20"))
}

/// `claude-3-5-sonnet` and `claude-sonnet-3.5` are one model, whose name changed its order.
fn claude(stem: &str) -> String {
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = stem.split(['-', '.']).filter(|part| !part.is_empty()).collect();
    let words = parts.iter().filter(|part| !is_number(part));
    let numbers = parts.iter().filter(|part| is_number(part));
    words.chain(numbers).copied().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_off_and_everything_else_stays() {
        for (name, stem, snapshot) in [
            ("gpt-4o", "gpt-4o", None),
            ("gpt-4o-2024-08-06", "gpt-4o", Some("20240806")),
            ("GPT-4o-2024-08-06", "gpt-4o", Some("20240806")),
            ("gpt-4-0613", "gpt-4", Some("0613")),
            ("GPT-4 Turbo", "gpt-4-turbo", None),
            ("responses/gpt-5-pro", "gpt-5-pro", None),
            ("gpt-4o@20240806", "gpt-4o", Some("20240806")),
            ("gemini-1.5-pro-latest", "gemini-1.5-pro", None),
            ("gemini-2.0-flash-001", "gemini-2.0-flash-001", None),
            ("mistral-large-2407", "mistral-large-2407", None),
            ("gpt-4o-9999-99-99", "gpt-4o-9999-99-99", None),
            ("claude-haiku-4-5-20251001", "claude-haiku-4-5", Some("20251001")),
            ("Claude Haiku 4.5", "claude-haiku-4-5", None),
            ("Claude 3.5 Sonnet 2024-10-22", "claude-sonnet-3-5", Some("20241022")),
            ("claude-3-5-sonnet-20241022", "claude-sonnet-3-5", Some("20241022")),
            ("claude-3-7-sonnet-20250219:thinking", "claude-sonnet-3-7:thinking", Some("20250219")),
            ("ft:gpt-4o-2024-08-06:acme::x", "ft:gpt-4o-2024-08-06:acme::x", None),
            ("é-20240806", "é", Some("20240806")),
        ] {
            let expected = Key { stem: stem.to_owned(), snapshot: snapshot.map(str::to_owned) };
            assert_eq!(Key::of(name), expected, "{name}");
        }
    }

    /// Groups as text; a name is booked with `=` in front, and has a provider before a slash.
    fn groups(names: &[&str]) -> Vec<String> {
        let name = |text: &&str| {
            let (is_booked, rest) = match text.strip_prefix('=') {
                Some(rest) => (true, rest),
                None => (false, *text),
            };
            let (provider, model) = match rest.split_once('/') {
                Some((provider, model)) => (Some(provider.to_owned()), model),
                None => (None, rest),
            };
            Name { is_booked, provider, model: model.to_owned() }
        };
        let all: Vec<Name> = names.iter().map(name).collect();
        let text = |group: Vec<usize>| {
            let mut group: Vec<&str> = group.into_iter().map(|place| names[place]).collect();
            group.sort_unstable();
            group.join(" ")
        };
        let mut texts: Vec<String> = grouped(&all).into_iter().map(text).collect();
        texts.sort_unstable();
        texts
    }

    #[test]
    fn the_same_name_goes_first_and_then_the_same_without_a_date() {
        for (names, expected) in [
            (vec!["=o/m", "o/m"], vec!["=o/m o/m"]),
            (vec!["=o/m", "o/m-2024-08-06"], vec!["=o/m o/m-2024-08-06"]),
            (vec!["=o/m-20240806", "o/m"], vec!["=o/m-20240806 o/m"]),
            (vec!["=o/m-latest", "o/m-2024-08-06"], vec!["=o/m-latest o/m-2024-08-06"]),
            // Two dates are two models.
            (vec!["=o/m-2024-05-13", "o/m-2024-08-06"], vec!["=o/m-2024-05-13", "o/m-2024-08-06"]),
            (
                vec!["=o/m", "=o/m-2024-05-13", "o/m-2024-05-13", "o/m-2024-08-06"],
                vec!["=o/m o/m-2024-08-06", "=o/m-2024-05-13 o/m-2024-05-13"],
            ),
            // What the alias stood for can be nothing but what was asked by its name too.
            (
                vec!["=o/m", "=o/m-2024-08-06", "o/m-2024-08-06"],
                vec!["=o/m =o/m-2024-08-06 o/m-2024-08-06"],
            ),
            // An alias that moved within the days.
            (
                vec!["=o/m", "o/m-2024-05-13", "o/m-2024-08-06"],
                vec!["=o/m o/m-2024-05-13 o/m-2024-08-06"],
            ),
            (vec!["=o/m", "=a/m", "o/m"], vec!["=a/m", "=o/m o/m"]),
            (vec!["=o/m", "=a/m", "m"], vec!["=a/m =o/m m"]),
            (vec!["=o/m", "o/m-mini"], vec!["=o/m", "o/m-mini"]),
        ] {
            assert_eq!(groups(&names), expected, "{names:?}");
        }
    }
}
