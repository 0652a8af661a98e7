//! Which voice answers at which path, and what is asked there.

use std::borrow::Cow;

use hyper::{HeaderMap, Uri};

use super::{Voice, lists};
use crate::mock::voice::anthropic::Anthropic;
use crate::mock::voice::bedrock::Bedrock;
use crate::mock::voice::cohere::Cohere;
use crate::mock::voice::embeddings::{self, Embeddings};
use crate::mock::voice::gemini::{Form, Gemini};
use crate::mock::voice::headings;
use crate::mock::voice::ollama::Ollama;
use crate::mock::voice::openai_chat::OpenAiChat;
use crate::mock::voice::openai_responses::OpenAiResponses;
use crate::mock::voice::vertex_claude::VertexClaude;

static OPENAI: OpenAiChat = OpenAiChat { headings: &headings::OPENAI, tells_tokens: false };
static RESPONSES: OpenAiResponses = OpenAiResponses { headings: &headings::OPENAI };
static AZURE: OpenAiChat = OpenAiChat { headings: &headings::AZURE, tells_tokens: false };
static AZURE_RESPONSES: OpenAiResponses = OpenAiResponses { headings: &headings::AZURE };
static PARTNER: OpenAiChat = OpenAiChat { headings: &headings::OPENAI, tells_tokens: true };
static OPENAI_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::OpenAi, like: &OPENAI };
static AZURE_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::OpenAi, like: &AZURE };
static COHERE_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::Cohere, like: &Cohere };
static OLLAMA_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::Ollama, like: &Ollama };
static GEMINI_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::Gemini, like: &GEMINI };
static VERTEX_EMBEDDINGS: Embeddings = Embeddings { form: embeddings::Form::Vertex, like: &GEMINI };
static BEDROCK_EMBEDDINGS: Embeddings =
    Embeddings { form: embeddings::Form::Bedrock, like: &Bedrock };
static GEMINI: Gemini = Gemini { form: Form::Events };
static GEMINI_LIST: Gemini = Gemini { form: Form::List };

/// A path: who answers there, and what.
#[derive(Debug)]
pub struct Place<'p> {
    /// Who answers, if only to refuse.
    pub voice: &'static dyn Voice,
    /// What is asked.
    pub errand: Errand<'p>,
}

/// What is asked at a path.
#[derive(Debug)]
pub enum Errand<'p> {
    /// A completion.
    Completion {
        /// The model, where the path names it.
        model: Option<Cow<'p, str>>,
        /// Whether the path asks for a stream.
        streamed: bool,
    },
    /// The list of models, in its vendor's form.
    Models(fn() -> Vec<u8>),
    /// What happened so far; no vendor has it.
    Stats,
    /// Nothing that we know.
    Nothing,
}

/// What stands at this address.
pub fn place<'p>(uri: &'p Uri, headers: &HeaderMap) -> Place<'p> {
    let path = uri.path();
    match path {
        "/v1/chat/completions" | "/chat/completions" => Place::chat(&OPENAI),
        "/v1/responses" | "/responses" => Place::chat(&RESPONSES),
        "/models/chat/completions" => Place::chat(&AZURE),
        "/v1/messages" | "/anthropic/v1/messages" => Place::chat(&Anthropic),
        "/v2/chat" => Place::chat(&Cohere),
        "/v1/embeddings" | "/embeddings" => Place::chat(&OPENAI_EMBEDDINGS),
        "/models/embeddings" => Place::chat(&AZURE_EMBEDDINGS),
        "/v2/embed" => Place::chat(&COHERE_EMBEDDINGS),
        "/api/embed" => Place::chat(&OLLAMA_EMBEDDINGS),
        "/api/chat" => Place::chat(&Ollama),
        "/v1/models" | "/models" => shared_list(uri, headers),
        "/v1beta/models" => Place::list(&GEMINI, lists::gemini),
        "/api/tags" => Place::list(&Ollama, lists::ollama),
        "/foundation-models" => Place::list(&Bedrock, lists::bedrock),
        "/stats" | "/v1/stats" => Place { voice: &OPENAI, errand: Errand::Stats },
        _ => path
            .strip_prefix("/openai/")
            .and_then(azure)
            .or_else(|| path.strip_prefix("/model/").and_then(bedrock))
            .or_else(|| google(uri))
            .unwrap_or_else(|| Place { voice: nearest(path), errand: Errand::Nothing }),
    }
}

impl<'p> Place<'p> {
    fn chat(voice: &'static dyn Voice) -> Self {
        Self { voice, errand: Errand::Completion { model: None, streamed: false } }
    }

