//! Answers that do not fit, and what becomes of them, in virtual time and without a socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Engine;
use crate::call::completion::Completion;
use crate::call::failure::{Failure, FailureKind};
use crate::call::fallback::Fallback;
use crate::call::form::{Demand, OnInvalid, PARAM};
use crate::call::money::{Price, Rates, Usd};
use crate::call::record::{Entry, Status};
use crate::call::request::{Message, Params};
use crate::call::task::{ContentHash, Target, Task, TaskId};
use crate::engine::budget::{Account, Budget, Scope};
use crate::engine::event::Event;
use crate::engine::lane::Lane;
use crate::engine::source::Source;
use crate::engine::stop::{Level, Stopper};
use crate::engine::testing;
use crate::eval::schema::Schema;
use crate::pace::Limits;
use crate::provider::openai_chat::OpenAiChat;
use crate::wire::frames::Framing;
use crate::wire::message::{Headers, WireReply, WireRequest};
use crate::wire::transport::{Opened, Pending, Transport};

const SECOND: Duration = Duration::from_secs(1);
const GOOD: &str = r#"{"a": 1}"#;

/// A provider that gives these replies, one after the other, a second each; the last for ever.
struct Scripted {
    replies: Vec<(u16, Value)>,
    heard: Mutex<Vec<Value>>,
}

impl Scripted {
    fn new(replies: impl IntoIterator<Item = (u16, Value)>) -> Arc<Self> {
        Arc::new(Self { replies: replies.into_iter().collect(), heard: Mutex::default() })
    }

    /// A provider whose answers have these texts.
    fn saying<const N: usize>(texts: [&str; N]) -> Arc<Self> {
        Self::new(texts.map(said))
    }

    fn heard(&self) -> Vec<Value> {
        self.heard.lock().expect("no panic").clone()
    }
}

impl Transport for Scripted {
    fn open(&self, wire: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async { self.send(wire).await.map(Opened::Whole) })
    }

    fn send(&self, wire: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        let mut heard = self.heard.lock().expect("no panic");
        let (status, body) = &self.replies[heard.len().min(self.replies.len() - 1)];
        heard.push(serde_json::from_slice(&wire.body).expect("JSON"));
        let body = body.to_string().into();
        let reply = WireReply { status: *status, headers: Headers::default(), body };
        Box::pin(async move {
            sleep(SECOND).await;
            Ok(reply)
        })
    }
}

fn said(text: &str) -> (u16, Value) {
    ended(&[json!({"content": text})], "stop")
}

fn ended(messages: &[Value], reason: &str) -> (u16, Value) {
    let choice = |message: &Value| json!({"message": message, "finish_reason": reason});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let choices: Vec<Value> = messages.iter().map(choice).collect();
    (200, json!({"choices": choices, "usage": usage}))
}

fn demand(on_invalid: OnInvalid) -> Demand {
    let schema =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}});
    let form = Arc::new(Schema::compile(&schema).expect("a schema"));
    Demand { form, on_invalid, retries: 2, in_words: "as JSON".into() }
}

fn lane(number: usize, server: &Arc<Scripted>) -> Lane {
    let transport = Arc::clone(server) as _;
    let mut lane =
        testing::lane(number, "lab", &OpenAiChat, transport, Limits::default(), Some(4), 7);
    // What was told does not count here.
    lane.retry.max_attempts = 2;
    lane
}

fn target() -> Target {
    Target::clone(&testing::target("lab", Params::default()))
}

fn task(demand: Demand, target: Target) -> Task {
    let messages = vec![Message::text("user", "hi")];
    let content = ContentHash::of_prompt(&messages, &target.params);
    let id = TaskId::new(&content, &ContentHash::of_target(&target, 0), 0, 0);
    Task { form: Some(Arc::new(demand)), ..testing::task(id, 0, &Arc::new(target), messages) }
}

/// Runs one task in the first of these lanes: its outcome, what was committed, and the seconds.
async fn run(lanes: Vec<Lane>, task: Task, stopper: &Stopper) -> (Entry, Vec<Usd>, u64) {
    let start = Instant::now();
    let (sender, mut events) = mpsc::channel(16);
    let mut sources: Vec<Source> = vec![Box::pin(stream::iter([Ok(task)]))];
    sources.extend((1..lanes.len()).map(|_| Box::pin(stream::empty()) as Source));
    let engine = Engine::new(lanes, Some(4));
    let engine = engine.run(sources, sender, stopper.heard());
    let listen = async {
        let (mut outcome, mut held) = (None, Vec::new());
        while let Some(event) = events.recv().await {
            match event {
                Event::Finished { entry, .. } => outcome = Some(*entry),
                Event::Committed { call, recorded, .. } => {
                    held.push(call.usd);
                    recorded.send(()).expect("it waits for that");
                }
                _ => {}
            }
        }
        (outcome.expect("an outcome"), held)
    };
    let ((), (entry, held)) = futures::join!(engine, listen);
    (entry, held, start.elapsed().as_secs())
}

