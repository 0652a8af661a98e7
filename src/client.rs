//! The library's front door: one call to any provider, whole or streamed.

mod builtin;
pub mod probe;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::call::completion::Completion;
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::client::builtin::Builtin;
use crate::engine::exchange::{self, Following, Step};
use crate::engine::pictures;
use crate::provider::catalog::{Catalog, MOCK};
use crate::provider::env::{Env, EnvFileError};
use crate::provider::located::{Changes, located};
use crate::provider::names::{Resolved, not_catalogued, resolve};
use crate::provider::{Endpoint, Provider, Rejected};
use crate::wire::authorized::Authorizer;
use crate::wire::http::Http;
use crate::wire::message::Timeouts;
use crate::wire::secret::Redactor;
use crate::wire::transport::{Opened, Transport};

/// Calls models by name, with keys from the environment. It keeps its connections; make one and
/// share it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use runner::{Client, Request};
///
/// let client = Client::from_env()?;
/// let reply = client.completion(Request::new("gpt-4o-mini").user("Hello! How are you?")).await?;
/// println!("{}", reply.choices[0].message.content);
/// # Ok(())
/// # }
/// ```
pub struct Client {
    env: Env,
    catalog: Catalog,
    /// The program's own providers, by name.
    own: HashMap<String, Provider>,
    /// Each provider that was called, by name.
    known: Mutex<HashMap<String, Arc<Known>>>,
    builtin: Builtin,
    /// Knows every key that was found so far, whoever it is for.
    redactor: Redactor,
}

/// A provider that can be called.
struct Known {
    provider: Provider,
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
    /// Who proves each request, where a key is not enough.
    authorizer: Option<Arc<dyn Authorizer>>,
    /// Over what pictures are fetched, without any key.
    web: Arc<dyn Transport>,
}

impl Client {
    /// A client with the keys of the process's environment, and below it those of a `.env` file in
    /// the working folder.
    pub fn from_env() -> Result<Self, EnvFileError> {
        Ok(Self::with_env(Env::load(Path::new("."))?))
    }

    /// A client with the keys of this environment.
    pub fn with_env(env: Env) -> Self {
        let (own, known, builtin) = (HashMap::new(), Mutex::default(), Builtin::default());
        let redactor = Redactor::default();
        Self { env, catalog: Catalog::builtin(), own, known, builtin, redactor }
    }

    /// What takes the keys of this client out of a text, those that it will find too.
    pub(crate) fn redactor(&self) -> Redactor {
        self.redactor.clone()
    }

