//! `runner models`, `runner providers`, and what the table of models does for a job.

use std::io::Read as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::handlers::completion;
use crate::support::job::JobDir;
use crate::support::server::{Reply, Seen, Server};

#[test]
fn one_model_is_shown_with_its_price_and_where_that_is_from() {
    let dir = JobDir::new();
    let output = dir.run(&["models", "gpt-4o"]).expect_code(0);
    for line in
        ["openai/gpt-4o\n", "  window          128,000 tokens\n", "    cache read    1.25\n"]
    {
        assert!(output.stdout.contains(line), "{line}\n{}", output.stdout);
    }
    assert!(output.stdout.contains("  source          litellm-1.109.1, read on 2026-11-22\n"));
    assert!(output.stderr.contains("more have `gpt-4o` in their names"), "{}", output.stderr);
    let long = dir.run(&["models", "gemini/gemini-2.5-pro"]).expect_code(0).stdout;
    assert!(long.contains("input 2.5, output 15, cache read 0.25 (the whole of"), "{long}");
    let from = dir.run(&["models", "xai/grok-4.7"]).expect_code(0).stdout;
    assert!(from.contains("of a request with 200,000 or more in)"), "{from}");
    let service = dir.run(&["models", "openai/gpt-5"]).expect_code(0).stdout;
    let flex = "    flex          input 0.625, output 5; cache read not known\n";
    assert!(service.contains(flex), "{service}");
    let gone = dir.run(&["models", "gpt-4"]).expect_code(0).stdout;
    assert!(gone.contains("  retired         since 2026-10-23"), "{gone}");
    let deployment = dir.run(&["models", "azure/gpt-4o"]).expect_code(0).stdout;
    assert!(deployment.contains("not counted: a deployment of this name may"), "{deployment}");
}

#[test]
fn programs_get_the_rates_that_costs_are_counted_with() {
    let dir = JobDir::new();
    let shown = dir.run(&["models", "xai/grok-4.7", "--format", "json"]).expect_code(0).stdout;
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let rates = shown[0]["rates"].as_array().expect("rates");
    let told = |nth: usize, key: &str| rates[nth][key].clone();
    assert_eq!((told(0, "service"), told(0, "above"), told(0, "input")), {
        (json!("default"), json!(0), json!("2"))
    });
    assert_eq!((told(1, "above"), told(1, "output")), (json!(199_999), json!("12")));
    assert_eq!((told(2, "service"), told(2, "cache_read")), (json!("batch"), json!("0.4")));
}

#[test]
fn models_are_picked_by_a_part_of_the_name_or_a_glob() {
    let dir = JobDir::new();
    let rows = |pattern: &str| -> Vec<Value> {
        let output = dir.run(&["models", pattern, "--format", "json"]).expect_code(0);
        serde_json::from_str(&output.stdout).expect("a list")
    };
    let names = |rows: &[Value]| -> Vec<String> {
        rows.iter()
            .map(|row| format!("{}/{}", row["provider"], row["model"]).replace('"', ""))
            .collect()
    };
    let haiku = names(&rows("HAIKU"));
    assert!(haiku.len() > 10 && haiku.iter().all(|name| name.contains("haiku")), "{haiku:?}");
    let groq = names(&rows("groq/*"));
    assert!(groq.len() > 10 && groq.iter().all(|name| name.starts_with("groq/")), "{groq:?}");
    let nano = &rows("gpt-5-nano")[0];
    assert_eq!(nano["routes"], json!(["chat", "responses", "batch"]));
    assert_eq!((&nano["input"], &nano["window"]), (&json!("0.05"), &json!(272_000)));
    let csv = dir.run(&["models", "groq/*", "--format", "csv"]).expect_code(0).stdout;
    assert_eq!(csv.lines().count(), groq.len() + 1);
    assert!(csv.starts_with("provider,model,routes,window,max_output,input,output,"), "{csv}");
    let table = dir.run(&["models", "groq/*"]).expect_code(0).stdout;
    assert!(table.contains("models; USD per million tokens"), "{table}");
}

#[test]
fn a_model_or_a_provider_that_is_not_there_is_answered_with_what_is_near() {
    let dir = JobDir::new();
    let told = dir.run(&["models", "gtp-4o"]).expect_code(2);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("help: did you mean `gpt-4o`, "), "{}", told.stderr);
    let told = dir.run(&["models", "openai/gpt-0"]).expect_code(2).stderr;
    assert!(told.contains("it can be asked, at a cost that is unknown"), "{told}");
    let told = dir.run(&["models", "zzz*"]).expect_code(2).stderr;
    assert!(told.contains("no model fits `zzz*`"), "{told}");
    let told = dir.run(&["providers", "openia"]).expect_code(2).stderr;
    assert!(told.contains("did you mean `openai`"), "{told}");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    for command in ["models", "providers"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_runner"))
            .arg(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut told).expect("text");
        assert!(child.wait().expect("it ends").success() && told.is_empty(), "{told}");
    }
}

