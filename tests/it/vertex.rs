//! Vertex AI by the built binary: a server of tokens and models on loopback, and credentials of
//! every kind.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::job::{JobDir, RunFolder};
use crate::support::server::{Reply, Seen, Server};

/// A key that was made for these tests and opens nothing.
const KEY: &str = include_str!("../wire/google/test-key.pem");

/// A Google of one's own: it gives tokens and answers like its models.
struct Google {
    server: Server,
    told: Arc<Told>,
}

struct Told {
    /// How long each token lives, in seconds.
    lives: u64,
    /// The first token that the models believe.
    believed_from: usize,
    /// The answers to the first questions for a token.
    refusals: Vec<(u16, Value)>,
    asked: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

impl Google {
    fn start() -> Self {
        Self::of(3600, 0, Vec::new())
    }

    fn of(lives: u64, believed_from: usize, refusals: Vec<(u16, Value)>) -> Self {
        let (asked, seen) = (AtomicUsize::new(0), Mutex::default());
        let told = Arc::new(Told { lives, believed_from, refusals, asked, seen });
        let theirs = Arc::clone(&told);
        Self { server: Server::start(move |seen| theirs.answer(seen)), told }
    }

    /// `127.0.0.1:PORT`.
    fn host(&self) -> String {
        let url = self.server.base_url();
        url.trim_start_matches("http://").trim_end_matches("/v1").to_owned()
    }

    /// How many tokens were asked for.
    fn tokens(&self) -> usize {
        self.told.asked.load(Ordering::Relaxed)
    }

    /// What was asked of models, by path.
    fn calls(&self) -> Vec<Seen> {
        let seen = self.told.seen.lock().expect("whole");
        seen.iter().filter(|seen| seen.path.starts_with("/v1/projects")).cloned().collect()
    }

    fn paths(&self) -> BTreeMap<String, usize> {
        let mut paths = BTreeMap::new();
        for call in self.calls() {
            *paths.entry(call.path).or_default() += 1;
        }
        paths
    }

    /// The JSON file of a service account whose tokens are given here.
    fn account(&self) -> String {
        let key = &KEY[KEY.find("-----BEGIN").expect("a key")..];
        json!({
            "type": "service_account",
            "project_id": "file-project",
            "private_key_id": "k1",
            "private_key": key,
            "client_email": "runner@file-project.iam.gserviceaccount.com",
            "token_uri": format!("http://{}/token", self.host()),
        })
        .to_string()
    }

    /// A folder with a job that asks these models, with credentials still to come.
    fn dir(&self, models: &[&str], rows: usize) -> JobDir {
        let models = models.iter().map(|model| format!("[[models]]\nmodel = \"{model}\"\n"));
        let rows: Vec<String> = (1..=rows).map(|nth| format!("\"row {nth}\"")).collect();
        let job = format!(
            "name = \"t\"\n[params]\nmax_tokens = 9\n{}[providers.vertex_ai]\n\
             base_url = \"http://{}\"\nlocation = \"europe-west4\"\n\
             [retry]\ninitial = \"2ms\"\nmax = \"20ms\"\n[prompts.p]\ninline = [{}]\n",
            models.collect::<String>(),
            self.host(),
            rows.join(", ")
        );
        let mut dir = JobDir::new();
        dir.job(&job);
        // No test asks the machine on which it runs.
        dir.var("NO_GCE_CHECK", "true");
        dir
    }

    /// The same with the credentials of a service account.
    fn dir_of_account(&self, models: &[&str], rows: usize) -> JobDir {
        let mut dir = self.dir(models, rows);
        dir.write("key.json", self.account());
        dir.var("GOOGLE_APPLICATION_CREDENTIALS", "key.json");
        dir
    }
}

impl Told {
    fn answer(&self, seen: &Seen) -> Reply {
        self.seen.lock().expect("whole").push(seen.clone());
        if seen.path.ends_with("/project-id") {
            return Reply::Raw(200, Vec::new(), b"machine-project".to_vec());
        }
        if seen.path == "/token" || seen.path.ends_with("/service-accounts/default/token") {
            return self.token(seen);
        }
        let token = seen.headers.get("authorization").and_then(|value| value.to_str().ok());
        let nth = token.and_then(|token| token.strip_prefix("Bearer ya29.c4nary-")?.parse().ok());
        if nth.is_none_or(|nth: usize| nth < self.believed_from) {
            let error = json!({"code": 401, "message": "bad token", "status": "UNAUTHENTICATED"});
            return Reply::Json(401, Vec::new(), json!({ "error": error }));
        }
        model(seen)
    }

