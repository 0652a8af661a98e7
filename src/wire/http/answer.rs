//! An answer whose head has come, whoever carried it.

use std::error::Error;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderMap;

/// An answer whose body is still to come.
#[derive(Debug)]
pub(super) enum Answer {
    /// Straight from the server.
    Direct(hyper::Response<Incoming>),
    /// Through a proxy.
    Proxied(reqwest::Response),
}

impl Answer {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Direct(answer) => answer.status(),
            Self::Proxied(answer) => answer.status(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Direct(answer) => answer.headers(),
            Self::Proxied(answer) => answer.headers(),
        }
    }

    /// The length of the body, where its head told it.
    pub(super) fn content_length(&self) -> Option<u64> {
        match self {
            Self::Direct(answer) => answer.body().size_hint().exact(),
            Self::Proxied(answer) => answer.content_length(),
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        match self {
            Self::Direct(answer) => loop {
                let Some(frame) = answer.body_mut().frame().await else { return Ok(None) };
                // What is no data are trailers, of which nobody reads anything.
                if let Ok(data) = frame.map_err(|why| Broken(why.into()))?.into_data() {
                    return Ok(Some(data));
                }
            },
            Self::Proxied(answer) => answer.chunk().await.map_err(|why| Broken(why.into())),
        }
    }
}

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub(super) struct Broken(#[source] Box<dyn Error + Send + Sync>);
