//! How fast: limits are kept and used up, waits that a provider asks for are felt, and nobody
//! waits for somebody else's.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::handlers::{completion, echo, error_body, once, slowly};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::quota::{sliding_sum, sliding_window};
use crate::support::server::{Reply, Seen, Server};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;
const SECOND: Duration = Duration::from_secs(1);

/// Asserts that so many requests at this pace came in time: none too fast, few refused, and the
/// whole within a tenth of the best.
#[track_caller]
fn assert_paced(server: &Server, rows: usize, every: Duration, took: Duration) {
    let refused = server.status(429);
    assert!(refused * 100 < rows, "{refused} of {rows} were refused");
    let best = every * (rows as u32 - 1);
    assert!(took < best + best / 10 + MILLIS(200), "{took:?} where {best:?} is the best");
    assert_eq!(server.status(200), rows);
}

#[test]
fn requests_per_minute_are_kept_and_used_up() {
    const ROWS: usize = 450;
    let server = Server::start(sliding_window(200, 2 * SECOND, slowly(MILLIS(30), echo())));
    let lab = Lab::at(&server).provider("limits = { rpm = 6000 }").rows(ROWS);
    let dir = JobDir::with(&lab);
    let start = Instant::now();
    dir.go(0);
    assert_paced(&server, ROWS, MILLIS(10), start.elapsed());
    assert!(server.most_within(2 * SECOND) <= 201, "{}", server.most_within(2 * SECOND));
}

#[test]
fn requests_per_second_are_kept_and_used_up() {
    const ROWS: usize = 300;
    let server = Server::start(sliding_window(100, SECOND, slowly(MILLIS(30), echo())));
    let lab = Lab::at(&server).model("model = \"lab/m\"\nlimits = { rps = 100 }").rows(ROWS);
    let dir = JobDir::with(&lab);
    let start = Instant::now();
    dir.go(0);
    assert_paced(&server, ROWS, MILLIS(10), start.elapsed());
    assert!(server.most_within(SECOND) <= 101, "{}", server.most_within(SECOND));
}

#[test]
fn models_share_the_limits_of_their_provider() {
    const ROWS: usize = 60;
    let server = Server::start(echo());
    let lab = Lab::at(&server)
        .provider("limits = { rps = 50 }")
        .model("model = \"lab/a\"")
        .model("model = \"lab/b\"")
        .rows(ROWS / 2);
    JobDir::with(&lab).go(0);
    let took = server.span();
    assert!(took > MILLIS(1150) && took < MILLIS(1500), "{took:?}");
    assert!(server.most_within(SECOND) <= 51, "{}", server.most_within(SECOND));
}

#[test]
fn tokens_per_minute_are_kept_and_used_up() {
    // A word is a token to the server, so a call is 50 in and 50 out: ten calls a second.
    const ROWS: usize = 40;
    let text = |n| format!("row {n} {}", "word ".repeat(48));
    let words = |seen: &Seen| 2 * seen.text.split_whitespace().count() as u64;
    // Two seconds' worth, and the second's worth that may go at once.
    let server = Server::start(sliding_sum(3_000, 2 * SECOND, words, slowly(MILLIS(20), echo())));
    let lab = Lab::at(&server)
        .top("params = { max_tokens = 60 }")
        .provider("limits = { tpm = 60_000 }")
        .texts((0..ROWS).map(text));
    JobDir::with(&lab).go(0);
    assert_eq!(server.status(429), 0);
    let took = server.span();
    assert!(took > MILLIS(2700) && took < MILLIS(4400), "{took:?}");
}

/// The most calls in flight at a time, of 40 that take 25 ms each.
fn width(lab: impl Fn(&Server) -> Lab, args: &[&str]) -> usize {
    let server = Server::start(slowly(MILLIS(25), echo()));
    JobDir::with(&lab(&server)).go_with(0, args);
    server.max_in_flight()
}

#[test]
fn concurrency_is_reached_and_never_passed() {
    let lab = |server: &Server| Lab::at(server).rows(40);
    assert_eq!(width(|server| lab(server).limits("concurrency = 5"), &[]), 5);
    assert_eq!(width(|server| lab(server).provider("limits = { concurrency = 3 }"), &[]), 3);
    let model = "model = \"lab/m\"\nlimits = { concurrency = 4 }";
    assert_eq!(width(|server| lab(server).model(model), &[]), 4);
    assert_eq!(width(lab, &["--concurrency", "6"]), 6);
    let two = |server: &Server| lab(server).model("model = \"lab/a\"").model("model = \"lab/b\"");
    assert_eq!(width(|server| two(server).provider("limits = { concurrency = 3 }"), &[]), 3);
    assert_eq!(width(|server| two(server).limits("concurrency = 5"), &[]), 5);
    assert_eq!(width(|server| two(server).limits("concurrency = 1"), &[]), 1);
}

