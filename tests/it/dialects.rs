//! One job, five tongues: the same columns and the right tokens, whole or streamed.

use serde_json::{Value, json};

use crate::support::job::JobDir;
use crate::support::server::{Reply, Seen, Server};

/// Answers in the tongue of the path that was asked.
fn polyglot(seen: &Seen) -> Reply {
    let streamed = seen.body["stream"] == true || seen.path.contains("streamGenerate");
    let path = seen.path.split('?').next().unwrap_or_default();
    let (whole, frames): (Value, Vec<Value>) = match path.rsplit('/').next().unwrap_or_default() {
        "messages" => anthropic(),
        "completions" => openai(),
        "chat" if path.contains("/v2/") => cohere(),
        "chat" => ollama(),
        _ => gemini(),
    };
    if !streamed {
        return Reply::ok(whole);
    }
    let lines = path.contains("/api/");
    let framed = |frame: &Value| match lines {
        true => format!("{frame}\n"),
        false => format!("data: {frame}\n\n"),
    };
    let mut text = frames.iter().map(framed).collect::<Vec<_>>().concat();
    if path.ends_with("completions") {
        text.push_str("data: [DONE]\n\n");
    }
    let kind = if lines { "application/x-ndjson" } else { "text/event-stream" };
    Reply::Raw(200, vec![("content-type", kind.to_owned())], text.into_bytes())
}

fn openai() -> (Value, Vec<Value>) {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let message = json!({"role": "assistant", "content": "Hello"});
    let choice = json!({"index": 0, "finish_reason": "stop", "message": message});
    let piece = |delta: Value, finish: Value| json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
    (
        json!({"id": "o", "object": "chat.completion", "choices": [choice], "usage": usage}),
        vec![
            piece(json!({"content": "Hel"}), Value::Null),
            piece(json!({"content": "lo"}), json!("stop")),
            json!({"choices": [], "usage": usage}),
        ],
    )
}

