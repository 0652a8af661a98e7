//! What one call may cost: the least, the likely and the most.

use crate::call::bound::cost_at_most;
use crate::call::moment::Moment;
use crate::call::money::{Price, Usd};
use crate::call::request::Request;
use crate::call::task::Task;
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

/// The most that a task can cost, where each model on its way may be billed for so many answers:
/// its own, and every fallback, which a blocked answer leads to; `None` where that is not known.
pub fn at_most(task: &Task, answers: u64) -> Option<Usd> {
    let own = cost_at_most(&task.request, &task.target)?;
    let instead = task.fallbacks.iter().map(|fallback| {
        let request = fallback.request(&task.request);
        cost_at_most(&request, &fallback.target)
    });
    let all = instead.sum::<Option<Usd>>()? + own;
    Some(all.times(answers))
}
