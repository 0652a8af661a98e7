//! Whether a provider is set up, found out without asking any model: its list of models costs
//! nothing.

use futures::future::join;
use serde_json::Value;

use crate::call::failure::{Failure, FailureKind};
use crate::client::{Client, Known};
use crate::provider::{answered, sound};
use crate::wire::message::{WireReply, WireRequest};

/// How far a provider could be tried without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probed {
    /// It answers, and takes the key where it wants one.
    Answers,
    /// It answers, and would do so without the key: whether the key is right is not known.
    KeyUntried,
    /// It has no list of models that could be asked for; who asks could be proven.
    LoggedIn,
    /// It has no list of models that could be asked for; nothing was sent.
    Unasked,
}

impl Client {
    /// Asks a provider, by its name in the catalogue, for its list of models. `Err` says by its
    /// kind what is wrong: the key, the way there, or what answers.
    pub async fn probe(&self, provider: &str) -> Result<Probed, Failure> {
        let known = self.found(provider).await?;
        let Some(request) = known.endpoint.probe(known.provider.dialect) else {
            let Some(by) = &known.authorizer else { return Ok(Probed::Unasked) };
            // It is only signed, never sent.
            let nothing = WireRequest::new("https://localhost/".to_owned(), "{}");
            return by.authorize(nothing).await.map(|_| Probed::LoggedIn);
        };
        if request.key.is_none() {
            return ask(&known, request).await.map(|()| Probed::Answers);
        }
        // Some hosts list their models to everyone, which says nothing of the key.
        let keyless = WireRequest { key: None, ..request.clone() };
        let (with_key, without) = join(ask(&known, request), ask(&known, keyless)).await;
        with_key?;
        Ok(if without.is_ok() { Probed::KeyUntried } else { Probed::Answers })
    }
}

async fn ask(known: &Known, request: WireRequest) -> Result<(), Failure> {
    let reply = sound::reply(known.transport.send(request).await?)?;
    if (200..300).contains(&reply.status) && is_list(&reply)? {
        return Ok(());
    }
    let decoded = known.provider.dialect.decode(&reply);
    Err(decoded.err().map_or_else(no_list, |rejected| rejected.failure))
}

/// Whether a reply could be a list of models: JSON that tells of no error.
fn is_list(reply: &WireReply) -> Result<bool, Failure> {
    let body: Value =
        serde_json::from_slice(&reply.body).map_err(|why| answered::unreadable(reply, &why))?;
    Ok(match &body {
        Value::Array(_) => true,
        Value::Object(map) => map.get("error").is_none_or(Value::is_null),
        _ => false,
    })
}

fn no_list() -> Failure {
    let message = "the answer is no list of models; check base_url";
    Failure::new(FailureKind::ApiResponseValidation, message)
}
