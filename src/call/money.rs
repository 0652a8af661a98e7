//! Money: whole picodollars, so that sums are exact in any order.
//!
//! A price of $0.0375 per million tokens is exactly 37 500 picodollars per token. What is not
//! known is an unknown [`Cost`], never zero.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::call::usage::Usage;

/// The version of a price that the job states.
pub const JOB: &str = "job";

/// Picodollars in one dollar.
const PICO: i128 = 1_000_000_000_000;

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

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let pico = self.0.unsigned_abs();
        let unit = PICO.unsigned_abs();
        let (whole, part) = (pico / unit, pico % unit);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{part:012}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
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

impl FromStr for Usd {
    type Err = UsdError;

    fn from_str(text: &str) -> Result<Self, UsdError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| UsdError::NotDecimal)?)
            }
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let part = part.trim_end_matches('0');
        let all: String = [whole, part].concat();
        if all.is_empty() && part.is_empty() && !digits.contains('0')
            || !all.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(UsdError::NotDecimal);
        }
        let number: i128 = match all.trim_start_matches('0') {
            "" => return Ok(Self::ZERO),
            significant => significant.parse().map_err(|_| UsdError::TooLarge)?,
        };
        let places = 12 - part.len() as i64 + i64::from(exponent);
        let pico = scale(number, places)?;
        Ok(Self(if negative { -pico } else { pico }))
    }
}

/// `number` × 10^`places`, exactly.
fn scale(number: i128, places: i64) -> Result<i128, UsdError> {
    let power = u32::try_from(places.unsigned_abs()).map_err(|_| UsdError::TooLarge)?;
    if places >= 0 {
        let factor = 10_i128.checked_pow(power).ok_or(UsdError::TooLarge)?;
        return number.checked_mul(factor).ok_or(UsdError::TooLarge);
    }
    match 10_i128.checked_pow(power) {
        Some(factor) if number % factor == 0 => Ok(number / factor),
        _ => Err(UsdError::TooFine),
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|why| de::Error::custom(format!("`{text}` {why}")))
    }
}

impl schemars::JsonSchema for Usd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]{1,12})?$",
            "description": "exact decimal text in USD"
        })
    }
}

/// What the tokens of a call cost, and for which calls that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What holds where nothing below does.
    pub base: Rates,
    /// What holds for a request with more input than a mark: all of its tokens, not only those
    /// above it. The marks rise.
    pub tiers: Arc<[Tier]>,
    /// What holds instead of `base` outside the provider's busy hours, where it has such.
    pub off_peak: Option<Rates>,
    /// Which calls it is the price of.
    pub covers: Covers,
    /// Where it is from, as the column `price_version` has it.
    pub version: Arc<str>,
}

/// USD for one token of each part of the usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Input that was neither read from nor written to a cache.
    pub input: Usd,
    /// Output, without the reasoning.
    pub output: Usd,
    /// Reasoning.
    pub reasoning: Usd,
    /// Input read from a cache.
    pub cache_read: Usd,
    /// Input written to a cache.
    pub cache_write: Usd,
}

/// The rates from a mark on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// They hold for more input tokens than this, cached ones included.
    pub above: u64,
    /// The rates.
    pub rates: Rates,
}

/// Which calls a price is the price of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// Every call: the user said so.
    Every,
    /// Calls that are billed by their tokens alone, at the usual service.
    Plain {
        /// Whether the tokens of sound cost what those of text do.
        audio: bool,
        /// Whether images do.
        images: bool,
    },
}

impl Rates {
    /// Rates that know input and output alone: what is read from or written to a cache is input
    /// like any other, and reasoning is output.
    pub fn new(input: Usd, output: Usd) -> Self {
        Self { input, output, reasoning: output, cache_read: input, cache_write: input }
    }

    /// What these tokens cost; `None` where the provider did not tell them.
    fn sum(&self, usage: &Usage) -> Option<Usd> {
        Some(
            self.input.times(usage.input?)
                + self.cache_read.times(usage.cached.unwrap_or(0))
                + self.cache_write.times(usage.cache_write.unwrap_or(0))
                + self.output.times(usage.output?)
                + self.reasoning.times(usage.reasoning.unwrap_or(0)),
        )
    }
}

impl Price {
    /// One price for every call, as a job states it.
    pub fn stated(rates: Rates) -> Self {
        Self {
            base: rates,
            tiers: Arc::default(),
            off_peak: None,
            covers: Covers::Every,
            version: JOB.into(),
        }
    }

    /// The rates of a request with this much input, cached tokens included.
    pub fn rates(&self, input_tokens: u64) -> &Rates {
        let tier = self.tiers.iter().rev().find(|tier| input_tokens > tier.above);
        tier.map_or(&self.base, |tier| &tier.rates)
    }

    /// What these tokens cost; unknown where the provider did not tell the tokens.
    pub fn cost(&self, usage: &Usage) -> Cost {
        let rates = self.rates(usage.prompt_tokens().unwrap_or(0));
        rates.sum(usage).map_or(Cost::UnknownUsage, Cost::Known)
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
