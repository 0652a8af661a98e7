//! [`Transport`] over sockets: HTTP/1.1 with keep-alive, rustls, no redirects, no retries of its
//! own. Where a proxy stands between, reqwest carries the call; where none does, hyper straight.
//!
//! HTTP/1.1, because providers cap the streams of an HTTP/2 connection, and calls above that cap
//! would wait in silence. No redirects, because a key must not travel to another host. The
//! system's roots are read when the first `https` call is made, not before: it takes 10 ms.

mod answer;
mod body;
mod direct;
mod headers;
mod proxied;
mod silent;
mod tls;

use std::error::Error;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use reqwest::Client;
use tokio::time::{Instant, timeout, timeout_at};

use self::answer::Answer;
use self::body::Allowed;
use self::direct::Direct;
use self::proxied::Proxied;
use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::causes::{innermost, is_late, is_no_http, is_tls};
use crate::wire::frames::{Cutter, Frame, FrameError, Framing};
use crate::wire::message::{Headers, Method, Timeouts, WireReply, WireRequest};
use crate::wire::secret::Redactor;
use crate::wire::transport::{Frames, Opened, Pending, Stream, Transport};

/// The longest answer that is taken where nobody says otherwise: those of today's models are a
/// hundredth of it.
pub const MAX_RESPONSE_BYTES: u64 = 64 << 20;

/// What is kept of a header's value, in bytes of ASCII: request ids and counts are far shorter, and
/// are written with every record.
const LONGEST_HEADER: usize = 512;

/// How the runner names itself to servers.
const USER_AGENT: &str = concat!("runner/", env!("CARGO_PKG_VERSION"));

/// Calls over sockets.
#[derive(Debug)]
pub struct Http {
    timeouts: Timeouts,
    max_response_bytes: u64,
    redactor: Redactor,
    direct: Direct,
    proxied: Proxied,
}

impl Http {
    /// A transport with these timeouts. No reply that it gives holds a key of `redactor`.
    pub fn new(timeouts: Timeouts, redactor: Redactor) -> Self {
        let (direct, proxied) = (Direct::new(timeouts.connect), Proxied::new(timeouts.connect));
        Self { timeouts, max_response_bytes: MAX_RESPONSE_BYTES, redactor, direct, proxied }
    }

    /// The same with another bound for the length of one answer, whole or streamed.
    pub fn taking_at_most(self, max_response_bytes: u64) -> Self {
        Self { max_response_bytes, ..self }
    }

    /// The client of reqwest for this address.
    pub(super) fn client_for(&self, url: &str) -> Result<&Client, Failure> {
        self.proxied.client_for(url)
    }

    async fn exchange(
        &self,
        request: &mut WireRequest,
        end: Instant,
    ) -> Result<WireReply, Failure> {
        let mut response = self.respond(request).await?;
        self.whole(&mut response, end).await
    }

    /// Sends a request and waits for the head of the answer.
    async fn respond(&self, request: &mut WireRequest) -> Result<Answer, Failure> {
        let first_byte = self.timeouts.first_byte;
        let answer = match within(first_byte, pin!(self.begin(request))).await {
            Ok(answer) => answer?,
            Err(limit) => return Err(too_late("the first byte", "first_byte_timeout", limit)),
        };
        match body::fault(&answer, &self.redactor) {
            None => Ok(answer),
            Some(failure) => Err(failure),
        }
    }

    /// Takes the body along: nobody keeps it while the answer is awaited.
    async fn begin(&self, request: &mut WireRequest) -> Result<Answer, Failure> {
        let address = self.direct.address(&request.url).map_err(|why| unmakeable(&why))?;
        let headers = headers::of(request)?;
        let body = std::mem::take(&mut request.body);
        if address.is_proxied() {
            let client = self.client_for(&request.url)?;
            let sending = match request.method {
                Method::Get => client.get(&request.url),
                Method::Post => client.post(&request.url).body(body),
            };
            return match sending.headers(headers).send().await {
                Ok(answer) => Ok(Answer::Proxied(answer)),
                Err(why) if why.is_builder() => Err(unmakeable(&self.cause(&why))),
                Err(why) => Err(self.not_sent(&why, why.is_connect())),
            };
        }
        match self.direct.send(&address, request.method, headers, body)?.await {
            Ok(answer) => Ok(Answer::Direct(answer)),
            Err(why) => Err(self.not_sent(&why, why.is_connect())),
        }
    }

    async fn whole(&self, response: &mut Answer, end: Instant) -> Result<WireReply, Failure> {
        let status = response.status();
        let headers = self.kept(response.headers());
        let allowed = Allowed { most: self.max_response_bytes, idle: self.timeouts.idle };
        let body = match status.is_success() {
            true => body::answer(response, allowed, &self.redactor).await?,
            false => body::refusal(response, end).await,
        };
        let body = self.redactor.clean_bytes(body);
        Ok(WireReply { status: status.as_u16(), headers, body })
    }

