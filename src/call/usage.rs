//! Tokens, in disjoint parts that add up.
//!
//! Each dialect converts its own counts to these parts once. What a provider did not tell stays
//! `None`: unknown is not zero. The row of a report shows OpenAI's view, in which the prompt
//! includes the cached tokens and the completion includes the reasoning.

use serde::{Deserialize, Serialize};

/// Tokens of one answer. No token is in two parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "UsageRow", from = "UsageRow")]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a cache.
    pub input: Option<u64>,
    /// Input tokens read from a cache.
    pub cached: Option<u64>,
    /// Input tokens written to a cache that keeps them for minutes, or as long as it does.
    pub cache_write: Option<u64>,
    /// Input tokens written to a cache that keeps them for an hour.
    pub cache_write_1h: Option<u64>,
    /// Input tokens of sound, as far as they are told apart.
    pub audio_input: Option<u64>,
    /// Output tokens without the reasoning and without sound.
    pub output: Option<u64>,
    /// Reasoning tokens, which are billed as output.
    pub reasoning: Option<u64>,
    /// Output tokens of sound, as far as they are told apart.
    pub audio_output: Option<u64>,
    /// Who counted them.
    pub source: UsageSource,
}

/// Who counted the tokens.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider, in its answer.
    Provider,
    /// The runner, because the provider did not tell.
    Estimated,
    /// Nobody: the counts are null.
    #[default]
    Missing,
}

impl UsageSource {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Estimated => "estimated",
            Self::Missing => "missing",
        }
    }
}

impl Usage {
    /// Prompt tokens as OpenAI counts them: cached ones, cache writes and sound included.
    pub fn prompt_tokens(&self) -> Option<u64> {
        let more = [self.cached, self.cache_write, self.cache_write_1h, self.audio_input];
        self.input.map(|input| and(input, &more))
    }

    /// Completion tokens as OpenAI counts them: reasoning and sound included.
    pub fn completion_tokens(&self) -> Option<u64> {
        self.output.map(|output| and(output, &[self.reasoning, self.audio_output]))
    }

    /// Tokens written to any cache; `None` when none was told.
    pub fn cache_write_tokens(&self) -> Option<u64> {
        let both = [self.cache_write, self.cache_write_1h];
        both.iter().any(Option::is_some).then(|| and(0, &both))
    }

    /// These counts, laid over those that were told before: what they leave out holds on, and is
    /// taken out of the whole that it is a part of.
    #[must_use]
    pub fn over(self, before: &Self) -> Self {
        let mut all = Self {
            input: self.input.or(before.input),
            cached: self.cached.or(before.cached),
            cache_write: self.cache_write.or(before.cache_write),
            cache_write_1h: self.cache_write_1h.or(before.cache_write_1h),
            audio_input: self.audio_input.or(before.audio_input),
            output: self.output.or(before.output),
            reasoning: self.reasoning.or(before.reasoning),
            audio_output: self.audio_output.or(before.audio_output),
            source: self.source,
        };
        if let (Some(told), Some(now)) = (self.prompt_tokens(), all.prompt_tokens()) {
            all.input = all.input.map(|input| input.saturating_sub(now - told));
        }
        if let (Some(told), Some(now)) = (self.completion_tokens(), all.completion_tokens()) {
            all.output = all.output.map(|output| output.saturating_sub(now - told));
        }
        all
    }

    /// All tokens; `None` unless both sides were told.
    pub fn total_tokens(&self) -> Option<u64> {
        Some(self.prompt_tokens()?.saturating_add(self.completion_tokens()?))
    }
}

/// A part, and what is told of the others.
fn and(part: u64, others: &[Option<u64>]) -> u64 {
    others.iter().flatten().fold(part, |sum, more| sum.saturating_add(*more))
}