    fn chat_of(voice: &'static dyn Voice, model: &'p str, streamed: bool) -> Self {
        Self { voice, errand: Errand::Completion { model: Some(unescaped(model)), streamed } }
    }

    fn list(voice: &'static dyn Voice, list: fn() -> Vec<u8>) -> Self {
        Self { voice, errand: Errand::Models(list) }
    }
}

/// Several vendors have their list at one path; their clients show themselves by a header.
fn shared_list(uri: &Uri, headers: &HeaderMap) -> Place<'static> {
    if headers.contains_key("anthropic-version") {
        return Place::list(&Anthropic, lists::anthropic);
    }
    if headers.contains_key("x-goog-api-key") || has(uri, |pair| pair.starts_with("key=")) {
        return Place::list(&GEMINI, lists::gemini);
    }
    Place::list(&OPENAI, lists::openai)
}

/// Below `/openai/` is Azure, in both of its styles.
fn azure(path: &str) -> Option<Place<'_>> {
    match path {
        "v1/chat/completions" => return Some(Place::chat(&AZURE)),
        "v1/responses" | "responses" => return Some(Place::chat(&AZURE_RESPONSES)),
        "v1/embeddings" => return Some(Place::chat(&AZURE_EMBEDDINGS)),
        "v1/models" | "models" => return Some(Place::list(&AZURE, lists::openai)),
        _ => {}
    }
    let deployment = path.strip_prefix("deployments/")?;
    if let Some(deployment) = deployment.strip_suffix("/embeddings") {
        let place = || Place::chat_of(&AZURE_EMBEDDINGS, deployment, false);
        return is_segment(deployment).then(place);
    }
    let deployment = deployment.strip_suffix("/chat/completions")?;
    is_segment(deployment).then(|| Place::chat_of(&AZURE, deployment, false))
}

/// Below `/model/` is Bedrock.
fn bedrock(path: &str) -> Option<Place<'_>> {
    let (model, method) = path.rsplit_once('/')?;
    let (voice, streamed): (&'static dyn Voice, bool) = match method {
        "converse" => (&Bedrock, false),
        "converse-stream" => (&Bedrock, true),
        "invoke" if embeddings::is_known(model) => (&BEDROCK_EMBEDDINGS, false),
        _ => return None,
    };
    is_segment(model).then(|| Place::chat_of(voice, model, streamed))
}

/// Google's paths end in a colon and a method: `/v1beta/models/{model}:generateContent`, and on
/// Vertex AI `/v1/projects/{p}/locations/{l}/publishers/{publisher}/models/{model}:rawPredict`.
fn google(uri: &Uri) -> Option<Place<'_>> {
    let (version, path) = uri.path().strip_prefix('/')?.split_once('/')?;
    if !matches!(version, "v1" | "v1beta" | "v1beta1") {
        return None;
    }
    if path == "publishers/google/models" {
        return Some(Place::list(&GEMINI, lists::vertex));
    }
    if path.starts_with("projects/") && path.ends_with("/endpoints/openapi/chat/completions") {
        return Some(Place::chat(&OPENAI));
    }
    if path.starts_with("projects/") && path.ends_with("/endpoints/openapi/embeddings") {
        return Some(Place::chat(&OPENAI_EMBEDDINGS));
    }
    let (place, method) = path.rsplit_once(':')?;
    let (folder, model) = place.rsplit_once('/')?;
    let publisher = folder.strip_suffix("/models").and_then(|folder| folder.rsplit_once('/'));
    let voice: &'static dyn Voice = match (method, publisher) {
        ("generateContent", _) => &GEMINI,
        ("embedContent", _) => &GEMINI_EMBEDDINGS,
        ("predict", _) => &VERTEX_EMBEDDINGS,
        ("streamGenerateContent", _) if has(uri, |pair| pair == "alt=sse") => &GEMINI,
        ("streamGenerateContent", _) => &GEMINI_LIST,
        ("rawPredict" | "streamRawPredict", Some((_, "anthropic"))) => &VertexClaude,
        ("rawPredict" | "streamRawPredict", Some(_)) => &PARTNER,
        _ => return None,
    };
    Some(Place::chat_of(voice, model, method.starts_with("stream")))
}

/// Who refuses at a path where nothing stands.
fn nearest(path: &str) -> &'static dyn Voice {
    match path {
        _ if path.starts_with("/api/") => &Ollama,
        _ if path.starts_with("/v2/") => &Cohere,
        _ if path.starts_with("/v1beta") || path.starts_with("/v1/projects/") => &GEMINI,
        _ if path.starts_with("/model/") => &Bedrock,
        _ if path.starts_with("/v1/messages") || path.starts_with("/anthropic/") => &Anthropic,
        _ => &OPENAI,
    }
}

