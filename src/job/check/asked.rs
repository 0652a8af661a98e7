//! Whom scorers ask: models of the catalogue or of the job, through lanes of their own or of the job.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::request::Operation;
use crate::call::task::ContentHash;
use crate::job::check::Check;
use crate::job::check::models::{Found, listed};
use crate::job::check::params::Taker;
use crate::job::check::scorers::Around;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::{LimitsFile, ModelFile, OnUnsupported, PriceFile};
use crate::job::key_path::KeyPath;
use crate::job::scorers::Asked;
use crate::provider::embedding::none_of;
use crate::provider::located::Fault;
use crate::provider::{Provider, models};

/// The model that a scorer wants to ask, as it states it.
pub struct Wanted<'f> {
    /// What for.
    pub operation: Operation,
    /// How reports name it.
    pub label: String,
    /// Its name.
    pub model: Option<&'f str>,
    /// The parameters of each call.
    pub params: &'f Map<String, Value>,
    /// What its tokens cost, over the catalogue's price.
    pub price: Option<&'f PriceFile>,
    /// What it allows.
    pub limits: &'f LimitsFile,
}

impl Check<'_> {
    /// The model that a scorer asks, through a lane of the job.
    pub fn asked(
        &mut self,
        wanted: &Wanted<'_>,
        path: &KeyPath,
        around: &mut Around<'_>,
    ) -> Option<Asked> {
        let Wanted { operation, model: name, params, price, limits, .. } = *wanted;
        self.params(params, &path.key("params"));
        let stated = self.price(price, &path.key("price"));
        let name = name?;
        // It may be a model of the job by its label, with the price that stands there.
        let of_job = around.file.models.iter().flatten().enumerate();
        let of_job = of_job.clone().find(|(_, model)| model.label.as_deref() == Some(name));
        let own = of_job.and_then(|(nth, model)| {
            let path = KeyPath::top().key("models").index(nth).key("price");
            // What is at fault there was told.
            let faults = self.faults.len();
            let price = self.price(model.price.as_ref(), &path);
            self.faults.truncate(faults);
            price
        });
        let name = of_job.and_then(|(_, model)| model.model.as_deref()).unwrap_or(name);
        let at = path.key("model");
        let (provider, model) = self.resolve(name, &around.labels, around.providers, &at)?;
        if operation == Operation::Embed
            && let Err(fault) = gives_embeddings(&provider, &model)
        {
            self.faults.push(Diagnostic::at_value(at, fault.message).help(fault.help));
            return None;
        }
        let price = match price {
            Some(_) => stated,
            None => own.or_else(|| listed(&provider, &model)),
        };
        let limited = ModelFile { limits: limits.clone(), ..ModelFile::default() };
        let lane = self.lane(around.models, &provider, &model, &limited, path);
        let found = Found { provider, model, price, lane };
        let taker = Taker { operation, ..found.taker(OnUnsupported::Error, path, false) };
        let target = self.target(&wanted.label, &found, params.clone().into(), taker);
        let hash = ContentHash::of_target(&target, 0);
        Some(Asked { target: Arc::new(target), hash, lane })
    }
}

/// Whether this model of this provider gives embeddings, as far as that is known.
fn gives_embeddings(provider: &Provider, model: &str) -> Result<(), Fault> {
    let none = || Err(none_of(&format!("{}/{model}", provider.name)));
    let Some(tongue) = provider.tongue(Operation::Embed, model) else { return none() };
    tongue.knows(&provider.base_url, &provider.settings, model)?;
    // A server of open models takes any of them.
    let is_local = tongue.name() == "ollama";
    match models::find(&provider.name, model).filter(|_| !is_local) {
        Some(row) if !row.gives_embeddings() => none(),
        _ => Ok(()),
    }
}
