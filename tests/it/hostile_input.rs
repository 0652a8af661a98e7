//! Names, rows, templates, texts and files that mean harm, or look as if they did.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::handlers::{completion, echo, error};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

/// Titles, colours, the clipboard, the cursor: as ASCII and as Latin 1 would steer a terminal.
const STEERING: &str =
    "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{1b}]52;c;cHduZWQ=\u{7}\u{9b}31m\u{9d}x\u{8}\u{7f}\rover";

/// Markup, cells and lines of every kind of report.
const MARKUP: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)> | a | b |\n| `x` [l](javascript:1) # *";

#[test]
fn a_job_whose_name_leads_elsewhere_is_refused() {
    let server = Server::start(echo());
    for name in
        ["../../x", "/tmp/x", "a/b", "..", ".", "a\\\\b", "a\\u0000b", "a\\nb", &"x".repeat(5000)]
    {
        let dir = JobDir::new();
        let job = Lab::at(&server).to_string();
        dir.job(&job.replace("name = \"t\"", &format!("name = \"{name}\"")));
        assert!(dir.refused().contains("folder of this name"), "{name:.20}");
        assert!(!dir.path().join("runs").exists());
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_job_named_like_a_device_or_an_option_has_a_folder_of_its_own() {
    let server = Server::start(echo());
    for name in ["NUL", "com1.txt", "-rf", ".hidden", "a:b", "x.", "~", "$HOME", "*"] {
        let dir = JobDir::new();
        let job = Lab::at(&server).to_string();
        dir.job(&job.replace("name = \"t\"", &format!("name = \"{name}\"")));
        dir.run(&["job.toml"]).expect_code(0);
        let folders = fs::read_dir(dir.path().join("runs")).expect("runs");
        let folders = folders.map(|entry| entry.expect("an entry").file_name());
        let folders: Vec<_> = folders.filter(|name| name != "ledger.db").collect();
        let [folder] = folders.as_slice() else { panic!("{folders:?}") };
        let folder = folder.to_string_lossy();
        assert_ne!(folder, name);
        assert!(!folder.starts_with(['-', '.']) && !folder.contains([':', '*', '$']), "{folder}");
    }
}

#[test]
fn a_row_is_whatever_its_id_says_and_no_file_is_named_after_it() {
    let server = Server::start(echo());
    let long = "x".repeat(100_000);
    let ids = ["../../x", "/etc/passwd", "C:\\x", "a\0b", "NUL", STEERING, MARKUP, "=1+1", &long];
    let row = |id: &&str| json!({"id": id, "text": "hello"}).to_string();
    let lines = ids.iter().map(row).collect::<Vec<_>>().join("\n");
    let dir = JobDir::with(
        &Lab::at(&server).prompts("file = \"rows.jsonl\"\nid = \"id\"\nuser = \"{{ text }}\""),
    );
    dir.write("rows.jsonl", lines);
    let run = dir.go(0);
    assert_eq!(run.each("row"), ids);
    let plain = dir_files(&dir, "plain");
    assert_eq!(run.files(), plain);
}

/// The files of a run of an innocent job.
fn dir_files(beside: &JobDir, name: &str) -> Vec<String> {
    let server = Server::start(echo());
    let job = Lab::at(&server).to_string().replace("name = \"t\"", &format!("name = \"{name}\""));
    beside.job(&job);
    beside.run(&["job.toml"]).expect_code(0);
    beside.latest(name).files()
}

#[test]
fn a_template_that_does_not_end_or_grows_without_end_sends_nothing() {
    let server = Server::start(echo());
    for (template, words) in [
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "loops too long",
        ),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        (
            "{% set s = 'x' * 9999999 %}{% for a in range(9999) %}{{ s }}{% endfor %}",
            "longer than 32 MiB",
        ),
        ("{{ 'x' * 99999999999 }}", "too large"),
        ("{{ 'x' | indent(99999999999, true) }}", "too many"),
        ("{% include 'job.toml' %}", "template"),
        ("{% extends '/etc/passwd' %}", "template"),
        ("{% import '../x' as x %}", "template"),
    ] {
        let keys = format!("inline = [{{ a = 1 }}]\nuser = {}", json!(template));
        let dir = JobDir::with(&Lab::at(&server).prompts(&keys));
        let start = Instant::now();
        let (output, peak) = dir.run_measured(&["job.toml"]);
        let told = output.expect_code(2).stderr;
        assert!(told.contains(words), "{template}: {told}");
        assert!(start.elapsed() < Duration::from_secs(20), "{template}: {:?}", start.elapsed());
        assert!(peak < 300, "{template}: {peak} MiB");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_row_is_text_for_a_template_and_never_one() {
    let server = Server::start(echo());
    let row = "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}{# gone #}";
    let keys = format!("inline = [{{ text = {} }}]\nuser = \"{{{{ text }}}}\"", json!(row));
    assert_eq!(JobDir::with(&Lab::at(&server).prompts(&keys)).go(0).contents(), [row]);
}

#[test]
fn a_formula_is_harmless_in_csv_and_unchanged_in_jsonl() {
    const FORMULAS: [&str; 6] =
        ["=HYPERLINK(\"http://x\",\"y\")", "+1", "-1+1", "@SUM(A1)", "\t=1", "=cmd|' /C calc'!A0"];
    let server = Server::start(echo());
    let run = JobDir::with(&Lab::at(&server).texts(FORMULAS)).go(0);
    assert_eq!(run.contents(), FORMULAS);
    let harmless: Vec<String> = FORMULAS.iter().map(|text| format!("'{text}")).collect();
    assert_eq!(run.column("responses.csv", "content"), harmless);
}

/// Says what steers a terminal, or fails with it.
fn steering(seen: &Seen) -> Reply {
    match seen.text.as_str() {
        "refuse" => error(400, STEERING, STEERING, &format!("no {STEERING}{MARKUP}")),
        "fail" => Reply::Raw(418, vec![("content-type", "text/plain".to_owned())], STEERING.into()),
        "page" => Reply::Raw(200, vec![("content-type", "text/plain".to_owned())], STEERING.into()),
        "finish" => {
            let mut body = completion(seen, "x");
            body["choices"][0]["finish_reason"] = json!(STEERING);
            Reply::ok(body)
        }
        _ => Reply::ok(completion(seen, &format!("{STEERING}{MARKUP}"))),
    }
}

fn steers(text: &str) -> bool {
    text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))
}

#[test]
fn no_message_steers_a_terminal() {
    let server = Server::start(steering);
    for format in ["plain", "json", "bars"] {
        for level in ["INFO", "trace"] {
            let lab = Lab::at(&server)
                .texts(["ok", "refuse", "fail", "page", "finish"])
                .retry("max_attempts = 2\ninitial = \"1ms\"");
            let mut dir = JobDir::with(&lab);
            dir.var("RUNNER_LOG", level);
            let output = dir.run(&["job.toml", "--progress", format]).expect_code(3);
            let shown = |text: &str| format!("{format} {level}: {text:?}");
            assert!(!steers(&output.stderr), "{}", shown(&output.stderr));
            assert!(!steers(&output.stdout), "{}", shown(&output.stdout));
            let run = dir.latest("t");
            for name in ["errors.csv", "summary.md"] {
                let text = run.text(name).replace("\r\n", "\n");
                assert!(!steers(&text), "{name}");
            }
        }
    }
}

#[test]
fn an_answer_in_a_pipe_is_as_it_is_and_an_error_steers_no_terminal() {
    let server = Server::start(steering);
    let mut dir = JobDir::new();
    dir.var("OPENAI_BASE_URL", &server.base_url()).var("OPENAI_API_KEY", "sk-x");
    let ask = |message: &str| dir.run(&["--model", "openai/gpt-4o-mini", "--message", message]);
    assert_eq!(ask("ok").expect_code(0).stdout, format!("{STEERING}{MARKUP}\n"));
    for message in ["refuse", "fail", "page"] {
        let told = ask(message).expect_code(3).stderr;
        assert!(!steers(&told), "{told:?}");
        let talk = dir
            .spawn_reading(&["--model", "openai/gpt-4o-mini", "--interactive"], message.as_bytes());
        let told = talk.wait().expect_code(3).stderr;
        assert!(!steers(&told), "{told:?}");
    }
    let told = dir.run(&["doctor", "openai"]);
    assert!(!steers(&told.stdout) && !steers(&told.stderr), "{told:?}");
}

#[test]
fn markup_from_outside_is_text_in_every_report() {
    let server = Server::start(steering);
    let label = "m | <b>x</b> `";
    let lab = Lab::at(&server)
        .model(&format!("model = \"lab/m\"\nlabel = {}", json!(label)))
        .texts(["ok", "refuse"]);
    let run = JobDir::with(&lab).go(3);
    let markdown = run.text("summary.md");
    for line in markdown.lines().filter(|line| line.starts_with('|')) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!(cells == 11 || cells == 6, "{line}");
    }
    let markup = markdown.replace("\\<", "");
    assert!(!markup.contains('<'), "{markup}");
    let page = run.text("report.html");
    assert!(
        !page.contains("<script>alert") && !page.contains("<img src=x") && !page.contains("<b>x")
    );
}

