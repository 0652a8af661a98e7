//! The voice of embeddings, in the form of each vendor. What goes wrong is told like in its chats.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Asked, Voice};
use crate::mock::answer::{Answer, Question, Said};
use crate::mock::refusal::Refusal;
use crate::mock::voice::content::Words;
use crate::mock::voice::headings::Headings;

/// The voice of embeddings.
#[derive(Debug)]
pub struct Embeddings {
    /// Whose form it is.
    pub form: Form,
    /// The voice of the same vendor's chats.
    pub like: &'static dyn Voice,
}

/// Whose form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `OpenAI`'s, and Azure's.
    OpenAi,
    /// Cohere's, version 2.
    Cohere,
    /// Ollama's own.
    Ollama,
    /// `embedContent`.
    Gemini,
    /// `predict`.
    Vertex,
    /// What Bedrock hands over to Titan, and to Cohere.
    Bedrock,
}

/// Whether Bedrock has embeddings of this model, here.
pub fn is_known(model: &str) -> bool {
    model.contains("titan-embed-text") || model.contains("cohere.embed-")
}

/// All that any of the forms has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    model: Option<Words<'a>>,
    #[serde(borrow)]
    input: Option<Texts<'a>>,
    #[serde(borrow)]
    texts: Option<Texts<'a>>,
    #[serde(borrow)]
    input_text: Option<Texts<'a>>,
    #[serde(borrow)]
    content: Option<Parts<'a>>,
    #[serde(borrow, default)]
    instances: Vec<Instance<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts<'a> {
    One(#[serde(borrow)] Cow<'a, str>),
    Many(#[serde(borrow)] Vec<Cow<'a, str>>),
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Instance<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

impl<'a> Body<'a> {
    fn texts(self, form: Form) -> Vec<Cow<'a, str>> {
        let named = match form {
            Form::OpenAi | Form::Ollama => self.input,
            Form::Cohere => self.texts,
            Form::Bedrock => self.input_text.or(self.texts),
            Form::Vertex => {
                return self.instances.into_iter().map(|instance| instance.content).collect();
            }
            Form::Gemini => {
                let parts = self.content.map(|content| content.parts).unwrap_or_default();
                return parts.into_iter().filter_map(|part| part.text).collect();
            }
        };
        match named {
            None => Vec::new(),
            Some(Texts::One(text)) => vec![text],
            Some(Texts::Many(texts)) => texts,
        }
    }
}

impl Voice for Embeddings {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        let body: Body<'_> = serde_json::from_slice(asked.body)
            .map_err(|error| Refusal::bad_request(format!("Invalid request body: {error}.")))?;
        let named = body.model.as_ref().map(|Words(model)| model.clone());
        let Some(model) = asked.model.or(named) else {
            return Err(Refusal::bad_request("you must provide a model parameter"));
        };
        let texts = body.texts(self.form);
        if texts.is_empty() || texts.iter().any(|text| text.is_empty()) {
            let message = "there is no text to embed: it is missing or empty";
            return Err(Refusal::bad_request(message));
        }
        let said = |text| Said { role: "user".into(), text };
        Ok(Question {
            model,
            messages: texts.into_iter().map(said).collect(),
            max_tokens: None,
            choices: 1,
            stream: false,
            stream_usage: false,
        })
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        let said = answer.choices.iter().map(|choice| serde_json::from_str(&choice.text));
        let said: Vec<&RawValue> = said.collect::<Result<_, _>>().expect("numbers are JSON");
        super::json(&match self.form {
            Form::OpenAi => openai(question, answer, &said),
            Form::Cohere => cohere(answer, &said),
            Form::Ollama => json!({
                "model": question.model, "embeddings": said, "total_duration": 1,
                "load_duration": 0, "prompt_eval_count": answer.prompt_tokens,
            }),
            Form::Gemini => json!({
                "embedding": {"values": said.first()},
                "usageMetadata": {"promptTokenCount": answer.prompt_tokens},
            }),
            Form::Vertex => vertex(answer, &said),
            Form::Bedrock if question.model.contains("cohere") => {
                json!({"id": id(answer), "embeddings": said, "response_type": "embeddings_floats"})
            }
            Form::Bedrock => json!({
                "embedding": said.first(), "embeddingsByType": {"float": said.first()},
                "inputTextTokenCount": answer.prompt_tokens,
            }),
        })
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        vec![self.say(question, answer).into()]
    }

    fn gives_embeddings(&self) -> bool {
        true
    }

    fn refuse(&self, refusal: &Refusal, id: &str) -> Vec<u8> {
        self.like.refuse(refusal, id)
    }

    fn name(&self, refusal: &Refusal) -> Option<&'static str> {
        self.like.name(refusal)
    }

    fn headings(&self) -> &'static Headings {
        self.like.headings()
    }
}

fn id(answer: &Answer<'_>) -> String {
    format!("mock-{:016x}", answer.id)
}

fn openai(question: &Question<'_>, answer: &Answer<'_>, said: &[&RawValue]) -> Value {
    let data = said.iter().enumerate();
    let data = data.map(
        |(index, numbers)| json!({"object": "embedding", "index": index, "embedding": numbers}),
    );
    let tokens = answer.prompt_tokens;
    json!({
        "object": "list", "data": data.collect::<Vec<_>>(), "model": question.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
}

fn cohere(answer: &Answer<'_>, said: &[&RawValue]) -> Value {
    json!({
        "id": id(answer), "embeddings": {"float": said}, "response_type": "embeddings_by_type",
        "meta": {"billed_units": {"input_tokens": answer.prompt_tokens}},
    })
}

fn vertex(answer: &Answer<'_>, said: &[&RawValue]) -> Value {
    // Each text has its own count, and only one is ever sent by the runner.
    let each = answer.prompt_tokens / (said.len() as u64).max(1);
    let predictions = said.iter().map(|numbers| {
        let statistics = json!({"token_count": each, "truncated": false});
        json!({"embeddings": {"values": numbers, "statistics": statistics}})
    });
    json!({"predictions": predictions.collect::<Vec<_>>()})
}
