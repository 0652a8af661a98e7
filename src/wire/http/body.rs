//! The body of an answer, which is never longer than it may be, and the head of one that cannot be
//! an answer.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::header::{CONTENT_ENCODING, HeaderName, LOCATION};
use tokio::time::{Instant, timeout_at};

use super::answer::Answer;
use super::{cut_off, too_late, within};
use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::secret::Redactor;

/// The most that is taken of the body of an error: some servers send the whole prompt back within
/// their message, and what is beyond it is none.
const MOST_OF_AN_ERROR: usize = 1 << 20;

/// How long the body of an error is waited for: its status says the most of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest address that is shown of a redirect.
const LONGEST_PLACE: usize = 200;

/// What an answer may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// The most bytes of it.
    pub(super) most: u64,
    /// How long nothing may come in the middle of it.
    pub(super) idle: Option<Duration>,
}

/// Pieces of a body. Most bodies are one piece, which then needs no copy.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        let first = std::mem::take(&mut self.first);
        self.joined.extend_from_slice(&first);
        self.joined.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// The whole body of an answer.
pub(super) async fn answer(
    response: &mut Answer,
    allowed: Allowed,
    redactor: &Redactor,
) -> Result<Bytes, Failure> {
    let status = response.status().as_u16();
    if response.content_length().is_some_and(|length| length > allowed.most) {
        return Err(too_large(status, allowed.most, response.content_length()));
    }
    let mut pieces = Pieces::default();
    loop {
        match within(allowed.idle, pin!(response.chunk())).await {
            Ok(Ok(None)) => return Ok(pieces.whole()),
            Ok(Ok(Some(piece))) => pieces.push(piece),
            Ok(Err(why)) => return Err(cut_off(redactor, &why)),
            Err(limit) => return Err(too_late("the next piece", "idle_timeout", limit)),
        }
        if pieces.len() as u64 > allowed.most {
            return Err(too_large(status, allowed.most, None));
        }
    }
}

/// The body of an error, as far as it is of use and comes in time: what its status says holds
/// however it goes on.
pub(super) async fn refusal(response: &mut Answer, end: Instant) -> Bytes {
    if let Some(form) = compression(response) {
        return format!("its body is compressed ({form}), which was not asked for").into();
    }
    let until = end.min(Instant::now() + PATIENCE);
    let mut pieces = Pieces::default();
    while let Ok(Ok(Some(piece))) = timeout_at(until, response.chunk()).await {
        let room = MOST_OF_AN_ERROR - pieces.len();
        let is_last = piece.len() >= room;
        pieces.push(piece.slice(..piece.len().min(room)));
        if is_last {
            break;
        }
    }
    pieces.whole()
}

/// Why the body of an answer with this head is not worth reading.
pub(super) fn fault(response: &Answer, redactor: &Redactor) -> Option<Failure> {
    let status = response.status();
    if status.is_redirection() {
        return Some(redirect(response, redactor));
    }
    let form = compression(response).filter(|_| status.is_success())?;
    let message = format!(
        "the answer is compressed ({form}), which was not asked for; \
         look at what stands between, such as a proxy"
    );
    let failure = Failure::new(FailureKind::ApiResponseValidation, message);
    Some(Failure { http_status: Some(status.as_u16()), ..failure })
}

/// A key must not travel to another host, and a POST that is sent on would be billed there.
fn redirect(response: &Answer, redactor: &Redactor) -> Failure {
    let status = response.status().as_u16();
    let place = shown(response, &LOCATION)
        .map(|place| format!(" to `{}`", redactor.clean_text(&place)))
        .unwrap_or_default();
    let message = format!(
        "status {status}: a redirect{place}, which is not followed; check base_url, \
         and write the address itself there if it is the right one"
    );
    Failure { http_status: Some(status), ..Failure::new(FailureKind::BadRequest, message) }
}

/// How a body is compressed; nobody asked for it to be.
fn compression(response: &Answer) -> Option<String> {
    shown(response, &CONTENT_ENCODING).filter(|form| !form.eq_ignore_ascii_case("identity"))
}

/// The value of a header, short enough for a message.
fn shown(response: &Answer, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    let mut shown: String = value.chars().take(LONGEST_PLACE).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    (!shown.is_empty()).then_some(shown)
}

/// An answer that is longer than allowed; `stated` is its length where its head told it.
pub(super) fn too_large(status: u16, most: u64, stated: Option<u64>) -> Failure {
    let length = match stated {
        Some(stated) => format!("{stated} bytes"),
        None => format!("more than {most} bytes"),
    };
    let message = format!(
        "the answer has {length}, and `limits.max_response_bytes` allows {most}; \
         raise it where answers are that long"
    );
    let failure = Failure::new(FailureKind::ApiResponseValidation, message);
    Failure { http_status: Some(status), ..failure.with_remedy(Remedy::GiveUp) }
}
