//! The limits on requests and tokens, whatever is asked when: no window ever holds more than its
//! limit, by a model that remembers every call.

use std::time::Duration;

use runner::pace::Limits;
use runner::pace::requests::Requests;
use runner::pace::tokens::{Need, Tokens};
use tokio::time::{Instant, advance, sleep_until};

use super::feed::Feed;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// So many calls are made at most.
const CALLS: usize = 120;

/// The first byte picks requests or tokens.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async { if feed.flag() { requests(feed).await } else { tokens(feed).await } });
}

async fn requests(mut feed: Feed<'_>) {
    let some = |flag: bool, value: u64| flag.then_some(value);
    let limits = Limits {
        requests_per_minute: some(feed.flag(), u64::from(feed.number()) % 40_000 + 1),
        requests_per_second: some(feed.flag(), u64::from(feed.number()) % 4_000 + 1)
            .map(|tenths| tenths as f64 / 10.0),
        requests_per_day: some(feed.flag(), u64::from(feed.byte()) + 1),
        ..Limits::default()
    };
    let Some(requests) = Requests::new(&limits) else { return };
    let mut sent: Vec<Instant> = Vec::new();
    while !feed.is_empty() && sent.len() < CALLS {
        match feed.byte() % 8 {
            0 => requests.refused(),
            1 => advance(Duration::from_millis(u64::from(feed.number()) % 200_000)).await,
            _ => {
                let asked = Instant::now();
                for step in 0..requests.steps() {
                    while let Err((_, until)) = requests.take(step) {
                        assert!(until > Instant::now(), "a wait is one");
                        sleep_until(until).await;
                    }
                }
                assert!(asked.elapsed() <= DAY + MINUTE, "nobody waits for longer than a day");
                sent.push(Instant::now());
            }
        }
    }
    let most = |window: Duration| {
        let within =
            |from: Instant| sent.iter().filter(|at| (from..from + window).contains(at)).count();
        sent.iter().map(|from| within(*from)).max().unwrap_or(0) as f64
    };
    for (window, limit) in [
        (SECOND, limits.requests_per_second.map(f64::ceil)),
        (MINUTE, limits.requests_per_minute.map(|limit| limit as f64)),
        (DAY, limits.requests_per_day.map(|limit| limit as f64 * 2.0)),
    ] {
        assert!(limit.is_none_or(|limit| most(window) <= limit), "{window:?} {limits:?}");
    }
}

/// A call that was made: when, what was reserved, and what it used, once that is known.
struct Call {
    at: Instant,
    reserved: u64,
    used: Option<u64>,
}

async fn tokens(mut feed: Feed<'_>) {
    let per_minute = u64::from(feed.number()) % 2_000_000 + 1;
    let limits = Limits { tokens_per_minute: Some(per_minute), ..Limits::default() };
    let need = |tokens: u64| Need { input: tokens / 3, output: tokens - tokens / 3 };
    let mut tokens = Tokens::new(&limits, Instant::now()).expect("there is a limit");
    let mut calls: Vec<Call> = Vec::new();
    while !feed.is_empty() && calls.len() < CALLS {
        match feed.byte() % 8 {
            0 => tokens.refused(Instant::now()),
            1 => advance(Duration::from_millis(u64::from(feed.number()) % 200_000)).await,
            2 | 3 => {
                // Of the calls whose end is not known, any one ends. A call may use more than was
                // reserved, which nothing can undo: it is the next one that waits.
                let open: Vec<usize> =
                    (0..calls.len()).filter(|nth| calls[*nth].used.is_none()).collect();
                let Some(nth) = open.get(feed.below(open.len())) else { continue };
                let call = &mut calls[*nth];
                let used = u64::from(feed.byte()) * call.reserved / 160;
                call.used = Some(used);
                tokens.settle(need(call.reserved), need(used), call.at, Instant::now());
            }
            way => {
                let most = if way == 4 { per_minute * 2 } else { per_minute / 16 + 1 };
                let reserved = u64::from(feed.number()) % most + 1;
                let asked = Instant::now();
                while let Err((_, until)) = tokens.take(need(reserved), Instant::now()) {
                    assert!(until > Instant::now(), "a wait is one");
                    assert!(asked.elapsed() <= MINUTE * 60, "nobody waits for hours");
                    sleep_until(until).await;
                }
                let now = Instant::now();
                let recent = calls.iter().filter(|call| now < call.at + MINUTE);
                let others: u64 = recent.map(|call| call.used.unwrap_or(call.reserved)).sum();
                assert!(
                    others == 0 || others + reserved <= per_minute,
                    "{others} and {reserved} of {per_minute}"
                );
                calls.push(Call { at: now, reserved, used: None });
            }
        }
    }
}
