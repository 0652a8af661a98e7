//! The desk: takes one request through limits and faults to its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request};
use tokio::time::{Instant, sleep};

use crate::call::duration::DurationText;
use crate::mock::answer::{Answer, Question};
use crate::mock::answers::Answers;
use crate::mock::dice::Dice;
use crate::mock::faults::Fault;
use crate::mock::limits::{Barred, Level, Tokens, Turnstile};
use crate::mock::refusal::{Refusal, whole_millis};
use crate::mock::reply::{Cut, Reply, events, halved, refused, whole};
use crate::mock::script::Script;
use crate::mock::stats::Stats;
use crate::mock::voice;

/// The share of a stream's latency that passes before its first piece.
const TO_FIRST_PIECE: f64 = 0.3;

/// What all connections share.
#[derive(Debug)]
pub struct Desk {
    script: Script,
    answers: Answers,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    turnstile: Turnstile,
    tries: HashMap<Asked, u16>,
    stats: Stats,
}

/// The hash of a request's body. Six bytes and a count of two make entries of eight: with faults
/// in play there is one for every request of a run.
type Asked = [u8; 6];

impl Desk {
    /// A desk that has seen nobody yet.
    pub fn new(script: Script, answers: Answers) -> Self {
        let turnstile = Turnstile::new(&script.limits, Instant::now());
        let books = Books { turnstile, tries: HashMap::new(), stats: Stats::default() };
        Self { script, answers, books: Mutex::new(books) }
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.books().stats
    }

    /// Answers one request, or says that its connection is to be given up.
    pub async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Cut> {
        let path = request.uri().path();
        match (request.method(), path.strip_prefix("/v1").unwrap_or(path)) {
            (&Method::POST, "/chat/completions") => self.complete(request).await,
            (&Method::GET, "/models") => Ok(whole(voice::models())),
            (&Method::GET, "/stats") => {
                Ok(whole(serde_json::to_vec(&self.stats()).expect("counts are JSON")))
            }
            (method, "/chat/completions" | "/models" | "/stats") => {
                Ok(refused(&Refusal::wrong_method(method.as_str(), path)))
            }
            (method, _) => Ok(refused(&Refusal::unknown_path(method.as_str(), path))),
        }
    }

    async fn complete(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Cut> {
        let body = request.into_body().collect().await.map_err(|_| Cut::Gone)?.to_bytes();
        self.books().stats.requests += 1;
        match voice::hear(&body) {
            Ok(question) => self.answer(&question, &body).await,
            Err(refusal) => {
                self.books().stats.refused += 1;
                Ok(refused(&refusal))
            }
        }
    }

    async fn answer(self: &Arc<Self>, question: &Question<'_>, body: &[u8]) -> Result<Reply, Cut> {
        let dice = Dice::new(self.script.seed, question);
        let answer = Answer::to(question, dice.question(), &self.answers);
        let tokens = Tokens { input: answer.prompt_tokens, output: answer.completion_tokens };
        let visit = match self.admit(tokens) {
            Ok(visit) => visit,
            Err(barred) => {
                let refusal = Refusal::barred(barred, &question.model, self.script.wait());
                return Ok(self.headed(refused(&refusal), &dice, 0));
            }
        };
        let (nth, fate) = self.fate(&dice, body, tokens);
        let reply = self.fated(fate, question, &answer, &dice, visit).await?;
        Ok(self.headed(reply, &dice, nth))
    }

    /// Lets a request in unless a limit bars it.
    fn admit(self: &Arc<Self>, tokens: Tokens) -> Result<Visit, Barred> {
        let mut books = self.books();
        let in_flight = books.stats.in_flight;
        match books.turnstile.enter(Instant::now(), tokens, in_flight) {
            Ok(()) => {
                books.stats.entered();
                drop(books);
                Ok(Visit(Arc::clone(self)))
            }
            Err(barred) => {
                books.stats.limited += 1;
                Err(barred)
            }
        }
    }

    /// Which try of this request it is, from 0, and what goes wrong with it. Tries that a limit
    /// barred do not count, so that fates do not hang on timing.
    fn fate(&self, dice: &Dice, body: &[u8], tokens: Tokens) -> (u16, Option<Fault>) {
        let mut books = self.books();
        let (mut nth, mut fate) = (0, None);
        if self.script.faults.any() {
            let tries = books.tries.entry(asked(body)).or_default();
            nth = *tries;
            *tries = tries.saturating_add(1);
            fate = self.script.faults.drawn(dice.fate(u32::from(nth)));
        }
        books.stats.fated(fate, tokens);
        (nth, fate)
    }

    async fn fated(
        &self,
        fate: Option<Fault>,
        question: &Question<'_>,
        answer: &Answer<'_>,
        dice: &Dice,
        visit: Visit,
    ) -> Result<Reply, Cut> {
        let latency = dice.latency(self.script.latency.0, self.script.sigma());
        match fate {
            Some(Fault::RateLimit) => {
                Ok(refused(&Refusal::rate_limit(&question.model, self.script.wait())))
            }
            Some(Fault::ServerError) => {
                pass(latency).await;
                Ok(refused(&Refusal::server_error()))
            }
            Some(Fault::Reset) => {
                pass(latency).await;
                Err(Cut::Reset)
            }
            // The client's going drops this future, and with it the visit.
            Some(Fault::Timeout) => match pending::<Infallible>().await {},
            Some(Fault::Truncated) => Ok(spoken(question, answer, latency, true, visit).await),
            None => Ok(spoken(question, answer, latency, false, visit).await),
        }
    }

    /// The headers that every answer carries.
    fn headed(&self, mut reply: Reply, dice: &Dice, nth: u16) -> Reply {
        let id = format!("req_mock_{:016x}{nth:04x}", dice.question());
        let headers = reply.headers_mut();
        headers.insert("x-request-id", ascii(id));
        let (requests, tokens) = self.books().turnstile.levels(Instant::now());
        let names = [
            (
                requests,
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ),
            (
                tokens,
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ),
        ];
        for (level, limit_name, remaining_name, reset_name) in names {
            if let Some(Level { limit, remaining, reset }) = level {
                let reset = DurationText(Duration::from_millis(whole_millis(reset)));
                headers.insert(limit_name, limit.into());
                headers.insert(remaining_name, remaining.into());
                headers.insert(reset_name, ascii(reset.to_string()));
            }
        }
        reply
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics while holding the books")
    }
}

fn asked(body: &[u8]) -> Asked {
    let hash = blake3::hash(body);
    hash.as_bytes()[..6].try_into().expect("6 of 32 bytes")
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and letters make a header")
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The answer in the voice it was asked in, at its own pace.
async fn spoken(
    question: &Question<'_>,
    answer: &Answer<'_>,
    latency: Duration,
    cut: bool,
    visit: Visit,
) -> Reply {
    if question.stream {
        let first = latency.mul_f64(TO_FIRST_PIECE);
        pass(first).await;
        return events(
            voice::say_in_pieces(question, answer),
            latency.saturating_sub(first),
            cut,
            visit,
        );
    }
    pass(latency).await;
    let body = voice::say(question, answer);
    if cut { halved(body, visit) } else { whole(body) }
}

/// A request that is being answered; dropping it, in whatever way, ends that.
struct Visit(Arc<Desk>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.books().stats.in_flight -= 1;
    }
}
