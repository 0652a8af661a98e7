//! A job from its file to its reports: what is sent, what is written, and that it all agrees.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::{answers, completion, echo, error, failing_first};
use crate::support::job::{JobDir, RunFolder, plain};
use crate::support::lab::Lab;
use crate::support::likeness::likeness;
use crate::support::server::{Reply, Seen, Server};

/// The reports, without the files that the run itself writes.
const REPORTS: &[&str] = &[
    "errors.csv",
    "errors.jsonl",
    "report.html",
    "responses.csv",
    "responses.jsonl",
    "summary.json",
    "summary.md",
    "usage.csv",
];

/// Two models, three prompt sets from three sources.
const THREE_SETS: &str = r#"
[prompts.sums]
file = "sums.csv"
system = "Answer with the number alone."
user = "What is {{ a }} + {{ b }}?"
id = "id"

[prompts.cities]
file = "cities.jsonl"
user = "Where is {{ city }}?"

[prompts.greetings]
inline = ["Hello! How are you?", "Bonjour !"]
"#;

/// A folder with a job of two models and three prompt sets: 14 tasks.
fn three_sets(server: &Server) -> JobDir {
    let lab = Lab::at(server)
        .top("tags = { team = \"search\" }")
        .top("params = { temperature = 0 }")
        .model("model = \"lab/big\"\nprice = { input = 2.5, output = 10 }")
        .model("model = \"lab/small\"\nlabel = \"little\"")
        .retry("initial = \"2ms\"\nmax = \"5ms\"\nmax_attempts = 3")
        .prompts("")
        .and(THREE_SETS);
    let dir = JobDir::with(&lab);
    dir.write("sums.csv", "id,a,b\none,1,2\ntwo,3,4\nthree,5,6\n");
    dir.write("cities.jsonl", "{\"city\":\"Paris\"}\n{\"city\":\"Ulm\"}\n");
    dir
}

/// Some answers come late, some never: a 500 at first for one text, a 400 for another, an empty
/// answer for a third.
fn moody(seen: &Seen) -> Reply {
    match (seen.text.as_str(), seen.n_of_this_text) {
        ("Where is Ulm?", _) => error(400, "invalid_request_error", "bad", "no such place"),
        ("What is 3 + 4?", 0 | 1) => error(500, "server_error", "oops", "try again"),
        ("Bonjour !", _) => Reply::ok(completion(seen, "")),
        (text, _) => Reply::ok(completion(seen, &format!("you said: {text}"))),
    }
}

fn numbers(run: &RunFolder, name: &str, column: &str) -> u64 {
    let cells = run.column(name, column);
    cells.iter().filter_map(|cell| cell.parse::<u64>().ok()).sum()
}

