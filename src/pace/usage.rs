//! What a model was seen to use, for reserving tokens before a call.
//!
//! An estimate of the input is bytes over four; a model's own tokenizer may count a third or three
//! times of that. And most answers are far shorter than the `max_tokens` that they are allowed.

use crate::pace::tokens::Need;

/// So many answers are awaited before the estimate of the input is corrected.
const FEW_INPUTS: u32 = 5;
/// So many are awaited before less output is reserved than the most that is allowed.
const FEW_OUTPUTS: u32 = 10;

/// A tokenizer counts so many times our estimate at the least and at the most; what lies beyond is
/// no text: pictures, tools, a cache that is not counted.
const LEAST_RATIO: f64 = 0.3;
const MOST_RATIO: f64 = 3.0;

/// The weight of one answer once there are many: prompts and answers change over a run.
const WEIGHT: f64 = 0.02;
/// One answer moves the correction of the input by no more than its weight of a half.
const MOST_STEP: f64 = 0.5;
/// An answer so many times longer than what is reserved counts as no longer than that.
const MOST_TIMES: f64 = 3.0;

/// After a refusal for `max_tokens`, so many answers are reserved for in full; after the next one,
/// twice as many.
const FULL: u32 = 200;

/// What a model was seen to use.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Answers whose input was compared, and how it was counted, as a logarithm of the ratio.
    inputs: u32,
    ratio: f64,
    /// The usual estimate: a small prompt says little of what a large one counts.
    usual: f64,
    /// Answers seen, and their mean length and its variance.
    outputs: u32,
    mean: f64,
    variance: f64,
    /// So many more answers are reserved for in full, and how often that was found to be needed.
    full: u32,
    times: u32,
}

impl Seen {
    /// What to reserve for a call with this estimate of its input, which allows this much output;
    /// `fallback_output` is what to reserve where it states none and nothing was seen yet.
    pub fn need(
        &self,
        estimated_input: u64,
        max_output: Option<u64>,
        fallback_output: u64,
    ) -> Need {
        let output = match (max_output, self.usual_most()) {
            (Some(most), Some(usual)) if self.full == 0 => usual.min(most),
            (Some(most), _) => most,
            (None, usual) => usual.unwrap_or(fallback_output),
        };
        Need { input: self.input(estimated_input), output }
    }

    /// Takes what an answer used; `estimated_input` is what [`Seen::need`] was asked with.
    pub fn saw(&mut self, estimated_input: u64, used: Need) {
        self.saw_input(estimated_input as f64, used.input as f64);
        self.saw_output(used.output as f64);
        self.full = self.full.saturating_sub(1);
    }

    /// A call was refused for its tokens although less was reserved than the limit has: the provider
    /// counts `max_tokens` on arrival, and so it is reserved in full again. Not for good, because
    /// another may have used the same limit; but each time for twice as many answers, so that a
    /// provider which does so refuses ever fewer.
    /// Whether anything changes by it is what comes back.
    pub fn charged_in_full(&mut self) -> bool {
        // Of many that are refused together, the first says it all.
        let changes = self.full == 0 && self.usual_most().is_some();
        if changes {
            self.full = FULL.saturating_mul(1_u32.checked_shl(self.times).unwrap_or(u32::MAX));
            self.times = (self.times + 1).min(31);
        }
        changes
    }

    fn input(&self, estimated: u64) -> u64 {
        if self.inputs < FEW_INPUTS {
            return estimated;
        }
        (estimated as f64 * self.ratio.exp()).ceil() as u64
    }

    fn saw_input(&mut self, estimated: f64, counted: f64) {
        if estimated <= 0.0 || counted <= 0.0 {
            return;
        }
        self.inputs = self.inputs.saturating_add(1);
        let weight = weight(self.inputs);
        self.usual += (estimated - self.usual) * weight;
        let says = (estimated / self.usual).min(1.0);
        let ratio = (counted / estimated).clamp(LEAST_RATIO, MOST_RATIO).ln();
        self.ratio += (ratio - self.ratio).clamp(-MOST_STEP, MOST_STEP) * weight * says;
    }

    fn saw_output(&mut self, output: f64) {
        let longest = self.usual_most().map_or(f64::INFINITY, |most| most as f64 * MOST_TIMES);
        let output = output.min(longest);
        self.outputs = self.outputs.saturating_add(1);
        let weight = weight(self.outputs);
        let apart = output - self.mean;
        self.mean += apart * weight;
        // The variance that is weighed in the same way (West, 1979).
        self.variance = (1.0 - weight) * (self.variance + weight * apart * apart);
    }

