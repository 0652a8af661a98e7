//! What an old run would cost at another price table.
//!
//! A fold over the journal, as the reports are: nothing is written, and memory does not grow with
//! the rows. Every attempt that was answered counts, retries and fallbacks too.

pub mod prices;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::audit::difference;
use crate::audit::reprice::prices::PriceList;
use crate::call::money::{Cost, JOB, Price, Usd};
use crate::call::request::{Message, Params, Request};
use crate::call::service;
use crate::call::usage::{Usage, UsageSource};
use crate::report::sums::Money;
use crate::report::{Attempt, Row};
use crate::store::RunDir;
use crate::store::entries::{Entries, Line};
use crate::store::error::StoreError;

/// A run at two price tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repriced {
    /// The run folder's name.
    pub run: String,
    /// Where the new prices are from, for people.
    pub prices: String,
    /// By `provider/model`.
    pub models: Vec<(Arc<str>, Sums)>,
    /// All of them.
    pub total: Sums,
}

/// Attempts at both prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Attempts that were answered.
    pub attempts: u64,
    /// What they cost when they were made.
    pub then: Known,
    /// What they cost at the other table.
    pub now: Known,
    /// How many of them have a cost on both sides.
    pub both: u64,
    /// What those cost then.
    pub both_then: Usd,
    /// What those cost now.
    pub both_now: Usd,
}

/// A sum of the costs that are known, and the prices that they were counted with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The sum.
    pub cost: Money,
    /// The versions of the prices.
    pub versions: BTreeSet<Arc<str>>,
}

impl Known {
    fn add(&mut self, usd: Option<Usd>, version: Option<&Arc<str>>) {
        self.cost.add(usd);
        let version = version.filter(|version| usd.is_some() && !self.versions.contains(*version));
        self.versions.extend(version.cloned());
    }
}

impl Sums {
    /// How much more the attempts that have both costs cost now; `None` where none has both.
    pub fn difference(&self) -> Option<Usd> {
        (self.both > 0).then(|| difference::between(self.both_then, self.both_now))
    }

    /// Whether some attempts have one cost and not the other, so that the difference tells less
    /// than the sums.
    pub fn is_partial(&self) -> bool {
        self.both < self.then.cost.known.max(self.now.cost.known)
    }

    fn add(
        &mut self,
        then: Option<Usd>,
        then_at: Option<&Arc<str>>,
        now: Option<&(Usd, Arc<str>)>,
    ) {
        self.attempts += 1;
        self.then.add(then, then_at);
        self.now.add(now.map(|(usd, _)| *usd), now.map(|(_, version)| version));
        if let (Some(then), Some((now, _))) = (then, now) {
            self.both += 1;
            self.both_then += then;
            self.both_now += *now;
        }
    }
}

/// What was asked and, where a provider bills other tokens than it counts, what it bills.
#[derive(Deserialize)]
struct Asked<'a> {
    messages: Vec<Message>,
    params: Arc<Params>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// The sums so far, and the price of each model that was met.
struct Tally<'p> {
    prices: &'p PriceList,
    job: Arc<str>,
    models: BTreeMap<Arc<str>, (Option<Price>, Sums)>,
    total: Sums,
}

/// Computes what a run would cost at these prices.
pub fn reprice(run: &RunDir, prices: &PriceList) -> Result<Repriced, StoreError> {
    let index = run.index()?;
    index.damages().warn(&run.journal_path());
    let (models, total) = (BTreeMap::new(), Sums::default());
    let mut tally = Tally { prices, job: JOB.into(), models, total };
    for line in Entries::open(&run.journal_path(), &index)? {
        tally.line(&line?)?;
    }
    let models = tally.models.into_iter().map(|(name, (_, sums))| (name, sums)).collect();
    Ok(Repriced { run: run.name(), prices: prices.title().to_owned(), models, total: tally.total })
}

impl Tally<'_> {
    fn line(&mut self, line: &Line) -> Result<(), StoreError> {
        let row = Row::read(line)?;
        if !row.attempts.iter().any(Attempt::was_answered) {
            return Ok(());
        }
        // A task's id is made of what it asks, so that earlier sessions asked the same.
        let asked: Asked<'_> = line.outcome().read()?;
        let request = Request {
            model: (&*row.record.model_used).into(),
            messages: asked.messages,
            params: asked.params,
            ..Request::default()
        };
        let last = row.attempts.len() - 1;
        for (place, attempt) in row.attempts.iter().enumerate() {
            if attempt.was_answered() {
                // Only the last attempt's answer is kept.
                let response = asked.response.filter(|_| place == last);
                self.attempt(attempt, &request, response);
            }
        }
        Ok(())
    }

    fn attempt(&mut self, attempt: &Attempt, request: &Request, response: Option<&RawValue>) {
        let then_at = attempt.price_version.as_ref().unwrap_or(&self.job);
        let (price, sums) =
            self.models.entry(Arc::clone(&attempt.model_used)).or_insert_with_key(|name| {
                let provider = &*attempt.provider;
                let model = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
                (self.prices.find(provider, model.unwrap_or(name)), Sums::default())
            });
        let now = price.as_ref().and_then(|price| cost(price, attempt, request, response));
        for sums in [sums, &mut self.total] {
            sums.add(attempt.cost_usd, Some(then_at), now.as_ref());
        }
    }
}

/// What an attempt costs at this price, as the engine bills it.
fn cost(
    price: &Price,
    attempt: &Attempt,
    request: &Request,
    response: Option<&RawValue>,
) -> Option<(Usd, Arc<str>)> {
    let served = response.and_then(|body| service::told(body.get()));
    let price = price.applying(request, attempt.at?, served.as_deref())?;
    let billed = response.and_then(billed);
    let usd = Cost::of(Some(&price), billed.as_ref().or(attempt.usage.as_ref())).usd()?;
    Some((usd, price.version))
}

/// The tokens that are charged, where an answer tells them apart from those that were counted.
fn billed(response: &RawValue) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Body {
        billed_units: Option<Units>,
    }
    #[derive(Deserialize)]
    struct Units {
        input_tokens: Option<serde_json::Number>,
        output_tokens: Option<serde_json::Number>,
    }

    let units = serde_json::from_str::<Body>(response.get()).ok()?.billed_units?;
    // Some count in whole floats.
    let count = |number: Option<serde_json::Number>| {
        let number = number?;
        number.as_u64().or_else(|| number.as_f64().map(|float| float as u64))
    };
    let (input, output) = (count(units.input_tokens), count(units.output_tokens));
    let source = UsageSource::Provider;
    let is_told = input.is_some() || output.is_some();
    is_told.then(|| Usage { input, output, source, ..Usage::default() })
}
