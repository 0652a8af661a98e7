//! From totals to parts: most hosts tell how much went in and out in all, and how much of that was
//! cached, reasoning or sound. Each of these is taken out of its total once, here.

use crate::call::usage::{Usage, UsageSource};

/// Counts as a host tells them, whose totals include what is told apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// All input, what was read from and written to a cache and sound included.
    pub input: Option<u64>,
    /// Input read from a cache.
    pub cached: Option<u64>,
    /// Input written to a cache.
    pub cache_write: Option<u64>,
    /// Input of sound, cached or not.
    pub audio_input: Option<u64>,
    /// Input of sound that was read from a cache.
    pub audio_cached: Option<u64>,
    /// All output, reasoning and sound included.
    pub output: Option<u64>,
    /// Reasoning.
    pub reasoning: Option<u64>,
    /// Output of sound.
    pub audio_output: Option<u64>,
    /// Input and output together, where the host adds them up.
    pub total: Option<u64>,
}

impl Totals {
    /// The parts; `None` where nothing was told: some gateways send zeros for what they do not know.
    ///
    /// What is told apart and is more than its total was not counted in it, as with hosts that
    /// leave the cached tokens out of the input. What the sum of all has beyond input and output
    /// is reasoning that was left out of the output, as with xAI.
    pub fn parts(self) -> Option<Usage> {
        let cache = or_zero(self.cached).saturating_add(or_zero(self.cache_write));
        // No call has nothing in it: a zero is not told.
        let input = self.input.filter(|input| *input > 0 || cache > 0);
        let output = self.output.filter(|output| *output > 0 || input.is_some());
        if input.is_none() && output.is_none() {
            return None;
        }
        let fresh = input.map(|all| if cache <= all { all - cache } else { all });
        let audio_in = self.audio_input.map(|audio| {
            let audio = audio.saturating_sub(or_zero(self.audio_cached));
            fresh.map_or(audio, |fresh| audio.min(fresh))
        });
        let (text, reasoning, audio_out) = self.said(output, fresh.map(|fresh| fresh + cache));
        Some(Usage {
            input: fresh.map(|fresh| fresh - or_zero(audio_in)),
            cached: self.cached,
            cache_write: self.cache_write,
            cache_write_1h: None,
            audio_input: audio_in,
            output: text,
            reasoning,
            audio_output: audio_out,
            source: UsageSource::Provider,
        })
    }

    /// Text, reasoning and sound of the output.
    fn said(
        self,
        output: Option<u64>,
        input: Option<u64>,
    ) -> (Option<u64>, Option<u64>, Option<u64>) {
        let Some(all) = output else { return (None, self.reasoning, self.audio_output) };
        let audio = self.audio_output.map(|audio| audio.min(all));
        let rest = all - or_zero(audio);
        let beyond = match (input, self.total) {
            (Some(input), Some(total)) => total.saturating_sub(input.saturating_add(all)),
            _ => 0,
        };
        match self.reasoning {
            _ if beyond > 0 => (Some(rest), Some(beyond), audio),
            Some(reasoning) if reasoning <= rest => {
                (Some(rest - reasoning), Some(reasoning), audio)
            }
            reasoning => (Some(rest), reasoning, audio),
        }
    }
}

fn or_zero(count: Option<u64>) -> u64 {
    count.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input, cached, output and reasoning.
    fn parts(totals: Totals) -> [Option<u64>; 4] {
        let usage = totals.parts().expect("told");
        [usage.input, usage.cached, usage.output, usage.reasoning]
    }

    #[test]
    fn what_is_told_apart_is_taken_out_of_its_total_once() {
        let told = Totals { input: Some(100), output: Some(20), ..Totals::default() };
        assert_eq!(parts(told), [Some(100), None, Some(20), None]);
        let all = Totals { cached: Some(80), reasoning: Some(15), ..told };
        assert_eq!(parts(all), [Some(20), Some(80), Some(5), Some(15)]);
        let sound =
            Totals { audio_input: Some(60), audio_cached: Some(50), audio_output: Some(4), ..all };
        assert_eq!(parts(sound), [Some(10), Some(80), Some(1), Some(15)]);
        let usage = sound.parts().expect("told");
        assert_eq!((usage.audio_input, usage.audio_output), (Some(10), Some(4)));
        assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (Some(100), Some(20)));
        // How much of the cached input was sound is not told: the rest has no more than this.
        let untold = Totals { audio_cached: None, ..sound };
        assert_eq!(parts(untold), [Some(0), Some(80), Some(1), Some(15)]);
    }

    #[test]
    fn what_is_more_than_its_total_was_not_in_it() {
        let told = Totals { input: Some(3), output: Some(5), ..Totals::default() };
        let cached = Totals { cached: Some(12_304), total: Some(12_312), ..told };
        assert_eq!(parts(cached), [Some(3), Some(12_304), Some(5), None]);
        let thinking = Totals { reasoning: Some(64), ..told };
        assert_eq!(parts(thinking), [Some(3), None, Some(5), Some(64)]);
        let beyond = Totals { total: Some(72), reasoning: Some(4), ..told };
        assert_eq!(parts(beyond), [Some(3), None, Some(5), Some(64)]);
        let short = Totals { total: Some(1), ..told };
        assert_eq!(parts(short), [Some(3), None, Some(5), None]);
    }

    #[test]
    fn zeros_of_those_who_do_not_know_are_not_told() {
        let zeros = Totals { input: Some(0), output: Some(0), total: Some(0), ..Totals::default() };
        assert!(zeros.parts().is_none() && Totals::default().parts().is_none());
        assert_eq!(parts(Totals { output: Some(7), ..zeros }), [None, None, Some(7), None]);
        assert_eq!(parts(Totals { input: Some(7), ..zeros }), [Some(7), None, Some(0), None]);
    }
}
