//! `runner diff` and `runner baseline`, as a user has them.

use std::fs;

use serde_json::{Value, json};

use crate::support::handlers::{completion, error};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

/// A server whose models answer `row 3` otherwise from the `second` run on, and say to `row 1` what
/// a terminal would obey.
fn server() -> Server {
    Server::start(|seen: &Seen| {
        let text = match (seen.text.as_str(), seen.n_of_this_text) {
            ("row 1", _) => "\u{1b}[31mred\u{7}".to_owned(),
            ("row 3", 0) => "three".to_owned(),
            ("row 3", n) => format!("{}\u{1b}[2J <b>|{n}|", "3 ".repeat(400)),
            (text, _) => text.to_owned(),
        };
        Reply::ok(completion(seen, &text))
    })
}

/// Three runs of twenty prompts by one model.
fn three_runs(dir: &JobDir, server: &Server) -> Vec<RunFolder> {
    dir.job(
        &Lab::at(server)
            .model("model = \"lab/m\"\nprice = { input = 1, output = 2 }")
            .rows(20)
            .to_string(),
    );
    // Runs of one second are not in the order of their names.
    (0..3).map(|_| dir.go(0)).collect()
}

/// Writes scores into the journal of a run: the first `good` rows were answered well.
fn score(run: &RunFolder, good: usize) {
    let path = run.path().join("journal.jsonl");
    let score = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let number: usize = row["row"].as_str().expect("text").parse().expect("a number");
        let pass = number <= good;
        let score =
            format!("\"scores\":{{\"right\":{{\"value\":{},\"pass\":{pass}}}}}", u8::from(pass));
        line.replace("\"scores\":{}", &score)
    };
    let text = fs::read_to_string(&path).expect("a journal");
    fs::write(&path, text.lines().map(|line| score(line) + "\n").collect::<String>()).expect("it");
}

fn json_of(dir: &JobDir, code: i32, args: &[&str]) -> Value {
    let args = [&["diff"], args, &["--format", "json"]].concat();
    serde_json::from_str(&dir.run(&args).expect_code(code).stdout).expect("JSON")
}

#[test]
fn a_run_is_held_against_the_one_before_and_against_itself() {
    let (dir, server) = (JobDir::new(), server());
    let runs = three_runs(&dir, &server);
    let value = json_of(&dir, 0, &["latest~2", "latest"]);
    assert_eq!(
        (&value["base"]["run"], &value["new"]["run"]),
        (&json!(runs[0].name()), &json!(runs[2].name()))
    );
    assert_eq!(
        value["tasks"],
        json!({"matched": 20, "matched_by_content": 0, "changed": 1, "new": 0, "removed": 0})
    );
    assert_eq!((&value["regression"], &value["fail_on"]), (&json!(false), &Value::Null));
    let change = &value["changes"][0];
    assert_eq!((&change["kind"], &change["row"]), (&json!("changed"), &json!("3")));
    assert_eq!(change["base"]["content"], "three");
    assert!(change["new"]["content"].as_str().expect("text").len() > 800, "JSON has all of it");
    assert_eq!(value["models"][0]["cost"]["priced"], 20);

    let itself = json_of(&dir, 0, &["latest", "latest"]);
    assert_eq!((&itself["tasks"]["changed"], &itself["changes"]), (&json!(0), &json!([])));

    let printed = dir.run(&["diff", "t/previous", "t/latest"]).expect_code(0).stdout;
    assert!(printed.starts_with("no regression shown in 20 tasks of both runs\n"), "{printed}");
    let printed = dir.run(&["diff", "latest~2", "runs/t/latest"]).expect_code(0).stdout;
    assert!(
        printed.contains("1. changed: p/3, lab/m\n   asked  row 3\n   base   three\n"),
        "{printed}"
    );
    let is_tame = |c: char| c == '\n' || !c.is_control();
    assert!(printed.chars().all(is_tame) && printed.contains('…'), "{printed}");
    let shown = dir.run(&["diff", "latest~2", "latest", "--examples", "0"]).expect_code(0).stdout;
    assert!(!shown.contains("row 3"), "{shown}");
    let page = dir.run(&["diff", "latest~2", "latest", "--format", "markdown"]).expect_code(0);
    assert!(page.stdout.contains("| model | metric | base |"), "{}", page.stdout);
    assert!(page.stdout.contains(r"\<b\>\|1\|") || !page.stdout.contains("<b>"), "{}", page.stdout);
}

#[test]
fn a_drop_is_found_and_conditions_decide_in_its_place() {
    let (dir, server) = (JobDir::new(), server());
    let runs = three_runs(&dir, &server);
    score(&runs[1], 18);
    score(&runs[2], 10);
    let output = dir.run(&["diff", "previous", "latest"]).expect_code(1);
    let first = output.stdout.lines().next().expect("a line");
    assert!(
        first.starts_with("regression: `right` of lab/m went from 0.900 to 0.500 (-0.400, 95 %: "),
        "{first}"
    );
    assert!(output.stdout.contains("1. worse: p/11, lab/m\n"), "{}", output.stdout);
    assert!(output.stdout.contains("[right 0]"), "{}", output.stdout);
    for (condition, code) in [
        ("right<-0.02@95%", 1),
        ("right<-0.5", 0),
        ("error_rate>0", 0),
        ("cost_per_task_usd>+100%", 0),
        ("ttft_p50_ms>+20%", 1),
    ] {
        dir.run(&["diff", "previous", "latest", "--fail-on", condition]).expect_code(code);
    }
    let args = ["previous", "latest", "--fail-on", "right<-0.3", "--per", "run"];
    let held = &json_of(&dir, 1, &args)["fail_on"];
    assert_eq!(held.as_array().map(Vec::len), Some(1));
    assert_eq!((&held[0]["failed"], &held[0]["subject"]), (&json!(true), &Value::Null));
}

