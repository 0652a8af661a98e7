//! GROUND. Who answers, and in what tongue.
//!
//! A [`Provider`] is a row of data: where it is, how its key is found, what it allows, and the
//! [`Dialect`] it speaks. A dialect is pure: it turns a request into bytes and bytes into a
//! response or a failure, and never touches the network.
//!
//! To add a provider that speaks a known dialect, add a row to `catalog.toml`, or a
//! `[providers.<name>]` to the job. To add a dialect, add a file here and a line to `table.rs`.

pub mod access;
pub mod answered;
pub mod anthropic;
pub mod asked;
pub mod auth;
pub mod aws;
pub mod azure;
pub mod bedrock;
#[cfg(test)]
mod bills;
pub mod catalog;
pub mod cohere;
pub mod counts;
pub mod draft;
pub mod embedding;
pub mod entra;
pub mod env;
pub mod errors;
pub mod finish;
pub mod gemini;
#[cfg(test)]
pub mod golden;
pub mod google;
pub mod headroom;
pub mod located;
pub mod models;
pub mod names;
pub mod ollama;
pub mod openai_chat;
pub mod openai_responses;
pub mod prices;
pub mod quirks;
pub mod regional;
pub mod sound;
pub mod table;
pub mod vertex;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::call::failure::Failure;
use crate::call::moment::Moment;
use crate::call::request::{Operation, Params, Request};
use crate::call::response::Response;
use crate::pace::Limits;
use crate::pace::headroom::Headroom;
use crate::provider::auth::{Auth, KeySource};
use crate::provider::draft::Draft;
use crate::provider::located::Fault;
use crate::provider::quirks::Quirks;
use crate::wire::frames::{Frame, Framing};
use crate::wire::message::{AddedHeader, Headers, WireReply, WireRequest};
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
    /// How it is shown who asks.
    pub auth: Auth,
    /// What it allows, as the user stated it.
    pub limits: Limits,
    /// What it needs beside the key: `api_version`, `region`, ...
    pub settings: Arc<BTreeMap<String, String>>,
    /// What is odd about it.
    pub quirks: Arc<Quirks>,
    /// Headers that go with every request, by name.
    pub headers: Vec<(String, HeaderSource)>,
}

/// Where the value of a header is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// In the job: it is no secret.
    Text(String),
    /// In this variable.
    Env(String),
}

impl Provider {
    /// A provider of one's own that needs no key; `base_url` is its address up to what the dialect
    /// adds, without a slash at the end.
    pub fn new(name: &str, dialect: &'static dyn Dialect, base_url: &str) -> Self {
        Self {
            name: name.into(),
            dialect,
            base_url: base_url.trim_end_matches('/').into(),
            key: KeySource::None,
            auth: Auth::Key,
            limits: Limits::default(),
            settings: Arc::default(),
            quirks: Arc::default(),
            headers: Vec::new(),
        }
    }

    /// The tongue in which it is asked for this model: some models answer on another of its paths.
    pub fn dialect_for(&self, model: &str) -> &'static dyn Dialect {
        self.dialect.for_model(&self.quirks, model).unwrap_or(self.dialect)
    }

    /// The tongue in which this model is asked for that; `None` where the provider gives none.
    pub fn tongue(&self, operation: Operation, model: &str) -> Option<&'static dyn Dialect> {
        match operation {
            Operation::Chat => Some(self.dialect_for(model)),
            Operation::Embed => self.dialect.embeddings(),
        }
    }

    /// Whether a model of this name can be asked here.
    pub fn knows(&self, model: &str) -> Result<(), Fault> {
        self.dialect_for(model).knows(&self.base_url, &self.settings, model)
    }

    /// Whether this model takes the parameter; `Err` tells people why not.
    pub fn accepts(&self, model: &str, name: &str, value: &Value) -> Result<(), String> {
        self.accepts_in(self.dialect_for(model), model, name, value)
    }

    fn accepts_in(
        &self,
        tongue: &dyn Dialect,
        model: &str,
        name: &str,
        value: &Value,
    ) -> Result<(), String> {
        if self.quirks.unsupported.contains(name) {
            return Err("the provider does not take it".to_owned());
        }
        tongue.accepts(&self.quirks, model, name, value)
    }

    /// The parameters of a call that this model does not take, each with the reason: those that it
    /// never takes, and then those that it does not take beside the rest.
    pub fn refusals(&self, model: &str, params: &Params) -> Vec<(String, String)> {
        self.refusals_in(self.dialect_for(model), model, params)
    }

    /// The same of a call in this tongue.
    pub fn refusals_in(
        &self,
        tongue: &dyn Dialect,
        model: &str,
        params: &Params,
    ) -> Vec<(String, String)> {
        let alone = params.iter().filter_map(|(name, value)| {
            Some((name.clone(), self.accepts_in(tongue, model, name, value).err()?))
        });
        let mut refused: Vec<(String, String)> = alone.collect();
        let mut rest = params.clone();
        rest.retain(|name, _| refused.iter().all(|(other, _)| other != name));
        let clashes = tongue.clashes(&self.quirks, model, &rest);
        refused.extend(clashes.into_iter().map(|(name, why)| (name.to_owned(), why)));
        refused
    }
}