    fn token(&self, seen: &Seen) -> Reply {
        if seen.path.starts_with("/computeMetadata/") {
            assert_eq!(seen.headers.get("metadata-flavor").expect("it is sent"), "Google");
        }
        let nth = self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some((status, body)) = self.refusals.get(nth) {
            return Reply::Json(*status, Vec::new(), body.clone());
        }
        let token = format!("ya29.c4nary-{nth}");
        Reply::ok(json!({"access_token": token, "expires_in": self.lives, "token_type": "Bearer"}))
    }
}

/// Answers in the tongue of the path.
fn model(seen: &Seen) -> Reply {
    let (whole, frames): (Value, Vec<Value>) = if seen.path.contains("/publishers/anthropic/") {
        claude()
    } else if seen.path.ends_with("/chat/completions") {
        llama()
    } else {
        gemini()
    };
    if !seen.path.contains("stream") && seen.body["stream"] != true {
        return Reply::ok(whole);
    }
    let frames: Vec<String> = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let kind = vec![("content-type", "text/event-stream".to_owned())];
    Reply::Raw(200, kind, frames.concat().into_bytes())
}

fn gemini() -> (Value, Vec<Value>) {
    let answer = |text: &str| json!({"content": {"role": "model", "parts": [{"text": text}]}});
    let mut last = json!({"candidates": [answer("lo")], "usageMetadata": {
        "promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 3}});
    last["candidates"][0]["finishReason"] = "STOP".into();
    let mut whole = last.clone();
    whole["candidates"][0]["content"]["parts"][0]["text"] = "Hello".into();
    (whole, vec![json!({"candidates": [answer("Hel")]}), last])
}

fn claude() -> (Value, Vec<Value>) {
    let usage = json!({"input_tokens": 10, "output_tokens": 5});
    let text = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    (
        json!({"id": "m", "type": "message", "role": "assistant", "model": "c", "usage": usage,
            "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}),
        vec![
            json!({"type": "message_start", "message": {"id": "m", "model": "c", "usage": usage}}),
            text("Hel"),
            text("lo"),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}),
            json!({"type": "message_stop"}),
        ],
    )
}

fn llama() -> (Value, Vec<Value>) {
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15});
    let message = json!({"role": "assistant", "content": "Hello"});
    let choice = json!({"index": 0, "finish_reason": "stop", "message": message});
    let piece = |text: &str, finish: Value| json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]});
    (
        json!({"id": "o", "object": "chat.completion", "choices": [choice], "usage": usage}),
        vec![
            piece("Hel", Value::Null),
            piece("lo", "stop".into()),
            json!({"choices": [], "usage": usage}),
        ],
    )
}

/// No file of a run holds a token or a key.
#[track_caller]
fn assert_secret(run: &RunFolder) {
    for name in run.files() {
        let text = run.text(&name);
        assert!(!text.contains("c4nary") && !text.contains("PRIVATE KEY"), "{name}: {text}");
    }
}

const THREE: &[&str] = &[
    "vertex_ai/gemini-2.5-pro",
    "vertex_ai/claude-sonnet-4-5@20250929",
    "vertex_ai_beta/meta/llama-3.3-70b-instruct-maas",
];

#[test]
fn a_service_account_asks_three_kinds_of_models_with_one_token() {
    let below = "/v1/projects/file-project/locations/europe-west4/";
    for (streamed, google, anthropic) in [
        ("false", "generateContent", "rawPredict"),
        ("true", "streamGenerateContent", "streamRawPredict"),
    ] {
        let google_cloud = Google::start();
        let dir = google_cloud.dir_of_account(THREE, 20);
        let run = dir.go_with(0, &["--set", &format!("params.stream={streamed}")]);
        assert_eq!(run.contents(), ["Hello"; 60]);
        assert_eq!(run.column("responses.csv", "prompt_tokens"), ["10"; 60]);
        assert_eq!(run.column("responses.csv", "completion_tokens"), ["5"; 60]);
        assert_eq!(google_cloud.tokens(), 1, "one token serves all models and workers");
        let paths = [
            format!("publishers/google/models/gemini-2.5-pro:{google}"),
            format!("publishers/anthropic/models/claude-sonnet-4-5@20250929:{anthropic}"),
            "endpoints/openapi/chat/completions".to_owned(),
        ];
        let paths = paths.map(|path| (format!("{below}{path}"), 20));
        assert_eq!(google_cloud.paths(), BTreeMap::from(paths));
        for call in google_cloud.calls() {
            let is_claude = call.path.contains("anthropic");
            assert_eq!(call.body["anthropic_version"] == "vertex-2023-10-16", is_claude);
            assert!(!call.headers.contains_key("anthropic-version"));
            assert_eq!(call.body["model"].is_string(), call.path.contains("openapi"));
        }
        assert_secret(&run);
    }
}

