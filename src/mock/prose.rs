//! Prose: a sentence or two that mean nothing and are always the same for the same question.

/// How a sentence begins; `{}` is the model, so that answers of different models always differ.
const OPENERS: [&str; 8] = [
    "Speaking as {},",
    "{} would put it this way:",
    "In the words of {},",
    "{} has thought about it:",
    "If you ask {},",
    "{} is fairly sure that",
    "As {} sees it,",
    "Here is what {} makes of it:",
];

const SUBJECTS: [&str; 16] = [
    "the quiet river",
    "a careful plan",
    "the old lighthouse",
    "a patient reader",
    "the morning train",
    "a small lantern",
    "the northern wind",
    "an open question",
    "the second draft",
    "a borrowed map",
    "the last bridge",
    "a modest claim",
    "the early frost",
    "a short answer",
    "the long way round",
    "an honest mistake",
];

const VERBS: [&str; 16] = [
    "follows",
    "outlasts",
    "carries",
    "answers",
    "remembers",
    "crosses",
    "mends",
    "questions",
    "measures",
    "keeps",
    "welcomes",
    "explains",
    "outruns",
    "borrows",
    "softens",
    "settles",
];

const OBJECTS: [&str; 16] = [
    "the harbour at dusk",
    "every loose thread",
    "what the tide leaves behind",
    "a promise made in winter",
    "the weight of small things",
    "the far side of the hill",
    "an unfinished letter",
    "the simplest explanation",
    "a field of tall grass",
    "the sum of its parts",
    "the noise of the city",
    "a door left ajar",
    "the shape of the problem",
    "more than it lets on",
    "the space between two notes",
    "a very old argument",
];

/// A sentence or two of this model on this question; each of several choices has its own.
pub fn sentences(model: &str, question: u64, choice: u32) -> String {
    let mut picks = Picks(question ^ u64::from(choice).wrapping_mul(0xD6E8_FEB8_6659_FD93));
    let opener = picks.one_of(&OPENERS).replace("{}", model);
    let first = clause(&mut picks);
    if picks.next().is_multiple_of(2) {
        return format!("{opener} {first}.");
    }
    let second = clause(&mut picks);
    format!("{opener} {first}. In the end {second}.")
}

/// No sentences of this model have more tokens, by the count of the built-in provider: four
/// characters make one at least, and the longest parts of two sentences have 200.
pub fn tokens_at_most(model: &str) -> u64 {
    model.len() as u64 + 64
}

fn clause(picks: &mut Picks) -> String {
    let subject = picks.one_of(&SUBJECTS);
    let verb = picks.one_of(&VERBS);
    let object = picks.one_of(&OBJECTS);
    format!("{subject} {verb} {object}")
}

/// A stream of numbers that follow from the first (Steele's `SplitMix64`).
pub(super) struct Picks(u64);

impl Picks {
    /// Those that follow from this seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[(self.next() % words.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::estimate::text_tokens;

    #[test]
    fn a_question_gets_the_same_sentences_every_time() {
        assert_eq!(sentences("lark", 42, 0), sentences("lark", 42, 0));
        assert_ne!(sentences("lark", 42, 0), sentences("finch", 42, 0));
        assert_ne!(sentences("lark", 42, 0), sentences("lark", 43, 0));
        assert_ne!(sentences("lark", 42, 0), sentences("lark", 42, 1));
        assert!(sentences("lark", 42, 0).contains("lark"));
        let longest = (0..10_000).map(|nth| text_tokens(&sentences("日本", nth, 0))).max();
        assert!(longest.is_some_and(|tokens| tokens <= tokens_at_most("日本")), "{longest:?}");
    }
}
