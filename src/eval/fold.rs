//! Which differences between two texts do not count.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// Everything that Unicode calls punctuation, and the signs of ASCII that people take for it.
static PUNCTUATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{P}$+<=>^`|~]").expect("it is a regular expression"));

/// Which differences do not count; whitespace around a text never does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fold {
    /// Upper and lower case.
    pub(super) case: bool,
    /// How much whitespace there is between words, and of which sort.
    pub(super) space: bool,
    /// Punctuation.
    pub(super) punctuation: bool,
}

impl Fold {
    /// The text without what does not count.
    pub(super) fn fold(self, text: &str) -> Cow<'_, str> {
        let mut folded = Cow::Borrowed(text.trim());
        if self.punctuation {
            folded = Cow::Owned(PUNCTUATION.replace_all(&folded, "").trim().to_owned());
        }
        if self.space {
            folded = Cow::Owned(folded.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if self.case {
            folded = Cow::Owned(without_case(&folded));
        }
        folded
    }
}

/// A text in which case makes no difference: `STRASSE` and `Straße` become the same.
pub(super) fn without_case(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => folded.push(c.to_ascii_lowercase()),
            // The two that have no twin, or another one, in the way that the others take.
            'ı' => folded.push(c),
            'ẞ' => folded.push_str("ss"),
            // By way of upper case, since `ß` and `ς` have twins only there.
            c => folded.extend(c.to_uppercase().flat_map(char::to_lowercase)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_folded() {
        let text = "  Hello,\n  World! ";
        assert_eq!(Fold::default().fold(text), "Hello,\n  World!");
        assert_eq!(Fold { space: true, ..Fold::default() }.fold(text), "Hello, World!");
        assert_eq!(Fold { punctuation: true, ..Fold::default() }.fold(text), "Hello\n  World");
        let all = Fold { case: true, space: true, punctuation: true };
        assert_eq!(all.fold(text), "hello world");
        assert_eq!(all.fold("「你好」，世界。 — “x” $5"), "你好世界 x 5");
    }

    #[test]
    fn case_is_folded_as_unicode_does() {
        for (one, other) in [
            ("STRASSE", "Straße"),
            ("STRAẞE", "Strasse"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ÉCOLE", "école"),
            ("ПРИВЕТ", "привет"),
            ("ﬁn", "FIN"),
        ] {
            assert_eq!(without_case(one), without_case(other));
        }
        assert_ne!(without_case("ı"), without_case("i"));
    }
}
