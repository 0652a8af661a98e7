//! Bodies of whole answers.

use std::time::Duration;

use tokio::time::Instant;

use super::{INVALID, lab, meet, run};
use crate::support::handlers::echo;
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::pause;
use crate::support::raw::{CHUNKS, RawServer, Then, Visit, answer, chunk, completion};
use crate::support::server::Server;

const MEBIBYTE: &str = "max_response_bytes = 1048576";

/// An answer that begins well and does not end.
fn endless(visit: &mut Visit) -> Then {
    visit.say(CHUNKS);
    visit.say(chunk(r#"{"id":"x","choices":[{"message":{"content":""#));
    visit.say_for_ever(chunk("x".repeat(1 << 16)));
    Then::Close
}

#[test]
fn an_endless_body_is_given_up_at_the_limit() {
    let met = meet(endless, |lab| lab.limits(MEBIBYTE));
    met.told(INVALID, 1, &["more than 1048576 bytes", "`limits.max_response_bytes`"]);
    assert_eq!(met.run.column("errors.csv", "http_status"), ["200"]);
}

#[test]
fn an_endless_body_is_not_its_neighbours() {
    let (hostile, up) = (RawServer::start(endless), Server::start(echo()));
    let beside = format!("[providers.up]\ndialect = \"openai\"\nbase_url = \"{}\"", up.base_url());
    let lab = lab(&hostile)
        .limits(MEBIBYTE)
        .model("model = \"lab/m\"")
        .model("model = \"up/m\"\nlabel = \"up\"")
        .rows(20)
        .and(&beside);
    let run = run(3, &JobDir::with(&lab));
    let ended = |label: &str, status: &str| {
        let is = |row: &&serde_json::Value| row["model"] == label && row["status"] == status;
        run.responses().iter().filter(is).count()
    };
    assert_eq!((ended("up", "ok"), ended("lab/m", "error")), (20, 20));
    assert_eq!((hostile.requests(), up.requests()), (20, 20));
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9000000000\r\n\r\n{";
    let hang = move |visit: &mut Visit| {
        visit.say(head);
        Then::Hang
    };
    meet(hang, |lab| lab).told(INVALID, 1, &["9000000000 bytes", "allows 67108864"]);
}

#[test]
fn ten_megabytes_are_an_answer() {
    let text = "word ".repeat(2_000_000);
    let body = answer("200 OK", "", completion(&text).to_string());
    let server = RawServer::start(move |visit: &mut Visit| {
        visit.say(&body);
        Then::Stay
    });
    let run = JobDir::with(&lab(&server)).go(0);
    assert_eq!(run.contents(), [text]);
}

#[test]
fn half_a_response_is_no_answer() {
    let body = completion("a long text").to_string();
    let half = body[..body.len() / 2].to_owned();
    let promised = body.len();
    let short = move |visit: &mut Visit| {
        visit.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {promised}\r\n\r\n{half}"));
        Then::Close
    };
    meet(short, |lab| lab).told(INVALID, 2, &["cut off"]);
}

#[test]
fn a_chunk_that_is_cut_is_no_answer() {
    let body = completion("a long text").to_string();
    let cut = move |visit: &mut Visit| {
        visit.say(CHUNKS);
        visit.say(chunk(&body));
        visit.say("ff\r\n{");
        Then::Close
    };
    meet(cut, |lab| lab).told(INVALID, 2, &["cut off"]);
}

#[test]
fn an_answer_that_is_not_utf_8_is_none() {
    let mut body = completion("a? b").to_string().into_bytes();
    let at = body.iter().position(|byte| *byte == b'?').expect("it is there");
    body[at] = 0xFF;
    let said = answer("200 OK", "", body);
    let met = meet(
        move |visit: &mut Visit| {
            visit.say(&said);
            Then::Stay
        },
        |lab| lab,
    );
    met.told(INVALID, 2, &["UTF-8"]);
}

#[test]
fn half_a_character_costs_no_answer() {
    let body = completion("a? b").to_string().replace('?', r"\ud83d");
    let said = answer("200 OK", "", body);
    let server = RawServer::start(move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    });
    let run = run(0, &JobDir::with(&lab(&server)));
    assert_eq!(run.contents(), ["a\u{fffd} b"]);
    assert_eq!(run.column("responses.csv", "content"), ["a\u{fffd} b"]);
}

#[test]
fn a_compressed_answer_is_not_unpacked() {
    // Whatever it would grow to: nobody asked for it.
    let said = answer("200 OK", "content-encoding: gzip\r\n", vec![0x1F; 1 << 20]);
    let bomb = move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    };
    meet(bomb, |lab| lab).told(INVALID, 2, &["compressed (gzip)", "proxy"]);
}

#[test]
fn a_compressed_error_is_known_by_its_status() {
    let said = answer("503 Away", "content-encoding: br\r\n", vec![0x1F; 1 << 10]);
    let away = move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    };
    meet(away, |lab| lab).told("ServiceUnavailableError", 2, &["compressed (br)"]);
}