    /// What hardly an answer is longer than: two deviations above the mean.
    fn usual_most(&self) -> Option<u64> {
        let most = self.mean + 2.0 * self.variance.sqrt();
        (self.outputs >= FEW_OUTPUTS).then(|| most.ceil().max(1.0) as u64)
    }
}

/// The weight of the `count`th of many.
fn weight(count: u32) -> f64 {
    (1.0 / f64::from(count)).max(WEIGHT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn used(input: u64, output: u64) -> Need {
        Need { input, output }
    }

    #[test]
    fn nothing_is_corrected_by_a_few_answers() {
        let mut seen = Seen::default();
        assert_eq!(seen.need(100, Some(4096), 256), used(100, 4096));
        assert_eq!(seen.need(100, None, 256), used(100, 256));
        (0..4).for_each(|_| seen.saw(100, used(200, 50)));
        assert_eq!(seen.need(100, Some(4096), 256), used(100, 4096));
    }

    #[test]
    fn the_tokenizer_and_the_length_of_answers_are_learned() {
        let mut seen = Seen::default();
        (0..40).for_each(|n| seen.saw(100, used(200, 40 + n % 20)));
        let need = seen.need(1000, Some(4096), 256);
        assert!((1900..=2000).contains(&need.input), "{need:?}");
        assert!((59..=63).contains(&need.output), "{need:?}");
        assert_eq!(seen.need(1000, None, 256).output, need.output);
        // What is allowed is never passed.
        assert_eq!(seen.need(1000, Some(16), 256).output, 16);
    }

    #[test]
    fn one_odd_answer_changes_little() {
        let mut seen = Seen::default();
        (0..100).for_each(|_| seen.saw(1000, used(1000, 100)));
        seen.saw(1000, used(100_000, 100));
        // A tiny prompt carries tokens of its own that say nothing of a large one.
        (0..20).for_each(|_| seen.saw(2, used(9, 100)));
        let input = seen.need(1000, None, 0).input;
        assert!((990..1030).contains(&input), "{input}");
        seen.saw(1000, used(1000, 1_000_000));
        assert!(seen.need(1000, None, 0).output < 200);
    }

    #[test]
    fn what_changes_is_followed() {
        let mut seen = Seen::default();
        (0..200).for_each(|_| seen.saw(1000, used(500, 100)));
        (0..400).for_each(|_| seen.saw(1000, used(2000, 900)));
        let need = seen.need(1000, Some(4096), 0);
        assert!((1950..=2000).contains(&need.input), "{need:?}");
        assert!((890..=1000).contains(&need.output), "{need:?}");
    }

    #[test]
    fn where_max_tokens_is_charged_it_is_reserved_in_full_ever_longer() {
        let mut seen = Seen::default();
        (0..50).for_each(|_| seen.saw(100, used(100, 50)));
        for answers in [200, 400, 800] {
            assert_eq!(seen.need(100, Some(4096), 0).output, 50);
            (0..9).for_each(|_| {
                seen.charged_in_full();
            });
            (1..answers).for_each(|_| seen.saw(100, used(100, 50)));
            assert_eq!(seen.need(100, Some(4096), 0).output, 4096);
            seen.saw(100, used(100, 50));
        }
        (0..100).for_each(|_| {
            seen.charged_in_full();
            seen.full = 0;
        });
    }

    proptest! {
        #[test]
        fn hardly_an_answer_is_longer_than_what_is_reserved(
            lengths in proptest::collection::vec(1_u64..4000, 50..300),
        ) {
            let mut seen = Seen::default();
            let mut longer = 0;
            for length in &lengths {
                longer += usize::from(seen.need(10, None, 4000).output < *length);
                seen.saw(10, used(10, *length));
            }
            prop_assert!(longer * 10 <= lengths.len(), "{longer} of {}", lengths.len());
        }

        #[test]
        fn no_numbers_make_it_panic(
            answers in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 0..40),
        ) {
            let mut seen = Seen::default();
            for (estimated, input, output) in answers {
                seen.saw(estimated, used(input, output));
                let need = seen.need(estimated, Some(output), 7);
                prop_assert!(need.output <= output);
            }
        }
    }
}
