//! Money: whole picodollars, so that sums are exact in any order.
//!
//! A price of $0.0375 per million tokens is exactly 37 500 picodollars per token. What is not
//! known is an unknown [`Cost`], never zero.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::call::usage::Usage;

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
    fn times(self, tokens: u64) -> Self {
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

/// What one token costs, by the part of the usage it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// USD for one token of input that was neither read from nor written to a cache.
    pub input: Usd,
    /// USD for one token of output, reasoning included.
    pub output: Usd,
    /// USD for one token read from a cache; the input price when the user stated none.
    pub cache_read: Usd,
    /// USD for one token written to a cache; the input price when the user stated none.
    pub cache_write: Usd,
}

impl Price {
    /// What these tokens cost; unknown where the provider did not tell the tokens.
    pub fn cost(&self, usage: &Usage) -> Cost {
        let (Some(input), Some(output)) = (usage.input, usage.output) else {
            return Cost::UnknownUsage;
        };
        Cost::Known(
            self.input.times(input)
                + self.cache_read.times(usage.cached.unwrap_or(0))
                + self.cache_write.times(usage.cache_write.unwrap_or(0))
                + self.output.times(output)
                + self.output.times(usage.reasoning.unwrap_or(0)),
        )
    }
}

/// USD per token, from USD per million tokens; `None` when it is finer than a picodollar.
pub fn per_token(per_million: Usd) -> Option<Usd> {
    (per_million.0 % 1_000_000 == 0).then_some(Usd(per_million.0 / 1_000_000))
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
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_and_written_exactly() {
        for text in ["0", "1", "0.0375", "0.000000000001", "-2.5", "123456.789"] {
            assert_eq!(text.parse::<Usd>().expect(text).to_string(), text);
        }
        assert_eq!("2.50".parse::<Usd>().expect("padded").to_string(), "2.5");
        assert_eq!("5e-7".parse::<Usd>().expect("exponent").to_string(), "0.0000005");
        assert_eq!("0.0000000000001".parse::<Usd>(), Err(UsdError::TooFine));
        for text in ["", ".", "a", "1.2.3", "1 2", "--1", "1e"] {
            assert_eq!(text.parse::<Usd>(), Err(UsdError::NotDecimal), "{text}");
        }
        assert_eq!("1e40".parse::<Usd>(), Err(UsdError::TooLarge));
    }

    #[test]
    fn a_price_per_million_is_exact_per_token() {
        let usd: Usd = "0.0375".parse().expect("a price");
        assert_eq!(per_token(usd), Some(Usd::from_pico(37_500)));
        assert_eq!(per_token(Usd::from_pico(1)), None);
    }

    #[test]
    fn cached_tokens_are_billed_once() {
        let token = |text: &str| per_token(text.parse().expect("a price")).expect("exact");
        let price = Price {
            input: token("2.5"),
            output: token("10"),
            cache_read: token("1.25"),
            cache_write: token("2.5"),
        };
        let usage =
            Usage { input: Some(200), cached: Some(800), output: Some(100), ..Usage::default() };
        assert_eq!(price.cost(&usage).usd().expect("known").to_string(), "0.0025");
        assert_eq!(Cost::of(None, Some(&usage)).status(), CostStatus::UnknownPrice);
        assert_eq!(Cost::of(Some(&price), None).status(), CostStatus::UnknownUsage);
    }
}
