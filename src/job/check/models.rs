//! Models: who answers, with which parameters, at what price, and which prompts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::task::{ContentHash, Target};
use crate::job::check::Check;
use crate::job::check::limits::{conflict, limits};
use crate::job::check::providers::Providers;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{JobFile, ModelFile};
use crate::job::key_path::KeyPath;
use crate::job::params;
use crate::job::words;
use crate::job::{JobTarget, LaneSpec};
use crate::provider::Provider;
use crate::provider::models::find;
use crate::provider::names::{not_catalogued, resolve};

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
