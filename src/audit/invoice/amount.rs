//! From the text of an amount to whole picodollars: no float comes near it.

use crate::audit::invoice::fault::Fault;
use crate::call::money::Usd;

/// What an amount is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Dollars.
    Dollars,
    /// Hundredths of a dollar.
    Cents,
}

/// The decimal places of a picodollar.
const PLACES: i64 = 12;
/// No invoice is above a trillion dollars; below it, nothing that is computed can overflow.
const MOST: i128 = 1_000_000_000_000 * 1_000_000_000_000;
/// Currencies that are recognised by their sign.
const FOREIGN: &[(char, &str)] = &[('€', "EUR"), ('£', "GBP"), ('¥', "JPY or CNY"), ('₹', "INR")];

/// Reads an amount. What is finer than a picodollar is rounded half to even: the noise of floats
/// in exports such as 0.060000000000000005.
pub(super) fn read(text: &str, unit: Unit) -> Result<Usd, Fault> {
    let not_money = || Fault::NotMoney(text.to_owned());
    if let Some((_, name)) = FOREIGN.iter().find(|(sign, _)| text.contains(*sign)) {
        return Err(Fault::Foreign((*name).to_owned()));
    }
    let (is_negative, bare) = bare(text);
    let (mantissa, exponent) = match bare.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| not_money())?),
        None => (bare, 0),
    };
    let (whole, part) = parted(mantissa).ok_or_else(|| match is_ambiguous(mantissa) {
        true => Fault::Ambiguous(text.to_owned()),
        false => not_money(),
    })?;
    let digits = [whole, part.clone()].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_money());
    }
    let cents = if unit == Unit::Cents { 2 } else { 0 };
    let places = PLACES - part.len() as i64 + i64::from(exponent) - cents;
    let pico = shifted(digits.trim_start_matches('0'), places);
    let pico = pico.filter(|pico| *pico <= MOST);
    let pico = pico.ok_or_else(|| Fault::TooLarge(text.to_owned()))?;
    Ok(Usd::from_pico(if is_negative { -pico } else { pico }))
}

/// The sign, and the text without it and without the signs of the currency.
fn bare(text: &str) -> (bool, &str) {
    let mut rest = text.trim();
    let mut is_negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        // How bookkeepers write what is given back.
        (is_negative, rest) = (true, inner.trim());
    }
    for mark in ["US$", "USD", "usd", "$"] {
        rest = rest.strip_suffix(mark).unwrap_or(rest).trim();
    }
    // The sign stands before or after the mark.
    rest = signless(rest, &mut is_negative);
    for mark in ["US$", "USD", "usd", "$"] {
        if let Some(after) = rest.strip_prefix(mark) {
            rest = signless(after.trim_start(), &mut is_negative);
        }
    }
    (is_negative, rest)
}

/// The text behind a sign. A second minus is left there, where it is no digit.
fn signless<'t>(text: &'t str, is_negative: &mut bool) -> &'t str {
    if let Some(rest) = text.strip_prefix('+') {
        return rest.trim_start();
    }
    match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) if !*is_negative => {
            *is_negative = true;
            rest.trim_start()
        }
        _ => text,
    }
}

/// What stands before the decimal mark, without the marks between thousands, and after it. `None`
/// when the marks make no sense.
fn parted(text: &str) -> Option<(String, String)> {
    let (commas, points) = (text.matches(',').count(), text.matches('.').count());
    let mark = match (commas, points) {
        (0, 1) => Some('.'),
        (1, 0) if is_ambiguous(text) => return None,
        (1, 0) => Some(','),
        (0, _) | (_, 0) => None,
        (_, _) => [',', '.'].into_iter().max_by_key(|mark| text.rfind(*mark)),
    };
    let (whole, part) = match mark {
        Some(mark) => text.rsplit_once(mark)?,
        None => (text, ""),
    };
    let is_group_mark = |c: char| ",. '\u{a0}\u{202f}\u{2009}\u{2019}".contains(c);
    let Some(group_mark) = whole.chars().find(|c| is_group_mark(*c)) else {
        return Some((whole.to_owned(), part.to_owned()));
    };
    let groups: Vec<&str> = whole.split(group_mark).collect();
    let are_thousands = mark != Some(group_mark)
        && (1..=3).contains(&groups[0].len())
        && groups[1..].iter().all(|group| group.len() == 3);
    are_thousands.then(|| (groups.concat(), part.to_owned()))
}