fn has(uri: &Uri, is_it: impl Fn(&str) -> bool) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(is_it))
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

/// A part of a path, with its `%3A` and the like as the characters they stand for. What is no such
/// thing stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped =
            after.first_chunk::<2>().filter(|_| *first == b'%').copied().and_then(escaped);
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn escaped(digits: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: &str) -> String {
        let uri: Uri = address.parse().expect("an address");
        let Place { voice, errand } = place(&uri, &HeaderMap::new());
        let voice = format!("{voice:?}");
        let voice = voice.split([' ', '{']).next().unwrap_or_default();
        match errand {
            Errand::Completion { model, streamed } => {
                let streamed = if streamed { " streamed" } else { "" };
                format!("{voice}: {}{streamed}", model.unwrap_or_default())
            }
            Errand::Models(_) => format!("{voice}: models"),
            Errand::Stats => "stats".to_owned(),
            Errand::Nothing => format!("{voice}: nothing"),
        }
    }

    #[test]
    fn every_path_has_its_voice() {
        let vertex = "/v1/projects/p/locations/global/publishers";
        for (address, wanted) in [
            ("/v1/chat/completions", "OpenAiChat: ".to_owned()),
            (
                "/openai/deployments/my%20one/chat/completions?api-version=1",
                "OpenAiChat: my one".into(),
            ),
            ("/openai/deployments/a/b/chat/completions", "OpenAiChat: nothing".into()),
            ("/openai/v1/responses", "OpenAiResponses: ".into()),
            ("/models/chat/completions?api-version=1", "OpenAiChat: ".into()),
            ("/v1/messages", "Anthropic: ".into()),
            ("/v1/messages/batches", "Anthropic: nothing".into()),
            ("/v1beta/models/lark:generateContent", "Gemini: lark".into()),
            ("/v1/models/lark:streamGenerateContent?alt=sse", "Gemini: lark streamed".into()),
            ("/v1beta/tunedModels/mine:generateContent", "Gemini: mine".into()),
            ("/v1beta/models/lark:countTokens", "Gemini: nothing".into()),
            (&format!("{vertex}/google/models/lark:generateContent"), "Gemini: lark".into()),
            (
                &format!("{vertex}/anthropic/models/c%402:streamRawPredict"),
                "VertexClaude: c@2 streamed".into(),
            ),
            (&format!("{vertex}/mistralai/models/m:rawPredict"), "OpenAiChat: m".into()),
            ("/v1/projects/p/locations/l/endpoints/77:generateContent", "Gemini: 77".into()),
            (
                "/v1/projects/p/locations/l/endpoints/openapi/chat/completions",
                "OpenAiChat: ".into(),
            ),
            ("/v2/chat", "Cohere: ".into()),
            ("/api/chat", "Ollama: ".into()),
            ("/api/generate", "Ollama: nothing".into()),
            ("/model/anthropic.lark-v1%3A0/converse", "Bedrock: anthropic.lark-v1:0".into()),
            ("/model/lark/converse-stream", "Bedrock: lark streamed".into()),
            ("/model/lark/invoke", "Bedrock: nothing".into()),
            (
                "/model/amazon.titan-embed-text-v2%3A0/invoke",
                "Embeddings: amazon.titan-embed-text-v2:0".into(),
            ),
            ("/v1/embeddings", "Embeddings: ".into()),
            ("/openai/deployments/mine/embeddings?api-version=1", "Embeddings: mine".into()),
            ("/openai/v1/embeddings", "Embeddings: ".into()),
            ("/v2/embed", "Embeddings: ".into()),
            ("/api/embed", "Embeddings: ".into()),
            ("/v1beta/models/lark:embedContent", "Embeddings: lark".into()),
            (&format!("{vertex}/google/models/lark:predict"), "Embeddings: lark".into()),
            ("/v1/models", "OpenAiChat: models".into()),
            ("/v1/models?key=k", "Gemini: models".into()),
            ("/v1beta1/publishers/google/models", "Gemini: models".into()),
            ("/stats", "stats".into()),
            ("/v1/nowhere", "OpenAiChat: nothing".into()),
        ] {
            assert_eq!(found(address), wanted, "{address}");
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (text, wanted) in [
            ("a%3Ab", "a:b"),
            ("%e6%97%a5", "日"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("%ff", "%ff"),
        ] {
            assert_eq!(unescaped(text), wanted);
        }
    }
}
