//! Structured output: a schema is sent in each dialect's form, every answer is checked, and a model
//! whose answer does not fit is told so.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::completion;
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};
use crate::support::{eventually, pause};

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": false
}"#;

const GOOD: &str = r#"{"name": "Ann", "age": 7}"#;

/// How many messages a request has: one, and two more each time that the model was told.
fn length(seen: &Seen) -> usize {
    seen.body["messages"].as_array().map_or(0, Vec::len)
}

/// A server that gives good answers after it was told so often.
fn mending(told: usize) -> Server {
    Server::start(move |seen: &Seen| {
        let text = if length(seen) > 2 * told { GOOD } else { "Ann is 7." };
        Reply::ok(completion(seen, text))
    })
}

fn lab(server: &Server) -> Lab {
    Lab::at(server).top("response_schema = \"answer.json\"")
}

fn folder(lab: &Lab) -> JobDir {
    let dir = JobDir::with(lab);
    dir.write("answer.json", SCHEMA);
    dir
}

fn totals(run: &RunFolder) -> Value {
    run.json("summary.json")["totals"].clone()
}

#[test]
fn a_model_is_told_what_does_not_fit_and_what_it_cost_is_counted_apart() {
    let server = mending(1);
    let price = "model = \"lab/m\"\nprice = { input = 1, output = 1 }";
    let dir = folder(&lab(&server).model(price).texts(["a", "b"]).retry("max_attempts = 1"));
    let run = dir.go(0);
    assert_eq!(run.contents(), [GOOD, GOOD]);
    assert_eq!(run.each("schema_valid"), ["true", "true"]);
    assert_eq!(run.each("attempts"), ["2", "2"]);
    let first = &run.responses()[0];
    assert_eq!(first["messages"], json!([{"role": "user", "content": "a"}]));
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let asked = json!({"name": "answer", "schema": schema, "strict": true});
    assert_eq!(
        first["params"]["response_format"],
        json!({"type": "json_schema", "json_schema": asked})
    );

    assert_eq!(run.column("responses.csv", "schema_valid"), ["true", "true"]);
    assert_eq!(run.column("usage.csv", "final"), ["false", "true", "false", "true"]);
    assert!(run.column("usage.csv", "cost_usd").iter().all(|cost| !cost.is_empty()));
    let errors = run.csv("errors.csv");
    assert_eq!(errors.len(), 2);
    for error in &errors {
        assert_eq!(
            (error["error_type"].as_str(), error["final"].as_str()),
            ("APIResponseValidationError", "false")
        );
        assert!(error["message"].contains("it is not JSON"), "{}", error["message"]);
    }
    let totals = totals(&run);
    assert_eq!((&totals["invalid_answers"], &totals["repairs"]), (&json!(2), &json!(2)));
    assert_eq!((&totals["ok"], &totals["answered_attempts"]), (&json!(2), &json!(4)));
    let by_model = &run.json("summary.json")["by_model"][0];
    assert_eq!((&by_model["invalid_answers"], &by_model["repairs"]), (&json!(2), &json!(2)));
    assert!(run.text("summary.md").contains("2 answers did not fit the schema, 2 made good"));

    let second = server.bodies().into_iter().find(|body| body["messages"][2].is_object());
    let talk = second.expect("somebody was told")["messages"].clone();
    assert_eq!(talk[1], json!({"role": "assistant", "content": "Ann is 7."}));
    let told = talk[2]["content"].as_str().expect("text");
    assert!(told.contains("does not fit") && told.contains("JSON alone"), "{told}");
}

#[test]
fn an_answer_that_never_fits_fails_once_it_was_told_so_often() {
    let server = mending(9);
    let dir = folder(&lab(&server).top("invalid_retries = 3"));
    let run = dir.go(3);
    assert_eq!(server.requests(), 4);
    assert_eq!(
        (run.each("status"), run.each("schema_valid")),
        (vec!["error".into()], vec!["false".into()])
    );
    assert_eq!(run.column("errors.csv", "final"), ["false", "false", "false", "true"]);
    assert_eq!(run.lines("usage.csv"), 5);
    let totals = totals(&run);
    assert_eq!((&totals["invalid_answers"], &totals["repairs"]), (&json!(4), &json!(0)));
    // What failed is asked again, and the attempts are numbered on.
    let run = dir.go_with(3, &["--resume"]);
    assert_eq!((server.requests(), run.each("attempts")), (8, vec!["8".to_owned()]));
    assert_eq!(run.lines("usage.csv"), 9);
}

