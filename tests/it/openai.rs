//! `OpenAI`'s relatives by the built binary: Azure in both styles and with Entra ID, models that
//! answer on another path, and a provider that stands in the job alone.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::job::JobDir;
use crate::support::server::{Reply, Seen, Server};

/// What a server saw.
type Log = Arc<Mutex<Vec<Seen>>>;

/// A server that answers on every path in its form, and what it saw.
fn server() -> (Server, Log) {
    let log = Log::default();
    let theirs = Arc::clone(&log);
    let server = Server::start(move |seen| {
        let nth = {
            let mut log = theirs.lock().expect("whole");
            log.push(seen.clone());
            log.iter().filter(|one| one.path.ends_with("/token")).count()
        };
        match &*seen.path {
            path if path.ends_with("/token") => Reply::ok(
                json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("eyJ-{nth}")}),
            ),
            path if path.ends_with("/responses") => {
                Reply::ok(json!({"id": "r", "status": "completed",
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
                "usage": {"input_tokens": 10, "output_tokens": 5}}))
            }
            _ => Reply::ok(chat()),
        }
    });
    (server, log)
}

fn chat() -> Value {
    json!({"id": "c", "object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "Hello"}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}})
}

fn host(server: &Server) -> String {
    server.base_url().trim_end_matches("/v1").to_owned()
}

fn dir(job: &str) -> JobDir {
    let mut dir = JobDir::new();
    dir.var("KEY", "sk-canary");
    dir.job(&format!("name = \"t\"\n{job}\n[prompts.all]\ninline = [\"hi\"]\n"));
    dir
}

fn paths(log: &Log) -> Vec<String> {
    let mut paths: Vec<String> =
        log.lock().expect("whole").iter().map(|seen| seen.path.clone()).collect();
    paths.sort();
    paths
}

fn header(seen: &Seen, name: &str) -> String {
    let value = seen.headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

#[test]
fn a_deployment_of_azure_is_called_in_either_style() {
    let (server, log) = server();
    for (version, path, query) in [
        ("2024-10-21", "/openai/deployments/my-gpt/chat/completions", "api-version=2024-10-21"),
        ("v1", "/openai/v1/chat/completions", ""),
    ] {
        let dir = dir(&format!(
            "[[models]]\nmodel = \"azure/my-gpt\"\n[providers.azure]\nbase_url = \"{}/openai/\"\n\
             api_version = \"{version}\"\napi_key = {{ env = \"KEY\" }}",
            host(&server)
        ));
        assert_eq!(dir.go(0).contents(), ["Hello"]);
        let seen = log.lock().expect("whole").pop().expect("a request");
        assert_eq!((&*seen.path, &*seen.query), (path, query));
        assert_eq!(header(&seen, "api-key"), "sk-canary");
        assert_eq!(header(&seen, "authorization"), "");
        assert_eq!(seen.body["model"], "my-gpt");
    }
}

#[test]
fn a_token_of_entra_is_fetched_once_for_all_who_wait() {
    let (server, log) = server();
    let host = host(&server);
    let mut dir = dir("[[models]]\nmodel = \"azure/my-gpt\"\n[limits]\nconcurrency = 8");
    for (name, value) in [
        ("AZURE_API_BASE", &*host),
        ("AZURE_AUTHORITY_HOST", &*host),
        ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "s3cret-canary"),
    ] {
        dir.var(name, value);
    }
    let run = dir.go_with(0, &["--set", "repeats=16"]);
    assert_eq!(run.contents(), ["Hello"; 16]);
    let log = log.lock().expect("whole");
    let (tokens, chats): (Vec<&Seen>, Vec<&Seen>) =
        log.iter().partition(|seen| seen.path.ends_with("/token"));
    assert_eq!((tokens.len(), chats.len()), (1, 16));
    assert_eq!(tokens[0].path, "/contoso.onmicrosoft.com/oauth2/v2.0/token");
    assert_eq!(header(tokens[0], "content-type"), "application/x-www-form-urlencoded");
    assert!(chats.iter().all(|seen| header(seen, "authorization") == "Bearer eyJ-1"));
    assert!(chats.iter().all(|seen| header(seen, "api-key").is_empty()));
}

#[test]
fn without_a_key_or_a_token_azure_is_told_before_anything_is_sent() {
    let (server, _log) = server();
    let mut dir = dir("[[models]]\nmodel = \"azure/my-gpt\"");
    dir.var("AZURE_OPENAI_ENDPOINT", &host(&server));
    let told = dir.run(&["job.toml"]).expect_code(2).stderr;
    assert!(told.contains("neither `AZURE_API_KEY` nor `AZURE_AD_TOKEN` is set"), "{told}");
    assert!(told.contains("or all of AZURE_TENANT_ID"), "{told}");
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_principal_that_is_refused_stops_the_lane_and_shows_no_secret() {
    let server = Server::start(|seen| match seen.path.ends_with("/token") {
        true => Reply::Json(
            401,
            Vec::new(),
            json!({"error": "invalid_client", "error_description": "AADSTS7000215: s3cret-canary is wrong"}),
        ),
        false => Reply::ok(chat()),
    });
    let mut dir = dir("[[models]]\nmodel = \"azure/my-gpt\"");
    for (name, value) in [
        ("AZURE_API_BASE", &*host(&server)),
        ("AZURE_AUTHORITY_HOST", &*host(&server)),
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "s3cret-canary"),
    ] {
        dir.var(name, value);
    }
    let run = dir.go_with(3, &["--set", "repeats=4"]);
    assert_eq!(run.column("errors.csv", "error_type")[0], "AuthenticationError");
    let message = &run.column("errors.csv", "message")[0];
    assert!(message.contains("AADSTS7000215: [redacted] is wrong"), "{message}");
}

#[test]
fn models_of_two_interfaces_stand_in_one_job() {
    let (server, log) = server();
    let dir = dir(&format!(
        "[params]\nmax_tokens = 50\n[[models]]\nmodel = \"gpt-4o-mini\"\n[[models]]\nmodel = \"o3-pro\"\n\
         [[models]]\nmodel = \"openai/responses/gpt-4o\"\n[[models]]\nmodel = \"gpt-5\"\n\
         [providers.openai]\nbase_url = \"{}\"\napi_key = {{ env = \"KEY\" }}",
        server.base_url()
    ));
    let run = dir.go(0);
    assert_eq!(run.contents(), ["Hello"; 4]);
    assert_eq!(run.column("responses.csv", "total_tokens"), ["15"; 4]);
    let chats = ["/v1/chat/completions"; 2];
    assert_eq!(paths(&log), [&chats[..], &["/v1/responses"; 2]].concat());
    let log = log.lock().expect("whole");
    let body =
        |model: &str| &log.iter().find(|seen| seen.body["model"] == model).expect(model).body;
    assert_eq!(body("gpt-4o-mini")["max_tokens"], 50);
    assert_eq!(body("gpt-5")["max_completion_tokens"], 50);
    assert_eq!(
        (&body("o3-pro")["max_output_tokens"], &body("gpt-4o")["store"]),
        (&json!(50), &json!(false))
    );
}

#[test]
fn a_thinking_model_is_asked_for_no_temperature_but_its_own() {
    let (server, log) = server();
    let job = |effort: &str| {
        format!(
            "[params]\ntemperature = 0\n{effort}[[models]]\nmodel = \"gpt-5.5\"\n\
             [providers.openai]\nbase_url = \"{}\"\napi_key = {{ env = \"KEY\" }}",
            server.base_url()
        )
    };
    let told = dir(&job("")).refused();
    assert!(told.contains("only with `reasoning_effort = \"none\"`"), "{told}");
    assert_eq!(dir(&job("reasoning_effort = \"none\"\n")).go(0).contents(), ["Hello"]);
    let run = dir(&job("")).go_with(0, &["--set", "on_unsupported=drop"]);
    assert_eq!(run.responses()[0]["dropped_params"], json!(["temperature"]));
    let log = log.lock().expect("whole");
    assert_eq!(
        (&log[0].body["temperature"], &log[1].body["temperature"]),
        (&json!(0), &Value::Null)
    );
}

#[test]
fn a_provider_of_the_job_has_its_own_names_and_headers() {
    let (server, log) = server();
    let mut dir = dir(&format!(
        "[params]\nmax_tokens = 9\nseed = 7\n[[models]]\nmodel = \"lab/m\"\n\
         [providers.lab]\nbase_url = \"{}\"\napi_key = {{ env = \"KEY\" }}\n\
         key_header = \"x-lab-key: Token\"\nrename = {{ max_tokens = \"max_new_tokens\" }}\n\
         headers = {{ X-Team = \"search\", X-Pass = {{ env = \"PASS\" }} }}\n\
         unsupported = [\"top_p\", \"stream_options\"]",
        server.base_url()
    ));
    dir.var("PASS", "pass-canary");
    assert_eq!(dir.go(0).contents(), ["Hello"]);
    let told = dir.run(&["job.toml", "--set", "params.top_p=0.5"]).expect_code(2).stderr;
    assert!(told.contains("`top_p` is not taken by `lab/m`"), "{told}");
    dir.go_with(0, &["--set", "params.stream=true"]);
    let log = log.lock().expect("whole");
    let seen = &log[0];
    assert_eq!(header(seen, "x-lab-key"), "Token sk-canary");
    assert_eq!(
        (header(seen, "x-team"), header(seen, "x-pass")),
        ("search".into(), "pass-canary".into())
    );
    assert_eq!(header(seen, "authorization"), "");
    assert_eq!((&seen.body["max_new_tokens"], &seen.body["max_tokens"]), (&json!(9), &Value::Null));
    assert_eq!(seen.body["seed"], 7);
    assert_eq!(
        (&log[1].body["stream"], &log[1].body["stream_options"]),
        (&json!(true), &Value::Null)
    );
}
