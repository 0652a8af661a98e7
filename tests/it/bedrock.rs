//! Amazon Bedrock by the built binary: signatures, bearers, and wherever credentials are found.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Value, json};

use crate::support::handlers::failing_first;
use crate::support::job::JobDir;
use crate::support::server::{Headers, Reply, Seen, Server};

const MODEL: &str = "bedrock/anthropic.claude-haiku-4-5-20251001-v1:0";
const SECRET: &str = "wJalrXUtnFEMI/secret-c4nary";
const SESSION: &str = "session-c4nary";

/// One binary frame of an event stream.
fn frame(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
    let mut head = Vec::new();
    for (header, value) in [(format!(":{kind}-type"), name), (":message-type".to_owned(), kind)] {
        head.push(header.len() as u8);
        head.extend_from_slice(header.as_bytes());
        head.push(7);
        head.extend_from_slice(&(value.len() as u16).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let mut frame = ((head.len() + payload.len() + 16) as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn usage() -> Value {
    json!({"inputTokens": 4, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 6})
}

fn stream(frames: &[(&str, &str, Value)]) -> Reply {
    let kind = vec![("content-type", "application/vnd.amazon.eventstream".to_owned())];
    let frames = frames.iter().map(|(kind, name, payload)| frame(kind, name, payload));
    Reply::Raw(200, kind, frames.collect::<Vec<_>>().concat())
}

fn text(text: &str) -> (&'static str, &'static str, Value) {
    let delta = json!({"contentBlockIndex": 0, "delta": {"text": text}});
    ("event", "contentBlockDelta", delta)
}

/// Says hello, whole or streamed.
fn converse(seen: &Seen) -> Reply {
    if seen.path.ends_with("/converse-stream") {
        return stream(&[
            ("event", "messageStart", json!({"role": "assistant"})),
            text("Hel"),
            text("lo"),
            ("event", "messageStop", json!({"stopReason": "end_turn"})),
            ("event", "metadata", json!({"usage": usage()})),
        ]);
    }
    let message = json!({"role": "assistant", "content": [{"text": "Hello"}]});
    let id = vec![("x-amzn-requestid", "r-1".to_owned())];
    let body = json!({"output": {"message": message}, "stopReason": "end_turn", "usage": usage()});
    Reply::Json(200, id, body)
}

fn refused(status: u16, name: &str, message: &str) -> Reply {
    let headers: Headers = vec![("x-amzn-errortype", format!("{name}:http://amazon.com/"))];
    Reply::Json(status, headers, json!({"message": message}))
}

/// A job that asks for `hi`, with what stands in the provider's table.
fn job(dir: &JobDir, provider: &str) {
    dir.job(&format!(
        "name = \"t\"\n[[models]]\nmodel = \"{MODEL}\"\n[providers.bedrock]\n{provider}\n\
         [prompts.p]\ninline = [\"hi\"]\n[retry]\ninitial = \"1ms\"\nmax = \"5ms\"\n"
    ));
}

/// A folder whose job asks this server, which stands where the variable says.
fn at(server: &Server) -> JobDir {
    let mut dir = JobDir::new();
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    dir.var("AWS_BEDROCK_RUNTIME_ENDPOINT", &host).var("AWS_REGION", "eu-west-1");
    // The machine on which the tests run may have a metadata service of its own.
    dir.var("AWS_EC2_METADATA_DISABLED", "true");
    job(&dir, "");
    dir
}

fn with_keys(dir: &mut JobDir) {
    dir.var("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").var("AWS_SECRET_ACCESS_KEY", SECRET);
}

fn header<'s>(seen: &'s Seen, name: &str) -> &'s str {
    seen.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

/// The signature that a request should have, made of what arrived.
fn resigned(seen: &Seen, region: &str, session: Option<&str>) -> String {
    let session = session.map(str::to_owned);
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, session, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("bedrock")
        .time(instant(header(seen, "x-amz-date")))
        .settings(SigningSettings::default())
        .build()
        .expect("parameters")
        .into();
    let url = format!("http://{}{}", header(seen, "host"), seen.path);
    let body = seen.body.to_string();
    let headers = [("content-type", header(seen, "content-type"))].into_iter();
    let body = SignableBody::Bytes(body.as_bytes());
    let request = SignableRequest::new("POST", url, headers, body).expect("a request");
    let signed = sign(request, &params).expect("a signature");
    signed.signature().to_owned()
}

/// The moment that `20260102T030405Z` names.
fn instant(date: &str) -> SystemTime {
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let at: jiff::Timestamp = text.parse().expect("a date");
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).expect("after 1970"))
}

#[test]
fn whole_and_streamed_answers_come_to_signed_requests() {
    let server = Server::start(|seen: &Seen| {
        let path = seen.path.split('/').collect::<Vec<_>>();
        assert_eq!(path[2], "anthropic.claude-haiku-4-5-20251001-v1%3A0");
        assert_eq!(header(seen, "x-amz-security-token"), SESSION);
        let authorization = header(seen, "authorization");
        let signature = authorization.split("Signature=").nth(1).expect("a signature");
        assert!(authorization.contains("/eu-west-1/bedrock/aws4_request"), "{authorization}");
        assert_eq!(signature, resigned(seen, "eu-west-1", Some(SESSION)));
        converse(seen)
    });
    let mut dir = at(&server);
    with_keys(&mut dir);
    dir.var("AWS_SESSION_TOKEN", SESSION);
    for args in [&[][..], &["--set", "params.stream=true"]] {
        let run = dir.go_with(0, args);
        assert_eq!(run.contents(), ["Hello"]);
        assert_eq!(run.column("responses.csv", "prompt_tokens"), ["10"]);
        assert_eq!(run.column("responses.csv", "completion_tokens"), ["5"]);
        assert_eq!(run.column("responses.csv", "finish_reason"), ["stop"]);
        assert_eq!(run.responses()[0]["ttft_ms"].is_u64(), !args.is_empty());
        for file in run.files() {
            assert!(!run.text(&file).contains("c4nary"), "{file}");
        }
    }
    assert_eq!(server.requests(), 2);
}

#[test]
fn a_bearer_wins_and_a_region_in_the_name_is_signed_for() {
    let server = Server::start(converse);
    let mut dir = at(&server);
    with_keys(&mut dir);
    let ask = ["--model", "bedrock/converse/us-west-2/m", "--message", "hi"];
    assert_eq!(dir.run(&ask).expect_code(0).stdout, "Hello\n");
    let signed: Vec<String> = server.authorizations().into_iter().collect();
    assert!(signed[0].contains("/us-west-2/bedrock/"), "{signed:?}");
    dir.var("AWS_BEARER_TOKEN_BEDROCK", "bearer-c4nary");
    assert_eq!(dir.go(0).contents(), ["Hello"]);
    assert!(server.authorizations().contains("Bearer bearer-c4nary"));
}

#[test]
fn a_prompt_and_the_doctor_keep_a_session_token_out_of_the_log() {
    let server = Server::start(converse);
    let mut dir = at(&server);
    with_keys(&mut dir);
    dir.var("AWS_SESSION_TOKEN", SESSION).var("RUNNER_LOG", "trace");
    for args in [&["--model", MODEL, "--message", "hi"][..], &["doctor", MODEL]] {
        let output = dir.run(args).expect_code(0);
        assert!(output.stderr.contains("x-amz-security-token"), "{}", output.stderr);
        assert!(!output.stderr.contains("c4nary"), "{}", output.stderr);
    }
    let chat = dir.spawn_reading(&["--model", MODEL, "--interactive"], b"hi\n").wait();
    assert!(!chat.expect_code(0).stderr.contains("c4nary"));
}

#[test]
fn keys_may_stand_in_a_dotenv_file() {
    let server = Server::start(converse);
    let dir = at(&server);
    dir.write(".env", format!("AWS_ACCESS_KEY_ID=AKIDFILE\nAWS_SECRET_ACCESS_KEY={SECRET}\n"));
    assert_eq!(dir.go(0).contents(), ["Hello"]);
    assert!(server.authorizations().iter().all(|sent| sent.contains("Credential=AKIDFILE/")));
}

#[test]
fn each_send_is_signed_anew_and_throttling_is_tried_again() {
    let busy =
        refused(429, "ThrottlingException", "Too many tokens, please wait before trying again.");
    let server = Server::start(failing_first(2, busy.after(Duration::from_millis(600)), converse));
    let mut dir = at(&server);
    with_keys(&mut dir);
    let run = dir.go(0);
    assert_eq!(run.contents(), ["Hello"]);
    assert_eq!(run.column("errors.csv", "error_type"), ["RateLimitError"; 2]);
    assert_eq!(run.column("errors.csv", "provider_code"), ["ThrottlingException"; 2]);
    assert!(server.authorizations().len() > 1, "the dates differ, and so do the signatures");
}

#[test]
fn an_exception_in_a_stream_is_an_error_that_keeps_the_text() {
    let server = Server::start(|_: &Seen| {
        let told = json!({"message": "The model is gone."});
        stream(&[text("Hel"), ("exception", "validationException", told)])
    });
    let mut dir = at(&server);
    with_keys(&mut dir);
    let run = dir.go_with(3, &["--set", "params.stream=true"]);
    assert_eq!(run.responses()[0]["error"]["type"], "BadRequestError");
    assert_eq!(run.contents(), ["Hel"]);
}

/// A service that hands out the test's credentials, whichever way it is asked, and Bedrock itself.
fn services(asked: &'static Mutex<Vec<String>>) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen: &Seen| {
        if seen.path.starts_with("/model/") {
            let signature =
                header(seen, "authorization").split("Signature=").nth(1).expect("signed");
            assert_eq!(signature, resigned(seen, "eu-west-1", Some(SESSION)));
            return converse(seen);
        }
        asked.lock().expect("whole").push(format!("{} {}", seen.method, seen.path));
        let expiry = "2099-01-01T00:00:00Z";
        let keys = json!({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "AKIDEXAMPLE",
            "SecretAccessKey": SECRET, "Token": SESSION, "Expiration": expiry});
        match seen.path.as_str() {
            "/container" => Reply::ok(keys),
            "/latest/api/token" => {
                let ttl = vec![("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
                Reply::Raw(200, ttl, b"imds-token".to_vec())
            }
            path if path.ends_with("/ec2-role") => Reply::ok(keys),
            path if path.starts_with("/latest/") => Reply::Raw(200, vec![], b"ec2-role".to_vec()),
            _ => {
                let credentials = format!(
                    "<Credentials><AccessKeyId>AKIDEXAMPLE</AccessKeyId>\
                     <SecretAccessKey>{SECRET}</SecretAccessKey>\
                     <SessionToken>{SESSION}</SessionToken><Expiration>{expiry}</Expiration></Credentials>"
                );
                let xml = format!(
                    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>{credentials}\
                     </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                );
                Reply::Raw(200, vec![("content-type", "text/xml".to_owned())], xml.into_bytes())
            }
        }
    }
}

#[test]
fn credentials_are_found_where_amazons_own_tools_find_them() {
    static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let server = Server::start(services(&ASKED));
    let host = server.base_url().trim_end_matches("/v1").to_owned();
    let keys = format!(
        "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = {SECRET}\naws_session_token = {SESSION}\n"
    );
    let many = "[limits]\nconcurrency = 8\n[matrix]\ntop_k = [1, 2, 3, 4, 5, 6, 7, 8]\n";
    let found = |prepare: &dyn Fn(&mut JobDir)| {
        let mut dir = at(&server);
        let text = std::fs::read_to_string(dir.path().join("job.toml")).expect("a job");
        dir.job(&(text + many));
        dir.var("RUNNER_LOG", "trace");
        prepare(&mut dir);
        let output = dir.run(&["job.toml"]).expect_code(0);
        assert!(!output.stderr.contains("c4nary"), "{}", output.stderr);
        let run = dir.latest("t");
        assert_eq!(run.contents(), ["Hello"; 8]);
        assert!(run.files().iter().all(|file| !run.text(file).contains("c4nary")));
        std::mem::take(&mut *ASKED.lock().expect("whole"))
    };
    let of_file = found(&|dir| {
        dir.write("../home/.aws/credentials", format!("[default]\n{keys}"));
    });
    assert_eq!(of_file, [""; 0]);
    let of_profile = found(&|dir| {
        dir.write(".env", "AWS_PROFILE=work\n");
        let process = format!(
            "printf '%s' '{}'",
            json!({"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": SECRET, "SessionToken": SESSION})
        );
        dir.write("give.sh", process);
        let config =
            format!("[profile work]\ncredential_process = sh {}/give.sh\n", dir.path().display());
        dir.write("../home/.aws/config", config);
    });
    assert_eq!(of_profile, [""; 0]);
    let of_container = found(&|dir| {
        dir.var("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{host}/container"));
    });
    assert_eq!(of_container, ["GET /container"], "one fetch for all");
    let of_machine = found(&|dir| {
        dir.var("AWS_EC2_METADATA_SERVICE_ENDPOINT", &host);
        dir.var("AWS_EC2_METADATA_DISABLED", "false");
    });
    assert_eq!(of_machine[0], "PUT /latest/api/token");
    assert!(of_machine.last().is_some_and(|last| last.ends_with("/ec2-role")), "{of_machine:?}");
    let of_role = found(&|dir| {
        let token = dir.write("token", "jwt");
        dir.var("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().expect("a path"))
            .var("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r")
            .var("AWS_ENDPOINT_URL_STS", &host);
    });
    assert_eq!(of_role, ["POST /"], "one fetch for all");
}

#[test]
fn what_is_missing_is_told_before_anything_is_sent() {
    let mut dir = JobDir::new();
    job(&dir, "");
    dir.var("AWS_EC2_METADATA_DISABLED", "true");
    let told = dir.refused();
    assert!(
        told.contains("region of this model") && told.contains("export AWS_REGION_NAME"),
        "{told}"
    );
    dir.var("AWS_REGION", "eu-west-1");
    let told = dir.refused();
    assert!(told.contains("no AWS credentials") && told.contains("aws configure"), "{told}");
    dir.var("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    assert!(dir.refused().contains("export AWS_SECRET_ACCESS_KEY=..."));
    with_keys(&mut dir);
    let told = dir.run(&["--model", "bedrock/invoke/m", "--message", "hi"]).expect_code(2).stderr;
    assert!(told.contains("`bedrock/m`"), "{told}");
}

#[test]
fn credentials_that_are_nowhere_fail_the_first_use_with_what_to_do() {
    let server = Server::start(converse);
    let mut dir = at(&server);
    dir.var("AWS_PROFILE", "nobody");
    let run = dir.go(3);
    let error = run.responses()[0]["error"].clone();
    assert_eq!(error["type"], "AuthenticationError");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("aws configure")),
        "{error}"
    );
    assert_eq!((server.requests(), run.lines("errors.jsonl")), (0, 1));
}
