//! One provider or model examined, and what was found.

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::cli::advice::Setup;
use crate::cli::screen::clipped;
use crate::client::Client;
use crate::client::probe::Probed;
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;
use crate::report::figures::millis;
use crate::wire::secret::Redactor;

/// The most tokens that a model is asked for: 16 is the least that every endpoint takes.
const FEW_TOKENS: u64 = 16;

/// What is examined.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// A model, or a provider of the catalogue.
    pub(super) name: String,
    /// Whether it is a model.
    pub(super) is_model: bool,
    /// Nobody asked for it: it is told of only when it is there.
    pub(super) is_guess: bool,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Finding {
    name: String,
    is_model: bool,
    latency_ms: u64,
    outcome: Result<Option<&'static str>, Failure>,
    help: Option<String>,
}

/// Examines.
pub(super) struct Doctor {
    client: Client,
    catalog: Catalog,
    env: Env,
}

impl Doctor {
    pub(super) fn new(env: Env) -> Self {
        let client = Client::with_env(env.clone());
        Self { client, catalog: Catalog::builtin(), env }
    }

    /// What takes the keys of the providers out of a text.
    pub(super) fn redactor(&self) -> Redactor {
        self.client.redactor()
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Asks the subject, no longer than until the deadline.
    pub(super) async fn examine(&self, subject: &Subject, deadline: Instant) -> Finding {
        let start = Instant::now();
        let provider = match subject.is_model {
            true => self.client.check(&question(&subject.name)).await.map(|found| found.provider),
            false => Ok(subject.name.clone()),
        };
        let (outcome, setup) = match provider {
            Ok(provider) => {
                let asked = timeout_at(deadline, self.ask(subject)).await;
                let late = |_| Err(Failure::new(FailureKind::Timeout, "no answer in time"));
                let setup = Setup::of(&provider, &self.catalog, &self.env);
                (lists_none(asked.unwrap_or_else(late), subject, &setup), setup)
            }
            Err(failure) => (Err(failure), Setup::default()),
        };
        let help = outcome.as_ref().err().and_then(|failure| setup.help(failure));
        let latency_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (name, is_model) = (subject.name.clone(), subject.is_model);
        Finding { name, is_model, latency_ms, outcome, help }
    }

    async fn ask(&self, subject: &Subject) -> Result<Option<&'static str>, Failure> {
        if subject.is_model {
            return self.ask_model(&subject.name).await.map(|()| None);
        }
        Ok(match self.client.probe(&subject.name).await? {
            Probed::Answers => None,
            Probed::KeyUntried => Some(KEY_UNTRIED),
            Probed::LoggedIn => Some(LOGGED_IN),
            Probed::Unasked => Some(UNASKED),
        })
    }

    /// Asks for a few tokens, by the newer name of their limit where only that one is taken.
    async fn ask_model(&self, model: &str) -> Result<(), Failure> {
        let few = question(model).param("max_tokens", FEW_TOKENS);
        let failure = match self.try_model(few).await {
            Err(failure) if is_about_limit(&failure) => failure,
            outcome => return outcome,
        };
        let few = question(model).param("max_completion_tokens", FEW_TOKENS);
        let again = self.try_model(few).await;
        again.map_err(|other| if is_about_limit(&other) { failure } else { other })
    }

    /// An answer that its limit cut short is one, also where nothing was said before it.
    async fn try_model(&self, request: Request) -> Result<(), Failure> {
        match self.client.response(request).await {
            Ok(_) => Ok(()),
            Err(rejected) if rejected.response.as_deref().is_some_and(is_cut_short) => Ok(()),
            Err(rejected) if rejected.failure.message.contains(LIMIT_REACHED) => Ok(()),
            Err(rejected) => Err(rejected.failure),
        }
    }
}

/// What is said of a provider that lists its models to everyone.
const KEY_UNTRIED: &str =
    "its list of models needs no key, so the key was not tried; name one of its models to try it";

/// What is said of a provider without a list of models whose login works.
const LOGGED_IN: &str = "the login works; name one of its models to see whether it answers";

/// What is said of a provider without a list of models.
const UNASKED: &str = "it has no list of models, so nothing was asked; name one of its models";

/// How `OpenAI` refuses to cut its reasoning models short (status 400).
const LIMIT_REACHED: &str = "model output limit was reached";

fn question(model: &str) -> Request {
    Request::new(model).user("Hi")
}

fn is_about_limit(failure: &Failure) -> bool {
    let refused = [FailureKind::BadRequest, FailureKind::UnsupportedParams];
    refused.contains(&failure.kind) && failure.message.contains("max_")
}

fn is_cut_short(response: &Response) -> bool {
    let body: Value = serde_json::from_str(response.body.get()).unwrap_or_default();
    body["choices"][0]["finish_reason"] == "length"
}

/// A few hosts of the catalogue list no models: where they are is known, so the path is not at
/// fault.
fn lists_none(
    outcome: Result<Option<&'static str>, Failure>,
    subject: &Subject,
    setup: &Setup,
) -> Result<Option<&'static str>, Failure> {
    match outcome {
        Err(failure)
            if !subject.is_model
                && matches!(failure.http_status, Some(404 | 405 | 501))
                && !setup.is_elsewhere() =>
        {
            Ok(Some(KEY_UNASKED))
        }
        outcome => outcome,
    }
}

/// What is said of a provider that answers, and knows no list of models.
const KEY_UNASKED: &str =
    "it answers, but lists no models, so the key was not tried; name one of its models to try it";

impl Finding {
    /// Whether it is set up.
    pub(super) fn is_well(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The finding on one line, the name in a column of this width.
    pub(super) fn line(&self, width: usize) -> String {
        let mark = if self.is_well() { '✅' } else { '❌' };
        let name = self.name.replace(char::is_control, " ");
        let mut line = format!("{mark} {name:width$}  {:>9}", millis(Some(self.latency_ms)));
        match &self.outcome {
            Ok(None) => {}
            Ok(Some(note)) => line.extend(["  ", note]),
            Err(failure) => {
                line.extend(["  ", &clipped(&failure.to_string())]);
                line.extend(self.help.as_deref().into_iter().flat_map(|help| ["; ", help]));
            }
        }
        line
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let error = self.outcome.as_ref().err();
        json!({
            "name": self.name,
            "kind": if self.is_model { "model" } else { "provider" },
            "ok": self.is_well(),
            "latency_ms": self.latency_ms,
            "note": self.outcome.as_ref().ok().copied().flatten(),
            "error": error.map(|failure| json!({
                "type": failure.kind,
                "message": failure.message,
                "http_status": failure.http_status,
                "provider_code": failure.provider_code,
            })),
            "help": self.help,
        })
    }
}
