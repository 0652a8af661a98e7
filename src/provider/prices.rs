//! From the price cells of the table of models to a [`Price`].

use std::sync::Arc;

use crate::call::money::{Covers, Price, Rates, Tier, Usd, UsdError, per_token};
use crate::provider::models::Listed;

/// The price of a row that tells one; `None` when a cell cannot be read, which a test rules out.
pub fn price(listed: &Listed, version: &str) -> Option<Price> {
    let cells = Cells {
        input: amount(listed.input).ok()?,
        output: amount(listed.output).ok()?,
        cache_read: amount(listed.cache_read).ok()?,
        cache_write: amount(listed.cache_write).ok()?,
        reasoning: amount(listed.reasoning).ok()?,
    };
    let beside = |what: &str| listed.beside.split(' ').any(|word| word == what);
    Some(Price {
        base: cells.rates()?,
        tiers: tiers(listed.tiers)?,
        off_peak: match listed.off_peak {
            "" => None,
            cells => Some(named(cells)?.rates()?),
        },
        covers: Covers::Plain { audio: !beside("audio"), images: !beside("image") },
        version: version.into(),
    })
}

/// Amounts per token, as far as they are told.
#[derive(Clone, Copy, Debug, Default)]
struct Cells {
    input: Option<Usd>,
    output: Option<Usd>,
    cache_read: Option<Usd>,
    cache_write: Option<Usd>,
    reasoning: Option<Usd>,
}

impl Cells {
    /// The rates; what is not told is input or output like any other. A zero is told.
    fn rates(self) -> Option<Rates> {
        let plain = Rates::new(self.input?, self.output?);
        Some(Rates {
            cache_read: self.cache_read.unwrap_or(plain.cache_read),
            cache_write: self.cache_write.unwrap_or(plain.cache_write),
            reasoning: self.reasoning.unwrap_or(plain.reasoning),
            ..plain
        })
    }
}

/// `>200000:in=2.5;out=15|>...`, with rising marks.
fn tiers(text: &str) -> Option<Arc<[Tier]>> {
    let tier = |text: &str| {
        let (mark, cells) = text.strip_prefix('>')?.split_once(':')?;
        Some(Tier { above: mark.parse().ok()?, rates: named(cells)?.rates()? })
    };
    let tiers: Vec<Tier> =
        text.split('|').filter(|text| !text.is_empty()).map(tier).collect::<Option<_>>()?;
    tiers.is_sorted_by(|lower, upper| lower.above < upper.above).then(|| tiers.into())
}

/// `in=2.5;out=15;cr=0.25;cw=...;reason=...`.
fn named(text: &str) -> Option<Cells> {
    let mut cells = Cells::default();
    for cell in text.split(';') {
        let (name, value) = cell.split_once('=')?;
        let amount = amount(value).ok()?;
        match name {
            "in" => cells.input = amount,
            "out" => cells.output = amount,
            "cr" => cells.cache_read = amount,
            "cw" => cells.cache_write = amount,
            "reason" => cells.reasoning = amount,
            // What a write that is kept for an hour costs: nobody tells us such writes apart.
            "cw1h" => {}
            _ => return None,
        }
    }
    Some(cells)
}

/// USD per token, from USD per million tokens, which may be left out.
fn amount(text: &str) -> Result<Option<Usd>, UsdError> {
    if text.is_empty() {
        return Ok(None);
    }
    let usd: Usd = text.parse()?;
    if usd < Usd::ZERO {
        return Err(UsdError::NotDecimal);
    }
    per_token(usd).map(Some).ok_or(UsdError::TooFine)
}
