//! Fallbacks: who is asked when a model cannot answer.

use std::sync::Arc;

use crate::call::fallback::Fallback;
use crate::call::request::Params;
use crate::call::task::Target;
use crate::job::check::Check;
use crate::job::check::models::{Entry, Found, Models, listed};
use crate::job::check::providers::Providers;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::OnUnsupported;
use crate::job::key_path::KeyPath;

/// A fallback of a model, before it is known what it is asked.
#[derive(Debug)]
pub struct Candidate {
    found: Found,
    /// Where it is named.
    path: KeyPath,
}

impl Check<'_> {
    /// The fallbacks of a model, each with a lane.
    pub fn fallbacks(
        &mut self,
        entry: &Entry<'_>,
        entries: &[Entry<'_>],
        models: &mut Models,
        providers: &mut Providers,
    ) -> Vec<Candidate> {
        let path = entry.path.key("fallbacks");
        if entry.file.on.is_some() && !self.document.states(&path) {
            let message = "`on` says when fallbacks are asked, and there are none";
            let fault = Diagnostic::at_key(entry.path.key("on"), message);
            self.faults
                .push(fault.help("name them: fallbacks = [\"gpt-4o-mini\"]; or take `on` out"));
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        for (nth, name) in entry.file.fallbacks.iter().flatten().enumerate() {
            let path = path.index(nth);
            let named = named(name, entries);
            let found = match named {
                // Who is at fault was told of it.
                Some(other) => other.found.clone(),
                None => self.unlisted(name, entries, models, providers, &path),
            };
            let is_itself = |own: &Found| found.as_ref().is_some_and(|found| found.is_same(own));
            if named.is_some_and(|other| other.path == entry.path)
                || entry.found.as_ref().is_some_and(is_itself)
            {
                let message = format!("`{}` is the model itself", name.escape_debug());
                let help = "name another model, or the same one of another provider";
                self.faults.push(Diagnostic::at_value(path, message).help(help));
                continue;
            }
            let Some(found) = found else { continue };
            if let Some(other) = candidates.iter().find(|other| other.found.is_same(&found)) {
                let place = Place::Key { path: other.path.clone(), on: On::Value };
                let message = format!("`{}` is asked twice", name.escape_debug());
                let fault = Diagnostic::at_value(path, message).also(place, "the first time");
                self.faults.push(fault.help("take one of them out: each is asked once for a task"));
                continue;
            }
            candidates.push(Candidate { found, path });
        }
        candidates
    }

    /// A fallback that is none of the job's models by label or name.
    fn unlisted(
        &mut self,
        name: &str,
        entries: &[Entry<'_>],
        models: &mut Models,
        providers: &mut Providers,
        path: &KeyPath,
    ) -> Option<Found> {
        let labels: Vec<&str> = entries.iter().map(Entry::label).collect();
        let (provider, model) = self.resolve(name, &labels, providers, path)?;
        // It may be one of them by another name.
        let found = entries.iter().filter_map(|entry| entry.found.as_ref());
        if let Some(same) = found.into_iter().find(|found| found.is(&provider, &model)) {
            return Some(same.clone());
        }
        let price = listed(&provider, &model);
        let lane = models.lane_of(&provider, &model, path);
        Some(Found { provider, model, price, lane })
    }

    /// The fallbacks of a target: they are asked what it is asked, as far as they take it.
    pub fn stand_ins(
        &mut self,
        candidates: &[Candidate],
        of: &Target,
        stated: &Params,
        policy: OnUnsupported,
    ) -> Vec<Fallback> {
        let mut fallbacks = Vec::with_capacity(candidates.len());
        for Candidate { found, path } in candidates {
            let taker = found.taker(policy, path, true);
            let mut target = self.target(&of.label, found, stated.clone(), taker);
            target.variant.clone_from(&of.variant);
            let window = target.window;
            fallbacks.push(Fallback { target: Arc::new(target), window, lane: found.lane });
        }
        fallbacks
    }
}

/// The model of the job that goes by this label, or else by this name.
fn named<'e, 'f>(name: &str, entries: &'e [Entry<'f>]) -> Option<&'e Entry<'f>> {
    let by_label = entries.iter().find(|entry| entry.label() == name);
    by_label.or_else(|| entries.iter().find(|entry| entry.file.model.as_deref() == Some(name)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;
    use crate::call::failure::FailureKind;
    use crate::call::task::Task;
    use crate::job::Job;
    use crate::job::load::load_text;
    use crate::job::plan::Plan;
    use crate::job::select::Selection;
    use crate::provider::env::Env;

    const JOB: &str = r#"
name = "x"
on_unsupported = "drop"
params = { max_tokens = 9 }
[matrix]
seed = [1, 2]
[[models]]
model = "mock/a"
label = "first"
fallbacks = ["second", "lab/c", "anthropic/claude-3-haiku-20240307"]
on = ["outage", "timeout"]
params = { top_p = 0.5 }
prompts = ["plain"]
[[models]]
model = "lab/b"
label = "second"
params = { top_p = 0.1 }
price = { input = 1, output = 2 }
limits = { rpm = 7 }
fallbacks = ["mock/a"]
[providers.lab]
base_url = "http://127.0.0.1:1/v1"
unsupported = ["top_p"]
[prompts.plain]
inline = ["hi", { messages = [{ role = "user", content = "x" }], top_p = 0.2, max_tokens = 3, n = 1 }]
[prompts.more]
inline = ["ho"]
"#;

    fn job(text: &str) -> Job {
        match load_text(Path::new("job.toml"), text, &[], &Env::of([])) {
            Ok(job) => job,
            Err(faults) => panic!("{:#?}", faults.diagnostics),
        }
    }

    fn planned(text: &str, selection: &Selection) -> Plan {
        Plan::make(&job(text), selection).expect("a plan")
    }

    fn params(target: &Target) -> Value {
        serde_json::to_value(&*target.params).expect("json")
    }

    #[test]
    fn a_fallback_is_asked_the_same_as_far_as_it_takes_it() {
        let job = job(JOB);
        let first = &job.targets[1].target;
        let used: Vec<_> = first.fallbacks.iter().map(|to| to.target.model_used()).collect();
        let expected = ["lab/b", "lab/c", "anthropic/claude-3-haiku-20240307"];
        assert_eq!(used.iter().map(|name| &**name).collect::<Vec<_>>(), expected);
        let lab = &first.fallbacks[0].target;
        // The parameters of the model that is asked, never those of the other entry.
        assert_eq!(params(first), json!({"max_tokens": 9, "top_p": 0.5, "seed": 2}));
        assert_eq!(params(lab), json!({"max_tokens": 9, "seed": 2}));
        assert_eq!(*lab.dropped, ["top_p"]);
        let haiku = &first.fallbacks[2].target;
        assert_eq!(params(haiku), json!({"max_tokens": 9, "top_p": 0.5}));
        for to in first.fallbacks.iter() {
            assert_eq!((&*to.target.label, &to.target.variant), ("first", &first.variant));
            assert!(to.target.fallbacks.is_empty());
        }
        // Prices: the other entry's, none where nobody knows one, the catalogue's.
        assert_eq!(lab.price, job.targets[2].target.price);
        assert_eq!(first.fallbacks[1].target.price, None);
        assert!(haiku.price.is_some());
        assert_eq!((first.fallbacks[0].window, first.fallbacks[2].window), (None, Some(200_000)));
        assert!(first.fallback_on.covers(FailureKind::Timeout));
        assert!(!first.fallback_on.covers(FailureKind::RateLimit));
        let second = &job.targets[2].target;
        assert_eq!(&*second.fallbacks[0].target.model, "a");
        assert!(second.fallback_on.covers(FailureKind::RateLimit));
    }

    #[test]
    fn a_fallback_has_the_lane_of_its_model_whatever_the_order() {
        let job = job(JOB);
        let lanes: Vec<String> =
            job.lanes.iter().map(|lane| format!("{}/{}", lane.provider.name, lane.model)).collect();
        let expected = ["mock/a", "lab/b", "lab/c", "anthropic/claude-3-haiku-20240307"];
        assert_eq!(lanes, expected);
        let to: Vec<usize> = job.targets[0].target.fallbacks.iter().map(|to| to.lane).collect();
        assert_eq!(to, [1, 2, 3]);
        assert_eq!(job.lanes[1].limits.requests_per_minute, Some(7));
        assert_eq!(job.targets[2].target.fallbacks[0].lane, 0);
    }

    #[test]
    fn lanes_of_fallbacks_are_used_where_somebody_who_is_asked_falls_back_on_them() {
        let used = |models: Option<&str>, prompts: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let (models, prompts) = (owned(models), owned(prompts));
            let plan = planned(JOB, &Selection { models, prompts, limit: None });
            (0..4).map(|lane| plan.lane_is_used(lane)).collect::<Vec<_>>()
        };
        assert_eq!(used(None, None), [true; 4]);
        assert_eq!(used(Some("first"), None), [true; 4]);
        assert_eq!(used(Some("second"), None), [true, true, false, false]);
        // `first` gets no prompt of this set, and `second` falls back on its model.
        assert_eq!(used(None, Some("more")), [true, true, false, false]);
        let plan = planned(JOB, &Selection { models: Some("first".into()), ..Default::default() });
        assert_eq!((plan.lane_total(1), plan.tasks(1).count()), (0, 0));
    }

    #[test]
    fn fallbacks_change_no_id_and_a_row_brings_its_parameters_to_them_too() {
        let without: String = JOB
            .lines()
            .filter(|line| !line.starts_with("fallbacks"))
            .collect::<Vec<_>>()
            .join("\n");
        let without = without.replace("on = [\"outage\", \"timeout\"]", "");
        let tasks = |text: &str| -> Vec<Task> {
            let plan = planned(text, &Selection::default());
            (0..2).flat_map(|lane| plan.tasks(lane)).map(|task| task.expect("a task")).collect()
        };
        let (with, without) = (tasks(JOB), tasks(&without));
        let ids = |tasks: &[Task]| tasks.iter().map(|task| task.id).collect::<Vec<_>>();
        assert_eq!(ids(&with), ids(&without));
        assert!(without.iter().all(|task| task.fallbacks.is_empty()));
        // A plain row shares what the target has; one with parameters has them laid over.
        assert!(Arc::ptr_eq(&with[0].fallbacks, &with[0].target.fallbacks));
        let row = with.iter().find(|task| task.row == "2").expect("the second row");
        let asked: Vec<Value> = row.fallbacks.iter().map(|to| params(&to.target)).collect();
        let expected = [
            json!({"max_tokens": 3, "seed": 1, "n": 1}),
            json!({"max_tokens": 3, "seed": 1, "n": 1}),
            json!({"max_tokens": 3, "top_p": 0.2, "n": 1}),
        ];
        assert_eq!(asked, expected);
        let request = row.fallbacks[2].request(&row.request);
        assert_eq!(&*request.model, "claude-3-haiku-20240307");
        assert_eq!((&request.messages, request.params.len()), (&row.request.messages, 3));
    }
}
