//! Limits that a test's server enforces around a handler: a sliding window or a token bucket.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::handlers::error_body;
use crate::support::server::{Reply, Seen};

/// At most `limit` requests within any window of this length; others get status 429.
pub(crate) fn sliding_window(
    limit: u64,
    window: Duration,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    sliding_sum(limit, window, |_| 1, inner)
}

/// The same for what requests cost, such as tokens.
pub(crate) fn sliding_sum(
    limit: u64,
    window: Duration,
    cost: impl Fn(&Seen) -> u64 + Send + Sync + 'static,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let past: Mutex<VecDeque<(Instant, u64)>> = Mutex::default();
    move |seen: &Seen| {
        let cost = cost(seen);
        let mut past = past.lock().expect("nobody panics while counting");
        while past.front().is_some_and(|(at, _)| seen.at.duration_since(*at) >= window) {
            past.pop_front();
        }
        let spent: u64 = past.iter().map(|(_, cost)| cost).sum();
        if spent + cost > limit {
            let oldest =
                past.front().map_or(window, |(at, _)| window.saturating_sub(seen.at - *at));
            return too_many(limit, oldest);
        }
        past.push_back((seen.at, cost));
        drop(past);
        inner(seen)
    }
}

/// At most `burst` requests at once, and `per_second` in the long run; others get status 429.
pub(crate) fn token_bucket(
    per_second: f64,
    burst: f64,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let bucket: Mutex<Option<(Instant, f64)>> = Mutex::default();
    move |seen: &Seen| {
        let mut bucket = bucket.lock().expect("nobody panics while counting");
        let (at, level) = bucket.unwrap_or((seen.at, burst));
        let gained = seen.at.duration_since(at).as_secs_f64() * per_second;
        let level = (level + gained).min(burst);
        if level < 1.0 {
            *bucket = Some((seen.at, level));
            return too_many(burst as u64, Duration::from_secs_f64((1.0 - level) / per_second));
        }
        *bucket = Some((seen.at, level - 1.0));
        drop(bucket);
        inner(seen)
    }
}

fn too_many(limit: u64, wait: Duration) -> Reply {
    let millis = wait.as_nanos().div_ceil(1_000_000);
    let message = format!("Rate limit reached: Limit {limit}. Please try again in {millis}ms.");
    let headers = vec![
        ("retry-after", millis.div_ceil(1_000).to_string()),
        ("retry-after-ms", millis.to_string()),
    ];
    Reply::Json(429, headers, error_body("requests", "rate_limit_exceeded", &message))
}
