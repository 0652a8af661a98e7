//! The rates that costs are counted with, for programs: one object for each list of them.

use serde_json::{Value, json};

use crate::call::money::{Price, Rates, Tier, Usd, per_million};

/// Every list of rates of a price: `service` is `default` for the usual one, and `above` is the
/// number of input tokens that a request must have more than. A null is not known.
pub(super) fn of(price: &Price) -> Value {
    let mut lists = Vec::new();
    add(&mut lists, "default", &price.base, &price.tiers, price.up_to);
    if let Some(rates) = &price.off_peak {
        lists.push(list("default", rates, 0, None, true));
    }
    for service in price.services.iter() {
        add(&mut lists, service.name, &service.base, &service.tiers, service.up_to);
    }
    lists.into()
}

fn add(lists: &mut Vec<Value>, service: &str, base: &Rates, tiers: &[Tier], up_to: Option<u64>) {
    lists.push(list(service, base, 0, up_to, false));
    for tier in tiers {
        lists.push(list(service, &tier.rates, tier.above, up_to, false));
    }
}

fn list(service: &str, rates: &Rates, above: u64, up_to: Option<u64>, off_peak: bool) -> Value {
    let usd = |rate: Option<Usd>| rate.map(per_million);
    json!({
        "service": service, "above": above, "up_to": up_to, "off_peak": off_peak,
        "input": per_million(rates.input), "output": per_million(rates.output),
        "reasoning": usd(rates.reasoning), "cache_read": usd(rates.cache_read),
        "cache_write": usd(rates.cache_write), "cache_write_1h": usd(rates.cache_write_1h),
        "audio_input": usd(rates.audio_input), "audio_output": usd(rates.audio_output),
    })
}
