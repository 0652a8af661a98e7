//! The budget: what may be spent, and whether each call's worst case is known beforehand.

use std::sync::Arc;

use crate::call::bound;
use crate::call::money::Usd;
use crate::call::request::Request;
use crate::call::task::Target;
use crate::job::Caps;
use crate::job::check::Check;
use crate::job::check::models::Models;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::{BudgetFile, JobFile};
use crate::job::file_scorers::ScorerFile;
use crate::job::key_path::KeyPath;
use crate::job::scorers::{Asked, How, JobScorer};

impl Check<'_> {
    /// The caps of the job, of its providers, of its models and of the scorers that ask one.
    pub fn caps(&mut self, file: &JobFile, models: &Models, scorers: &[JobScorer]) -> Caps {
        let top = KeyPath::top();
        let run = self.cap(Some(&file.budget), &top.key("budget"));
        let mut caps = Caps { run, ..Caps::default() };
        for (name, provider) in &file.providers.0 {
            let path = top.key("providers").key(name).key("budget");
            let proper = self.catalog.find(name).map_or(&**name, |(proper, _)| proper).to_owned();
            let cap = self.cap(provider.budget.as_ref(), &path);
            caps.providers.extend(cap.map(|cap| (proper.into(), cap)));
        }
        for (nth, model) in file.models.iter().flatten().enumerate() {
            let cap = self.cap(model.budget.as_ref(), &top.key("models").index(nth).key("budget"));
            caps.models.extend(cap.and_then(|cap| Some((model.name()?.into(), cap))));
        }
        for (column, scorer) in &file.scorers.0 {
            let (kind, budget) = match scorer {
                ScorerFile::Judge(judge) => ("judge", judge.budget.as_ref()),
                ScorerFile::Cosine(cosine) => ("cosine", cosine.budget.as_ref()),
                ScorerFile::Plain(_)
                | ScorerFile::Command(_)
                | ScorerFile::Several(_)
                | ScorerFile::Unknown => continue,
            };
            let path = top.key("scorers").key(column).key(kind);
            let cap = self.cap(budget, &path.key("budget"));
            let scorer = scorers.iter().find(|scorer| scorer.head.column == *column);
            let Some(asked) = scorer.and_then(JobScorer::asked) else { continue };
            caps.models.extend(cap.map(|cap| (Arc::clone(&asked.target.label), cap)));
            if caps.cover(&asked.target, &asked.target.label) && asked.target.price.is_none() {
                let help = match kind {
                    "cosine" => {
                        "state it in USD per million tokens: price = { input = ... }; 0 for what is \
                         free"
                    }
                    _ => {
                        "state it in USD per million tokens: price = { input = ..., output = ... }; \
                         0 for what is free"
                    }
                };
                self.faults.push(unpriced("", &asked.target, path.key("model")).help(help));
            } else {
                self.must_be_bounded(&caps, scorer.map(|scorer| &scorer.how), asked, &path);
            }
        }
        self.must_be_priced(file, models, &caps);
        caps
    }

    fn cap(&mut self, budget: Option<&BudgetFile>, path: &KeyPath) -> Option<Usd> {
        let amount = budget?.max_usd.as_ref()?;
        let why = match amount.0.parse::<Usd>() {
            Ok(usd) if usd >= Usd::ZERO => return Some(usd),
            Ok(_) => "is below zero".to_owned(),
            Err(why) => why.to_string(),
        };
        let fault = Diagnostic::at_value(path.key("max_usd"), format!("the budget {why}"));
        self.faults.push(fault.help("write USD: a number, or text such as \"2.50\""));
        None
    }

    /// Under a cap it is known beforehand how long a judge's answers can get. An embedding has no
    /// output.
    fn must_be_bounded(&mut self, caps: &Caps, how: Option<&How>, asked: &Asked, path: &KeyPath) {
        let target = &asked.target;
        if !caps.cover(target, &target.label) || !matches!(how, Some(How::Judge { .. })) {
            return;
        }
        let request = Request { params: Arc::clone(&target.params), ..Request::new("") };
        if bound::output_at_most(&request, target.max_output).is_none() {
            let name = target.model_used();
            let message = format!(
                "a budget needs to know beforehand what a call can cost, and nobody knows for \
                 `{name}` how long its answer can get"
            );
            let help = "state `max_tokens` in the `params` of this scorer";
            self.faults.push(Diagnostic::at_value(path.key("model"), message).help(help));
        }
    }

    /// Whoever may be asked under a cap has a price.
    fn must_be_priced(&mut self, file: &JobFile, models: &Models, caps: &Caps) {
        for (nth, model) in file.models.iter().flatten().enumerate() {
            let path = KeyPath::top().key("models").index(nth);
            let label = model.name().unwrap_or_default();
            // The combinations of a matrix share the price and the fallbacks of their model.
            let of_model = models.targets.iter().find(|target| *target.target.label == *label);
            let Some(target) = of_model.map(|target| &target.target) else { continue };
            let is_unpriced = |target: &Target| caps.cover(target, label) && target.price.is_none();
            if is_unpriced(target) {
                let help = "state it in USD per million tokens: price = { input = ..., output = ... }; \
                            0 for what is free";
                self.faults.push(unpriced("", target, path.key("model")).help(help));
            }
            let fallbacks = target.fallbacks.iter().map(|fallback| &*fallback.target);
            for fallback in fallbacks.filter(|fallback| is_unpriced(fallback)) {
                let help = "make it a model of this job with a `price`, or take it out of the \
                            `fallbacks`";
                let fault = unpriced("the fallback ", fallback, path.key("fallbacks"));
                self.faults.push(fault.help(help));
            }
        }
    }
}

fn unpriced(role: &str, target: &Target, at: KeyPath) -> Diagnostic {
    let name = target.model_used();
    Diagnostic::at_value(at, format!("{role}`{name}` has no known price, and a budget needs one"))
}

impl Caps {
    /// Whether calls of this target for the tasks of the model with this label fall to a cap.
    pub fn cover(&self, target: &Target, label: &str) -> bool {
        self.run.is_some()
            || self.providers.iter().any(|(name, _)| *name == target.provider)
            || self.models.iter().any(|(name, _)| **name == *label)
    }
}
