//! Words that the notes of scores share: short, on one line.

/// The most characters of an answer that a note shows.
const MOST: usize = 60;

/// A text in backticks, on one line, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", clipped(text, MOST))
}

/// Texts in backticks, with commas between.
pub(super) fn all_quoted<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    let quoted: Vec<String> = texts.into_iter().map(quoted).collect();
    match quoted.split_at_checked(MOST_NAMES) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => quoted.join(", "),
    }
}

/// The most texts that a note names.
const MOST_NAMES: usize = 5;

/// A text on one line of at most so many characters.
pub(super) fn clipped(text: &str, most: usize) -> String {
    let mut short = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        for character in (count > 0).then_some(' ').into_iter().chain(word.chars()) {
            if count == most {
                short.push('…');
                return short;
            }
            short.push(character);
            count += 1;
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stays_short_and_on_one_line() {
        assert_eq!(quoted(" a\n\tb "), "`a b`");
        assert_eq!(quoted(""), "``");
        assert_eq!(clipped("äöüß", 3), "äöü…");
        assert_eq!(clipped("ab cd", 3), "ab …");
        assert_eq!(all_quoted(["a", "b"]), "`a`, `b`");
        assert_eq!(all_quoted(["x"; 7]), "`x`, `x`, `x`, `x`, `x` and 2 more");
    }
}