#[test]
fn a_run_leaves_every_file() {
    let server = Server::start(echo());
    let dir = three_sets(&server);
    let run = dir.go(0);
    let files: BTreeSet<String> = run.files().into_iter().collect();
    for name in REPORTS.iter().chain(&["job.toml", "run.json", "journal.jsonl"]) {
        assert!(files.contains(*name), "no `{name}` in {files:?}");
    }
    assert!(files.iter().all(|name| !name.contains("tmp")), "{files:?}");
    assert_eq!(run.text("job.toml"), fs::read_to_string(dir.path().join("job.toml")).unwrap());
    let manifest = run.json("run.json");
    assert_eq!(manifest["job"], "t");
    assert_eq!(manifest["run"], json!(run.name()));
    assert_eq!(manifest["tasks"], 14);
    assert_eq!(manifest["sessions"][0]["ended"], "done");
    let inputs: Vec<&Value> = manifest["inputs"].as_array().unwrap().iter().collect();
    let paths: Vec<String> = inputs.iter().map(|input| plain(&input["path"])).collect();
    assert_eq!(paths, ["cities.jsonl", "sums.csv"]);
    let name = run.name();
    let (time, hex) = name.split_once('-').expect("a time and hex digits");
    assert!(time.len() == 16 && time.ends_with('Z'), "{name}");
    assert!(hex.len() == 4 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
}

#[test]
fn every_report_tells_the_same() {
    let server = Server::start(moody);
    let dir = three_sets(&server);
    let run = dir.go(3);
    let rows = run.responses();
    assert_eq!((rows.len(), run.csv("responses.csv").len()), (14, 14));
    assert_eq!(run.jsonl("journal.jsonl").len(), 14);

    let statuses = run.each("status");
    assert_eq!(statuses, run.column("responses.csv", "status"));
    assert_eq!(statuses.iter().filter(|status| *status == "ok").count(), 10);
    let attempts: u64 = rows.iter().map(|row| row["attempts"].as_u64().unwrap()).sum();
    assert_eq!(attempts, server.requests() as u64);
    assert_eq!(numbers(&run, "responses.csv", "attempts"), attempts);

    // Refused: 2 × 400; failed: 4 × 500, half of them for each model; empty: 2 × 2.
    let errors = run.csv("errors.csv");
    assert_eq!(errors.len(), run.jsonl("errors.jsonl").len());
    let count = |status: &str| errors.iter().filter(|row| row["http_status"] == status).count();
    assert_eq!((count("400"), count("500")), (server.status(400), server.status(500)));
    let empty = errors.iter().filter(|row| row["error_type"] == "APIResponseValidationError");
    assert_eq!(empty.count(), 4);
    let usage = run.csv("usage.csv");
    assert_eq!(usage.len(), server.status(200));
    let finals = usage.iter().filter(|row| row["final"] == "true").count();
    assert_eq!(finals, 12);

    let summary = run.json("summary.json");
    let totals = &summary["totals"];
    assert_eq!(
        (&totals["tasks"], &totals["ok"], &totals["error"]),
        (&json!(14), &json!(10), &json!(4))
    );
    assert_eq!(totals["attempts"], attempts);
    assert_eq!(totals["failed_attempts"], errors.len());
    assert_eq!(totals["answered_attempts"], usage.len());
    for column in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(totals["tokens"][column], numbers(&run, "usage.csv", column), "{column}");
        for by in ["by_model", "by_prompt", "by_provider"] {
            let parts = summary[by].as_array().unwrap().iter();
            let sum: u64 = parts.filter_map(|part| part["tokens"][column].as_u64()).sum();
            assert_eq!(sum, numbers(&run, "usage.csv", column), "{column} {by}");
        }
    }
}

#[test]
fn a_row_in_csv_is_the_row_in_jsonl() {
    let server = Server::start(moody);
    let dir = three_sets(&server);
    let run = dir.go(3);
    let flat = run.csv("responses.csv");
    for (row, flat) in run.responses().iter().zip(&flat) {
        for column in ["task", "prompt", "row", "repeat", "model", "variant", "model_used"] {
            assert_eq!(flat[column], plain(&row[column]), "{column}");
        }
        for column in ["provider", "status", "cost_usd", "latency_ms", "attempts", "started_at"] {
            assert_eq!(flat[column], plain(&row[column]), "{column}");
        }
        let choice = &row["response"]["choices"][0];
        assert_eq!(flat["finish_reason"], plain(&choice["finish_reason"]));
        assert_eq!(flat["content"], plain(&choice["message"]["content"]));
        assert_eq!(flat["error_type"], plain(&row["error"]["type"]));
        assert_eq!(flat["total_tokens"], plain(&row["usage"]["total_tokens"]));
    }
    for (line, flat) in run.jsonl("errors.jsonl").iter().zip(run.csv("errors.csv")) {
        for (column, cell) in &flat {
            assert_eq!(*cell, plain(&line[column]), "{column}");
        }
    }
}

