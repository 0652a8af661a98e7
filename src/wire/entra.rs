//! Tokens of Microsoft Entra ID for a service principal, by the client-credentials flow.
//!
//! One form is all that is needed of the flow, and [`Http`] can send it; the vendor's own crates
//! would bring a second HTTP stack.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::failure::{Failure, FailureKind};
use crate::wire::authorized::Authorizer;
use crate::wire::http::Http;
use crate::wire::message::{KeyHeader, Timeouts, WireReply, WireRequest};
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::{Pending, Transport};

/// A token is renewed this long before it expires, or after half its life where that is short.
const MARGIN: Duration = Duration::from_mins(5);

/// A token that is younger is not fetched anew when a server does not believe it: the calls that
/// were under way with the one before it are told so too.
const FRESH: Duration = Duration::from_mins(1);

/// For this long a failure to fetch a token is the answer to all who wait for one.
const FAILED: Duration = Duration::from_secs(2);

/// How long a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who asks for tokens, and where.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Where tokens are asked for: `https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token`.
    pub token_url: String,
    /// The application.
    pub client_id: String,
    /// Its password.
    pub client_secret: Secret,
    /// What the token is for.
    pub scope: String,
}

/// Adds a token of a service principal to each request, or one that was handed in.
pub struct Entra {
    from: From,
    /// Learns each token.
    redactor: Redactor,
    /// The lock is held while a token is fetched, so that all who want one wait for the same.
    held: Mutex<Held>,
    /// Whether a server did not believe the token.
    is_doubted: AtomicBool,
}

enum From {
    Given(Secret),
    Fetched { principal: Principal, by: Box<dyn Transport> },
}

#[derive(Debug, Default)]
enum Held {
    #[default]
    Nothing,
    Token {
        token: Secret,
        since: Instant,
        until: Instant,
    },
    Failure {
        failure: Failure,
        since: Instant,
    },
}

impl Entra {
    /// A token that was fetched by others; it is sent as it is.
    pub fn given(token: &Secret, redactor: &Redactor) -> Self {
        redactor.learn(token);
        Self::new(From::Given(token.clone()), redactor)
    }

    /// Tokens of a service principal.
    pub fn of(principal: Principal, redactor: &Redactor) -> Self {
        redactor.learn(&principal.client_secret);
        let timeouts = Timeouts { total: TIMEOUT, ..Timeouts::default() };
        // A redactor of its own: the shared one would take a token that it knows out of the reply
        // in which the same token comes again.
        let own = Redactor::new([&principal.client_secret]);
        let http = Http::new(timeouts, own);
        Self::new(From::Fetched { principal, by: Box::new(http) }, redactor)
    }

    fn new(from: From, redactor: &Redactor) -> Self {
        Self {
            from,
            redactor: redactor.clone(),
            held: Mutex::default(),
            is_doubted: AtomicBool::new(false),
        }
    }

    async fn token(&self) -> Result<Secret, Failure> {
        let (principal, by) = match &self.from {
            From::Given(token) => return Ok(token.clone()),
            From::Fetched { principal, by } => (principal, by),
        };
        let mut held = self.held.lock().await;
        let now = Instant::now();
        let is_doubted = self.is_doubted.swap(false, Ordering::Relaxed);
        match &*held {
            Held::Token { token, since, until }
                if now < *until && !(is_doubted && now >= *since + FRESH) =>
            {
                return Ok(token.clone());
            }
            Held::Failure { failure, since } if now < *since + FAILED => {
                return Err(failure.clone());
            }
            _ => {}
        }
        match principal.fetch(&**by).await {
            Ok((token, life)) => {
                self.redactor.learn(&token);
                let since = Instant::now();
                let until = since + life.saturating_sub(MARGIN.min(life / 2));
                *held = Held::Token { token: token.clone(), since, until };
                Ok(token)
            }
            Err(failure) => {
                *held = Held::Failure { failure: failure.clone(), since: Instant::now() };
                Err(failure)
            }
        }
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            From::Given(_) => f.write_str("Entra(given)"),
            From::Fetched { principal, .. } => f.debug_tuple("Entra").field(principal).finish(),
        }
    }
}

impl Authorizer for Entra {
    fn authorize(&self, mut request: WireRequest) -> Pending<'_, Result<WireRequest, Failure>> {
        Box::pin(async move {
            request.key = Some(KeyHeader::bearer(&self.token().await?));
            Ok(request)
        })
    }

    fn disbelieved(&self) -> bool {
        self.is_doubted.store(true, Ordering::Relaxed);
        matches!(self.from, From::Fetched { .. })
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    /// Seconds; some versions of the service send them as text.
    #[serde(default)]
    expires_in: Value,
}

