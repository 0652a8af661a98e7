//! The only I/O trait: a request goes out, and a whole reply or a stream of frames comes back.

use std::future::Future;
use std::pin::Pin;

use crate::call::failure::Failure;
use crate::wire::frames::{Frame, Framing};
use crate::wire::message::{Headers, WireReply, WireRequest};
use crate::wire::secret::Redactor;

/// Something under way. Dropping it gives the connection up.
pub type Pending<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// Carries requests to providers: over a socket, or within the process for tests and benches.
pub trait Transport: Send + Sync {
    /// Sends one request and waits for the whole reply, whatever its status.
    ///
    /// `Err` is a `Timeout`, an `APIConnectionError`, a `BadRequestError` for a redirect, or an
    /// `APIResponseValidationError` for a reply that was cut off, compressed or too large.
    fn send(&self, request: WireRequest) -> Pending<'_, Result<WireReply, Failure>>;

    /// Sends one request whose answer is a stream, and waits for its beginning. The errors are
    /// those of [`Transport::send`].
    fn open(&self, request: WireRequest, framing: Framing) -> Pending<'_, Result<Opened, Failure>>;
}

/// What a request for a stream is answered with.
pub enum Opened {
    /// The stream that was asked for.
    Stream(Stream),
    /// A whole reply: an error, or a host that does not stream.
    Whole(WireReply),
}

/// A stream that has begun.
pub struct Stream {
    /// The headers that mean something to us.
    pub headers: Headers,
    /// The frames, as they come.
    pub frames: Box<dyn Frames>,
    /// Knows the keys of the run: one that comes in two pieces is in neither frame.
    pub redactor: Redactor,
}

/// The frames of a stream. No frame holds a key.
pub trait Frames: Send {
    /// The next frame; `None` at the end of the stream. The errors are those of
    /// [`Transport::send`].
    fn next(&mut self) -> Pending<'_, Option<Result<Frame, Failure>>>;
}
