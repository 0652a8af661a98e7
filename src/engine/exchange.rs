//! One call on the wire: a whole reply decoded, or a stream folded into the same answer.

use std::borrow::Cow;

use tokio::time::Instant;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::json::Json;
use crate::call::moment::Moment;
use crate::call::response::Response;
use crate::engine::lane::Lane;
use crate::pace::headroom::Headroom;
use crate::provider::draft::Draft;
use crate::provider::{Dialect, Flow, Rejected, sound};
use crate::wire::message::{Headers, WireReply, WireRequest};
use crate::wire::secret::Redactor;
use crate::wire::transport::{Frames, Opened, Stream};

/// What came of a call.
pub(super) struct Exchange {
    /// The answer, or why there is none.
    pub(super) outcome: Result<Response, Rejected>,
    /// The provider's name for the call.
    pub(super) request_id: Option<String>,
    /// When the first token of a stream came.
    pub(super) first_token: Option<Instant>,
    /// What the provider's headers say is left.
    pub(super) headroom: Headroom,
}

/// Sends a request and takes its answer.
pub(super) async fn make(
    lane: &Lane,
    dialect: &'static dyn Dialect,
    wire: WireRequest,
    streamed: bool,
) -> Exchange {
    if !streamed {
        return match lane.transport.send(wire).await {
            Ok(reply) => whole(dialect, reply),
            Err(failure) => Exchange::failed(failure.into()),
        };
    }
    match lane.transport.open(wire, dialect.framing()).await {
        Ok(Opened::Whole(reply)) => whole(dialect, reply),
        // Most calls are none, and need not carry the room for one.
        Ok(Opened::Stream(stream)) => Box::pin(follow(dialect, stream)).await,
        Err(failure) => Exchange::failed(failure.into()),
    }
}

impl Exchange {
    pub(super) fn failed(rejected: Rejected) -> Self {
        let headroom = Headroom::default();
        Self { outcome: Err(rejected), request_id: None, first_token: None, headroom }
    }
}

fn whole(dialect: &dyn Dialect, reply: WireReply) -> Exchange {
    let request_id = request_id(&reply.headers);
    let headroom = dialect.headroom(&reply.headers, Moment::now());
    Exchange { outcome: decode(dialect, reply), request_id, first_token: None, headroom }
}

/// The answer in a reply, or why there is none.
pub fn decode(dialect: &dyn Dialect, reply: WireReply) -> Result<Response, Rejected> {
    dialect.decode(&sound::reply(reply)?)
}

async fn follow(dialect: &'static dyn Dialect, stream: Stream) -> Exchange {
    let request_id = request_id(&stream.headers);
    let headroom = dialect.headroom(&stream.headers, Moment::now());
    let mut following = Following::new(dialect, stream);
    let mut first_token = None;
    let outcome = loop {
        let step = following.next().await;
        if following.has_begun {
            first_token.get_or_insert_with(Instant::now);
        }
        if let Step::Ended(outcome) = step {
            break outcome;
        }
    };
    Exchange { outcome, request_id, first_token, headroom }
}

/// A stream that is being folded into an answer.
pub struct Following {
    dialect: &'static dyn Dialect,
    frames: Box<dyn Frames>,
    draft: Draft,
    /// Whether any token has come.
    has_begun: bool,
    /// Whether what comes is a page: a proxy's or a login's, and no stream at all.
    is_page: bool,
    /// Knows the keys that no answer may show.
    redactor: Redactor,
    /// The end of the text so far, which may be the beginning of a key.
    held: String,
    /// How the stream ended, while the rest of its text is told.
    ended: Option<Result<Response, Rejected>>,
}

/// What one frame did.
pub enum Step {
    /// There is more of the first choice's text, or none yet.
    Text(String),
    /// The stream has ended.
    Ended(Result<Response, Rejected>),
}

impl Following {
    /// Begins to follow a stream.
    pub fn new(dialect: &'static dyn Dialect, stream: Stream) -> Self {
        let kind = stream.headers.get("content-type").unwrap_or_default();
        let is_page = kind.starts_with("text/html");
        Self {
            dialect,
            frames: stream.frames,
            draft: Draft::default(),
            has_begun: false,
            is_page,
            redactor: stream.redactor,
            held: String::new(),
            ended: None,
        }
    }

    /// Takes the next frame. After the end there is nothing more to take. No text holds a key,
    /// wherever it was split.
    pub async fn next(&mut self) -> Step {
        if let Some(outcome) = self.ended.take() {
            return Step::Ended(outcome);
        }
        match self.step().await {
            Step::Text(text) => Step::Text(self.told(&text)),
            Step::Ended(outcome) => {
                let outcome = self.cleaned(outcome);
                if self.held.is_empty() {
                    return Step::Ended(outcome);
                }
                self.ended = Some(outcome);
                Step::Text(std::mem::take(&mut self.held))
            }
        }
    }

    /// The text that can be told now: what may be the beginning of a key waits for what follows.
    fn told(&mut self, fresh: &str) -> String {
        self.held.push_str(fresh);
        let mut text = self.redactor.clean_text(&self.held).into_owned();
        self.held = text.split_off(text.len() - self.redactor.unfinished(&text));
        text
    }

    /// The outcome without any key, also one that came in pieces.
    fn cleaned(&self, outcome: Result<Response, Rejected>) -> Result<Response, Rejected> {
        match outcome {
            Ok(response) => Ok(self.clean(response)?),
            Err(Rejected { failure, response }) => {
                let clean = |response: Box<Response>| self.clean(*response).ok().map(Box::new);
                Err(Rejected { failure, response: response.and_then(clean) })
            }
        }
    }

    fn clean(&self, response: Response) -> Result<Response, Failure> {
        let Cow::Owned(clean) = self.redactor.clean_text(response.body.get()) else {
            return Ok(response);
        };
        // Only a secret that looks like JSON itself can leave something else behind.
        let body = Json::read(clean).map_err(|_| {
            let message = "the answer holds a key, and cannot be read without it";
            Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::GiveUp)
        })?;
        Ok(Response { body, ..response })
    }

    async fn step(&mut self) -> Step {
        let frame = match self.frames.next().await {
            // Some hosts close the stream without a last word.
            None if self.draft.is_finished() => return Step::Ended(self.take().response()),
            None if self.is_page && !self.has_begun => return Step::Ended(Err(no_stream())),
            None => return Step::Ended(Err(self.take().cut_off())),
            Some(Err(failure)) => return Step::Ended(Err(self.take().broken(failure))),
            Some(Ok(frame)) => frame,
        };
        let frame = sound::frame(frame);
        let flow = frame.and_then(|frame| self.dialect.fold(&mut self.draft, &frame));
        self.has_begun |= self.draft.has_begun();
        match flow {
            Ok(Flow::More) => Step::Text(self.draft.take_fresh()),
            Ok(Flow::End) => Step::Ended(self.take().response()),
            Err(_) if self.is_page && !self.has_begun => Step::Ended(Err(no_stream())),
            Err(failure) => Step::Ended(Err(self.take().broken(failure))),
        }
    }

    fn take(&mut self) -> Draft {
        std::mem::take(&mut self.draft)
    }
}

/// What a page in place of a stream is.
fn no_stream() -> Rejected {
    let message = "the answer is not a stream but an HTML page; check base_url";
    let failure = Failure::new(FailureKind::ApiResponseValidation, message);
    failure.with_remedy(Remedy::Retry).into()
}

fn request_id(headers: &Headers) -> Option<String> {
    let names = ["x-request-id", "request-id", "x-amzn-requestid"];
    names.iter().find_map(|name| headers.get(name)).map(str::to_owned)
}
