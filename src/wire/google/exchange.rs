//! One exchange: the grant goes out, and a token comes back or the reason why not.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::grant::Grant;
use crate::call::failure::{Failure, FailureKind};
use crate::call::moment::Moment;
use crate::wire::message::{WireReply, WireRequest};
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::Transport;

/// How long a token lives whose server does not say: an hour is usual.
const USUAL_LIFE: Duration = Duration::from_hours(1);

/// Errors that go away by themselves, whatever the status.
const PASSING: &[&str] = &["internal_failure", "server_error", "temporarily_unavailable"];

/// The form that the token server takes.
const FORM: &str = "application/x-www-form-urlencoded";

/// Asks for tokens.
pub(super) struct Exchange {
    pub(super) grant: Grant,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) redactor: Redactor,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) token: Secret,
    pub(super) lives: Duration,
    pub(super) project: Option<String>,
}

impl Exchange {
    /// Makes it; the machine's project is asked for where that is wanted and not known yet.
    pub(super) async fn make(&self, asks_project: bool) -> Result<Fetched, Failure> {
        let reply = self.asked(self.request()?).await?;
        let mut fetched = self.read(&reply)?;
        self.redactor.learn(&fetched.token);
        if let Grant::Machine { host, asks_project: true } = &self.grant
            && asks_project
        {
            fetched.project = Some(self.project(host).await?);
        }
        Ok(fetched)
    }

    fn request(&self) -> Result<WireRequest, Failure> {
        let now = Moment::now().as_millis() / 1000;
        let fields = self.grant.form(now).map_err(|why| {
            let message = format!("{} cannot ask for a token: {why}", self.grant.who());
            Failure::new(FailureKind::Authentication, message)
        })?;
        let Some(fields) = fields else {
            return Ok(self.of_machine("instance/service-accounts/default/token"));
        };
        // An assertion opens the same doors as a key for as long as it holds.
        fields.iter().filter(|(name, _)| *name == "assertion").for_each(|(_, secret)| {
            self.redactor.learn(secret);
        });
        let mut request = WireRequest::new(self.place().to_owned(), encoded(&fields));
        request.headers.push(("content-type", FORM.to_owned()));
        Ok(request)
    }

    /// A question to the metadata server.
    fn of_machine(&self, path: &str) -> WireRequest {
        let url = format!("http://{}/computeMetadata/v1/{path}", self.place());
        let mut request = WireRequest::get(url, None);
        // Without it the server refuses: a page in a browser cannot send it.
        request.headers.push(("metadata-flavor", "Google".to_owned()));
        request
    }

    /// The server that is asked.
    fn place(&self) -> &str {
        match &self.grant {
            Grant::Account { token_uri, .. } | Grant::User { token_uri, .. } => token_uri,
            Grant::Machine { host, .. } => host,
        }
    }

    async fn asked(&self, request: WireRequest) -> Result<WireReply, Failure> {
        self.transport.send(request).await.map_err(|failure| {
            let message = format!(
                "no access token from `{}`: {}",
                self.place(),
                self.clean(&failure.message)
            );
            Failure { message, ..failure }
        })
    }

    fn read(&self, reply: &WireReply) -> Result<Fetched, Failure> {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let token = body["access_token"].as_str().map(Secret::new);
        let is_sendable = |token: &Secret| {
            !token.is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic())
        };
        match token.filter(is_sendable) {
            Some(token) if (200..300).contains(&reply.status) => {
                let lives = seconds(&body["expires_in"]).unwrap_or(USUAL_LIFE);
                Ok(Fetched { token, lives, project: None })
            }
            _ => Err(self.refused(reply.status, &body)),
        }
    }

    async fn project(&self, host: &str) -> Result<String, Failure> {
        let reply = self.asked(self.of_machine("project/project-id")).await?;
        let text = String::from_utf8_lossy(&reply.body).trim().to_owned();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
        if reply.status == 200 && !text.is_empty() && text.chars().all(is_part) {
            return Ok(text);
        }
        if reply.status >= 500 {
            return Err(self.refused(reply.status, &Value::Null));
        }
        let message = format!(
            "the metadata server `{host}` knows no project (status {}); export \
             GOOGLE_CLOUD_PROJECT=...",
            reply.status
        );
        Err(Failure::new(FailureKind::Authentication, message))
    }

    /// Why there is no token, and what to do.
    fn refused(&self, status: u16, body: &Value) -> Failure {
        let text = |key: &str| body[key].as_str().unwrap_or_default();
        let (code, words) = (text("error"), text("error_description"));
        let kind = match status {
            _ if PASSING.contains(&code) => FailureKind::ServiceUnavailable,
            429 => FailureKind::RateLimit,
            408 => FailureKind::Timeout,
            500.. => FailureKind::ServiceUnavailable,
            _ => FailureKind::Authentication,
        };
        let told = match (code, words) {
            ("", "") => format!("status {status}"),
            (code, "") | ("", code) => code.to_owned(),
            (code, words) => format!("{code}: {words}"),
        };
        let help = match kind {
            FailureKind::Authentication => self.help(code, words),
            _ => "",
        };
        let message =
            format!("`{}` gave {} no access token ({told}){help}", self.place(), self.grant.who());
        let mut failure = Failure::new(kind, self.clean(&message));
        failure.http_status = Some(status);
        failure.provider_code = Some(code.to_owned()).filter(|code| !code.is_empty());
        failure
    }

    fn help(&self, code: &str, words: &str) -> &'static str {
        let is_clock = ["iat", "exp", "timeframe", "short-lived", "clock"]
            .iter()
            .any(|word| words.to_lowercase().contains(word));
        match &self.grant {
            Grant::Account { .. } if code == "invalid_grant" && is_clock => {
                "; set this machine's clock: it is off by more than Google allows"
            }
            Grant::Account { .. } => {
                "; see that the key was not deleted or its account disabled, and that this \
                 machine's clock is right"
            }
            Grant::User { .. } => "; log in again: gcloud auth application-default login",
            Grant::Machine { .. } => {
                "; give this machine a service account, or export GOOGLE_APPLICATION_CREDENTIALS=..."
            }
        }
    }

    /// Words of a server without any secret, on one line.
    fn clean(&self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        self.redactor.clean_text(&words.join(" ")).into_owned()
    }
}

/// A form as browsers send it.
fn encoded(fields: &[(&'static str, Secret)]) -> String {
    let mut url = Url::parse("http://form").expect("a URL");
    url.query_pairs_mut().extend_pairs(fields.iter().map(|(name, value)| (name, value.expose())));
    url.query().unwrap_or_default().to_owned()
}

/// A number of seconds, also where it is written as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    // No token lives longer than half a day.
    Duration::try_from_secs_f64(number.min(43_200.0)).ok()
}
