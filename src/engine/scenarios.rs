//! Scenarios: lanes against simulated servers in virtual time. Each file of `tests/pace/` says how
//! its servers behave and in which ranges the figures of the lanes must lie.
//!
//! A new scenario is a file there and its name below. `cargo test --lib scenarios -- --nocapture`
//! shows what was seen beside what was expected, and the course of each lane.

mod file;
mod limit;
mod server;
mod tasks;
mod verdict;
mod voice;
mod watch;

use std::future::pending;
use std::sync::Arc;

use futures::join;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use self::file::{Conduct, LaneSpec, Scenario, Told};
use self::server::Server;
use self::verdict::Verdict;
use self::watch::{Outcome, Seen};
use super::Engine;
use crate::call::record::Entry;
use crate::engine::event::Event;
use crate::engine::lane::Lane;
use crate::engine::source::Source;
use crate::engine::stop::{Level, Stopper};
use crate::engine::testing;
use crate::provider::Dialect;
use crate::provider::anthropic::Anthropic;
use crate::provider::openai_chat::OpenAiChat;

/// The lane of a scenario.
fn lane(number: usize, spec: &LaneSpec, scenario: &Scenario, server: &Arc<Server>) -> Lane {
    let seed = scenario.seed.wrapping_add(1000 + number as u64);
    let dialect = dialect(&spec.phases()[0].1);
    let server = Arc::clone(server) as _;
    let limits = spec.stated.limits();
    testing::lane(number, &spec.name, dialect, server, limits, limits.concurrency, seed)
}

fn dialect(conduct: &Conduct) -> &'static dyn Dialect {
    match conduct.headers {
        Told::Anthropic => &Anthropic,
        Told::None | Told::Openai => &OpenAiChat,
    }
}

/// Runs the lanes of these numbers to their end.
async fn run(scenario: &Scenario, numbers: &[usize]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let (mut lanes, mut sources) = (Vec::new(), Vec::new());
    let mut servers = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        let spec = &scenario.lanes[*number];
        let seed = scenario.seed.wrapping_add(10 * *number as u64);
        let server = Arc::new(Server::new(spec, seed + 1));
        lanes.push(lane(place, spec, scenario, &server));
        sources.push(tasks::of(spec, seed + 2));
        servers.push(server);
        seen.push(unseen(spec));
    }
    let engine = Engine::new(lanes, scenario.concurrency);
    follow(&engine, sources, scenario, numbers, &mut seen).await;
    for (seen, server) in seen.iter_mut().zip(&servers) {
        seen.calls = server.log();
    }
    seen
}

/// Runs the engine until it ends, stops it where the scenario says so, and notes what it tells.
async fn follow(
    engine: &Engine,
    sources: Vec<Source>,
    scenario: &Scenario,
    numbers: &[usize],
    seen: &mut [Seen],
) {
    let began = Instant::now();
    let stopper = Stopper::default();
    let (sender, mut events) = mpsc::channel(16);
    let running = engine.run(sources, sender, stopper.heard());
    let listening = async {
        while let Some(event) = events.recv().await {
            let at = began.elapsed().as_secs_f64();
            match event {
                Event::Finished { lane, entry, .. } => {
                    let spec = &scenario.lanes[numbers[lane]];
                    seen[lane].outcomes.push(outcome(spec, &entry, at));
                }
                Event::LaneEnded { lane } => seen[lane].ended = at,
                _ => {}
            }
        }
    };
    let stopping = async {
        match scenario.stop_after {
            Some(after) => sleep(after.0).await,
            None => pending().await,
        }
        stopper.stop(Level::Draining);
        pending::<()>().await;
    };
    let finished = async { join!(running, listening) };
    tokio::select! {
        biased;
        _ = finished => {}
        () = stopping => {}
    }
}

