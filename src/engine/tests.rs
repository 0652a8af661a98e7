//! Lanes, places, pauses and stops, in virtual time and without a socket.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::*;
use crate::call::failure::{Failure, FailureKind};
use crate::call::record::{Entry, Status};
use crate::call::request::{Message, Params};
use crate::call::task::{ContentHash, TaskId};
use crate::engine::stop::{Level, Stopper};
use crate::pace::Limits;
use crate::pace::rate::Why;
use crate::pace::retry::RetryPolicy;
use crate::provider::openai_chat::OpenAiChat;
use crate::wire::frames::Framing;
use crate::wire::message::{Headers, WireReply, WireRequest};
use crate::wire::transport::{Opened, Pending, Transport};

type Answer = Result<WireReply, Failure>;

/// A provider within the process: each call takes its time and is answered by the number of calls
/// that came before it.
struct Fake {
    takes: Duration,
    answer: Box<dyn Fn(usize) -> Answer + Send + Sync>,
    calls: AtomicUsize,
    sent: Mutex<Vec<Instant>>,
}

impl Fake {
    fn new(takes: Duration, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        let (calls, sent) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { takes, answer: Box::new(answer), calls, sent })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Transport for Fake {
    fn open(&self, wire: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async { self.send(wire).await.map(Opened::Whole) })
    }

    fn send(&self, _: WireRequest) -> Pending<'_, Answer> {
        Box::pin(async {
            let before = self.calls.fetch_add(1, Ordering::Relaxed);
            self.sent.lock().expect("no panic").push(Instant::now());
            sleep(self.takes).await;
            (self.answer)(before)
        })
    }
}

