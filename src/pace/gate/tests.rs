//! Lines, pauses, trials and doors, in virtual time.

use futures::future::join_all;
use rand::SeedableRng as _;

use super::*;
use crate::call::failure::FailureKind;
use crate::call::fallback::FallbackCause;
use crate::pace::headroom::Headroom;
use crate::pace::requests::Window;
use crate::pace::tokens::Need;

const NOWHERE: FallbackOn = FallbackOn::NEVER;

const SECOND: Duration = Duration::from_secs(1);

fn scoped(limits: Limits, cap: Option<usize>, scopes: Vec<Arc<Scope>>) -> Gate {
    let plan = Plan {
        name: "lab/m".into(),
        limits,
        cap,
        is_paced: false,
        scopes,
        retry_budget: 0.1,
        max_outage: Duration::from_mins(3),
        deadline: None,
    };
    Gate::new(plan, StdRng::seed_from_u64(7))
}

fn gate(limits: Limits, cap: usize) -> Gate {
    scoped(limits, Some(cap), Vec::new())
}

fn why() -> Closure {
    Closure { kind: FailureKind::Authentication, reason: "wrong key".into(), is_parked: false }
}

impl Pass<'_> {
    fn tell(self, verdict: &Verdict) {
        let (verdict, headroom) = (verdict.clone(), Headroom::default());
        self.leave(&End { used: None, verdict, headroom, reason: &why });
    }

    fn answered(self) {
        self.tell(&Verdict::Answered);
    }
}

