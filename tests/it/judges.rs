//! Judges: limited, budgeted and resumed like any other task.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::handlers::{completion, error, slowly};
use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::likeness::likeness;
use crate::support::server::{Reply, Seen, Server};
use crate::support::{eventually, pause};

const RESUME: &[&str] = &["--resume"];

const JUDGE: &str = "
[scorers.tone.judge]
model = \"lab/judge\"
rubric = \"friendly\"
threshold = 0.5
params = { max_tokens = 20 }
price = { input = 1, output = 10 }
";

fn is_judge(seen: &Seen) -> bool {
    seen.body["model"] == "judge"
}

/// Models repeat what they are asked; the judge gives grades by what it reads, in ten tokens.
fn court() -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    |seen: &Seen| {
        if !is_judge(seen) {
            return Reply::ok(completion(seen, &seen.text));
        }
        let luck = blake3::hash(seen.text.as_bytes()).as_bytes()[0];
        let grade = json!({"reason": "so", "score": 1 + luck % 10}).to_string();
        let mut answer = completion(seen, &grade);
        answer["usage"] =
            json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110});
        Reply::ok(answer)
    }
}

/// How often each question was asked of the judge, by what stood in it.
fn questions(server: &Server) -> BTreeMap<String, usize> {
    let texts = server.texts().into_iter();
    texts.filter(|(text, _)| text.contains("The rubric:")).collect()
}

fn tones(run: &RunFolder) -> Vec<Value> {
    run.responses().iter().map(|row| row["scores"]["tone"]["value"].clone()).collect()
}

#[test]
fn judging_that_is_killed_again_and_again_asks_each_question_once() {
    const ROWS: usize = 60;
    const WIDTH: usize = 4;
    let server = Server::start(slowly(Duration::from_millis(8), court()));
    let gate = "[[gates]]\nmetric = \"tone\"\nmin = 0\nper = \"model\"\n";
    let lab = Lab::at(&server).rows(ROWS).limits(&format!("concurrency = {WIDTH}"));
    let lab = lab.and(JUDGE).and(gate);
    let undisturbed = JobDir::with(&lab).go(0);
    let asked_once = questions(&server);
    assert_eq!(asked_once.len(), ROWS);

    let dir = JobDir::with(&lab);
    let before = server.requests();
    let mut kills = 0;
    for kill in 1..=5_usize {
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        // The answers take ROWS calls; after them comes the judge.
        let wanted = before + ROWS + kill * 8;
        eventually("calls come", || server.requests() >= wanted || !running.is_running());
        pause(Duration::from_millis(kill as u64 * 3));
        kills += usize::from(running.is_running());
        running.kill();
    }
    assert!(kills >= 4, "{kills} kills came in time");
    let run = dir.go_with(0, RESUME);
    let again: usize = questions(&server).values().map(|asked| asked - 2).sum();
    // Those in flight, and answers that came at that very moment and were not written yet.
    assert!(again <= kills * 2 * WIDTH, "{again} questions were asked again after {kills} kills");
    assert_eq!(likeness(&run), likeness(&undisturbed));
    assert_eq!(run.text("junit.xml").matches("<testcase").count(), ROWS + 3);
}

#[test]
fn scorers_that_change_ask_nothing_that_has_an_answer() {
    let server = Server::start(court());
    let lab = Lab::at(&server).rows(5);
    let equals = |value: &str| format!("[scorers.right.equals]\nvalue = \"{value}\"\n");
    let dir = JobDir::with(&lab.clone().and(&equals("row 1")).and(JUDGE));
    let run = dir.go(0);
    let tone = tones(&run);
    assert_eq!((run.column("responses.csv", "right"), server.requests()), (cells("10000"), 10));
    let resume = |tables: &str| {
        dir.job(&lab.clone().and(tables).to_string());
        dir.go_with(0, RESUME)
    };
    let run = resume(&(equals("row 2") + JUDGE));
    assert_eq!(run.column("responses.csv", "right"), cells("01000"));
    // Without its judge the scores are gone, and what it cost is not.
    let run = resume(&(equals("row 2") + "[scorers.long.contains]\nall = [\"row\"]\n"));
    assert_eq!(run.column("responses.csv", "long"), cells("11111"));
    assert!(!run.columns("responses.csv").contains(&"tone".to_owned()));
    assert_eq!(run.csv("usage.csv").len(), 10, "what was paid for stays on the bill");
    let run = resume(JUDGE);
    assert_eq!((tones(&run), server.requests()), (tone.clone(), 10));
    // Another bound is another verdict on the same grades; another rubric is another question.
    let run = resume(&JUDGE.replace("0.5", "0.01"));
    assert_eq!((tones(&run), server.requests()), (tone, 10));
    resume(&JUDGE.replace("friendly", "rude"));
    assert_eq!(server.requests(), 15);
}