async fn outcome(server: &Arc<Scripted>, on_invalid: OnInvalid) -> Entry {
    let task = task(demand(on_invalid), target());
    run(vec![lane(0, server)], task, &Stopper::default()).await.0
}

fn content(entry: &Entry) -> String {
    let body = entry.record.response.as_ref().expect("an answer").get();
    let completion: Completion = serde_json::from_str(body).expect("a completion");
    completion.choices[0].message.content.clone()
}

#[tokio::test(start_paused = true)]
async fn a_model_is_told_what_does_not_fit_and_asked_again_at_once() {
    let server = Scripted::saying(["Sure! It is 1.", r#"{"a": "x"}"#, GOOD]);
    let task = task(demand(OnInvalid::Retry), target());
    let (entry, _, seconds) = run(vec![lane(0, &server)], task, &Stopper::default()).await;
    let (record, tries) = (&entry.record, &entry.tries);
    assert_eq!((record.status, record.attempts, seconds), (Status::Ok, 3, 3));
    assert_eq!((record.schema_valid, content(&entry).as_str()), (Some(true), GOOD));
    assert_eq!(record.messages.len(), 1, "what was asked first");
    assert_eq!(tries.iter().map(|tried| tried.attempt).collect::<Vec<_>>(), [1, 2]);
    for tried in tries {
        assert!(tried.invalid && tried.was_answered() && tried.failure.retryable);
        assert_eq!(tried.failure.kind, FailureKind::ApiResponseValidation);
        assert_eq!(
            (tried.usage.and_then(|told| told.total_tokens()), tried.waited_ms),
            (Some(15), Some(0))
        );
    }
    let talk = server.heard()[2]["messages"].clone();
    let roles: Vec<&str> =
        talk.as_array().expect("a talk").iter().filter_map(|m| m["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(talk[1]["content"], "Sure! It is 1.");
    let told = talk[4]["content"].as_str().expect("text");
    assert!(told.contains("at `/a`: \"x\" is not of type \"integer\""), "{told}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_fits_fails_and_nobody_else_suffers_for_it() {
    let server = Scripted::saying(["no"]);
    let entry = outcome(&server, OnInvalid::Retry).await;
    assert_eq!((server.heard().len(), entry.tries.len()), (3, 3));
    let error = entry.record.error.as_ref().expect("an error");
    assert_eq!(error.kind, FailureKind::ApiResponseValidation);
    assert!(error.message.contains("it is not JSON"), "{error}");
    assert_eq!((entry.record.schema_valid, content(&entry).as_str()), (Some(false), "no"));
    assert_eq!(entry.tries[2].waited_ms, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_fit_may_fail_at_once_or_be_kept() {
    let server = Scripted::saying(["no"]);
    let failed = outcome(&server, OnInvalid::Fail).await;
    assert_eq!((failed.record.status, server.heard().len()), (Status::Error, 1));
    assert!(failed.tries[0].invalid && !failed.tries[0].failure.retryable);
    let kept = outcome(&server, OnInvalid::Keep).await;
    assert_eq!((kept.record.status, kept.record.schema_valid), (Status::Ok, Some(false)));
    assert!(kept.record.schema_fault.is_some_and(|fault| fault.contains("it is not JSON")));
    assert!(kept.tries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_telling_would_not_mend_is_not_asked_again() {
    for (reply, why) in [
        (ended(&[json!({"content": "{\"a\":"})], "length"), "raise max_tokens"),
        (ended(&[json!({"content": null, "refusal": "I cannot."})], "stop"), "declines: I cannot."),
    ] {
        let server = Scripted::new([reply]);
        let entry = outcome(&server, OnInvalid::Retry).await;
        let error = entry.record.error.as_ref().expect("an error");
        assert!(error.message.contains(why) && !error.retryable, "{error}");
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn every_choice_is_checked_and_calls_of_tools_are_not() {
    let texts = [json!({"content": GOOD}), json!({"content": "no"})];
    let server = Scripted::new([
        ended(&texts, "stop"),
        ended(&[texts[0].clone(), texts[0].clone()], "stop"),
    ]);
    let entry = outcome(&server, OnInvalid::Retry).await;
    assert_eq!((entry.record.status, entry.record.schema_valid), (Status::Ok, Some(true)));
    assert!(entry.tries[0].failure.message.starts_with("choice 2 does not fit"));
    assert_eq!(server.heard()[1]["messages"][1]["content"], "no");

    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calling =
        Scripted::new([ended(&[json!({"content": null, "tool_calls": [call]})], "tool_calls")]);
    let entry = outcome(&calling, OnInvalid::Retry).await;
    assert_eq!((entry.record.status, entry.record.schema_valid), (Status::Ok, None));
}

#[tokio::test(start_paused = true)]
async fn a_fence_around_the_json_is_taken_off() {
    for fenced in ["```json\n{\"a\": 1}\n```", " ```\n{\"a\": 1}```\n"] {
        let entry = outcome(&Scripted::saying([fenced]), OnInvalid::Fail).await;
        assert_eq!((entry.record.schema_valid, content(&entry).as_str()), (Some(true), GOOD));
    }
    for other in [
        "Here:\n```json\n{\"a\": 1}\n```",
        "```python\n{\"a\": 1}\n```",
        "```json\n{\"a\": \"\"}\n```",
    ] {
        let entry = outcome(&Scripted::saying([other]), OnInvalid::Keep).await;
        assert_eq!((entry.record.schema_valid, content(&entry).as_str()), (Some(false), other));
    }
    let spaced = outcome(&Scripted::saying(["\n {\"a\": 1} \n"]), OnInvalid::Fail).await;
    assert_eq!(
        (spaced.record.schema_valid, content(&spaced).as_str()),
        (Some(true), "\n {\"a\": 1} \n")
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_the_way_is_retried_with_the_talk_so_far() {
    let busy = || (500, json!({"error": {"message": "busy"}}));
    let server = Scripted::new([said("no"), busy(), said("still no"), said(GOOD)]);
    let entry = outcome(&server, OnInvalid::Retry).await;
    assert_eq!((entry.record.status, entry.record.attempts), (Status::Ok, 4));
    let invalid: Vec<bool> = entry.tries.iter().map(|tried| tried.invalid).collect();
    assert_eq!(invalid, [true, false, true]);
    let lengths: Vec<usize> =
        server.heard().iter().map(|body| body["messages"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(lengths, [1, 3, 3, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_asked_anew_and_in_words_where_it_takes_no_schema() {
    let away = || (500, json!({"error": {"message": "away"}}));
    let (first, second) = (Scripted::new([said("no"), away()]), Scripted::saying([GOOD]));
    let mut to = target();
    to.dropped = Arc::new(vec![PARAM.to_owned()]);
    let mut from = target();
    from.fallbacks = [Fallback { target: Arc::new(to), window: None, lane: 1 }].into();
    let lanes = vec![lane(0, &first), lane(1, &second)];
    let task = task(demand(OnInvalid::Retry), from);
    let (entry, ..) = run(lanes, task, &Stopper::default()).await;
    assert_eq!((entry.record.status, entry.record.fallback), (Status::Ok, true));
    assert_eq!(
        second.heard()[0]["messages"],
        json!([{"role": "user", "content": "hi\n\nas JSON"}])
    );
    assert_eq!(first.heard()[1]["messages"][0]["content"], "hi");
}

#[tokio::test(start_paused = true)]
async fn a_budget_holds_the_worst_case_of_the_longer_talk() {
    let price = Price::stated(Rates::new(Usd::from_pico(1_000), Usd::from_pico(10_000)));
    let mut priced = target();
    priced.price = Some(price);
    let params = Params::from(serde_json::Map::from_iter([("max_tokens".to_owned(), json!(5))]));
    priced.params = Arc::new(params);
    let capped = |cap: i128| {
        let server = Scripted::saying(["no", GOOD]);
        let mut lane = lane(0, &server);
        let account = Account {
            scope: Scope::Run,
            cap: Usd::from_pico(cap),
            spent: Usd::ZERO,
            held: Usd::ZERO,
        };
        let budget = Arc::new(Budget::new(vec![account]));
        lane.budget = Some(Arc::clone(&budget));
        (lane, budget, task(demand(OnInvalid::Retry), priced.clone()))
    };
    let (lane, budget, asked) = capped(i128::from(u32::MAX));
    let (entry, held, _) = run(vec![lane], asked, &Stopper::default()).await;
    assert_eq!(entry.record.status, Status::Ok);
    assert!(held[1] > held[0], "{held:?}");
    let spent = Usd::from_pico(2 * (10 * 1_000 + 5 * 10_000));
    let account = &budget.accounts()[0];
    assert_eq!((account.spent, account.held), (spent, Usd::ZERO));
    // Enough for the first, and not for the longer one after it: it is left for `--resume`.
    let (lane, _, asked) = capped(held[0].as_pico() + 1);
    let (entry, held, _) = run(vec![lane], asked, &Stopper::default()).await;
    assert_eq!((entry.record.status, held.len()), (Status::Skipped, 1));
    assert!(entry.tries[0].invalid && entry.tries[0].cost_usd.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_drains_asks_nobody_again() {
    let server = Scripted::saying(["no"]);
    let stopper = Stopper::default();
    let stop = async {
        sleep(SECOND / 2).await;
        stopper.stop(Level::Draining);
    };
    let task = task(demand(OnInvalid::Retry), target());
    let running = run(vec![lane(0, &server)], task, &stopper);
    let ((entry, ..), ()) = futures::join!(running, stop);
    assert_eq!((entry.record.status, server.heard().len()), (Status::Skipped, 1));
    assert_eq!((entry.tries.len(), entry.tries[0].waited_ms), (1, None));
}
