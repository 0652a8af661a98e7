//! Money as exact decimal text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Usd, UsdError};

/// Picodollars in one dollar.
const PICO: i128 = 1_000_000_000_000;

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
