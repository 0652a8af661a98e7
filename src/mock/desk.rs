//! The desk: takes one request through limits and faults to its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request};
use tokio::time::{Instant, sleep};

use crate::mock::answer::{Answer, Question};
use crate::mock::answers::Answers;
use crate::mock::dice::Dice;
use crate::mock::faults::Fault;
use crate::mock::form::wanted;
use crate::mock::limits::{Barred, Tokens, Turnstile};
use crate::mock::refusal::Refusal;
use crate::mock::reply::{Cut, Reply, events, halved, refused, whole};
use crate::mock::script::Script;
use crate::mock::stats::Stats;
use crate::mock::voice::headings::ascii;
use crate::mock::voice::table::{Errand, Place, place};
use crate::mock::voice::{Asked, Voice};

/// The share of a stream's latency that passes before its first piece.
const TO_FIRST_PIECE: f64 = 0.3;

/// The name of a request that asked nothing.
const NAMELESS: &str = "req_mock_00000000000000000000";

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
    tries: HashMap<Tried, u16>,
    stats: Stats,
}

/// The hash of a request's body. Six bytes and a count of two make entries of eight: with faults
/// in play there is one for every request of a run.
type Tried = [u8; 6];

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
        let (head, body) = request.into_parts();
        let Place { voice, errand } = place(&head.uri, &head.headers);
        let (method, path) = (head.method.as_str(), head.uri.path());
        let refusal = match (errand, &head.method) {
            (Errand::Completion { model, streamed }, &Method::POST) => {
                let body = body.collect().await.map_err(|_| Cut::Gone)?.to_bytes();
                return self.complete(voice, Asked { model, streamed, body: &body }).await;
            }
            (Errand::Models(list), &Method::GET) => return Ok(whole(list())),
            (Errand::Stats, &Method::GET) => {
                return Ok(whole(serde_json::to_vec(&self.stats()).expect("counts are JSON")));
            }
            (Errand::Nothing, _) => Refusal::unknown_path(method, path),
            _ => Refusal::wrong_method(method, path),
        };
        Ok(refused(voice, &refusal, NAMELESS))
    }

    async fn complete(
        self: Arc<Self>,
        voice: &'static dyn Voice,
        asked: Asked<'_>,
    ) -> Result<Reply, Cut> {
        let body = asked.body;
        self.books().stats.requests += 1;
        match voice.hear(asked) {
            Ok(question) => self.answer(voice, &question, body).await,
            Err(refusal) => {
                self.books().stats.refused += 1;
                Ok(refused(voice, &refusal, NAMELESS))
            }
        }
    }

    async fn answer(
        self: &Arc<Self>,
        voice: &'static dyn Voice,
        question: &Question<'_>,
        body: &[u8],
    ) -> Result<Reply, Cut> {
        let dice = Dice::new(self.script.seed, question);
        let form = wanted(body);
        let answer = match voice.gives_embeddings() {
            true => Answer::embedded(question, dice.question()),
            false => Answer::in_form(question, dice.question(), &self.answers, form.as_ref()),
        };
        let tokens = Tokens { input: answer.prompt_tokens, output: answer.completion_tokens };
        let visit = match self.admit(tokens) {
            Ok(visit) => visit,
            Err(barred) => {
                let refusal = Refusal::barred(barred, &question.model, self.script.wait());
                let id = name(&dice, 0);
                return Ok(self.headed(refused(voice, &refusal, &id), voice, id));
            }
        };
        let (nth, fate) = self.fate(&dice, body, tokens);
        let case = Case { voice, question, answer: &answer, id: name(&dice, nth) };
        let latency = dice.latency(self.script.latency.0, self.script.sigma());
        let reply = self.fated(fate, &case, latency, visit).await?;
        Ok(self.headed(reply, voice, case.id))
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
            let tries = books.tries.entry(hash(body)).or_default();
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
        case: &Case<'_>,
        latency: Duration,
        visit: Visit,
    ) -> Result<Reply, Cut> {
        match fate {
            Some(Fault::RateLimit) => {
                let refusal = Refusal::rate_limit(&case.question.model, self.script.wait());
                Ok(refused(case.voice, &refusal, &case.id))
            }
            Some(Fault::ServerError) => {
                pass(latency).await;
                Ok(refused(case.voice, &Refusal::server_error(), &case.id))
            }
            Some(Fault::Reset) => {
                pass(latency).await;
                Err(Cut::Reset)
            }
            // The client's going drops this future, and with it the visit.
            Some(Fault::Timeout) => match pending::<Infallible>().await {},
            Some(Fault::Truncated) => Ok(spoken(case, latency, true, visit).await),
            None => Ok(spoken(case, latency, false, visit).await),
        }
    }

    /// The headers that every answer carries.
    fn headed(&self, mut reply: Reply, voice: &dyn Voice, id: String) -> Reply {
        let (requests, tokens) = self.books().turnstile.levels(Instant::now());
        let (headings, headers) = (voice.headings(), reply.headers_mut());
        headers.insert(headings.request_id, ascii(id));
        headings.tell_levels(headers, requests, tokens);
        reply
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("nobody panics while holding the books")
    }
}

fn hash(body: &[u8]) -> Tried {
    let hash = blake3::hash(body);
    hash.as_bytes()[..6].try_into().expect("6 of 32 bytes")
}

/// The name of a request: what is asked, and which try of it this is.
fn name(dice: &Dice, nth: u16) -> String {
    format!("req_mock_{:016x}{nth:04x}", dice.question())
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

/// The answer in the voice it was asked in, at its own pace.
async fn spoken(case: &Case<'_>, latency: Duration, cut: bool, visit: Visit) -> Reply {
    let Case { voice, question, answer, .. } = case;
    if question.stream {
        let first = latency.mul_f64(TO_FIRST_PIECE);
        pass(first).await;
        let pieces = voice.say_in_pieces(question, answer);
        return events(voice.stream_type(), pieces, latency.saturating_sub(first), cut, visit);
    }
    pass(latency).await;
    let body = voice.say(question, answer);
    if cut { halved(body, visit) } else { whole(body) }
}

/// A question that was let in.
struct Case<'q> {
    voice: &'static dyn Voice,
    question: &'q Question<'q>,
    answer: &'q Answer<'q>,
    id: String,
}

/// A request that is being answered; dropping it, in whatever way, ends that.
struct Visit(Arc<Desk>);

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.books().stats.in_flight -= 1;
    }
}
