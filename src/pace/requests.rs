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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// `rps`.
    Second,
    /// `rpm`.
    Minute,
    /// `rpd`.
    Day,
}

/// A refusal in spite of the pace says that the provider's clock and ours differ by more than the
/// air: a request that travelled long, and one behind it that did not, arrive too close. Each
/// refusal adds this share of the spacing, up to [`MOST_SLACK`]; calm takes it away again.
const SLACK: f64 = 0.01;
const MOST_SLACK: f64 = 0.06;
/// So many requests in a row without a refusal are calm.
const CALM: u32 = 150;

/// The request limits of one scope.
#[derive(Debug)]
pub struct Requests {
    even: Vec<Mutex<Even>>,
    day: Option<Day>,
}

impl Requests {
    /// The request limits among `limits`; `None` when there is none.
    pub fn new(limits: &Limits) -> Option<Self> {
        let minute =
            limits.requests_per_minute.map(|limit| Even::new(Window::Minute, limit as f64));
        let second = limits.requests_per_second.map(|limit| Even::new(Window::Second, limit));
        let even: Vec<_> = minute.into_iter().chain(second).map(Mutex::new).collect();
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
        match (&self.day, step) {
            (Some(day), 0) => day.take().map_err(|until| (Window::Day, until)),
            (day, step) => lock(&self.even[step - usize::from(day.is_some())]).take(),
        }
    }

    /// The provider refused a request although the pace was kept: it is slowed by a little.
    pub fn refused(&self) {
        self.even.iter().for_each(|even| lock(even).slow_down());
    }
}

/// An even pace that never puts more than its limit into a window.
#[derive(Debug)]
struct Even {
    window: Window,
    limit: f64,
    slack: f64,
    calm: u32,
    limiter: Limiter,
}

impl Even {
    fn new(window: Window, limit: f64) -> Self {
        Self { window, limit, slack: 0.0, calm: 0, limiter: limiter(window, limit, 0.0) }
    }

    fn take(&mut self) -> Result<(), (Window, Instant)> {
        self.limiter.check().map_err(|not_yet| {
            let now = TokioClock.now();
            (self.window, Instant::from_std(now + not_yet.wait_time_from(now)))
        })?;
        self.calm += 1;
        if self.calm >= CALM && self.slack > 0.0 {
            self.set_slack(self.slack - SLACK / 2.0);
        }
        Ok(())
    }

    fn slow_down(&mut self) {
        self.set_slack(self.slack + SLACK);
    }

    fn set_slack(&mut self, slack: f64) {
        self.calm = 0;
        self.slack = slack.clamp(0.0, MOST_SLACK);
        self.limiter = limiter(self.window, self.limit, self.slack);
        // A new limiter would let a request pass at once, right behind the last one.
        while self.limiter.check().is_ok() {}
    }
}

fn limiter(window: Window, limit: f64, slack: f64) -> Limiter {
    let (length, air) = match window {
        Window::Second => (SECOND, SECOND_AIR),
        Window::Minute | Window::Day => (MINUTE, MINUTE_AIR),
    };
    let length = length.as_secs_f64();
    let burst = (limit / length * SPACING).floor().max(1.0);
    let period = length * (1.0 + air + slack) / (limit - burst + 1.0);
    let quota = Quota::with_period(Duration::from_secs_f64(period).max(Duration::from_nanos(1)))
        .expect("the period is above zero")
        .allow_burst(NonZeroU32::new(burst as u32).expect("the burst is at least 1"));
    RateLimiter::direct_with_clock(quota, TokioClock)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
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
        let mut today = lock(&self.today);
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
    async fn a_refusal_slows_the_pace_and_calm_restores_it() {
        let limits = Limits { requests_per_minute: Some(600), ..Limits::default() };
        let requests = Requests::new(&limits).expect("there is a limit");
        let spacing = async || {
            let before = Instant::now();
            while let Err((_, until)) = requests.take(0) {
                sleep_until(until).await;
            }
            before.elapsed().as_secs_f64()
        };
        requests.take(0).expect("the first goes at once");
        (0..3).for_each(|_| requests.refused());
        spacing().await;
        assert!((0.1030..0.1050).contains(&spacing().await));
        for _ in 0..2000 {
            spacing().await;
        }
        assert!((0.1000..0.1020).contains(&spacing().await));
        (0..100).for_each(|_| requests.refused());
        spacing().await;
        assert!(spacing().await < 0.1080);
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
