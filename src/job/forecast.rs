//! How long a plan takes at its limits alone.
//!
//! Concurrency is not counted: how long an answer takes is known to nobody beforehand.

use std::collections::BTreeMap;

use crate::job::plan::Inner;
use crate::pace::Limits;

/// What counts against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Calls.
    pub requests: u64,
    /// Their input tokens.
    pub input: u64,
    /// Their output tokens.
    pub output: u64,
}

/// How long a target takes at the limits alone.
#[derive(Clone, Debug, PartialEq)]
pub struct AtLimits {
    /// Minutes until it is done, at the limits of its model and of its provider, which it shares
    /// with their other targets.
    pub minutes: f64,
    /// The limit that makes it so, such as `rpm of openai`; `None` where no limit is stated.
    pub binds: Option<String>,
}

impl Load {
    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }
}

/// How long each of these takes that go through a lane, where their calls count this much; the lanes
/// run side by side.
pub fn at_limits(plan: &Inner, loads: &[(usize, Load)]) -> Vec<AtLimits> {
    let mut lanes = vec![Load::default(); plan.lanes.len()];
    let mut providers: BTreeMap<&str, Load> = BTreeMap::new();
    for (lane, load) in loads {
        lanes[*lane] = lanes[*lane].plus(*load);
        let provider = providers.entry(&plan.lanes[*lane].provider.name).or_default();
        *provider = provider.plus(*load);
    }
    let of_lane = |(lane, _): &(usize, Load)| {
        let spec = &plan.lanes[*lane];
        let own = slowest(&spec.limits, lanes[*lane], &spec.model);
        let shared = providers.get(&*spec.provider.name).copied().unwrap_or_default();
        let shared = slowest(&spec.provider.limits, shared, &spec.provider.name);
        let (minutes, binds) = later(own, shared);
        AtLimits { minutes, binds }
    };
    loads.iter().map(of_lane).collect()
}

/// The minutes that these limits take, and the one that binds.
fn slowest(limits: &Limits, load: Load, scope: &str) -> (f64, Option<String>) {
    let rate = |amount: u64, per_minute: Option<f64>| {
        per_minute.filter(|rate| *rate > 0.0).map(|rate| amount as f64 / rate)
    };
    let count = |limit: Option<u64>| limit.map(|limit| limit as f64);
    let all = load.input.saturating_add(load.output);
    // The first day's requests go at once; each later day's wait for theirs.
    let days = limits.requests_per_day.map(|most| load.requests.saturating_sub(1) / most.max(1));
    let bounds = [
        ("rpm", rate(load.requests, count(limits.requests_per_minute))),
        ("rps", rate(load.requests, limits.requests_per_second.map(|rate| rate * 60.0))),
        ("rpd", days.map(|days| days as f64 * 24.0 * 60.0)),
        ("tpm", rate(all, count(limits.tokens_per_minute))),
        ("itpm", rate(load.input, count(limits.input_tokens_per_minute))),
        ("otpm", rate(load.output, count(limits.output_tokens_per_minute))),
    ];
    bounds.into_iter().fold((0.0, None), |slowest, (name, minutes)| {
        let bound = minutes.map(|minutes| (minutes, Some(format!("{name} of {scope}"))));
        bound.map_or(slowest.clone(), |bound| later(slowest, bound))
    })
}

fn later(one: (f64, Option<String>), other: (f64, Option<String>)) -> (f64, Option<String>) {
    if other.0 > one.0 { other } else { one }
}
