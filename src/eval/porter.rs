//! The stem of an English word, by Porter's algorithm (1980) with the extensions of the Python
//! package `nltk`, which `rouge-score` uses: `running` and `runs` have the stem `run`.
//!
//! Words are lower-case ASCII letters and digits.

/// Words that follow no rule, from `nltk`.
const IRREGULAR: &[(&str, &str)] = &[
    ("sky", "sky"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("news", "news"),
    ("innings", "inning"),
    ("inning", "inning"),
    ("outings", "outing"),
    ("outing", "outing"),
    ("cannings", "canning"),
    ("canning", "canning"),
    ("howe", "howe"),
    ("proceed", "proceed"),
    ("exceed", "exceed"),
    ("succeed", "succeed"),
];

/// The stem of a word.
pub(super) fn stem(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(irregular, _)| *irregular == word) {
        return (*stem).to_owned();
    }
    let mut word = word.to_owned();
    if word.len() > 2 {
        for step in [plural, past, y_to_i, double_suffix, suffix, ending, silent_e, double_l] {
            step(&mut word);
        }
    }
    word
}

/// Which letters are consonants; `y` is one unless it follows one.
fn consonants(word: &str) -> Vec<bool> {
    let mut flags: Vec<bool> = Vec::with_capacity(word.len());
    for letter in word.bytes() {
        flags.push(match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => flags.last().is_none_or(|before| !before),
            _ => true,
        });
    }
    flags
}

/// How often a consonant follows a vowel: about the count of syllables.
fn measure(stem: &str) -> usize {
    consonants(stem).windows(2).filter(|pair| !pair[0] && pair[1]).count()
}

fn ends_in_double_consonant(word: &str) -> bool {
    match word.as_bytes() {
        [.., before, last] => before == last && consonants(word).last() == Some(&true),
        _ => false,
    }
}

/// Whether it ends like `hop`: a consonant, a vowel and a consonant that is not `w`, `x` or `y`; or
/// is like `at`.
fn ends_short(word: &str) -> bool {
    match consonants(word).as_slice() {
        [false, true] => true,
        [.., true, false, true] => !word.ends_with(['w', 'x', 'y']),
        _ => false,
    }
}

/// Replaces the first suffix that the word has, where its stem allows that.
fn replace(word: &mut String, rules: &[(&str, &str)], allows: impl Fn(&str, &str) -> bool) {
    let rule = rules.iter().find(|(suffix, _)| word.ends_with(suffix));
    if let Some((suffix, put)) = rule
        && allows(&word[..word.len() - suffix.len()], suffix)
    {
        word.truncate(word.len() - suffix.len());
        word.push_str(put);
    }
}

fn has_syllable(stem: &str, _: &str) -> bool {
    measure(stem) > 0
}

/// Step 1a: `caresses`, `ponies`, `ties`, `cats`.
fn plural(word: &mut String) {
    if word.len() == 4 && word.ends_with("ies") {
        return word.truncate(3);
    }
    replace(word, &[("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", "")], |_, _| true);
}

/// Step 1b: `agreed`, `plastered`, `hopping`, `died`.
fn past(word: &mut String) {
    if word.ends_with("ied") {
        let kept = if word.len() == 4 { 1 } else { 2 };
        return word.truncate(word.len() - kept);
    }
    if word.ends_with("eed") {
        return replace(word, &[("eed", "ee")], has_syllable);
    }
    let has_vowel = |stem: &str| consonants(stem).contains(&false);
    let stem = |suffix| word.strip_suffix(suffix).filter(|stem| has_vowel(stem)).map(str::len);
    let Some(length) = stem("ed").or_else(|| stem("ing")) else { return };
    word.truncate(length);
    if ["at", "bl", "iz"].iter().any(|suffix| word.ends_with(suffix)) {
        word.push('e');
    } else if ends_in_double_consonant(word) {
        if !word.ends_with(['l', 's', 'z']) {
            word.pop();
        }
    } else if measure(word) == 1 && ends_short(word) {
        word.push('e');
    }
}

/// Step 1c: `happy`, but not `enjoy`.
fn y_to_i(word: &mut String) {
    replace(word, &[("y", "i")], |stem, _| {
        stem.len() > 1 && consonants(stem).last() == Some(&true)
    });
}

/// Step 2: `relational`, `digitizer`, `hopefulness`.
fn double_suffix(word: &mut String) {
    const RULES: &[(&str, &str)] = &[
        ("ational", "ate"),
        ("tional", "tion"),
        ("enci", "ence"),
        ("anci", "ance"),
        ("izer", "ize"),
        ("bli", "ble"),
        ("alli", "al"),
        ("entli", "ent"),
        ("eli", "e"),
        ("ousli", "ous"),
        ("ization", "ize"),
        ("ation", "ate"),
        ("ator", "ate"),
        ("alism", "al"),
        ("iveness", "ive"),
        ("fulness", "ful"),
        ("ousness", "ous"),
        ("aliti", "al"),
        ("iviti", "ive"),
        ("biliti", "ble"),
        ("fulli", "ful"),
        ("logi", "log"),
    ];
    if word.strip_suffix("alli").is_some_and(|stem| measure(stem) > 0) {
        word.truncate(word.len() - 2);
    }
    replace(word, RULES, |stem, suffix| match suffix {
        // The `l` counts for the stem, so that `theologi` is as `archaeologi`.
        "logi" => measure(&format!("{stem}l")) > 0,
        _ => measure(stem) > 0,
    });
}

/// Step 3: `triplicate`, `electrical`, `goodness`.
fn suffix(word: &mut String) {
    const RULES: &[(&str, &str)] = &[
        ("icate", "ic"),
        ("ative", ""),
        ("alize", "al"),
        ("iciti", "ic"),
        ("ical", "ic"),
        ("ful", ""),
        ("ness", ""),
    ];
    replace(word, RULES, has_syllable);
}

/// Step 4: `revival`, `allowance`, `adoption`.
fn ending(word: &mut String) {
    const RULES: &[(&str, &str)] = &[
        ("al", ""),
        ("ance", ""),
        ("ence", ""),
        ("er", ""),
        ("ic", ""),
        ("able", ""),
        ("ible", ""),
        ("ant", ""),
        ("ement", ""),
        ("ment", ""),
        ("ent", ""),
        ("ion", ""),
        ("ou", ""),
        ("ism", ""),
        ("ate", ""),
        ("iti", ""),
        ("ous", ""),
        ("ive", ""),
        ("ize", ""),
    ];
    replace(word, RULES, |stem, suffix| {
        measure(stem) > 1 && (suffix != "ion" || stem.ends_with(['s', 't']))
    });
}

/// Step 5a: `probate`, `cease`.
fn silent_e(word: &mut String) {
    replace(word, &[("e", "")], |stem, _| match measure(stem) {
        0 => false,
        1 => !ends_short(stem),
        _ => true,
    });
}

/// Step 5b: `controll`.
fn double_l(word: &mut String) {
    replace(word, &[("ll", "l")], |stem, _| measure(&format!("{stem}l")) > 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_those_of_nltk() {
        let words: Vec<(String, String)> =
            serde_json::from_str(include_str!("../../tests/eval/porter.json")).expect("words");
        assert!(words.len() >= 200);
        for (word, wanted) in words {
            assert_eq!(stem(&word), wanted, "{word}");
        }
    }

    #[test]
    fn a_word_without_end_takes_no_time() {
        for letter in ["y", "s", "l", "e"] {
            assert!(stem(&letter.repeat(1_000_000)).len() >= 999_998);
        }
    }
}