#[test]
fn the_machine_tells_its_token_and_its_project() {
    let google = Google::start();
    let mut dir = google.dir(THREE, 2);
    dir.var("GCE_METADATA_HOST", &google.host());
    // What only this machine can see is not asked through a proxy.
    dir.var("HTTP_PROXY", "http://127.0.0.1:9");
    let run = dir.go(0);
    assert_eq!(run.contents(), ["Hello"; 6]);
    assert_eq!(google.tokens(), 1);
    let all = google.calls();
    assert!(all.iter().all(|call| call.path.starts_with("/v1/projects/machine-project/")));
    assert_secret(&run);
}

#[test]
fn the_login_of_gcloud_is_found_and_its_project_pays() {
    let google = Google::start();
    let mut dir = google.dir(&["vertex_ai/gemini-2.5-pro"], 3);
    let login = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s-c4nary",
        "refresh_token": "1//c4nary", "quota_project_id": "payer",
        "token_uri": format!("http://{}/token", google.host())});
    dir.write("cloud/application_default_credentials.json", login.to_string());
    dir.var("CLOUDSDK_CONFIG", "cloud").var("GOOGLE_CLOUD_PROJECT", "mine");
    let run = dir.go(0);
    assert_eq!((run.contents(), google.tokens()), (vec!["Hello".to_owned(); 3], 1));
    for call in google.calls() {
        assert!(call.path.starts_with("/v1/projects/mine/"), "{}", call.path);
        assert_eq!(call.headers.get("x-goog-user-project").expect("it is sent"), "payer");
    }
    assert_secret(&run);
}

#[test]
fn a_dotenv_file_names_the_credentials() {
    let google = Google::start();
    let dir = google.dir(&["vertex_ai/gemini-2.5-pro"], 1);
    dir.write("key.json", google.account());
    dir.write(".env", "GOOGLE_APPLICATION_CREDENTIALS=key.json\nVERTEXAI_PROJECT=of-dotenv\n");
    assert_eq!(dir.go(0).contents(), ["Hello"]);
    assert!(google.calls()[0].path.contains("/projects/of-dotenv/"));
}

#[test]
fn a_token_that_has_ended_is_replaced() {
    let google = Google::of(0, 0, Vec::new());
    let dir = google.dir_of_account(&["vertex_ai/gemini-2.5-pro"], 5);
    assert_eq!(dir.go_with(0, &["--concurrency", "1"]).contents(), ["Hello"; 5]);
    assert_eq!(google.tokens(), 5);
}

#[test]
fn a_token_that_is_not_believed_is_renewed_once_for_all() {
    let google = Google::of(3600, 1, Vec::new());
    let dir = google.dir_of_account(THREE, 20);
    let run = dir.go(0);
    assert_eq!(run.contents(), ["Hello"; 60]);
    assert_eq!(google.tokens(), 2);
    assert!(run.csv("errors.csv").is_empty(), "nothing failed for the user");
    assert_secret(&run);
}

#[test]
fn a_token_that_is_never_believed_is_an_error_of_the_key() {
    let google = Google::of(3600, 99, Vec::new());
    let dir = google.dir_of_account(&["vertex_ai/gemini-2.5-pro"], 10);
    let run = dir.go_with(3, &["--concurrency", "2"]);
    // The others are skipped.
    assert_eq!(run.column("errors.csv", "error_type"), ["AuthenticationError"; 2]);
    assert_eq!(run.column("errors.csv", "http_status"), ["401"; 2]);
    assert_eq!(run.each("status").iter().filter(|status| **status == "skipped").count(), 8);
    assert_eq!(google.tokens(), 2, "one renewal, and not one for each call");
}

#[test]
fn a_refused_account_is_told_with_what_to_do() {
    let refusal = json!({"error": "invalid_grant", "error_description":
        "Invalid JWT: Token must be a short-lived token; check your iat and exp values"});
    let google = Google::of(3600, 0, vec![(400, refusal); 99]);
    let dir = google.dir_of_account(&["vertex_ai/gemini-2.5-pro"], 20);
    let run = dir.go(3);
    let types = run.column("errors.csv", "error_type");
    assert!(
        types.len() <= 4 && types.iter().all(|kind| kind == "AuthenticationError"),
        "{types:?}"
    );
    assert!(run.column("errors.csv", "provider_code").iter().all(|code| code == "invalid_grant"));
    let message = &run.column("errors.csv", "message")[0];
    assert!(message.contains("set this machine's clock"), "{message}");
    assert_eq!((google.tokens(), google.calls().len()), (1, 0), "asked once for all");
    assert_secret(&run);
}

