//! The small languages of options and job keys: what is read and written is read the same.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use runner::audit::invoice::tolerance::Tolerance;
use runner::audit::ledger::spent::by::By;
use runner::call::duration::{DurationText, parse_duration};
use runner::call::metric::Metric;
use runner::call::money::Usd;
use runner::call::task::TaskId;
use runner::job::document::Document;
use runner::provider::catalog::Catalog;
use runner::provider::env::Env;
use runner::provider::headroom;
use runner::provider::names;
use runner::report::compare::condition::Condition;
use runner::wire::message::Headers;

/// The first byte picks the language; behind a NUL stands the value of a second header.
pub(super) fn holds(bytes: &[u8]) {
    let Some((way, text)) = bytes.split_first() else { return };
    let text = &*String::from_utf8_lossy(text);
    match way % 9 {
        0 => condition(text),
        1 => duration(text),
        2 => reads_back::<Usd>(text),
        3 => reads_back::<Metric>(text),
        4 => reads_back::<TaskId>(text),
        5 => overlay(text),
        6 => name(text),
        7 => waits(text),
        _ => {
            let _ = (text.parse::<Tolerance>().is_ok(), text.parse::<By>().is_ok());
        }
    }
}

/// What is read is written in a form that is read as the same.
fn reads_back<T: FromStr + Display + PartialEq>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let written = read.to_string();
    assert!(written.parse::<T>().is_ok_and(|again| again == read), "{text:?} and {written:?}");
}

/// Percents lose their last binary digits on the way; how they are written stays.
fn condition(text: &str) {
    match text.parse::<Condition>() {
        Err(why) => assert!(!why.to_string().is_empty() && !why.help().is_empty()),
        Ok(read) => {
            let _ = read.check(&["right"]);
            let written = read.to_string();
            // A bound beyond what percents are rounded to has no form of its own.
            if read.bound == 0.0 || (1e-5..1e9).contains(&read.bound.abs()) {
                let again = written.parse::<Condition>().map(|again| again.to_string());
                assert_eq!(again.as_ref(), Ok(&written), "{text:?}");
            }
        }
    }
}

fn duration(text: &str) {
    if let Ok(read) = parse_duration(text) {
        let written = DurationText(read).to_string();
        assert_eq!(parse_duration(&written), Ok(read), "{text:?} and {written:?}");
    }
}

/// `--set KEY=VALUE` over a small job.
fn overlay(text: &str) {
    let job = "name = \"x\"\n[[models]]\nmodel = \"mock/echo\"\n[params]\nseed = 1\n";
    let (document, faults) = Document::parse("job.toml", job, &[text.to_owned()]);
    assert_eq!(document.text, job);
    assert!(faults.iter().all(|fault| !fault.message.is_empty()));
}

fn name(text: &str) {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::builtin);
    match names::resolve(text, &CATALOG, &["lab"], &Env::of([])) {
        Ok(resolved) => assert!(!resolved.provider.is_empty()),
        Err(why) => assert!(!format!("{why:?}").is_empty()),
    }
}

/// Headers of limits and waits.
fn waits(text: &str) {
    let (first, second) = text.split_once('\0').unwrap_or((text, ""));
    let mut headers = Headers::default();
    for name in ["retry-after", "x-ratelimit-reset-requests", "anthropic-ratelimit-tokens-reset"] {
        headers.push(name, first);
    }
    for name in ["x-ratelimit-remaining-requests", "anthropic-ratelimit-tokens-remaining"] {
        headers.push(name, second);
    }
    let now = runner::call::moment::Moment::from_millis(1_795_312_800_123);
    let told = headroom::read(&headers, now);
    for left in [told.requests, told.tokens].into_iter().flatten() {
        assert!(left.reset.unwrap_or_default() < Duration::MAX);
    }
}
