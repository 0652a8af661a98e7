//! How fast: limits are kept and used up, waits that a provider asks for are felt, and nobody
//! waits for somebody else's.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::handlers::{completion, echo, error_body, once, slowly};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::quota::{sliding_sum, sliding_window};
use crate::support::server::{Reply, Seen, Server};
use crate::support::{ensure, pause, timely};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;
const SECOND: Duration = Duration::from_secs(1);

/// Sends requests for four seconds at a pace of so many a second, to a server that refuses more
/// than that in `window`: none too fast, few refused, and the whole within a tenth of the best.
fn paced(pace: u32, window: Duration, job: impl Fn(&Server) -> Lab) -> Result<(), String> {
    let rows = 4 * pace as usize;
    let limit = window.as_secs() * u64::from(pace);
    let server = Server::start(sliding_window(limit, window, slowly(MILLIS(30), echo())));
    let dir = JobDir::with(&job(&server).rows(rows));
    let mut running = dir.spawn(&["job.toml"]);
    let (start, mut crowds) = (Instant::now(), Vec::new());
    while running.is_running() {
        pause(MILLIS(10));
        crowds.push(crowd());
    }
    let took = start.elapsed();
    running.wait().expect_code(0);
    let crowd = crowds.iter().sum::<f64>() / crowds.len() as f64;
    assert_eq!(server.status(200), rows);
    let (refused, most) = (server.status(429), server.most_within(window) as u64);
    ensure(refused * 100 < rows, || format!("{refused} of {rows} were refused"))?;
    ensure(most <= limit + 1, || format!("{most} within {window:?}"))?;
    let best = (SECOND * (rows as u32 - 1) / pace).mul_f64(crowd.max(1.0));
    ensure(took < best.mul_f64(1.1) + MILLIS(150), || format!("{took:?}, at best {best:?}"))
}

/// How many threads want each processor at this moment, where the system tells: nothing is in time
/// while many do.
fn crowd() -> f64 {
    let told = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let running = told.split_whitespace().nth(3).and_then(|part| part.split('/').next());
    let others = running.and_then(|count| count.parse::<f64>().ok()).unwrap_or(1.0) - 1.0;
    others / std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}

#[test]
fn requests_per_minute_are_kept_and_used_up() {
    let job = |server: &Server| Lab::at(server).provider("limits = { rpm = 6000 }");
    timely(|| paced(100, 2 * SECOND, job));
}

#[test]
fn requests_per_second_are_kept_and_used_up() {
    let job = |server: &Server| Lab::at(server).model("model = \"lab/m\"\nlimits = { rps = 40 }");
    timely(|| paced(40, SECOND, job));
}

#[test]
fn models_share_the_limits_of_their_provider() {
    timely(|| {
        let server = Server::start(echo());
        let lab = Lab::at(&server)
            .provider("limits = { rps = 50 }")
            .model("model = \"lab/a\"")
            .model("model = \"lab/b\"")
            .rows(30);
        JobDir::with(&lab).go(0);
        let (took, most) = (server.span(), server.most_within(SECOND));
        ensure(took > MILLIS(1150) && took < MILLIS(1400), || format!("{took:?}"))?;
        ensure(most <= 51, || format!("{most} within a second"))
    });
}

#[test]
fn tokens_per_minute_are_kept_and_used_up() {
    // A word is a token to the server, so a call is 50 in and 50 out: ten calls a second.
    const ROWS: usize = 40;
    let text = |n| format!("row {n} {}", "word ".repeat(48));
    let words = |seen: &Seen| 2 * seen.text.split_whitespace().count() as u64;
    timely(|| {
        // Two seconds' worth, and the second's worth that may go at once.
        let limited = sliding_sum(3_000, 2 * SECOND, words, slowly(MILLIS(20), echo()));
        let server = Server::start(limited);
        let lab = Lab::at(&server)
            .top("params = { max_tokens = 60 }")
            .provider("limits = { tpm = 60_000 }")
            .texts((0..ROWS).map(text));
        JobDir::with(&lab).go(0);
        let (took, refused) = (server.span(), server.status(429));
        ensure(refused == 0, || format!("{refused} were refused"))?;
        ensure(took > MILLIS(2700) && took < MILLIS(4400), || format!("{took:?}"))
    });
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
    timely(|| {
        // Every row that ends in 0, 4 or 8 fails at first, and then sleeps up to 1.5 s; the others
        // take no more time for it.
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
        JobDir::with(&lab).go(0);
        assert!(server.max_in_flight() <= 2);
        // In turns of two, twelve sleeps of 0.75 s on average would take 4.5 s.
        ensure(server.span() < MILLIS(2200), || format!("{:?}", server.span()))
    });
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

/// Asserts that the lane was silent for this long, and hardly longer.
#[track_caller]
fn assert_silence(reply: impl Fn() -> Reply, least: Duration, most: Duration) {
    timely(|| {
        let silence = silence_after(reply());
        ensure(silence >= least && silence < most, || format!("silent for {silence:?}"))
    });
}

#[test]
fn a_wait_in_seconds_is_felt_by_the_whole_lane() {
    let reply = || wait_please(&[("retry-after", "2".to_owned())]);
    assert_silence(reply, 2 * SECOND, MILLIS(2500));
}

#[test]
fn a_wait_in_milliseconds_beats_one_in_seconds() {
    let headers = [("retry-after-ms", "700".to_owned()), ("retry-after", "9".to_owned())];
    assert_silence(|| wait_please(&headers), MILLIS(700), MILLIS(1200));
}

#[test]
fn a_wait_until_a_date_is_felt() {
    let reply = || {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a time after 1970");
        let until = std::time::UNIX_EPOCH + Duration::from_secs(now.as_secs() + 3);
        wait_please(&[("retry-after", httpdate::fmt_http_date(until))])
    };
    // A date has whole seconds, and the program has to start first.
    assert_silence(reply, SECOND, MILLIS(3300));
}

#[test]
fn an_overloaded_provider_may_ask_to_wait_too() {
    let body = error_body("overloaded", "overloaded", "busy");
    let reply = || Reply::Json(503, vec![("retry-after", "1".to_owned())], body.clone());
    assert_silence(reply, SECOND, MILLIS(1500));
}

/// Runs a job that asks a first provider and another, `quick`, 40 rows each, 8 at a time, and says
/// how long each was asked.
fn beside(first: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Duration, Duration) {
    let (first, quick) = (Server::start(first), Server::start(slowly(MILLIS(10), echo())));
    let table =
        format!("[providers.quick]\ndialect = \"openai\"\nbase_url = \"{}\"", quick.base_url());
    let lab = Lab::at(&first)
        .model("model = \"lab/m\"")
        .model("model = \"quick/m\"\nlabel = \"quick\"")
        .limits("concurrency = 8")
        .rows(40)
        .and(&table);
    JobDir::with(&lab).go(0);
    (first.span(), quick.span())
}

#[test]
fn a_slow_provider_does_not_slow_another() {
    timely(|| {
        let (slow, quick) = beside(slowly(MILLIS(250), echo()));
        assert!(slow > SECOND, "{slow:?}");
        ensure(quick < MILLIS(500), || format!("{quick:?}"))
    });
}

#[test]
fn a_paused_provider_does_not_pause_another() {
    timely(|| {
        let wait = wait_please(&[("retry-after", "2".to_owned())]);
        let (paused, quick) = beside(once(wait, echo()));
        assert!(paused >= 2 * SECOND, "{paused:?}");
        ensure(quick < MILLIS(500), || format!("{quick:?}"))
    });
}
