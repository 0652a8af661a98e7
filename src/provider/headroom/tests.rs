//! Headers of limits and waits, as providers write them.

use super::*;
use crate::pace::headroom::Left;

/// Sun, 22 Nov 2026 02:00:00 GMT.
const NOW: Moment = Moment::from_millis(1_795_312_800_000);

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    pairs.iter().for_each(|(name, value)| headers.push(name, value));
    headers
}

#[test]
fn a_wait_is_read_in_every_form() {
    for (pairs, millis) in [
        (&[("retry-after", "20")][..], Some(20_000)),
        (&[("retry-after", "0.25")], Some(250)),
        (&[("retry-after-ms", "1250"), ("retry-after", "20")], Some(1250)),
        (&[("retry-after-ms", "soon"), ("retry-after", "20")], Some(20_000)),
        (&[("retry-after", "Sun, 22 Nov 2026 02:01:30 GMT")], Some(90_000)),
        (&[("retry-after", "Sun, 22 Nov 2026 01:00:00 GMT")], Some(0)),
        (&[("retry-after", "-5")], None),
        (&[("retry-after", "later")], None),
        (&[("retry-after", "1.8e19")], Some(366 * 86_400_000)),
        (&[("retry-after-ms", "inf")], Some(366 * 86_400_000)),
        (&[("retry-after", "NaN")], None),
        (&[], None),
    ] {
        let wait = retry_after(&headers(pairs), NOW);
        assert_eq!(wait, millis.map(Duration::from_millis), "{pairs:?}");
    }
}

#[test]
fn the_provider_has_the_last_word_on_coming_back() {
    let bad = || Failure::new(FailureKind::BadRequest, "");
    let busy = || Failure::new(FailureKind::RateLimit, "");
    let advised = |failure, says| advise(failure, &headers(&[("x-should-retry", says)]));
    assert_eq!(advised(bad(), "true").remedy(), Remedy::Retry);
    assert_eq!(advised(busy(), "false").remedy(), Remedy::GiveUp);
    assert_eq!(advised(busy(), "maybe").remedy(), Remedy::Retry);
}

fn left(remaining: u64, limit: Option<u64>, millis: Option<u64>) -> Left {
    Left { remaining, limit, reset: millis.map(Duration::from_millis) }
}

#[test]
fn openai_tells_of_requests_and_tokens_in_durations_and_azure_in_seconds() {
    for (resets, requests, tokens) in [
        (["12ms", "6m0s"], 12, 360_000),
        (["1s", "1h2m3.5s"], 1000, 3_723_500),
        (["7", "0"], 7000, 0),
        (["0.5", "120µs"], 500, 0),
    ] {
        let headers = headers(&[
            ("x-ratelimit-limit-requests", "5000"),
            ("x-ratelimit-remaining-requests", "4999"),
            ("x-ratelimit-reset-requests", resets[0]),
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-tokens", "1994301"),
            ("x-ratelimit-reset-tokens", resets[1]),
        ]);
        let headroom = Headroom {
            requests: Some(left(4999, Some(5000), Some(requests))),
            tokens: Some(left(1_994_301, Some(2_000_000), Some(tokens))),
            ..Headroom::default()
        };
        assert_eq!(read(&headers, NOW), headroom, "{resets:?}");
    }
}

