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
    /// Input tokens written to a cache.
    pub cache_write: Option<u64>,
    /// Output tokens without the reasoning.
    pub output: Option<u64>,
    /// Reasoning tokens, which are billed as output.
    pub reasoning: Option<u64>,
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
    /// Prompt tokens as OpenAI counts them: cached ones and cache writes included.
    pub fn prompt_tokens(&self) -> Option<u64> {
        let cached = self.cached.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        self.input.map(|input| input.saturating_add(cached))
    }

    /// Completion tokens as OpenAI counts them: reasoning included.
    pub fn completion_tokens(&self) -> Option<u64> {
        self.output.map(|output| output.saturating_add(self.reasoning.unwrap_or(0)))
    }

    /// All tokens; `None` unless both sides were told.
    pub fn total_tokens(&self) -> Option<u64> {
        Some(self.prompt_tokens()?.saturating_add(self.completion_tokens()?))
    }
}

/// Usage as a row shows it: OpenAI's names and OpenAI's way of counting.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UsageRow {
    /// Input tokens, cached ones and cache writes included; null when not told.
    pub prompt_tokens: Option<u64>,
    /// Input tokens read from a cache; null when not told.
    pub cached_tokens: Option<u64>,
    /// Input tokens written to a cache; null when not told.
    pub cache_write_tokens: Option<u64>,
    /// Output tokens, reasoning included; null when not told.
    pub completion_tokens: Option<u64>,
    /// Reasoning tokens within the completion; null when not told.
    pub reasoning_tokens: Option<u64>,
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
            cache_write_tokens: usage.cache_write,
            completion_tokens: usage.completion_tokens(),
            reasoning_tokens: usage.reasoning,
            total_tokens: usage.total_tokens(),
            source: usage.source,
        }
    }
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        let cached =
            row.cached_tokens.unwrap_or(0).saturating_add(row.cache_write_tokens.unwrap_or(0));
        let reasoning = row.reasoning_tokens.unwrap_or(0);
        Self {
            input: row.prompt_tokens.map(|prompt| prompt.saturating_sub(cached)),
            cached: row.cached_tokens,
            cache_write: row.cache_write_tokens,
            output: row.completion_tokens.map(|completion| completion.saturating_sub(reasoning)),
            reasoning: row.reasoning_tokens,
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
            cache_write: None,
            output: Some(7),
            reasoning: Some(3),
            source: UsageSource::Provider,
        };
        let row = UsageRow::from(usage);
        assert_eq!(row.prompt_tokens, Some(15));
        assert_eq!(row.completion_tokens, Some(10));
        assert_eq!(row.total_tokens, Some(25));
        assert_eq!(Usage::from(row), usage);
    }

    #[test]
    fn what_was_not_told_is_null() {
        let row = UsageRow::from(Usage::default());
        assert_eq!((row.prompt_tokens, row.total_tokens), (None, None));
    }
}
