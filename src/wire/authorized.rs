//! Proof of who sends, made anew for each request: a token that expires, or a signature.
//!
//! An [`Authorizer`] adds it, and [`Authorized`] is a [`Transport`] that asks for it right before
//! each send, so that whoever sends need not know.

use std::fmt::Debug;
use std::sync::Arc;

use crate::call::failure::Failure;
use crate::wire::frames::Framing;
use crate::wire::message::{WireReply, WireRequest};
use crate::wire::transport::{Opened, Pending, Transport};

/// Adds the proof of who sends.
pub trait Authorizer: Debug + Send + Sync {
    /// The request with its proof. A token that was fetched is kept for the next request; whoever
    /// waits for the same one waits for one fetch. Every secret that it fetches becomes known to
    /// the run's redactor.
    ///
    /// `Err` is an `AuthenticationError` when there is no proof to be had, and an
    /// `APIConnectionError` or a `Timeout` when trying again may help.
    fn authorize(&self, request: WireRequest) -> Pending<'_, Result<WireRequest, Failure>>;

    /// Whether a reply says that the proof was not believed.
    fn is_disbelief(&self, reply: &WireReply) -> bool {
        reply.status == 401
    }

    /// Takes note that the server did not believe a proof. Whether the next one will be another,
    /// so that the request is worth one more send.
    fn disbelieved(&self) -> bool;
}

/// A transport that adds the proof to each request.
#[derive(Debug)]
pub struct Authorized<T> {
    inner: Arc<T>,
    by: Arc<dyn Authorizer>,
}

impl<T: Transport> Authorized<T> {
    /// Sends over `inner` what `by` has authorized.
    pub fn new(inner: Arc<T>, by: Arc<dyn Authorizer>) -> Self {
        Self { inner, by }
    }

    /// Whether a reply says that the proof was not believed, and another can be had.
    fn is_worth_another(&self, reply: &WireReply) -> bool {
        self.by.is_disbelief(reply) && self.by.disbelieved()
    }
}

impl<T: Transport> Transport for Authorized<T> {
    fn send(&self, request: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async move {
            let proven = self.by.authorize(request.clone()).await?;
            let reply = self.inner.send(proven).await?;
            match self.is_worth_another(&reply) {
                true => self.inner.send(self.by.authorize(request).await?).await,
                false => Ok(reply),
            }
        })
    }

    fn open(&self, request: WireRequest, framing: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async move {
            let proven = self.by.authorize(request.clone()).await?;
            match self.inner.open(proven, framing).await? {
                Opened::Whole(reply) if self.is_worth_another(&reply) => {
                    self.inner.open(self.by.authorize(request).await?, framing).await
                }
                opened => Ok(opened),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::wire::message::{Headers, KeyHeader};
    use crate::wire::secret::Secret;

    /// Hands out the tokens `t0`, `t1`, ...: the next one once a server did not believe it.
    #[derive(Debug)]
    struct Tokens {
        nth: AtomicUsize,
        most: usize,
    }

    impl Authorizer for Tokens {
        fn authorize(&self, mut request: WireRequest) -> Pending<'_, Result<WireRequest, Failure>> {
            let token = format!("t{}", self.nth.load(Ordering::Relaxed));
            request.key = Some(KeyHeader::bearer(&Secret::new(&token)));
            Box::pin(async move { Ok(request) })
        }

        fn disbelieved(&self) -> bool {
            self.nth.fetch_add(1, Ordering::Relaxed) < self.most
        }
    }

    /// Believes one token.
    #[derive(Debug, Default)]
    struct Server {
        believes: &'static str,
        seen: Mutex<Vec<String>>,
    }

    impl Transport for Server {
        fn send(&self, request: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
            let token = request.key.expect("a proof").key.expose().to_owned();
            let status = if token == self.believes { 200 } else { 401 };
            self.seen.lock().expect("whole").push(token);
            let reply = WireReply { status, headers: Headers::default(), body: "{}".into() };
            Box::pin(async move { Ok(reply) })
        }

        fn open(&self, request: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
            Box::pin(async move { self.send(request).await.map(Opened::Whole) })
        }
    }

    async fn status(believes: &'static str, most: usize) -> (u16, Vec<String>) {
        let server = Arc::new(Server { believes, seen: Mutex::default() });
        let tokens = Arc::new(Tokens { nth: AtomicUsize::new(0), most });
        let authorized = Authorized::new(Arc::clone(&server), tokens);
        let request = WireRequest::new("http://h".to_owned(), "{}");
        let status = authorized.send(request).await.expect("a reply").status;
        let seen = std::mem::take(&mut *server.seen.lock().expect("whole"));
        (status, seen)
    }

    #[tokio::test]
    async fn a_proof_that_is_not_believed_is_renewed_once() {
        assert_eq!(status("t0", 9).await, (200, vec!["t0".to_owned()]));
        assert_eq!(status("t1", 9).await, (200, vec!["t0".to_owned(), "t1".to_owned()]));
        assert_eq!(status("t7", 9).await, (401, vec!["t0".to_owned(), "t1".to_owned()]));
        assert_eq!(status("t1", 0).await, (401, vec!["t0".to_owned()]));
    }
}