#[test]
fn an_answer_may_fail_at_once_or_be_kept_and_say_so() {
    let server = mending(9);
    let run = folder(&lab(&server).top("on_invalid = \"fail\"")).go(3);
    assert_eq!((server.requests(), run.each("status")), (1, vec!["error".to_owned()]));
    assert_eq!(run.column("errors.csv", "retryable"), ["false"]);

    let dir = folder(&lab(&server).prompts("inline = [\"hi\"]\non_invalid = \"keep\""));
    let run = dir.go(0);
    let row = &run.responses()[0];
    assert_eq!((&row["status"], &row["schema_valid"]), (&json!("ok"), &json!(false)));
    assert!(row["schema_fault"].as_str().expect("text").contains("it is not JSON"));
    assert_eq!(run.contents(), ["Ann is 7."]);
    assert_eq!(run.column("responses.csv", "schema_valid"), ["false"]);
    assert_eq!(run.lines("errors.csv"), 1, "the header alone");
    assert_eq!(totals(&run)["invalid_answers"], 1);
}

#[test]
fn a_model_that_takes_no_schema_is_asked_for_it_in_words() {
    let server = mending(1);
    let lab = lab(&server).provider("unsupported = [\"response_format\"]");
    let told = folder(&lab).refused();
    assert!(told.contains("on_unsupported = \"drop\" to ask it for the schema in words"), "{told}");
    let run = folder(&lab.top("on_unsupported = \"drop\"")).go(0);
    assert_eq!(
        (run.contents(), run.each("schema_valid")),
        (vec![GOOD.to_owned()], vec!["true".to_owned()])
    );
    let body = &server.bodies()[0];
    assert_eq!(body["response_format"], Value::Null);
    let asked = body["messages"][0]["content"].as_str().expect("text");
    assert!(
        asked.starts_with("hello\n\nAnswer with JSON alone") && asked.contains("\"required\""),
        "{asked}"
    );
    let row = &run.responses()[0];
    assert_eq!(row["dropped_params"], json!(["response_format"]));
    assert_eq!(row["messages"][0]["content"], asked);
}

#[test]
fn a_stream_is_checked_like_a_whole_answer() {
    let server = Server::start(|seen: &Seen| {
        let text = if length(seen) > 1 { GOOD } else { "{\"name\": " };
        let piece =
            json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]});
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}});
        let text = format!("data: {piece}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
        Reply::Raw(200, vec![("content-type", "text/event-stream".to_owned())], text.into_bytes())
    });
    let run = folder(&lab(&server).and("[params]\nstream = true")).go(0);
    assert_eq!(
        (run.contents(), run.each("attempts")),
        (vec![GOOD.to_owned()], vec!["2".to_owned()])
    );
}

#[test]
fn a_budget_holds_for_answers_that_do_not_fit() {
    let server = mending(1_000);
    let price = "model = \"lab/m\"\nprice = { input = 1000, output = 1000 }";
    // A token costs a tenth of a cent, and each call may have forty of output, beside its input.
    let lab = lab(&server).model(price).rows(40).top("invalid_retries = 100");
    let lab = lab.and("[params]\nmax_tokens = 40\n[budget]\nmax_usd = 20");
    let dir = folder(&lab);
    dir.run(&["job.toml"]).expect_code(4);
    let run = dir.latest("t");
    let spent: f64 = totals(&run)["cost_usd"].as_str().expect("known").parse().expect("a number");
    assert!(spent > 0.0 && spent <= 20.0, "{spent}");
    let billed = run.lines("usage.csv") - 1;
    assert_eq!(billed, server.requests(), "every answer is on record");
}

#[test]
fn a_run_that_is_stopped_between_the_retries_goes_on_without_a_loss() {
    let server = Server::start(|seen: &Seen| {
        let wait = if length(seen) == 1 { 0 } else { 600 };
        Reply::ok(completion(seen, "no")).after(Duration::from_millis(wait))
    });
    let dir = folder(&lab(&server));
    let running = dir.spawn(&["job.toml"]);
    eventually("the model is told", || server.requests() == 2);
    pause(Duration::from_millis(100));
    running.signal("INT");
    running.wait().expect_code(130);
    assert_eq!(server.requests(), 2, "nobody is asked again");
    let run = dir.latest("t");
    assert_eq!(
        (run.each("status"), run.each("attempts")),
        (vec!["skipped".into()], vec!["2".into()])
    );
    assert_eq!(run.lines("usage.csv"), 3);
    // From here on it answers as it should.
    let mended = mending(0);
    dir.job(&lab(&mended).to_string());
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!((run.each("attempts"), mended.requests()), (vec!["3".to_owned()], 1));
    assert_eq!(run.column("usage.csv", "attempt"), ["1", "2", "3"]);
    assert_eq!(totals(&run)["repairs"], 1);
}

