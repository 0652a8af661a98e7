//! Money: whole picodollars, so that sums are exact in any order.
//!
//! A price of $0.0375 per million tokens is exactly 37 500 picodollars per token. What is not
//! known is an unknown [`Cost`], never zero.

use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::usage::Usage;

/// The version of a price that the job states.
pub const JOB: &str = "job";

/// An amount of USD in whole picodollars (10⁻¹² USD); written as exact decimal text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(i128);

impl Usd {
    /// No money at all.
    pub const ZERO: Self = Self(0);

    /// So many picodollars.
    pub fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in picodollars.
    pub fn as_pico(self) -> i128 {
        self.0
    }

    /// The amount times a count of tokens.
    pub fn times(self, tokens: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(tokens)))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Why a text is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsdError {
    /// The text is no decimal number.
    #[error("is not a decimal number")]
    NotDecimal,
    /// The text has more decimal places than money is counted in.
    #[error("has more than 12 decimal places")]
    TooFine,
    /// The number does not fit.
    #[error("is too large")]
    TooLarge,
}

/// What the tokens of a call cost, and for which calls that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What holds where nothing below does.
    pub base: Rates,
    /// What holds for a request with more input than a mark: all of its tokens, not only those
    /// above it. The marks rise.
    pub tiers: Arc<[Tier]>,
    /// More input tokens than this have no known price; `None` where every number has one.
    pub up_to: Option<u64>,
    /// What holds instead of `base` outside the provider's busy hours, where it has such.
    pub off_peak: Option<Rates>,
    /// What holds instead of all this for a call that is served otherwise than usual.
    pub services: Arc<[Service]>,
    /// Which calls it is the price of.
    pub covers: Covers,
    /// Which tokens the answer must tell apart, because they cost otherwise than those of text.
    pub sound: Sound,
    /// Where it is from, as the column `price_version` has it.
    pub version: Arc<str>,
}

/// USD for one token of each part of the usage. A part without a rate is one whose price is not
/// known: it leaves the cost unknown where there are such tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Input that was neither read from nor written to a cache.
    pub input: Usd,
    /// Output, without the reasoning.
    pub output: Usd,
    /// Reasoning.
    pub reasoning: Option<Usd>,
    /// Input read from a cache.
    pub cache_read: Option<Usd>,
    /// Input written to a cache for minutes, or for as long as the only kind of cache keeps it.
    pub cache_write: Option<Usd>,
    /// Input written to a cache for an hour.
    pub cache_write_1h: Option<Usd>,
    /// Sound that goes in.
    pub audio_input: Option<Usd>,
    /// Sound that comes out.
    pub audio_output: Option<Usd>,
}

/// The rates from a mark on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// They hold for more input tokens than this, cached ones included.
    pub above: u64,
    /// The rates.
    pub rates: Rates,
}

/// The rates of a service that is not the usual one, such as `flex`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, as it is asked for and as answers tell it.
    pub name: &'static str,
    /// What holds where no tier does.
    pub base: Rates,
    /// What holds for a request with more input than a mark.
    pub tiers: Arc<[Tier]>,
    /// More input tokens than this have no known price at this service.
    pub up_to: Option<u64>,
}

/// Which calls a price is the price of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// Every call: the user said so.
    Every,
    /// Calls that are billed by their tokens alone, at a service that is listed.
    Plain {
        /// Whether sound that goes in need not be told apart: it costs what text does, or the model
        /// does not hear.
        audio: bool,
        /// Whether images do.
        images: bool,
        /// Whether a cache that keeps its entries for a day costs what the usual one does.
        kept: bool,
    },
}

/// Sound of a call that costs otherwise than text, so that its tokens must be told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// It goes in.
    pub goes_in: bool,
    /// It comes out, or may.
    pub comes_out: bool,
}

impl Rates {
    /// Rates that know input and output alone: what is read from or written to a cache and sound
    /// are input or output like any other, and reasoning is output.
    pub fn new(input: Usd, output: Usd) -> Self {
        Self {
            input,
            output,
            reasoning: Some(output),
            cache_read: Some(input),
            cache_write: Some(input),
            cache_write_1h: Some(input),
            audio_input: Some(input),
            audio_output: Some(output),
        }
    }

    /// Each rate times a decimal factor; `None` where one would be finer than a picodollar.
    fn times(self, factor: &str) -> Option<Self> {
        let (whole, part) = factor.split_once('.').unwrap_or((factor, ""));
        let times: i128 = [whole, part].concat().parse().ok()?;
        let over = 10_i128.checked_pow(u32::try_from(part.len()).ok()?)?;
        let rate = |rate: Usd| {
            let pico = rate.0.checked_mul(times)?;
            (pico % over == 0).then_some(Usd(pico / over))
        };
        let part = |told: Option<Usd>| match told {
            Some(told) => rate(told).map(Some),
            None => Some(None),
        };
        Some(Self {
            input: rate(self.input)?,
            output: rate(self.output)?,
            reasoning: part(self.reasoning)?,
            cache_read: part(self.cache_read)?,
            cache_write: part(self.cache_write)?,
            cache_write_1h: part(self.cache_write_1h)?,
            audio_input: part(self.audio_input)?,
            audio_output: part(self.audio_output)?,
        })
    }

    /// What these tokens cost; unknown where the provider did not tell them, and where one of them
    /// has no rate.
    fn sum(&self, usage: &Usage) -> Cost {
        let (Some(input), Some(output)) = (usage.input, usage.output) else {
            return Cost::UnknownUsage;
        };
        let parts = [
            (Some(self.input), Some(input)),
            (self.cache_read, usage.cached),
            (self.cache_write, usage.cache_write),
            (self.cache_write_1h, usage.cache_write_1h),
            (self.audio_input, usage.audio_input),
            (Some(self.output), Some(output)),
            (self.reasoning, usage.reasoning),
            (self.audio_output, usage.audio_output),
        ];
        let cost = |(rate, tokens): (Option<Usd>, Option<u64>)| match tokens {
            None | Some(0) => Some(Usd::ZERO),
            Some(tokens) => Some(rate?.times(tokens)),
        };
        parts.into_iter().map(cost).sum::<Option<Usd>>().map_or(Cost::UnknownPrice, Cost::Known)
    }
}

