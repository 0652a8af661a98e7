//! Which attempts count: `--job`, `--model`, `--provider`.

use glob::Pattern;

use super::{UsageArgs, glob};
use crate::audit::ledger::spent::Head;
use crate::cli::exit::CliError;
use crate::job::words;

/// What a pattern is held against.
type Name = fn(&Head) -> &str;

/// The patterns that were stated.
pub(super) struct Fits {
    job: Option<Pattern>,
    model: Option<Pattern>,
    provider: Option<Pattern>,
}

impl Fits {
    pub(super) fn of(args: &UsageArgs) -> Result<Self, CliError> {
        Ok(Self {
            job: glob("--job", args.job.as_deref())?,
            model: glob("--model", args.model.as_deref())?,
            provider: glob("--provider", args.provider.as_deref())?,
        })
    }

    pub(super) fn fit(&self, head: &Head) -> bool {
        let fits = |pattern: &Option<Pattern>, names: &[&str]| {
            let Some(pattern) = pattern else { return true };
            names.iter().any(|name| pattern.matches(name))
        };
        fits(&self.job, &[&head.job])
            && fits(&self.model, &[&head.model, &head.model_used])
            && fits(&self.provider, &[&head.provider])
    }

    /// Which pattern fits nothing at all, and what there is.
    pub(super) fn why_nothing(&self, heads: &[Head]) -> Option<String> {
        let named: [(_, _, Name); 3] = [
            (&self.job, "job", |head| &head.job),
            (&self.model, "model", |head| &head.model),
            (&self.provider, "provider", |head| &head.provider),
        ];
        named.into_iter().find_map(|(pattern, noun, name)| {
            let pattern = pattern.as_ref()?;
            let mut names: Vec<&str> = heads.iter().map(name).collect();
            names.sort_unstable();
            names.dedup();
            let is_used = |head: &Head| noun == "model" && pattern.matches(&head.model_used);
            if names.is_empty()
                || names.iter().any(|name| pattern.matches(name))
                || heads.iter().any(is_used)
            {
                return None;
            }
            let help = words::suggestion(pattern.as_str(), &names, "there is");
            Some(format!("no {noun} fits `{pattern}`: {help}"))
        })
    }
}
