//! The scorer `cosine`: two embeddings for each answer, priced, budgeted and kept like any call.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::handlers::{completion, error};
use crate::support::job::{CsvRow, JobDir, RunFolder, plain};
use crate::support::server::{Reply, Seen, Server};

/// Answers chats with what was asked, and embeddings with these numbers.
fn server(embedding: impl Fn(&str) -> Value + Send + Sync + 'static) -> Server {
    Server::start(move |seen: &Seen| match seen.path.as_str() {
        "/v1/embeddings" => {
            let text = seen.body["input"].as_str().expect("a text");
            let tokens = text.split_whitespace().count();
            Reply::ok(json!({
                "object": "list", "model": seen.body["model"],
                "data": [{"object": "embedding", "index": 0, "embedding": embedding(text)}],
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
            }))
        }
        _ => Reply::ok(completion(seen, &seen.text)),
    })
}

/// A vector for each of these texts.
fn numbers(text: &str) -> Value {
    match text {
        "one two three" => json!([3.0, 4.0]),
        "drei" => json!([4.0, 3.0]),
        "far away" => json!([-4.0, 3.0]),
        _ => json!([0.6, 0.8]),
    }
}

/// Rows whose answers are what they ask, and the text that each should be near.
const ROWS: &str = "{\"q\": \"one two three\", \"near\": \"drei\"}\n\
     {\"q\": \"one two three\", \"near\": \"far away\"}\n\
     {\"q\": \"one two three\", \"near\": \"\"}\n";

fn job(server: &Server, scorer: &str, more: &str) -> JobDir {
    let dir = JobDir::new();
    dir.write("rows.jsonl", ROWS);
    dir.job(&format!(
        "name = \"t\"\n{more}\n\
         [[models]]\nmodel = \"lab/chat\"\nprice = {{ input = 1, output = 2 }}\n\
         params = {{ max_tokens = 9 }}\n\
         [providers.lab]\ndialect = \"openai\"\nbase_url = \"{}\"\n\
         [prompts.p]\nfile = \"rows.jsonl\"\nuser = \"{{{{ q }}}}\"\n\
         [retry]\ninitial = \"1ms\"\nmax = \"2ms\"\n\
         [scorers.near.cosine]\nvalue = \"{{{{ near }}}}\"\n{scorer}\n",
        server.base_url()
    ));
    dir
}

const EMBEDDER: &str = "model = \"lab/embedder\"\nprice = { input = 0.02 }\nthreshold = 0.9";

fn score(run: &RunFolder, row: usize) -> Value {
    run.responses()[row]["scores"]["near"].clone()
}

#[test]
fn an_answer_is_scored_by_the_angle_between_two_embeddings() {
    let server = server(numbers);
    let scorer = format!("{EMBEDDER}\nparams = {{ dimensions = 2 }}");
    let run = job(&server, &scorer, "").go(0);
    let near = score(&run, 0);
    assert!((near["value"].as_f64().expect("a value") - 0.96).abs() < 1e-9, "{near}");
    assert_eq!((&near["pass"], &near["cost_usd"]), (&json!(true), &json!("0.00000008")));
    let far = score(&run, 1);
    assert_eq!((&far["value"], &far["pass"]), (&json!(0.0), &json!(false)), "{far}");
    let skipped = score(&run, 2);
    assert_eq!((&skipped["value"], &skipped["pass"]), (&Value::Null, &Value::Null), "{skipped}");

    // Each is asked as an embedding, and with what the scorer states alone.
    let bodies = server.bodies();
    let asked: Vec<_> = bodies.iter().filter(|body| body["input"].is_string()).collect();
    assert_eq!(asked.len(), 4, "{bodies:?}");
    let body = json!({"model": "embedder", "input": "one two three", "encoding_format": "float",
        "dimensions": 2});
    assert!(asked.contains(&&body), "{asked:?}");

    let usage = run.csv("usage.csv");
    let of_scorer: Vec<_> = usage.iter().filter(|row| row["scorer"] == "near").collect();
    assert_eq!((usage.len(), of_scorer.len()), (7, 4));
    for row in &of_scorer {
        let tokens: u64 = row["prompt_tokens"].parse().expect("tokens");
        let cost: f64 = row["cost_usd"].parse().expect("a cost");
        assert_eq!((&*row["completion_tokens"], &*row["cost_status"]), ("0", "known"), "{row:?}");
        assert!((cost - tokens as f64 * 2e-8).abs() < 1e-15, "{row:?}");
        assert_eq!(row["model_used"], "lab/embedder");
    }
    assert_eq!(run.column("responses.csv", "near")[1], "0");
}

