//! Journals that are cut, torn, garbled or of another version, and the files beside them.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use runner::provider::env::Env;
use runner::run::settings::Resume;
use runner::{Job, Settings};
use serde_json::Value;

use crate::durability::{RESUME, edit, ill, is_told, priced};
use crate::support::eventually;
use crate::support::handlers::{echo, slowly};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::{Lab, numbered};
use crate::support::likeness::likeness;
use crate::support::server::Server;

/// A job of so many rows that was run, one row after the other, and what it left.
fn done(rows: usize) -> (Server, JobDir, RunFolder) {
    let server = Server::start(echo());
    let dir = JobDir::with(&priced(&server, rows).limits("concurrency = 1"));
    let run = dir.go(0);
    (server, dir, run)
}

fn journal(run: &RunFolder) -> Vec<u8> {
    fs::read(run.path().join("journal.jsonl")).expect("a journal")
}

/// Runs a job on in this process, which is quicker than the binary.
fn resume(dir: &JobDir, run: &Path) {
    let job = Job::load(dir.path().join("job.toml")).expect("a job");
    let settings = Settings { resume: Some(Resume::Run(run.to_owned())), ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = runtime.expect("a runtime").block_on(async {
        job.run_with(settings, &Env::of([])).expect("it can run").ended().await
    });
    assert_eq!(ended.expect("it ended").stopped, None);
}

/// All bytes around the ends of lines, where most can go wrong, and every 29th of the others.
fn cuts(journal: &[u8]) -> impl Iterator<Item = usize> {
    let is_near =
        |at: usize| journal[at.saturating_sub(2)..].iter().take(5).any(|byte| *byte == b'\n');
    (0..journal.len()).filter(move |at| at % 29 == 0 || *at < 3 || is_near(*at))
}

#[test]
fn a_journal_that_is_cut_at_any_byte_asks_only_what_is_missing() {
    let (server, dir, run) = done(3);
    let (whole, expected) = (journal(&run), likeness(&run));
    for cut in cuts(&whole) {
        edit(&run, "journal.jsonl", |_| whole[..cut].to_vec());
        let asked = server.requests();
        resume(&dir, run.path());
        // Right before a line end the outcome is whole.
        let end = if whole[cut] == b'\n' { cut + 1 } else { cut };
        let missing = 3 - memchr::memchr_iter(b'\n', &whole[..end]).count();
        assert_eq!(server.requests() - asked, missing, "cut at {cut}");
        assert!(likeness(&run) == expected, "cut at {cut}: other reports");
    }
}

/// What happens to a line, and what is left of it then.
type Damage = (&'static str, fn(&[u8]) -> Vec<u8>);

/// Ways to spoil a line.
const DAMAGES: [Damage; 7] = [
    ("its end is gone", |line| [&line[..line.len() / 2], b"\n"].concat()),
    ("its end is gone, and the line end with it", |line| line[..line.len() / 2].to_vec()),
    ("its beginning is gone", |line| line[line.len() / 2..].to_vec()),
    ("zeros from a power failure", |line| [vec![0; line.len() - 1], vec![b'\n']].concat()),
    ("another file's bytes", |line| [vec![0xfe; 40], line[40..].to_vec()].concat()),
    ("a letter is another one", |line| {
        let mut line = line.to_vec();
        let quote = line.iter().rposition(|byte| *byte == b'"').expect("a quote");
        line[quote] = b'x';
        line
    }),
    ("nothing but a line end", |_| b"\n".to_vec()),
];

#[test]
fn a_damaged_line_in_the_middle_is_set_aside_told_and_asked_again() {
    for (what, spoil) in DAMAGES {
        let (server, dir, run) = done(6);
        let expected = likeness(&run);
        edit(&run, "journal.jsonl", |text| {
            let mut lines: Vec<Vec<u8>> =
                text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines[2] = spoil(&lines[2]);
            lines.concat()
        });
        let spoilt = journal(&run);

        let output = dir.run(&["report", "runs/t/latest"]).expect_code(0);
        assert!(output.stderr.contains("line 3 of"), "{what}: {}", output.stderr);
        assert!(output.stderr.contains("--resume asks them again"), "{what}: {}", output.stderr);
        assert_eq!(run.each("row"), ["1", "2", "4", "5", "6"], "{what}");
        let damaged = &run.json("summary.json")["damaged"];
        assert_eq!((&damaged["lines"], &damaged["first"][0]["line"]), (&1.into(), &3.into()));
        let page = run.text("summary.md");
        assert!(page.contains("1 line of the journal is damaged"), "{page}");

        let output = dir.run(&["job.toml", "--resume"]).expect_code(0);
        assert!(output.stderr.contains("line 3 cannot be read"), "{what}: {}", output.stderr);
        assert_eq!(server.requests(), 7, "{what}: only its task is asked again");
        assert_eq!(server.texts()["row 3"], 2, "{what}");
        assert!(journal(&run).starts_with(&spoilt), "{what}: what is there stays");
        let mut now = likeness(&run);
        now.summary.as_object_mut().expect("an object").remove("damaged");
        assert!(now == expected, "{what}: other reports");
        // And it stays usable.
        let asked = server.requests();
        dir.go_with(0, RESUME);
        dir.run(&["usage", "--rebuild"]).expect_code(0);
        dir.run(&["diff", "runs/t/latest", "runs/t/latest"]).expect_code(0);
        assert_eq!(server.requests(), asked, "{what}");
    }
}

#[test]
fn a_line_that_is_damaged_while_the_run_goes_is_set_aside_too() {
    let server = Server::start(slowly(Duration::from_millis(50), echo()));
    let dir = JobDir::with(&priced(&server, 12).limits("concurrency = 1"));
    let running = dir.spawn(&["job.toml"]);
    let written = || {
        let run = dir.runs("t").into_iter().next()?;
        let journal = run.path().join("journal.jsonl");
        let length = fs::metadata(&journal).ok()?.len();
        (length > 100).then_some(journal)
    };
    eventually("an answer is written", || written().is_some());
    let journal = written().expect("a journal");
    let mut file = OpenOptions::new().write(true).open(journal).expect("a journal");
    file.seek(SeekFrom::Start(30)).and_then(|_| file.write_all(&[0; 40])).expect("a place");
    // One task of twelve has no outcome.
    let output = running.wait().expect_code(3);
    assert!(output.stderr.contains("line 1 of"), "{}", output.stderr);
    assert_eq!(dir.latest("t").contents(), numbered(12)[1..]);
    dir.go_with(0, RESUME);
    assert_eq!(dir.latest("t").contents(), numbered(12));
    assert_eq!(server.requests(), 13);
}

#[test]
fn what_a_damaged_line_cost_still_counts_for_the_budget() {
    let server = Server::start(echo());
    let dir = JobDir::with(&priced(&server, 4).and("[budget]\nmax_usd = 0.01\n"));
    let run = dir.go(0);
    let spent = || run.json("summary.json")["budget"][0]["spent_usd"].clone();
    assert_eq!(spent(), "0.000016");
    edit(&run, "journal.jsonl", |text| {
        let text = String::from_utf8(text).expect("text");
        text.replacen("\"status\":\"ok\"", "\"status:\"ok\"", 1).into_bytes()
    });
    dir.go_with(0, RESUME);
    assert_eq!((server.requests(), spent()), (5, "0.00002".into()), "it was paid twice");
    dir.go_with(0, RESUME);
    assert_eq!((server.requests(), spent()), (5, "0.00002".into()));
}

#[test]
fn a_line_that_somebody_changed_is_named_and_nothing_is_asked() {
    let (server, dir, run) = done(4);
    edit(&run, "journal.jsonl", |text| {
        let text = String::from_utf8(text).expect("text");
        text.replacen("\"status\":\"ok\"", "\"status\":\"fine\"", 1).into_bytes()
    });
    for args in [&["job.toml", "--resume"][..], &["report", "runs/t/latest"]] {
        ill(&dir, args, &["line 1 of", "restore it from a copy"]);
    }
    assert_eq!(server.requests(), 4);
}

/// Takes away what newer runners write and older ones did not.
fn age(value: &mut Value) {
    const NEWER: [&str; 10] = [
        "price_version",
        "cost_at_most_usd",
        "cached_cost_usd",
        "fallback",
        "schema_valid",
        "schema_fault",
        "scorer",
        "wall_ms",
        "journal_bytes",
        "pacing",
    ];
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !NEWER.contains(&&**key));
            map.values_mut().for_each(age);
        }
        Value::Array(items) => items.iter_mut().for_each(age),
        _ => {}
    }
}

