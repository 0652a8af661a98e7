//! Streams.

use std::time::Duration;

use super::{INVALID, Met, lab, meet};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::pause;
use crate::support::raw::{EVENTS, RawServer, Then, Visit, chunk, delta};

fn streamed(lab: Lab) -> Lab {
    lab.and("[params]\nstream = true")
}

/// Meets a server that begins a stream and then does this.
#[track_caller]
fn stream(
    rest: impl Fn(&mut Visit) -> Then + Send + Sync + 'static,
    change: impl FnOnce(Lab) -> Lab,
) -> Met {
    let handler = move |visit: &mut Visit| {
        visit.say(EVENTS);
        visit.say(delta("so "));
        rest(visit)
    };
    meet(handler, |lab| change(streamed(lab)))
}

const MEBIBYTE: &str = "max_response_bytes = 1048576";

#[test]
fn an_endless_stream_is_given_up_at_the_limit() {
    let endless = |visit: &mut Visit| {
        visit.say_for_ever(delta("and on ").repeat(100));
        Then::Close
    };
    let met = stream(endless, |lab| lab.limits(MEBIBYTE));
    met.told(INVALID, 1, &["more than 1048576 bytes", "`limits.max_response_bytes`"]);
}

#[test]
fn an_endless_line_of_a_stream_is_given_up() {
    let line = |visit: &mut Visit| {
        visit.say(chunk("data: "));
        visit.say_for_ever(chunk("x".repeat(1 << 16)));
        Then::Close
    };
    let met = stream(line, |lab| lab.limits(MEBIBYTE));
    met.told(INVALID, 1, &["more than 1048576 bytes"]);
    let met = stream(line, |lab| lab);
    met.told(INVALID, 1, &["one frame of the stream is longer than 16 MiB"]);
}

#[test]
fn a_stream_of_comments_is_over_when_its_time_is() {
    let comments = |visit: &mut Visit| {
        while visit.say(chunk(": still here\n\n")) {
            pause(Duration::from_millis(20));
        }
        Then::Close
    };
    let met = stream(comments, |lab| lab.limits("timeout = \"300ms\""));
    met.told("Timeout", 2, &["`limits.timeout`"]);
}

#[test]
fn a_flood_of_comments_is_given_up_at_the_limit() {
    let comments = |visit: &mut Visit| {
        visit.say_for_ever(chunk(": x\n\n".repeat(1000)));
        Then::Close
    };
    stream(comments, |lab| lab.limits(MEBIBYTE)).told(INVALID, 1, &["1048576"]);
}

#[test]
fn a_stream_that_falls_silent_is_not_waited_for() {
    let met = stream(|_: &mut Visit| Then::Hang, |lab| lab.limits("idle_timeout = \"200ms\""));
    met.told("Timeout", 2, &["`limits.idle_timeout`"]);
}

#[test]
fn a_stream_that_is_not_utf_8_is_no_answer() {
    let odd = |visit: &mut Visit| {
        visit.say(chunk(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\xFE\"}}]}\n\n"));
        Then::Close
    };
    stream(odd, |lab| lab).told(INVALID, 2, &["not UTF-8"]);
}

#[test]
fn a_character_that_is_split_over_pieces_is_one() {
    let split = |visit: &mut Visit| {
        let event = delta("größe 🦀");
        visit.say(EVENTS);
        // One byte a chunk.
        let data = event.windows(2).position(|two| two == b"\r\n").expect("a chunk") + 2;
        for byte in &event[data..event.len() - 2] {
            visit.say(chunk([*byte]));
        }
        visit.say(chunk("data: [DONE]\n\n"));
        visit.say("0\r\n\r\n");
        Then::Stay
    };
    let server = RawServer::start(split);
    assert_eq!(JobDir::with(&streamed(lab(&server))).go(0).contents(), ["größe 🦀"]);
}

#[test]
fn a_stream_that_is_cut_or_reset_is_no_answer() {
    for then in [Then::Close, Then::Reset] {
        let cut = move |visit: &mut Visit| {
            visit.say("ff\r\ndata: {\"choi");
            then
        };
        stream(cut, |lab| lab).told(INVALID, 2, &["cut off"]);
    }
}

#[test]
fn a_frame_of_deep_json_is_no_answer_and_no_stack_overflow() {
    let deep = |visit: &mut Visit| {
        let value = "[".repeat(50_000) + &"]".repeat(50_000);
        visit.say(chunk(format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":{value}}}}}]}}\n\n"
        )));
        Then::Close
    };
    stream(deep, |lab| lab).told(INVALID, 1, &["nested more than 100 levels"]);
}

#[test]
fn a_page_in_place_of_a_stream_is_told() {
    let page = |visit: &mut Visit| {
        visit.say("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 14\r\n\r\n<html>\x1b[31m!\n\n");
        Then::Stay
    };
    meet(page, streamed).told(INVALID, 2, &["HTML page", "base_url"]);
}

#[test]
fn a_frame_with_words_without_end_has_a_message_with_one() {
    let odd = |visit: &mut Visit| {
        let long = "x".repeat(1 << 20);
        visit.say(chunk(format!("data: {{\"choices\":\"{long}\"}}\n\n")));
        Then::Close
    };
    let met = stream(odd, |lab| lab);
    met.told(INVALID, 2, &["cannot be read"]);
    assert!(met.run.column("errors.csv", "message")[0].len() < 5000);
}

/// A server that says a key, split at every place.
fn parrot(visit: &mut Visit) -> Then {
    visit.say(EVENTS);
    for piece in ["the key is s", "k-k", "eesake-12345", ", and s", "o", " on s"] {
        visit.say(delta(piece));
    }
    let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    visit.say(chunk(format!("data: {last}\n\ndata: [DONE]\n\n")));
    visit.say("0\r\n\r\n");
    Then::Stay
}

#[test]
fn a_key_that_comes_in_pieces_is_in_no_report_and_on_no_screen() {
    let server = RawServer::start(parrot);
    let job = streamed(lab(&server)).provider("api_key = { env = \"LAB_KEY\" }");
    let mut dir = JobDir::with(&job);
    dir.var("LAB_KEY", "sk-keesake-12345").var("OPENAI_API_KEY", "sk-keesake-12345");
    dir.var("OPENAI_BASE_URL", &server.base_url());
    let run = dir.go(0);
    assert_eq!(run.contents(), ["the key is [redacted], and so on s"]);
    for name in run.files() {
        assert!(!run.text(&name).contains("keesake"), "{name}");
    }
    let asked = dir.run(&["--model", "openai/gpt-4o-mini", "--message", "hi"]).expect_code(0);
    assert_eq!(asked.stdout, "the key is [redacted], and so on s\n");
}
