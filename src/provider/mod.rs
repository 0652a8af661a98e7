//! GROUND. Who answers, and in what tongue.
//!
//! A [`Provider`] is a row of data: where it is, how its key is found, what it allows, and the
//! [`Dialect`] it speaks. A dialect is pure: it turns a request into bytes and bytes into a
//! response or a failure, and never touches the network.
//!
//! To add a provider that speaks a known dialect, add a row to `catalog.toml`, or a
//! `[providers.<name>]` to the job. To add a dialect, add a file here and a line to `table.rs`.

pub mod answered;
pub mod anthropic;
pub mod asked;
pub mod auth;
pub mod catalog;
pub mod cohere;
pub mod draft;
pub mod env;
pub mod errors;
pub mod finish;
pub mod gemini;
#[cfg(test)]
pub mod golden;
pub mod headroom;
pub mod names;
pub mod ollama;
pub mod openai_chat;
pub mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::request::Request;
use crate::call::response::Response;
use crate::pace::Limits;
use crate::provider::auth::KeySource;
use crate::provider::draft::Draft;
use crate::wire::frames::{Frame, Framing};
use crate::wire::message::{WireReply, WireRequest};
use crate::wire::secret::Secret;

/// Who answers: one row of the catalogue or of the job.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name: the prefix in `provider/model`.
    pub name: Arc<str>,
    /// The tongue it speaks.
    pub dialect: &'static dyn Dialect,
    /// Where it is, without a slash at the end.
    pub base_url: Arc<str>,
    /// Where its key is found.
    pub key: KeySource,
    /// What it allows, as the user stated it.
    pub limits: Limits,
}

/// A provider with its key in hand, ready to be called.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The provider's name.
    pub provider: Arc<str>,
    /// Where it is, without a slash at the end.
    pub base_url: Arc<str>,
    /// The key, where there is one.
    pub key: Option<Secret>,
    /// What the provider needs beside it: `api_version`, `region`, ...
    pub settings: BTreeMap<String, String>,
}

/// A tongue that providers speak: pure functions between our words and bytes.
pub trait Dialect: Send + Sync + std::fmt::Debug {
    /// Its name in the catalogue and in job files.
    fn name(&self) -> &'static str;

    /// Whether it can say this parameter to this model; `Err` tells people why not. A parameter
    /// that is refused here is never part of a request that is encoded.
    fn accepts(&self, _model: &str, _name: &str, _value: &Value) -> Result<(), String> {
        Ok(())
    }

    /// The bytes that ask `request` of `endpoint`; `Err` when the dialect cannot say it.
    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure>;

    /// The answer in a reply. An error body, and an answer that is empty, blocked or unreadable, is
    /// a [`Rejected`].
    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected>;

    /// How its streams are cut into frames.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// Takes one frame of a stream into the draft. An error that comes inside a stream is a
    /// failure like any other.
    fn fold(&self, draft: &mut Draft, frame: &Frame) -> Result<Flow, Failure>;
}

/// Whether a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More is to come.
    More,
    /// The answer is whole.
    End,
}

/// A reply that is no answer, with what came all the same.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Why it is no answer.
    pub failure: Failure,
    /// What came: its tokens may have been billed, and its text may be worth reading.
    pub response: Option<Box<Response>>,
}

impl From<Failure> for Rejected {
    fn from(failure: Failure) -> Self {
        Self { failure, response: None }
    }
}