    fn kept(&self, all: &HeaderMap) -> Headers {
        let mut kept = Headers::default();
        for (name, value) in all {
            let name = name.as_str();
            if !headers::is_of_interest(name) {
                continue;
            }
            if let Ok(value) = value.to_str() {
                let value = self.redactor.clean_text(value);
                kept.push(name, &value[..value.len().min(LONGEST_HEADER)]);
            }
        }
        kept
    }

    fn cause(&self, why: &dyn Error) -> String {
        self.redactor.clean_text(&innermost(why)).into_owned()
    }

    fn not_sent(&self, why: &(dyn Error + 'static), is_connect: bool) -> Failure {
        let cause = self.cause(why);
        if is_connect && is_late(why) {
            return too_late("a connection", "connect_timeout", self.timeouts.connect).unsent();
        }
        if is_no_http(why) {
            let message = format!("the head of the answer cannot be read: {cause}");
            return Failure::new(FailureKind::ApiResponseValidation, message);
        }
        let message = match is_connect {
            true => format!("no connection could be made: {cause}"),
            false => format!("the connection broke before an answer came: {cause}"),
        };
        let failure = Failure::new(FailureKind::ApiConnection, message);
        let failure = if is_connect { failure.unsent() } else { failure };
        // A certificate does not get better by asking again.
        match is_tls(why) {
            true => failure.with_remedy(Remedy::GiveUp),
            false => failure,
        }
    }
}

impl Transport for Http {
    fn send(&self, mut request: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async move {
            let total = self.timeouts.total;
            let end = Instant::now() + total;
            match timeout_at(end, self.exchange(&mut request, end)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(too_late("the whole answer", "timeout", total)),
            }
        })
    }

    fn open(
        &self,
        mut request: WireRequest,
        framing: Framing,
    ) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async move {
            let total = self.timeouts.total;
            let end = Instant::now() + total;
            let opening = async {
                let mut response = self.respond(&mut request).await?;
                if !is_stream(&response) {
                    return self.whole(&mut response, end).await.map(Opened::Whole);
                }
                let headers = self.kept(response.headers());
                let frames = HttpFrames {
                    response,
                    cutter: Some(Cutter::new(framing)),
                    redactor: self.redactor.clone(),
                    idle: self.timeouts.idle.unwrap_or(total),
                    total,
                    end,
                    taken: 0,
                    most: self.max_response_bytes,
                };
                let (frames, redactor) = (Box::new(frames), self.redactor.clone());
                Ok(Opened::Stream(Stream { headers, frames, redactor }))
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
fn is_stream(response: &Answer) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let is_json = kind
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    response.status().is_success() && !is_json
}

/// The frames of an HTTP answer.
struct HttpFrames {
    response: Answer,
    /// `None` when the stream has ended.
    cutter: Option<Cutter>,
    redactor: Redactor,
    idle: Duration,
    total: Duration,
    end: Instant,
    /// How many bytes have come, and how many may.
    taken: u64,
    most: u64,
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
        let now = Instant::now();
        let until = self.end.min(now + self.idle);
        // A piece that is there already is taken however late it is, so who never stops sending
        // is stopped here.
        let piece = match now < self.end {
            true => timeout_at(until, self.response.chunk()).await.ok(),
            false => None,
        };
        match piece {
            Some(Ok(piece)) => {
                self.taken += piece.as_ref().map_or(0, Bytes::len) as u64;
                let status = self.response.status().as_u16();
                match self.taken > self.most {
                    true => Err(body::too_large(status, self.most, None)),
                    false => Ok(piece),
                }
            }
            Some(Err(why)) => Err(cut_off(&self.redactor, &why)),
            None if until == self.end => Err(too_late("the whole answer", "timeout", self.total)),
            None => Err(too_late("the next piece", "idle_timeout", self.idle)),
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
            FrameError::TooLong => failure.with_remedy(Remedy::GiveUp),
            FrameError::NotText => failure,
        }
    }
}

impl Frames for HttpFrames {
    fn next(&mut self) -> Pending<'_, Option<Result<Frame, Failure>>> {
        Box::pin(self.frame())
    }
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
async fn within<T>(
    limit: Option<Duration>,
    work: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Duration> {
    match limit {
        None => Ok(work.await),
        Some(limit) => timeout(limit, work).await.map_err(|_| limit),
    }
}

fn too_late(what: &str, key: &str, limit: Duration) -> Failure {
    let message = format!("{what} did not come within {limit:?} (`limits.{key}`)");
    Failure::new(FailureKind::Timeout, message)
}

fn unmakeable(why: &str) -> Failure {
    Failure::new(FailureKind::BadRequest, format!("the request cannot be made: {why}"))
}

fn cut_off(redactor: &Redactor, why: &dyn Error) -> Failure {
    let cause = innermost(why);
    let message = format!("the answer was cut off: {}", redactor.clean_text(&cause));
    Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::Retry)
}
