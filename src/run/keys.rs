//! Every key of a run, found before anything is sent.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::job::diagnostic::{Diagnostic, Place};
use crate::job::key_path::KeyPath;
use crate::job::plan::Plan;
use crate::job::{Job, LaneSpec};
use crate::provider::access::Access;
use crate::provider::auth::KeyFault;
use crate::provider::env::Env;
use crate::wire::secret::Redactor;

/// What opens each lane's provider, by lane; a fault for each provider whose key is missing. The
/// redactor learns every secret. Lanes that the plan does not use need none.
pub(super) fn find(
    job: &Job,
    plan: Option<&Plan>,
    env: &Env,
    redactor: &Redactor,
) -> Result<Vec<Access>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let mut known: BTreeMap<&str, Access> = BTreeMap::new();
    let mut opened = Vec::with_capacity(job.lanes.len());
    for (number, lane) in job.lanes.iter().enumerate() {
        if plan.is_some_and(|plan| !plan.lane_is_used(number)) {
            opened.push(Access::default());
            continue;
        }
        // One key is looked for once, and one token is fetched for all lanes of a provider.
        let access = match known.entry(&lane.provider.name) {
            Entry::Occupied(found) => found.get().clone(),
            Entry::Vacant(place) => {
                let found = lane.provider.access(env, redactor).unwrap_or_else(|fault| {
                    faults.push(missing(job, lane, fault));
                    Access::default()
                });
                place.insert(found).clone()
            }
        };
        opened.push(access);
    }
    if faults.is_empty() { Ok(opened) } else { Err(faults) }
}

/// A job that holds one of its keys, as in the words of an `api_key.command`, is a fault: the job is
/// kept with every run.
pub(super) fn not_in_job(job: &Job, keys: &Redactor) -> Result<(), Vec<Diagnostic>> {
    if keys.clean_text(&job.document.text) == *job.document.text {
        return Ok(());
    }
    let message = "the job holds a key, and it is kept with every run";
    let help = "take the key out of the job: api_key = { env = \"NAME\" } reads it from a variable";
    Err(vec![Diagnostic::new(Place::File(job.path.clone()), message).help(help)])
}

/// A provider without its key, at the provider's section where the job has one.
fn missing(job: &Job, lane: &LaneSpec, fault: KeyFault) -> Diagnostic {
    let name = &lane.provider.name;
    let section = KeyPath::top().key("providers").key(name);
    let message = format!("{} (provider `{name}`)", fault.message);
    let told = if job.document.has(&section) {
        Diagnostic::at_key(section, message)
    } else {
        Diagnostic::new(Place::File(job.path.clone()), message)
    };
    told.help(fault.help)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::job::load::load_text;
    use crate::job::select::Selection;

    /// What is told of keys that are missing, each with whether it is told of the file as a whole.
    fn told(models: Option<&str>) -> Vec<(String, bool)> {
        let text = "name = 'x'\n[[models]]\nmodel = 'mock/a'\n\
                    fallbacks = ['openai/gpt-4o-mini', 'groq/x', 'mock/b']\n\
                    [[models]]\nmodel = 'mock/b'\n\
                    [providers.groq]\nlimits = { rpm = 3 }\n[prompts.a]\ninline = ['hi']\n";
        let env = Env::of([]);
        let job = load_text(Path::new("x.toml"), text, &[], &env).expect("a good job");
        let selection = Selection { models: models.map(str::to_owned), ..Selection::default() };
        let plan = Plan::make(&job, &selection).expect("a plan");
        let found = find(&job, Some(&plan), &env, &Redactor::default());
        let faults = found.err().unwrap_or_default();
        let is_whole = |fault: &Diagnostic| matches!(fault.place, Place::File(_));
        faults.into_iter().map(|fault| (fault.message.clone(), is_whole(&fault))).collect()
    }

    #[test]
    fn fallbacks_need_their_keys_too_where_somebody_falls_back_on_them() {
        let expected = [
            ("no key: `OPENAI_API_KEY` is not set (provider `openai`)".to_owned(), true),
            ("no key: `GROQ_API_KEY` is not set (provider `groq`)".to_owned(), false),
        ];
        assert_eq!(told(None), expected);
        assert_eq!(told(Some("mock/a")), expected);
        assert_eq!(told(Some("mock/b")), []);
    }
}
