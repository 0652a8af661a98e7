//! Tokens over a server within the process, in virtual time.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::time::{advance, sleep};

use super::grant::SigningKey;
use super::*;
use crate::call::failure::FailureKind as Kind;
use crate::wire::frames::Framing;
use crate::wire::message::{Headers, Method, WireReply};
use crate::wire::transport::Opened;

const KEY: &str = include_str!("../../../tests/wire/google/test-key.pem");
const PUBLIC_KEY: &str = include_str!("../../../tests/wire/google/test-key.pub.pem");

type Answer = Box<dyn Fn(usize, &WireRequest) -> (u16, Value) + Send + Sync>;

/// Answers the nth question after a second.
struct Server {
    answer: Answer,
    asked: AtomicUsize,
    seen: Mutex<Vec<WireRequest>>,
}

impl Server {
    fn new(
        answer: impl Fn(usize, &WireRequest) -> (u16, Value) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let answer = Box::new(answer);
        Arc::new(Self { answer, asked: AtomicUsize::new(0), seen: Mutex::default() })
    }

    /// Gives the tokens `token-0`, `token-1`, ..., each for so many seconds.
    fn of_tokens(lives: u64) -> Arc<Self> {
        Self::new(move |nth, _| {
            (200, json!({"access_token": format!("token-{nth}"), "expires_in": lives}))
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn seen(&self) -> Vec<WireRequest> {
        self.seen.lock().expect("whole").clone()
    }
}

impl Transport for Server {
    fn send(&self, request: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            let nth = self.asked.fetch_add(1, Ordering::Relaxed);
            let (status, body) = (self.answer)(nth, &request);
            self.seen.lock().expect("whole").push(request);
            let body = match body {
                Value::String(text) => Bytes::from(text),
                json => Bytes::from(json.to_string()),
            };
            Ok(WireReply { status, headers: Headers::default(), body })
        })
    }

    fn open(&self, request: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
        Box::pin(async move { self.send(request).await.map(Opened::Whole) })
    }
}

fn account() -> Grant {
    Grant::Account {
        email: "runner@p.iam.gserviceaccount.com".to_owned(),
        key: SigningKey::from_pem(KEY).expect("the test key"),
        key_id: Some("k1".to_owned()),
        token_uri: "https://oauth2.test/token".to_owned(),
    }
}

fn machine() -> Grant {
    Grant::Machine { host: "metadata.test".to_owned(), asks_project: true }
}

fn google(server: &Arc<Server>, grant: Grant) -> Google {
    Google::over(Arc::clone(server) as _, grant, Redactor::default())
}

async fn proven(google: &Google) -> Result<String, Failure> {
    let request = WireRequest::new("https://h/projects/{project}/x".to_owned(), "{}");
    let proven = google.authorize(request).await?;
    let key = proven.key.expect("a key");
    assert_eq!((&*key.name, &*key.prefix), ("authorization", "Bearer "));
    Ok(key.key.expose().to_owned())
}

fn fields(request: &WireRequest) -> Vec<(String, String)> {
    let form = String::from_utf8(request.body.to_vec()).expect("text");
    let url = reqwest::Url::parse(&format!("http://h/?{form}")).expect("a URL");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn an_account_signs_an_assertion() {
    let server = Server::of_tokens(3600);
    let redactor = Redactor::default();
    let google = Google::over(Arc::clone(&server) as _, account(), redactor.clone());
    assert_eq!(proven(&google).await.expect("a token"), "token-0");
    let request = &server.seen()[0];
    assert_eq!((&*request.url, request.method), ("https://oauth2.test/token", Method::Post));
    let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
    assert_eq!(request.headers, [form]);
    let fields = fields(request);
    let kind = ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned());
    assert_eq!((&fields[0], &*fields[1].0), (&kind, "assertion"));
    let assertion = &fields[1].1;
    let parts: Vec<&str> = assertion.split('.').collect();
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url without padding");
    let json = |part| serde_json::from_slice::<Value>(&bytes(part)).expect("JSON");
    assert_eq!(json(parts[0]), json!({"alg": "RS256", "typ": "JWT", "kid": "k1"}));
    let claims = json(parts[1]);
    assert_eq!(claims["iss"], "runner@p.iam.gserviceaccount.com");
    assert_eq!(claims["aud"], "https://oauth2.test/token");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let lives = claims["exp"].as_i64().expect("a second") - claims["iat"].as_i64().expect("one");
    assert_eq!(lives, 3600);
    let signed = format!("{}.{}", parts[0], parts[1]);
    let public = SubjectPublicKeyInfoDer::from_pem_slice(PUBLIC_KEY.as_bytes()).expect("PEM");
    // Within the DER of a 2048-bit RSA key, the key itself comes after 24 bytes.
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..]);
    public.verify(signed.as_bytes(), &bytes(parts[2])).expect("the signature is right");
    let clean = redactor.clean_text(assertion);
    assert_eq!((&*clean, &*redactor.clean_text("token-0")), ("[redacted]", "[redacted]"));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let server = Server::of_tokens(3600);
    let google = google(&server, account());
    assert_eq!(proven(&google).await.expect("a token"), "token-0");
    advance(Duration::from_secs(3600 - 225 - 10)).await;
    assert_eq!(proven(&google).await.expect("kept"), "token-0");
    advance(Duration::from_secs(10)).await;
    assert_eq!(proven(&google).await.expect("a new one"), "token-1");
    assert_eq!(server.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_with_a_short_life_is_used_for_half_of_it() {
    let server = Server::of_tokens(20);
    let google = google(&server, account());
    assert_eq!(proven(&google).await.expect("a token"), "token-0");
    advance(Duration::from_secs(9)).await;
    assert_eq!(proven(&google).await.expect("kept"), "token-0");
    advance(Duration::from_secs(2)).await;
    assert_eq!(proven(&google).await.expect("a new one"), "token-1");
}

#[tokio::test(start_paused = true)]
async fn many_calls_wait_for_one_token_and_for_one_refusal() {
    let server = Server::of_tokens(3600);
    let all = google(&server, account());
    let tokens = futures::future::join_all((0..100).map(|_| proven(&all))).await;
    assert!(tokens.into_iter().all(|token| token.expect("a token") == "token-0"));
    assert_eq!(server.asked(), 1);
    let server = Server::new(|_, _| (503, "busy".into()));
    let all = google(&server, account());
    let refused = futures::future::join_all((0..100).map(|_| proven(&all))).await;
    let is_busy = |failure: Failure| failure.kind == Kind::ServiceUnavailable && failure.retryable;
    assert!(refused.into_iter().all(|refused| is_busy(refused.expect_err("busy"))));
    assert_eq!(server.asked(), 1, "those who waited take the same answer");
    assert!(is_busy(proven(&all).await.expect_err("busy")));
    assert_eq!(server.asked(), 2, "whoever comes later asks again");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_leaves_the_others_their_token() {
    let server = Server::of_tokens(3600);
    let google = google(&server, account());
    let cancelled = tokio::time::timeout(Duration::from_millis(500), proven(&google));
    let (cancelled, token) = tokio::join!(cancelled, proven(&google));
    assert!(cancelled.is_err());
    assert_eq!(token.expect("a token"), "token-0");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_what_to_do_and_is_not_asked_for_again_at_once() {
    for (status, error, words, kind, help) in [
        (400, "invalid_grant", "Invalid JWT: check iat and exp", Kind::Authentication, "clock:"),
        (400, "invalid_grant", "account not found", Kind::Authentication, "key was not deleted"),
        (401, "unauthorized_client", "", Kind::Authentication, "key was not deleted"),
        (200, "invalid_client", "", Kind::Authentication, "key was not deleted"),
        (400, "temporarily_unavailable", "", Kind::ServiceUnavailable, ""),
        (500, "", "", Kind::ServiceUnavailable, "status 500"),
        (429, "", "", Kind::RateLimit, "status 429"),
    ] {
        let server =
            Server::new(move |_, _| (status, json!({"error": error, "error_description": words})));
        let google = google(&server, account());
        let failure = proven(&google).await.expect_err(error);
        assert_eq!(failure.kind, kind, "{failure}");
        for part in [help, error, words, "runner@p.iam"] {
            assert!(failure.message.contains(part), "{failure}");
        }
        assert_eq!(failure.http_status, Some(status));
        assert_eq!(proven(&google).await.expect_err(error).kind, kind);
        let again = if kind == Kind::Authentication { 1 } else { 2 };
        assert_eq!(server.asked(), again, "{failure}");
        advance(REFUSED_FOR).await;
        assert!(proven(&google).await.is_err());
        assert_eq!(server.asked(), again + 1, "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_instead_of_a_token_is_a_refusal() {
    for body in [json!("<html>"), json!({"access_token": ""}), json!({"access_token": "a b"})] {
        let server = Server::new(move |_, _| (200, body.clone()));
        let failure = proven(&google(&server, account())).await.expect_err("no token");
        assert_eq!(failure.kind, Kind::Authentication, "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_is_asked_for_by_the_refresh_token() {
    let server = Server::of_tokens(3600);
    let user = Grant::User {
        client_id: "id".to_owned(),
        client_secret: Secret::new("s+1"),
        refresh_token: Secret::new("1//r"),
        token_uri: "https://oauth2.test/token".to_owned(),
    };
    let google = google(&server, user);
    assert_eq!(proven(&google).await.expect("a token"), "token-0");
    let expected = [
        ("grant_type", "refresh_token"),
        ("client_id", "id"),
        ("client_secret", "s+1"),
        ("refresh_token", "1//r"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields(&server.seen()[0]), expected);
    assert!(!format!("{google:?}").contains("1//r"), "{google:?}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_tells_its_token_and_its_project() {
    let server = Server::new(|nth, request| match request.url.ends_with("/project-id") {
        true => (200, "my-project\n".into()),
        false => (200, json!({"access_token": format!("token-{nth}"), "expires_in": 600})),
    });
    let google = google(&server, machine());
    for _ in 0..2 {
        let request = WireRequest::new("https://h/projects/{project}/x".to_owned(), "{}");
        let proven = google.authorize(request).await.expect("a token");
        assert_eq!(proven.url, "https://h/projects/my-project/x");
        advance(Duration::from_secs(500)).await;
    }
    let seen = server.seen();
    let urls: Vec<&str> = seen.iter().map(|request| &*request.url).collect();
    let token = "http://metadata.test/computeMetadata/v1/instance/service-accounts/default/token";
    let project = "http://metadata.test/computeMetadata/v1/project/project-id";
    assert_eq!(urls, [token, project, token], "the project is asked for once");
    let header = [("metadata-flavor", "Google".to_owned())];
    assert!(seen.iter().all(|seen| seen.method == Method::Get && seen.headers == header));
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_a_project_is_told() {
    let server = Server::new(|_, request| match request.url.ends_with("/project-id") {
        true => (404, "".into()),
        false => (200, json!({"access_token": "token", "expires_in": 600})),
    });
    let failure = proven(&google(&server, machine())).await.expect_err("no project");
    assert_eq!(failure.kind, Kind::Authentication);
    assert!(failure.message.contains("export GOOGLE_CLOUD_PROJECT"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_believed_is_dropped_once() {
    let server = Server::of_tokens(3600);
    let google = google(&server, account());
    assert_eq!(proven(&google).await.expect("a token"), "token-0");
    assert!(google.disbelieved());
    assert!(google.disbelieved(), "another call was out with the same token");
    assert_eq!(proven(&google).await.expect("a token"), "token-1");
    assert!(google.disbelieved(), "and one more");
    assert_eq!(proven(&google).await.expect("kept"), "token-1");
    advance(OLD_CALLS).await;
    assert!(!google.disbelieved(), "the new one is no better");
    assert_eq!(proven(&google).await.expect("kept"), "token-1");
    advance(DROPPED_EVERY).await;
    assert!(google.disbelieved());
    assert_eq!(proven(&google).await.expect("a token"), "token-2");
}

#[test]
fn a_key_is_read_or_told_without_it() {
    let key = SigningKey::from_pem(KEY).expect("the test key");
    assert_eq!(format!("{key:?}"), "SigningKey");
    let cut = KEY.replace("\n-----END", "AAAA\n-----END");
    for pem in ["", "secret words", PUBLIC_KEY, &cut] {
        let why = SigningKey::from_pem(pem).expect_err("no key");
        assert!(why.starts_with("it is no "), "{why}");
    }
}
