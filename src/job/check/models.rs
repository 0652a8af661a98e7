//! Models: who answers, with which parameters, at what price, and which prompts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::request::{Message, Params, Request};
use crate::call::task::{ContentHash, Target};
use crate::job::asking::{DROP, not_sent, not_taken, unsayable};
use crate::job::check::Check;
use crate::job::check::limits::{conflict, limits};
use crate::job::check::providers::{Providers, is_mock};
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{JobFile, ModelFile, OnUnsupported};
use crate::job::key_path::KeyPath;
use crate::job::params::{self, NOT_PARAMS};
use crate::job::words;
use crate::job::{JobTarget, LaneSpec};
use crate::provider::Provider;
use crate::provider::access::Access;
use crate::provider::models::find;
use crate::provider::names::{not_catalogued, resolve};

/// Variables that ask for each parameter that is dropped to be logged.
const DROPPED: [&str; 2] = ["RUNNER_DROPPED_PARAMS", "LITELLM_DROPPED_PARAMS"];

/// Who is asked, and through which queues.
#[derive(Debug, Default)]
pub struct Models {
    /// The targets, in the order of the file, then of the matrix.
    pub targets: Vec<JobTarget>,
    /// The lanes.
    pub lanes: Vec<LaneSpec>,
    /// Which model first stated each lane's limits.
    stated: Vec<KeyPath>,
}

