//! A server on a real socket, in a thread of its own, that answers as a closure says and counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Bodies beyond this many are not kept.
const KEPT_BODIES: usize = 1_000;

/// One request, as a handler sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// What stands behind the `?`; empty where there is none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    /// The body; null where it is no JSON.
    pub(crate) body: Value,
    /// The last message of the user; its text parts joined by newlines.
    pub(crate) text: String,
    /// How many times this text was seen before.
    pub(crate) n_of_this_text: usize,
    pub(crate) at: Instant,
}

/// What a handler wants done.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Json(u16, Headers, Value),
    Raw(u16, Headers, Vec<u8>),
    /// The connection is reset without an answer.
    Reset,
    /// No answer until the client goes.
    Hang,
    /// Status 200 and the length of the whole, but only half of it.
    Truncate(Value),
    /// The same, but the connection stays, and nothing more comes.
    Stall(Value),
    /// Later.
    After(Duration, Box<Reply>),
}

pub(crate) type Headers = Vec<(&'static str, String)>;

impl Reply {
    /// Status 200 with this JSON.
    pub(crate) fn ok(body: Value) -> Self {
        Self::Json(200, Vec::new(), body)
    }

    /// The same, later.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self::After(wait, Box::new(self))
    }
}

type Handler = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A running server; dropping it ends it.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    handler: Handler,
    start: Instant,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    texts: HashMap<String, usize>,
    statuses: BTreeMap<u16, usize>,
    arrivals: Vec<Duration>,
    authorizations: BTreeSet<String>,
    bodies: Vec<Value>,
    in_flight: usize,
    max_in_flight: usize,
}

impl Server {
    /// Starts on a free port of loopback.
    pub(crate) fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let address = listener.local_addr().expect("an address");
        let handler = Box::new(handler);
        let shared = Arc::new(Shared { handler, start: Instant::now(), counts: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = listen(listener, theirs) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.counts().arrivals.len()
    }

    /// How many requests came with each text.
    pub(crate) fn texts(&self) -> HashMap<String, usize> {
        self.counts().texts.clone()
    }

    /// How many answers went out with each status; 0 stands for no answer at all.
    pub(crate) fn statuses(&self) -> BTreeMap<u16, usize> {
        self.counts().statuses.clone()
    }

    /// How many answers went out with this status.
    pub(crate) fn status(&self, status: u16) -> usize {
        self.counts().statuses.get(&status).copied().unwrap_or(0)
    }

    /// When each request came, since the start.
    pub(crate) fn arrivals(&self) -> Vec<Duration> {
        self.counts().arrivals.clone()
    }

    /// From the first request to the last.
    pub(crate) fn span(&self) -> Duration {
        let arrivals = self.arrivals();
        let first = arrivals.first().copied().unwrap_or_default();
        arrivals.last().map_or(Duration::ZERO, |last| last.saturating_sub(first))
    }

    /// The most requests that came within any window of this length.
    pub(crate) fn most_within(&self, window: Duration) -> usize {
        let arrivals = self.arrivals();
        let mut from = 0;
        let counts = arrivals.iter().enumerate().map(|(to, at)| {
            while at.saturating_sub(arrivals[from]) >= window {
                from += 1;
            }
            to + 1 - from
        });
        counts.max().unwrap_or(0)
    }

    /// The most requests that were being answered at a time.
    pub(crate) fn max_in_flight(&self) -> usize {
        self.counts().max_in_flight
    }

    /// How many requests are being answered now.
    pub(crate) fn in_flight(&self) -> usize {
        self.counts().in_flight
    }

    /// Every `authorization` header that was seen.
    pub(crate) fn authorizations(&self) -> BTreeSet<String> {
        self.counts().authorizations.clone()
    }

    /// The first thousand bodies, in order of arrival.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.counts().bodies.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.shared.counts()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(thread::JoinHandle::join);
        if let Some(Err(_)) = ended
            && !thread::panicking()
        {
            panic!("the server of the test panicked");
        }
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("nobody panics while counting")
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Wire, Cut> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let mut seen = Seen {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            text: last_user_text(&body),
            body,
            n_of_this_text: 0,
            at: Instant::now(),
        };
        self.count(&mut seen);
        let visit = Visit(Arc::clone(&self));
        let mut reply = (self.handler)(&seen);
        while let Reply::After(wait, then) = reply {
            sleep(wait).await;
            reply = *then;
        }
        *self.counts().statuses.entry(status(&reply)).or_default() += 1;
        if let Reply::Hang = reply {
            match pending::<Infallible>().await {}
        }
        drop(visit);
        wire(reply)
    }

