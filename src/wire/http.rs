//! [`Transport`] over reqwest: HTTP/1.1 with keep-alive, rustls, no redirects, no retries of its
//! own.
//!
//! HTTP/1.1, because providers cap the streams of an HTTP/2 connection, and calls above that cap
//! would wait in silence. No redirects, because a key must not travel to another host. The
//! system's roots are read when the first `https` call is made, not before: it takes 10 ms.

mod headers;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderMap;
use reqwest::{Client, ClientBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::causes::{innermost, is_tls};
use crate::wire::frames::{Cutter, Frame, FrameError, Framing};
use crate::wire::message::{Headers, Method, Timeouts, WireReply, WireRequest};
use crate::wire::secret::Redactor;
use crate::wire::transport::{Frames, Opened, Pending, Stream, Transport};

/// The largest body that is taken; the longest answers of today's models are a hundredth of it.
const MAX_RESPONSE_BYTES: usize = 64 * 1024 * 1024;

/// How the runner names itself to servers.
const USER_AGENT: &str = concat!("runner/", env!("CARGO_PKG_VERSION"));

/// Calls over sockets.
#[derive(Debug)]
pub struct Http {
    timeouts: Timeouts,
    redactor: Redactor,
    /// For servers on this machine and its metadata service, which no proxy can reach.
    local: Client,
    plain: Client,
    secure: OnceLock<Result<Client, String>>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
#[error("set up HTTP: {0}")]
pub struct HttpError(String);

impl Http {
    /// A transport with these timeouts. No reply that it gives holds a key of `redactor`.
    pub fn new(timeouts: Timeouts, redactor: Redactor) -> Result<Self, HttpError> {
        let without_roots = tls(|config| Ok(config.with_root_certificates(RootCertStore::empty())))
            .map_err(HttpError)?;
        let make = |builder| client(builder, &timeouts, without_roots.clone()).map_err(HttpError);
        let local = make(Client::builder().no_proxy())?;
        let plain = make(Client::builder())?;
        Ok(Self { timeouts, redactor, local, plain, secure: OnceLock::new() })
    }

    pub(super) fn client_for(&self, url: &str) -> Result<&Client, Failure> {
        if let Some(rest) = url.strip_prefix("http://") {
            return Ok(if is_loopback(rest) { &self.local } else { &self.plain });
        }
        let made = self.secure.get_or_init(|| {
            let with_roots =
                tls(|config| config.with_platform_verifier().map_err(|why| why.to_string()));
            with_roots.and_then(|tls| client(Client::builder(), &self.timeouts, tls))
        });
        made.as_ref().map_err(|why| {
            Failure::new(FailureKind::ApiConnection, format!("TLS cannot be set up: {why}"))
                .with_remedy(Remedy::GiveUp)
        })
    }

    async fn exchange(&self, request: WireRequest) -> Result<WireReply, Failure> {
        let response = self.respond(request).await?;
        self.whole(response).await
    }

    /// Sends a request and waits for the head of the answer.
    async fn respond(&self, request: WireRequest) -> Result<Response, Failure> {
        let client = self.client_for(&request.url)?;
        let headers = headers::of(&request)?;
        let sending = match request.method {
            Method::Get => client.get(&request.url),
            Method::Post => client.post(&request.url).body(request.body),
        };
        let first_byte = self.timeouts.first_byte;
        match within(first_byte, sending.headers(headers).send()).await {
            Ok(answered) => answered.map_err(|why| self.not_sent(&why)),
            Err(limit) => Err(too_late("the first byte", "first_byte_timeout", limit)),
        }
    }

    async fn whole(&self, response: Response) -> Result<WireReply, Failure> {
        let status = response.status().as_u16();
        let headers = self.kept(response.headers());
        let body = self.body(response).await?;
        Ok(WireReply { status, headers, body })
    }

    async fn body(&self, mut response: Response) -> Result<Bytes, Failure> {
        let mut first = Bytes::new();
        let mut whole = BytesMut::new();
        loop {
            let piece = match within(self.timeouts.idle, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => break,
                Ok(Err(why)) => return Err(cut_off(&self.redactor, &why)),
                Err(limit) => return Err(too_late("the next piece", "idle_timeout", limit)),
            };
            if first.len() + whole.len() + piece.len() > MAX_RESPONSE_BYTES {
                return Err(too_large());
            }
            // Most replies are one piece, which then needs no copy.
            if first.is_empty() && whole.is_empty() {
                first = piece;
            } else {
                if whole.is_empty() {
                    whole.extend_from_slice(&first);
                    first = Bytes::new();
                }
                whole.extend_from_slice(&piece);
            }
        }
        let body = if whole.is_empty() { first } else { whole.freeze() };
        Ok(self.redactor.clean_bytes(body))
    }

    fn kept(&self, all: &HeaderMap) -> Headers {
        let mut kept = Headers::default();
        for (name, value) in all {
            let name = name.as_str();
            if !headers::is_of_interest(name) {
                continue;
            }
            if let Ok(value) = value.to_str() {
                kept.push(name, &self.redactor.clean_text(value));
            }
        }
        kept
    }

    fn not_sent(&self, why: &reqwest::Error) -> Failure {
        let cause = self.redactor.clean_text(&innermost(why)).into_owned();
        if why.is_connect() && (why.is_timeout() || cause.contains("timed out")) {
            return too_late("a connection", "connect_timeout", self.timeouts.connect).unsent();
        }
        if why.is_builder() {
            return Failure::new(
                FailureKind::BadRequest,
                format!("the request cannot be made: {cause}"),
            );
        }
        let message = match why.is_connect() {
            true => format!("no connection could be made: {cause}"),
            false => format!("the connection broke before an answer came: {cause}"),
        };
        let failure = Failure::new(FailureKind::ApiConnection, message);
        let failure = if why.is_connect() { failure.unsent() } else { failure };
        // A certificate does not get better by asking again.
        match is_tls(why) {
            true => failure.with_remedy(Remedy::GiveUp),
            false => failure,
        }
    }
}

impl Transport for Http {
    fn send(&self, request: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async move {
            let total = self.timeouts.total;
            match timeout(total, self.exchange(request)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(too_late("the whole answer", "timeout", total)),
            }
        })
    }

    fn open(&self, request: WireRequest, framing: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async move {
            let total = self.timeouts.total;
            let end = Instant::now() + total;
            let opening = async {
                let response = self.respond(request).await?;
                if !is_stream(&response) {
                    return self.whole(response).await.map(Opened::Whole);
                }
                let headers = self.kept(response.headers());
                let frames = HttpFrames {
                    response,
                    cutter: Some(Cutter::new(framing)),
                    redactor: self.redactor.clone(),
                    idle: self.timeouts.idle.unwrap_or(total),
                    total,
                    end,
                };
                Ok(Opened::Stream(Stream { headers, frames: Box::new(frames) }))
            };
            match timeout_at(end, opening).await {
                Ok(outcome) => outcome,
                Err(_) => Err(too_late("the whole answer", "timeout", total)),
            }
        })
    }
}

