//! What the integration tests share: a server to be scripted, limits for it, job files and folders.

#![allow(dead_code, reason = "each test file uses what it needs")]

pub(crate) mod chromium;
pub(crate) mod client;
pub(crate) mod handlers;
pub(crate) mod job;
pub(crate) mod junit;
pub(crate) mod lab;
pub(crate) mod likeness;
pub(crate) mod night;
pub(crate) mod quota;
pub(crate) mod raw;
pub(crate) mod server;

use std::time::Duration;

use tokio::time::Instant;

/// Nothing that a test waits for takes this long on a machine that is not ill.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Blocks until something holds; panics with `what` when patience ends.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "in vain waited for: {what}");
        std::thread::park_timeout(Duration::from_millis(3));
    }
}

/// Blocks for this long.
pub(crate) fn pause(wait: Duration) {
    let start = Instant::now();
    while let Some(rest) = wait.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) {
        std::thread::park_timeout(rest);
    }
}

/// Passes when a measurement is right at one of a few tries: a machine that is busy with something
/// else can make any time longer, and none shorter.
#[track_caller]
pub(crate) fn timely(measure: impl Fn() -> Result<(), String>) {
    let mut told = Vec::new();
    for _ in 0..4 {
        match measure() {
            Ok(()) => return,
            Err(why) => told.push(why),
        }
    }
    panic!("at no try in time: {}", told.join("; "));
}

/// What a measurement says unless this holds.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}
