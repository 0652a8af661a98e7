//! GROUND. How good was it: a [`Scorer`] holds one answer against what was expected.
//!
//! A scorer is pure: the same [`Case`] gives the same score, today and after a resume. To add one,
//! write its file, give it a variant in `table.rs`, and the compiler names the rest.

pub mod bleu;
pub mod choice;
pub mod contains;
pub mod cosine;
pub mod cost;
pub mod decimal;
pub mod distance;
pub mod equals;
pub mod expected;
pub mod fold;
pub mod grader;
pub mod json;
pub mod json_path;
pub mod judge;
pub mod latency;
pub mod length;
pub mod levenshtein;
pub mod note;
pub mod number;
pub mod numeric;
pub mod parsed;
pub mod porter;
pub mod program;
pub mod refusal;
pub mod regex;
pub mod rouge_l;
pub mod schema;
pub mod spec;
pub mod starts_with;
pub mod stats;
pub mod table;
pub mod tokens;
pub mod tool_call;

use std::fmt::Debug;

use serde_json::Value;

use crate::call::money::Usd;
use crate::call::score::Score;
use crate::call::usage::Usage;

/// What scores one answer.
pub trait Scorer: Debug + Send + Sync {
    /// How good the answer is.
    fn score(&self, case: &Case<'_>) -> Score;
}

/// One answer, and what is known of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Case<'a> {
    /// The text of the first choice; empty where the model only calls tools.
    pub answer: &'a str,
    /// The words with which the model declines, where it says nothing else.
    pub declined: &'a str,
    /// The tools that it wants called, as `OpenAI` writes them.
    pub tool_calls: &'a [Value],
    /// `stop`, `length`, `tool_calls` or `content_filter`.
    pub finish_reason: &'a str,
    /// From the send to the last byte, in ms.
    pub latency_ms: Option<u64>,
    /// From the send to the first token, in ms; `None` unless the answer was streamed.
    pub ttft_ms: Option<u64>,
    /// What the answer cost; `None` where that is not known.
    pub cost_usd: Option<Usd>,
    /// Its tokens, where the provider told them.
    pub usage: Option<&'a Usage>,
    /// The texts that this scorer's spec asks for, rendered for the row, in the order of the spec.
    pub texts: &'a [String],
}
