//! The breaker, whatever happens in which order, against a model of its promises: eight failures with
//! no answer between them open it, one call tries at a time, an answer closes it.

use std::time::Duration;

use runner::pace::breaker::{Allow, Breaker, Change};
use tokio::time::Instant;

use super::feed::Feed;

const RUN: u32 = 8;

/// The longest outage in seconds, and then what happens.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let start = Instant::now();
    let max_outage = Duration::from_secs(u64::from(feed.byte()));
    let mut breaker = Breaker::new(max_outage);
    let (mut now, mut run, mut is_open, mut trying) = (start, 0, false, false);
    let mut opened = 0;
    while !feed.is_empty() {
        match feed.byte() % 6 {
            0 => now += Duration::from_millis(u64::from(feed.number()) % 100_000),
            1 => match breaker.allow(now) {
                Allow::Pass => assert!(!is_open),
                Allow::Try => {
                    assert!(is_open && !trying, "one tries at a time");
                    trying = true;
                }
                Allow::Wait(until) => {
                    assert!(is_open && until > now);
                    assert!(until <= now + max_outage.max(Duration::from_mins(1)));
                }
                Allow::WaitForTrial => assert!(trying),
            },
            2 => {
                let change = breaker.answered();
                assert_eq!(change == Change::Closed, is_open, "an answer closes it");
                (run, is_open, trying) = (0, false, false);
            }
            3 => {
                breaker.untried(now);
                trying = false;
            }
            // The one that tries fails, or one that was sent before.
            way => {
                let trial = way == 4 && trying;
                run += 1;
                match breaker.failed(trial, now) {
                    Change::None => assert!(!trial && (is_open || run < RUN)),
                    Change::Closed => panic!("no failure closes it"),
                    Change::GaveUp => return assert!(trial || run >= RUN),
                    Change::Opened(until) => {
                        assert!(trial || !is_open && run >= RUN, "a run of failures opens it");
                        assert!(until > now, "it rests");
                        (is_open, trying) = (true, false);
                        opened += 1;
                    }
                }
            }
        }
        assert_eq!(breaker.is_trying(), trying);
        assert_eq!(breaker.opened(), opened);
        assert!(breaker.rests(now).is_none() || is_open);
    }
}