#[test]
fn a_run_of_an_older_runner_is_read_and_goes_on() {
    let (server, dir, run) = done(4);
    let aged = |text: &[u8]| {
        let mut value: Value = serde_json::from_slice(text).expect("JSON");
        age(&mut value);
        value.to_string().into_bytes()
    };
    edit(&run, "journal.jsonl", |text| {
        let lines = text.split(|byte| *byte == b'\n').take(3);
        lines.flat_map(|line| [aged(line), b"\n".to_vec()].concat()).collect()
    });
    edit(&run, "run.json", |text| aged(&text));
    dir.run(&["report", "runs/t/latest"]).expect_code(0);
    assert_eq!(run.contents(), numbered(3));
    assert_eq!((dir.go_with(0, RESUME).contents(), server.requests()), (numbered(4), 5));
}

#[test]
fn a_run_of_a_newer_runner_is_not_touched() {
    let newer = |text: Vec<u8>| {
        let text = String::from_utf8(text).expect("text");
        text.replace("\"v\":1", "\"v\":2").replace("\"v\": 1", "\"v\": 2").into_bytes()
    };
    for name in ["journal.jsonl", "run.json"] {
        let (server, dir, run) = done(2);
        edit(&run, name, newer);
        let before = [journal(&run), run.text("run.json").into()];
        for args in [&["job.toml", "--resume"][..], &["report", "runs/t/latest"]] {
            ill(&dir, args, &[name, "format version 2", "use a newer runner"]);
        }
        assert_eq!([journal(&run), run.text("run.json").into()], before);
        assert_eq!(server.requests(), 2);
    }
}

