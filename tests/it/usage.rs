//! The ledger, and `runner usage`: what was spent, over all runs, to the last digit.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::handlers::{completion, echo, error, slowly};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

const PRICE: &str = "price = { input = 0.15, output = 0.6 }";

/// An amount of USD in whole picodollars, read from its text alone.
fn pico(usd: &str) -> i128 {
    let (whole, part) = usd.split_once('.').unwrap_or((usd, ""));
    let digits = format!("{whole}{part:0<12}");
    assert!(part.len() <= 12 && !usd.starts_with('-'), "{usd}");
    digits.parse().expect("digits")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// What `runner usage` says in JSON, with these arguments.
#[track_caller]
fn usage(dir: &JobDir, args: &[&str]) -> Value {
    let output = dir.run(&[&["usage", "--format", "json"], args].concat()).expect_code(0);
    serde_json::from_str(&output.stdout).expect("JSON")
}

#[track_caller]
fn ledger(dir: &JobDir) -> Connection {
    let path = dir.path().join("runs/ledger.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a ledger")
}

fn number(ledger: &Connection, sql: &str) -> i64 {
    ledger.query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// The sums of `usage.csv`, `summary.json`, the ledger as the run left it and `runner usage` are
/// the same, to the last digit.
#[track_caller]
fn assert_agree(dir: &JobDir, runs: &[RunFolder]) {
    let rows: Vec<_> = runs.iter().flat_map(|run| run.csv("usage.csv")).collect();
    let sum = |fits: &dyn Fn(&str, &str) -> bool| -> i128 {
        let rows = rows.iter().filter(|row| fits(&row["final"], &row["fallback"]));
        rows.filter(|row| !row["cost_usd"].is_empty()).map(|row| pico(&row["cost_usd"])).sum()
    };
    let unpriced = rows.iter().filter(|row| row["cost_usd"].is_empty()).count();
    let whole = sum(&|_, _| true);
    let totals = |key: &str| -> i128 {
        let summaries = runs.iter().map(|run| run.json("summary.json"));
        summaries.map(|summary| pico(text(&summary["totals"][key]))).sum()
    };
    assert_eq!(totals("cost_usd"), whole, "summary.json and usage.csv");
    let booked = ledger(dir);
    assert_eq!(i128::from(number(&booked, "SELECT sum(cost_pico) FROM calls")), whole);
    assert_eq!(number(&booked, "SELECT count(*) FROM attempts"), rows.len() as i64);

    let total = &usage(dir, &[])["total"];
    assert_eq!(pico(text(&total["cost_usd"])), whole, "{total}");
    assert_eq!(total["attempts"], rows.len());
    assert_eq!(total["unpriced"], unpriced);
    assert_eq!(pico(text(&total["final_cost_usd"])), sum(&|shown, _| shown == "true"));
    assert_eq!(pico(text(&total["final_cost_usd"])), totals("final_cost_usd"));
    assert_eq!(pico(text(&total["retry_cost_usd"])), sum(&|shown, _| shown == "false"));
    assert_eq!(pico(text(&total["fallback_cost_usd"])), sum(&|_, other| other == "true"));
    for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        let told = rows.iter().filter_map(|row| row[key].parse::<u64>().ok()).sum::<u64>();
        assert_eq!(total[key], told, "{key}");
    }
}

/// A server whose model `first` gives an empty answer that it bills, cuts one in the middle, and
/// fails, each for some texts at first, and never answers a text with a 7.
fn moody() -> Server {
    let seen_of_first = Mutex::new(HashSet::new());
    Server::start(move |seen: &Seen| {
        if seen.body["model"] != "first" {
            return Reply::ok(completion(seen, &seen.text.repeat(3)));
        }
        let first_time = seen_of_first.lock().expect("nobody panics").insert(seen.text.clone());
        match (seen.text.chars().next_back(), first_time) {
            (Some('7'), _) => error(503, "server_error", "overloaded", "not now"),
            (Some('3'), true) => Reply::ok(completion(seen, "")),
            (Some('4'), true) => Reply::Truncate(completion(seen, &seen.text)),
            (Some('5'), true) => error(500, "server_error", "x", "no"),
            _ => Reply::ok(completion(seen, &seen.text.repeat(2))),
        }
    })
}

fn moody_lab(server: &Server) -> Lab {
    Lab::at(server)
        .top("tags = { team = \"search\" }")
        .retry("initial = \"1ms\"\nmax = \"2ms\"\nmax_attempts = 2\n")
        .model(&format!("model = \"lab/first\"\nlabel = \"a\"\nfallbacks = [\"b\"]\n{PRICE}"))
        .model("model = \"lab/second\"\nlabel = \"b\"\nprice = { input = 0.0375, output = 0.4 }")
        .rows(40)
}

#[test]
fn the_ledger_is_the_sum_of_the_rows_after_retries_fallbacks_and_cut_answers() {
    let server = moody();
    let dir = JobDir::with(&moody_lab(&server));
    let run = dir.go(0);
    assert_agree(&dir, &[run]);
    let total = &usage(&dir, &[])["total"];
    for key in ["retry_cost_usd", "fallback_cost_usd"] {
        assert!(pico(text(&total[key])) > 0, "{total}");
    }
    let by_team = usage(&dir, &["--by", "tag.team,provider,model_used"]);
    let groups: Vec<&Value> = by_team["rows"].as_array().expect("rows").iter().collect();
    assert_eq!(groups.len(), 2);
    assert_eq!(
        (&groups[0]["tag.team"], &groups[0]["model_used"]),
        (&json!("search"), &json!("lab/first"))
    );
}

#[test]
fn the_ledger_is_the_sum_of_the_rows_after_kill_resume_and_rebuild() {
    let server = Server::start(slowly(Duration::from_millis(8), echo()));
    let dir =
        JobDir::with(&Lab::at(&server).model(&format!("model = \"lab/m\"\n{PRICE}")).rows(60));
    let mut running = dir.spawn(&["job.toml", "--concurrency", "4"]);
    eventually("requests come", || server.requests() >= 20 || !running.is_running());
    running.kill();
    let kept = dir.latest("t").lines("journal.jsonl");
    let total = usage(&dir, &[])["total"].clone();
    assert_eq!(total["attempts"], kept, "a run that was killed is taken in when somebody asks");

    let run = dir.go_with(0, &["--resume"]);
    assert_agree(&dir, std::slice::from_ref(&run));
    let before = usage(&dir, &[]);
    assert_eq!(usage(&dir, &["--rebuild"]), before);
    fs::remove_file(dir.path().join("runs/ledger.db")).expect("a file");
    assert_eq!(usage(&dir, &[]), before, "a ledger that was lost is made again");
    assert_agree(&dir, std::slice::from_ref(&run));

    let copy = run.path().with_file_name("a copy");
    fs::create_dir(&copy).expect("a folder");
    for file in run.files() {
        fs::copy(run.path().join(&file), copy.join(&file)).expect("a file");
    }
    let by_run = usage(&dir, &["--by", "run"]);
    assert_agree(&dir, &[run.clone(), run.clone()]);
    assert_eq!(by_run["rows"][0]["cost_usd"], by_run["rows"][1]["cost_usd"]);

    fs::remove_dir_all(copy).expect("a folder");
    assert_eq!(usage(&dir, &[])["total"]["attempts"], 120, "it was paid for");
    assert_eq!(usage(&dir, &["--rebuild"]), before);
}

#[test]
fn tasks_that_the_job_no_longer_asks_were_paid_for() {
    let server = Server::start(echo());
    let lab = Lab::at(&server).model(&format!("model = \"lab/m\"\n{PRICE}"));
    let dir = JobDir::with(&lab.clone().texts(["one", "two", "three"]));
    dir.go(0);
    dir.job(&lab.texts(["one", "four"]).to_string());
    let run = dir.go_with(0, &["--resume"]);
    assert_eq!(run.lines("usage.csv"), 5);
    assert_agree(&dir, &[run]);
}

#[test]
fn runs_that_end_at_the_same_moment_are_all_in_the_ledger() {
    let server = Server::start(slowly(Duration::from_millis(20), echo()));
    let dir =
        JobDir::with(&Lab::at(&server).model(&format!("model = \"lab/m\"\n{PRICE}")).rows(40));
    let running: Vec<_> = (0..4).map(|_| dir.spawn(&["job.toml"])).collect();
    for one in running {
        let output = one.wait().expect_code(0);
        assert!(!output.stderr.contains("ledger"), "{}", output.stderr);
    }
    let booked = ledger(&dir);
    assert_eq!(number(&booked, "SELECT count(*) FROM runs"), 4);
    assert_eq!(number(&booked, "SELECT count(*) FROM calls"), 160);
    assert_agree(&dir, &dir.runs("t"));
}

#[test]
fn a_ledger_that_is_damaged_harms_no_run_and_is_made_anew_when_asked() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server).model(&format!("model = \"lab/m\"\n{PRICE}")).rows(3));
    dir.go(0);
    dir.write("runs/ledger.db", "no database at all".repeat(1000));
    let output = dir.run(&["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("the ledger lacks this run"), "{}", output.stderr);
    assert!(output.stderr.contains("`runner usage --rebuild`"), "{}", output.stderr);
    assert_eq!(dir.latest("t").responses().len(), 3);
    let told = dir.run(&["usage"]).expect_code(5);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("help: `runner usage --rebuild`"), "{}", told.stderr);
    assert_eq!(usage(&dir, &["--rebuild"])["total"]["attempts"], 6);
    assert_agree(&dir, &dir.runs("t"));

    // A folder in its place is as bad, and no worse.
    fs::remove_file(dir.path().join("runs/ledger.db")).expect("a file");
    fs::create_dir(dir.path().join("runs/ledger.db")).expect("a folder");
    let output = dir.run(&["job.toml"]).expect_code(0);
    assert!(output.stderr.contains("the ledger lacks this run"), "{}", output.stderr);
    let total = usage(&dir, &[])["total"].clone();
    assert_eq!(total["attempts"], 9, "the answer is whole all the same");
}