#[test]
fn a_run_that_is_killed_between_the_retries_asks_again_only_what_was_in_flight() {
    let server = Server::start(|seen: &Seen| {
        let is_last = seen.body["messages"][0]["content"] == "row 5";
        match (is_last, length(seen)) {
            (false, 1) => Reply::ok(completion(seen, "no")),
            (true, 3) if seen.n_of_this_text < 5 => Reply::Hang,
            (true, 1) => Reply::ok(completion(seen, "nothing")),
            _ => Reply::ok(completion(seen, GOOD)),
        }
    });
    let dir = folder(&lab(&server).rows(5).limits("concurrency = 1"));
    let running = dir.spawn(&["job.toml"]);
    eventually("the last one hangs", || server.requests() == 10);
    eventually("the others are on record", || {
        dir.latest("t").whole_lines("journal.jsonl").matches("\"task\"").count() >= 4
    });
    running.kill();
    let mended = mending(1);
    dir.job(&lab(&mended).rows(5).to_string());
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!((run.contents(), mended.requests()), (vec![GOOD.to_owned(); 5], 2));
    assert_eq!(totals(&run)["repairs"], 5);
}

#[test]
fn the_built_in_provider_answers_in_form_in_every_dialect() {
    let mut dir = JobDir::new();
    let mock = dir.spawn(&["mock", "--port", "0"]);
    eventually("the built-in provider tells its address", || mock.stdout().contains("/v1\n"));
    let base = mock.stdout().trim().to_owned();
    let host = base.trim_end_matches("/v1").to_owned();
    for key in ["OPENAI", "ANTHROPIC", "GEMINI", "COHERE", "AZURE", "MISTRAL"] {
        dir.var(&format!("{key}_API_KEY"), "sk-structured");
    }
    dir.var("AWS_BEARER_TOKEN_BEDROCK", "sk-structured");
    let models = [
        "openai/gpt-4o-mini",
        "openai/responses/gpt-4o-mini",
        "azure/gpt-4o-mini",
        "anthropic/claude-sonnet-4-5",
        "anthropic/claude-3-haiku-20240307",
        "gemini/gemini-2.5-pro",
        "cohere/command-a-03-2025",
        "ollama/llama2",
        "mistral/mistral-large-latest",
        "bedrock/us-east-1/qwen.qwen3-32b-v1:0",
        "bedrock/us-east-1/us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "bedrock/us-east-1/amazon.nova-pro-v1:0",
        "mock/lark",
    ];
    let tables: String = models.map(|model| format!("[[models]]\nmodel = \"{model}\"\n")).concat();
    let at = |name: &str, url: &str| format!("[providers.{name}]\nbase_url = \"{url}\"\n");
    let providers: String = [
        at("openai", &base),
        at("mistral", &base),
        at("azure", &host),
        "api_version = \"2024-10-21\"\n".to_owned(),
        at("anthropic", &host),
        at("gemini", &host),
        at("cohere", &host),
        at("ollama", &host),
        at("bedrock", &host),
    ]
    .concat();
    let schema = "response_schema = \"answer.json\"\non_invalid = \"fail\"";
    dir.job(&format!(
        "name = \"t\"\n{schema}\n{tables}\n{providers}\n[prompts.p]\ninline = [\"a\", \"b\"]\n"
    ));
    dir.write("answer.json", SCHEMA);
    let run = dir.go(0);
    mock.kill();
    assert_eq!(run.each("schema_valid"), vec!["true"; 2 * models.len()]);
}

#[test]
fn the_built_in_provider_can_be_made_to_answer_as_it_should_not() {
    let dir = JobDir::new();
    dir.write("answers.csv", "prompt,answer\nWho?,Ann is 7.\n");
    dir.write("answer.json", SCHEMA);
    dir.job(
        "name = \"t\"\nresponse_schema = \"answer.json\"\n[[models]]\nmodel = \"mock/lark\"\n\
         [[models]]\nmodel = \"mock/echo\"\n[providers.mock]\nanswers = \"answers.csv\"\n\
         [prompts.p]\ninline = [\"Who?\"]\n",
    );
    let run = dir.go(3);
    // What it is told next has no prepared answer; an echo never learns.
    assert_eq!(run.each("status"), ["ok", "error"]);
    assert_eq!(run.each("attempts"), ["2", "3"]);
    let plan = dir.run(&["plan", "job.toml"]).expect_code(0);
    assert!(plan.stdout.contains("lark"), "{}", plan.stdout);
}