/// Whether the answer is a stream: a host that does not know how sends plain JSON, and an error is
/// never one.
fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(reqwest::header::CONTENT_TYPE);
    let is_json = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    response.status().is_success() && !is_json
}

/// The frames of an HTTP answer.
struct HttpFrames {
    response: Response,
    /// `None` when the stream has ended.
    cutter: Option<Cutter>,
    redactor: Redactor,
    idle: Duration,
    total: Duration,
    end: Instant,
}

impl HttpFrames {
    async fn frame(&mut self) -> Option<Result<Frame, Failure>> {
        loop {
            let cutter = self.cutter.as_mut()?;
            match cutter.frame() {
                Ok(Some(frame)) => return Some(Ok(self.clean(frame))),
                Ok(None) => {}
                Err(why) => return Some(Err(self.unreadable(why))),
            }
            match self.piece().await {
                Ok(Some(piece)) => self.cutter.as_mut()?.push(&piece),
                Ok(None) => {
                    let rest = self.cutter.take()?.rest();
                    return rest
                        .map(|frame| frame.map(|frame| self.clean(frame)))
                        .map_err(|why| self.unreadable(why))
                        .transpose();
                }
                Err(failure) => {
                    self.cutter = None;
                    return Some(Err(failure));
                }
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        let until = self.end.min(Instant::now() + self.idle);
        match timeout_at(until, self.response.chunk()).await {
            Ok(Ok(piece)) => Ok(piece),
            Ok(Err(why)) => Err(cut_off(&self.redactor, &why)),
            Err(_) if until == self.end => Err(too_late("the whole answer", "timeout", self.total)),
            Err(_) => Err(too_late("the next piece", "idle_timeout", self.idle)),
        }
    }

    fn clean(&self, frame: Frame) -> Frame {
        let data = self.redactor.clean_text(&frame.data).into_owned();
        Frame { data, event: frame.event }
    }

    fn unreadable(&mut self, why: FrameError) -> Failure {
        self.cutter = None;
        let failure = Failure::new(FailureKind::ApiResponseValidation, why.to_string());
        match why {
            // What came broken on the way is like what was cut off on it.
            FrameError::Damaged => failure.with_remedy(Remedy::Retry),
            FrameError::TooLong | FrameError::NotText => failure,
        }
    }
}

impl Frames for HttpFrames {
    fn next(&mut self) -> Pending<'_, Option<Result<Frame, Failure>>> {
        Box::pin(self.frame())
    }
}

/// A TLS configuration with ring's cryptography and the roots that `with_roots` gives it.
fn tls(
    with_roots: impl FnOnce(
        rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>,
    ) -> Result<
        rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
        String,
    >,
) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?;
    Ok(with_roots(versions)?.with_no_client_auth())
}

