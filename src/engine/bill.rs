//! What an attempt cost, as records tell it.

use std::sync::Arc;

use crate::call::bound;
use crate::call::failure::Remedy;
use crate::call::moment::Moment;
use crate::call::money::{Cost, CostStatus, Usd};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::call::task::Target;
use crate::provider::Rejected;

/// What an attempt cost.
pub(super) struct Bill {
    pub(super) cost_usd: Option<Usd>,
    pub(super) cost_status: CostStatus,
    pub(super) cost_at_most_usd: Option<Usd>,
    pub(super) cached_cost_usd: Option<Usd>,
    pub(super) price_version: Option<Arc<str>>,
}

impl Default for Bill {
    /// Nothing was answered.
    fn default() -> Self {
        Self {
            cost_usd: None,
            cost_status: CostStatus::NoAnswer,
            cost_at_most_usd: None,
            cached_cost_usd: None,
            price_version: None,
        }
    }
}

impl Bill {
    /// The bill of an attempt that asked this of that target, and was sent at that moment.
    pub(super) fn of(
        outcome: &Result<Response, Rejected>,
        request: &Request,
        target: &Target,
        at: Moment,
    ) -> Self {
        let response = match outcome {
            Ok(response) => Some(response),
            Err(rejected) => rejected.response.as_deref(),
        };
        let answered = response.map(|response| Self::of_answer(response, request, target, at));
        let mut bill = answered.unwrap_or_default();
        let may_be_billed = match outcome {
            Err(Rejected { failure, response: None }) => failure.may_be_billed(),
            _ => bill.cost_usd.is_none(),
        };
        if may_be_billed {
            bill.cost_at_most_usd = bound::cost_at_most(request, target);
        }
        bill
    }

    fn of_answer(response: &Response, request: &Request, target: &Target, at: Moment) -> Self {
        let served = response.service_tier.as_deref();
        let price = target.price.as_ref();
        let price = price.and_then(|price| price.applying(request, at, served));
        let charged = response.charged();
        let cost = Cost::of(price.as_ref(), charged);
        let cached = price.as_ref().zip(charged).filter(|_| cost.usd().is_some());
        let cached = cached.and_then(|(price, usage)| price.cached_cost(usage));
        let version = price.filter(|_| cost.usd().is_some()).map(|price| price.version);
        Self {
            cost_usd: cost.usd(),
            cost_status: cost.status(),
            cost_at_most_usd: None,
            cached_cost_usd: cached,
            price_version: version,
        }
    }

    /// What a budget must count: the cost, or the most that it can be, or nothing where nothing
    /// was answered; `None` where only the worst case says.
    pub(super) fn at_most(&self) -> Option<Usd> {
        let refused = self.cost_status == CostStatus::NoAnswer && self.cost_at_most_usd.is_none();
        match refused {
            true => Some(Usd::ZERO),
            false => self.cost_usd.or(self.cost_at_most_usd),
        }
    }
}

/// An answer that was billed and is none is asked for once more, and not as often as what costs
/// nothing: the next one may be no better.
pub(super) fn once_if_billed(mut rejected: Rejected) -> Rejected {
    let usage = rejected.response.as_ref().and_then(|response| response.usage);
    let is_billed = usage.and_then(|usage| usage.total_tokens()).is_some_and(|tokens| tokens > 0);
    if is_billed && rejected.failure.remedy() == Remedy::Retry {
        rejected.failure = rejected.failure.with_remedy(Remedy::RetryOnce);
    }
    rejected
}