/// Whether the only mark is a comma with three digits behind it, such as `1,234`.
fn is_ambiguous(text: &str) -> bool {
    text.split_once(',').is_some_and(|(whole, part)| {
        let are_digits = [whole, part].concat().bytes().all(|byte| byte.is_ascii_digit());
        are_digits && part.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
    })
}

/// A number times 10^`places`, rounded half to even; `None` when it does not fit.
fn shifted(digits: &str, places: i64) -> Option<i128> {
    if digits.is_empty() {
        return Some(0);
    }
    if let Ok(places) = u32::try_from(places) {
        let factor = 10_i128.checked_pow(places)?;
        return digits.parse::<i128>().ok()?.checked_mul(factor);
    }
    let cut = usize::try_from(places.unsigned_abs()).ok()?;
    let Some(kept) = digits.len().checked_sub(cut) else { return Some(0) };
    let (kept, rest) = digits.split_at(kept);
    let kept: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    let (first, others) = rest.split_at(1);
    let is_more = others.bytes().any(|byte| byte != b'0');
    let rounds_up = match first.cmp("5") {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => is_more || kept % 2 == 1,
        std::cmp::Ordering::Greater => true,
    };
    Some(kept + i128::from(rounds_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Option<String> {
        read(text, Unit::Dollars).ok().map(|usd| usd.to_string())
    }

    #[test]
    fn amounts_are_read_to_the_last_digit() {
        for (text, expected) in [
            ("0", "0"),
            (" 1.5 ", "1.5"),
            ("$1.50", "1.5"),
            ("-$0.25", "-0.25"),
            ("$-0.25", "-0.25"),
            ("\u{2212}0.25", "-0.25"),
            ("(0.25)", "-0.25"),
            ("($0.25)", "-0.25"),
            ("US$ 3", "3"),
            ("3.10 USD", "3.1"),
            ("1,234.56", "1234.56"),
            ("1,234,567", "1234567"),
            ("1.234,56", "1234.56"),
            ("1.234.567", "1234567"),
            ("1 234,5", "1234.5"),
            ("1'234.5", "1234.5"),
            ("0,05", "0.05"),
            ("0,123", "0.123"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1.234", "1.234"),
            ("6e-2", "0.06"),
            ("1.5E-7", "0.00000015"),
            ("0.060000000000000005", "0.06"),
            ("0.0000000000005", "0"),
            ("0.0000000000015", "0.000000000002"),
            ("0.00000000000050001", "0.000000000001"),
            ("0.0000000000025", "0.000000000002"),
            ("1e-400", "0"),
            ("999999999999.999999999999", "999999999999.999999999999"),
        ] {
            assert_eq!(usd(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn cents_are_hundredths() {
        for (text, expected) in
            [("123.45", "1.2345"), ("0.000000000049", "0"), ("0.00000000006", "0.000000000001")]
        {
            assert_eq!(read(text, Unit::Cents).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_amount_or_two_is_refused() {
        for text in [
            "",
            "-",
            "$",
            "x",
            "1.2.3",
            "1,2,3",
            "1,23,456.0",
            "--1",
            "-$-1",
            "(-1)",
            "1e",
            "0x1",
            "1e99x",
        ] {
            assert_eq!(usd(text), None, "{text}");
        }
        let fault = |text: &str| read(text, Unit::Dollars).unwrap_err();
        assert!(matches!(fault("1,234"), Fault::Ambiguous(_)));
        assert!(matches!(fault("$1,234"), Fault::Ambiguous(_)));
        assert!(matches!(fault("1e30"), Fault::TooLarge(_)));
        assert!(matches!(fault("1e2000000000"), Fault::TooLarge(_)));
        assert_eq!(fault("€5"), Fault::Foreign("EUR".into()));
    }
}
