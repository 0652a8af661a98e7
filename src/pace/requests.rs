//! Requests per second, minute and day, by governor.
//!
//! Requests are spread evenly and the pace begins strict: a provider that allows no burst refuses
//! one, and a minute's worth sent at once would be two minutes' worth in a minute that straddles
//! two. A burst is allowed only where even spacing would be finer than a timer can keep, and the
//! rate is lowered by it, so that no window of a second or a minute ever holds more than its limit.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::pace::Limits;
use crate::pace::clock::TokioClock;

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<std::time::Instant>>;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// The finest even spacing: a burst is as many requests as fall into this time.
const SPACING: f64 = 0.005;

/// Servers count arrivals, not sends: this much of a window is left as air for a request that
/// travels longer than the one a window before it. (Half a percent of a minute, 20 ms of a second.)
const MINUTE_AIR: f64 = 0.005;
const SECOND_AIR: f64 = 0.02;

/// Which limit a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// `rps`.
    Second,
    /// `rpm`.
    Minute,
    /// `rpd`.
    Day,
}

/// The request limits of one scope.
#[derive(Debug)]
pub struct Requests {
    even: Vec<(Window, Limiter)>,
    day: Option<Day>,
}

impl Requests {
    /// The request limits among `limits`; `None` when there is none.
    pub fn new(limits: &Limits) -> Option<Self> {
        let minute = limits
            .requests_per_minute
            .map(|limit| (Window::Minute, even(limit as f64, MINUTE, MINUTE_AIR)));
        let second = limits
            .requests_per_second
            .map(|limit| (Window::Second, even(limit, SECOND, SECOND_AIR)));
        let even: Vec<_> = minute.into_iter().chain(second).collect();
        let day = limits.requests_per_day.map(Day::new);
        (!even.is_empty() || day.is_some()).then_some(Self { even, day })
    }

    /// How many steps it takes to pass: one for each limit.
    pub fn steps(&self) -> usize {
        self.even.len() + usize::from(self.day.is_some())
    }

    /// Takes a cell of the limit number `step`, or says which it is and when to ask again.
    ///
    /// The limits are taken one after the other by whoever is first in line; the finest comes
    /// last, so that it is the one that times the send.
    pub fn take(&self, step: usize) -> Result<(), (Window, Instant)> {
        let days = usize::from(self.day.is_some());
        if step < days {
            let day = self.day.as_ref().expect("there is a step for it");
            return day.take().map_err(|until| (Window::Day, until));
        }
        let (window, limiter) = &self.even[step - days];
        ask(limiter).map_err(|until| (*window, until))
    }
}

fn ask(limiter: &Limiter) -> Result<(), Instant> {
    limiter.check().map_err(|not_yet| {
        let now = TokioClock.now();
        Instant::from_std(now + not_yet.wait_time_from(now))
    })
}

/// An even pace that never puts more than `limit` requests into `window`.
fn even(limit: f64, window: Duration, air: f64) -> Limiter {
    let burst = (limit / window.as_secs_f64() * SPACING).floor().max(1.0);
    let period = window.as_secs_f64() * (1.0 + air) / (limit - burst + 1.0);
    let quota = Quota::with_period(Duration::from_secs_f64(period).max(Duration::from_nanos(1)))
        .expect("the period is above zero")
        .allow_burst(NonZeroU32::new(burst as u32).expect("the burst is at least 1"));
    RateLimiter::direct_with_clock(quota, TokioClock)
}

/// A day's requests may go at once: jobs are shorter than days. Providers count days by the
/// calendar, of which nothing is known here; a new day begins 24 hours after the first request.
#[derive(Debug)]
struct Day {
    limit: NonZeroU32,
    today: Mutex<Option<(Instant, Limiter)>>,
}

impl Day {
    fn new(limit: u64) -> Self {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Self { limit: NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN), today: Mutex::default() }
    }

    fn take(&self) -> Result<(), Instant> {
        let mut today = self.today.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        if today.as_ref().is_none_or(|(since, _)| now >= *since + DAY) {
            // One cell comes back a day later, when this limiter is no longer asked.
            let quota =
                Quota::with_period(DAY).expect("a day is above zero").allow_burst(self.limit);
            *today = Some((now, RateLimiter::direct_with_clock(quota, TokioClock)));
        }
        let (since, limiter) = today.as_ref().expect("it was just made");
        limiter.check().map_err(|_| *since + DAY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::{advance, sleep_until};

    use super::*;

    /// Virtual times, in seconds, at which `count` requests pass these limits.
    fn sends(limits: Limits, count: usize) -> Vec<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let requests = Requests::new(&limits).expect("there are limits");
            let start = Instant::now();
            let mut times = Vec::with_capacity(count);
            for _ in 0..count {
                for step in 0..requests.steps() {
                    while let Err((_, until)) = requests.take(step) {
                        sleep_until(until).await;
                    }
                }
                times.push(start.elapsed().as_secs_f64());
            }
            times
        })
    }

    fn most_in_any(window: f64, times: &[f64]) -> usize {
        let within =
            |from: &f64| times.iter().filter(|at| (*from..*from + window).contains(at)).count();
        times.iter().map(within).max().unwrap_or(0)
    }

    #[test]
    fn a_minutes_limit_is_nearly_used_and_never_passed() {
        let limits = Limits { requests_per_minute: Some(600), ..Limits::default() };
        let times = sends(limits, 1800);
        let last = times.last().expect("1800 of them");
        assert!(*last > 179.0 && *last < 183.0, "{last}");
        assert!(most_in_any(60.0, &times) <= 600);
    }

    #[test]
    fn a_days_limit_may_go_at_once_and_then_waits_for_the_next_day() {
        let limits = Limits { requests_per_day: Some(3), ..Limits::default() };
        let times: Vec<u64> = sends(limits, 7).into_iter().map(|at| at as u64 / 3600).collect();
        assert_eq!(times, [0, 0, 0, 24, 24, 24, 48]);
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_passed_unused_is_not_made_up_for() {
        let limits = Limits { requests_per_minute: Some(60), ..Limits::default() };
        let requests = Requests::new(&limits).expect("there is a limit");
        assert!(requests.take(0).is_ok());
        advance(Duration::from_mins(10)).await;
        assert!(requests.take(0).is_ok());
        assert!(requests.take(0).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_window_ever_holds_more_than_its_limit(
            rpm in 1_u64..40_000,
            rps in proptest::option::of(0.5_f64..400.0),
        ) {
            let limits = Limits {
                requests_per_minute: Some(rpm),
                requests_per_second: rps,
                ..Limits::default()
            };
            let times = sends(limits, 400);
            prop_assert!(most_in_any(60.0, &times) as u64 <= rpm);
            if let Some(rps) = rps {
                prop_assert!(most_in_any(1.0, &times) as f64 <= rps.ceil());
            }
        }
    }
}