/// The cells of a column, by a digit each.
fn cells(digits: &str) -> Vec<String> {
    digits.chars().map(String::from).collect()
}

#[test]
fn the_budget_of_a_judge_stops_it_and_a_larger_one_goes_on() {
    let server = Server::start(court());
    // An answer of the judge costs 100 * 1 + 10 * 10 millionths of a dollar; ten of 30 fit.
    let judge = format!("{JUDGE}budget = {{ max_usd = 0.003 }}\n");
    let gate = "[[gates]]\nmetric = \"error_rate\"\nmax = 0\n";
    let lab = Lab::at(&server).rows(30).limits("concurrency = 2").and(&judge).and(gate);
    let dir = JobDir::with(&lab);
    let output = dir.run(&["job.toml"]).expect_code(4);
    assert!(output.stderr.contains("stopped: "), "{}", output.stderr);
    assert!(output.stderr.contains("help: "), "{}", output.stderr);
    let run = dir.latest("t");
    let judged = tones(&run).iter().filter(|tone| !tone.is_null()).count();
    assert!((5..30).contains(&judged), "{judged} answers are judged");
    let summary = run.json("summary.json");
    assert_eq!((&summary["totals"]["ok"], &summary["ended"]), (&json!(30), &json!("budget")));
    let spent: f64 = summary["scorers"][0]["calls"]["cost_usd"]
        .as_str()
        .expect("money")
        .parse()
        .expect("a number");
    assert!(spent <= 0.003 && (spent - judged as f64 * 0.0002).abs() < 1e-9, "{spent}");
    assert!(
        run.text("summary.md").contains("❌ **stopped by the budget"),
        "{}",
        run.text("summary.md")
    );
    let run = dir.go_with(0, &["--resume", "--set", "scorers.tone.judge.budget.max_usd=1"]);
    assert_eq!(tones(&run).iter().filter(|tone| tone.is_null()).count(), 0);
    assert!(questions(&server).values().all(|asked| *asked == 1), "{:?}", questions(&server));
    assert_eq!(server.requests(), 60);
}

#[test]
fn a_judge_with_a_wrong_key_harms_no_answer() {
    let court = Server::start(|_: &Seen| {
        error(401, "invalid_request_error", "invalid_api_key", "who are you?")
    });
    let server = Server::start(self::court());
    let provider =
        format!("[providers.court]\ndialect = \"openai\"\nbase_url = \"{}\"\n", court.base_url());
    let gate = "[[gates]]\nmetric = \"tone\"\nmin = 0.1\n";
    let lab = Lab::at(&server).rows(20).and(&JUDGE.replace("lab/judge", "court/judge"));
    let dir = JobDir::with(&lab.and(&provider).and(gate));
    let output = dir.run(&["job.toml"]).expect_code(3);
    assert!(
        output.stderr.contains("court/judge was closed (AuthenticationError)"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("20 calls of scorers failed"), "{}", output.stderr);
    let run = dir.latest("t");
    assert!(run.each("status").iter().all(|status| status == "ok"));
    assert!(tones(&run).iter().all(Value::is_null));
    assert!(court.requests() < 20, "{}", court.requests());
    let summary = run.json("summary.json");
    assert_eq!(summary["totals"]["ok"], 20);
    assert_eq!(
        (&summary["gates"][0]["value"], &summary["gates"][0]["passed"]),
        (&json!(null), &json!(false))
    );
    // With a key that is right, --resume asks the judge and nobody else.
    dir.job(
        &std::fs::read_to_string(dir.path().join("job.toml"))
            .expect("a job")
            .replace(&court.base_url(), &server.base_url()),
    );
    let run = dir.go_with(0, RESUME);
    assert!(tones(&run).iter().all(Value::is_number));
    assert_eq!((server.requests(), questions(&server).len()), (40, 20));
}

#[test]
fn a_judge_that_makes_no_sense_breaks_its_scores_and_nothing_else() {
    let court = court();
    let server =
        Server::start(move |seen: &Seen| match is_judge(seen) && seen.text.contains("row 2") {
            true => Reply::ok(completion(seen, "Lovely!")),
            false => court(seen),
        });
    let gate = "[[gates]]\nmetric = \"tone\"\nmin = 0\n";
    let dir = JobDir::with(&Lab::at(&server).rows(3).and(JUDGE).and(gate));
    let run = dir.go(0);
    let second = &run.responses()[1]["scores"]["tone"];
    assert_eq!((&second["state"], &second["value"]), (&json!("broken"), &json!(null)));
    let gate = &run.json("summary.json")["gates"][0];
    assert_eq!(
        (&gate["samples"], &gate["note"]),
        (&json!(2), &json!("1 answer could not be scored"))
    );
    let dir_text = run.text("junit.xml");
    assert!(dir_text.contains("<system-out>scorer tone is broken"), "{dir_text}");
}