fn client(
    builder: ClientBuilder,
    timeouts: &Timeouts,
    tls: ClientConfig,
) -> Result<Client, String> {
    builder
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(timeouts.connect)
        .user_agent(USER_AGENT)
        .build()
        .map_err(|why| innermost(&why))
}

/// Whether a URL, given without its scheme, leads to this machine, or to the service beside it that
/// tells it who it is. The built-in provider must work where `HTTP_PROXY` is set and `NO_PROXY` is
/// not; Go's `net/http` makes the same exception.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(v6) = authority.strip_prefix('[') {
        return v6.split(']').next() == Some("::1");
    }
    let host = authority.split(':').next().unwrap_or_default();
    let is_near = |address: std::net::Ipv4Addr| address.is_loopback() || address.is_link_local();
    let names = ["localhost", "metadata.google.internal"];
    names.iter().any(|name| host.eq_ignore_ascii_case(name)) || host.parse().is_ok_and(is_near)
}

/// Waits no longer than the limit, where there is one; `Err` is the limit that was passed.
async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, Duration> {
    match limit {
        None => Ok(work.await),
        Some(limit) => timeout(limit, work).await.map_err(|_| limit),
    }
}

fn too_late(what: &str, key: &str, limit: Duration) -> Failure {
    let message = format!("{what} did not come within {limit:?} (`limits.{key}`)");
    Failure::new(FailureKind::Timeout, message)
}

fn cut_off(redactor: &Redactor, why: &reqwest::Error) -> Failure {
    let cause = innermost(why);
    let message = format!("the answer was cut off: {}", redactor.clean_text(&cause));
    Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::Retry)
}

fn too_large() -> Failure {
    let limit = MAX_RESPONSE_BYTES / (1024 * 1024);
    let message = format!("the answer is longer than {limit} MiB");
    Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::GiveUp)
}
