//! A key goes to its provider and nowhere else.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::handlers::{completion, error};
use crate::support::job::{JobDir, Output};
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

/// A key that no text holds by chance. The quote and the backslash look otherwise in JSON.
const KEY: &str = r#"sk-goldfinch-"9zqx\7wvk"#;
/// What of it stands in no matter how it is escaped.
const PARTS: [&str; 3] = ["goldfinch", "9zqx", "7wvk"];

/// Tells the key to everybody: in answers, in errors and in headers.
fn blabbing(seen: &Seen) -> Reply {
    let key = seen.headers.get("authorization").map_or("", |value| value.to_str().unwrap_or("?"));
    let bare = key.strip_prefix("Bearer ").unwrap_or(key).to_owned();
    let headers = vec![
        ("x-request-id", format!("req-{bare}")),
        ("x-ratelimit-limit-requests", bare.clone()),
        ("retry-after-ms", "1".to_owned()),
    ];
    let told = format!("Incorrect API key provided: {key}.");
    let page = format!("<!doctype html><p>{key}</p>");
    match (seen.text.as_str(), seen.n_of_this_text) {
        ("refused", _) => error(401, "invalid_request_error", &bare, &told),
        ("failed", 0) => {
            Reply::Json(500, headers, json!({"error": {"message": told, "code": bare}}))
        }
        ("text", _) => Reply::Raw(400, headers, told.into_bytes()),
        ("page", _) => Reply::Raw(502, Vec::new(), page.into_bytes()),
        ("no answer", _) => Reply::Raw(200, headers, key.as_bytes().to_vec()),
        ("cut", _) => Reply::Truncate(completion(seen, &told.repeat(9))),
        ("moved", _) => {
            Reply::Raw(302, vec![("location", format!("/{}", bare.len()))], page.into_bytes())
        }
        _ => Reply::Json(200, headers, completion(seen, &format!("your key is {key}"))),
    }
}

const TEXTS: [&str; 8] = ["ok", "refused", "failed", "text", "page", "no answer", "cut", "moved"];

/// Runs a job whose key is found in this way, as talkative as can be, and asserts that the key was
/// used and stands nowhere.
#[track_caller]
fn assert_kept(api_key: &str, prepare: impl Fn(&mut JobDir)) {
    for (args, log) in [
        (&["-vv"][..], None),
        (&["--log-format", "json", "--progress", "json"], Some("trace")),
        (&["--progress", "plain"], Some("DEBUG")),
    ] {
        let server = Server::start(blabbing);
        let lab = Lab::at(&server)
            .provider(&format!("api_key = {api_key}"))
            .texts(TEXTS)
            .retry("max_attempts = 2\ninitial = \"1ms\"");
        let mut dir = JobDir::with(&lab);
        prepare(&mut dir);
        if let Some(log) = log {
            dir.var("RUNNER_LOG", log);
        }
        let output = dir.run(&[&["job.toml"], args].concat()).expect_code(3);
        let sent = server.authorizations();
        assert_eq!(sent.into_iter().collect::<Vec<_>>(), [format!("Bearer {KEY}")]);
        assert_silent(&output);
        assert_clean(&dir.path().join("runs"));
        let again = dir.run(&["report", "runs/t/latest"]).expect_code(0);
        assert_silent(&again);
    }
}

#[track_caller]
fn assert_silent(output: &Output) {
    for part in PARTS {
        assert!(!output.stdout.contains(part), "stdout tells the key:\n{}", output.stdout);
        assert!(!output.stderr.contains(part), "stderr tells the key:\n{}", output.stderr);
    }
}

/// Asserts that no file below this folder, and no file's name, holds the key.
#[track_caller]
fn assert_clean(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.display().to_string();
        if path.is_dir() {
            if !path.is_symlink() {
                assert_clean(&path);
            }
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        for part in PARTS {
            assert!(!text.contains(part) && !name.contains(part), "{name} holds the key:\n{text}");
        }
    }
}

#[test]
fn a_key_from_the_environment_is_told_to_nobody() {
    assert_kept("{ env = \"LAB_KEY\" }", |dir| {
        dir.var("LAB_KEY", KEY);
    });
}

#[test]
fn a_key_from_a_dotenv_file_is_told_to_nobody() {
    assert_kept("{ env = [\"OTHER_KEY\", \"LAB_KEY\"] }", |dir| {
        dir.write(".env", format!("LAB_KEY='{KEY}'\n"));
    });
}

#[test]
fn a_key_from_a_file_is_told_to_nobody() {
    assert_kept("{ file = \"key.txt\" }", |dir| drop(dir.write("key.txt", format!("{KEY}\n"))));
}

#[test]
fn a_key_from_a_command_is_told_to_nobody() {
    assert_kept("{ command = [\"cat\", \"key.txt\"] }", |dir| drop(dir.write("key.txt", KEY)));
}

