//! Tokens of a text by OpenAI's own encodings, whose vocabularies are part of the build.

use tiktoken_rs::{cl100k_base_singleton, o200k_base_singleton};

/// Whether texts are counted, and not weighed.
pub(super) const IS_EXACT: bool = true;

/// By the newer encoding.
pub(super) fn o200k(text: &str) -> u64 {
    o200k_base_singleton().count_ordinary(text) as u64
}

/// By the older one.
pub(super) fn cl100k(text: &str) -> u64 {
    cl100k_base_singleton().count_ordinary(text) as u64
}