#[test]
fn a_run_that_goes_on_asks_nothing_again() {
    let server = server(numbers);
    let dir = job(&server, EMBEDDER, "");
    let first = dir.go(0);
    let (scores, requests) = (first.each("scores"), server.requests());
    let again = dir.go_with(0, &["--resume"]);
    assert_eq!((again.each("scores"), server.requests()), (scores, requests));
}

#[test]
fn embeddings_that_cannot_be_compared_leave_a_score_broken_and_say_why() {
    for (embedding, code, why) in [
        (json!([1.0]), 0, "different lengths"),
        (json!(["a"]), 3, "it is no list of numbers"),
        (json!([]), 3, "it is an empty list"),
    ] {
        let odd = embedding.clone();
        let server = server(move |text| if text == "drei" { odd.clone() } else { json!([1, 2]) });
        let run = job(&server, EMBEDDER, "").go(code);
        let score = score(&run, 0);
        let note = score["note"].as_str().unwrap_or_default();
        assert!(note.contains(why), "{embedding}: {score}");
        assert_eq!(score["value"], Value::Null, "{score}");
        // The answers are there all the same.
        assert_eq!(run.each("status"), ["ok", "ok", "ok"]);
    }
}

#[test]
fn a_provider_that_has_none_is_told_as_its_error() {
    let server = Server::start(|seen: &Seen| match seen.path.as_str() {
        "/v1/embeddings" => error(404, "invalid_request_error", "", "no such path"),
        _ => Reply::ok(completion(seen, &seen.text)),
    });
    let run = job(&server, EMBEDDER, "").go(3);
    let score = score(&run, 0);
    assert!(score.to_string().contains("NotFoundError: no such path"), "{score}");
}

#[test]
fn a_budget_holds_what_the_text_can_cost_and_no_output() {
    let server = server(numbers);
    // No `max_tokens` is asked for: an embedding has no output.
    let run = job(&server, EMBEDDER, "budget = { max_usd = 1 }").go(0);
    assert_eq!(score(&run, 0)["pass"], json!(true));
    // Each call of 3 tokens is bounded by its bytes at some 100 tokens, of $0.02 a million.
    let scorer = format!("{EMBEDDER}\nbudget = {{ max_usd = \"0.000001\" }}");
    let run = job(&server, &scorer, "").go(4);
    assert!(run.csv("usage.csv").iter().all(|row| row["scorer"].is_empty()));
    let told = job(&server, "model = \"lab/embedder\"", "budget = { max_usd = 1 }").refused();
    assert!(told.contains("price = { input = ... }"), "{told}");
}

#[test]
fn the_built_in_provider_embeds_and_a_plan_foretells_it() {
    let dir = JobDir::new();
    let text = "Paris is the capital of France.";
    dir.write(
        "rows.jsonl",
        format!(
            "{}\n{}\n{}\n",
            json!({"q": text, "near": text}),
            json!({"q": text, "near": "The capital city of France is Paris."}),
            json!({"q": text, "near": "Bananas grow where it is warm."}),
        ),
    );
    dir.job(
        "name = \"t\"\n\
         [[models]]\nmodel = \"mock/echo\"\nprice = { input = 1, output = 2 }\n\
         [prompts.p]\nfile = \"rows.jsonl\"\nuser = \"{{ q }}\"\n\
         [scorers.near.cosine]\nmodel = \"mock/embedder\"\nvalue = \"{{ near }}\"\n\
         price = { input = 0.02 }\n\
         [scorers.good.judge]\nmodel = \"mock/judge\"\nrubric = \"It is true: {{ near }}\"\n\
         price = { input = 1, output = 1 }\nvotes = 2\n",
    );
    let output = dir.run(&["plan", "job.toml", "--format", "json"]).expect_code(0);
    let plan: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let run = dir.go(0);
    let values: Vec<f64> =
        (0..3).map(|row| score(&run, row)["value"].as_f64().expect("a value")).collect();
    assert!((values[0] - 1.0).abs() < 1e-9 && values[1] > 0.6 && values[2] < 0.5, "{values:?}");

    let usage = run.csv("usage.csv");
    for (nth, column, calls) in [(0, "near", 6), (1, "good", 6)] {
        let told = &plan["scorers"][nth];
        assert_eq!((&told["scorer"], &told["calls_at_most"]), (&json!(column), &json!(calls)));
        let rows: Vec<_> = usage.iter().filter(|row| row["scorer"] == column).collect();
        assert_eq!(rows.len(), calls, "{column}");
        let sum = |key: &str| -> f64 {
            rows.iter().map(|row| row[key].parse::<f64>().expect("a number")).sum()
        };
        let likely: f64 = plain(&told["cost_usd_likely"]).parse().expect("an amount");
        assert!((likely / sum("cost_usd") - 1.0).abs() < 0.25, "{told} {}", sum("cost_usd"));
        let tokens = told["input_tokens_likely"].as_f64().expect("tokens");
        assert!((tokens / sum("prompt_tokens") - 1.0).abs() < 0.25, "{told}");
    }
    assert_eq!(plan["with_scorers"]["calls"], json!(3 + 6 + 6));
    let models: f64 = plain(&plan["cost_usd_likely"]).parse().expect("an amount");
    let all: f64 = plain(&plan["with_scorers"]["cost_usd_likely"]).parse().expect("an amount");
    assert!(all > models, "{all} {models}");
    let table = dir.run(&["plan", "job.toml"]).expect_code(0).stdout;
    for told in ["calls at most", "mock/judge", "likely with scorers: ", "there yet"] {
        assert!(table.contains(told), "{told} in\n{table}");
    }
}