#[test]
fn columns_stand_as_the_contract_says() {
    let server = Server::start(moody);
    let run = three_sets(&server).go(3);
    let list = |text: &str| text.split(", ").map(str::to_owned).collect::<Vec<String>>();
    assert_eq!(
        run.columns("responses.csv"),
        list(
            "task, prompt, row, repeat, model, variant, model_used, provider, status, \
             finish_reason, content, error_type, prompt_tokens, completion_tokens, total_tokens, \
             cost_usd, latency_ms, ttft_ms, attempts, started_at, request_id, attempts_cost_usd, \
             schema_valid"
        )
    );
    assert_eq!(
        run.columns("usage.csv"),
        list(
            "task, attempt, at, job, run, prompt, row, model, variant, model_used, provider, \
             final, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, \
             reasoning_tokens, total_tokens, usage_source, cost_usd, cost_status, price_version, \
             request_id, cache_write_1h_tokens, audio_prompt_tokens, audio_completion_tokens, \
             fallback, cost_at_most_usd, cached_cost_usd, scorer"
        )
    );
    let errors = list(
        "task, attempt, at, prompt, row, model, variant, model_used, provider, error_type, \
         http_status, provider_code, message, retryable, waited_ms, final, request_id, \
         cost_at_most_usd, scorer",
    );
    assert_eq!(run.columns("errors.csv"), errors);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&run.jsonl("errors.jsonl")[0]), errors);
    let row = &run.responses()[0];
    assert_eq!(
        keys(row),
        list(
            "v, task, job, run, prompt, row, repeat, model, variant, model_used, provider, \
             status, messages, params, dropped_params, response, finish_reason_raw, usage, \
             cost_usd, cost_status, price_version, latency_ms, ttft_ms, queued_ms, started_at, \
             attempts, request_id, scores, error, tags"
        )
    );
    assert_eq!(
        keys(&row["usage"]),
        list(
            "prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, \
             reasoning_tokens, total_tokens, source"
        )
    );
    let text = run.text("responses.csv");
    assert!(text.ends_with("\r\n") && !text.starts_with('\u{feff}'));
}

#[test]
fn rows_come_in_plan_order_whatever_comes_back_first() {
    // The later a row stands in the file, the sooner its answer comes.
    let wait = |seen: &Seen| 60 - 5 * seen.text.len().min(12) as u64;
    let server = Server::start(move |seen| {
        Reply::ok(completion(seen, "ok")).after(Duration::from_millis(wait(seen)))
    });
    let lab = Lab::at(&server)
        .top("repeats = 2")
        .model("model = \"lab/a\"")
        .model("model = \"lab/b\"\nprompts = [\"p\"]")
        .texts(["1", "22", "333"])
        .and("[prompts.q]\ninline = [\"4444\", \"55555\"]");
    let run = JobDir::with(&lab).go(0);
    let place = |row: &Value| {
        let cells = ["prompt", "row", "model", "repeat"].map(|key| plain(&row[key]));
        cells.join(" ")
    };
    let places: Vec<String> = run.responses().iter().map(place).collect();
    let mut expected = Vec::new();
    for row in 1..=3 {
        for model in ["lab/a", "lab/b"] {
            expected.extend([0, 1].map(|repeat| format!("p {row} {model} {repeat}")));
        }
    }
    for row in 1..=2 {
        expected.extend([0, 1].map(|repeat| format!("q {row} lab/a {repeat}")));
    }
    assert_eq!(places, expected);
}

#[test]
fn a_matrix_asks_each_combination_and_labels_it() {
    let server = Server::start(echo());
    let lab = Lab::at(&server)
        .top("matrix = { top_p = [0.5, 1.0], seed = [1, 2] }")
        .top("params = { temperature = 0, top_p = 0.1 }")
        .model("model = \"lab/a\"\nparams = { temperature = 0.2 }")
        .model("model = \"lab/a\"\nlabel = \"again\"")
        .texts(["hi"]);
    let run = JobDir::with(&lab).go(0);
    let four = ["top_p=0.5,seed=1", "top_p=0.5,seed=2", "top_p=1.0,seed=1", "top_p=1.0,seed=2"];
    assert_eq!(run.each("variant"), [four, four].concat());
    assert_eq!(run.each("model"), [["lab/a"; 4], ["again"; 4]].concat());
    assert_eq!(run.each("model_used"), ["lab/a"; 8]);
    let params = &run.responses()[1]["params"];
    assert_eq!(*params, json!({"temperature": 0.2, "top_p": 0.5, "seed": 2}));
    let tasks: BTreeSet<String> = run.each("task").into_iter().collect();
    assert_eq!((tasks.len(), server.requests()), (8, 8));
}

#[test]
fn two_runs_with_the_same_answers_have_the_same_rows() {
    let server = Server::start(|seen: &Seen| match seen.text.as_str() {
        "Where is Ulm?" => error(400, "invalid_request_error", "bad", "no such place"),
        text => Reply::ok(completion(seen, text)),
    });
    let dir = three_sets(&server);
    let (first, second) = (dir.go(3), dir.go(3));
    assert_ne!(first.name(), second.name());
    assert_eq!(likeness(&first), likeness(&second));
    assert_eq!(dir.runs("t").len(), 2);
    assert_eq!(dir.latest("t"), second, "`latest` points at the newest");
}

