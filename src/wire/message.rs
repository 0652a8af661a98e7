//! Requests and replies as plain data, the same for every transport.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::wire::secret::Secret;

/// How a request is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// It asks for what is there; the body is not sent.
    Get,
    /// It sends JSON, unless its headers name another type.
    #[default]
    Post,
}

/// What a dialect wants sent.
#[derive(Clone, Debug)]
pub struct WireRequest {
    /// How: every completion is a POST.
    pub method: Method,
    /// The whole URL.
    pub url: String,
    /// Headers beside `content-type`; none of them is secret.
    pub headers: Vec<(&'static str, String)>,
    /// The header that carries the key, with what stands before the key in it.
    pub key: Option<KeyHeader>,
    /// The region to sign for, where it is not the provider's usual one.
    pub region: Option<String>,
    /// Headers that the user wants sent, over all others.
    pub added: Arc<[AddedHeader]>,
    /// The body of a POST.
    pub body: Bytes,
}

impl WireRequest {
    /// A request whose key, where there is one, travels as `authorization: Bearer <key>`.
    pub fn with_bearer(url: String, key: Option<&Secret>, body: impl Into<Bytes>) -> Self {
        Self { key: key.map(KeyHeader::bearer), ..Self::new(url, body) }
    }

    /// A request without a key.
    pub fn new(url: String, body: impl Into<Bytes>) -> Self {
        let added = Arc::default();
        let method = Method::Post;
        let (headers, body) = (Vec::new(), body.into());
        Self { method, url, headers, key: None, region: None, added, body }
    }

    /// A request for what is there, with the key in this header.
    pub fn get(url: String, key: Option<KeyHeader>) -> Self {
        Self { method: Method::Get, key, ..Self::new(url, Bytes::new()) }
    }
}

/// How the key travels: `authorization: Bearer <key>`, `api-key: <key>`, ...
#[derive(Clone, Debug)]
pub struct KeyHeader {
    /// The header's name, in lower case.
    pub name: Cow<'static, str>,
    /// What stands before the key, such as `Bearer `.
    pub prefix: Cow<'static, str>,
    /// The key.
    pub key: Secret,
}

impl KeyHeader {
    /// `authorization: Bearer <key>`.
    pub fn bearer(key: &Secret) -> Self {
        Self { name: "authorization".into(), prefix: "Bearer ".into(), key: key.clone() }
    }

    /// The key alone in a header of this name.
    pub fn plain(name: &'static str, key: &Secret) -> Self {
        Self { name: name.into(), prefix: "".into(), key: key.clone() }
    }
}

/// A header that the user wants sent. Its value may be secret.
#[derive(Clone, Debug)]
pub struct AddedHeader {
    /// Its name.
    pub name: Box<str>,
    /// Its value.
    pub value: Secret,
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct WireReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that mean something to us.
    pub headers: Headers,
    /// The body, without any key.
    pub body: Bytes,
}

/// The few headers of a reply that the runner reads, by lower-case name.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(Box<str>, Box<str>)>);

impl Headers {
    /// Keeps one header.
    pub fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.into(), value.into()));
    }

    /// The value of a header, by its lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }
}

/// How long each part of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// The whole attempt.
    pub total: Duration,
    /// Making the connection.
    pub connect: Duration,
    /// From the send to the first byte of the answer; `None`: only the whole counts.
    pub first_byte: Option<Duration>,
    /// Between two pieces of the answer; `None`: only the whole counts.
    pub idle: Option<Duration>,
}

impl Default for Timeouts {
    /// Ten minutes for an attempt and ten seconds to connect: slow models think for minutes.
    fn default() -> Self {
        Self {
            total: Duration::from_mins(10),
            connect: Duration::from_secs(10),
            first_byte: None,
            idle: None,
        }
    }
}
