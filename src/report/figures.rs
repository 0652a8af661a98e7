//! Numbers as people read them, for the summary in Markdown and on the terminal.

use crate::call::money::Usd;

/// Picodollars in the sixth decimal of a dollar.
const MICRO: i128 = 1_000_000;

/// An amount in USD, and how many costs it lacks: `$0.0125`, `unknown`, `$0.0125 + 3 unpriced`.
pub fn cost(usd: Option<Usd>, unpriced: u64) -> String {
    match (usd, unpriced) {
        (None, _) => "unknown".to_owned(),
        (Some(usd), 0) => dollars(usd),
        (Some(usd), unpriced) => format!("{} + {} unpriced", dollars(usd), count(unpriced)),
    }
}

/// An amount in USD: exact where six decimals or six digits tell it, else rounded to the finer of
/// the two and marked with `~`.
pub fn dollars(usd: Usd) -> String {
    let pico = usd.as_pico();
    let digits = pico.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let unit = 10_i128.pow(digits.saturating_sub(6)).min(MICRO);
    // Half away from zero.
    let rounded = (pico + pico.signum() * unit / 2) / unit * unit;
    let mark = if rounded == pico { "" } else { "~" };
    format!("{mark}${}", Usd::from_pico(rounded))
}

/// A count, with commas between thousands.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tokens; `unknown` when nobody told them.
pub fn tokens(tokens: Option<u64>) -> String {
    tokens.map_or_else(|| "unknown".to_owned(), count)
}

/// A time in ms, as long as it is worth telling so; `-` when there is none.
pub fn millis(millis: Option<u64>) -> String {
    match millis {
        None => "-".to_owned(),
        Some(millis @ 0..10_000) => format!("{} ms", count(millis)),
        Some(millis @ 10_000..100_000) => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        Some(millis) => {
            let seconds = millis / 1000;
            match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
                (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
                (hours, minutes, _) => format!("{} h {minutes} min", count(hours)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_or_says_that_it_is_not() {
        for (usd, text) in [
            ("0", "$0"),
            ("2.5", "$2.5"),
            ("0.000042", "$0.000042"),
            ("0.000000014", "$0.000000014"),
            ("0.000014000123", "~$0.0000140001"),
            ("12.3456789", "~$12.345679"),
            ("1234567.8", "$1234567.8"),
            ("-0.5", "$-0.5"),
        ] {
            assert_eq!(dollars(usd.parse().unwrap()), text);
        }
        assert_eq!(cost(None, 3), "unknown");
        assert_eq!(cost(Some(Usd::ZERO), 0), "$0");
        assert_eq!(cost(Some(Usd::from_pico(MICRO)), 1200), "$0.000001 + 1,200 unpriced");
    }

    #[test]
    fn counts_and_times_are_easy_to_read() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        for (time, text) in [
            (0, "0 ms"),
            (9_999, "9,999 ms"),
            (10_000, "10.0 s"),
            (99_999, "99.9 s"),
            (125_000, "2 min 5 s"),
            (7_260_000, "2 h 1 min"),
        ] {
            assert_eq!(millis(Some(time)), text);
        }
        assert_eq!(millis(None), "-");
    }
}
