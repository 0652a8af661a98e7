//! Replies: bytes with a status, whole, piece by piece, or cut off.

use std::time::Duration;
use std::vec;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, sleep_until};

use crate::mock::refusal::Refusal;
use crate::mock::voice::Voice;
use crate::mock::voice::headings::ascii;

/// A reply on its way out.
pub type Reply = Response<Either<Full<Bytes>, StreamBody<BoxStream<'static, Part>>>>;

type Part = Result<Frame<Bytes>, Cut>;

/// Why a connection is given up instead of being answered in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// Nothing was answered.
    #[error("the connection is reset, as the script wants it")]
    Reset,
    /// Half of it was answered.
    #[error("the answer is cut off, as the script wants it")]
    Truncated,
    /// The client went before it had asked all.
    #[error("the client is gone")]
    Gone,
}

/// A whole body of JSON.
pub fn whole(body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body.into())));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// A refusal in this voice, with its status and, where waiting helps, how long; `id` names the
/// request.
pub fn refused(voice: &dyn Voice, refusal: &Refusal, id: &str) -> Reply {
    let mut reply = whole(voice.refuse(refusal, id));
    *reply.status_mut() = refusal.status;
    let headers = reply.headers_mut();
    headers.insert(voice.headings().request_id, ascii(id.to_owned()));
    if let Some(name) = voice.name(refusal) {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
    }
    if let Some(wait) = refusal.retry_after {
        voice.headings().tell_wait(headers, wait);
    }
    reply
}

/// Half of a body whose full length was promised.
pub fn halved(mut body: Vec<u8>, held: impl Send + 'static) -> Reply {
    let promised = body.len();
    body.truncate(promised / 2);
    let parts = Parts::at_once(vec![body.into()], true, held);
    let mut reply = Response::new(Either::Right(StreamBody::new(parts.stream())));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONTENT_LENGTH, promised.into());
    reply
}

/// Pieces of this type spread evenly over a time; only the first half of them if they are `cut`
/// off. What is `held` is let go when the last one is out or the client is gone.
pub fn events(
    kind: &'static str,
    mut events: Vec<Bytes>,
    over: Duration,
    cut: bool,
    held: impl Send + 'static,
) -> Reply {
    let gap = over / u32::try_from(events.len()).unwrap_or(u32::MAX).max(1);
    if cut {
        events.truncate(events.len() / 2);
    }
    let parts = Parts { gap, ..Parts::at_once(events, cut, held) };
    let mut reply = Response::new(Either::Right(StreamBody::new(parts.stream())));
    *reply.status_mut() = StatusCode::OK;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

struct Parts<T> {
    left: vec::IntoIter<Bytes>,
    next_at: Instant,
    gap: Duration,
    cut: bool,
    _held: T,
}

impl<T: Send + 'static> Parts<T> {
    fn at_once(parts: Vec<Bytes>, cut: bool, held: T) -> Self {
        let left = parts.into_iter();
        Self { left, next_at: Instant::now(), gap: Duration::ZERO, cut, _held: held }
    }

    fn stream(self) -> BoxStream<'static, Part> {
        stream::unfold(self, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Part, Self)> {
        if let Some(bytes) = self.left.next() {
            if !self.gap.is_zero() {
                sleep_until(self.next_at).await;
                self.next_at += self.gap;
            }
            return Some((Ok(Frame::data(bytes)), self));
        }
        if !self.cut {
            return None;
        }
        self.cut = false;
        // hyper sends what it has when a body has nothing ready, and drops it when a body fails.
        tokio::task::yield_now().await;
        Some((Err(Cut::Truncated), self))
    }
}