#[test]
fn money_is_exact_and_what_is_not_known_is_not_zero() {
    let untold = |seen: &Seen| {
        let mut body = completion(seen, "one two three");
        if seen.text == "untold" {
            body.as_object_mut().expect("an object").remove("usage");
        }
        Reply::ok(body)
    };
    let server = Server::start(untold);
    let lab = Lab::at(&server)
        .model(
            "model = \"lab/a\"\nlabel = \"priced\"\nprice = { input = 0.0375, output = \"0.3\" }",
        )
        .model("model = \"lab/a\"\nlabel = \"unpriced\"")
        .texts(["a b c d e f g", "untold"]);
    let run = JobDir::with(&lab).go(0);
    // 7 × 0.0375 + 3 × 0.3 = 1.1625 millionths of a dollar.
    assert_eq!(run.each("cost_usd"), ["0.0000011625", "", "", ""]);
    let statuses = ["known", "unknown_price", "unknown_usage", "unknown_price"];
    assert_eq!(run.each("cost_status")[..2], statuses[..2]);
    assert_eq!(run.each("cost_status")[2], statuses[2]);
    assert_eq!(run.column("usage.csv", "cost_usd"), ["0.0000011625", "", "", ""]);
    assert_eq!(run.column("usage.csv", "prompt_tokens"), ["7", "7", "", ""]);
    assert_eq!(run.responses()[2]["usage"]["source"], "missing");
    assert_eq!(run.responses()[2]["usage"]["prompt_tokens"], Value::Null);
    let totals = &run.json("summary.json")["totals"];
    assert_eq!((&totals["cost_usd"], &totals["unpriced"]), (&json!("0.0000011625"), &json!(3)));
}

#[test]
fn reports_made_again_are_the_same_to_the_byte() {
    let server = Server::start(moody);
    let dir = three_sets(&server);
    let run = dir.go(3);
    let read = || REPORTS.iter().map(|name| run.text(name)).collect::<Vec<_>>();
    let before = read();
    REPORTS.iter().for_each(|name| fs::remove_file(run.path().join(name)).unwrap());
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!(read(), before);
    dir.run(&["report", &run.path().display().to_string()]).expect_code(0);
    assert_eq!(read(), before);
}

#[test]
fn answers_of_every_kind_survive_the_csv() {
    let texts = ["=1+1", "-2", "a, \"b\"\r\nc", "  spaces  ", "日本語 🎉", "@x", "\u{7f}\\u0041"];
    let server = Server::start(echo());
    let run = JobDir::with(&Lab::at(&server).texts(texts)).go(0);
    assert_eq!(run.contents(), texts);
    let cells = run.column("responses.csv", "content");
    assert_eq!(cells[0], "'=1+1");
    assert_eq!(cells[1], "'-2");
    assert_eq!(cells[2..5], texts[2..5]);
    assert_eq!(cells[5], "'@x");
}

#[test]
fn a_request_holds_what_was_stated_and_nothing_more() {
    let server = Server::start(echo());
    let lab = Lab::at(&server)
        .top("params = { temperature = 0, max_tokens = 256, stop = [\"\\n\"] }")
        .model("model = \"lab/org/m-1\"\nparams = { temperature = 0.2, logit_bias = { 50256 = -100 } }")
        .model("model = \"lab/plain\"\nparams = { reasoning_effort = \"low\" }")
        .prompts("inline = [\"hi\"]\nsystem = \"Be brief.\"");
    JobDir::with(&lab).go(0);
    let mut bodies = server.bodies();
    bodies.sort_by_key(|body| plain(&body["model"]));
    let messages =
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]);
    assert_eq!(
        bodies,
        [
            json!({"model": "org/m-1", "messages": messages, "temperature": 0.2, "max_tokens": 256,
                "stop": ["\n"], "logit_bias": {"50256": -100}}),
            json!({"model": "plain", "messages": messages, "temperature": 0, "max_tokens": 256,
                "stop": ["\n"], "reasoning_effort": "low"}),
        ]
    );
    let temperature = &bodies[1]["temperature"];
    assert!(temperature.is_u64(), "0 goes out as it was written, not as {temperature}");
}

