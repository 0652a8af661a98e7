//! What is said at the end of a run about models that took no more calls: why, and what to do.

use crate::call::failure::FailureKind;
use crate::call::pacing::Pacing;
use crate::cli::screen::clipped;
use crate::job::Job;
use crate::provider::Provider;
use crate::provider::auth::{Auth, KeySource};
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;
use crate::provider::located::{Changes, located};
use crate::report::advice::advice;
use crate::report::figures::count;
use crate::report::summary::Summary;

/// A line for each model that was closed in the last session, and help below those that want the
/// same.
pub fn notes(summary: &Summary, job: &Job, env: &Env) -> Vec<String> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for lane in &summary.pace {
        // Those that were parked are told with the deadline, beyond which they would have waited.
        let Some(reason) = lane.closed.as_ref().filter(|_| !lane.parked) else { continue };
        let skipped = skipped(lane, job, summary);
        if lane.calls == 0 && skipped == 0 {
            // It is a fallback that nobody fell back on.
            continue;
        }
        let (line, help) = (line(lane, reason, skipped), help(lane, job, env));
        match groups.iter_mut().find(|(other, _)| *other == help) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((help, vec![line])),
        }
    }
    let with_help =
        |(help, lines): (String, Vec<String>)| lines.into_iter().chain([format!("help: {help}")]);
    groups.into_iter().flat_map(with_help).collect()
}

fn line(lane: &Pacing, reason: &str, skipped: u64) -> String {
    let kind = lane.closed_by.map(|kind| format!(" ({kind})")).unwrap_or_default();
    let (name, reason) = (lane.name(), clipped(reason));
    let tasks = match skipped {
        0 => String::new(),
        1 => "; 1 task was skipped".to_owned(),
        many => format!("; {} tasks were skipped", count(many)),
    };
    format!("{} was closed{kind}: {reason}{tasks}", clipped(&name))
}

/// Tasks of this model that were skipped. Their rows may tell of fallbacks, but not their labels.
fn skipped(lane: &Pacing, job: &Job, summary: &Summary) -> u64 {
    let is_of_lane = |label: &str| {
        job.targets.iter().any(|target| {
            let spec = &job.lanes[target.lane];
            *target.target.label == *label
                && (&*spec.provider.name, &*spec.model) == (&*lane.provider, &*lane.model)
        })
    };
    let of_lane = summary.by_model.iter().filter(|model| is_of_lane(&model.model));
    of_lane.map(|model| model.totals.skipped).sum()
}

fn help(lane: &Pacing, job: &Job, env: &Env) -> String {
    let mut providers = job.lanes.iter().map(|spec| &*spec.provider);
    let provider = providers.find(|provider| *provider.name == *lane.provider);
    let doctor = provider.filter(|provider| knows(provider, env));
    match (lane.closed_by, provider) {
        (Some(FailureKind::Authentication), Some(provider)) => {
            let tried = match doctor {
                Some(_) => format!(", try it with `runner doctor {}`", lane.name()),
                None => String::new(),
            };
            format!("check {}{tried}; then --resume asks what was skipped", key(provider, env))
        }
        (Some(FailureKind::QuotaExceeded), _) => format!(
            "add credit to the account at `{}` or raise its quota; then --resume asks what was \
             skipped",
            lane.provider
        ),
        (
            Some(
                FailureKind::RateLimit
                | FailureKind::Timeout
                | FailureKind::ApiConnection
                | FailureKind::ServiceUnavailable
                | FailureKind::InternalServer
                | FailureKind::ApiResponseValidation
                | FailureKind::Api,
            ),
            _,
        ) => {
            let told = match doctor {
                Some(_) => format!("; `runner doctor {}` tells whether it is there", lane.name()),
                None => String::new(),
            };
            format!("--resume asks what was skipped, once the provider answers again{told}")
        }
        (Some(kind), _) => advice(kind).to_owned(),
        (None, _) => "--resume asks what was skipped".to_owned(),
    }
}

