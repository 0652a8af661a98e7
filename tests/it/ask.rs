//! One completion at a prompt.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::{echo, error};
use crate::support::job::JobDir;
use crate::support::server::{Reply, Seen, Server};

fn at(server: &Server) -> JobDir {
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "sk-ask");
    dir
}

fn streamed(seen: &Seen) -> Reply {
    assert_eq!(seen.body["stream_options"], json!({"include_usage": true}));
    let piece = |text: &str| json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let frames = [piece("Hello"), piece(" you"), piece("!")];
    let frames: Vec<String> = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let kind = vec![("content-type", "text/event-stream".to_owned())];
    Reply::Raw(200, kind, format!("{}data: [DONE]\n\n", frames.concat()).into_bytes())
}

#[test]
fn an_answer_is_streamed_to_stdout() {
    let server = Server::start(streamed);
    let args = ["--model", "gpt-3.5-turbo", "--message", "Say hello", "--param", "temperature=0"];
    let output = at(&server).run(&args).expect_code(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("Hello you!\n", ""));
    assert_eq!(server.bodies()[0]["temperature"], 0);
}

#[test]
fn the_message_may_come_from_stdin_and_the_answer_as_json() {
    let server = Server::start(echo());
    let dir = at(&server);
    let args = ["--model", "gpt-4", "--system", "short", "--message", "-", "--json"];
    let running = dir.spawn_reading(&args, b"from stdin");
    let answer: Value = serde_json::from_str(&running.wait().stdout).expect("json");
    assert_eq!(answer["choices"][0]["message"]["content"], "from stdin");
    assert_eq!(server.bodies()[0]["messages"][0], json!({"role": "system", "content": "short"}));
}

#[test]
fn a_model_that_declines_is_heard() {
    let server = Server::start(|_: &Seen| {
        let message = json!({"role": "assistant", "content": null, "refusal": "I will not."});
        let choice = json!({"index": 0, "finish_reason": "stop", "message": message});
        Reply::Json(200, Vec::new(), json!({"choices": [choice]}))
    });
    let dir = at(&server);
    let output = dir.run(&["--model", "gpt-4", "--message", "x"]).expect_code(0);
    assert_eq!(output.stdout, "I will not.\n");
    let chat = dir.spawn_reading(&["--model", "gpt-4", "--interactive"], b"x\n").wait();
    assert!(chat.stderr.contains("the model declined: I will not."), "{}", chat.stderr);
}

#[test]
fn a_page_in_place_of_a_stream_is_told_as_one() {
    let server = Server::start(|_: &Seen| {
        let kind = vec![("content-type", "text/html; charset=utf-8".to_owned())];
        Reply::Raw(200, kind, b"<!doctype html>\n<p>Log in\n\n".to_vec())
    });
    let mut dir = at(&server);
    dir.var("OLLAMA_API_BASE", server.base_url().trim_end_matches("/v1"));
    for model in ["gpt-4", "ollama/llama2"] {
        let told = dir.run(&["--model", model, "--message", "x"]).expect_code(3).stderr;
        assert!(told.contains("not a stream but an HTML page; check base_url"), "{told}");
    }
}

#[test]
fn what_goes_wrong_is_told_with_its_type() {
    let server = Server::start(|_: &Seen| {
        error(429, "rate_limit_error", "slow_down", "Slow down.").after(Duration::ZERO)
    });
    let dir = at(&server);
    let ask = |model: &str| dir.run(&["--model", model, "--message", "x"]);
    let told = ask("gpt-4").expect_code(3).stderr;
    assert!(told.contains("RateLimitError: Slow down.\nhelp: "), "{told}");
    let told = ask("no-such-model").expect_code(2).stderr;
    assert!(told.contains("else write `provider/no-such-model`"), "{told}");
    assert!(told.contains("help: did you mean `"), "{told}");
    let told = ask("replicate/meta/llama").expect_code(2).stderr;
    assert!(told.contains("`replicate`, which is not in the catalogue"), "{told}");
    let told = ask("claude-3-opus-20240229").expect_code(2).stderr;
    assert!(told.contains("ANTHROPIC_API_KEY"), "{told}");
    assert_eq!(server.requests(), 1);
}

#[test]
fn the_built_in_provider_answers_without_a_key() {
    let dir = JobDir::new();
    let output = dir.run(&["--model", "mock/echo", "--message", "hi"]).expect_code(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("hi\n", ""));
    let output = dir.run(&["-v", "--model", "mock/echo", "--message", "hi", "--json"]);
    let output = output.expect_code(0);
    let answer: Value = serde_json::from_str(&output.stdout).expect("json");
    assert_eq!(answer["choices"][0]["message"]["content"], "hi");
    for told in ["asking", "model=echo", "answered", "completion_tokens=1"] {
        assert!(output.stderr.contains(told), "{}", output.stderr);
    }
}

#[test]
fn an_empty_message_is_not_sent() {
    let server = Server::start(echo());
    for (message, input) in [("", ""), ("-", " \n")] {
        let args = ["--model", "gpt-4", "--message", message];
        let output = at(&server).spawn_reading(&args, input.as_bytes()).wait().expect_code(2);
        assert!(output.stderr.contains("the message is empty\nhelp: "), "{}", output.stderr);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn pictures_go_with_the_message() {
    let server = Server::start(echo());
    let dir = at(&server);
    dir.write("cat.png", b"\x89PNG\r\n\x1a\n");
    let args = ["--model", "gpt-4", "--message", "what?", "--image", "cat.png", "--json"];
    dir.run(&[&args[..], &["--image", "https://h/b.png"]].concat()).expect_code(0);
    let content = server.bodies()[0]["messages"][0]["content"].clone();
    assert_eq!(content[0], json!({"type": "text", "text": "what?"}));
    assert_eq!(content[1]["image_url"]["url"], "data:image/png;base64,iVBORw0KGgo=");
    assert_eq!(content[2]["image_url"]["url"], "https://h/b.png");
    let args = ["--model", "gpt-4", "--message", "what?", "--image", "dog.png"];
    let told = dir.run(&args).expect_code(2).stderr;
    assert!(told.contains("`dog.png` cannot be read"), "{told}");
}
