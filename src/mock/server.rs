//! The server: the desk behind a socket on loopback.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::mock::answers::{Answers, AnswersError};
use crate::mock::desk::Desk;
use crate::mock::reply::Cut;
use crate::mock::script::Script;
use crate::mock::stats::Stats;

/// A pause after the system had no socket to give, so that others can be closed.
const BREATH: Duration = Duration::from_millis(20);

/// Why the built-in provider cannot start.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The prepared answers cannot be used.
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// The port cannot be had.
    #[error("listen on 127.0.0.1:{port}: {source}\nhelp: {}", advice(*port))]
    Listen {
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
}

fn advice(port: u16) -> &'static str {
    if port == 0 {
        "the built-in provider needs a free port on loopback"
    } else {
        "stop what listens there, or choose another port; port 0 takes any that is free"
    }
}

/// A built-in provider that is running; dropping it ends it with all its connections.
#[derive(Debug)]
pub struct Mock {
    address: SocketAddr,
    desk: Arc<Desk>,
    // Its one task owns the listener and, in a set of its own, the connections.
    listening: JoinSet<()>,
}

impl Mock {
    /// Starts answering on this port of loopback; 0 takes any that is free. Must be called within
    /// a tokio runtime, which then does the work.
    pub async fn start(script: Script, port: u16) -> Result<Self, MockError> {
        let answers = script.answers.as_deref().map_or(Ok(Answers::default()), Answers::load)?;
        let not_had = |source| MockError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(not_had)?;
        let address = listener.local_addr().map_err(not_had)?;
        let desk = Arc::new(Desk::new(script, answers));
        let mut listening = JoinSet::new();
        listening.spawn(listen(listener, Arc::clone(&desk)));
        Ok(Self { address, desk, listening })
    }

    /// Where it answers: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The port it answers on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.desk.stats()
    }

    /// Answers until `shutdown` is done, then drops all connections and tells what happened.
    pub async fn run_until(mut self, shutdown: impl Future) -> Stats {
        tokio::select! {
            _ = shutdown => {}
            _ = self.listening.join_next() => {}
        }
        self.stats()
    }
}

/// Accepts connections for ever.
async fn listen(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(converse(stream, Arc::clone(&desk)))),
                Err(error) => {
                    tracing::warn!(%error, "the built-in provider cannot accept a connection");
                    sleep(BREATH).await;
                }
            },
            Some(ended) = connections.join_next() => if let Err(error) = ended {
                tracing::error!(%error, "the built-in provider failed a connection");
            },
        }
    }
}

/// Answers one connection's requests until either side has enough.
async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    // Without it, the kernel may hold back the end of an answer for 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| Arc::clone(&desk).serve(request));
    let io = TokioIo::new(stream);
    let mut connection = http1::Builder::new().pipeline_flush(true).serve_connection(io, service);
    if let Err(error) = (&mut connection).await
        && is_reset(&error)
    {
        // With no time to linger, closing sends a reset instead of an orderly end.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    error.source().and_then(<dyn Error>::downcast_ref) == Some(&Cut::Reset)
}
