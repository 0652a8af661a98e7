//! The dialects, one line each.

use crate::provider::Dialect;
use crate::provider::openai_chat::OpenAiChat;

/// Every dialect there is.
pub const DIALECTS: &[&dyn Dialect] = &[&OpenAiChat];

/// The dialect of this name.
pub fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.name() == name)
}