/// A provider with its key in hand, ready to be called.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The provider's name.
    pub provider: Arc<str>,
    /// Where it is, without a slash at the end.
    pub base_url: Arc<str>,
    /// The key, where there is one.
    pub key: Option<Secret>,
    /// Headers that go with every request.
    pub headers: Arc<[AddedHeader]>,
    /// What the provider needs beside it: `api_version`, `region`, ...
    pub settings: BTreeMap<String, String>,
    /// What is odd about the provider.
    pub quirks: Arc<Quirks>,
}

impl Endpoint {
    /// The bytes that ask `request` in this tongue, with the headers that the user wants.
    pub fn encode(&self, dialect: &dyn Dialect, request: &Request) -> Result<WireRequest, Failure> {
        Ok(self.dressed(dialect.encode(self, request)?))
    }

    /// The bytes that ask for the list of models in this tongue, likewise.
    pub fn probe(&self, dialect: &dyn Dialect) -> Option<WireRequest> {
        dialect.probe(self).map(|wire| self.dressed(wire))
    }

    fn dressed(&self, mut wire: WireRequest) -> WireRequest {
        if let (Some(header), Some(key)) = (&self.quirks.key_header, &mut wire.key) {
            key.name = header.to_lowercase().into();
            key.prefix = self.quirks.key_prefix.clone().into();
        }
        wire.added = Arc::clone(&self.headers);
        wire
    }
}

/// A tongue that providers speak: pure functions between our words and bytes.
pub trait Dialect: Send + Sync + std::fmt::Debug {
    /// Its name in the catalogue and in job files.
    fn name(&self) -> &'static str;

    /// The tongue for this model of a host with these quirks, where it is another one.
    fn for_model(&self, _quirks: &Quirks, _model: &str) -> Option<&'static dyn Dialect> {
        None
    }

    /// Whether a model of this name can be asked at an address with these settings.
    fn knows(
        &self,
        _base_url: &str,
        _settings: &BTreeMap<String, String>,
        _model: &str,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether it can say this parameter to this model of a host with these quirks; `Err` tells
    /// people why not. A parameter that is refused here is never part of a request that is encoded.
    fn accepts(
        &self,
        _quirks: &Quirks,
        _model: &str,
        _name: &str,
        _value: &Value,
    ) -> Result<(), String> {
        Ok(())
    }

    /// The parameters that it cannot say beside the others of a call, each with the reason. Each
    /// of them could be said alone: what can never be said is told by [`Dialect::accepts`].
    fn clashes(
        &self,
        _quirks: &Quirks,
        _model: &str,
        _params: &Params,
    ) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The tongue in which embeddings are asked for where chats are asked for in this one; `None`
    /// where nobody gives any.
    fn embeddings(&self) -> Option<&'static dyn Dialect> {
        None
    }

    /// The settings that it reads of an endpoint: `api_version`, `project`, ...
    fn settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the provider fetches pictures that are named by a URL. One that does not is sent the
    /// pictures themselves.
    fn fetches_pictures(&self) -> bool {
        true
    }

    /// Whether its parameters can go out under a host's own names.
    fn renames(&self) -> bool {
        false
    }

    /// The bytes that ask `request` of `endpoint`; `Err` when the dialect cannot say it.
    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure>;

    /// The answer in a reply. An error body, and an answer that is empty, blocked or unreadable, is
    /// a [`Rejected`].
    fn decode(&self, reply: &WireReply) -> Result<Response, Rejected>;

    /// The bytes that ask for the list of models, which costs nothing and shows whether the key is
    /// taken; `None` where there is no such list.
    fn probe(&self, _endpoint: &Endpoint) -> Option<WireRequest> {
        None
    }

    /// What is left of the provider's limits, by the headers of an answer that came `now`.
    fn headroom(&self, headers: &Headers, now: Moment) -> Headroom {
        headroom::read(headers, now)
    }

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
