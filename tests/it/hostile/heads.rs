//! Connections and heads of answers.

use std::time::Duration;

use super::{INVALID, lab, meet, run};
use crate::support::handlers::answers;
use crate::support::job::JobDir;
use crate::support::pause;
use crate::support::raw::{RawServer, Then, Visit, answer, completion};
use crate::support::server::Server;

fn fine() -> Vec<u8> {
    answer("200 OK", "", completion("fine").to_string())
}

#[test]
fn a_connection_that_is_reset_is_told_and_tried_again() {
    meet(|_: &mut Visit| Then::Reset, |lab| lab).told("APIConnectionError", 2, &["connection"]);
}

#[test]
fn a_connection_that_is_reset_after_the_head_is_an_answer_cut_off() {
    let reset = |visit: &mut Visit| {
        visit.say("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n");
        Then::Reset
    };
    meet(reset, |lab| lab).told(INVALID, 2, &["cut off"]);
}

#[test]
fn a_connection_that_is_reset_within_the_body_is_an_answer_cut_off() {
    let reset = |visit: &mut Visit| {
        visit.say(&fine()[..150]);
        Then::Reset
    };
    meet(reset, |lab| lab).told(INVALID, 2, &["cut off"]);
}

#[test]
fn no_redirect_is_followed_and_no_key_goes_along() {
    let elsewhere = Server::start(answers("gotcha"));
    let far =
        format!("{}/chat/completions", elsewhere.base_url().replace("127.0.0.1", "localhost"));
    for status in ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"] {
        let places =
            if status.starts_with("307") { &[far.as_str(), "/v1/other", ""][..] } else { &[&*far] };
        for &place in places {
            let location =
                if place.is_empty() { String::new() } else { format!("location: {place}\r\n") };
            let head = format!(
                "HTTP/1.1 {status}\r\n{location}content-type: text/html\r\ncontent-length: 13\r\n\r\n<html>\x1b[31m!\n"
            );
            let server = RawServer::start(move |visit: &mut Visit| {
                visit.say(&head);
                Then::Stay
            });
            let mut dir = JobDir::with(&lab(&server).provider("api_key = { env = \"LAB_KEY\" }"));
            dir.var("LAB_KEY", "sk-redirected");
            let run = run(3, &dir);
            let rows = run.csv("errors.csv");
            let message = &rows[0]["message"];
            assert_eq!((rows.len(), server.requests(), elsewhere.requests()), (1, 1, 0));
            assert_eq!(rows[0]["error_type"], "BadRequestError");
            assert_eq!(rows[0]["http_status"], status[..3]);
            assert!(message.contains("not followed; check base_url"), "{message}");
            assert!(message.contains(place), "{message}");
        }
    }
    assert!(elsewhere.authorizations().is_empty());
}

#[test]
fn a_flood_of_headers_is_no_answer() {
    let many = |visit: &mut Visit| {
        visit.say("HTTP/1.1 200 OK\r\n");
        visit.say("x-more: and more\r\n".repeat(5_000));
        visit.say("content-length: 0\r\n\r\n");
        Then::Close
    };
    meet(many, |lab| lab).told(INVALID, 2, &["the head of the answer"]);
}

#[test]
fn a_header_without_end_is_no_answer() {
    let long = |visit: &mut Visit| {
        visit.say("HTTP/1.1 200 OK\r\nx-long: ");
        visit.say_for_ever("x".repeat(1 << 16));
        Then::Close
    };
    meet(long, |lab| lab).told(INVALID, 2, &["the head of the answer"]);
}

#[test]
fn a_long_header_is_not_written_with_every_record() {
    let headers = format!("x-request-id: {}\r\n", "r".repeat(100_000));
    let said = answer("200 OK", &headers, completion("fine").to_string());
    let server = RawServer::start(move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    });
    let run = run(0, &JobDir::with(&lab(&server)));
    assert_eq!(run.column("responses.csv", "request_id"), ["r".repeat(512)]);
}

#[test]
fn what_is_said_before_an_answer_is_passed_over() {
    let early = |visit: &mut Visit| {
        visit.say("HTTP/1.1 100 Continue\r\n\r\n".repeat(3));
        visit.say("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
        visit.say(fine());
        Then::Stay
    };
    let server = RawServer::start(early);
    assert_eq!(run(0, &JobDir::with(&lab(&server).rows(3))).contents(), ["fine"; 3]);
}

#[test]
fn who_only_says_what_comes_before_an_answer_is_not_waited_for() {
    let early = |visit: &mut Visit| {
        while visit.say("HTTP/1.1 102 Processing\r\n\r\n") {
            pause(Duration::from_millis(5));
        }
        Then::Close
    };
    let met = meet(early, |lab| lab.limits("first_byte_timeout = \"300ms\""));
    met.told("Timeout", 2, &["`limits.first_byte_timeout`"]);
}

#[test]
fn two_lengths_are_none() {
    let body = completion("fine").to_string();
    let twice = |first: usize, second: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {first}\r\ncontent-length: {second}\r\n\r\n{body}"
        )
    };
    let same = twice(body.len(), body.len());
    let server = RawServer::start(move |visit: &mut Visit| {
        visit.say(&same);
        Then::Stay
    });
    assert_eq!(run(0, &JobDir::with(&lab(&server))).contents(), ["fine"]);
    let other = twice(10, body.len());
    let two = move |visit: &mut Visit| {
        visit.say(&other);
        Then::Close
    };
    meet(two, |lab| lab).told(INVALID, 2, &["the head of the answer"]);
}

#[test]
fn what_is_no_http_is_no_answer() {
    let other = |visit: &mut Visit| {
        visit.say("SSH-2.0-OpenSSH_9.6\r\n\x1b[31m\r\n\r\n");
        Then::Close
    };
    meet(other, |lab| lab).told(INVALID, 2, &["the head of the answer"]);
}

#[test]
fn a_server_that_closes_what_it_kept_costs_no_answer() {
    let moody = |visit: &mut Visit| {
        visit.say(fine());
        // It says nothing of it, as if it had run into a timeout of its own.
        if visit.nth.is_multiple_of(3) { Then::Close } else { Then::Stay }
    };
    let server = RawServer::start(moody);
    let lab = lab(&server).retry("max_attempts = 5\ninitial = \"1ms\"").rows(200);
    let run = run(0, &JobDir::with(&lab.limits("concurrency = 8")));
    assert_eq!(run.contents(), ["fine"; 200]);
}
