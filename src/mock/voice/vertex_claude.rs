//! The voice of Anthropic's models on Vertex AI: Anthropic's own, but what Google refuses before a
//! model is reached is refused in Google's form.

use bytes::Bytes;
use hyper::StatusCode;

use super::{Asked, Voice};
use crate::mock::answer::{Answer, Question};
use crate::mock::refusal::Refusal;
use crate::mock::voice::anthropic::Anthropic;
use crate::mock::voice::gemini;
use crate::mock::voice::headings::{GOOGLE, Headings};

/// The voice of Anthropic's models on Vertex AI.
#[derive(Debug)]
pub struct VertexClaude;

impl Voice for VertexClaude {
    fn hear<'b>(&self, asked: Asked<'b>) -> Result<Question<'b>, Refusal> {
        Anthropic.hear(asked)
    }

    fn say(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<u8> {
        Anthropic.say(question, answer)
    }

    fn say_in_pieces(&self, question: &Question<'_>, answer: &Answer<'_>) -> Vec<Bytes> {
        Anthropic.say_in_pieces(question, answer)
    }

    fn refuse(&self, refusal: &Refusal, id: &str) -> Vec<u8> {
        match refusal.status {
            // The body and its answer are the model's; quota and paths are Google's.
            StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR => {
                Anthropic.refuse(refusal, id)
            }
            _ => super::json(&gemini::error(refusal)),
        }
    }

    fn headings(&self) -> &'static Headings {
        &GOOGLE
    }
}
