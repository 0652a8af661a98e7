//! Models: who answers, with which parameters, at what price, and which prompts.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::bound::MostOutput;
use crate::call::fallback::FallbackOn;
use crate::call::money::Price;
use crate::call::request::{Operation, Params};
use crate::call::task::{ContentHash, Target};
use crate::job::check::Check;
use crate::job::check::limits::{conflict, limits};
use crate::job::check::params::Taker;
use crate::job::check::providers::Providers;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{JobFile, ModelFile, OnUnsupported};
use crate::job::key_path::KeyPath;
use crate::job::params;
use crate::job::words;
use crate::job::{JobTarget, LaneSpec};
use crate::mock::prose;
use crate::pace::Limits;
use crate::provider::Provider;
use crate::provider::catalog::MOCK;
use crate::provider::models;
use crate::provider::names::{not_catalogued, resolve};

/// Who is asked, and through which queues.
#[derive(Debug, Default)]
pub struct Models {
    /// The targets, in the order of the file, then of the matrix.
    pub targets: Vec<JobTarget>,
    /// The lanes: those of the models in the order of the file, then those of fallbacks alone.
    pub lanes: Vec<LaneSpec>,
    /// Which model first stated each lane's limits.
    stated: Vec<KeyPath>,
}

/// A model that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Who answers.
    pub provider: Arc<Provider>,
    /// The model's name as the provider knows it.
    pub model: Arc<str>,
    /// What its tokens cost, if that is known.
    pub price: Option<Price>,
    /// Its lane, as a place in [`Models::lanes`].
    pub lane: usize,
}

impl Models {
    /// The lane of this model; a new one without limits where it has none yet.
    pub fn lane_of(&mut self, provider: &Arc<Provider>, name: &Arc<str>, at: &KeyPath) -> usize {
        let is_this = |lane: &LaneSpec| lane.provider.name == provider.name && lane.model == *name;
        if let Some(place) = self.lanes.iter().position(is_this) {
            return place;
        }
        let (provider, model) = (Arc::clone(provider), Arc::clone(name));
        self.lanes.push(LaneSpec { provider, model, limits: Limits::default() });
        self.stated.push(at.clone());
        self.lanes.len() - 1
    }
}

impl Found {
    /// Whether it is this model of this provider.
    pub fn is(&self, provider: &Provider, model: &str) -> bool {
        self.provider.name == provider.name && *self.model == *model
    }

    /// Whether the other is the same model of the same provider.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is(&other.provider, &other.model)
    }

    /// It, as one who is asked.
    pub fn taker<'c>(
        &'c self,
        policy: OnUnsupported,
        path: &'c KeyPath,
        is_fallback: bool,
    ) -> Taker<'c> {
        let (provider, model, operation) = (&self.provider, &self.model, Operation::Chat);
        Taker { provider, model, operation, policy, path, is_fallback }
    }
}

/// An entry of `[[models]]`.
#[derive(Debug)]
pub struct Entry<'f> {
    /// As it stands in the file.
    pub file: &'f ModelFile,
    /// Where it stands.
    pub path: KeyPath,
    /// The model; `None` when it is at fault, which was told.
    pub found: Option<Found>,
}

impl Entry<'_> {
    /// How reports name it.
    pub fn label(&self) -> &str {
        self.file.name().unwrap_or_default()
    }
}

