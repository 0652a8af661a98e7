//! A server that says what no HTTP library would: bytes on a socket, as a closure writes them.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::PATIENCE;

/// How a connection goes on when a handler has said its words.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It is closed in good order.
    Close,
    /// It is reset.
    Reset,
    /// It stays for the next request.
    Stay,
    /// It stays, and nothing more is said.
    Hang,
}

/// A request that is being answered.
pub(crate) struct Visit {
    stream: TcpStream,
    /// Its number, over all connections.
    pub(crate) nth: usize,
    pub(crate) head: String,
}

impl Visit {
    /// Sends these bytes; whether anybody still takes them.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends them again and again, until nobody takes them.
    pub(crate) fn say_for_ever(&mut self, bytes: impl AsRef<[u8]>) {
        while self.say(&bytes) {}
    }
}

type Handler = dyn Fn(&mut Visit) -> Then + Send + Sync;

/// A running server; dropping it ends it, and its connections end with their clients.
pub(crate) struct RawServer {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
}

impl RawServer {
    pub(crate) fn start(handler: impl Fn(&mut Visit) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (requests, stopped) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (count, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
        let handler: Arc<Handler> = Arc::new(handler);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (handler, count) = (Arc::clone(&handler), Arc::clone(&count));
                thread::spawn(move || converse(stream, &*handler, &count));
            }
        });
        Self { address, requests, stopped }
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

/// Errors end the connection: the client has gone.
fn converse(stream: TcpStream, handler: &Handler, count: &AtomicUsize) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PATIENCE)).ok()?;
    let mut visit = Visit { stream, nth: 0, head: String::new() };
    loop {
        visit.head = head(&mut visit.stream).ok()?;
        let length = header(&visit.head, "content-length").and_then(|length| length.parse().ok());
        // One byte stays unread: a connection that is closed above it is reset.
        let mut body = vec![0; length.unwrap_or(1_usize).saturating_sub(1)];
        visit.stream.read_exact(&mut body).ok()?;
        visit.nth = count.fetch_add(1, Ordering::Relaxed);
        let then = handler(&mut visit);
        if then == Then::Reset {
            return None;
        }
        visit.stream.read_exact(&mut [0]).ok()?;
        match then {
            Then::Stay => {}
            Then::Hang => drop(visit.stream.read(&mut [0])),
            Then::Close | Then::Reset => return None,
        }
    }
}

/// The head of a request.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A header of a request, by its lower-case name.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// A whole answer of JSON with this status line's end, more headers, and this body.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A `chat.completion` that says this.
pub(crate) fn completion(text: &str) -> Value {
    json!({"id": "x", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
}

/// The head of a stream of server-sent events, in chunks.
pub(crate) const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
     transfer-encoding: chunked\r\n\r\n";

/// The head of an answer of JSON, in chunks.
pub(crate) const CHUNKS: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
     transfer-encoding: chunked\r\n\r\n";

/// One chunk.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// One event of a stream of chat completions, in a chunk.
pub(crate) fn delta(text: &str) -> Vec<u8> {
    let event = json!({"id": "x", "model": "m",
        "choices": [{"index": 0, "delta": {"content": text}}]});
    chunk(format!("data: {event}\n\n"))
}
