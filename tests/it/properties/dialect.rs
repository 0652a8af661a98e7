//! What a provider answers, in every dialect: an answer that holds together or a failure, the same
//! wherever a stream is split.

use std::collections::VecDeque;

use futures::FutureExt as _;
use runner::call::completion::Completion;
use runner::call::failure::{Failure, FailureKind};
use runner::call::money::{Price, Rates, Usd};
use runner::call::response::Response;
use runner::engine::exchange::{Following, Step};
use runner::provider::table::DIALECTS;
use runner::provider::{Dialect, Rejected};
use runner::report::answer::Answer;
use runner::wire::frames::{Cutter, Frame};
use runner::wire::message::{Headers, WireReply};
use runner::wire::secret::{Redactor, Secret};
use runner::wire::transport::{Frames, Pending, Stream};

use super::feed::{Feed, pieces};

const STATUSES: [u16; 10] = [200, 200, 400, 401, 403, 404, 413, 429, 500, 529];

/// A key that a server may say, and nobody sees.
const KEY: &str = "canary-0123456789";

/// The first byte picks the dialect, the second the status or the way of a stream, the third how
/// many of the following bytes say where the stream is split.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let chat = DIALECTS[usize::from(feed.byte()) % DIALECTS.len()];
    let way = feed.byte();
    let dialect = chat.embeddings().filter(|_| way >= 0xf0).unwrap_or(chat);
    let cuts: Vec<u8> = (0..feed.byte() % 8).map(|_| feed.byte()).collect();
    let body = feed.rest();
    if way.is_multiple_of(2) {
        let reply = WireReply {
            status: STATUSES[usize::from(way / 2) % STATUSES.len()],
            headers: headers(),
            body: body.to_vec().into(),
        };
        let outcome = dialect.decode(&reply);
        let again = dialect.decode(&reply);
        assert_eq!(told(&outcome), told(&again), "twice the same");
        let is_good = (200..300).contains(&reply.status);
        assert!(is_good || outcome.is_err(), "an error page is no answer");
        sound(outcome);
    } else {
        let (whole, said) = followed(dialect, &[body]);
        let (split, said_in_pieces) = followed(dialect, &pieces(body, &cuts));
        assert_eq!(told(&whole), told(&split), "it does not matter where a stream is split");
        assert_eq!(said, said_in_pieces);
        sound(split);
    }
}

fn headers() -> Headers {
    let mut headers = Headers::default();
    headers.push("content-type", "application/json");
    headers
}

/// The answer of a stream that comes in these pieces, and the text that was said on the way.
fn followed(
    dialect: &'static dyn Dialect,
    pieces: &[&[u8]],
) -> (Result<Response, Rejected>, String) {
    let mut frames = Cut::default();
    let mut cutter = Cutter::new(dialect.framing());
    'pieces: for piece in pieces {
        cutter.push(piece);
        while frames.keep(cutter.frame()) {}
        if frames.is_broken {
            break 'pieces;
        }
    }
    if !frames.is_broken {
        while frames.keep(cutter.rest()) {}
    }
    let redactor = Redactor::default();
    redactor.learn(&Secret::new(KEY));
    let stream = Stream { headers: Headers::default(), frames: Box::new(frames), redactor };
    let mut following = Following::new(dialect, stream);
    let mut said = String::new();
    loop {
        match following.next().now_or_never().expect("no frame is waited for") {
            Step::Text(text) => said.push_str(&text),
            Step::Ended(outcome) => {
                let body = outcome.as_ref().map_or("", |response| response.body.get());
                assert!(!said.contains(KEY) && !body.contains(KEY), "no key is said");
                return (outcome, said);
            }
        }
    }
}

/// The frames of a stream that has been cut.
#[derive(Default)]
struct Cut {
    frames: VecDeque<Result<Frame, Failure>>,
    is_broken: bool,
}

impl Cut {
    /// Keeps a frame; whether another may follow.
    fn keep(&mut self, frame: Result<Option<Frame>, impl ToString>) -> bool {
        match frame {
            Ok(None) => return false,
            Ok(Some(frame)) => self.frames.push_back(Ok(frame)),
            Err(why) => {
                let kind = FailureKind::ApiResponseValidation;
                self.frames.push_back(Err(Failure::new(kind, why.to_string())));
                self.is_broken = true;
            }
        }
        !self.is_broken
    }
}

impl Frames for Cut {
    fn next(&mut self) -> Pending<'_, Option<Result<Frame, Failure>>> {
        Box::pin(std::future::ready(self.frames.pop_front()))
    }
}

/// All that an outcome tells, but for the second at which an answer without a date was read.
fn told(outcome: &Result<Response, Rejected>) -> String {
    let shown = match outcome {
        Ok(response) => format!("{response:?}"),
        Err(rejected) => format!("{rejected:?}"),
    };
    let undated = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    shown.split(r#""created":"#).map(undated).collect()
}

/// What reports, prices and clients do with an outcome.
fn sound(outcome: Result<Response, Rejected>) {
    let (response, is_answer) = match outcome {
        Ok(response) => (Some(response), true),
        Err(Rejected { failure, response }) => {
            assert!(!failure.message.is_empty(), "{failure:?}");
            let _ = (failure.remedy(), failure.may_be_billed(), failure.to_string());
            (response.map(|response| *response), false)
        }
    };
    let Some(response) = response else { return };
    let body = response.body.get();
    assert!(!body.contains('\n'), "one line of JSON: {body}");
    let completion: Result<Completion, _> = serde_json::from_str(body);
    let answer: Answer<'_> = serde_json::from_str(body).expect("no answer spoils its record");
    let _ = (answer.content(), answer.finish_reason(), answer.refusal(), answer.tool_calls());
    if is_answer {
        let completion = completion.expect("an answer that programs can read");
        assert!(!completion.choices.is_empty(), "an answer has a choice: {body}");
    }
    for usage in [response.usage.as_ref(), response.charged()].into_iter().flatten() {
        let sums = (usage.prompt_tokens(), usage.completion_tokens(), usage.total_tokens());
        assert!(sums.2.unwrap_or(u64::MAX) >= sums.0.unwrap_or(0), "{usage:?}");
        let price = price();
        assert!(price.cost(usage).usd().is_none_or(|cost| cost >= Usd::ZERO));
        let _ = price.cached_cost(usage);
    }
}

fn price() -> Price {
    let (input, output) = (Usd::from_pico(150_000), Usd::from_pico(600_000));
    Price::stated(Rates::new(input, output))
}