impl Principal {
    /// A token, and how long it is good for.
    async fn fetch(&self, by: &dyn Transport) -> Result<(Secret, Duration), Failure> {
        let form = form(&[
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
            ("scope", &self.scope),
        ]);
        let kind = "application/x-www-form-urlencoded".to_owned();
        let request = WireRequest {
            headers: vec![("content-type", kind)],
            ..WireRequest::new(self.token_url.clone(), form)
        };
        let reply = by.send(request).await?;
        let granted = serde_json::from_slice::<Granted>(&reply.body);
        let Some(granted) = granted.ok().filter(|_| reply.status == 200) else {
            return Err(refused(&reply));
        };
        let seconds = match &granted.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_u64(),
        };
        // The service's tokens live for an hour and more; one that does not tell is used once.
        Ok((Secret::new(&granted.access_token), Duration::from_secs(seconds.unwrap_or(0))))
    }
}

/// Why no token was granted. Only what the service's own machinery failed at is worth another try.
fn refused(reply: &WireReply) -> Failure {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let told = ["error_description", "error"].iter().find_map(|key| body.get(*key)?.as_str());
    let told = told.and_then(|text| text.lines().next()).unwrap_or("its answer holds no token");
    let status = reply.status;
    let message = format!("no token from Entra ID (status {status}): {told}");
    let kind = match status {
        429 | 500.. => FailureKind::ApiConnection,
        _ => FailureKind::Authentication,
    };
    let mut failure = Failure::new(kind, message);
    failure.http_status = Some(status);
    failure
}

/// Pairs as the body of a form.
fn form(pairs: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://form").expect("it is a URL");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use futures::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::wire::frames::Framing;
    use crate::wire::message::Headers;
    use crate::wire::transport::Opened;

    /// Grants `t0`, `t1`, ..., each good for an hour; the second fetch fails.
    struct Service(Arc<AtomicUsize>);

    impl Transport for Service {
        fn send(&self, _: WireRequest) -> Pending<'_, Result<WireReply, Failure>> {
            let nth = self.0.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"access_token":"t{nth}","expires_in":"3600"}}"#);
            let status = if nth == 1 { 503 } else { 200 };
            let reply = WireReply { status, headers: Headers::default(), body: body.into() };
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                Ok(reply)
            })
        }

        fn open(&self, _: WireRequest, _: Framing) -> Pending<'_, Result<Opened, Failure>> {
            unreachable!("a token is no stream")
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_fetch_serves_all_until_the_token_is_old_or_doubted() {
        let fetches = Arc::new(AtomicUsize::new(0));
        let principal = Principal {
            token_url: "https://h/t".to_owned(),
            client_id: "app".to_owned(),
            client_secret: Secret::new("s3cret"),
            scope: "s".to_owned(),
        };
        let by = Box::new(Service(Arc::clone(&fetches)));
        let redactor = Redactor::default();
        let entra = Entra::new(From::Fetched { principal, by }, &redactor);
        let token = async || entra.token().await.map(|token| token.expose().to_owned());
        let fetched = || fetches.load(Ordering::Relaxed);

        let all = join_all((0..8).map(|_| token())).await;
        assert!(all.iter().all(|one| one.as_deref() == Ok("t0")), "{all:?}");
        assert_eq!(fetched(), 1);
        assert!(entra.disbelieved());
        assert_eq!((token().await.as_deref(), fetched()), (Ok("t0"), 1), "it is fresh");

        advance(Duration::from_mins(54)).await;
        assert_eq!(token().await.as_deref(), Ok("t0"));
        assert!(entra.disbelieved());
        let failed = join_all((0..8).map(|_| token())).await;
        assert!(failed.iter().all(|one| one.as_ref().is_err_and(|why| why.retryable)));
        assert_eq!(fetched(), 2, "one failure is told to all");

        advance(Duration::from_secs(2)).await;
        assert_eq!((token().await.as_deref(), fetched()), (Ok("t2"), 3));
        advance(Duration::from_mins(55)).await;
        assert_eq!((token().await.as_deref(), fetched()), (Ok("t3"), 4));
        assert!(!format!("{entra:?}").contains("s3cret"));
    }

    #[test]
    fn a_form_holds_any_secret() {
        assert_eq!(form(&[("a", "x y"), ("b", "1&=+~é")]), "a=x+y&b=1%26%3D%2B%7E%C3%A9");
    }

    #[test]
    fn only_a_service_that_is_away_is_worth_another_try() {
        let refused = |status, body: &'static str| {
            refused(&WireReply { status, headers: Headers::default(), body: body.into() })
        };
        let told =
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong.\nTrace"}"#;
        let failure = refused(401, told);
        assert_eq!(failure.kind, FailureKind::Authentication);
        assert!(failure.message.ends_with("(status 401): AADSTS7000215: wrong."), "{failure:?}");
        assert!(!failure.retryable);
        assert!(refused(503, "<html>").retryable);
        assert!(refused(200, "{}").message.contains("holds no token"));
    }
}