#[test]
fn anthropic_tells_the_moment_by_its_own_clock() {
    let mut pairs = vec![
        ("anthropic-ratelimit-input-tokens-limit", "400000"),
        ("anthropic-ratelimit-input-tokens-remaining", "399000"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-22T02:00:21Z"),
        ("anthropic-ratelimit-output-tokens-remaining", "80000"),
        ("anthropic-ratelimit-output-tokens-reset", "2026-11-22T01:59:00Z"),
    ];
    let told = |pairs: &[(&str, &str)]| read(&headers(pairs), NOW);
    assert_eq!(told(&pairs).input_tokens, Some(left(399_000, Some(400_000), Some(21_000))));
    assert_eq!(told(&pairs).output_tokens, Some(left(80_000, None, Some(0))));
    pairs.push(("date", "Sun, 22 Nov 2026 02:00:20 GMT"));
    assert_eq!(told(&pairs).input_tokens, Some(left(399_000, Some(400_000), Some(1000))));
    assert_eq!(told(&pairs).requests, None);
}

#[test]
fn others_are_read_in_their_own_words() {
    for (pairs, requests) in [
        (
            &[
                ("x-ratelimit-limit-req-minute", "60"),
                ("x-ratelimit-remaining-req-minute", "59"),
                ("x-ratelimit-tokens-query-cost", "9"),
            ][..],
            left(59, Some(60), None),
        ),
        // OpenRouter's milliseconds of the epoch, GitHub's seconds, and a gateway's from now.
        (
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795312860000")],
            left(0, None, Some(60_000)),
        ),
        (
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795312860")],
            left(0, None, Some(60_000)),
        ),
        (
            &[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "60")],
            left(3, None, Some(60_000)),
        ),
        (
            &[
                ("ratelimit-limit", "100, 100;w=60"),
                ("ratelimit-remaining", "50"),
                ("ratelimit-reset", "30"),
            ],
            left(50, Some(100), Some(30_000)),
        ),
        (&[("ratelimit", r#""default";r=50;t=30"#)], left(50, None, Some(30_000))),
        (
            &[
                ("ratelimit", r#""day";r=900;t=9000, "burst"; r=5; t=1, "size";r=1;t=1"#),
                ("ratelimit-policy", r#""burst";q=10;w=1,"size";q=9;qu="content-bytes""#),
            ],
            left(5, Some(10), Some(1000)),
        ),
        // A form of more words goes before a common one.
        (
            &[("x-ratelimit-remaining", "3"), ("x-ratelimit-remaining-requests", "7")],
            left(7, None, None),
        ),
    ] {
        assert_eq!(read(&headers(pairs), NOW).requests, Some(requests), "{pairs:?}");
    }
}

#[test]
fn what_cannot_be_read_is_not_there() {
    for remaining in ["-1", "", "many", "NaN", "inf"] {
        let headers = headers(&[("x-ratelimit-remaining-requests", remaining)]);
        assert!(read(&headers, NOW).is_empty(), "{remaining}");
    }
    for reset in ["-5", "soon", "1e400", ""] {
        let pairs = [("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", reset)];
        assert_eq!(read(&headers(&pairs), NOW).requests, Some(left(1, None, None)), "{reset}");
    }
    let nothing = [("x-ratelimit-remaining", "0"), ("x-ratelimit-limit", "0")];
    assert!(read(&headers(&nothing), NOW).is_empty());
}

#[test]
fn a_refusal_without_a_wait_is_told_one_by_what_is_left() {
    let waits = |kind, pairs: &[(&str, &str)]| {
        let wait = advise(Failure::new(kind, ""), &headers(pairs)).retry_after;
        wait.map(|wait| wait.as_millis())
    };
    let busy = |pairs: &[(&str, &str)]| waits(FailureKind::RateLimit, pairs);
    let window = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
    assert_eq!(busy(&window), Some(40_000));
    assert_eq!(busy(&[window[0], window[1], ("retry-after", "3")]), Some(3000));
    assert_eq!(waits(FailureKind::InternalServer, &window), None);
    assert_eq!(busy(&[("x-ratelimit-remaining", "1"), window[1]]), None);
    // The reset of a bucket is when it is full; one request is there before.
    let bucket = |limit, reset| {
        busy(&[
            ("x-ratelimit-limit-requests", limit),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", reset),
        ])
    };
    assert_eq!(bucket("20", "1m0s"), Some(3000));
    assert_eq!(bucket("6000", "1m0s"), Some(500));
    assert_eq!(bucket("6000", "10ms"), Some(10));
    assert_eq!(bucket("6000", "0s"), None);
}

proptest::proptest! {
    #[test]
    fn no_header_makes_it_panic(text in "[-0-9a-zA-Z:;=,.\"µ ]{0,24}") {
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit"] {
            let common = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1"), ("date", "x")];
            let mut all = headers(&[(name, &text)]);
            common.iter().for_each(|(name, value)| all.push(name, value));
            let _ = read(&all, NOW);
            let _ = advise(Failure::new(FailureKind::RateLimit, ""), &all);
        }
    }
}
