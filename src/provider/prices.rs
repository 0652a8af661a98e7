//! From the price cells of the table of models to a [`Price`].
//!
//! What a cell leaves blank is input or output like any other (a write for an hour like a write),
//! unless the usual service has a price of its own for it: then a list of other prices, such as
//! that of long input or of `flex`, that leaves it blank does not tell it. Sound costs what is told
//! of it, and what text costs says nothing of it.

use std::sync::Arc;

use crate::call::money::{Covers, Price, Rates, Service, Sound, Tier, Usd, UsdError, per_token};
use crate::provider::models::Listed;

/// The price of a row that tells one, of a model that hears or does not; `None` when a cell cannot
/// be read, which a test rules out.
pub fn price(listed: &Listed, hears: bool, version: &str) -> Option<Price> {
    let beside = |what: &str| listed.beside.split(' ').any(|word| word == what);
    let cells = Cells {
        input: amount(listed.input).ok()?,
        output: amount(listed.output).ok()?,
        cache_read: amount(listed.cache_read).ok()?,
        cache_write: amount(listed.cache_write).ok()?,
        cache_write_1h: amount(listed.cache_write_1h).ok()?,
        reasoning: amount(listed.reasoning).ok()?,
        audio_input: worded(listed.other, "audio_in=").ok()?,
        audio_output: worded(listed.other, "audio_out=").ok()?,
    };
    let list = List { usual: cells };
    let tiers = list.tiers(listed.tiers)?;
    Some(Price {
        base: list.rates(cells)?,
        up_to: None,
        off_peak: match listed.off_peak {
            "" => None,
            text => Some(list.rates(named(text)?)?),
        },
        services: list.services(listed, &tiers)?,
        tiers,
        covers: Covers::Plain {
            audio: !(hears || beside("audio")) || cells.audio_input == cells.input,
            images: !beside("image"),
            kept: worded(listed.other, "cw12h=").ok()?.is_none(),
        },
        sound: Sound::default(),
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
    cache_write_1h: Option<Usd>,
    reasoning: Option<Usd>,
    audio_input: Option<Usd>,
    audio_output: Option<Usd>,
}

/// What the usual service tells, against which the other lists of a row are read.
struct List {
    usual: Cells,
}

impl List {
    /// The rates of a list. A zero is told.
    fn rates(&self, cells: Cells) -> Option<Rates> {
        let (input, output) = (cells.input?, cells.output?);
        let usual = &self.usual;
        let or = |own: Option<Usd>, like: Option<Usd>, theirs: Option<Usd>, by: Option<Usd>| {
            let is_apart = theirs.is_some() && theirs != by;
            own.or(like.filter(|_| !is_apart))
        };
        let cache_write = or(cells.cache_write, Some(input), usual.cache_write, usual.input);
        let write = usual.cache_write.or(usual.input);
        Some(Rates {
            input,
            output,
            reasoning: or(cells.reasoning, Some(output), usual.reasoning, usual.output),
            cache_read: or(cells.cache_read, Some(input), usual.cache_read, usual.input),
            cache_write,
            cache_write_1h: or(cells.cache_write_1h, cache_write, usual.cache_write_1h, write),
            audio_input: cells.audio_input,
            audio_output: cells.audio_output,
        })
    }

    /// `>200000:in=2.5;out=15|>=...`, with rising marks. From `>=N` on exactly N pays it too.
    fn tiers(&self, text: &str) -> Option<Arc<[Tier]>> {
        let tier = |text: &str| {
            let (mark, cells) = text.strip_prefix('>')?.split_once(':')?;
            let above = match mark.strip_prefix('=') {
                Some(from) => from.parse::<u64>().ok()?.checked_sub(1)?,
                None => mark.parse().ok()?,
            };
            Some(Tier { above, rates: self.rates(named(cells)?)? })
        };
        let tiers: Vec<Tier> =
            text.split('|').filter(|text| !text.is_empty()).map(tier).collect::<Option<_>>()?;
        tiers.is_sorted_by(|lower, upper| lower.above < upper.above).then(|| tiers.into())
    }

    /// The services that are not the usual one. One that tells no tiers, where the usual one has
    /// them, has no known price above the first of those.
    fn services(&self, listed: &Listed, usual: &[Tier]) -> Option<Arc<[Service]>> {
        let columns =
            [("batch", listed.batch), ("flex", listed.flex), ("priority", listed.priority)];
        let others = listed.other.split(' ').filter_map(|word| word.split_once(':'));
        let service = |(name, text): (&'static str, &'static str)| {
            let (base, tiers) = text.split_once('|').unwrap_or((text, ""));
            let tiers = self.tiers(tiers)?;
            let first = usual.first().filter(|_| tiers.is_empty());
            let base = self.rates(named(base)?)?;
            Some(Service { name, base, tiers, up_to: first.map(|tier| tier.above) })
        };
        let told = columns.into_iter().filter(|(_, text)| !text.is_empty());
        told.chain(others).map(service).collect()
    }
}

/// `in=2.5;out=15;cr=0.25;cw=...;cw1h=...;reason=...`.
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
            "cw1h" => cells.cache_write_1h = amount,
            "reason" => cells.reasoning = amount,
            _ => return None,
        }
    }
    Some(cells)
}

/// The amount after a name among the other prices of a row, which may be left out.
fn worded(other: &str, name: &str) -> Result<Option<Usd>, UsdError> {
    amount(other.split(' ').find_map(|word| word.strip_prefix(name)).unwrap_or_default())
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
