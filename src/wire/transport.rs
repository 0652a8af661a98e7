//! The only I/O trait: a request goes out, a whole reply comes back.

use std::future::Future;
use std::pin::Pin;

use crate::call::failure::Failure;
use crate::wire::message::{WireReply, WireRequest};

/// A call under way. Dropping it gives the connection up.
pub type Sending<'t> = Pin<Box<dyn Future<Output = Result<WireReply, Failure>> + Send + 't>>;

/// Carries requests to providers: over a socket, or within the process for tests and benches.
pub trait Transport: Send + Sync {
    /// Sends one request and waits for the whole reply, whatever its status.
    ///
    /// `Err` is a `Timeout`, an `APIConnectionError`, or an `APIResponseValidationError` for a
    /// reply that was cut off or is too large.
    fn send(&self, request: WireRequest) -> Sending<'_>;
}
