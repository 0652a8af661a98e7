//! What came back: `OpenAI`'s `chat.completion`, whatever the provider's own form.

use crate::call::json::Json;
use crate::call::usage::Usage;

/// One answer, in `OpenAI`'s form.
#[derive(Clone, Debug)]
pub struct Response {
    /// The whole `chat.completion` object, as one line of JSON.
    pub body: Json,
    /// The provider's own finish reason, before it was translated.
    pub finish_reason_raw: Option<String>,
    /// The tokens, if the provider told any.
    pub usage: Option<Usage>,
    /// The tokens that are charged, where the provider tells them apart from those it counted.
    pub billed: Option<Box<Usage>>,
    /// The service that the answer says it was served by, in the provider's word.
    pub service_tier: Option<Box<str>>,
}

impl Response {
    /// The tokens that a price is for.
    pub fn charged(&self) -> Option<&Usage> {
        self.billed.as_deref().or(self.usage.as_ref())
    }
}