#[test]
fn a_request_without_parameters_is_model_and_messages() {
    let server = Server::start(echo());
    JobDir::with(&Lab::at(&server).texts(["hi"])).go(0);
    let messages = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(server.bodies(), [json!({"model": "m", "messages": messages})]);
    assert_eq!(server.authorizations().len(), 0, "no key was stated");
}

/// What a prompt set's keys and files come to: the rows' names and their messages to the user.
#[track_caller]
fn assert_asked(keys: &str, files: &[(&str, &str)], expected: &[(&str, &str)]) -> JobDir {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).prompts(keys));
    files.iter().for_each(|(name, text)| drop(dir.write(name, text)));
    let run = dir.go(0);
    let asked: Vec<(String, String)> = run.each("row").into_iter().zip(run.contents()).collect();
    let asked: Vec<(&str, &str)> =
        asked.iter().map(|(row, text)| (row.as_str(), text.as_str())).collect();
    assert_eq!(asked, expected, "{keys}");
    dir
}

#[test]
fn prompts_come_from_tables() {
    let sum = "user = \"{{ a }}+{{ b }}\"";
    let two = [("1", "1+2"), ("2", "3+4")];
    assert_asked(&format!("file = \"x.csv\"\n{sum}"), &[("x.csv", "a,b\n1,2\n3,4\n")], &two);
    assert_asked(&format!("file = \"x.tsv\"\n{sum}"), &[("x.tsv", "a\tb\n1\t2\n3\t4")], &two);
    let quoted = "id,a,b\nx,\"1, \"\"one\"\"\",\"2\n\"\ny,3,4\n";
    let expected = [("x", "1, \"one\"+2\n"), ("y", "3+4")];
    assert_asked(&format!("file = \"x.csv\"\nid = \"id\"\n{sum}"), &[("x.csv", quoted)], &expected);
    let named = [("007", "1+2"), ("8", "3+4")];
    let text = "id,a,b\n007,1,2\n8,3,4\n";
    assert_asked(&format!("file = \"x.csv\"\nid = \"id\"\n{sum}"), &[("x.csv", text)], &named);
    let other = "file = \"x.data\"\nformat = \"csv\"\nuser = \"{{ a }}+{{ b }}\"";
    assert_asked(other, &[("x.data", "a,b\n1,2\n3,4\n")], &two);
    assert_asked("file = \"x.csv\"", &[("x.csv", "prompt\nhi\nho\n")], &[("1", "hi"), ("2", "ho")]);
}

#[test]
fn prompts_come_from_json_and_toml() {
    let keys = "user = \"{{ q.text }} {{ n }}\"\nid = \"id\"";
    let expected = [("a", "hi 1"), ("7", "ho 2.5")];
    let jsonl = "{\"id\":\"a\",\"q\":{\"text\":\"hi\"},\"n\":1}\n\n{\"id\":7,\"q\":{\"text\":\"ho\"},\"n\":2.5}";
    assert_asked(&format!("file = \"x.jsonl\"\n{keys}"), &[("x.jsonl", jsonl)], &expected);
    let array = format!("[{}]", jsonl.replace("\n\n", ",\n"));
    assert_asked(&format!("file = \"x.json\"\n{keys}"), &[("x.json", &array)], &expected);
    let object = format!("{{\"rows\": {array}}}");
    assert_asked(&format!("file = \"x.json\"\n{keys}"), &[("x.json", &object)], &expected);
    let toml =
        "[[row]]\nid = \"a\"\nq.text = \"hi\"\nn = 1\n[[row]]\nid = 7\nq.text = \"ho\"\nn = 2.5\n";
    assert_asked(&format!("file = \"x.toml\"\n{keys}"), &[("x.toml", toml)], &expected);
    let inline = "inline = [{ id = \"a\", q = \"hi\" }, { id = 7, q = \"ho\" }]\nuser = \"{{ q }}\"\nid = \"id\"";
    assert_asked(inline, &[], &[("a", "hi"), ("7", "ho")]);
}