#[test]
fn providers_tell_where_they_are_and_whose_key_is_set_and_no_key() {
    let mut dir = JobDir::new();
    dir.var("OPENAI_API_KEY", "sk-canary-1").var("OPENAI_BASE_URL", "http://me:pw-2@127.0.0.1/v1");
    dir.write(".env", "GROQ_API_KEY=sk-canary-3\n");
    for form in ["table", "json", "csv"] {
        let output = dir.run(&["providers", "--format", form]).expect_code(0);
        for secret in ["canary", "pw-2"] {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{form}");
        }
        assert!(output.stdout.contains("http://127.0.0.1/v1"), "{}", output.stdout);
    }
    let output = dir.run(&["providers", "--format", "json"]).expect_code(0);
    let all: Vec<Value> = serde_json::from_str(&output.stdout).expect("a list");
    let one = |name: &str| all.iter().find(|row| row["provider"] == name).expect("a row");
    assert!(all.len() >= 110);
    let openai = one("openai");
    assert_eq!(openai["base_url_from"], "OPENAI_BASE_URL");
    assert_eq!(
        (&openai["key_set"], &openai["dialect"]),
        (&json!("OPENAI_API_KEY"), &json!("openai"))
    );
    assert_eq!(one("groq")["key_set"], "GROQ_API_KEY");
    assert_eq!(
        (&one("anthropic")["key_set"], &one("anthropic")["key"]),
        (&Value::Null, &json!("required"))
    );
    assert_eq!(one("mock")["key"], "none");
}

/// Tells so many tokens of a long, cached prompt with some thought.
fn told(seen: &Seen) -> Reply {
    let mut body = completion(seen, "yes");
    body["usage"] = json!({
        "prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100,
        "prompt_tokens_details": {"cached_tokens": 800},
    });
    Reply::ok(body)
}

fn job(server: &Server, rest: &str) -> JobDir {
    let mut dir = JobDir::new();
    dir.var("OPENAI_API_KEY", "sk-x");
    dir.job(&format!(
        "name = \"t\"\n{rest}\n[providers.openai]\nbase_url = \"{}\"\n[prompts.p]\ninline = [\"hi\"]\n",
        server.base_url()
    ));
    dir
}

#[test]
fn a_job_without_prices_counts_with_those_of_the_table_and_its_own_go_first() {
    let server = Server::start(told);
    let models = "[[models]]\nmodel = \"gpt-4o\"\n\
                  [[models]]\nmodel = \"gpt-4o\"\nlabel = \"mine\"\nprice = { input = 1, output = 2 }\n\
                  [[models]]\nmodel = \"gpt-4o\"\nlabel = \"flex\"\nparams = { service_tier = \"flex\" }\n\
                  [[models]]\nmodel = \"gpt-0-unheard-of\"\n";
    let run = job(&server, models).go(0);
    assert_eq!(run.each("cost_usd"), ["0.0025", "0.0012", "", ""]);
    let statuses = ["known", "known", "unknown_price", "unknown_price"];
    assert_eq!(run.each("cost_status"), statuses);
    assert_eq!(run.column("usage.csv", "cost_usd"), ["0.0025", "0.0012", "", ""]);
    let versions = ["litellm-1.109.1@2026-11-22", "job", "", ""];
    assert_eq!(run.column("usage.csv", "price_version"), versions);
    let hash = run.json("run.json")["prices_hash"].clone();
    assert_eq!(hash.as_str().map(str::len), Some(64));
    assert_eq!(run.json("summary.json")["made_from"]["prices_hash"], hash);
    let unpriced = job(&server, "[[models]]\nmodel = \"gpt-0-unheard-of\"\n").go(0);
    assert_eq!(unpriced.json("run.json")["prices_hash"], Value::Null);
}

#[test]
fn a_provider_that_a_rule_names_and_nobody_knows_is_a_fault_before_anything_is_sent() {
    let version = "0f".repeat(32);
    let dir = JobDir::new();
    dir.job(&format!(
        "name = \"t\"\n[[models]]\nmodel = \"meta/llama-2-70b-chat:{version}\"\n\
         [prompts.p]\ninline = [\"hi\"]\n"
    ));
    let told = dir.refused();
    assert!(told.contains("`replicate`, which is not in the catalogue"), "{told}");
    assert!(told.contains("[providers.replicate] with `dialect` and `base_url`"), "{told}");
}