async fn enter(gate: &Gate) -> Pass<'_> {
    gate.enter(Expected::default(), NOWHERE).await.expect("the lane is open")
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_felt_by_the_whole_lane_in_full() {
    let gate = gate(Limits::default(), 8);
    let start = Instant::now();
    let passes = [enter(&gate).await, enter(&gate).await];
    let waits = [90, 1].map(Duration::from_secs);
    for (pass, wait) in passes.into_iter().zip(waits) {
        pass.tell(&Verdict::Refused(Some(wait)));
    }
    let calls = (0..8).map(|_| async {
        enter(&gate).await.answered();
        start.elapsed()
    });
    let waited = join_all(calls).await;
    assert!(waited.iter().all(|wait| *wait >= 90 * SECOND), "{waited:?}");
    let lost = gate.lost()[&Why::Pause];
    assert!(lost >= 90 * SECOND && lost < 91 * SECOND, "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lane_says_what_it_waits_for() {
    let gate = gate(Limits { requests_per_minute: Some(1), ..Limits::default() }, 2);
    enter(&gate).await.answered();
    assert_eq!(gate.waiting(), None);
    {
        let mut second = std::pin::pin!(gate.enter(Expected::default(), NOWHERE));
        assert!(tokio::time::timeout(SECOND, second.as_mut()).await.is_err());
        let waiting = gate.waiting().expect("it waits");
        assert_eq!(waiting.why, Why::Requests(Window::Minute));
    }
    assert_eq!(gate.waiting(), None);
}

#[tokio::test(start_paused = true)]
async fn lanes_of_a_provider_share_its_rate_and_its_places() {
    let limits =
        Limits { requests_per_minute: Some(60), concurrency: Some(1), ..Limits::default() };
    let scope = Arc::new(Scope::of_provider(&limits));
    let gates = [(); 2].map(|()| scoped(Limits::default(), Some(4), vec![Arc::clone(&scope)]));
    let start = Instant::now();
    let calls = (0..20).map(|n| enter(&gates[n % 2]));
    let calls = calls.map(|call| async { call.await.answered() });
    join_all(calls).await;
    let took = start.elapsed().as_secs_f64();
    assert!((19.0..19.5).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn before_the_first_answer_a_provider_gets_few_calls_from_all_its_lanes() {
    let scope = Arc::new(Scope::of_provider(&Limits::default()));
    let gates = [(); 3].map(|()| scoped(Limits::default(), Some(64), vec![Arc::clone(&scope)]));
    let mut passes = Vec::new();
    while let Ok(pass) =
        tokio::time::timeout(SECOND, enter(&gates[passes.len() % gates.len()])).await
    {
        passes.push(pass);
    }
    assert_eq!(passes.len(), 4);
    passes.pop().expect("a call").answered();
    let more = gates.iter().map(enter);
    assert_eq!(join_all(more).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_closes_every_lane_of_its_provider_and_no_other() {
    let scope = Arc::new(Scope::of_provider(&Limits::default()));
    let gates = [(); 2].map(|()| scoped(Limits::default(), Some(2), vec![Arc::clone(&scope)]));
    let other = gate(Limits::default(), 2);
    let first = [enter(&gates[0]).await, enter(&gates[0]).await];
    let waits = gates[0].enter(Expected::default(), NOWHERE);
    let fails = async {
        tokio::time::sleep(SECOND).await;
        first.into_iter().for_each(|pass| pass.tell(&Verdict::Locks));
    };
    let (barred, ()) = tokio::join!(waits, fails);
    assert_eq!(barred.err(), Some(why().into()));
    assert_eq!(gates[1].enter(Expected::default(), NOWHERE).await.err(), Some(why().into()));
    enter(&other).await.answered();
}

#[tokio::test(start_paused = true)]
async fn an_empty_purse_closes_its_lane_alone() {
    let scope = Arc::new(Scope::of_provider(&Limits::default()));
    let gates = [(); 2].map(|()| scoped(Limits::default(), Some(2), vec![Arc::clone(&scope)]));
    enter(&gates[0]).await.tell(&Verdict::Closes);
    assert!(gates[0].closure().is_some() && gates[1].closure().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_call_at_a_time_tries_a_provider_that_is_away() {
    let gate = gate(Limits::default(), 64);
    for _ in 0..8 {
        enter(&gate).await.tell(&Verdict::Faulty(None));
    }
    let start = Instant::now();
    let trial = enter(&gate).await;
    assert!(start.elapsed() >= 2 * SECOND);
    let others = join_all((0..3).map(|_| enter(&gate)));
    let mut others = std::pin::pin!(others);
    assert!(tokio::time::timeout(60 * SECOND, others.as_mut()).await.is_err());
    trial.answered();
    assert_eq!(others.await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_given_up_leaves_its_place_to_another() {
    let gate = gate(Limits::default(), 64);
    for _ in 0..8 {
        enter(&gate).await.tell(&Verdict::Faulty(None));
    }
    drop(enter(&gate).await);
    enter(&gate).await.answered();
    assert_eq!(join_all((0..3).map(|_| enter(&gate))).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_can_go_elsewhere_does_not_wait_for_a_provider_that_is_away() {
    let gate = gate(Limits::default(), 64);
    for _ in 0..8 {
        enter(&gate).await.tell(&Verdict::Faulty(None));
    }
    let start = Instant::now();
    let barred =
        gate.enter(Expected::default(), FallbackOn::default()).await.expect_err("it is away");
    assert_eq!(
        (barred, start.elapsed()),
        (Barred::Away(FailureKind::ServiceUnavailable), Duration::ZERO)
    );
    tokio::time::sleep(3 * SECOND).await;
    let trial =
        gate.enter(Expected::default(), FallbackOn::default()).await.expect("somebody has to try");
    assert!(gate.enter(Expected::default(), FallbackOn::default()).await.is_err());
    trial.answered();
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_parks_the_lane() {
    let mut gate = gate(Limits::default(), 4);
    gate.deadline = Some(Instant::now() + 60 * SECOND);
    enter(&gate).await.tell(&Verdict::Refused(Some(90 * SECOND)));
    let barred = gate.enter(Expected::default(), NOWHERE).await.expect_err("it is in vain");
    let Barred::Closed(closure) = barred else { panic!("it is there") };
    assert!(closure.is_parked && closure.reason.contains("another 1m30s for"), "{closure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_large_request_is_neither_starved_nor_passed_by_small_ones() {
    let gate = gate(Limits { tokens_per_minute: Some(60_000), ..Limits::default() }, 64);
    let (start, times) = (Instant::now(), StdMutex::new(Vec::new()));
    let call = async |tokens: u64| {
        let expected = Expected { input: tokens, ..Expected::default() };
        let pass = gate.enter(expected, NOWHERE).await.expect("the lane is open");
        times.lock().expect("no panic").push((tokens, start.elapsed()));
        let used = Some(Need { input: tokens, output: 0 });
        let (verdict, headroom) = (Verdict::Answered, Headroom::default());
        pass.leave(&End { used, verdict, headroom, reason: &why });
    };
    // The lane is narrow at first; all but the first few wait in line behind each other.
    let sizes = (0..200).map(|n| if n == 20 { 30_000 } else { 500 });
    join_all(sizes.map(call)).await;
    let times = times.lock().expect("no panic");
    let place = times.iter().position(|(tokens, _)| *tokens == 30_000).expect("it is served");
    assert_eq!(place, 20);
    // Those behind it wait until its tokens have come in: half a minute.
    let wait = times[place + 1].1.saturating_sub(times[place].1);
    assert!(wait > 28 * SECOND && wait < 32 * SECOND, "{wait:?}");
    assert!(times.windows(2).all(|two| two[0].1 <= two[1].1));
}

#[tokio::test(start_paused = true)]
async fn whoever_can_go_elsewhere_waits_neither_for_refusals_nor_for_a_long_pause() {
    let anywhere = FallbackOn::default();
    let told = gate(Limits::default(), 4);
    let start = Instant::now();
    enter(&told).await.tell(&Verdict::Refused(Some(3 * SECOND)));
    told.enter(Expected::default(), anywhere)
        .await
        .expect("a short pause is waited for")
        .answered();
    assert_eq!(start.elapsed(), 3 * SECOND);
    enter(&told).await.tell(&Verdict::Refused(Some(90 * SECOND)));
    let barred = told.enter(Expected::default(), anywhere).await.expect_err("the pause is long");
    assert_eq!(barred, Barred::Away(FailureKind::RateLimit));
    enter(&told).await.tell(&Verdict::Faulty(Some(90 * SECOND)));
    let barred = told.enter(Expected::default(), anywhere).await.expect_err("the pause is long");
    assert_eq!(barred, Barred::Away(FailureKind::ServiceUnavailable));
    let only = FallbackOn::only(&[FallbackCause::Throttling]);
    let waits = tokio::time::timeout(60 * SECOND, told.enter(Expected::default(), only));
    assert!(waits.await.is_err(), "it cannot go elsewhere for a fault");

    let untold = gate(Limits::default(), 4);
    let start = Instant::now();
    let refused = loop {
        match untold.enter(Expected::default(), anywhere).await {
            Ok(pass) => pass.tell(&Verdict::Refused(None)),
            Err(barred) => break barred,
        }
    };
    assert_eq!((refused, start.elapsed()), (Barred::Away(FailureKind::RateLimit), Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_lane_in_a_pause_holds_no_place_that_others_share() {
    let width = Arc::new(Scope::of_places(1));
    let gates = [(); 2].map(|()| scoped(Limits::default(), Some(4), vec![Arc::clone(&width)]));
    let first = enter(&gates[0]).await;
    let waits = enter(&gates[0]);
    let other = async {
        tokio::time::sleep(SECOND).await;
        first.tell(&Verdict::Refused(Some(90 * SECOND)));
        tokio::time::sleep(SECOND).await;
        let start = Instant::now();
        enter(&gates[1]).await.answered();
        start.elapsed()
    };
    let (pass, waited) = futures::join!(waits, other);
    pass.answered();
    assert_eq!(waited, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_rest_is_over_when_the_lane_closes() {
    let gate = gate(Limits::default(), 4);
    let start = Instant::now();
    let pass = enter(&gate).await;
    let closes = async {
        tokio::time::sleep(SECOND).await;
        pass.tell(&Verdict::Closes);
    };
    futures::join!(gate.rest(start + 3600 * SECOND), closes);
    assert_eq!(start.elapsed(), SECOND);
}