#[test]
fn prompts_come_from_text() {
    let lines = "one\n\n  two\nthree";
    let expected = [("1", "one"), ("2", "  two"), ("3", "three")];
    assert_asked("file = \"x.txt\"", &[("x.txt", lines)], &expected);
    let templated = "file = \"x.txt\"\nuser = \"Say {{ prompt }}.\"";
    assert_asked(templated, &[("x.txt", "a\nb\n")], &[("1", "Say a."), ("2", "Say b.")]);
    let files = [("texts/b.txt", "second\nline"), ("texts/a.txt", "first"), ("texts/.hidden", "x")];
    let expected = [("a.txt", "first"), ("b.txt", "second\nline")];
    assert_asked("file = \"texts\"", &files, &expected);
    assert_asked("file = \"texts/*.txt\"", &files, &expected);
    let deep = [("texts/x/a.md", "first"), ("texts/y/a.md", "second")];
    let expected = [("x/a.md", "first"), ("y/a.md", "second")];
    assert_asked("file = \"texts/**/*.md\"", &deep, &expected);
}

#[test]
fn prompts_come_from_standard_input() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).prompts("file = \"-\"\nuser = \"{{ prompt }}!\""));
    let inputs = ["one\ntwo\n", "{\"prompt\":\"one\"}\n{\"prompt\":\"two\"}\n"];
    for input in inputs {
        dir.spawn_reading(&["job.toml"], input.as_bytes()).wait().expect_code(0);
        assert_eq!(dir.latest("t").contents(), ["one!", "two!"]);
    }
}

#[test]
fn rows_with_messages_go_as_they_are() {
    let server = Server::start(echo());
    let keys = "file = \"x.jsonl\"\nsystem = \"Be brief.\"";
    let dir = JobDir::with(&Lab::at(&server).prompts(keys));
    let image = json!({"type": "image_url", "image_url": {"url": "http://127.0.0.1/x.png"}});
    let chats = [
        json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho", "name": "x"},
            {"role": "user", "content": "and?"}]),
        json!([{"role": "system", "content": "Mine."}, {"role": "user", "content": "one"}]),
        json!([{"role": "user", "content": [{"type": "text", "text": "what is it?"}, image]}]),
    ];
    let lines = chats.iter().map(|chat| json!({"messages": chat}).to_string() + "\n");
    dir.write("x.jsonl", lines.collect::<String>());
    let run = dir.go(0);
    let sent: Vec<Value> =
        run.responses().into_iter().map(|mut row| row["messages"].take()).collect();
    let with_system = |chat: &Value| {
        let mut all = vec![json!({"role": "system", "content": "Be brief."})];
        all.extend(chat.as_array().unwrap().iter().cloned());
        Value::from(all)
    };
    assert_eq!(sent, [with_system(&chats[0]), chats[1].clone(), with_system(&chats[2])]);
    let bodies: BTreeSet<String> =
        server.bodies().iter().map(|body| body["messages"].to_string()).collect();
    assert_eq!(bodies, sent.iter().map(Value::to_string).collect());
}