/// Where the key of a provider is found.
fn key(provider: &Provider, env: &Env) -> String {
    let quoted = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(" or ")
    };
    let found = |names: &[String]| env.first(names).map(|(name, _)| format!("`{name}`"));
    match &provider.key {
        KeySource::Env(names) | KeySource::OptionalEnv(names) => match found(names) {
            Some(name) => format!("the key in {name}"),
            None if provider.auth == Auth::Key => format!("the key in {}", quoted(names)),
            None => format!("the credentials for `{}`", provider.name),
        },
        KeySource::File(path) => format!("the key in the file `{}`", path.display()),
        KeySource::Command(words) => {
            format!("the key that `{}` prints", words.first().map_or("", String::as_str))
        }
        KeySource::None => {
            format!("whether `{}` wants a key (`providers.{0}.api_key`)", provider.name)
        }
    }
}

/// Whether `runner doctor`, which reads no job, means the same provider by its name.
fn knows(provider: &Provider, env: &Env) -> bool {
    let catalog = Catalog::builtin();
    let Some((name, row)) = catalog.find(&provider.name) else { return false };
    located(name, row, Changes::default(), env)
        .is_ok_and(|there| there.base_url == provider.base_url && there.key == provider.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::load::load;
    use crate::report::tally::Tally;

    /// The notes on models of a job that closed like this.
    fn notes_on(pace: &[Pacing]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.toml");
        let text = "name = \"t\"\n\
                    [[models]]\nmodel = \"openai/gpt-4o-mini\"\n\
                    [[models]]\nmodel = \"lab/a\"\n[[models]]\nmodel = \"lab/b\"\n\
                    [providers.lab]\ndialect = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\n\
                    api_key = { env = \"LAB_KEY\" }\n\
                    [prompts.p]\ninline = [\"hello\"]\n";
        std::fs::write(&path, text).unwrap();
        let env = Env::of([("OPENAI_API_KEY", "k")].map(|(n, v)| (n.to_owned(), v.to_owned())));
        let job =
            load(&path, &[], &env).unwrap_or_else(|faults| panic!("{:?}", faults.diagnostics));
        let mut summary = Tally::default().finish("r".to_owned(), None);
        summary.pace = pace.to_vec();
        notes(&summary, &job, &env)
    }

    #[test]
    fn each_closed_model_is_told_with_what_to_do_about_it() {
        let closed = |provider: &str, model: &str, kind| Pacing {
            provider: provider.to_owned(),
            model: model.to_owned(),
            closed: Some("who\nare you?".to_owned()),
            closed_by: Some(kind),
            calls: 1,
            ..Pacing::default()
        };
        let notes = notes_on(&[
            closed("openai", "gpt-4o-mini", FailureKind::Authentication),
            closed("lab", "a", FailureKind::Authentication),
            closed("lab", "b", FailureKind::Authentication),
            Pacing { calls: 0, ..closed("lab", "c", FailureKind::Authentication) },
            Pacing { parked: true, ..closed("lab", "d", FailureKind::Timeout) },
            closed("lab", "d", FailureKind::QuotaExceeded),
            closed("openai", "e", FailureKind::ApiConnection),
        ]);
        assert_eq!(
            notes,
            [
                "openai/gpt-4o-mini was closed (AuthenticationError): who are you?",
                "help: check the key in `OPENAI_API_KEY`, try it with `runner doctor \
                 openai/gpt-4o-mini`; then --resume asks what was skipped",
                "lab/a was closed (AuthenticationError): who are you?",
                "lab/b was closed (AuthenticationError): who are you?",
                "help: check the key in `LAB_KEY`; then --resume asks what was skipped",
                "lab/d was closed (QuotaExceededError): who are you?",
                "help: add credit to the account at `lab` or raise its quota; then --resume asks \
                 what was skipped",
                "openai/e was closed (APIConnectionError): who are you?",
                "help: --resume asks what was skipped, once the provider answers again; `runner \
                 doctor openai/e` tells whether it is there",
            ]
        );
    }
}