#[test]
fn a_page_in_place_of_an_answer_is_told_by_its_first_words() {
    let page = "<html>\n<title>Log in\u{1b}[31m</title>".to_owned() + &"x".repeat(5000);
    let page = move |visit: &mut Visit| {
        let length = page.len();
        visit.say(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{page}"
        ));
        Then::Stay
    };
    meet(page, |lab| lab).told(
        INVALID,
        2,
        &["`text/html`", "base_url", "`<html> <title>Log in[31m"],
    );
}

/// JSON of so many levels.
fn deep(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn json_that_is_deep_is_no_answer_and_no_stack_overflow() {
    let odd =
        completion("fine").to_string().replacen('{', &format!("{{\"odd\":{},", deep(20_000)), 1);
    let content = completion("?").to_string().replace("\"?\"", &deep(20_000));
    let bodies = [odd, content, deep(200_000), "{\"a\":".repeat(100_000)];
    for body in bodies {
        let said = answer("200 OK", "", &body);
        let met = meet(
            move |visit: &mut Visit| {
                visit.say(&said);
                Then::Stay
            },
            |lab| lab.retry("max_attempts = 1"),
        );
        met.told(INVALID, 1, &[]);
    }
}

#[test]
fn an_error_of_deep_json_is_known_by_its_status() {
    let said = answer("400 Bad", "", format!("{{\"error\":{}}}", deep(20_000)));
    let bad = move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    };
    meet(bad, |lab| lab).told("BadRequestError", 1, &["[[[["]);
}

/// Runs a job against a server that answers with this body; the most memory that it took, in MiB.
fn weigh(code: i32, body: &str) -> u64 {
    let said = answer("200 OK", "", body);
    let server = RawServer::start(move |visit: &mut Visit| {
        visit.say(&said);
        Then::Stay
    });
    let dir = JobDir::with(&lab(&server).retry("max_attempts = 1"));
    let (output, peak) = dir.run_measured(&["job.toml"]);
    output.expect_code(code);
    peak
}

#[test]
fn many_small_values_do_not_fill_the_memory() {
    let with = |list: String| {
        completion("fine").to_string().replacen(':', &format!(":[{list}0],\"id\":"), 1)
    };
    for (code, body) in [
        (
            0,
            completion("fine")
                .to_string()
                .replace("}}],", &format!("}}}}{}],", ",{}".repeat(900_000))),
        ),
        (3, with("{},".repeat(3_100_000))),
        (3, with("0,".repeat(3_100_000))),
        (
            3,
            completion("fine")
                .to_string()
                .replace("1,", &format!("[{}0],", "0,".repeat(3_100_000))),
        ),
    ] {
        let peak = weigh(code, &body);
        assert!(peak < 200, "{code}: {peak} MiB");
    }
}

#[test]
fn an_answer_of_nothing_is_none() {
    for (status, words) in [("200 OK", "status 200"), ("204 No Content", "status 204")] {
        let said = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let met = meet(
            move |visit: &mut Visit| {
                visit.say(&said);
                Then::Stay
            },
            |lab| lab,
        );
        met.told(INVALID, 2, &[words, "empty body"]);
    }
}

#[test]
fn an_endless_error_is_known_by_its_status() {
    let start = Instant::now();
    let bad = |visit: &mut Visit| {
        visit.say("HTTP/1.1 400 Bad\r\n\r\n");
        visit.say_for_ever("this is wrong, and I will not end to tell you so; ".repeat(1000));
        Then::Close
    };
    meet(bad, |lab| lab).told("BadRequestError", 1, &["this is wrong"]);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn an_error_that_is_cut_off_or_does_not_go_on_is_known_by_its_status() {
    for then in [Then::Close, Then::Hang] {
        let head =
            "HTTP/1.1 401 Who\r\ncontent-length: 5000\r\n\r\n{\"error\":{\"message\":\"no such key";
        let cut = move |visit: &mut Visit| {
            visit.say(head);
            then
        };
        let quick = |lab: Lab| lab.limits("timeout = \"500ms\"").retry("max_attempts = 3");
        let met = meet(cut, quick);
        met.told("AuthenticationError", 1, &["no such key"]);
    }
}

#[test]
fn an_answer_that_trickles_is_over_when_its_time_is() {
    let trickle = |visit: &mut Visit| {
        visit.say("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{");
        while visit.say(" ") {
            pause(Duration::from_millis(100));
        }
        Then::Close
    };
    let start = Instant::now();
    let quick = |lab: Lab| lab.limits("timeout = \"500ms\"").retry("max_attempts = 1");
    meet(trickle, quick).told("Timeout", 1, &["`limits.timeout`"]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
