//! Decimal numbers, exactly: 0.1 + 0.2 is 0.3, and 7 is 7.00.

use std::cmp::Ordering;
use std::fmt;

/// The most significant digits, and the farthest exponent, that a number can have here. Whatever
/// is beyond is no number that people compare, and would take long to reckon with.
const MOST: usize = 400;

/// A decimal number: digits, the lowest first, times a power of ten. Neither the first nor the last
/// digit is zero, so equal numbers are equal values; zero has no digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// The number that a text such as `-12.50e3` stands for, in ASCII; `None` when it is none or is
    /// beyond all bounds.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_number = !(whole.is_empty() && part.is_empty())
            && whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_number {
            return None;
        }
        let digits = part.bytes().rev().chain(whole.bytes().rev()).map(|byte| byte - b'0');
        let exponent = exponent.checked_sub(part.len() as i64)?;
        let number = Self { negative, digits: digits.collect(), exponent }.normal();
        let is_bounded =
            number.digits.len() <= MOST && number.exponent.unsigned_abs() <= MOST as u64;
        is_bounded.then_some(number)
    }

    /// A number of a job's text, by its shortest decimal form.
    pub(super) fn of_float(number: f64) -> Option<Self> {
        Self::parse(&number.to_string())
    }

    /// Ten to this power.
    pub(super) fn power_of_ten(exponent: i64) -> Option<Self> {
        let is_bounded = exponent.unsigned_abs() <= MOST as u64;
        is_bounded.then(|| Self { negative: false, digits: vec![1], exponent })
    }

    fn normal(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.exponent += zeros as i64;
        if self.digits.is_empty() {
            return Self::default();
        }
        self
    }

    /// Whether it is zero.
    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The number with the other sign.
    pub(super) fn negated(self) -> Self {
        let negative = !self.negative && !self.is_zero();
        Self { negative, ..self }
    }

    /// The number without its sign.
    pub(super) fn magnitude(self) -> Self {
        Self { negative: false, ..self }
    }

    /// The product.
    pub(super) fn times(&self, other: &Self) -> Self {
        let mut digits = vec![0; self.digits.len() + other.digits.len()];
        for (nth, one) in self.digits.iter().enumerate() {
            let mut carry = 0;
            for (place, two) in other.digits.iter().enumerate() {
                let sum = digits[nth + place] + u32::from(*one) * u32::from(*two) + carry;
                digits[nth + place] = sum % 10;
                carry = sum / 10;
            }
            digits[nth + other.digits.len()] += carry;
        }
        let digits = digits.into_iter().map(|digit| digit as u8).collect();
        let negative = self.negative != other.negative;
        Self { negative, digits, exponent: self.exponent + other.exponent }.normal()
    }

    /// The sum.
    pub(super) fn plus(&self, other: &Self) -> Self {
        if self.is_zero() || other.is_zero() {
            return if self.is_zero() { other.clone() } else { self.clone() };
        }
        let exponent = self.exponent.min(other.exponent);
        let (one, two) = (self.digits_from(exponent), other.digits_from(exponent));
        if self.negative == other.negative {
            return Self { negative: self.negative, digits: added(&one, &two), exponent }.normal();
        }
        let (large, small) =
            if self.cmp_magnitude(other) == Ordering::Less { (other, self) } else { (self, other) };
        let digits = subtracted(&large.digits_from(exponent), &small.digits_from(exponent));
        Self { negative: large.negative, digits, exponent }.normal()
    }

    /// The digits with zeros below, down to a power of ten.
    fn digits_from(&self, exponent: i64) -> Vec<u8> {
        let zeros = usize::try_from(self.exponent - exponent).unwrap_or(0);
        std::iter::repeat_n(0, zeros).chain(self.digits.iter().copied()).collect()
    }

    /// How the two compare without their signs.
    pub(super) fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let top = |number: &Self| {
            (!number.is_zero()).then(|| number.exponent + number.digits.len() as i64)
        };
        // From the highest digit down; a number that ends earlier has zeros there.
        top(self)
            .cmp(&top(other))
            .then_with(|| self.digits.iter().rev().cmp(other.digits.iter().rev()))
    }
}

fn added(one: &[u8], two: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let mut digits = Vec::with_capacity(one.len().max(two.len()) + 1);
    for place in 0..one.len().max(two.len()) {
        let digit = |digits: &[u8]| digits.get(place).copied().unwrap_or(0);
        let sum = digit(one) + digit(two) + carry;
        digits.push(sum % 10);
        carry = sum / 10;
    }
    digits.push(carry);
    digits
}

/// The digits of a number less those of one that is no larger.
fn subtracted(large: &[u8], small: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let mut digits = Vec::with_capacity(large.len());
    for (place, digit) in large.iter().enumerate() {
        let less = small.get(place).copied().unwrap_or(0) + borrowed;
        borrowed = u8::from(*digit < less);
        digits.push(digit + 10 * borrowed - less);
    }
    digits
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Beyond so many zeros people write a power of ten.
        const ZEROS: i64 = 20;
        if self.is_zero() {
            return f.write_str("0");
        }
        let sign = if self.negative { "-" } else { "" };
        let digits: String =
            self.digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        let point = digits.len() as i64 + self.exponent;
        if self.exponent > ZEROS || point < -ZEROS {
            return write!(f, "{sign}{digits}e{}", self.exponent);
        }
        if self.exponent >= 0 {
            return write!(f, "{sign}{digits}{}", "0".repeat(self.exponent as usize));
        }
        match usize::try_from(point) {
            Ok(point) if point > 0 => write!(f, "{sign}{}.{}", &digits[..point], &digits[point..]),
            _ => write!(f, "{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn equal_numbers_are_equal_however_they_are_written() {
        for (one, other) in
            [("7", "7.00"), ("0.1", "1e-1"), ("-0", "0.000"), ("1200", "1.2E+3"), (".5", "0.5")]
        {
            assert_eq!(decimal(one), decimal(other));
        }
        assert_eq!(decimal("0.1").plus(&decimal("0.2")), decimal("0.3"));
        assert_ne!(decimal("0.30000000000000004"), decimal("0.3"));
    }

    #[test]
    fn they_are_written_as_people_do() {
        for (text, shown) in [
            ("1200", "1200"),
            ("-0.0120", "-0.012"),
            ("12.5", "12.5"),
            ("0", "0"),
            ("1e-25", "1e-25"),
            ("3e30", "3e30"),
        ] {
            assert_eq!(decimal(text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        let long = "1".repeat(MOST + 1);
        for text in
            ["", ".", "-", "1.2.3", "1e", "e5", "1e99999", "1e9999999999999999999", "x", &long]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_reckons_as_whole_numbers_do(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000, scale in 0_i64..5) {
            let of = |number: i64| decimal(&format!("{number}e-{scale}"));
            let whole = |number: i64| decimal(&number.to_string());
            prop_assert_eq!(of(a).plus(&of(b)), of(a + b));
            prop_assert_eq!(whole(a).times(&whole(b)), whole(a * b));
            prop_assert_eq!(of(a).cmp_magnitude(&of(b)), a.abs().cmp(&b.abs()));
            prop_assert_eq!(decimal(&of(a).to_string()), of(a));
        }
    }
}
