//! Access tokens of Google: asked for when they are needed, kept until shortly before they expire,
//! and asked for once however many calls wait for one.
//!
//! The exchange itself is ours: `gcp_auth` asks with a client of its own that knows no proxy, has
//! the addresses of the metadata server and of users' tokens built in, and drops the words with
//! which a server refuses.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::call::failure::Failure;
use crate::wire::authorized::Authorizer;
use crate::wire::http::Http;
use crate::wire::message::{KeyHeader, Timeouts, WireRequest};
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::{Pending, Transport};

pub mod exchange;
pub mod grant;
#[cfg(test)]
mod tests;

use exchange::{Exchange, Fetched};
use grant::Grant;

/// Stands in a URL for a project that only the metadata server knows.
pub const ASKED_PROJECT: &str = "{project}";

/// How long before its end a token is replaced: Google's own libraries take as long.
const AHEAD: Duration = Duration::from_secs(225);

/// How long a refusal is believed, so that a thousand tasks do not ask a thousand times.
const REFUSED_FOR: Duration = Duration::from_mins(1);

/// How often a token may be dropped because a server did not believe it.
const DROPPED_EVERY: Duration = Duration::from_mins(1);

/// How long after such a drop a refused call was still sent with the old token, most likely.
const OLD_CALLS: Duration = Duration::from_secs(10);

/// An exchange is a small question to a near server.
const TIMEOUTS: Timeouts = Timeouts {
    total: Duration::from_secs(30),
    connect: Duration::from_secs(10),
    first_byte: None,
    idle: None,
};

/// Proves calls with an access token of Google.
pub struct Google {
    exchange: Exchange,
    kept: Mutex<Kept>,
    /// Held by whoever asks for a token; the others wait here.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    /// The last exchange that failed, and when.
    refused: Option<(Failure, Instant)>,
    /// How many exchanges there were.
    exchanges: u64,
    /// When a token was dropped that a server did not believe.
    dropped: Option<Instant>,
    project: Option<String>,
}

struct Token {
    secret: Secret,
    until: Instant,
}

impl Google {
    /// Asks for tokens by this grant. The redactor learns each of them.
    pub fn new(grant: Grant, redactor: Redactor) -> Self {
        // Its own client: a redactor would take a token out of the answer that brings it again.
        let http = Http::new(TIMEOUTS, Redactor::default());
        Self::over(Arc::new(http), grant, redactor)
    }

    fn over(transport: Arc<dyn Transport>, grant: Grant, redactor: Redactor) -> Self {
        let exchange = Exchange { grant, transport, redactor };
        Self { exchange, kept: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn token(&self) -> Result<Secret, Failure> {
        let before = {
            let kept = self.kept();
            match kept.at_hand() {
                Some(outcome) => return outcome,
                None => kept.exchanges,
            }
        };
        let _asking = self.asking.lock().await;
        if let Some(outcome) = self.kept().since(before) {
            return outcome;
        }
        let asks_project = self.kept().project.is_none();
        let outcome = self.exchange.make(asks_project).await;
        self.kept().keep(outcome)
    }

    async fn prove(&self, mut request: WireRequest) -> Result<WireRequest, Failure> {
        let token = self.token().await?;
        request.key = Some(KeyHeader::bearer(&token));
        if request.url.contains(ASKED_PROJECT) {
            let project = self.kept().project.clone().unwrap_or_default();
            request.url = request.url.replace(ASKED_PROJECT, &project);
        }
        Ok(request)
    }
}

impl Authorizer for Google {
    fn authorize(&self, request: WireRequest) -> Pending<'_, Result<WireRequest, Failure>> {
        Box::pin(self.prove(request))
    }

    fn disbelieved(&self) -> bool {
        let mut kept = self.kept();
        match kept.dropped.map(|at| at.elapsed()) {
            // Many calls were out with the token that one of them dropped.
            Some(since) if since < DROPPED_EVERY => since < OLD_CALLS || kept.token.is_none(),
            _ => {
                kept.token = None;
                kept.dropped = Some(Instant::now());
                true
            }
        }
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("grant", &self.exchange.grant).finish_non_exhaustive()
    }
}

impl Kept {
    /// What can be said without asking.
    fn at_hand(&self) -> Option<Result<Secret, Failure>> {
        let now = Instant::now();
        if let Some(token) = self.token.as_ref().filter(|token| token.until > now) {
            return Some(Ok(token.secret.clone()));
        }
        let (failure, at) = self.refused.as_ref()?;
        let is_final = !failure.remedy().retries() && at.elapsed() < REFUSED_FOR;
        is_final.then(|| Err(failure.clone()))
    }

    /// What the exchange brought that somebody else made in the meantime.
    fn since(&self, before: u64) -> Option<Result<Secret, Failure>> {
        if self.exchanges == before {
            return None;
        }
        let shared = || self.refused.as_ref().map(|(failure, _)| Err(failure.clone()));
        self.at_hand().or_else(shared)
    }

    fn keep(&mut self, outcome: Result<Fetched, Failure>) -> Result<Secret, Failure> {
        self.exchanges += 1;
        self.refused = None;
        match outcome {
            Ok(fetched) => {
                // A token that lives less than twice as long is used for half its life.
                let use_for = fetched.lives.saturating_sub(AHEAD).max(fetched.lives / 2);
                self.project = fetched.project.or_else(|| self.project.take());
                let until = Instant::now() + use_for;
                self.token = Some(Token { secret: fetched.token.clone(), until });
                Ok(fetched.token)
            }
            Err(failure) => {
                self.token = None;
                self.refused = Some((failure.clone(), Instant::now()));
                Err(failure)
            }
        }
    }
}
