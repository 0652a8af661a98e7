//! Limits of tokens, in virtual time.

use std::time::Duration;

use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

fn tokens(per_minute: u64) -> Tokens {
    let limits = Limits { tokens_per_minute: Some(per_minute), ..Limits::default() };
    Tokens::new(&limits, Instant::now()).expect("there is a limit")
}

fn need(input: u64, output: u64) -> Need {
    Need { input, output }
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_bucket_goes_alone_and_is_paid_for_after() {
    let mut tokens = tokens(6000);
    let start = Instant::now();
    assert!(tokens.take(need(1000, 1000), start).is_ok());
    let (counted, until) = tokens.take(need(10, 0), start).expect_err("there is a debt");
    assert_eq!(counted, Counted::All);
    let wait = (until - start).as_secs_f64();
    assert!((19.0..21.0).contains(&wait), "{wait}");
    assert!(tokens.take(need(10, 0), until).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_was_not_used_is_given_back() {
    let mut tokens = tokens(6000);
    let now = Instant::now();
    assert!(tokens.take(need(10, 90), now).is_ok());
    assert!(tokens.take(need(10, 80), now).is_err());
    tokens.settle(need(10, 90), need(10, 0), now, now);
    assert!(tokens.take(need(10, 80), now).is_ok());
}

#[tokio::test(start_paused = true)]
async fn all_limits_are_taken_or_none() {
    let limits = Limits {
        input_tokens_per_minute: Some(6000),
        output_tokens_per_minute: Some(600),
        ..Limits::default()
    };
    let now = Instant::now();
    let mut tokens = Tokens::new(&limits, now).expect("limits");
    assert!(tokens.take(need(50, 10), now).is_ok());
    assert_eq!(
        tokens.take(need(50, 10), now).map_err(|(counted, _)| counted),
        Err(Counted::Output)
    );
    assert!(tokens.take(need(50, 0), now).is_ok());
}

#[tokio::test(start_paused = true)]
async fn no_minute_holds_more_than_the_limit() {
    let mut tokens = tokens(60_000);
    let start = Instant::now();
    let mut now = start;
    let mut sent = 0;
    while now < start + Duration::from_mins(1) {
        match tokens.take(need(70, 30), now) {
            Ok(()) => sent += 100,
            Err((_, until)) => now = until,
        }
    }
    assert!((58_000..=60_000).contains(&sent), "{sent}");
}

const MINUTE: Duration = Duration::from_mins(1);

/// The share of a limit that requests of these sizes use in half an hour, when each waits until it
/// may go.
fn share(per_minute: u64, sizes: std::ops::Range<u64>) -> f64 {
    let mut rng = StdRng::seed_from_u64(7);
    let start = Instant::now();
    let (mut tokens, mut now, mut sent) = (tokens(per_minute), start, 0);
    let mut next = rng.random_range(sizes.clone());
    while now < start + 30 * MINUTE {
        match tokens.take(need(next, 0), now) {
            Ok(()) => {
                sent += next;
                next = rng.random_range(sizes.clone());
            }
            Err((_, until)) => now = until,
        }
    }
    sent as f64 / (per_minute * 30) as f64
}

#[test]
fn nearly_all_of_a_limit_can_be_used() {
    for (per_minute, sizes) in [(1_000_000, 10..10_000), (6000, 500..501), (60_000, 1..300)] {
        let share = share(per_minute, sizes.clone());
        assert!((0.97..=1.0).contains(&share), "{share} of {per_minute} by {sizes:?}");
    }
}

#[test]
fn a_refusal_slows_the_pace_and_calm_restores_it() {
    let start = Instant::now();
    let mut tokens = tokens(60_000);
    let mut now = start;
    let mut spacing = |tokens: &mut Tokens| {
        let before = now;
        while let Err((_, until)) = tokens.take(need(1000, 0), now) {
            now = until;
        }
        (now - before, now)
    };
    let millis = |(spacing, _): (Duration, Instant)| spacing.as_millis();
    for _ in 0..5 {
        spacing(&mut tokens);
    }
    assert!((1018..1025).contains(&millis(spacing(&mut tokens))));
    // Refusals that come together count as one.
    let (_, now) = spacing(&mut tokens);
    (0..9).for_each(|_| tokens.refused(now));
    assert!((1033..1040).contains(&millis(spacing(&mut tokens))));
    for _ in 0..400 {
        spacing(&mut tokens);
    }
    assert!((1018..1025).contains(&millis(spacing(&mut tokens))));
    for _ in 0..100 {
        let (_, now) = spacing(&mut tokens);
        tokens.refused(now);
    }
    assert!((1270..1290).contains(&millis(spacing(&mut tokens))));
}

/// One call: when it was taken, what was reserved, and what it used, once that is known.
#[derive(Debug)]
struct Call {
    at: Instant,
    reserved: u64,
    used: u64,
    settled: bool,
}

/// What the calls of the last minute count, as far as is known.
fn in_minute(calls: &[Call], now: Instant) -> u64 {
    let recent = calls.iter().filter(|call| now < call.at + MINUTE);
    recent.map(|call| if call.settled { call.used } else { call.reserved }).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_minute_holds_more_than_the_limit_whatever_is_asked(
        per_minute in 1_u64..50_000,
        asked in proptest::collection::vec((0.0_f64..1.0, 0.0_f64..1.6, 0_u64..45, any::<bool>()), 150),
    ) {
        let start = Instant::now();
        let (mut tokens, mut now) = (tokens(per_minute), start);
        let mut calls: Vec<Call> = Vec::new();
        let mut settles: Vec<(Instant, usize)> = Vec::new();
        for (size, usage, seconds, is_large) in asked {
            // Some are larger than the bucket, and some than the limit.
            let most = per_minute as f64 * if is_large { 1.2 } else { 0.02 };
            let reserved = (size * most) as u64 + 1;
            while let Err((_, until)) = tokens.take(need(reserved, 0), now) {
                prop_assert!(until > now && until <= now + 3 * MINUTE);
                let next = settles.iter().enumerate().min_by_key(|(_, (at, _))| *at);
                let next = next.filter(|(_, (at, _))| *at <= until).map(|(n, _)| n);
                let Some((at, call)) = next.map(|n| settles.swap_remove(n)) else {
                    now = until;
                    continue;
                };
                now = now.max(at);
                let Call { at, reserved, used, ref mut settled } = calls[call];
                *settled = true;
                tokens.settle(need(reserved, 0), need(used, 0), at, now);
            }
            let others = in_minute(&calls, now);
            prop_assert!(others == 0 || others + reserved <= per_minute, "{others} and {reserved}");
            let used = (reserved as f64 * usage) as u64;
            settles.push((now + Duration::from_secs(seconds), calls.len()));
            calls.push(Call { at: now, reserved, used, settled: false });
        }
    }
}
