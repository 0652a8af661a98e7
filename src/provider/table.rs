//! The dialects, one line each.

use crate::provider::Dialect;
use crate::provider::anthropic::Anthropic;
use crate::provider::azure::Azure;
use crate::provider::azure::foundry::AzureAi;
use crate::provider::bedrock::Bedrock;
use crate::provider::cohere::Cohere;
use crate::provider::gemini::Gemini;
use crate::provider::ollama::Ollama;
use crate::provider::openai_chat::OpenAiChat;
use crate::provider::openai_responses::OpenAiResponses;
use crate::provider::vertex::Vertex;

/// Every dialect there is.
pub const DIALECTS: &[&dyn Dialect] = &[
    &OpenAiChat,
    &OpenAiResponses,
    &Azure,
    &AzureAi,
    &Anthropic,
    &Gemini,
    &Vertex,
    &Cohere,
    &Ollama,
    &Bedrock,
];

/// The dialect of this name.
pub fn dialect(name: &str) -> Option<&'static dyn Dialect> {
    DIALECTS.iter().copied().find(|dialect| dialect.name() == name)
}
