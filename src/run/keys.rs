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
        if plan.is_some_and(|plan| plan.lane_total(number) == 0) {
            opened.push(Access::default());
            continue;
        }
        // One key is looked for once, and one token is fetched for all lanes of a provider.
        let access = match known.entry(&lane.provider.name) {
            Entry::Occupied(found) => found.get().clone(),
            Entry::Vacant(place) => {
                let found = lane.provider.access(env, redactor).unwrap_or_else(|fault| {
                    faults.push(missing(lane, fault));
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
fn missing(lane: &LaneSpec, fault: KeyFault) -> Diagnostic {
    let name = &lane.provider.name;
    let section = KeyPath::top().key("providers").key(name);
    let message = format!("{} (provider `{name}`)", fault.message);
    Diagnostic::at_key(section, message).help(fault.help)
}