fn anthropic() -> (Value, Vec<Value>) {
    let usage = json!({"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 5});
    let start = json!({"id": "m", "model": "c", "usage": {"input_tokens": 4, "cache_read_input_tokens": 6, "output_tokens": 1}});
    let text = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    (
        json!({"id": "m", "type": "message", "role": "assistant", "model": "c",
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn", "usage": usage}),
        vec![
            json!({"type": "message_start", "message": start}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            text("Hel"),
            text("lo"),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
            json!({"type": "message_stop"}),
        ],
    )
}

fn gemini() -> (Value, Vec<Value>) {
    let usage = json!({"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 15});
    let said = |text: &str| json!({"role": "model", "parts": [{"text": text}]});
    (
        json!({"candidates": [{"content": said("Hello"), "finishReason": "STOP"}], "usageMetadata": usage}),
        vec![
            json!({"candidates": [{"content": said("Hel")}]}),
            json!({"candidates": [{"content": said("lo"), "finishReason": "STOP"}], "usageMetadata": usage}),
        ],
    )
}

fn cohere() -> (Value, Vec<Value>) {
    let usage = json!({"tokens": {"input_tokens": 10, "output_tokens": 5}});
    let text = |text: &str| json!({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}});
    (
        json!({"id": "c", "finish_reason": "COMPLETE", "usage": usage,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}}),
        vec![
            json!({"type": "message-start", "id": "c"}),
            text("Hel"),
            text("lo"),
            json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}),
        ],
    )
}

fn ollama() -> (Value, Vec<Value>) {
    let piece = |text: &str, done: bool| {
        let mut piece =
            json!({"model": "l", "message": {"role": "assistant", "content": text}, "done": done});
        if done {
            piece["done_reason"] = "stop".into();
            piece["prompt_eval_count"] = 10.into();
            piece["eval_count"] = 5.into();
        }
        piece
    };
    (piece("Hello", true), vec![piece("Hel", false), piece("lo", true)])
}

/// A job that asks a model of each dialect, all of them at this server.
fn job(server: &Server) -> String {
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    let models = [
        ("openai", "gpt-4o-mini", "/v1"),
        ("anthropic", "claude-3-haiku-20240307", ""),
        ("gemini", "gemini-2.5-pro", ""),
        ("cohere", "command", ""),
        ("ollama", "ollama/llama2", ""),
    ];
    let tables = models.map(|(provider, model, below)| {
        format!(
            "[[models]]\nmodel = \"{model}\"\n\
             [providers.{provider}]\nbase_url = \"{host}{below}\"\napi_key = {{ env = \"KEY\" }}\n"
        )
    });
    let params = "name = \"t\"\n[params]\nmax_tokens = 9\n";
    let prompts = "[prompts.all]\ninline = [\"hi\"]\nsystem = \"Be short.\"\n";
    [params, &tables.concat(), prompts].concat()
}

fn asked() -> (Server, JobDir) {
    let server = Server::start(polyglot);
    let mut dir = JobDir::new();
    dir.var("KEY", "sk-dialects");
    dir.job(&job(&server));
    (server, dir)
}

#[test]
fn five_dialects_give_the_same_columns_and_the_right_tokens() {
    let (server, dir) = asked();
    for args in [&["job.toml"][..], &["job.toml", "--set", "params.stream=true"]] {
        let run = dir.go_with(0, &args[1..]);
        assert_eq!(run.contents(), ["Hello"; 5]);
        for column in ["prompt_tokens", "completion_tokens"] {
            let expected = if column == "prompt_tokens" { "10" } else { "5" };
            assert_eq!(run.column("responses.csv", column), [expected; 5], "{args:?} {column}");
        }
        assert_eq!(run.column("responses.csv", "finish_reason"), ["stop"; 5]);
        let is_timed = |row: &Value| row["ttft_ms"].is_u64();
        assert!(run.responses().iter().all(|row| is_timed(row) == (args.len() > 1)), "{args:?}");
    }
    assert_eq!(server.requests(), 10);
}

#[test]
fn a_parameter_that_a_provider_does_not_take_is_a_fault_or_is_dropped() {
    let (server, dir) = asked();
    let told = dir.run(&["job.toml", "--set", "params.seed=7"]).expect_code(2).stderr;
    assert!(told.contains("`seed` is not taken by `anthropic/claude"), "{told}");
    assert!(told.contains("on_unsupported"), "{told}");
    assert_eq!(server.requests(), 0);
    let args = ["--set", "params.seed=7", "--set", "on_unsupported=drop"];
    let run = dir.go_with(0, &args);
    let dropped: Vec<String> =
        run.responses().iter().map(|row| row["dropped_params"].to_string()).collect();
    assert_eq!(dropped, ["[]", "[\"seed\"]", "[]", "[]", "[]"]);
}

#[test]
fn a_parameter_of_a_row_is_judged_by_each_model_before_anything_is_sent() {
    let (server, dir) = asked();
    let batch =
        r#"{"custom_id":"q","body":{"messages":[{"role":"user","content":"hi"}],"seed":7}}"#;
    dir.write("rows.jsonl", format!("{{\"prompt\":\"plain\"}}\n{batch}\n"));
    let rows = |text: &str| text.replace("inline = [\"hi\"]", "file = \"rows.jsonl\"");
    dir.job(&rows(&job(&server)));
    let told = dir.run(&["check", "job.toml"]).expect_code(2).stderr;
    assert!(told.contains("`seed` is not taken by `anthropic/claude"), "{told}");
    assert!(told.contains("rows.jsonl:2"), "{told}");
    assert_eq!(server.requests(), 0);
    let run = dir.go_with(0, &["--set", "on_unsupported=drop"]);
    let dropped = |row: &Value| row["dropped_params"] == json!(["seed"]);
    assert_eq!(run.responses().iter().filter(|row| dropped(row)).count(), 1);
    assert_eq!(server.bodies().iter().filter(|body| body["seed"] == 7).count(), 2);
}

#[test]
fn parameters_that_do_not_go_together_are_found_before_anything_is_sent() {
    let mut dir = JobDir::new();
    dir.var("ANTHROPIC_API_KEY", "sk-dialects");
    dir.job(
        "name = \"t\"\n[params]\nmax_tokens = 9\n\
         [[models]]\nmodel = \"claude-3-7-sonnet-20250219\"\n\
         params = { reasoning_effort = \"low\" }\n\
         [prompts.all]\ninline = [\"hi\"]\n",
    );
    let told = dir.run(&["check", "job.toml"]).expect_code(2).stderr;
    assert!(told.contains("cannot be asked so") && told.contains("max_tokens"), "{told}");
    assert!(told.contains("job.toml:6"), "{told}");
}

#[test]
fn a_picture_on_the_web_is_fetched_for_a_provider_that_fetches_none() {
    let server = Server::start(|seen: &Seen| match seen.path.as_str() {
        "/cat" => Reply::Raw(200, Vec::new(), b"GIF89a".to_vec()),
        "/gone" => Reply::Raw(404, Vec::new(), Vec::new()),
        _ => polyglot(seen),
    });
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    let mut dir = JobDir::new();
    dir.var("OLLAMA_API_BASE", &host).var("OLLAMA_API_KEY", "sk-canary");
    let image = "image = \"{{ prompt }}\"\nuser = \"what?\"\n";
    dir.job(&format!(
        "name = \"t\"\n[[models]]\nmodel = \"ollama/llama2\"\n\
         [prompts.all]\ninline = [\"{host}/cat\", \"{host}/gone\"]\n{image}"
    ));
    let run = dir.go(3);
    assert_eq!(run.column("responses.csv", "status"), ["ok", "error"]);
    let rows = run.responses();
    let why = rows[1]["error"]["message"].as_str().unwrap_or_default();
    assert!(why.contains("/gone` cannot be sent: its server answers with status 404"), "{why}");
    assert_eq!(rows[0]["messages"][0]["content"][1]["image_url"]["url"], format!("{host}/cat"));
    let asked = server.bodies().into_iter().find(|body| body["model"] == "llama2");
    assert_eq!(asked.expect("it was asked")["messages"][0]["images"], json!(["R0lGODlh"]));
    assert_eq!(server.authorizations().len(), 1, "the key goes to the model alone");
    assert_eq!(server.requests(), 3);
}