fn fine() -> Answer {
    reply(200, &[], r#"{"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#)
}

#[expect(clippy::unnecessary_wraps, reason = "it is the answer of a provider")]
fn reply(status: u16, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let mut kept = Headers::default();
    headers.iter().for_each(|(name, value)| kept.push(name, value));
    Ok(WireReply { status, headers: kept, body: body.into() })
}

fn lane(number: usize, transport: &Arc<Fake>, limits: Limits, width: usize) -> Lane {
    let (transport, seed) = (Arc::clone(transport) as _, 2 * number as u64);
    let lane = testing::lane(number, "lab", &OpenAiChat, transport, limits, Some(width), seed);
    Lane { model: number.to_string().into(), ..lane }
}

/// `count` tasks, and how many of them were pulled.
fn tasks(count: u64) -> (Source, Arc<AtomicUsize>) {
    let pulled = Arc::new(AtomicUsize::new(0));
    let target = testing::target("lab", Params::default());
    let counter = Arc::clone(&pulled);
    let task = move |index: u64| {
        counter.fetch_add(1, Ordering::Relaxed);
        let messages = vec![Message::text("user", index.to_string())];
        let content = ContentHash::of_prompt(&messages, &target.params);
        let id = TaskId::new(&content, &ContentHash::of_target(&target, 0), 0, 0);
        Ok(testing::task(id, index, &target, messages))
    };
    (Box::pin(stream::iter((0..count).map(task))), pulled)
}

/// Runs lanes to their end: the outcomes, and when each lane ended in seconds.
async fn run(
    lanes: Vec<(Lane, Source)>,
    concurrency: usize,
    stopper: &Stopper,
) -> (Vec<Entry>, BTreeMap<usize, f64>) {
    let start = Instant::now();
    let (sender, mut events) = mpsc::channel(16);
    let (lanes, sources) = lanes.into_iter().unzip();
    let engine = Engine::new(lanes, Some(concurrency));
    let engine = engine.run(sources, sender, stopper.heard());
    let listen = async {
        let (mut outcomes, mut ended) = (Vec::new(), BTreeMap::new());
        while let Some(event) = events.recv().await {
            match event {
                Event::Finished { entry, .. } => outcomes.push(*entry),
                Event::LaneEnded { lane } => {
                    ended.insert(lane, start.elapsed().as_secs_f64());
                }
                _ => {}
            }
        }
        (outcomes, ended)
    };
    let ((), heard) = futures::join!(engine, listen);
    heard
}

#[tokio::test(start_paused = true)]
async fn a_task_that_sleeps_before_a_retry_holds_no_place() {
    let second = Duration::from_secs(1);
    let every_fourth_fails = Fake::new(second, |before| match before % 4 {
        0 => reply(500, &[], ""),
        _ => fine(),
    });
    let mut lane = lane(0, &every_fourth_fails, Limits::default(), 1);
    let ten = Duration::from_secs(10);
    lane.retry = RetryPolicy { initial: ten, max: ten, ..RetryPolicy::default() };
    let (outcomes, ended) = run(vec![(lane, tasks(40).0)], 4, &Stopper::default()).await;
    assert!(outcomes.iter().all(|entry| entry.record.status == Status::Ok));
    // 54 calls of a second, one after the other, and at most two waits at the end. Were the place
    // kept, fourteen waits of five seconds would come between.
    assert!(ended[&0] < 75.0, "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_lane_never_slows_a_fast_one() {
    let second = Duration::from_secs(1);
    let (slow, fast) = (Fake::new(second, |_| fine()), Fake::new(second, |_| fine()));
    let limits = |rpm| Limits { requests_per_minute: Some(rpm), ..Limits::default() };
    let lanes = vec![
        (lane(0, &slow, limits(60), 16), tasks(200).0),
        (lane(1, &fast, limits(6000), 16), tasks(200).0),
    ];
    let (outcomes, ended) = run(lanes, 16, &Stopper::default()).await;
    assert_eq!(outcomes.len(), 400);
    assert!(ended[&1] < 30.0 && ended[&0] > 198.0, "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_lane_leaves_is_used_by_the_others() {
    let second = Duration::from_secs(1);
    let (short, long) = (Fake::new(second, |_| fine()), Fake::new(second, |_| fine()));
    let lanes = vec![
        (lane(0, &short, Limits::default(), 8), tasks(4).0),
        (lane(1, &long, Limits::default(), 8), tasks(84).0),
    ];
    let (_, ended) = run(lanes, 8, &Stopper::default()).await;
    // One second with half of the places, then ten with all of them.
    assert!((10.9..11.5).contains(&ended[&1]), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_provider_asks_for_is_felt_by_the_whole_lane() {
    let busy = |before| match before {
        5 => reply(429, &[("retry-after", "90")], ""),
        _ => fine(),
    };
    let provider = Fake::new(Duration::from_millis(100), busy);
    let lane = lane(0, &provider, Limits::default(), 4);
    let (outcomes, _) = run(vec![(lane, tasks(40).0)], 4, &Stopper::default()).await;
    assert_eq!(outcomes.len(), 40);
    let sent = provider.sent.lock().expect("no panic");
    let gaps: Vec<f64> = sent.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect();
    let pauses: Vec<&f64> = gaps.iter().filter(|gap| **gap > 1.0).collect();
    assert_eq!(pauses.len(), 1, "{pauses:?}");
    assert!(*pauses[0] >= 89.8, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_tells_what_its_tasks_rest_for_and_how_it_was_paced() {
    let troubled = |before| match before {
        0 => reply(429, &[("retry-after", "90")], ""),
        1 => reply(500, &[], ""),
        _ => fine(),
    };
    let provider = Fake::new(Duration::from_secs(1), troubled);
    let limits = Limits { requests_per_minute: Some(600), ..Limits::default() };
    let mut lane = lane(0, &provider, limits, 4);
    let hour = Duration::from_hours(1);
    lane.retry = RetryPolicy { initial: hour, max: hour, ..RetryPolicy::default() };
    let engine = Engine::new(vec![lane], None);
    let view = engine.views().remove(0);
    let (sender, mut events) = mpsc::channel(16);
    let running = engine.run(vec![tasks(1).0], sender, Stopper::default().heard());
    let watch = async {
        sleep(Duration::from_secs(10)).await;
        let during = view.waiting().map(|waiting| waiting.why);
        sleep(Duration::from_secs(83)).await;
        (during, view.waiting().map(|waiting| waiting.why), view.sleeping())
    };
    let listen = async { while events.recv().await.is_some() {} };
    let ((), (during, after, sleeping), ()) = futures::join!(running, watch, listen);
    assert_eq!((during, after, sleeping), (Some(Why::Pause), Some(Why::Rest), 1));
    assert_eq!(view.waiting(), None);
    let pacing = view.pacing();
    assert_eq!((&*pacing.provider, &*pacing.model), ("lab", "0"));
    assert_eq!((pacing.stated.rpm, pacing.stated.concurrency), (Some(600), None));
    assert_eq!((pacing.calls, pacing.refused, pacing.faulty), (3, 1, 1));
    // A rest before a retry holds nobody up who is not at rest; a pause does.
    let lost: Vec<(&str, u64)> =
        pacing.waited_ms.iter().map(|(cause, ms)| (cause.as_str(), ms / 1000)).collect();
    assert_eq!(lost, [("retry_after", 90)]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_does_not_gather_the_plan_in_memory() {
    let down = Fake::new(Duration::from_millis(10), |_| reply(503, &[], ""));
    let lane = lane(0, &down, Limits::default(), 8);
    let (source, pulled) = tasks(1_000_000);
    let stopper = Stopper::default();
    let stop = async {
        sleep(Duration::from_secs(20)).await;
        stopper.stop(Level::Draining);
    };
    let ((outcomes, _), ()) = futures::join!(run(vec![(lane, source)], 8, &stopper), stop);
    let pulled = pulled.load(Ordering::Relaxed);
    assert!(pulled < 100, "{pulled} tasks were taken up");
    // Those that had failed before the stop are on record with what was tried.
    assert!(outcomes.iter().all(|entry| !entry.tries.is_empty()));
    assert!(outcomes.iter().any(|entry| entry.record.status == Status::Skipped));
}

#[tokio::test(start_paused = true)]
async fn draining_keeps_what_is_in_flight_and_cancelling_does_not() {
    for (level, kept) in [(Level::Draining, 4), (Level::Cancelled, 0)] {
        let provider = Fake::new(Duration::from_secs(10), |_| fine());
        let lane = lane(0, &provider, Limits::default(), 4);
        let stopper = Stopper::default();
        let stop = async {
            sleep(Duration::from_secs(5)).await;
            stopper.stop(level);
        };
        let running = run(vec![(lane, tasks(100).0)], 4, &stopper);
        let ((outcomes, _), ()) = futures::join!(running, stop);
        assert_eq!((outcomes.len(), provider.calls()), (kept, 4), "{level:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_get_better_is_sent_once() {
    let refusing = Fake::new(Duration::from_millis(1), |_| reply(400, &[], "no"));
    let lane = lane(0, &refusing, Limits::default(), 4);
    let (outcomes, _) = run(vec![(lane, tasks(10).0)], 4, &Stopper::default()).await;
    assert_eq!(refusing.calls(), 10);
    let kinds = outcomes.iter().map(|entry| entry.record.error.as_ref().map(|error| error.kind));
    assert!(kinds.into_iter().all(|kind| kind == Some(FailureKind::BadRequest)));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_breaks_ends_its_lane_and_says_why() {
    let provider = Fake::new(Duration::from_millis(1), |_| fine());
    let broken = tasks(3).0.chain(stream::iter([Err(source::Broken("gone".to_owned()))]));
    let lanes = vec![lane(0, &provider, Limits::default(), 2)];
    let (sender, mut events) = mpsc::channel(16);
    let engine = Engine::new(lanes, Some(2));
    let engine = engine.run(vec![Box::pin(broken)], sender, Stopper::default().heard());
    let listen = async {
        let mut whys = Vec::new();
        while let Some(event) = events.recv().await {
            if let Event::Broken { why, .. } = event {
                whys.push(why);
            }
        }
        whys
    };
    let ((), whys) = futures::join!(engine, listen);
    assert_eq!((whys, provider.calls()), (vec!["gone".to_owned()], 3));
}
