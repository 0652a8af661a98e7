//! Prompt files and jobs with faults: told with file and line before anything is sent, or right.

use serde_json::{Value, json};

use crate::support::handlers::echo;
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::server::Server;

/// A folder with a prompt set of these keys and this file, and what was said when it was refused.
#[track_caller]
fn told(keys: &str, name: &str, content: &[u8]) -> String {
    let server = Server::start(echo());
    let keys = keys.replace("FILE", &format!("file = \"{name}\""));
    let dir = JobDir::with(&Lab::at(&server).prompts(&keys));
    dir.write(name, content);
    let told = dir.refused();
    assert_eq!(server.requests(), 0, "nothing is sent");
    assert_eq!(dir.runs("t").len(), 0, "no run begins");
    assert!(told.contains("error"), "{told}");
    told
}

#[track_caller]
fn assert_told(keys: &str, name: &str, content: impl AsRef<[u8]>, parts: &[&str]) {
    let told = told(keys, name, content.as_ref());
    for part in parts {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
}

#[test]
fn a_file_without_rows_is_told() {
    for (name, content) in [
        ("x.csv", ""),
        ("x.csv", "prompt\n"),
        ("x.jsonl", "\n\n"),
        ("x.json", "[]"),
        ("x.txt", "\u{feff}"),
    ] {
        assert_told("FILE", name, content, &[name, "no rows"]);
    }
}

#[test]
fn text_that_is_not_utf8_is_told_by_file_and_line() {
    assert_told("FILE", "x.csv", b"prompt\nok\nM\xFCller\n", &["x.csv:3", "UTF-8"]);
    assert_told("FILE", "x.txt", b"ok\nM\xFCller\n", &["x.txt:2", "UTF-8"]);
    assert_told("FILE", "x.jsonl", b"{\"prompt\":\"M\xFCller\"}\n", &["x.jsonl:1", "UTF-8"]);
}

#[test]
fn a_ragged_row_is_told_by_file_and_line() {
    let keys = "FILE\nuser = \"{{ a }} {{ b }}\"";
    assert_told(keys, "x.csv", "a,b\n1,2\n3\n4,5\n", &["x.csv:3", "2", "1"]);
    assert_told(keys, "x.csv", "a,b\n1,2\n\"3\n3\",4\n5,6,7\n", &["x.csv:5", "3"]);
    assert_told(keys, "x.tsv", "a\tb\n1\t2\t3\n", &["x.tsv:2"]);
}

#[test]
fn broken_json_is_told_by_file_and_line() {
    assert_told("FILE", "x.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":}\n", &["x.jsonl:2"]);
    assert_told("FILE", "x.jsonl", "{\"prompt\":\"a\"}\n[1]\n", &["x.jsonl:2"]);
    assert_told("FILE", "x.json", "[{\"prompt\":\"a\"},\n{\"prompt\" \"b\"}]", &["x.json:2"]);
    assert_told("FILE", "x.toml", "[[row]]\nprompt = \"a\"\n[[row]]\nprompt = \n", &["x.toml:4"]);
}

#[test]
fn a_variable_that_no_row_has_is_told_with_the_nearest() {
    let keys = "FILE\nuser = \"What is {{ quetion }}?\"";
    let parts = ["job.toml:", "quetion", "question"];
    assert_told(keys, "x.csv", "question,b\n1,2\n3,4\n", &parts);
    let keys = "FILE\nsystem = \"{{ nobody }}\"";
    assert_told(keys, "x.txt", "a\nb\n", &["job.toml:", "nobody", "prompt"]);
}

#[test]
fn a_variable_that_one_row_lacks_is_told_at_that_row() {
    let content = "{\"a\":1,\"b\":2}\n{\"a\":1,\"b\":2}\n{\"a\":1}\n";
    assert_told("FILE\nuser = \"{{ a }}{{ b }}\"", "x.jsonl", content, &["x.jsonl:3", "`b`"]);
    assert_told("FILE\nuser = \"{{ a }}\"\nid = \"b\"", "x.jsonl", content, &["x.jsonl:3", "`b`"]);
}

#[test]
fn a_column_that_is_missing_is_told() {
    let parts = ["job.toml:", "`key`", "`a`"];
    assert_told("FILE\nuser = \"{{ a }}\"\nid = \"key\"", "x.csv", "a,b\n1,2\n", &parts);
    assert_told("FILE", "x.csv", "question,answer\n1,2\n", &["job.toml:", "question", "user"]);
}

#[test]
fn a_template_that_cannot_be_read_is_told() {
    assert_told("FILE\nuser = \"{{ a \"", "x.csv", "a\n1\n", &["job.toml:", "user"]);
    let endless =
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    assert_told(
        &format!("FILE\nuser = \"{endless}{{{{ a }}}}\""),
        "x.csv",
        "a\n1\n",
        &["job.toml:"],
    );
}

#[test]
fn every_fault_of_every_set_comes_at_once() {
    let server = Server::start(echo());
    let lab = Lab::at(&server)
        .prompts("file = \"one.csv\"")
        .and("[prompts.q]\nfile = \"two.jsonl\"\n[prompts.r]\nfile = \"three.txt\"");
    let dir = JobDir::with(&lab);
    dir.write("one.csv", "prompt,b\n1,2\n3\n4\n5,6\n");
    dir.write("two.jsonl", "{\n");
    dir.write("three.txt", "");
    let told = dir.refused();
    for part in ["one.csv:3", "one.csv:4", "two.jsonl:1", "three.txt"] {
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn many_faults_of_one_file_are_counted() {
    let rows = format!("a,b\n{}", "x\n".repeat(50));
    let told = told("FILE\nuser = \"{{ a }}\"", "x.csv", rows.as_bytes());
    let errors = told.lines().filter(|line| line.starts_with("error")).count();
    assert!((5..=15).contains(&errors), "{told}");
    assert!(told.contains("more"), "{told}");
}

/// What is asked of a file with these bytes.
#[track_caller]
fn assert_asked(keys: &str, name: &str, content: impl AsRef<[u8]>, expected: &[&str]) {
    let server = Server::start(echo());
    let keys = keys.replace("FILE", &format!("file = \"{name}\""));
    let dir = JobDir::with(&Lab::at(&server).prompts(&keys));
    dir.write(name, content);
    assert_eq!(dir.go(0).contents(), expected, "{name}");
}

#[test]
fn marks_and_line_ends_of_other_systems_are_right() {
    let two = ["one", "two"];
    assert_asked("FILE", "x.csv", "\u{feff}prompt,b\r\none,1\r\ntwo,2\r\n", &two);
    assert_asked("FILE", "x.txt", "\u{feff}one\r\n\r\ntwo\r\n", &two);
    let jsonl = "\u{feff}{\"prompt\":\"one\"}\r\n{\"prompt\":\"two\"}\r\n\r\n";
    assert_asked("FILE", "x.jsonl", jsonl, &two);
    assert_asked("FILE", "x.json", "\u{feff}[\"one\",\r\n\"two\"]\r\n", &two);
    assert_asked("FILE", "x.csv", "prompt\none\ntwo", &two);
    let quoted = "prompt\r\n\"one\r\ntwo\"\r\n\r\nthree\r\n";
    assert_asked("FILE", "x.csv", quoted, &["one\r\ntwo", "three"]);
}

#[test]
fn a_job_file_of_another_system_is_right() {
    let server = Server::start(echo());
    let dir = JobDir::new();
    let text = Lab::at(&server).rows(2).to_string().replace('\n', "\r\n");
    dir.job(&format!("\u{feff}{text}"));
    assert_eq!(dir.go(0).contents(), ["row 1", "row 2"]);
}

#[test]
fn two_models_with_one_label_are_a_fault() {
    let server = Server::start(echo());
    let lab =
        Lab::at(&server).model("model = \"lab/a\"").model("model = \"lab/b\"\nlabel = \"lab/a\"");
    let told = JobDir::with(&lab).refused();
    assert!(told.contains("job.toml:") && told.contains("label"), "{told}");
}

/// Ten faults of ten kinds.
const TEN: &str = r#"name = "t"
descripton = "a typo"
repeats = 0
params = { temperature = 3 }
matrix = { top_p = [] }

[[models]]
model = "opnai/gpt-4o-mini"

[[models]]
model = "lab/m"
prompts = ["quetions"]
price = { input = -1, output = 1 }

[providers.lab]
dialect = "openia"
base_url = "BASE"

[prompts.questions]
file = "no-such-file.csv"

[limits]
timeout = "5 parsecs"
concurrency = "many"
"#;

#[test]
fn ten_faults_come_in_one_go() {
    let server = Server::start(echo());
    let dir = JobDir::new();
    dir.job(&TEN.replace("BASE", &server.base_url()));
    let told = dir.refused();
    for (line, part) in [
        (2, "descripton"),
        (3, "repeats"),
        (4, "temperature"),
        (5, "top_p"),
        (8, "opnai"),
        (12, "quetions"),
        (13, "price"),
        (16, "openia"),
        (20, "no-such-file.csv"),
        (23, "parsecs"),
        (24, "many"),
    ] {
        assert!(told.contains(&format!("job.toml:{line}:")), "line {line} is not in:\n{told}");
        assert!(told.contains(part), "`{part}` is not in:\n{told}");
    }
    for help in ["description", "openai", "questions", "500ms"] {
        assert!(told.contains(help), "no help names `{help}`:\n{told}");
    }
    assert_eq!(told.matches("--> job.toml:").count(), 11, "{told}");
    assert!(told.contains("11 faults; nothing was sent"), "{told}");
    assert_eq!((server.requests(), dir.runs("t").len()), (0, 0));
    let checked = dir.run(&["check", "job.toml"]).expect_code(2);
    assert_eq!(checked.stderr, told);
}

#[test]
fn syntax_faults_come_all_at_once_too() {
    let dir = JobDir::new();
    dir.job("name = \"t\n[[models]]\nmodel = lab/m\n[prompts.p]\ninline = [\"a\"\n");
    let told = dir.refused();
    assert!(told.contains("job.toml:1:") && told.contains("job.toml:3:"), "{told}");
}

#[test]
fn rows_with_messages_are_not_asked_something_else() {
    let row = r#"{"id": "a", "messages": [{"role": "user", "content": "hi"}]}"#;
    let parts = ["x.jsonl:1", "has `messages`", "leave `user` away"];
    assert_told("FILE\nuser = \"What of {{ id }}?\"", "x.jsonl", row, &parts);
}

#[test]
fn what_stands_beside_messages_goes_along_where_it_is_a_parameter() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).prompts("file = \"x.jsonl\""));
    let tools = r#"[{"type":"function","function":{"name":"f"}}]"#;
    let row = format!(
        r#"{{"messages":[{{"role":"user","content":"hi"}}],"tools":{tools},"seed":null,"user":"u","sum":3}}"#
    );
    dir.write("x.jsonl", row);
    dir.go(0);
    let body = &server.bodies()[0];
    assert_eq!(body["tools"].to_string(), tools);
    let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["model", "messages", "tools"]);
}