#[test]
fn a_dotenv_from_any_system_is_read_and_any_other_thing_of_that_name_is_told_or_let_be() {
    let server = Server::start(echo());
    let lab = Lab::at(&server).provider("api_key = { env = \"LAB_KEY\" }");
    let sent = || server.authorizations().into_iter().next_back();
    for (nth, text) in
        ["\u{feff}LAB_KEY=K\r\n", "export LAB_KEY='K'\r\n# x\r\n", "A=1\n\n LAB_KEY = \"K\"  # why"]
            .iter()
            .enumerate()
    {
        let key = format!("sk-{nth}-dotenv");
        let dir = JobDir::with(&lab);
        dir.write(".env", text.replace('K', &key).replace(&format!("LAB_{key}EY"), "LAB_KEY"));
        dir.go(0);
        assert_eq!(sent(), Some(format!("Bearer {key}")));
    }
    let dir = JobDir::with(&lab);
    fs::create_dir(dir.path().join(".env")).expect("a folder");
    assert!(dir.refused().contains("`LAB_KEY` is not set"));
    for (content, words) in [
        (b"LAB_KEY sk-goldfinch\n".to_vec(), "`NAME=value`"),
        (b"\xff\xfeL\0A\0B\0".to_vec(), "not UTF-8"),
        (vec![b'x'; 2 << 20], "larger than 1 MiB"),
    ] {
        let dir = JobDir::with(&lab);
        dir.write(".env", content);
        let output = dir.run(&["job.toml"]);
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
        assert!(!output.stderr.contains("goldfinch"), "{}", output.stderr);
        assert!(matches!(output.code, Some(2 | 5)), "{:?}", output.code);
    }
}