#[test]
fn failures_are_a_regression_too() {
    let dir = JobDir::new();
    let server = Server::start(|seen: &Seen| match seen.n_of_this_text {
        0 => Reply::ok(completion(seen, "fine")),
        _ => error(400, "invalid_request_error", "no", "not today"),
    });
    dir.job(&Lab::at(&server).rows(10).to_string());
    dir.go(0);
    dir.go(3);
    let output = dir.run(&["diff", "previous", "latest"]).expect_code(1);
    assert!(
        output.stdout.starts_with("regression: `error_rate` of lab/m went from 0.000 to 1.000"),
        "{}",
        output.stdout
    );
    assert!(output.stdout.contains("new    BadRequestError: not today"), "{}", output.stdout);
}

#[test]
fn what_cannot_be_compared_is_told_with_what_to_do() {
    let (dir, server) = (JobDir::new(), server());
    let told = dir.run(&["diff", "previous", "latest"]).expect_code(2).stderr;
    assert!(told.contains("there is no run in `runs`"), "{told}");
    let runs = three_runs(&dir, &server);
    dir.job(
        &Lab::at(&server).top("tags = {}").texts(["another"]).to_string().replace("\"t\"", "\"u\""),
    );
    dir.run(&["job.toml"]).expect_code(0);
    for (args, told) in [
        (
            &["previous", "latest"][..],
            "it is not said which job's runs are meant\nhelp: say which with `--job NAME`",
        ),
        (&["t/latest~7", "t/latest"], "there is no run `latest~7` in `runs/t`: there are `"),
        (&["previous", &format!("runs/t/{}", runs[0].name())], "there is no run `previous` in"),
        (&["u/previous", "u/latest"], "alone"),
        (&["t/pinned", "t/latest"], "help: pin a run with `runner baseline set RUN`"),
        (&["runs/t/nothing", "t/latest"], "there is no run in `runs/t/nothing`"),
        (&["t/latest", "u/latest"], "the runs have no task in common\nhelp: tasks are found"),
        (
            &["t/previous", "t/latest", "--fail-on", "error_rat>0"],
            "help: did you mean `error_rate`?",
        ),
        (&["t/previous", "t/latest", "--fail-on", "error_rate"], "has no `<` or `>`"),
        (&["t/previous", "t/latest", "--map", "n=lab/m"], "the base run has no model `n`\nhelp: "),
        (&["t/previous", "t/latest", "--per", "run"], "--fail-on"),
    ] {
        let stderr = dir.run(&[&["diff"], args].concat()).expect_code(2).stderr;
        assert!(stderr.contains(told), "{args:?}\n{stderr}");
    }
}

#[test]
fn a_run_is_pinned_shown_and_unpinned() {
    let (dir, server) = (JobDir::new(), server());
    let runs = three_runs(&dir, &server);
    let said = dir.run(&["baseline", "set", "latest~1"]).expect_code(0).stdout;
    assert_eq!(said, format!("pinned runs/t/{} as `pinned`\n", runs[1].name()));
    dir.run(&["baseline", "set", "t/latest~2", "--name", "release"]).expect_code(0);
    let value = json_of(&dir, 0, &["pinned", "latest"]);
    assert_eq!(value["base"]["run"], runs[1].name());
    let value = json_of(&dir, 0, &["t/pinned:release", "t/latest"]);
    assert_eq!(value["base"]["run"], runs[0].name());

    let list = dir.run(&["baseline", "show", "--format", "json"]).expect_code(0).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!((&list[0]["name"], &list[0]["run"]), (&json!("pinned"), &json!(runs[1].name())));
    assert_eq!((&list[1]["name"], &list[1]["is_there"]), (&json!("pinned:release"), &json!(true)));

    fs::remove_dir_all(runs[1].path()).expect("a run");
    let told = dir.run(&["diff", "pinned", "latest"]).expect_code(2).stderr;
    assert!(told.contains("is gone\nhelp: pin a run"), "{told}");
    let table = dir.run(&["baseline", "list", "--job", "t"]).expect_code(0).stdout;
    assert!(table.contains("(gone)"), "{table}");
    let said = dir.run(&["baseline", "set", "latest"]).expect_code(0).stdout;
    assert!(said.contains(&format!(", in place of {}", runs[1].name())), "{said}");

    let told = dir.run(&["baseline", "unset", "--name", "relaese"]).expect_code(2).stderr;
    assert!(told.contains("did you mean `release`?"), "{told}");
    dir.run(&["baseline", "unset", "--name", "release"]).expect_code(0);
    dir.run(&["baseline", "unset"]).expect_code(0);
    assert!(!dir.path().join("runs/t/baseline.json").exists());
    let output = dir.run(&["baseline", "list"]).expect_code(0);
    assert!(output.stderr.contains("nothing is pinned"), "{}", output.stderr);
    dir.run(&["baseline", "unset"]).expect_code(2);
    // The other commands pass over the file of the pins.
    dir.run(&["baseline", "set", "latest"]).expect_code(0);
    dir.run(&["usage"]).expect_code(0);
    dir.run(&["report", "runs/t"]).expect_code(0);
}