impl Check<'_> {
    /// All models of the job.
    pub fn models(&mut self, file: &JobFile, providers: &mut Providers, sets: &[String]) -> Models {
        let top = KeyPath::top();
        self.params(&file.params, &top.key("params"));
        let combinations = self.matrix(&file.matrix, &top.key("matrix"));
        let mut models = Models::default();
        let entries = self.entries(file, providers, &mut models);
        for entry in &entries {
            let Entry { file: model, path, found } = entry;
            let sets = self.set_places(model.prompts.as_deref(), sets, &path.key("prompts"));
            let fallbacks = self.fallbacks(entry, &entries, &mut models, providers);
            let Some(found) = found else { continue };
            let base = params::overlaid(&file.params.clone().into(), &model.params.clone().into());
            let policy = model.on_unsupported.or(file.on_unsupported).unwrap_or_default();
            for combination in &combinations {
                let stated = params::overlaid(&base, &combination.params);
                let taker = found.taker(policy, path, false);
                let mut target = self.target(entry.label(), found, stated.clone(), taker);
                target.variant.clone_from(&combination.variant);
                target.fallbacks = self.stand_ins(&fallbacks, &target, &stated, policy).into();
                target.fallback_on = model.on.as_deref().map(FallbackOn::only).unwrap_or_default();
                let hash = ContentHash::of_target(&target, nth_alike(&models.targets, &target));
                models.targets.push(JobTarget {
                    target: Arc::new(target),
                    hash,
                    lane: found.lane,
                    sets: sets.clone(),
                    on_unsupported: policy,
                });
            }
        }
        models
    }

    /// The entries of `[[models]]`, each with its lane.
    fn entries<'f>(
        &mut self,
        file: &'f JobFile,
        providers: &mut Providers,
        models: &mut Models,
    ) -> Vec<Entry<'f>> {
        let mut labels: BTreeMap<&str, KeyPath> = BTreeMap::new();
        let mut entries = Vec::new();
        for (nth, model) in file.models.iter().flatten().enumerate() {
            let path = KeyPath::top().key("models").index(nth);
            self.label(model, &path, &mut labels);
            self.params(&model.params, &path.key("params"));
            let price = self.price(model.price.as_ref(), &path.key("price"));
            let name = model.model.as_deref();
            let found =
                name.and_then(|name| self.resolve(name, &[], providers, &path.key("model")));
            let found = found.map(|(provider, name)| {
                // What the job states wins, and what cannot be read of it is a fault anyway.
                let price = if model.price.is_some() { price } else { listed(&provider, &name) };
                let lane = self.lane(models, &provider, &name, model, &path);
                Found { provider, model: name, price, lane }
            });
            entries.push(Entry { file: model, path, found });
        }
        entries
    }

    /// A model with its parameters, as yet without variant and fallbacks.
    pub fn target(
        &mut self,
        label: &str,
        found: &Found,
        stated: Params,
        taker: Taker<'_>,
    ) -> Target {
        let (params, dropped) = self.taken(stated, taker);
        Target {
            label: label.into(),
            provider: Arc::clone(&found.provider.name),
            model: Arc::clone(&found.model),
            variant: None,
            params: Arc::new(params),
            dropped: Arc::new(dropped),
            price: found.price.clone(),
            window: models::window(&found.provider.name, &found.model),
            max_output: max_output(&found.provider.name, &found.model),
            fallbacks: Arc::default(),
            fallback_on: FallbackOn::default(),
        }
    }

    /// The provider of a model by its name, which may be a slip of the pen for one of `labels`.
    pub fn resolve(
        &mut self,
        name: &str,
        labels: &[&str],
        providers: &mut Providers,
        at: &KeyPath,
    ) -> Option<(Arc<Provider>, Arc<str>)> {
        let at = at.clone();
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
                let meant = words::did_you_mean(name, labels.iter().copied());
                let message = match meant {
                    Some(_) => format!("no model of this job is called `{}`", name.escape_debug()),
                    None => why.message,
                };
                let fault = Diagnostic::at_value(at, message).help(meant.unwrap_or(why.help));
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
    pub fn lane(
        &mut self,
        models: &mut Models,
        provider: &Arc<Provider>,
        name: &Arc<str>,
        model: &ModelFile,
        path: &KeyPath,
    ) -> usize {
        let limits = limits(&model.limits);
        let place = models.lane_of(provider, name, path);
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

/// The price in the table of models.
pub fn listed(provider: &Provider, model: &str) -> Option<Price> {
    provider.listed_price(model)
}

/// The most output of a model, as far as that is known.
fn max_output(provider: &str, model: &str) -> MostOutput {
    if *provider == *MOCK {
        return MostOutput::Echo(prose::tokens_at_most(model));
    }
    models::max_output(provider, model).map_or(MostOutput::Unknown, MostOutput::Tokens)
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