#[test]
fn every_dialect_that_has_embeddings_gives_the_same_scores() {
    const DIALECTS: &[(&str, &str, &str, &str)] = &[
        ("openai", "/v1", "m", ""),
        ("azure", "", "m", "api_version = \"2024-10-21\""),
        ("azure-ai", "", "m", ""),
        ("gemini", "", "gemini-embedding-001", ""),
        ("vertex", "", "text-embedding-005", "project = \"p\"\nlocation = \"global\""),
        ("vertex", "", "gemini-embedding-2", "project = \"p\"\nlocation = \"global\""),
        ("cohere", "", "embed-english-v3.0", ""),
        ("ollama", "", "nomic-embed-text", ""),
        ("bedrock", "", "amazon.titan-embed-text-v2:0", "region = \"us-east-1\""),
        ("bedrock", "", "cohere.embed-english-v3", "region = \"us-east-1\""),
    ];
    let dir = JobDir::new();
    let mock = dir.spawn(&["mock"]);
    eventually("the built-in provider is up", || mock.stdout().ends_with('\n'));
    let url = mock.stdout();
    let host = url.trim().trim_end_matches("/v1");
    let tables = DIALECTS.iter().enumerate().map(|(nth, (dialect, below, model, settings))| {
        format!(
            "[providers.p{nth}]\ndialect = \"{dialect}\"\nbase_url = \"{host}{below}\"\n{settings}\n\
             [scorers.s{nth}.cosine]\nmodel = \"p{nth}/{model}\"\n\
             value = \"The capital of France is Paris.\"\nprice = {{ input = 1 }}\n"
        )
    });
    let text = "name = \"t\"\n[[models]]\nmodel = \"mock/echo\"\n[prompts.p]\n\
                inline = [\"Paris is the capital of France.\"]\n";
    let text = [text.to_owned()].into_iter().chain(tables).collect::<String>();
    dir.job(&text);
    let run = dir.go(0);
    let scores = &run.responses()[0]["scores"];
    let usage = run.csv("usage.csv");
    for (nth, (dialect, _, model, _)) in DIALECTS.iter().enumerate() {
        let (first, own) = (&scores["s0"]["value"], &scores[format!("s{nth}")]["value"]);
        assert!(own.as_f64().is_some_and(|own| own > 0.7), "{dialect} {model}: {scores}");
        assert_eq!(own, first, "{dialect} {model}");
        let column = format!("s{nth}");
        let tokens: Vec<_> = usage.iter().filter(|row| row["scorer"] == column).collect();
        assert_eq!(tokens.len(), 2, "{dialect} {model}");
        let is_counted = |row: &&CsvRow| row["prompt_tokens"] == "8" || dialect == &"bedrock";
        assert!(tokens.iter().all(is_counted), "{dialect} {model}: {tokens:?}");
    }
}

#[test]
fn a_model_that_gives_no_embeddings_is_a_fault_of_the_job() {
    for model in ["claude-haiku-4-5", "openai/gpt-4o", "vertex_ai/claude-opus-5@default"] {
        let mut dir = JobDir::new();
        dir.var("VERTEXAI_PROJECT", "p");
        dir.job(&format!(
            "name = \"t\"\n[[models]]\nmodel = \"mock/echo\"\n[prompts.p]\ninline = [\"hi\"]\n\
             [scorers.near.cosine]\nmodel = \"{model}\"\nvalue = \"hi\"\n"
        ));
        let told = dir.refused();
        assert!(told.contains("gives no embeddings"), "{model}: {told}");
        assert!(told.contains("text-embedding-3-small"), "{model}: {told}");
    }
    let dir = JobDir::new();
    dir.job(
        "name = \"t\"\n[[models]]\nmodel = \"mock/echo\"\n[prompts.p]\ninline = [\"hi\"]\n\
         [scorers.near.cosine]\nmodel = \"mock/embedder\"\nvalue = \"hi\"\n\
         params = { temperature = 0 }\n",
    );
    let told = dir.refused();
    assert!(told.contains("an embedding has no such parameter"), "{told}");
}