/// Usage as a row shows it: OpenAI's names and OpenAI's way of counting.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UsageRow {
    /// Input tokens, cached ones and cache writes included; null when not told.
    pub prompt_tokens: Option<u64>,
    /// Input tokens read from a cache; null when not told.
    pub cached_tokens: Option<u64>,
    /// Input tokens written to a cache, however long it keeps them; null when not told.
    pub cache_write_tokens: Option<u64>,
    /// Those of them that were written to a cache for an hour; absent when not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_tokens: Option<u64>,
    /// Input tokens of sound; absent when not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_prompt_tokens: Option<u64>,
    /// Output tokens, reasoning included; null when not told.
    pub completion_tokens: Option<u64>,
    /// Reasoning tokens within the completion; null when not told.
    pub reasoning_tokens: Option<u64>,
    /// Tokens of sound within the completion; absent when not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_completion_tokens: Option<u64>,
    /// Prompt and completion together; null when either was not told.
    pub total_tokens: Option<u64>,
    /// Who counted.
    pub source: UsageSource,
}

impl From<Usage> for UsageRow {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens(),
            cached_tokens: usage.cached,
            cache_write_tokens: usage.cache_write_tokens(),
            cache_write_1h_tokens: usage.cache_write_1h,
            audio_prompt_tokens: usage.audio_input,
            completion_tokens: usage.completion_tokens(),
            reasoning_tokens: usage.reasoning,
            audio_completion_tokens: usage.audio_output,
            total_tokens: usage.total_tokens(),
            source: usage.source,
        }
    }
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        let hour = row.cache_write_1h_tokens;
        let minutes = row.cache_write_tokens.map(|all| all.saturating_sub(hour.unwrap_or(0)));
        // A row of hours alone told nothing of minutes.
        let minutes = minutes.filter(|minutes| hour.is_none() || *minutes > 0);
        let beside = and(0, &[row.cached_tokens, row.cache_write_tokens, row.audio_prompt_tokens]);
        let within = and(0, &[row.reasoning_tokens, row.audio_completion_tokens]);
        Self {
            input: row.prompt_tokens.map(|prompt| prompt.saturating_sub(beside)),
            cached: row.cached_tokens,
            cache_write: minutes,
            cache_write_1h: hour,
            audio_input: row.audio_prompt_tokens,
            output: row.completion_tokens.map(|completion| completion.saturating_sub(within)),
            reasoning: row.reasoning_tokens,
            audio_output: row.audio_completion_tokens,
            source: row.source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_as_the_parts_it_was_made_of() {
        let usage = Usage {
            input: Some(10),
            cached: Some(5),
            cache_write: Some(2),
            cache_write_1h: Some(4),
            audio_input: Some(1),
            output: Some(7),
            reasoning: Some(3),
            audio_output: Some(6),
            source: UsageSource::Provider,
        };
        let row = UsageRow::from(usage);
        assert_eq!(row.prompt_tokens, Some(22));
        assert_eq!(row.completion_tokens, Some(16));
        assert_eq!((row.cache_write_tokens, row.total_tokens), (Some(6), Some(38)));
        assert_eq!(Usage::from(row), usage);
    }

    #[test]
    fn what_a_later_frame_leaves_out_holds_on() {
        let first = Usage { input: Some(20), cached: Some(80), ..Usage::default() };
        let last = Usage { input: Some(100), output: Some(7), ..Usage::default() };
        let all = last.over(&first);
        assert_eq!((all.input, all.cached, all.output), (Some(20), Some(80), Some(7)));
        let told = Usage { output: Some(3), reasoning: Some(6), ..all };
        assert_eq!(told.over(&all), told);
        let output = Usage { output: Some(9), ..Usage::default() }.over(&told);
        assert_eq!((output.output, output.reasoning, output.input), (Some(3), Some(6), Some(20)));
    }

    #[test]
    fn what_was_not_told_is_null() {
        let row = UsageRow::from(Usage::default());
        assert_eq!((row.prompt_tokens, row.total_tokens), (None, None));
    }
}
