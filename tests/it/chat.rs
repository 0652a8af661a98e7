//! A talk: line by line from a pipe, and at a real pseudo-terminal.

use serde_json::{Value, json};

use crate::support::handlers::{echo, error};
use crate::support::job::JobDir;
use crate::support::server::{Reply, Seen, Server};

fn at(server: &Server) -> JobDir {
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "sk-chat");
    dir
}

/// Answers with how many messages came, in two pieces, and fails at what says so.
fn counting(seen: &Seen) -> Reply {
    if seen.text.contains("fail") {
        return error(429, "rate_limit_error", "slow_down", "Slow down.");
    }
    let messages = seen.body["messages"].as_array().expect("messages").len();
    let piece = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let usage = json!({"prompt_tokens": 20, "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 8},
        "completion_tokens_details": {"reasoning_tokens": 3}});
    let frames = [
        piece("messages so far: "),
        piece(&messages.to_string()),
        json!({"choices": [], "usage": usage}),
    ];
    let frames: Vec<String> = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let kind = vec![("content-type", "text/event-stream".to_owned())];
    Reply::Raw(200, kind, format!("{}data: [DONE]\n\n", frames.concat()).into_bytes())
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

#[test]
fn a_script_talks_line_by_line() {
    let server = Server::start(counting);
    let dir = at(&server);
    let input = "one\n\n/model gpt-4\ntwo\\\nlines\n/save talk.json\n/cost\n/exit\nnever";
    let args = ["--model", "gpt-3.5-turbo", "--interactive", "--system", "short"];
    let output = dir.spawn_reading(&args, input.as_bytes()).wait().expect_code(0);
    assert_eq!(output.stdout, "messages so far: 2\nmessages so far: 4\n");
    let told = "20 tokens in (8 cached), 5 out (3 reasoning)";
    assert_eq!(output.stderr.matches(told).count(), 2, "{}", output.stderr);
    assert!(output.stderr.contains("openai/gpt-3.5-turbo"), "{}", output.stderr);
    let talk = json!([
        said("system", "short"),
        said("user", "one"),
        said("assistant", "messages so far: 2"),
        said("user", "two\nlines"),
        said("assistant", "messages so far: 4"),
    ]);
    let saved = std::fs::read_to_string(dir.path().join("talk.json")).expect("it was saved");
    assert_eq!(serde_json::from_str::<Value>(&saved).expect("json"), talk);
    let bodies = server.bodies();
    assert_eq!((bodies.len(), &bodies[1]["model"]), (2, &json!("gpt-4")));
    assert_eq!(
        bodies[1]["messages"].as_array().expect("a list")[..],
        talk.as_array().unwrap()[..4]
    );
}

#[test]
fn a_turn_that_fails_is_told_and_taken_back() {
    let server = Server::start(counting);
    let dir = at(&server);
    let input = "fail\nok\n/model no-such-model\n/save kept.md\n/save kept.md\n";
    let args = ["chat", "--model", "gpt-4"];
    let output = dir.spawn_reading(&args, input.as_bytes()).wait().expect_code(3);
    assert_eq!(output.stdout, "messages so far: 1\n");
    for told in [
        "error: RateLimitError: Slow down.\nhelp: ",
        "else write `provider/no-such-model`",
        "`kept.md` is there already, and is not overwritten",
    ] {
        assert!(output.stderr.contains(told), "{told}\n{}", output.stderr);
    }
    let saved = std::fs::read_to_string(dir.path().join("kept.md")).expect("it was saved");
    assert_eq!(saved, "## User\n\nok\n\n## Assistant (gpt-4)\n\nmessages so far: 1\n");
}

#[test]
fn nothing_is_sent_where_the_model_cannot_be_asked() {
    let server = Server::start(echo());
    for (args, told) in [
        (&["--model", "gtp-4", "--interactive"][..], "did you mean `gpt-4o`"),
        (&["--model", "claude-3-opus", "--interactive"], "ANTHROPIC_API_KEY"),
        (&["--model", "gpt-4", "--interactive", "--param", "x"], "KEY=VALUE"),
    ] {
        let output = at(&server).spawn_reading(args, b"hi\n").wait().expect_code(2);
        assert!(output.stderr.contains(told), "{}", output.stderr);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_built_in_provider_needs_no_key() {
    let dir = JobDir::new();
    let args = ["--model", "mock/echo", "--interactive", "-q"];
    let output = dir.spawn_reading(&args, b"hello\n//etc\n\"\"\"\na\n\nb\n\"\"\"").wait();
    let output = output.expect_code(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("hello\n/etc\na\n\nb\n", ""));
}

#[cfg(unix)]
mod terminal {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;
    use std::thread::JoinHandle;

    use rexpect::reader::Options;
    use rexpect::session::{PtySession, spawn_with_options};

    use super::*;

    /// The binary at a terminal of its own.
    fn talk(dir: &JobDir, base_url: &str, model: &str) -> PtySession {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command
            .args(["--model", model, "--interactive"])
            .current_dir(dir.path())
            .env_clear()
            .envs([("TERM", "xterm"), ("OPENAI_API_KEY", "sk-chat"), ("OPENAI_BASE_URL", base_url)])
            .env("HOME", dir.path());
        let options = Options::new().timeout_ms(Some(30_000)).strip_ansi_escape_codes(true);
        spawn_with_options(command, options).expect("the binary starts at a terminal")
    }

    #[track_caller]
    fn expect(session: &mut PtySession, text: &str) {
        if let Err(why) = session.exp_string(text) {
            panic!("in vain waited for {text:?}: {why}");
        }
    }

    #[track_caller]
    fn type_in(session: &mut PtySession, text: &str) {
        session.send(text).and_then(|_| session.flush()).expect("it can be typed");
    }

    #[track_caller]
    fn expect_end(session: &mut PtySession, code: i32) {
        session.exp_eof().expect("it ends");
        let status = session.process().wait().expect("it can be waited for");
        let status = format!("{status:?}");
        let ended = format!(", {code})");
        assert!(status.starts_with("Exited(") && status.ends_with(&ended), "{status}");
    }

    #[test]
    fn three_turns_are_one_talk_and_the_history_outlives_it() {
        let server = Server::start(counting);
        let dir = JobDir::new();
        let mut session = talk(&dir, &server.base_url(), "gpt-3.5-turbo");
        expect(&mut session, "gpt-3.5-turbo> ");
        type_in(&mut session, "one\r");
        expect(&mut session, "messages so far: 1");
        expect(&mut session, "20 tokens in (8 cached), 5 out (3 reasoning); $0.0000175");
        expect(&mut session, "gpt-3.5-turbo> ");
        type_in(&mut session, "/mod\tno-such-model\r");
        expect(&mut session, "else write `provider/no-such-model`");
        expect(&mut session, "gpt-3.5-turbo> ");
        type_in(&mut session, "/model gpt-4\r");
        expect(&mut session, "the model is now gpt-4");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "two \\\rlines\r");
        expect(&mut session, "messages so far: 3");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "this must fail\r");
        expect(&mut session, "RateLimitError: Slow down.");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "three\r");
        expect(&mut session, "messages so far: 5");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "\u{4}");
        expect_end(&mut session, 0);
        let bodies = server.bodies();
        assert_eq!(
            (&bodies[0]["model"], &bodies[3]["model"]),
            (&json!("gpt-3.5-turbo"), &json!("gpt-4"))
        );
        let all = json!([
            said("user", "one"),
            said("assistant", "messages so far: 1"),
            said("user", "two \nlines"),
            said("assistant", "messages so far: 3"),
            said("user", "three"),
        ]);
        assert_eq!(bodies[3]["messages"], all);
        let history = dir.path().join(".local/state/runner/history");
        let mode = std::fs::metadata(&history).expect("a history").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut session = talk(&dir, &server.base_url(), "gpt-4");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "\u{10}");
        expect(&mut session, "three");
        type_in(&mut session, "\r");
        expect(&mut session, "messages so far: 1");
        type_in(&mut session, "/exit\r");
        expect_end(&mut session, 0);
    }

    #[test]
    fn an_interrupt_throws_a_line_away_and_only_the_second_at_a_blank_one_leaves() {
        let server = Server::start(counting);
        let dir = JobDir::new();
        let mut session = talk(&dir, &server.base_url(), "gpt-4");
        expect(&mut session, "gpt-4> ");
        for _ in 0..2 {
            type_in(&mut session, "half a line");
            expect(&mut session, "half a line");
            type_in(&mut session, "\u{3}");
            expect(&mut session, "gpt-4> ");
        }
        type_in(&mut session, "\u{3}");
        expect(&mut session, "Ctrl-C again leaves");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "\u{3}");
        expect_end(&mut session, 130);
        assert_eq!(server.requests(), 0);
    }

    /// Answers the first request with a piece and silence until the client goes, and the second
    /// with all; gives the body of the second.
    fn stuttering() -> (String, JoinHandle<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let thread = std::thread::spawn(move || {
            let (mut first, _) = listener.accept().expect("a client");
            body(&first);
            let piece = json!({"choices": [{"index": 0, "delta": {"content": "Once upon"}}]});
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            write!(first, "{head}data: {piece}\n\n").expect("it is sent");
            let left = first.read(&mut [0]).expect("the client closes in order");
            assert_eq!(left, 0, "stopping gives the connection up");
            let (mut second, _) = listener.accept().expect("a client");
            let asked = body(&second);
            let answer =
                json!({"choices": [{"message": {"role": "assistant", "content": "Well."}}]})
                    .to_string();
            let length = answer.len();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
            write!(second, "{head}: {length}\r\n\r\n{answer}").expect("it is sent");
            asked
        });
        (url, thread)
    }

    fn body(stream: &TcpStream) -> Value {
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    #[test]
    fn an_interrupt_stops_an_answer_and_keeps_the_talk() {
        let (url, server) = stuttering();
        let dir = JobDir::new();
        let mut session = talk(&dir, &url, "gpt-4");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "a story\r");
        expect(&mut session, "Once upon");
        type_in(&mut session, "\u{3}");
        expect(&mut session, "stopped; what was said stays in the talk");
        expect(&mut session, "gpt-4> ");
        type_in(&mut session, "go on\r");
        expect(&mut session, "Well.");
        expect(&mut session, "gpt-4> ");
        let asked = server.join().expect("the server saw what it should");
        let all = json!([
            said("user", "a story"),
            said("assistant", "Once upon [interrupted by the user]"),
            said("user", "go on"),
        ]);
        assert_eq!(asked["messages"], all);
        type_in(&mut session, "\u{4}");
        expect_end(&mut session, 0);
    }
}
