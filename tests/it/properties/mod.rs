//! What must hold of whatever comes from outside: one function each, from any bytes to a panic where
//! it does not hold.
//!
//! `fuzz.rs` beside this folder calls them with a few mutations of their seeds, and the targets in
//! `fuzz/` call the same functions for as long as one likes. To add one, add its file, its line to
//! [`ALL`], its seeds to `fuzz.rs`, and a file to `fuzz/fuzz_targets`.

mod breaker;
mod budget;
mod commitments;
mod dialect;
mod event_stream;
mod expressions;
mod feed;
mod invoice;
mod job;
mod journal;
mod limiter;
mod manifest;
mod pilot;
mod report;
mod rows;
mod scorers;
mod scratch;
mod sse;
mod template;

/// Panics where the bytes show that something does not hold.
pub(crate) type Holds = fn(&[u8]);

/// Every property by its name, which is that of its fuzz target.
pub(crate) const ALL: &[(&str, Holds)] = &[
    ("job", job::holds),
    ("template", template::holds),
    ("rows", rows::holds),
    ("dialect", dialect::holds),
    ("sse", sse::holds),
    ("event_stream", event_stream::holds),
    ("journal", journal::holds),
    ("manifest", manifest::holds),
    ("commitments", commitments::holds),
    ("report", report::holds),
    ("expressions", expressions::holds),
    ("scorers", scorers::holds),
    ("limiter", limiter::holds),
    ("breaker", breaker::holds),
    ("pilot", pilot::holds),
    ("budget", budget::holds),
    ("invoice", invoice::holds),
];
