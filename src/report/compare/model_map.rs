//! Which model of the base is held against which of the new run, where their labels differ.

use super::side::{ModelHead, Side};

/// What `--map BASE=NEW` says, as often as it is said.
#[derive(Clone, Debug, Default)]
pub struct ModelMap(Vec<(String, String)>);

/// A `--map` that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// There is no `=` between two names.
    #[error("`{0}` is not two models with `=` between them")]
    NotTwo(String),
    /// A run has no such model.
    #[error("the {run} run has no model `{name}`")]
    NoModel {
        /// `base` or `new`.
        run: &'static str,
        /// The name.
        name: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// A model is held against two.
    #[error("`{0}` is named twice")]
    Twice(String),
}

impl ModelMap {
    /// Reads what was said, for these runs. A label may hold a `=` of its own, as variants do.
    pub(super) fn read(said: &[String], base: &Side, new: &Side) -> Result<Self, MapError> {
        let mut map = Vec::new();
        for text in said {
            let (from, to) = split(text, base, new)?;
            if map.iter().any(|(known, _)| *known == from) {
                return Err(MapError::Twice(from));
            }
            if map.iter().any(|(_, known)| *known == to) {
                return Err(MapError::Twice(to));
            }
            map.push((from, to));
        }
        Ok(Self(map))
    }

    /// Whether tasks of the same id belong together, although the models are these.
    pub(super) fn leaves(&self, base: &ModelHead, new: &ModelHead) -> bool {
        let named = |(from, to): &(String, String)| names(from, base) || names(to, new);
        !self.0.iter().any(named)
    }

    /// By what the models of the base are known in both runs; `None` for one whose name another
    /// model has taken.
    pub(super) fn base_key(&self, model: &ModelHead) -> Option<String> {
        self.key(model, |(from, to)| (from, to))
    }

    /// The same for the new run.
    pub(super) fn new_key(&self, model: &ModelHead) -> Option<String> {
        self.key(model, |(from, to)| (to, from))
    }

    fn key(
        &self,
        model: &ModelHead,
        own_first: fn(&(String, String)) -> (&String, &String),
    ) -> Option<String> {
        let variant = model.variant.as_deref().unwrap_or_default();
        for (nth, pair) in self.0.iter().enumerate() {
            let (own, _) = own_first(pair);
            // A whole name stands for one variant, a label for all of them.
            if *own == model.name {
                return Some(format!("#{nth}\n"));
            }
            if *own == model.label {
                return Some(format!("#{nth}\n{variant}"));
            }
        }
        let is_taken = self.0.iter().any(|pair| names(own_first(pair).1, model));
        (!is_taken).then(|| format!("={}\n{variant}", model.label))
    }
}

fn names(name: &str, model: &ModelHead) -> bool {
    name == model.label || name == model.name
}

fn split(text: &str, base: &Side, new: &Side) -> Result<(String, String), MapError> {
    let has = |side: &Side, name: &str| side.models.iter().any(|model| names(name, model));
    let splits: Vec<(&str, &str)> =
        text.match_indices('=').map(|(at, _)| (&text[..at], &text[at + 1..])).collect();
    let whole = splits.iter().find(|(from, to)| has(base, from) && has(new, to));
    let Some((from, to)) = whole.or(splits.first()) else {
        return Err(MapError::NotTwo(text.to_owned()));
    };
    for (run, side, name) in [("base", base, from), ("new", new, to)] {
        if !has(side, name) {
            let known = side.models.iter().map(|model| model.name.clone()).collect();
            return Err(MapError::NoModel { run, name: (*name).to_owned(), known });
        }
    }
    Ok(((*from).to_owned(), (*to).to_owned()))
}