#[test]
fn batch_lines_bring_their_own_name_and_parameters() {
    let line = |id: &str, extra: Value| {
        let mut body = json!({"model": "gpt-x", "messages": [{"role": "user", "content": id}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body})
            .to_string()
    };
    let server = Server::start(echo());
    let lab = Lab::at(&server)
        .top("params = { temperature = 0, max_tokens = 9 }")
        .prompts("file = \"x.jsonl\"");
    let dir = JobDir::with(&lab);
    dir.write(
        "x.jsonl",
        [line("r-1", json!({"max_tokens": 5})), line("r-2", json!({}))].join("\n"),
    );
    let run = dir.go(0);
    assert_eq!(run.each("row"), ["r-1", "r-2"]);
    let mut sent = server.bodies();
    sent.sort_by_key(|body| body["max_tokens"].as_u64());
    let message = |id: &str| json!([{"role": "user", "content": id}]);
    assert_eq!(
        sent,
        [
            json!({"model": "m", "messages": message("r-1"), "temperature": 0, "max_tokens": 5}),
            json!({"model": "m", "messages": message("r-2"), "temperature": 0, "max_tokens": 9}),
        ]
    );
    assert_eq!(run.responses()[0]["params"], json!({"temperature": 0, "max_tokens": 5}));
}

#[test]
fn options_choose_what_is_sent() {
    let server = Server::start(echo());
    let dir = three_sets(&server);
    let places = |run: &RunFolder| {
        let rows = run.responses();
        let place = |row: &Value| ["prompt", "row", "model"].map(|key| plain(&row[key])).join(" ");
        rows.iter().map(place).collect::<Vec<_>>()
    };
    let run = dir.go_with(0, &["--models", "lit*", "--prompts", "c*"]);
    assert_eq!(places(&run), ["cities 1 little", "cities 2 little"]);
    let run = dir.go_with(0, &["--models", "lab/big", "--limit", "1"]);
    assert_eq!(places(&run), ["sums one lab/big", "cities 1 lab/big", "greetings 1 lab/big"]);
    let set = ["--set", "params.temperature=0.5", "--set", "models[0].label=huge"];
    let run = dir.go_with(0, &[&set[..], &["--limit", "1", "--prompts", "greetings"]].concat());
    assert_eq!(places(&run), ["greetings 1 huge", "greetings 1 little"]);
    assert_eq!(run.responses()[0]["params"], json!({"temperature": 0.5}));
    dir.run(&["run", "job.toml", "--out", "elsewhere", "--limit", "1"]).expect_code(0);
    assert!(dir.path().join("elsewhere/t/latest/responses.csv").is_file());
    assert_eq!(dir.runs("t").len(), 3);
}

#[test]
fn a_dry_run_sends_nothing_and_needs_no_key() {
    let server = Server::start(echo());
    let lab = Lab::at(&server).provider("api_key = { env = \"LAB_KEY\" }").rows(20);
    let dir = JobDir::with(&lab.limits("concurrency = 2"));
    for args in [&["job.toml", "--dry-run"][..], &["plan", "job.toml"], &["check", "job.toml"]] {
        let output = dir.run(args).expect_code(0);
        assert!(output.stdout.contains("20"), "{}", output.stdout);
    }
    assert_eq!((server.requests(), dir.runs("t").len()), (0, 0));
    let told = dir.refused();
    assert!(told.contains("`LAB_KEY`"), "{told}");
}

#[test]
fn exit_codes_tell_how_it_went() {
    let server =
        Server::start(failing_first(0, Reply::Hang, |seen: &Seen| match seen.text.as_str() {
            "bad" => error(400, "invalid_request_error", "bad", "no"),
            _ => Reply::ok(completion(seen, "ok")),
        }));
    let dir = JobDir::with(&Lab::at(&server).texts(["good"]));
    dir.go(0);
    dir.job(&Lab::at(&server).texts(["good", "bad"]).to_string());
    dir.go(3);
    for args in [
        &["job.toml", "--no-such-option"][..],
        &["missing.toml"],
        &["job.toml", "--limit", "0"],
        &[],
    ] {
        let output = dir.run(args).expect_code(2);
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
    let missing = dir.run(&["missing.toml"]).stderr;
    assert!(missing.contains("missing.toml"), "{missing}");
    dir.run(&["job.toml", "--models", "no-such-*"]).expect_code(2);
    dir.run(&["report", "no-such-run"]).expect_code(2);
    assert_eq!(server.requests(), 3);
}

#[test]
fn stdout_carries_the_result_alone() {
    let server = Server::start(answers("Hello!"));
    let dir = JobDir::with(&Lab::at(&server).rows(3));
    let output = dir.run(&["job.toml", "-vv"]).expect_code(0);
    assert!(
        output.stdout.contains("responses.csv") || output.stdout.contains("runs/t/"),
        "{}",
        output.stdout
    );
    assert!(!output.stdout.contains("DEBUG") && !output.stdout.contains("INFO"));
    let quiet = dir.run(&["job.toml", "-q"]).expect_code(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_jobs_folder_stands_for_its_newest_run() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).rows(2));
    let run = dir.go(0);
    let output = dir.run(&["report", "runs/t"]).expect_code(0);
    assert!(output.stdout.contains(&run.name()), "{}", output.stdout);
}

#[test]
fn few_open_files_mean_fewer_calls_in_flight_and_no_failure() {
    let server = Server::start(|seen: &Seen| echo()(seen).after(Duration::from_millis(20)));
    let dir = JobDir::with(&Lab::at(&server).rows(300).limits("concurrency = 200"));
    let output = dir.run_after("ulimit -n 64", &["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("ulimit -n"), "{}", output.stderr);
    assert_eq!(dir.latest("t").lines("errors.csv"), 1);
    assert!(server.max_in_flight() <= 24, "{}", server.max_in_flight());
}
