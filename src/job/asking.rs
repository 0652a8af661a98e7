//! What a target is really asked: the job's parameters with a row's over them, less what the
//! provider does not take.
//!
//! A request is put together once while the job is planned, so that what a provider cannot be
//! asked is found before anything is sent.

use std::sync::Arc;

use crate::call::bound;
use crate::call::failure::FailureKind;
use crate::call::fallback::Fallback;
use crate::call::picture;
use crate::call::request::{Content, Message, Params, Request};
use crate::call::task::Target;
use crate::job::file::OnUnsupported;
use crate::job::form::SetForm;
use crate::job::params;
use crate::job::prompts::Prompt;
use crate::job::{Caps, JobTarget, LaneSpec};
use crate::provider::access::Access;
use crate::provider::{Endpoint, Provider};

/// What to do where a model does not take a parameter.
pub const DROP: &str =
    "take it out, or write on_unsupported = \"drop\" to send the rest without it";

/// What to do where a fallback does not take a parameter of a row.
const DROP_OF_FALLBACK: &str = "take it out of the row or the model out of the `fallbacks`, or write \
     on_unsupported = \"drop\" to send it the rest without it";

/// A picture, for requests that are never sent.
const ANY_PICTURE: &str = "data:image/png;base64,iVBORw0KGgo=";

/// What is sent for a row, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The parameters of the call.
    pub params: Arc<Params>,
    /// What was stated and is not sent.
    pub dropped: Arc<Vec<String>>,
    /// Who is asked when the target cannot answer, each with its own parameters of the call.
    pub fallbacks: Arc<[Fallback]>,
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

/// What is sent for a row: the parameters of the target, and of its fallbacks, with the row's laid
/// over them, less what the provider does not take.
pub fn taken(target: &JobTarget, lanes: &[LaneSpec], row: &Params, varied: &[String]) -> Taken {
    let of_target = &target.target;
    let own = own(row, varied);
    if own.is_empty() {
        // A row without parameters shares those of its target.
        let (params, dropped) = (Arc::clone(&of_target.params), Arc::clone(&of_target.dropped));
        return Taken { params, dropped, fallbacks: Arc::clone(&of_target.fallbacks) };
    }
    let policy = target.on_unsupported;
    let (params, dropped) = laid_over(of_target, policy, &lanes[target.lane], &own);
    let fallback = |fallback: &Fallback| {
        let mut target = (*fallback.target).clone();
        (target.params, target.dropped) = laid_over(&target, policy, &lanes[fallback.lane], &own);
        Fallback { target: Arc::new(target), ..fallback.clone() }
    };
    Taken { params, dropped, fallbacks: of_target.fallbacks.iter().map(fallback).collect() }
}

/// The parameters of a call, and the names of those that are left out of it.
fn laid_over(
    target: &Target,
    policy: OnUnsupported,
    lane: &LaneSpec,
    own: &Params,
) -> (Arc<Params>, Arc<Vec<String>>) {
    let mut params = params::overlaid(&target.params, own);
    let refused = match policy {
        OnUnsupported::Error => Vec::new(),
        OnUnsupported::Drop | OnUnsupported::Warn => lane.provider.refusals(&lane.model, &params),
    };
    let mut dropped = (*target.dropped).clone();
    for (name, _) in refused {
        params.shift_remove(&name);
        if !dropped.contains(&name) {
            dropped.push(name);
        }
    }
    (Arc::new(params), Arc::new(dropped))
}

/// Holds the rows of a set against one who is asked them, and against its fallbacks.
pub struct Asker<'j> {
    target: &'j Target,
    policy: OnUnsupported,
    lane: &'j LaneSpec,
    varied: &'j [String],
    endpoint: Endpoint,
    fallbacks: Vec<Self>,
    is_fallback: bool,
    /// What answers to the set must be like.
    form: Option<&'j SetForm>,
    /// Whether a row without parameters of its own was found to be fine, with the form.
    is_form_fine: bool,
    /// Whether its calls fall to a cap of the budget, so that each must have a worst case.
    is_capped: bool,
    /// Parameters of rows that are left out, and why.
    pub left_out: Vec<(String, String)>,
}

