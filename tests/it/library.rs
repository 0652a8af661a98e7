//! The library, as a program outside uses it.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::json;

use runner::call::record::Status;
use runner::engine::stop::Level;
use runner::provider::draft::Draft;
use runner::provider::env::Env;
use runner::provider::finish::Finish;
use runner::provider::{Endpoint, Flow, Rejected};
use runner::run::settings::Resume;
use runner::run::stopped::StoppedBy;
use runner::wire::frames::Frame;
use runner::wire::message::{WireReply, WireRequest};
use runner::{
    Client, Dialect, Failure, FailureKind, Job, KeySource, OpenAiChat, Provider, Request, Settings,
};

use crate::support::handlers::{echo, error};
use crate::support::job::JobDir;
use crate::support::lab::Lab;
use crate::support::server::{Reply, Seen, Server};

fn env() -> Env {
    Env::of([("LAB_KEY".to_owned(), "sk-lib".to_owned())])
}

/// A client of this server, as the provider `lab`.
fn client(server: &Server) -> Client {
    let mut lab = Provider::new("lab", &OpenAiChat, &server.base_url());
    lab.key = KeySource::Env(vec!["LAB_KEY".to_owned()]);
    Client::with_env(env()).with_provider(lab)
}

#[tokio::test]
async fn a_provider_of_ones_own_answers_and_fails_by_type() {
    let server = Server::start(|seen: &Seen| match seen.text.as_str() {
        "long" => error(400, "invalid_request_error", "context_length_exceeded", "Too long."),
        _ => echo()(seen),
    });
    let client = client(&server);
    let asked = |text: &str| client.completion(Request::new("lab/m").user(text));
    assert_eq!(asked("hello").await.expect("an answer").choices[0].message.content, "hello");
    let failure = asked("long").await.expect_err("too long");
    assert_eq!(failure.kind, FailureKind::ContextWindowExceeded);
    assert!(!failure.retryable);
    assert_eq!(server.authorizations().len(), 1);
    let unknown = client.completion(Request::new("nobody/m")).await.expect_err("no provider");
    assert_eq!(unknown.kind, FailureKind::BadRequest);
}

/// Says everything in capitals, one line of text each way.
#[derive(Debug)]
struct Loud;

impl Dialect for Loud {
    fn name(&self) -> &'static str {
        "loud"
    }

    fn encode(&self, endpoint: &Endpoint, request: &Request) -> Result<WireRequest, Failure> {
        let said = request.messages.iter().map(|message| message.plain_text().to_uppercase());
        let body = json!({"text": said.collect::<String>()}).to_string();
        Ok(WireRequest::with_bearer(endpoint.base_url.to_string(), endpoint.key.as_ref(), body))
    }

    fn decode(&self, reply: &WireReply) -> Result<runner::call::response::Response, Rejected> {
        let mut draft = Draft::default();
        draft.text(0, &String::from_utf8_lossy(&reply.body));
        draft.finish(0, Finish::Stop, "done");
        draft.response()
    }

    fn fold(&self, _: &mut Draft, _: &Frame) -> Result<Flow, Failure> {
        Ok(Flow::End)
    }
}

#[tokio::test]
async fn a_tongue_of_ones_own_is_spoken() {
    let server = Server::start(|seen: &Seen| {
        Reply::Raw(200, Vec::new(), seen.body["text"].to_string().into_bytes())
    });
    let client =
        Client::with_env(env()).with_provider(Provider::new("loud", &Loud, &server.base_url()));
    let reply = client.completion(Request::new("loud/x").user("hey")).await.expect("an answer");
    assert_eq!(reply.choices[0].message.content, "\"HEY\"");
}

fn job_at(server: &Server, rows: usize) -> (JobDir, Job) {
    let dir = JobDir::with(&Lab::at(server).limits("concurrency = 4").rows(rows));
    let job = Job::load(dir.path().join("job.toml")).expect("a job");
    (dir, job)
}

#[tokio::test]
async fn a_job_is_a_stream_of_records() {
    let server = Server::start(echo());
    let (_dir, job) = job_at(&server, 50);
    assert_eq!(job.plan().expect("a plan").total(), 50);
    let mut records = job.run_with(Settings::default(), &env()).expect("it can run");
    let mut texts = Vec::new();
    while let Some(record) = records.next().await {
        assert_eq!(record.status, Status::Ok);
        texts.push(record.row);
    }
    let ended = records.ended().await.expect("it ended");
    assert!(ended.stopped.is_none() && ended.path.join("responses.jsonl").is_file());
    texts.sort_by_key(|row| row.parse::<u32>().ok());
    let rows: Vec<String> = (1..=50).map(|row: u32| row.to_string()).collect();
    assert_eq!(texts, rows);
}

#[tokio::test]
async fn a_run_that_is_dropped_or_stopped_goes_on_later() {
    let slow = |seen: &Seen| echo()(seen).after(Duration::from_millis(5));
    let server = Server::start(slow);
    let (_dir, job) = job_at(&server, 40);
    let mut records = job.run_with(Settings::default(), &env()).expect("it can run");
    for _ in 0..5 {
        records.next().await.expect("a record");
    }
    drop(records);
    let again = || Settings { resume: Some(Resume::Latest), ..Settings::default() };
    let mut records = job.run_with(again(), &env()).expect("it can run");
    records.next().await.expect("a record");
    records.stop(Level::Draining);
    let stopped = records.ended().await.expect("it ended").stopped;
    assert_eq!(stopped.expect("tasks are left").by, StoppedBy::User);
    let records = job.run_with(again(), &env()).expect("it can run");
    let ended = records.ended().await.expect("it ended");
    assert_eq!((ended.summary.totals.ok, ended.stopped), (40, None));
}
