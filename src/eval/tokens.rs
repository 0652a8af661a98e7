//! How `sacrebleu` cuts a text into words, so that `bleu` counts what papers count; and numbers for
//! words, which are faster to compare.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::bleu::Tokenize;

/// The steps of `mteval-v13a`, the script of the WMT conferences: signs stand alone, and so do
/// points and commas that are not between digits, and dashes after digits.
static STEPS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
    let step = |pattern, put| (Regex::new(pattern).expect("it is a regular expression"), put);
    [
        step(r"([{-~\[-` -&(-+:-@/])", " $1 "),
        step(r"([^0-9])([.,])", "$1 $2 "),
        step(r"([.,])([^0-9])", " $1 $2"),
        step(r"([0-9])(-)", "$1 $2 "),
    ]
});

/// The text with a space between all words.
pub(super) fn cut(text: &str, tokenize: Tokenize) -> String {
    let text = text.trim_end_matches(is_space);
    match tokenize {
        Tokenize::Spaces => text.to_owned(),
        Tokenize::Characters => text.chars().flat_map(|c| [c, ' ']).collect(),
        Tokenize::Mteval13a => {
            let text = text.replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
            let text = text.replace("&quot;", "\"").replace("&amp;", "&");
            let text = text.replace("&lt;", "<").replace("&gt;", ">");
            let step = |text: String, (pattern, put): &(Regex, &str)| {
                pattern.replace_all(&text, *put).into_owned()
            };
            STEPS.iter().fold(format!(" {text} "), step)
        }
    }
}

/// The words between the spaces.
pub(super) fn words(text: &str) -> Vec<&str> {
    text.split(is_space).filter(|word| !word.is_empty()).collect()
}

/// A number for each word; the same one for the same word.
#[derive(Debug, Default)]
pub(super) struct Numbers<'t>(HashMap<&'t str, u32>);

impl<'t> Numbers<'t> {
    /// The numbers of these words.
    pub(super) fn of(&mut self, words: impl IntoIterator<Item = &'t str>) -> Vec<u32> {
        let number = |word| {
            let next = self.0.len() as u32;
            *self.0.entry(word).or_insert(next)
        };
        words.into_iter().map(number).collect()
    }
}

/// What Python takes for a space: the separators of ASCII too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_stated() {
        let cut = |text: &str, tokenize| words(&cut(text, tokenize)).join("|");
        let text = "It's 3.5% -- \"no\",\nhe said: 1-2. well-known &amp; 1,000";
        assert_eq!(
            cut(text, Tokenize::Mteval13a),
            "It's|3.5|%|--|\"|no|\"|,|he|said|:|1|-|2|.|well-known|&|1,000"
        );
        assert_eq!(cut("a, b\u{1f}c ", Tokenize::Spaces), "a,|b|c");
        assert_eq!(cut("你好 a", Tokenize::Characters), "你|好|a");
    }
}