impl<'j> Asker<'j> {
    /// One who is asked, through one of these lanes.
    pub fn new(
        target: &'j JobTarget,
        lanes: &'j [LaneSpec],
        varied: &'j [String],
        caps: &Caps,
    ) -> Self {
        let (policy, label) = (target.on_unsupported, &target.target.label);
        let of = |target: &'j Target, lane: usize, is_fallback: bool| {
            let lane = &lanes[lane];
            let endpoint = lane.provider.endpoint(&Access::default());
            Self {
                target,
                policy,
                lane,
                varied,
                endpoint,
                fallbacks: Vec::new(),
                is_fallback,
                form: None,
                is_form_fine: false,
                is_capped: caps.cover(target, label),
                left_out: Vec::new(),
            }
        };
        let fallbacks = target.target.fallbacks.iter();
        let fallbacks = fallbacks.map(|fallback| of(&fallback.target, fallback.lane, true));
        Self { fallbacks: fallbacks.collect(), ..of(&target.target, target.lane, false) }
    }

    /// The same for a set whose answers must have this form.
    pub fn in_form(mut self, form: Option<&'j SetForm>) -> Self {
        self.form = form;
        self.fallbacks.iter_mut().for_each(|fallback| fallback.form = form);
        self
    }

    /// Whether the row can be asked. What the job itself states was judged with the job, so a row
    /// of plain text has nothing that could be wrong.
    pub fn judge(&mut self, prompt: &Prompt) -> Result<(), Unfit> {
        self.judge_bounds(prompt)?;
        self.fallbacks.iter().try_for_each(|fallback| fallback.judge_bounds(prompt))?;
        let is_plain = prompt.messages.iter().all(is_plain);
        let is_formed = is_plain && self.form.is_some() && prompt.params.len() == 1;
        if is_plain && prompt.params.is_empty() || is_formed && self.is_form_fine {
            return Ok(());
        }
        self.judge_special(prompt)?;
        self.fallbacks.iter_mut().try_for_each(|fallback| fallback.judge_special(prompt))?;
        self.is_form_fine |= is_formed;
        Ok(())
    }

    /// Under a budget, the most that a call can cost must be known before it is sent.
    fn judge_bounds(&self, prompt: &Prompt) -> Result<(), Unfit> {
        // A model without a price was told with the job.
        if !self.is_capped || self.target.price.is_none() {
            return Ok(());
        }
        let own = own(&prompt.params, self.varied);
        let (params, dropped) = laid_over(self.target, self.policy, self.lane, &own);
        let mut messages = prompt.messages.clone();
        if let Some(form) = self.form {
            form.demand.say_if_dropped(&dropped, &mut messages);
        }
        let model = Arc::clone(&self.target.model);
        let request = Request { model, messages, params, ..Request::default() };
        if bound::cost_at_most(&request, self.target).is_some() {
            return Ok(());
        }
        let name = self.target.model_used();
        let bounded = bound::output_at_most(&request, self.target.max_output).is_some();
        let (why, help) = match bounded {
            false => (
                "how long its answer can get",
                "state `max_tokens` in the `params` of the job or of this model",
            ),
            true => (
                "what this row can cost there: its price does not cover what the row or its \
                 parameters ask for",
                "take that out, or state a `price` for the model that holds for such calls",
            ),
        };
        let message = format!(
            "a budget needs to know beforehand what a call can cost, and nobody \
                               knows for `{name}` {why}"
        );
        Err(Unfit { message, help })
    }

    /// The same of a row that has something that could be wrong.
    fn judge_special(&mut self, prompt: &Prompt) -> Result<(), Unfit> {
        let LaneSpec { provider, model, .. } = self.lane;
        // What a row states may clash with what its target does, so they are judged together.
        let own = own(&prompt.params, self.varied);
        let mut params = params::overlaid(&self.target.params, &own);
        for (name, why) in provider.refusals(model, &params) {
            if self.policy == OnUnsupported::Error {
                let help = if self.is_fallback { DROP_OF_FALLBACK } else { DROP };
                return Err(Unfit { message: not_taken(&name, &why, provider, model), help });
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
        let request = Request { model: Arc::clone(model), messages, params, ..Request::default() };
        let Some(why) = unsayable(provider, &self.endpoint, &request) else { return Ok(()) };
        let message = format!("`{}/{model}` cannot be asked this row: {why}", provider.name);
        let help = match self.is_fallback {
            false => "change the row, or name the prompt sets of this model in its `prompts`",
            true => "change the row, or take this model out of the `fallbacks`",
        };
        Err(Unfit { message, help })
    }

    /// Tells what is left out of rows, once for each parameter.
    pub fn tell_left_out(&self, is_told: bool) {
        if is_told || self.policy == OnUnsupported::Warn {
            for (name, why) in &self.left_out {
                not_sent(&self.lane.provider, &self.lane.model, name, why);
            }
        }
        self.fallbacks.iter().for_each(|fallback| fallback.tell_left_out(is_told));
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
    let dialect = provider.tongue(request.operation, &request.model)?;
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