/// A lane that has not begun.
fn unseen(spec: &LaneSpec) -> Seen {
    let phases = spec.phases().into_iter();
    Seen {
        name: spec.name.clone(),
        stated: spec.stated.limits(),
        phases: phases.map(|(from, conduct)| (from.as_secs_f64(), conduct)).collect(),
        calls: Vec::new(),
        outcomes: Vec::new(),
        ended: 0.0,
        alone: None,
    }
}

fn outcome(spec: &LaneSpec, entry: &Entry, at: f64) -> Outcome {
    let queued = entry.tries.iter().map(|one| one.queued_ms).chain([entry.record.queued_ms]);
    Outcome {
        at,
        status: entry.record.status,
        queued: queued.max().unwrap_or(0) as f64 / 1000.0,
        is_large: spec.large.as_ref().is_some_and(|large| large.is(entry.index)),
    }
}

/// Plays the scenario of this name, and fails with all that was seen where a range is left.
async fn play(name: &str) {
    let scenario = Scenario::read(name);
    let all: Vec<usize> = (0..scenario.lanes.len()).collect();
    let mut seen = run(&scenario, &all).await;
    let mut verdict = Verdict::new(&format!("{name}: {}", scenario.title));
    for name in scenario.expect.keys() {
        let is_known = scenario.lanes.iter().any(|spec| spec.name == *name);
        assert!(is_known, "there is no lane `{name}`");
    }
    for number in all {
        let Some(expected) = scenario.expect.get(&scenario.lanes[number].name) else { continue };
        if expected.contains_key("share_of_alone") {
            let alone = run(&scenario, &[number]).await;
            seen[number].alone = Some(alone[0].per_second());
        }
        verdict.judge(&seen[number], expected);
    }
    assert!(verdict.is_fine(), "{verdict}");
    tell(&verdict);
}

#[expect(clippy::print_stderr, reason = "it is shown to those who ask for it")]
fn tell(verdict: &Verdict) {
    eprintln!("{verdict}");
}

/// One test for each file.
macro_rules! scenarios {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                Box::pin(play(stringify!($name))).await;
            }
        )*
    };
}

scenarios! {
    away_two_minutes
    burst
    dead_beside_quick
    dead_endpoint
    failing_beside_quick
    flapping
    hidden_rpm_bucket
    hidden_rpm_bucket_retry_after
    hidden_rpm_counts_refusals
    hidden_rpm_fixed
    hidden_rpm_fixed_retry_after
    hidden_rpm_sliding
    hidden_rpm_sliding_retry_after
    hidden_slots
    hidden_slots_behind_slow_answers
    hidden_slots_retry_after
    key_revoked
    large_request_among_small
    money_used_up
    nothing_in_the_way
    one_slot
    outage_two_minutes
    refusals_by_chance
    requests_10k
    retry_after_90s
    rpm_halves_and_doubles
    rpm_halves_and_doubles_told
    rpm_stated_strict
    rps_stated
    slots_double
    slots_halve
    slots_stated_cap
    slots_stated_too_high
    slow_beside_quick
    slow_beside_quick_with_slots
    stated_too_high_and_told
    storm_of_500s_half
    storm_of_500s_nine_tenths
    throttled_beside_quick
    timeouts
    timeouts_in_a_crowd
    tokens_10k_1m
    tokens_10k_1m_uniform
    tokens_bucket_of_a_second
    tokens_counted_as_fewer
    tokens_counted_as_more
    tokens_long_answers
    tokens_max_charged
    tokens_max_stated
    tokens_of_each_side
    twenty_percent_faults
    wrong_key
}

#[test]
fn every_scenario_is_played() {
    let names = std::fs::read_dir(file::folder()).expect("the folder can be read").map(|entry| {
        let path = entry.expect("an entry").path();
        path.file_stem().expect("it has a name").to_string_lossy().into_owned()
    });
    let mut names: Vec<String> = names.collect();
    let mut played: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    names.sort();
    played.sort();
    assert_eq!(names, played);
}
