//! Voices: the forms in which questions are heard and answers are said, one for each dialect.
//!
//! A [`Voice`] knows nothing of what is answered, and nothing of sockets. To add one, add a file
//! here and its paths to `table.rs`.

pub mod anthropic;
pub mod bedrock;
pub mod cohere;
pub mod content;
pub mod embeddings;
pub mod gemini;
pub mod headings;
pub mod lists;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;
pub mod table;
#[cfg(test)]
mod tests;
pub mod vertex_claude;

use std::borrow::Cow;
use std::fmt::Debug;

use bytes::Bytes;
use serde::Serialize;

use crate::mock::answer::{Answer, Choice, Question};
use crate::mock::refusal::Refusal;
use crate::mock::voice::headings::Headings;

/// When every answer claims to be made, so that two runs give the same bytes: 2025-01-01.
const CREATED: u64 = 1_735_689_600;

/// The same moment as text.
const CREATED_AT: &str = "2025-01-01T00:00:00Z";

/// One dialect, from the provider's side. Each hears the same [`Question`] in the same talk, so
/// that all of them are answered alike.
pub trait Voice: Send + Sync + Debug {
    /// Reads a request for a completion, or says what is wrong with it.
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal>;

    /// The whole answer.
    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8>;

    /// The answer piece by piece, down to the last word of its stream.
    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes>;

    /// Whether it is embeddings that it says, and no words.
    fn gives_embeddings(&self) -> bool {
        false
    }

    /// The body of a refusal; `id` names the request.
    fn refuse(&self, refusal: &Refusal, id: &str) -> Vec<u8>;

    /// The name of a refusal, for the dialect that tells it in a header.
    fn name(&self, _refusal: &Refusal) -> Option<&'static str> {
        None
    }

    /// The `content-type` of a stream.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// What the headers of an answer are called.
    fn headings(&self) -> &'static Headings;
}

/// A request for a completion, with what its path says.
#[derive(Clone, Debug)]
pub struct Asked<'b> {
    /// The model, where the path names it.
    pub model: Option<Cow<'b, str>>,
    /// Whether the path asks for a stream. Most dialects ask for it in the body.
    pub streamed: bool,
    /// The body.
    pub body: &'b [u8],
}

/// The pieces in which a text is said: its words, each with the space after it.
fn words<'c>(choice: &'c Choice<'_>) -> impl Iterator<Item = &'c str> {
    choice.text.split_inclusive(char::is_whitespace)
}

/// The first choice, for dialects that have but one.
fn only<'c>(answer: &'c Answer<'_>) -> &'c Choice<'c> {
    answer.choices.first().expect("a question asks for one choice at least")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are JSON")
}

/// A server-sent event that has no name.
fn event(data: &impl Serialize) -> Bytes {
    let mut event = b"data: ".to_vec();
    serde_json::to_writer(&mut event, data).expect("texts and numbers are JSON");
    event.extend_from_slice(b"\n\n");
    Bytes::from(event)
}

/// A server-sent event with a name.
fn named_event(name: &str, data: &impl Serialize) -> Bytes {
    [b"event: ", name.as_bytes(), b"\n", &event(data)].concat().into()
}