    fn count(&self, seen: &mut Seen) {
        let mut counts = self.counts();
        if let Some(count) = counts.texts.get_mut(&seen.text) {
            seen.n_of_this_text = *count;
            *count += 1;
        } else {
            counts.texts.insert(seen.text.clone(), 1);
        }
        counts.arrivals.push(seen.at - self.start);
        if let Some(authorization) = seen.headers.get(AUTHORIZATION) {
            let text = String::from_utf8_lossy(authorization.as_bytes());
            if !counts.authorizations.contains(&*text) {
                counts.authorizations.insert(text.into_owned());
            }
        }
        if counts.bodies.len() < KEPT_BODIES {
            counts.bodies.push(seen.body.clone());
        }
        counts.in_flight += 1;
        counts.max_in_flight = counts.max_in_flight.max(counts.in_flight);
    }
}

/// A request that is being answered.
struct Visit(Arc<Shared>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.counts().in_flight -= 1;
    }
}

fn last_user_text(body: &Value) -> String {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let Some(message) = messages.iter().rfind(|message| message["role"] == "user") else {
        return String::new();
    };
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

type Wire = Response<Either<Full<Bytes>, StreamBody<BoxStream<'static, Part>>>>;
type Part = Result<Frame<Bytes>, Cut>;

/// The connection is given up.
#[derive(Debug, thiserror::Error)]
#[error("the connection is given up")]
struct Cut;

fn status(reply: &Reply) -> u16 {
    match reply {
        Reply::Json(status, ..) | Reply::Raw(status, ..) => *status,
        Reply::Truncate(_) | Reply::Stall(_) => 200,
        Reply::Reset | Reply::Hang => 0,
        Reply::After(_, then) => status(then),
    }
}

fn wire(reply: Reply) -> Result<Wire, Cut> {
    match reply {
        Reply::Json(status, headers, body) => {
            let mut wire = whole(status, body.to_string().into_bytes());
            wire.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(with_headers(wire, headers))
        }
        Reply::Raw(status, headers, body) => Ok(with_headers(whole(status, body), headers)),
        Reply::Truncate(body) => {
            let cut = stream::once(async {
                // hyper sends what it has when a body has nothing ready, and drops it when a body
                // fails.
                tokio::task::yield_now().await;
                Err(Cut)
            });
            Ok(half(body.to_string().into_bytes(), cut.boxed()))
        }
        Reply::Stall(body) => Ok(half(body.to_string().into_bytes(), stream::pending().boxed())),
        Reply::Reset | Reply::Hang | Reply::After(..) => Err(Cut),
    }
}

fn whole(status: u16, body: Vec<u8>) -> Wire {
    let mut wire = Response::new(Either::Left(Full::new(body.into())));
    *wire.status_mut() = StatusCode::from_u16(status).expect("a status");
    wire
}

fn with_headers(mut wire: Wire, headers: Headers) -> Wire {
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).expect("a header");
        wire.headers_mut().insert(HeaderName::from_static(name), value);
    }
    wire
}

/// Half of a body, and then this in place of the other half.
fn half(mut body: Vec<u8>, then: BoxStream<'static, Part>) -> Wire {
    let promised = body.len();
    body.truncate(promised / 2);
    let sent = stream::iter([Ok(Frame::data(Bytes::from(body)))]);
    let mut wire = Response::new(Either::Right(StreamBody::new(sent.chain(then).boxed())));
    wire.headers_mut().insert(CONTENT_LENGTH, promised.into());
    wire.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    wire
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(converse(stream, Arc::clone(&shared)));
            }
            // A handler that panics fails the test, not only its connection.
            Some(ended) = connections.join_next() => ended.expect("a connection does not panic"),
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).expect("a socket without delay");
    let service = service_fn(move |request| Arc::clone(&shared).serve(request));
    let io = TokioIo::new(stream);
    let mut connection = http1::Builder::new().pipeline_flush(true).serve_connection(io, service);
    if let Err(error) = (&mut connection).await
        && error.is_user()
        && error.source().is_some_and(<dyn Error>::is::<Cut>)
    {
        // With no time to linger, closing sends a reset instead of an orderly end.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}
