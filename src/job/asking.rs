//! What a target is really asked: the job's parameters with a row's over them, less what the
//! provider does not take.
//!
//! A request is put together once while the job is planned, so that what a provider cannot be
//! asked is found before anything is sent.

use std::sync::Arc;

use crate::call::failure::FailureKind;
use crate::call::picture;
use crate::call::request::{Content, Message, Params, Request};
use crate::job::file::OnUnsupported;
use crate::job::params;
use crate::job::prompts::Prompt;
use crate::job::{JobTarget, LaneSpec};
use crate::provider::access::Access;
use crate::provider::{Endpoint, Provider};

/// What to do where a model does not take a parameter.
pub const DROP: &str =
    "take it out, or write on_unsupported = \"drop\" to send the rest without it";

/// A picture, for requests that are never sent.
const ANY_PICTURE: &str = "data:image/png;base64,iVBORw0KGgo=";

/// The parameters of a call, and the names of those that are left out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// What is sent.
    pub params: Arc<Params>,
    /// What was stated and is not sent.
    pub dropped: Arc<Vec<String>>,
}

/// Why a row cannot be asked of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

/// The parameters of a row that may be laid over those of a target: what the matrix varies stays.
fn own(row: &Params, varied: &[String]) -> Params {
    let mut own = row.clone();
    own.retain(|name, _| !params::is_among(name, varied));
    own
}

/// A target's parameters with a row's laid over them, less what the provider does not take.
pub fn taken(target: &JobTarget, lane: &LaneSpec, row: &Params, varied: &[String]) -> Taken {
    let of_target = &target.target;
    let own = own(row, varied);
    if own.is_empty() {
        // A row without parameters shares those of its target.
        let (params, dropped) = (Arc::clone(&of_target.params), Arc::clone(&of_target.dropped));
        return Taken { params, dropped };
    }
    let mut params = params::overlaid(&of_target.params, &own);
    let refused = match target.on_unsupported {
        OnUnsupported::Error => Vec::new(),
        OnUnsupported::Drop | OnUnsupported::Warn => lane.provider.refusals(&lane.model, &params),
    };
    let mut dropped = (*of_target.dropped).clone();
    for (name, _) in refused {
        params.shift_remove(&name);
        if !dropped.contains(&name) {
            dropped.push(name);
        }
    }
    Taken { params: Arc::new(params), dropped: Arc::new(dropped) }
}

/// Holds the rows of a set against one who is asked them.
pub struct Asker<'j> {
    target: &'j JobTarget,
    lane: &'j LaneSpec,
    varied: &'j [String],
    endpoint: Endpoint,
    /// Parameters of rows that are left out, and why.
    pub left_out: Vec<(String, String)>,
}

impl<'j> Asker<'j> {
    /// One who is asked, through this lane.
    pub fn new(target: &'j JobTarget, lane: &'j LaneSpec, varied: &'j [String]) -> Self {
        let endpoint = lane.provider.endpoint(&Access::default());
        Self { target, lane, varied, endpoint, left_out: Vec::new() }
    }

    /// Whether the row can be asked. What the job itself states was judged with the job, so a row
    /// of plain text has nothing that could be wrong.
    pub fn judge(&mut self, prompt: &Prompt) -> Result<(), Unfit> {
        if prompt.params.is_empty() && prompt.messages.iter().all(is_plain) {
            return Ok(());
        }
        let LaneSpec { provider, model, .. } = self.lane;
        // What a row states may clash with what its target does, so they are judged together.
        let own = own(&prompt.params, self.varied);
        let mut params = params::overlaid(&self.target.target.params, &own);
        for (name, why) in provider.refusals(model, &params) {
            if self.target.on_unsupported == OnUnsupported::Error {
                return Err(Unfit { message: not_taken(&name, &why, provider, model), help: DROP });
            }
            params.shift_remove(&name);
            if !self.left_out.iter().any(|(known, _)| *known == name) {
                self.left_out.push((name, why));
            }
        }
        let (mut messages, params) = (prompt.messages.clone(), Arc::new(params));
        if !provider.dialect_for(model).fetches_pictures() {
            // They are fetched when they are sent, so here any picture stands for them.
            let on_the_web = picture::urls(&mut messages).filter(|url| picture::is_on_the_web(url));
            on_the_web.for_each(|url| ANY_PICTURE.clone_into(url));
        }
        let request = Request { model: Arc::clone(model), messages, params };
        match unsayable(provider, &self.endpoint, &request) {
            None => Ok(()),
            Some(why) => Err(Unfit {
                message: format!("`{}/{model}` cannot be asked this row: {why}", provider.name),
                help: "change the row, or name the prompt sets of this model in its `prompts`",
            }),
        }
    }

    /// The parameters of a call for this row.
    pub fn params(&self, prompt: &Prompt) -> Arc<Params> {
        taken(self.target, self.lane, &prompt.params, self.varied).params
    }

    /// Tells what is left out of rows, once for each parameter.
    pub fn tell_left_out(&self, is_told: bool) {
        if is_told || self.target.on_unsupported == OnUnsupported::Warn {
            for (name, why) in &self.left_out {
                not_sent(&self.lane.provider, &self.lane.model, name, why);
            }
        }
    }
}

/// Whether every dialect can say it.
fn is_plain(message: &Message) -> bool {
    matches!(message.content, Content::Text(_))
        && message.rest.is_empty()
        && matches!(message.role.as_str(), "system" | "user" | "assistant")
}

/// Why a request cannot be put into the provider's words at all, if so.
pub fn unsayable(provider: &Provider, endpoint: &Endpoint, request: &Request) -> Option<String> {
    let dialect = provider.dialect_for(&request.model);
    let failure = endpoint.encode(dialect, request).err()?;
    let is_said = matches!(failure.kind, FailureKind::BadRequest | FailureKind::UnsupportedParams);
    is_said.then_some(failure.message)
}

/// The sentence about a parameter that a model does not take.
pub fn not_taken(name: &str, why: &str, provider: &Provider, model: &str) -> String {
    format!("`{name}` is not taken by `{}/{model}`: {why}", provider.name)
}

/// Logs that a parameter is left out.
pub fn not_sent(provider: &Provider, model: &str, name: &str, why: &str) {
    tracing::warn!(
        provider = &*provider.name, model, param = name, %why,
        "a parameter is not sent"
    );
}