    /// The same client with a provider of the program's own, in place of the catalogue's of that
    /// name. Its models are `name/model`; its dialect may be one of [`crate::provider::table`] or
    /// the program's own.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use runner::{Client, KeySource, OpenAiChat, Provider, Request};
    ///
    /// let mut lab = Provider::new("lab", &OpenAiChat, "http://127.0.0.1:8000/v1");
    /// lab.key = KeySource::Env(vec!["LAB_KEY".to_owned()]);
    /// let client = Client::from_env()?.with_provider(lab);
    /// let reply = client.completion(Request::new("lab/llama-3").user("Hello!")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_provider(mut self, provider: Provider) -> Self {
        self.own.insert(provider.name.to_string(), provider);
        self
    }

    /// Asks once and waits for the whole answer. `Err` says by its kind what went wrong, and
    /// whether asking again can help; nothing is asked again here.
    pub async fn completion(&self, request: Request) -> Result<Completion, Failure> {
        let response = self.response(request).await.map_err(|rejected| rejected.failure)?;
        read(&response)
    }

    /// The same, as the `chat.completion` that the reports of a run hold.
    pub async fn response(&self, request: Request) -> Result<Response, Rejected> {
        let (known, request) = self.prepared(request).await?;
        let dialect = known.provider.dialect_for(&request.model);
        let shown = pictures::shown(&request, dialect, &*known.web).await?;
        let wire = known.endpoint.encode(dialect, &shown)?;
        exchange::decode(dialect, known.transport.send(wire).await?)
    }

    /// Asks once for a stream, and waits for its beginning.
    pub async fn completion_stream(&self, request: Request) -> Result<CompletionStream, Failure> {
        let (known, request) = self.prepared(request.param("stream", true)).await?;
        let dialect = known.provider.dialect_for(&request.model);
        let shown = pictures::shown(&request, dialect, &*known.web).await?;
        let wire = known.endpoint.encode(dialect, &shown)?;
        let state = match known.transport.open(wire, dialect.framing()).await? {
            Opened::Stream(stream) => State::Open(Box::new(Following::new(dialect, stream))),
            Opened::Whole(reply) => {
                let response =
                    exchange::decode(dialect, reply).map_err(|rejected| rejected.failure)?;
                State::Whole(read(&response)?)
            }
        };
        Ok(CompletionStream { state })
    }

    /// Finds who would be asked, with which model, and refuses what they cannot be asked; sends
    /// nothing.
    pub async fn check(&self, request: &Request) -> Result<Resolved, Failure> {
        let (known, request) = self.prepared(request.clone()).await?;
        let provider = known.provider.name.to_string();
        Ok(Resolved { provider, model: request.model.to_string() })
    }

    /// Finds who answers, and refuses what they cannot be asked.
    async fn prepared(&self, mut request: Request) -> Result<(Arc<Known>, Request), Failure> {
        let bad = |message: String, help: &str| {
            Failure::new(FailureKind::BadRequest, format!("{message}; {help}"))
        };
        let own: Vec<&str> = self.own.keys().map(String::as_str).collect();
        let resolved = resolve(&request.model, &self.catalog, &own, &self.env)
            .map_err(|why| bad(why.message, &why.help))?;
        let provider = &*resolved.provider;
        let is_there = own.contains(&provider) || provider == MOCK;
        if !is_there && self.catalog.find(provider).is_none() {
            let why = not_catalogued(&request.model, provider);
            return Err(bad(why.message, &why.help));
        }
        let known = self.found(&resolved.provider).await?;
        request.model = resolved.model.into();
        let knows = known.provider.knows(&request.model);
        knows.map_err(|fault| bad(fault.message, &fault.help))?;
        let refused = known.provider.refusals(&request.model, &request.params);
        if let Some((name, why)) = refused.into_iter().next() {
            let message = format!("`{name}` is not taken by `{}`: {why}", resolved.provider);
            return Err(Failure::new(FailureKind::UnsupportedParams, message));
        }
        tracing::info!(provider = %known.provider.name, model = %request.model, "asking");
        Ok((known, request))
    }

    /// A provider that can be called; the built-in one is started for it.
    async fn found(&self, provider: &str) -> Result<Arc<Known>, Failure> {
        match provider == MOCK && !self.own.contains_key(MOCK) {
            true => self.builtin.known().await,
            false => self.known(provider),
        }
    }

    fn known(&self, provider: &str) -> Result<Arc<Known>, Failure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(provider) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(self.make(provider)?);
        known.insert(provider.to_owned(), Arc::clone(&made));
        Ok(made)
    }

    fn make(&self, provider: &str) -> Result<Known, Failure> {
        let provider = match self.own.get(provider) {
            Some(own) => own.clone(),
            None => self.catalogued(provider)?,
        };
        let access = provider.access(&self.env, &self.redactor).map_err(|why| {
            let message = format!("{} (provider `{}`); {}", why.message, provider.name, why.help);
            Failure::new(FailureKind::Authentication, message)
        })?;
        let http = Arc::new(Http::new(Timeouts::default(), self.redactor()));
        let (endpoint, transport) = (provider.endpoint(&access), access.transport(&http));
        Ok(Known { provider, endpoint, transport, authorizer: access.authorizer, web: http })
    }

    fn catalogued(&self, provider: &str) -> Result<Provider, Failure> {
        let fault = |message: String| Failure::new(FailureKind::BadRequest, message);
        let Some((name, row)) = self.catalog.find(provider) else {
            return Err(fault(format!("no provider is called `{provider}`")));
        };
        located(name, row, Changes::default(), &self.env).map_err(|faults| {
            let told = faults.into_iter().map(|fault| format!("{}; {}", fault.message, fault.help));
            fault(told.collect::<Vec<_>>().join("; "))
        })
    }
}

/// An answer as it comes.
pub struct CompletionStream {
    state: State,
}

enum State {
    Open(Box<Following>),
    /// The host did not stream.
    Whole(Completion),
    Ended(Result<Completion, Failure>),
}

impl CompletionStream {
    /// More of the text; `None` at the end, when [`CompletionStream::completion`] has the whole
    /// answer, or says why there is none.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let step = match &mut self.state {
                State::Open(following) => following.next().await,
                State::Whole(completion) => {
                    let completion = std::mem::take(completion);
                    let text =
                        completion.choices.first().map(|choice| choice.message.content.clone());
                    self.state = State::Ended(Ok(completion));
                    return text;
                }
                State::Ended(_) => return None,
            };
            match step {
                Step::Text(text) if text.is_empty() => {}
                Step::Text(text) => return Some(text),
                Step::Ended(outcome) => {
                    let outcome = outcome.map_err(|rejected| rejected.failure);
                    self.state = State::Ended(outcome.and_then(|response| read(&response)));
                }
            }
        }
    }

    /// The whole answer, once all of it has come.
    pub fn completion(self) -> Result<Completion, Failure> {
        match self.state {
            State::Ended(outcome) => outcome,
            State::Whole(completion) => Ok(completion),
            State::Open(_) => {
                Err(Failure::new(FailureKind::Api, "the stream was not read to its end"))
            }
        }
    }
}

fn read(response: &Response) -> Result<Completion, Failure> {
    let completion: Completion = serde_json::from_str(response.body.get()).map_err(|why| {
        let message = format!("the answer cannot be read: {why}");
        Failure::new(FailureKind::ApiResponseValidation, message)
    })?;
    let (usage, billed) = (response.usage, response.billed.clone());
    Ok(Completion { usage, billed, service_tier: response.service_tier.clone(), ..completion })
}