#[test]
fn a_retry_that_sleeps_takes_nobodys_place() {
    // One row in four fails at first and sleeps long; the others need no more time for it.
    let server = Server::start(|seen: &Seen| {
        let fails = seen.text.ends_with(['0', '4', '8']) && seen.n_of_this_text == 0;
        match fails {
            true => Reply::Json(500, Vec::new(), error_body("x", "x", "oops")),
            false => Reply::ok(completion(seen, "ok")).after(MILLIS(10)),
        }
    });
    let lab = Lab::at(&server)
        .rows(40)
        .limits("concurrency = 2")
        .retry("initial = \"1500ms\"\nmax = \"1500ms\"");
    let start = Instant::now();
    JobDir::with(&lab).go(0);
    assert!(server.max_in_flight() <= 2);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// 429 with these headers.
fn wait_please(headers: &[(&'static str, String)]) -> Reply {
    let body = error_body("requests", "rate_limit_exceeded", "slow down");
    Reply::Json(429, headers.to_vec(), body)
}

/// How long nobody came after the very first request, which gets this reply at once, where the
/// others get theirs after 150 ms.
fn silence_after(reply: Reply) -> Duration {
    let server = Server::start(once(reply, slowly(MILLIS(150), echo())));
    JobDir::with(&Lab::at(&server).rows(12).limits("concurrency = 4")).go(0);
    let arrivals = server.arrivals();
    let after = |wait| arrivals.iter().position(|at| *at > arrivals[0] + wait);
    // The other three places had sent theirs before the refusal came.
    let next = after(MILLIS(100)).expect("the lane goes on");
    assert!(next <= 4, "{arrivals:?}");
    arrivals[next].saturating_sub(arrivals[0])
}

#[test]
fn a_wait_in_seconds_is_felt_by_the_whole_lane() {
    let silence = silence_after(wait_please(&[("retry-after", "2".to_owned())]));
    assert!(silence >= 2 * SECOND && silence < MILLIS(2600), "{silence:?}");
}

#[test]
fn a_wait_in_milliseconds_beats_one_in_seconds() {
    let headers = [("retry-after-ms", "700".to_owned()), ("retry-after", "9".to_owned())];
    let silence = silence_after(wait_please(&headers));
    assert!(silence >= MILLIS(700) && silence < MILLIS(1300), "{silence:?}");
}

#[test]
fn a_wait_until_a_date_is_felt() {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970");
    let until = std::time::UNIX_EPOCH + Duration::from_secs(now.as_secs() + 3);
    let silence = silence_after(wait_please(&[("retry-after", httpdate::fmt_http_date(until))]));
    // Less what of the second had passed, and the start of the program.
    assert!(silence >= MILLIS(1000) && silence < MILLIS(3600), "{silence:?}");
}

#[test]
fn an_overloaded_provider_may_ask_to_wait_too() {
    let body = error_body("overloaded", "overloaded", "busy");
    let reply = Reply::Json(503, vec![("retry-after", "1".to_owned())], body);
    let silence = silence_after(reply);
    assert!(silence >= SECOND && silence < MILLIS(1600), "{silence:?}");
}

/// A job that asks a first provider and another, `quick`, 40 rows each, 8 at a time.
fn beside(first: &Server, quick: &Server) -> Lab {
    let table =
        format!("[providers.quick]\ndialect = \"openai\"\nbase_url = \"{}\"", quick.base_url());
    Lab::at(first)
        .model("model = \"lab/m\"")
        .model("model = \"quick/m\"\nlabel = \"quick\"")
        .limits("concurrency = 8")
        .rows(40)
        .and(&table)
}

#[test]
fn a_slow_provider_does_not_slow_another() {
    let (slow, quick) =
        (Server::start(slowly(MILLIS(250), echo())), Server::start(slowly(MILLIS(10), echo())));
    JobDir::with(&beside(&slow, &quick)).go(0);
    assert!(slow.span() > SECOND, "{:?}", slow.span());
    assert!(quick.span() < MILLIS(600), "{:?}", quick.span());
}

#[test]
fn a_paused_provider_does_not_pause_another() {
    let wait = wait_please(&[("retry-after", "2".to_owned())]);
    let (paused, quick) =
        (Server::start(once(wait, echo())), Server::start(slowly(MILLIS(10), echo())));
    JobDir::with(&beside(&paused, &quick)).go(0);
    assert!(paused.span() >= 2 * SECOND, "{:?}", paused.span());
    assert!(quick.span() < MILLIS(600), "{:?}", quick.span());
}
