//! One call on the wire: a whole reply decoded, or a stream folded into the same answer.

use tokio::time::Instant;

use crate::call::response::Response;
use crate::engine::lane::Lane;
use crate::provider::draft::Draft;
use crate::provider::{Dialect, Flow, Rejected};
use crate::wire::message::{Headers, WireReply, WireRequest};
use crate::wire::transport::{Opened, Stream};

/// What came of a call.
pub(super) struct Exchange {
    /// The answer, or why there is none.
    pub(super) outcome: Result<Response, Rejected>,
    /// The provider's name for the call.
    pub(super) request_id: Option<String>,
    /// When the first token of a stream came.
    pub(super) first_token: Option<Instant>,
}

/// Sends a request and takes its answer.
pub(super) async fn make(lane: &Lane, wire: WireRequest, streamed: bool) -> Exchange {
    let dialect = lane.dialect;
    if !streamed {
        return match lane.transport.send(wire).await {
            Ok(reply) => whole(dialect, &reply),
            Err(failure) => Exchange::failed(failure.into()),
        };
    }
    match lane.transport.open(wire, dialect.framing()).await {
        Ok(Opened::Whole(reply)) => whole(dialect, &reply),
        Ok(Opened::Stream(stream)) => follow(dialect, stream).await,
        Err(failure) => Exchange::failed(failure.into()),
    }
}

impl Exchange {
    fn failed(rejected: Rejected) -> Self {
        Self { outcome: Err(rejected), request_id: None, first_token: None }
    }
}

fn whole(dialect: &dyn Dialect, reply: &WireReply) -> Exchange {
    Exchange {
        outcome: dialect.decode(reply),
        request_id: request_id(&reply.headers),
        first_token: None,
    }
}

async fn follow(dialect: &dyn Dialect, mut stream: Stream) -> Exchange {
    let mut draft = Draft::default();
    let mut first_token = None;
    let outcome = loop {
        let frame = match stream.frames.next().await {
            // Some hosts close the stream without a last word.
            None if draft.is_finished() => break draft.response(),
            None => break Err(draft.cut_off()),
            Some(Err(failure)) => break Err(draft.broken(failure)),
            Some(Ok(frame)) => frame,
        };
        let flow = dialect.fold(&mut draft, &frame);
        if draft.has_begun() {
            first_token.get_or_insert_with(Instant::now);
        }
        match flow {
            Ok(Flow::More) => {}
            Ok(Flow::End) => break draft.response(),
            Err(failure) => break Err(draft.broken(failure)),
        }
    };
    Exchange { outcome, request_id: request_id(&stream.headers), first_token }
}

fn request_id(headers: &Headers) -> Option<String> {
    headers.get("x-request-id").or_else(|| headers.get("request-id")).map(str::to_owned)
}