#[test]
fn a_picture_is_named_by_its_path_in_messages_and_in_a_column() {
    let server = Server::start(echo());
    let keys = "file = \"x.csv\"\nuser = \"{{ q }}\"\nimage = \"{{ picture }}\"";
    let own = "[prompts.own]\nfile = \"own.jsonl\"\n";
    let dir = JobDir::with(&Lab::at(&server).prompts(keys).and(own));
    dir.write("cat.png", b"\x89PNG\r\n\x1a\n");
    dir.write("x.csv", "q,picture\ncat?,cat.png\nweb?,https://h/a.png\nnone?,\n");
    let part = r#"{"type":"image_url","image_url":{"url":"cat.png","detail":"low"}}"#;
    dir.write("own.jsonl", format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"own?"}},{part}]}}]}}"#));
    dir.go(0);
    let url = |body: &Value| body["messages"][0]["content"].pointer("/1/image_url/url").cloned();
    let mut urls: Vec<Option<Value>> = server.bodies().iter().map(url).collect();
    urls.sort_by_key(|url| url.as_ref().map(Value::to_string));
    let read = Some(json!("data:image/png;base64,iVBORw0KGgo="));
    assert_eq!(urls, [None, read.clone(), read, Some(json!("https://h/a.png"))]);
    let is_low = |body: &Value| body["messages"][0]["content"][1]["image_url"]["detail"] == "low";
    assert_eq!(server.bodies().iter().filter(|body| is_low(body)).count(), 1);

    dir.write("x.csv", "q,picture\ncat?,dog.png\n");
    let told = dir.refused();
    assert!(told.contains("dog.png` cannot be read") && told.contains("x.csv:2"), "{told}");
}