#[test]
fn a_token_server_that_is_away_for_a_moment_is_asked_again() {
    let away = (503, json!({"error": "temporarily_unavailable"}));
    let google = Google::of(3600, 0, vec![away]);
    let dir = google.dir_of_account(&["vertex_ai/gemini-2.5-pro"], 2);
    let run = dir.go(0);
    assert_eq!(run.contents(), ["Hello"; 2]);
    let failed = run.column("errors.csv", "error_type");
    assert!(failed.iter().all(|kind| kind == "ServiceUnavailableError"), "{failed:?}");
    assert_eq!(google.tokens(), 2);
}

#[test]
fn a_token_of_the_users_own_is_sent_as_it_is() {
    let google = Google::start();
    let dir = google.dir(&["vertex_ai/gemini-2.5-pro"], 2);
    dir.write("token", "ya29.c4nary-7\n");
    let set = |text: &str| format!("providers.vertex_ai.{text}");
    for key in ["api_key={ command = [\"cat\", \"token\"] }", "api_key={ file = \"token\" }"] {
        let run = dir.go_with(0, &["--set", &set(key), "--set", &set("project=\"stated\"")]);
        assert_eq!(run.contents(), ["Hello"; 2]);
        assert_secret(&run);
    }
    assert!(google.calls().iter().all(|call| call.path.starts_with("/v1/projects/stated/")));
    assert_eq!(google.tokens(), 0);
}

#[test]
fn a_job_is_checked_without_credentials() {
    let google = Google::start();
    let dir = google.dir(THREE, 1);
    let told = dir.run(&["check", "job.toml"]).expect_code(0).stdout;
    assert!(told.contains("no faults, 3 tasks"), "{told}");
    let args = ["check", "job.toml", "--set", "params.metadata={ Team = \"x\" }"];
    let told = dir.run(&args).expect_code(2).stderr;
    assert!(told.contains("Vertex AI takes it as labels"), "{told}");
    assert_eq!(google.server.requests(), 0);
}

#[test]
fn nothing_is_sent_without_credentials_or_a_project() {
    let google = Google::start();
    let mut dir = google.dir(&["vertex_ai/gemini-2.5-pro"], 1);
    let told = dir.refused();
    assert!(told.contains("`GOOGLE_APPLICATION_CREDENTIALS` or `VERTEXAI_CREDENTIALS`"), "{told}");
    assert!(told.contains("gcloud auth application-default login"), "{told}");
    let account = google.account().replace("project_id", "other");
    dir.var("VERTEXAI_CREDENTIALS", &account);
    let told = dir.refused();
    assert!(told.contains("needs to know its `project`"), "{told}");
    assert!(told.contains("export VERTEXAI_PROJECT=...") && !told.contains("BEGIN"), "{told}");
    assert_eq!(google.server.requests(), 0);
}

#[test]
fn one_completion_and_a_provider_of_ones_own() {
    let google = Google::start();
    let mut dir = google.dir_of_account(&["mine/claude-opus-5"], 1);
    dir.var("VERTEXAI_API_BASE", &format!("http://{}", google.host()));
    dir.var("VERTEXAI_LOCATION", "global");
    let args = ["--model", "vertex_ai/gemini-2.5-pro", "--message", "hi"];
    assert_eq!(dir.run(&args).expect_code(0).stdout, "Hello\n");
    let path = "/v1/projects/file-project/locations/global/publishers/google/models/gemini-2.5-pro:streamGenerateContent";
    assert_eq!(google.calls()[0].path, path);
    let args = ["--model", "vertex_ai/chat-bison", "--message", "hi"];
    let told = dir.run(&args).expect_code(3).stderr;
    assert!(told.contains("NotFoundError") && told.contains("gemini-"), "{told}");
    let job = std::fs::read_to_string(dir.path().join("job.toml")).expect("the job");
    let own = "dialect = \"vertex\"\nproject = \"mine\"\n\
               api_key = { env = \"GOOGLE_APPLICATION_CREDENTIALS\" }\n";
    dir.job(&job.replace("[providers.vertex_ai]\n", &format!("[providers.mine]\n{own}")));
    assert_eq!(dir.go(0).contents(), ["Hello"]);
    let last = google.calls().pop().expect("a call").path;
    assert!(last.starts_with("/v1/projects/mine/locations/europe-west4/"), "{last}");
}
