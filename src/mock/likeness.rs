//! Embeddings: numbers that lie near each other where texts have words, or parts of words, in common.
//!
//! Each word, and each three letters within one, pushes along one of the directions, to one side or
//! the other, both chosen by a hash. Equal texts have equal numbers, related ones point nearly the
//! same way, and those that share nothing stand about at right angles.

/// How many numbers an embedding has.
pub const DIMENSIONS: usize = 64;

/// How hard a word pushes, against three of its letters.
const WORD: f64 = 2.0;

/// Digits after the point: as many as a number of 4 bytes has.
const DIGITS: usize = 7;

/// The embedding of a text, as a JSON list of numbers whose squares add up to 1.
pub fn embedded(text: &str) -> String {
    let numbers = pushed(text);
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    let unit = numbers.iter().map(|number| if length > 0.0 { number / length } else { 0.0 });
    let written = unit.map(|number| format!("{number:.DIGITS$}"));
    format!("[{}]", written.collect::<Vec<_>>().join(","))
}

fn pushed(text: &str) -> [f64; DIMENSIONS] {
    let mut numbers = [0.0; DIMENSIONS];
    let lower = text.to_lowercase();
    let is_between = |c: char| !c.is_alphanumeric();
    for word in lower.split(is_between).filter(|word| !word.is_empty()) {
        push(&mut numbers, word, WORD);
        let letters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        for three in letters.windows(3) {
            push(&mut numbers, &three.iter().collect::<String>(), 1.0);
        }
    }
    if numbers.iter().all(|number| *number == 0.0) {
        // A text of signs alone.
        push(&mut numbers, text, 1.0);
    }
    numbers
}

/// Pushes along one of the directions, to one side or the other.
fn push(numbers: &mut [f64; DIMENSIONS], what: &str, force: f64) {
    let hash = hash(what);
    let side = if hash & 1 == 0 { 1.0 } else { -1.0 };
    numbers[(hash >> 1) as usize % DIMENSIONS] += side * force;
}

/// FNV-1a, with its bits mixed once more: the lowest of short texts are too much alike.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::cosine::{read, score};

    fn near(one: &str, other: &str) -> f64 {
        let numbers = |text| read(&embedded(text)).expect("a list of numbers");
        let (one, other) = (numbers(one), numbers(other));
        assert_eq!((one.len(), other.len()), (DIMENSIONS, DIMENSIONS));
        score(&one, &other, None).value.expect("a value")
    }

    #[test]
    fn equal_texts_are_one_and_related_ones_are_nearer_than_others() {
        let paris = "The capital of France is Paris.";
        assert!((near(paris, paris) - 1.0).abs() < 1e-12);
        assert!((near(paris, "the capital of france is PARIS") - 1.0).abs() < 1e-12);
        let related = near(paris, "Paris is the capital city of France.");
        let unrelated = near(paris, "Bananas grow in warm countries.");
        assert!(related > 0.7, "{related}");
        assert!(unrelated < 0.4, "{unrelated}");
        assert!(near("...", "...") > 0.999 && near("日本語", "日本語") > 0.999);
    }

    #[test]
    fn numbers_never_change() {
        // Jobs that are run against the built-in provider compare their scores over time.
        let hash = blake3::hash(embedded("Hello! How are you?").as_bytes());
        assert_eq!(&hash.to_hex()[..16], "d0355de8b7be58ee");
    }
}