/// Two runs whose times and names are always the same.
fn fixed() -> JobDir {
    let server = moody();
    let dir = JobDir::with(&moody_lab(&server).rows(8));
    move_to("2026-11-01", &dir.go(0));
    let other = Lab::at(&server)
        .top("tags = { team = \"ads\" }")
        .model("model = \"lab/third\"\nlabel = \"|c*\"")
        .rows(2);
    dir.job(&other.to_string());
    move_to("2026-11-22", &dir.go(0));
    fs::remove_file(dir.path().join("runs/ledger.db")).expect("a file");
    dir
}

/// Makes a run one of this day.
fn move_to(day: &str, run: &RunFolder) {
    let text = run.text("journal.jsonl");
    let today = text.split("\"started_at\":\"").nth(1).expect("a time")[..10].to_owned();
    fs::write(run.path().join("journal.jsonl"), text.replace(&today, day)).expect("a file");
    fs::rename(run.path(), run.path().with_file_name(format!("{day}-run"))).expect("a folder");
}

#[test]
fn every_format_says_the_same() {
    let dir = fixed();
    let print = |args: &[&str]| dir.run(&[&["usage"], args].concat()).expect_code(0).stdout;
    insta::assert_snapshot!(print(&[]), @r#"
     day          model   attempts   tokens in    cached   tokens out   reasoning                        cost   retry cost   fallback cost   cached cost
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     2026-11-01   a              9          18   unknown           25     unknown                $0.000016675   $0.0000003    $0.000001675       unknown
     2026-11-01   b              8          16   unknown           32     unknown                  $0.0000134           $0              $0       unknown
     2026-11-22   |c*            2           4   unknown            8     unknown                     unknown           $0              $0       unknown
     all                        19          38   unknown           65     unknown   $0.000030075 + 2 unpriced   $0.0000003    $0.000001675       unknown
    "#);
    insta::assert_snapshot!(print(&["--by", "month,tag.team", "--format", "markdown"]), @r#"
    | month | tag.team | attempts | tokens in | cached | tokens out | reasoning | cost | retry cost | fallback cost | cached cost |
    |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
    | 2026-11 | ads | 2 | 4 | unknown | 8 | unknown | unknown | $0 | $0 | unknown |
    | 2026-11 | search | 17 | 34 | unknown | 57 | unknown | $0.000030075 | $0.0000003 | $0.000001675 | unknown |
    | all |  | 19 | 38 | unknown | 65 | unknown | $0.000030075 + 2 unpriced | $0.0000003 | $0.000001675 | unknown |
    "#);
    insta::assert_snapshot!(print(&["--by", "run,model", "--format", "csv"]).replace("\r\n", "\n"), @r#"
    run,model,attempts,retries,prompt_tokens,cached_tokens,cache_write_tokens,completion_tokens,reasoning_tokens,total_tokens,cost_usd,unpriced,final_cost_usd,final_unpriced,retry_cost_usd,retry_unpriced,fallback_cost_usd,fallback_unpriced,cached_cost_usd,cached_unpriced,unsettled,at_most_usd,at_most_unpriced
    2026-11-01-run,a,9,4,18,,,25,,43,0.000016675,0,0.000016375,0,0.0000003,0,0.000001675,0,,9,0,0.000016675,0
    2026-11-01-run,b,8,0,16,,,32,,48,0.0000134,0,0.0000134,0,0,0,0,0,,8,0,0.0000134,0
    2026-11-22-run,|c*,2,0,4,,,8,,12,,2,,2,0,0,0,0,,2,0,,2
    "#);
    let json =
        usage(&dir, &["--by", "job,tag.team", "--since", "2026-11-22", "--until", "2026-11-22"]);
    insta::assert_snapshot!(format!("{json:#}"), @r#"
    {
      "v": 1,
      "by": [
        "job",
        "tag.team"
      ],
      "since": "2026-11-22T00:00:00.000Z",
      "until": "2026-11-23T00:00:00.000Z",
      "rows": [
        {
          "job": "t",
          "tag.team": "ads",
          "attempts": 2,
          "retries": 0,
          "prompt_tokens": 4,
          "cached_tokens": null,
          "cache_write_tokens": null,
          "completion_tokens": 8,
          "reasoning_tokens": null,
          "total_tokens": 12,
          "cost_usd": null,
          "unpriced": 2,
          "final_cost_usd": null,
          "final_unpriced": 2,
          "retry_cost_usd": "0",
          "retry_unpriced": 0,
          "fallback_cost_usd": "0",
          "fallback_unpriced": 0,
          "cached_cost_usd": null,
          "cached_unpriced": 2,
          "unsettled": 0,
          "at_most_usd": null,
          "at_most_unpriced": 2
        }
      ],
      "total": {
        "attempts": 2,
        "retries": 0,
        "prompt_tokens": 4,
        "cached_tokens": null,
        "cache_write_tokens": null,
        "completion_tokens": 8,
        "reasoning_tokens": null,
        "total_tokens": 12,
        "cost_usd": null,
        "unpriced": 2,
        "final_cost_usd": null,
        "final_unpriced": 2,
        "retry_cost_usd": "0",
        "retry_unpriced": 0,
        "fallback_cost_usd": "0",
        "fallback_unpriced": 0,
        "cached_cost_usd": null,
        "cached_unpriced": 2,
        "unsettled": 0,
        "at_most_usd": null,
        "at_most_unpriced": 2
      },
      "unread": []
    }
    "#);
}

#[test]
fn what_is_asked_in_vain_or_wrongly_is_told() {
    let dir = fixed();
    let refused = |args: &[&str], part: &str| {
        let output = dir.run(&[&["usage"], args].concat()).expect_code(2);
        assert_eq!(output.stdout, "");
        assert!(output.stderr.contains(part), "{args:?}\n{}", output.stderr);
    };
    refused(&["--by", "day,modle"], "help: did you mean `model`?");
    refused(&["--since", "yesterday"], "`--since yesterday` is no time\nhelp: write `30d`");
    refused(&["--until", "30"], "`--until 30` is no day");
    refused(&["--since", "2026-11-02", "--until", "2026-11-01"], "let the first come before");
    refused(&["--job", "["], "is no glob");
    refused(&["--out", "no/such"], "there is no folder `no/such`");
    refused(&["--out", "runs/t"], "help: `--out runs` and `--job NAME` show them");

    let empty = |args: &[&str], part: &str| {
        let output = dir.run(&[&["usage", "--format", "csv"], args].concat()).expect_code(0);
        assert_eq!(output.stdout.lines().count(), 1, "{}", output.stdout);
        assert!(output.stderr.contains(part), "{args:?}\n{}", output.stderr);
    };
    empty(&["--model", "gpt-*"], "no model fits `gpt-*`: there is `a`, `b` and `|c*`");
    empty(&["--provider", "lba"], "no provider fits `lba`: did you mean `lab`?");
    empty(&["--job", "u"], "no job fits `u`");
    empty(&["--until", "2026-10-31"], "no attempt was answered in that time in `runs`");
    let told = dir.run(&["usage", "--by", "tag.taem"]).expect_code(0).stderr;
    assert!(told.contains("no run has the tag `taem`: did you mean `team`?"), "{told}");

    let nowhere = JobDir::new();
    let told = nowhere.run(&["usage"]).expect_code(2).stderr;
    assert!(told.contains("help: name the folder of all runs with `--out DIR`"), "{told}");
    nowhere.write("runs/readme.txt", "");
    let output = nowhere.run(&["usage", "--format", "csv"]).expect_code(0);
    assert!(output.stderr.contains("no attempt was answered"), "{}", output.stderr);
    assert!(!nowhere.path().join("runs/ledger.db").exists(), "nothing is made where nothing is");
}

#[test]
fn patterns_folders_and_days_pick_what_counts() {
    let dir = fixed();
    let attempts =
        |args: &[&str]| usage(&dir, args)["total"]["attempts"].as_u64().expect("a count");
    let all = attempts(&[]);
    let late = attempts(&["--since", "2026-11-22"]);
    assert_eq!((late, attempts(&["--until", "2026-11-21"])), (2, all - 2));
    assert_eq!(attempts(&["--model", "lab/third"]), 2);
    assert_eq!(attempts(&["--model", "?c[*]"]), 2);
    assert_eq!(attempts(&["--model", "[ab]", "--provider", "lab", "--job", "t*"]), all - 2);

    fs::create_dir(dir.path().join("jobs")).expect("a folder");
    copy(&dir.path().join("runs"), &dir.path().join("jobs/runs"));
    assert_eq!(attempts(&[]), 2 * all, "both usual folders are summed up");
    assert_eq!(attempts(&["--out", "jobs/runs", "--out", "./jobs/runs/"]), all);
}

#[test]
fn the_ledger_is_held_against_an_invoice() {
    let dir = fixed();
    let rows = usage(&dir, &["--by", "day,model_used", "--until", "2026-11-21"]);
    let line = |row: &Value| {
        let model = text(&row["model_used"]).replacen("lab/", "", 1);
        format!("{},{model},{}\n", text(&row["day"]), text(&row["cost_usd"]))
    };
    let lines: String = rows["rows"].as_array().expect("rows").iter().map(line).collect();
    assert_eq!(lines.lines().count(), 2);
    dir.write("costs.csv", format!("date,model,usd\n{lines}"));
    let agreed = dir.run(&["usage", "--invoice", "costs.csv"]).expect_code(0).stdout;
    assert!(agreed.contains("agrees"), "{agreed}");
    dir.write("costs.csv", format!("date,model,usd\n{lines}2026-11-02,first,0.5\n"));
    let output = dir.run(&["usage", "--invoice", "costs.csv", "--format", "json"]).expect_code(1);
    let told: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        (&told["agrees"], &told["total"]["billed_usd"]),
        (&json!(false), &json!("0.500030075"))
    );
    let days =
        ["usage", "--invoice", "costs.csv", "--since", "2026-11-01", "--until", "2026-11-01"];
    dir.run(&days).expect_code(0);
    let hour = ["usage", "--invoice", "costs.csv", "--since", "2026-11-01T05:00:00Z"];
    let told = dir.run(&hour).expect_code(2).stderr;
    assert!(told.contains("an invoice has whole days"), "{told}");
    dir.run(&["usage", "--invoice", "costs.csv", "--job", "t"]).expect_code(2);
}

#[test]
fn a_journal_that_cannot_be_read_makes_the_answer_a_partial_one() {
    let dir = fixed();
    let journal = dir.path().join("runs/t/2026-11-22-run/journal.jsonl");
    let text =
        fs::read_to_string(&journal).expect("text").replacen("\"repeat\":0", "\"repeat\":true", 1);
    fs::write(&journal, text).expect("a file");
    let output = dir.run(&["usage", "--format", "json"]).expect_code(5);
    let told: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(told["unread"], json!(["t/2026-11-22-run"]));
    assert!(output.stderr.contains("the ledger lacks what is new in 1 run"), "{}", output.stderr);
    assert!(output.stderr.contains("read line 1 of"), "{}", output.stderr);
}

#[test]
fn the_readmes_questions_to_the_ledger_are_answered() {
    let readme =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("text");
    let queries: Vec<&str> = readme
        .split("sqlite3 runs/ledger.db \"")
        .skip(1)
        .map(|rest| rest.split('"').next().expect("a quote"))
        .collect();
    assert!(queries.len() >= 2);
    let dir = fixed();
    dir.run(&["usage"]).expect_code(0);
    for query in queries {
        let booked = ledger(&dir);
        let mut statement = booked.prepare(query).expect(query);
        let mut rows = statement.query([]).expect(query);
        assert!(rows.next().expect(query).is_some(), "{query}");
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status();
    assert!(copied.expect("`cp` runs").success());
}