impl Price {
    /// One price for every call, as a job states it.
    pub fn stated(rates: Rates) -> Self {
        Self {
            base: rates,
            tiers: Arc::default(),
            up_to: None,
            off_peak: None,
            services: Arc::default(),
            covers: Covers::Every,
            sound: Sound::default(),
            version: JOB.into(),
        }
    }

    /// The same price times a decimal factor, such as that of a region, which its version tells;
    /// `None` where a rate would be finer than a picodollar.
    pub fn times(self, factor: &str) -> Option<Self> {
        let rates = |rates: Rates| rates.times(factor);
        let tiers = |tiers: &[Tier]| -> Option<Arc<[Tier]>> {
            tiers.iter().map(|tier| Some(Tier { rates: rates(tier.rates)?, ..*tier })).collect()
        };
        let service = |service: &Service| {
            let (base, tiers) = (rates(service.base)?, tiers(&service.tiers)?);
            Some(Service { base, tiers, ..service.clone() })
        };
        Some(Self {
            base: rates(self.base)?,
            tiers: tiers(&self.tiers)?,
            off_peak: match self.off_peak {
                Some(off_peak) => Some(rates(off_peak)?),
                None => None,
            },
            services: self.services.iter().map(service).collect::<Option<_>>()?,
            version: format!("{}*{factor}", self.version).into(),
            ..self
        })
    }

    /// The rates of a request with this much input, cached tokens included; `None` where they are
    /// not known.
    pub fn rates(&self, input_tokens: u64) -> Option<&Rates> {
        if self.up_to.is_some_and(|most| input_tokens > most) {
            return None;
        }
        let tier = self.tiers.iter().rev().find(|tier| input_tokens > tier.above);
        Some(tier.map_or(&self.base, |tier| &tier.rates))
    }

    /// What these tokens cost; unknown where the provider did not tell them all, and where some
    /// have no known price.
    pub fn cost(&self, usage: &Usage) -> Cost {
        if !self.is_told(usage) {
            return Cost::UnknownUsage;
        }
        match self.rates(usage.prompt_tokens().unwrap_or(0)) {
            Some(rates) => rates.sum(usage),
            None => Cost::UnknownPrice,
        }
    }

    /// What of that the tokens cost that were read from a cache; `None` where there are none, and
    /// where it is not known.
    pub fn cached_cost(&self, usage: &Usage) -> Option<Usd> {
        let cached = usage.cached.filter(|cached| *cached > 0)?;
        let rates = self.rates(usage.prompt_tokens()?)?;
        Some(rates.cache_read?.times(cached))
    }

    /// Whether the tokens of sound are told, where they cost otherwise. Nobody tells how much of
    /// what was read from a cache is sound.
    fn is_told(&self, usage: &Usage) -> bool {
        let is_text = !matches!(self.covers, Covers::Plain { audio: false, .. });
        let hears = self.sound.goes_in || (!is_text && usage.audio_input.unwrap_or(0) > 0);
        (!self.sound.goes_in || usage.audio_input.is_some())
            && (!self.sound.comes_out || usage.audio_output.is_some())
            && !(hears && usage.cached.unwrap_or(0) > 0)
    }
}

/// USD per token, from USD per million tokens; `None` when it is finer than a picodollar.
pub fn per_token(per_million: Usd) -> Option<Usd> {
    (per_million.0 % 1_000_000 == 0).then_some(Usd(per_million.0 / 1_000_000))
}

/// USD per million tokens, from USD per token.
pub fn per_million(per_token: Usd) -> Usd {
    per_token.times(1_000_000)
}

/// What something cost, if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Exactly this much.
    Known(Usd),
    /// No price is known for the model that answered.
    UnknownPrice,
    /// The provider did not tell the tokens.
    UnknownUsage,
}

impl Cost {
    /// The cost of these tokens at this price, if both are known.
    pub fn of(price: Option<&Price>, usage: Option<&Usage>) -> Self {
        match (price, usage) {
            (None, _) => Self::UnknownPrice,
            (Some(_), None) => Self::UnknownUsage,
            (Some(price), Some(usage)) => price.cost(usage),
        }
    }

    /// The amount, where it is known.
    pub fn usd(self) -> Option<Usd> {
        match self {
            Self::Known(usd) => Some(usd),
            Self::UnknownPrice | Self::UnknownUsage => None,
        }
    }

    /// How reports name it.
    pub fn status(self) -> CostStatus {
        match self {
            Self::Known(_) => CostStatus::Known,
            Self::UnknownPrice => CostStatus::UnknownPrice,
            Self::UnknownUsage => CostStatus::UnknownUsage,
        }
    }
}

/// Whether a cost is known, as the column `cost_status` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostStatus {
    /// `cost_usd` holds the exact cost.
    Known,
    /// No price is known: `cost_usd` is empty, which is not zero.
    UnknownPrice,
    /// The provider did not tell the tokens: `cost_usd` is empty, which is not zero.
    UnknownUsage,
    /// Nothing was answered, so nothing was billed that we know of.
    NoAnswer,
}

impl CostStatus {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::UnknownPrice => "unknown_price",
            Self::UnknownUsage => "unknown_usage",
            Self::NoAnswer => "no_answer",
        }
    }
}

#[cfg(test)]
mod tests;
mod text;