#[test]
fn what_is_set_beats_the_dotenv_file() {
    let server = Server::start(blabbing);
    let lab = Lab::at(&server).provider("api_key = { env = \"LAB_KEY\" }");
    let mut dir = JobDir::with(&lab);
    dir.write(".env", "LAB_KEY=from-the-file\n");
    dir.var("LAB_KEY", "from-the-environment");
    dir.go(0);
    let sent = server.authorizations();
    assert_eq!(sent.into_iter().collect::<Vec<_>>(), ["Bearer from-the-environment"]);
}

#[test]
fn each_provider_gets_its_own_key_alone() {
    let (first, second) = (Server::start(blabbing), Server::start(blabbing));
    let other = format!(
        "[providers.other]\ndialect = \"openai\"\nbase_url = \"{}\"\napi_key = {{ env = \"OTHER\" }}",
        second.base_url()
    );
    let lab = Lab::at(&first)
        .provider("api_key = { env = \"LAB_KEY\" }")
        .model("model = \"lab/m\"")
        .model("model = \"other/m\"\nlabel = \"o\"")
        .rows(5)
        .and(&other);
    let mut dir = JobDir::with(&lab);
    dir.var("LAB_KEY", "sk-first").var("OTHER", "sk-second");
    dir.go(0);
    let keys = |server: &Server| server.authorizations().into_iter().collect::<Vec<_>>();
    assert_eq!(keys(&first), ["Bearer sk-first"]);
    assert_eq!(keys(&second), ["Bearer sk-second"]);
}

#[test]
fn a_catalogued_provider_takes_its_own_variables() {
    let server = Server::start(blabbing);
    let dir = JobDir::new();
    let text =
        "name = \"t\"\n[[models]]\nmodel = \"gpt-4o-mini\"\n[prompts.p]\ninline = [\"hi\"]\n";
    dir.job(text);
    let told = dir.refused();
    assert!(told.contains("`OPENAI_API_KEY`"), "{told}");
    let mut dir = dir;
    dir.var("OPENAI_API_KEY", KEY).var("OPENAI_BASE_URL", &server.base_url());
    dir.go(0);
    assert_eq!(server.bodies()[0]["model"], "gpt-4o-mini");
    assert_clean(&dir.path().join("runs"));
}

/// A job is refused, and the key in it is not shown.
#[track_caller]
fn assert_veiled(line: &str, args: &[&str]) {
    let server = Server::start(blabbing);
    let dir = JobDir::with(&Lab::at(&server).provider(line));
    for command in ["run", "check", "plan"] {
        let out = dir.run(&[&[command, "job.toml"], args].concat());
        // `check` and `plan` need not take every option of `run`.
        let out = out.expect_code(2);
        assert_silent(&out);
    }
    assert_eq!((server.requests(), dir.runs("t").len()), (0, 0));
}

#[test]
fn a_key_in_the_job_is_a_fault_that_does_not_show_it() {
    assert_veiled("api_key = \"sk-goldfinch-9zqx7wvk\"", &[]);
    assert_veiled("api_key = { env = 'A', value = 'sk-goldfinch-9zqx7wvk' }", &[]);
    assert_veiled("api_key = [\"sk-goldfinch-9zqx7wvk\"]", &[]);
    assert_veiled("api_key = \"\"\"sk-goldfinch-9zqx7wvk\"\"\"", &[]);
    assert_veiled("apikey = \"sk-goldfinch-9zqx7wvk\"", &[]);
    assert_veiled("api_key = \"sk-goldfinch-9zqx7wvk", &[]);
    assert_veiled("api_key = sk-goldfinch-9zqx7wvk", &[]);
    assert_veiled("api_key = { env = \"sk-goldfinch-9zqx7wvk\" }", &[]);
}

#[test]
fn a_key_on_the_command_line_is_a_fault_that_does_not_show_it() {
    let value = "providers.lab.api_key=sk-goldfinch-9zqx7wvk";
    assert_veiled("", &["--set", value]);
    assert_veiled("", &["--set", "providers.lab.api_key=\"sk-goldfinch-9zqx7wvk\""]);
}

#[test]
fn a_dotenv_file_with_a_fault_is_told_without_its_lines() {
    let server = Server::start(blabbing);
    let dir = JobDir::with(&Lab::at(&server));
    dir.write(".env", "LAB_KEY sk-goldfinch-9zqx7wvk\n");
    let output = dir.run(&["job.toml"]).expect_code(2);
    assert!(output.stderr.contains(".env"), "{}", output.stderr);
    assert_silent(&output);
}

#[test]
fn a_key_in_the_words_of_a_command_is_a_fault() {
    let server = Server::start(blabbing);
    let key = "sk-goldfinch-in-a-command";
    let command = format!("api_key = {{ command = [\"echo\", \"{key}\"] }}");
    let dir = JobDir::with(&Lab::at(&server).provider(&command).texts(["ok"]));
    let told = dir.refused();
    assert!(told.contains("the job holds a key") && !told.contains("goldfinch"), "{told}");
    assert_eq!(server.requests(), 0);
}
