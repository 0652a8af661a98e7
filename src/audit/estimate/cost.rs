//! What one call may cost: the least, the likely and the most.

use crate::call::bound::{longer_cost_at_most, output_at_most};
use crate::call::moment::Moment;
use crate::call::money::{Price, Usd};
use crate::call::request::Request;
use crate::call::task::{Target, Task};
use crate::call::usage::{Usage, UsageSource};

/// A moment in the busy hours of providers that have such, and one outside: a Monday at 2 o'clock,
/// and a Saturday at midnight, so that a plan is the same whenever it is made.
const BUSY: i64 = (4 * 24 + 2) * 3_600_000;
const CALM: i64 = 2 * 24 * 3_600_000;

/// The tokens that a call is taken to use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens {
    /// All input.
    pub input: u64,
    /// Input read from a cache.
    pub cached: u64,
    /// Input written to one.
    pub written: u64,
    /// All output.
    pub output: u64,
    /// Output that is thought.
    pub reasoning: u64,
}

impl Tokens {
    fn usage(self) -> Usage {
        // A part that is not there must not ask for a rate of its own.
        let some = |tokens: u64| (tokens > 0).then_some(tokens);
        Usage {
            input: Some(self.input.saturating_sub(self.cached + self.written)),
            cached: some(self.cached),
            cache_write: some(self.written),
            output: Some(self.output.saturating_sub(self.reasoning)),
            reasoning: some(self.reasoning),
            source: UsageSource::Estimated,
            ..Usage::default()
        }
    }
}

/// What a call costs that uses these tokens, in the dearer hours of the day; `None` without a price.
pub fn likely(price: Option<&Price>, request: &Request, tokens: Tokens) -> Option<Usd> {
    at(BUSY, price, request, tokens)
}

/// The same in the cheaper hours.
pub fn cheaply(price: Option<&Price>, request: &Request, tokens: Tokens) -> Option<Usd> {
    at(CALM, price, request, tokens)
}

fn at(millis: i64, price: Option<&Price>, request: &Request, tokens: Tokens) -> Option<Usd> {
    let price = price?.applying(request, Moment::from_millis(millis), None)?;
    price.cost(&tokens.usage()).usd()
}

/// The most tokens of what a model is told of an answer that does not fit, and of the marks around
/// that and around its own words.
const TOLD: u64 = 5_000;

/// The most that a task can cost, where each model on its way may be billed for so many answers:
/// its own, and every fallback, which a blocked answer leads to; `None` where that is not known.
/// Answers that do not fit a schema are billed on top, and what is asked grows by each of them.
pub fn at_most(task: &Task, answers: u64) -> Option<Usd> {
    let told = task.form.as_ref().map_or(0, |form| form.most_told());
    let longest = |request: &Request, target: &Target| {
        let said = output_at_most(request, target.max_output).unwrap_or(0);
        longer_cost_at_most(request, target, said.saturating_add(TOLD).saturating_mul(told))
    };
    let own = longest(&task.request, &task.target)?;
    let (mut all, mut dearest) = (own, own);
    for fallback in task.fallbacks.iter() {
        let cost = longest(&task.request_to(fallback), &fallback.target)?;
        (all, dearest) = (all + cost, dearest.max(cost));
    }
    Some(all.times(answers) + dearest.times(told))
}
