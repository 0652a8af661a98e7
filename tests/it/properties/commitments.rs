//! `commitments.jsonl`, whatever stands in it: calls, or an error; and what is written is read.

use std::fs;
use std::path::Path;

use runner::call::budget::{Commitment, SentMark};
use runner::call::money::Usd;
use runner::call::task::TaskId;
use runner::store::commitments::{Commitments, Leftover};
use runner::store::survey::Survey;

use super::feed::Feed;

/// The first byte says whether the rest is the file, or what is written into it.
pub(super) fn holds(bytes: &[u8]) {
    super::scratch::folder(|run| {
        let mut feed = Feed::new(bytes);
        if feed.flag() {
            return written(run, feed);
        }
        fs::write(run.join("commitments.jsonl"), feed.rest()).expect("written");
        match Leftover::read(run, &Survey::default()) {
            Err(why) => assert!(!why.to_string().is_empty()),
            Ok(found) => drop(found),
        }
    });
}

/// Calls that are written, and a file that is cut anywhere: what is read is what was written first.
fn written(run: &Path, mut feed: Feed<'_>) {
    let cut = feed.below(1 << 16);
    let mut calls = Vec::new();
    while !feed.is_empty() && calls.len() < 50 {
        let digits = format!("{:032x}", u128::from(feed.large()));
        calls.push(Commitment {
            task: digits.parse::<TaskId>().expect("hex"),
            attempt: feed.number(),
            model: feed.text().into(),
            provider: feed.text().into(),
            usd: Usd::from_pico(i128::from(feed.large())),
        });
    }
    let mut file = Commitments::begin(run, 3, 7).expect("begun");
    let sent = SentMark::default();
    sent.set();
    file.append(calls.iter().map(|call| (call, &sent))).expect("appended");
    let path = run.join("commitments.jsonl");
    let text = fs::read(&path).expect("it is there");
    let cut = cut % (text.len() + 1);
    fs::write(&path, &text[..text.len() - cut]).expect("cut");
    let left = Leftover::read(run, &Survey::default()).expect("what was written is read");
    let left = left.map(|left| left.calls).unwrap_or_default();
    assert_eq!(left, calls[..left.len()], "a cut loses the last ones alone");
    assert!(cut > 0 || left.len() == calls.len(), "nothing is lost uncut");
}