#[test]
fn a_manifest_that_is_empty_or_cut_says_what_to_do() {
    for kept in [0, 1, 100] {
        let (server, dir, run) = done(2);
        edit(&run, "run.json", |text| text[..kept].to_vec());
        for args in [&["job.toml", "--resume"][..], &["report", "runs/t/latest"]] {
            ill(&dir, args, &["run.json", "or remove it"]);
        }
        fs::remove_file(run.path().join("run.json")).expect("a file");
        dir.run(&["report", "runs/t/latest"]).expect_code(0);
        assert_eq!((dir.go_with(0, RESUME).contents(), server.requests()), (numbered(2), 2));
    }
}

#[test]
fn calls_in_flight_that_cannot_be_read_stop_a_run_that_counts_money() {
    let server = Server::start(echo());
    let dir = JobDir::with(&priced(&server, 2).and("[budget]\nmax_usd = 0.01\n"));
    let run = dir.go(0);
    let list = run.path().join("commitments.jsonl");
    for (text, said) in [
        ("{\"v\":1,\"session\":0,\"journal\":0}\nnothing\n", "line 2 of"),
        ("nothing\n", "line 1 of"),
        ("{\"v\":2,\"session\":0,\"journal\":0}\n", "use a newer runner"),
    ] {
        fs::write(&list, text).expect("a file");
        ill(&dir, &["job.toml", "--resume"], &["commitments.jsonl", said]);
    }
    // A line that was cut was of a call that was not sent.
    for text in ["", "{\"v\":1,\"sess", "{\"v\":1,\"session\":0,\"journal\":0}\n{\"task\":"] {
        fs::write(&list, text).expect("a file");
        dir.go_with(0, RESUME);
    }
    assert_eq!(server.requests(), 2);
}

#[test]
fn what_stands_beside_a_journal_is_no_matter_of_life() {
    let (server, dir, run) = done(2);
    for name in ["lock", "job.toml", "summary.json", "responses.csv"] {
        edit(&run, name, |_| b"\0\0\0".to_vec());
    }
    edit(&run, "../../ledger.db", |_| b"no database".to_vec());
    let output = dir.run(&["job.toml", "--resume"]).expect_code(0);
    is_told(&output.stderr, &["ledger"]);
    assert_eq!((run.contents(), server.requests()), (numbered(2), 2));
    dir.run(&["usage", "--rebuild"]).expect_code(0);
    let latest = run.path().with_file_name("latest");
    fs::remove_file(&latest).expect("a link");
    fs::write(&latest, "no-such-run\n").expect("a file");
    assert_eq!(dir.run(&["job.toml", "--resume"]).expect_code(0).code, Some(0));
    assert_eq!((server.requests(), dir.runs("t").len()), (2, 1));
    let lab = Lab::at(&server).rows(2);
    dir.job(&lab.to_string().replace("name = \"t\"", "name = \"u\""));
    dir.run(&["job.toml"]).expect_code(0);
}