#[cfg(unix)]
#[test]
fn a_dotenv_that_is_a_pipe_is_not_waited_for() {
    let server = Server::start(echo());
    let dir = JobDir::with(&Lab::at(&server));
    let made = std::process::Command::new("mkfifo").arg(dir.path().join(".env")).status();
    assert!(made.expect("a program to make pipes").success());
    dir.go(0);
}

#[cfg(unix)]
#[test]
fn a_program_that_prints_a_key_is_run_without_a_shell_and_never_shown() {
    let server = Server::start(echo());
    let with = |words: &Value| {
        let mut dir =
            JobDir::with(&Lab::at(&server).provider(&format!("api_key = {{ command = {words} }}")));
        dir.var("HOME_OF", "x");
        dir
    };
    // The key is none of the words: a job that holds its key is refused.
    with(&json!(["printf", "sk-%s-%s", "$HOME;`id`", "&&|*"])).go(0);
    let sent = server.authorizations().into_iter().next();
    assert_eq!(sent.as_deref(), Some("Bearer sk-$HOME;`id`-&&|*"));
    for (script, words) in [
        ("echo sk-goldfinch-1; exit 7", "ended with exit status: 7"),
        ("echo sk-goldfinch-1 two", "one line of visible ASCII"),
        ("printf 'sk-goldfinch-1\\377'", "no text"),
        ("printf ''", "printed nothing"),
        ("yes sk-goldfinch-1", "more than 64 KiB"),
    ] {
        let told = with(&json!(["sh", "-c", script])).refused();
        assert!(told.contains(words), "{script}: {told}");
        assert_eq!(told.matches("goldfinch").count(), 0, "{script}: {told}");
    }
}

/// What a terminal gets that the binary runs at, until it ends.
#[cfg(unix)]
fn at_a_terminal(dir: &JobDir, vars: &[(&str, &str)], args: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_runner"));
    command.args(args).current_dir(dir.path()).env_clear().env("HOME", dir.path());
    command.env("TERM", "xterm").env("NO_COLOR", "1").envs(vars.iter().copied());
    let options = rexpect::reader::Options::new().timeout_ms(Some(30_000));
    let session = rexpect::session::spawn_with_options(command, options);
    session.expect("the binary starts at a terminal").exp_eof().expect("it ends")
}

#[cfg(unix)]
#[test]
fn no_answer_steers_a_terminal() {
    let server = Server::start(steering);
    let dir = JobDir::new();
    let url = server.base_url();
    let vars = [("OPENAI_BASE_URL", url.as_str()), ("OPENAI_API_KEY", "sk-x")];
    for more in [&[][..], &["--json"]] {
        for message in ["ok", "refuse", "fail", "page", "finish"] {
            let args = [&["--model", "openai/gpt-4o-mini", "--message", message], more].concat();
            // A terminal itself writes a return before each line end.
            let shown = at_a_terminal(&dir, &vars, &args).replace("\r\n", "\n");
            assert!(!steers(&shown), "{args:?}: {shown:?}");
            assert!(!shown.is_empty());
        }
    }
}
