//! Tokens of a text without a vocabulary: what stands in it, weighed.
//!
//! The weights were fitted to `o200k_base`: within some 10 % for prose, code and data in all large
//! scripts, where characters / 4 is 2 to 3 times too low for Chinese, Japanese and Korean. A space
//! between words costs nothing.

/// A run of ASCII letters, and each letter of it beyond the sixth.
const WORD: f64 = 0.85;
const LONG_WORD: f64 = 0.29;
/// Up to three digits.
const DIGITS: f64 = 1.14;
/// A run of ASCII symbols, and each further symbol of it.
const SYMBOLS: f64 = 0.73;
const MORE_SYMBOLS: f64 = 0.37;
/// A newline, with the white space behind it.
const NEWLINE: f64 = 0.96;

/// What a byte or character of a run is.
#[derive(Clone, Copy, PartialEq)]
enum Run {
    None,
    Letters(u32),
    Digits(u32),
    Symbols,
    /// White space behind a newline.
    Indent,
}

/// The likely tokens of a text.
pub fn tokens(text: &str) -> f64 {
    let (mut sum, mut run) = (0.0, Run::None);
    for character in text.chars() {
        let (weight, next) = step(run, character);
        sum += weight;
        run = next;
    }
    sum
}

/// What one more character adds, and the run that it is part of.
fn step(run: Run, character: char) -> (f64, Run) {
    match (character, run) {
        ('a'..='z' | 'A'..='Z', Run::Letters(6)) => (LONG_WORD, Run::Letters(6)),
        ('a'..='z' | 'A'..='Z', Run::Letters(before)) => (0.0, Run::Letters(before + 1)),
        ('a'..='z' | 'A'..='Z', _) => (WORD, Run::Letters(1)),
        ('0'..='9', Run::Digits(before @ 1..=2)) => (0.0, Run::Digits(before + 1)),
        ('0'..='9', _) => (DIGITS, Run::Digits(1)),
        ('\n' | ' ' | '\t' | '\r', Run::Indent) => (0.0, Run::Indent),
        ('\n', _) => (NEWLINE, Run::Indent),
        (' ' | '\t' | '\r', _) => (0.0, Run::None),
        ('\0'..='\x7f', Run::Symbols) => (MORE_SYMBOLS, Run::Symbols),
        ('\0'..='\x7f', _) => (SYMBOLS, Run::Symbols),
        _ => (foreign(character), Run::None),
    }
}

/// What a character outside ASCII weighs.
fn foreign(character: char) -> f64 {
    match character {
        '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => 0.67,
        // Greek, Cyrillic and Hebrew.
        '\u{370}'..='\u{5ff}' | '\u{1f00}'..='\u{1fff}' => 0.31,
        // Arabic.
        '\u{600}'..='\u{8ff}' => 0.37,
        // The scripts of India, Thai and Lao.
        '\u{900}'..='\u{eff}' => 0.41,
        // Kana.
        '\u{3040}'..='\u{30ff}' => 0.81,
        // Han.
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => 0.60,
        // Hangul.
        '\u{ac00}'..='\u{d7af}' => 0.77,
        _ => 0.82,
    }
}

#[cfg(test)]
mod tests {
    use tiktoken_rs::o200k_base_singleton;

    use super::*;

    #[test]
    fn the_weights_are_near_the_vocabulary_they_stand_for() {
        for text in [
            include_str!("../../lib.rs"),
            include_str!("../../../README.md"),
            include_str!("../../../schemas/record.schema.json"),
            "今日は天気がいいので、散歩に行きましょう。駅前の店でパンを買いました。",
            "Сегодня хорошая погода, поэтому мы идём гулять в парк возле дома.",
            "오늘은 날씨가 좋아서 공원에 산책하러 갑니다.",
        ] {
            let ratio = tokens(text) / o200k_base_singleton().count_ordinary(text) as f64;
            let shown: String = text.chars().take(30).collect();
            assert!((0.75..1.3).contains(&ratio), "{ratio} {shown}");
        }
        assert!(tokens("").abs() < f64::EPSILON);
    }
}