impl Check<'_> {
    /// All models of the job.
    pub fn models(&mut self, file: &JobFile, providers: &mut Providers, sets: &[String]) -> Models {
        let top = KeyPath::top();
        self.params(&file.params, &top.key("params"));
        let combinations = self.matrix(&file.matrix, &top.key("matrix"));
        let mut models = Models::default();
        let mut labels: BTreeMap<&str, KeyPath> = BTreeMap::new();
        for (nth, model) in file.models.iter().flatten().enumerate() {
            let path = top.key("models").index(nth);
            self.label(model, &path, &mut labels);
            self.params(&model.params, &path.key("params"));
            let sets = self.set_places(model.prompts.as_deref(), sets, &path.key("prompts"));
            let price = self.price(model.price.as_ref(), &path.key("price"));
            let Some((provider, name)) = self.resolve(model, providers, &path) else { continue };
            let base = params::overlaid(&file.params.clone().into(), &model.params.clone().into());
            // What the job states wins, and what cannot be read of it is a fault anyway.
            let listed = || find(&provider.name, &name)?.price;
            let price = if model.price.is_some() { price } else { listed() };
            let lane = self.lane(&mut models, &provider, &name, model, &path);
            for combination in &combinations {
                let stated = params::overlaid(&base, &combination.params);
                self.fits_mock(&provider, &stated, &path);
                let policy = model.on_unsupported.or(file.on_unsupported).unwrap_or_default();
                let (params, dropped) = self.taken(stated, &provider, &name, policy, &path);
                let target = Target {
                    label: model
                        .label
                        .as_deref()
                        .or(model.model.as_deref())
                        .unwrap_or_default()
                        .into(),
                    provider: Arc::clone(&provider.name),
                    model: Arc::clone(&name),
                    variant: combination.variant.clone(),
                    params: Arc::new(params),
                    dropped: Arc::new(dropped),
                    price: price.clone(),
                };
                let hash = ContentHash::of_target(&target, nth_alike(&models.targets, &target));
                let target = JobTarget {
                    target: Arc::new(target),
                    hash,
                    lane,
                    sets: sets.clone(),
                    on_unsupported: policy,
                };
                models.targets.push(target);
            }
        }
        models
    }

    fn resolve(
        &mut self,
        model: &ModelFile,
        providers: &mut Providers,
        path: &KeyPath,
    ) -> Option<(Arc<Provider>, Arc<str>)> {
        let name = model.model.as_deref()?;
        let at = path.key("model");
        match resolve(name, &self.catalog, &providers.names(), self.env) {
            Ok(resolved) => {
                // An own name may be an alias of the catalogue, whose proper name counts.
                let proper = self.catalog.find(&resolved.provider).map(|(name, _)| name.to_owned());
                let proper = proper.unwrap_or(resolved.provider);
                if !self.knows(&proper, providers) {
                    let why = not_catalogued(name, &proper);
                    self.missing.push(Diagnostic::at_value(at, why.message).help(why.help));
                    return None;
                }
                let provider = self.provider(providers, &proper, &at)?;
                if let Err(fault) = provider.knows(&resolved.model) {
                    let told = Diagnostic::at_value(at, fault.message).help(fault.help);
                    self.faults.push(told);
                    return None;
                }
                Some((provider, resolved.model.into()))
            }
            Err(why) => {
                let fault = Diagnostic::at_value(at, why.message).help(why.help);
                // Its definition may stand in a part of the text that could not be read.
                self.missing.push(fault);
                None
            }
        }
    }

    fn label<'f>(
        &mut self,
        model: &'f ModelFile,
        path: &KeyPath,
        labels: &mut BTreeMap<&'f str, KeyPath>,
    ) {
        let (label, path) = match (&model.label, &model.model) {
            (Some(label), _) => (label, path.key("label")),
            (None, Some(name)) => (name, path.key("model")),
            (None, None) => return,
        };
        if label.trim().is_empty() || label.chars().any(char::is_control) {
            let message = "a model needs a name that can be shown";
            let help = "write a `label` of one line";
            self.faults.push(Diagnostic::at_value(path.clone(), message).help(help));
        }
        if let Some(first) = labels.get(label.as_str()) {
            let place = Place::Key { path: first.clone(), on: On::Value };
            let message = format!("two models are called `{}`", label.escape_debug());
            let fault = Diagnostic::at_value(path, message).also(place, "the other");
            self.faults.push(fault.help("give each a `label` of its own: reports name them by it"));
        } else {
            labels.insert(label, path);
        }
    }

    /// The places of the prompt sets that a model gets.
    fn set_places(
        &mut self,
        named: Option<&[String]>,
        sets: &[String],
        path: &KeyPath,
    ) -> Vec<usize> {
        let Some(named) = named else { return (0..sets.len()).collect() };
        let mut places = Vec::new();
        for (nth, name) in named.iter().enumerate() {
            if let Some(place) = sets.iter().position(|set| set == name) {
                places.push(place);
                continue;
            }
            let message = format!("no prompt set is called `{}`", name.escape_debug());
            let help = words::suggestion(name, sets, "there is");
            self.missing.push(Diagnostic::at_value(path.index(nth), message).help(help));
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Keys that are no parameters, slips of the pen, and what cannot be asked yet.
    fn params(&mut self, table: &Map<String, Value>, path: &KeyPath) {
        for name in table.keys() {
            self.param(name, &path.key(name));
        }
        if let Some([first, second]) = params::stated_twice(table) {
            let place = Place::Key { path: path.key(first), on: On::Key };
            let message = format!("`{first}` and `{second}` are two names for one limit");
            let fault = Diagnostic::at_key(path.key(second), message).also(place, "the other");
            self.faults.push(fault.help("keep the one that the model takes"));
        }
    }

    /// A key that is no parameter, or a slip of the pen.
    pub fn param(&mut self, name: &str, path: &KeyPath) {
        if let Some((_, help)) = NOT_PARAMS.iter().find(|(known, _)| *known == name) {
            let message = format!("`{name}` is no parameter");
            self.faults.push(Diagnostic::at_key(path.clone(), message).help(*help));
        } else if let Some(meant) = params::meant(name) {
            let fault = Diagnostic::at_key(path.clone(), format!("unknown parameter `{name}`"));
            self.faults.push(fault.help(format!("did you mean `{meant}`?")));
        }
    }

    /// The parameters that the provider takes, and those that are dropped.
    fn taken(
        &mut self,
        mut stated: Params,
        provider: &Provider,
        model: &str,
        policy: OnUnsupported,
        path: &KeyPath,
    ) -> (Params, Vec<String>) {
        let before = self.faults.len();
        let mut dropped = Vec::new();
        for (name, why) in provider.refusals(model, &stated) {
            if policy == OnUnsupported::Error {
                self.refuse(&name, &why, provider, model, path);
                continue;
            }
            if policy == OnUnsupported::Warn || self.tells_dropped() {
                not_sent(provider, model, &name, &why);
            }
            stated.shift_remove(&name);
            dropped.push(name);
        }
        if self.faults.len() == before {
            self.fit_together(&stated, provider, model, path);
        }
        (stated, dropped)
    }

    /// Whether each parameter that is left out is to be logged.
    pub fn tells_dropped(&self) -> bool {
        let is_set = |value: String| value.eq_ignore_ascii_case("true") || value == "1";
        DROPPED.iter().any(|name| self.env.get(name).is_some_and(is_set))
    }

    /// Parameters that a model takes one by one, and not all together.
    fn fit_together(&mut self, params: &Params, provider: &Provider, model: &str, path: &KeyPath) {
        let request = Request {
            model: model.into(),
            messages: vec![Message::text("user", "Hi")],
            params: Arc::new(params.clone()),
        };
        let endpoint = provider.endpoint(&Access::default());
        if let Some(why) = unsayable(provider, &endpoint, &request) {
            let places = [path.key("params"), KeyPath::top().key("params"), path.key("model")];
            let place = places.into_iter().find(|place| self.document.has(place));
            let message = format!("`{}/{model}` cannot be asked so: {why}", provider.name);
            let fault = Diagnostic::at_key(place.unwrap_or_else(|| path.clone()), message);
            let fault = fault.help("change the parameters that the message names");
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
    }

    /// A parameter that this model does not take, where it was stated.
    fn refuse(&mut self, name: &str, why: &str, provider: &Provider, model: &str, path: &KeyPath) {
        let own = path.key("params").key(name);
        let places =
            [own, KeyPath::top().key("matrix").key(name), KeyPath::top().key("params").key(name)];
        let place = places.into_iter().find(|place| self.document.has(place));
        let message = not_taken(name, why, provider, model);
        let fault = Diagnostic::at_key(place.unwrap_or_else(|| path.key("model")), message);
        let fault = fault.help(DROP);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// The lane of this model, with the limits that any of its entries state.
    fn lane(
        &mut self,
        models: &mut Models,
        provider: &Arc<Provider>,
        name: &Arc<str>,
        model: &ModelFile,
        path: &KeyPath,
    ) -> usize {
        let limits = limits(&model.limits);
        let is_this = |lane: &LaneSpec| lane.provider.name == provider.name && lane.model == *name;
        let Some(place) = models.lanes.iter().position(is_this) else {
            let (provider, model) = (Arc::clone(provider), Arc::clone(name));
            models.lanes.push(LaneSpec { provider, model, limits });
            models.stated.push(path.clone());
            return models.lanes.len() - 1;
        };
        let lane = &mut models.lanes[place];
        if let Some(limit) = conflict(&lane.limits, &limits) {
            let other = models.stated[place].key("limits").key(limit);
            let message = format!("`{name}` has another `{limit}` above");
            let fault = Diagnostic::at_value(path.key("limits").key(limit), message);
            let fault = fault.also(Place::Key { path: other, on: On::Value }, "the other");
            let help = "one model of one provider has one limit, whatever its labels; keep one";
            self.faults.push(fault.help(help));
        }
        lane.limits = lane.limits.overlaid(limits);
        place
    }

    fn fits_mock(&mut self, provider: &Provider, params: &Params, path: &KeyPath) {
        let choices = params.get("n").and_then(Value::as_u64).unwrap_or(1);
        if is_mock(provider) && choices > 1 {
            let message = "the built-in provider gives one answer to a call: `n` must be 1";
            let fault = Diagnostic::at_value(path.key("model"), message);
            let fault = fault.help("to ask more than once, write repeats = 2 at the top");
            if self.faults.last() != Some(&fault) {
                self.faults.push(fault);
            }
        }
    }
}

/// How many targets before this one are like it in all that is asked.
fn nth_alike(targets: &[JobTarget], target: &Target) -> u32 {
    let alike = |other: &&JobTarget| {
        let other = &other.target;
        other.provider == target.provider
            && other.model == target.model
            && other.params == target.params
    };
    targets.iter().filter(alike).count() as u32
}
