//! What a plan will take: tokens by estimate, and minutes at the limits.
//!
//! Concurrency is not counted: how long an answer takes is known to nobody beforehand.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::call::task::Target;
use crate::job::plan::{Inner, PlannedSet};
use crate::pace::Limits;

/// What a plan will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// What each target will take, in the order of the job.
    pub targets: Vec<TargetForecast>,
    /// Tasks in all.
    pub tasks: u64,
    /// Input tokens in all, by estimate.
    pub input_tokens: u64,
    /// The most output tokens in all, by estimate.
    pub output_tokens: u64,
    /// Minutes that the limits alone take; the lanes run side by side.
    pub minutes: f64,
}

/// What one target will take.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetForecast {
    /// The target.
    pub target: Arc<Target>,
    /// Its tasks.
    pub tasks: u64,
    /// Its input tokens, by estimate.
    pub input_tokens: u64,
    /// The most output tokens it may give, by estimate.
    pub output_tokens: u64,
    /// Minutes until it is done, at the limits of its model and of its provider, which it shares
    /// with their other targets.
    pub minutes: f64,
    /// The limit that makes it so, such as `rpm of openai`; `None` where no limit is stated.
    pub binds: Option<String>,
}

/// What counts against a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Load {
    requests: u64,
    input: u64,
    output: u64,
}

impl Load {
    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
        }
    }

    fn times(self, factor: u64) -> Self {
        Self {
            requests: self.requests.saturating_mul(factor),
            input: self.input.saturating_mul(factor),
            output: self.output.saturating_mul(factor),
        }
    }
}

impl Forecast {
    /// What this plan will take.
    pub fn of(plan: &Inner) -> Self {
        let mut loads = vec![Load::default(); plan.targets.len()];
        for set in &plan.sets {
            for (nth, target) in set.takers.iter().enumerate() {
                let load = load(plan, set, nth, *target).times(u64::from(plan.repeats));
                loads[*target] = loads[*target].plus(load);
            }
        }
        let mut lanes = vec![Load::default(); plan.lanes.len()];
        let mut providers: BTreeMap<&str, Load> = BTreeMap::new();
        for (target, load) in plan.targets.iter().zip(&loads) {
            lanes[target.lane] = lanes[target.lane].plus(*load);
            let provider = providers.entry(&target.target.provider).or_default();
            *provider = provider.plus(*load);
        }
        let targets: Vec<TargetForecast> = plan
            .targets
            .iter()
            .zip(&loads)
            .map(|(target, load)| {
                let lane = &plan.lanes[target.lane];
                let own = slowest(&lane.limits, lanes[target.lane], &lane.model);
                let shared = providers[&*lane.provider.name];
                let shared = slowest(&lane.provider.limits, shared, &lane.provider.name);
                let (minutes, binds) = later(own, shared);
                TargetForecast {
                    target: Arc::clone(&target.target),
                    tasks: load.requests,
                    input_tokens: load.input,
                    output_tokens: load.output,
                    minutes,
                    binds,
                }
            })
            .collect();
        let all = loads.into_iter().fold(Load::default(), Load::plus);
        Self {
            tasks: all.requests,
            input_tokens: all.input,
            output_tokens: all.output,
            minutes: targets.iter().map(|target| target.minutes).fold(0.0, f64::max),
            targets,
        }
    }
}

/// What one asking of a set takes of a target.
fn load(whole: &Inner, set: &PlannedSet, nth: usize, target: usize) -> Load {
    let params = &whole.targets[target].target.params;
    let tally = &set.tally;
    let plain = match params.max_tokens() {
        Some(most) => tally.plain_rows.saturating_mul(most),
        None => tally.plain_output,
    };
    let choices = params.get("n").and_then(Value::as_u64).unwrap_or(1).max(1);
    let output = plain.saturating_mul(choices).saturating_add(tally.own_output[nth]);
    Load { requests: set.rows, input: tally.input, output }
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
