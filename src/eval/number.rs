//! Numbers as people and models write them: `1,234.5`, `−5 %`, `$3.20`, `3/4`, `\frac{3}{4}`,
//! `1.5 × 10^3`, `1 234,5`, and all of that in other scripts' digits.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::decimal::Decimal;

/// What parts thousands and is neither a comma nor a point.
const BETWEEN: &str = "'’_\u{a0}\u{202f}\u{2009}";

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let minus = "\\-\u{2212}\u{2013}\u{fe63}\u{ff0d}";
    // Escaped, since spaces of any sort count for nothing in what follows.
    let between: String = BETWEEN.chars().map(|c| c.escape_unicode().to_string()).collect();
    let text = format!(
        r"(?x)
        (?P<sign> [+{minus}])? (?P<money> \p{{Sc}}\s?)? (?P<inner> [{minus}])?
        (?: \\[dt]?frac\s*\{{\s*(?P<over>\d+)\s*\}}\s*\{{\s*(?P<under>\d+)\s*\}}
          | 10\s*\^\s*\{{?\s*(?P<ten>[+{minus}]?\d{{1,4}})\s*\}}?
          | (?P<digits> \d[\d.,{between}]*\d | \d | \.\d+)
            (?: [eE](?P<e>[+{minus}]?\d{{1,4}})\b
              | \s*(?:×|·|\*|x|\\times|\\cdot)\s*10
                (?: \s*\^\s*\{{?\s*(?P<power>[+{minus}]?\d{{1,4}})\s*\}}?
                  | (?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}}) )
              | \s?[/⁄]\s?(?P<part>\d+)
            )?
        )
        (?P<percent> \s?(?:%|％|٪|percent\b|per\ cent\b))?"
    );
    Regex::new(&text).expect("it is a regular expression")
});

static BOXED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\f?boxed\s*\{").expect("it is a regular expression"));

/// Letters before a number that are money, or a command of LaTeX, and no name.
static NO_NAME: LazyLock<Regex> = LazyLock::new(|| {
    let money = r"US|R|Rs|USD|EUR|GBP|JPY|INR|CHF|CNY|RMB|AUD|CAD|BRL|Fr|kr";
    Regex::new(&format!(r"(?:\b(?:{money})\.?|\\[a-z]+)$")).expect("it is a regular expression")
});

/// One decimal number over another, so that thirds are exact too.
#[derive(Clone, Debug)]
pub(super) struct Number {
    over: Decimal,
    /// Above zero.
    under: Decimal,
    is_percent: bool,
    /// How it was written.
    pub(super) text: String,
}

impl Number {
    /// Whether it is no farther from the wanted one than one of the two tolerances allows: the
    /// second is a share of the wanted one. Where only one of them is a percentage, `50%` is both
    /// 50 and 0.5.
    pub(super) fn is_near(&self, wanted: &Self, tolerance: &Decimal, share: &Decimal) -> bool {
        let is_near = |one: &Self, wanted: &Self| {
            let difference = one
                .over
                .times(&wanted.under)
                .plus(&wanted.over.times(&one.under).negated())
                .magnitude();
            let absolute = tolerance.times(&one.under).times(&wanted.under);
            let relative = share.times(&wanted.over).times(&one.under);
            difference.cmp_magnitude(&absolute).is_le()
                || difference.cmp_magnitude(&relative).is_le()
        };
        let is_hundredth = match (self.is_percent, wanted.is_percent) {
            (true, false) => is_near(&self.hundredth(), wanted),
            (false, true) => is_near(self, &wanted.hundredth()),
            _ => false,
        };
        is_hundredth || is_near(self, wanted)
    }

    fn hundredth(&self) -> Self {
        let under = Decimal::power_of_ten(2).map(|hundred| self.under.times(&hundred));
        Self { under: under.unwrap_or_else(|| self.under.clone()), ..self.clone() }
    }
}

/// What the last number of a text is.
#[derive(Debug)]
pub(super) enum Last {
    /// There is none.
    Nowhere,
    /// It is too large or too long to be reckoned with.
    Beyond,
    /// This one.
    Number(Number),
}

/// The last number of a text; of its last `\boxed{...}` where that holds one.
pub(super) fn last(text: &str) -> Last {
    let plain = plain(text);
    let inner = boxed(&plain).unwrap_or_default();
    let (text, found) = match Found::last(inner) {
        Some(found) => (inner, Some(found)),
        None => (plain.as_str(), Found::last(&plain)),
    };
    match found.map(|found| found.number(text)) {
        None => Last::Nowhere,
        Some(None) => Last::Beyond,
        Some(Some(number)) => Last::Number(number),
    }
}

/// The number that a text is as a whole; `None` when it says more, or is none.
pub(super) fn whole(text: &str) -> Option<Number> {
    let plain = plain(text);
    let found = Found::last(&plain)?;
    let before = plain[..found.start].trim_matches(['$', '*', '`', '=', ' ']);
    let after = plain[found.end..].trim_matches(|c: char| {
        c.is_whitespace() || ['*', '`', '.', '$', '€', '£', '¥', '₹'].contains(&c)
    });
    let is_whole = (before.is_empty() || NO_NAME.is_match(before)) && after.is_empty();
    if is_whole { found.number(&plain) } else { None }
}

/// What stands in the last `\boxed{...}`.
pub(super) fn boxed(text: &str) -> Option<&str> {
    let inner = &text[BOXED.find_iter(text).last()?.end()..];
    let mut depth = 1;
    for (at, c) in inner.char_indices() {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    Some(inner)
}

/// The text with the digits of all scripts as ASCII, and without what LaTeX puts among them.
fn plain(text: &str) -> String {
    /// The zeros of scripts that write numbers as we do: Arabic, Persian, Devanagari, Bengali,
    /// Thai, and those as wide as a Chinese character.
    const ZEROS: &[char] = &['٠', '۰', '०', '০', '๐', '０'];
    let ascii = |c: char| {
        let value = |zero: &char| (c as u32).checked_sub(*zero as u32).filter(|value| *value < 10);
        match c {
            '\u{66b}' | '．' => '.',
            '\u{66c}' | '，' => ',',
            _ => match ZEROS.iter().find_map(value) {
                Some(value) => char::from_digit(value, 10).unwrap_or(c),
                None => c,
            },
        }
    };
    let text: String = text.chars().map(|c| if c.is_ascii() { c } else { ascii(c) }).collect();
    if !text.contains('\\') && !text.contains("{,}") {
        return text;
    }
    let text = text.replace("{,}", ",").replace("\\,", "").replace("\\!", "");
    text.replace("\\%", "%").replace("\\$", "$")
}

/// Where a number stands, and its parts.
struct Found<'t> {
    start: usize,
    end: usize,
    /// The count before a fraction, as in `1 3/4`.
    whole: Option<&'t str>,
    captures: Captures<'t>,
}

impl<'t> Found<'t> {
    fn last(text: &'t str) -> Option<Self> {
        let mut count: Option<(usize, usize)> = None;
        let mut last = None;
        for captures in NUMBER.captures_iter(text) {
            let Some(at) = captures.get(0) else { continue };
            // In `No.5` the point stands between.
            if !at.as_str().starts_with('.') && is_of_a_name(&text[..at.start()]) {
                continue;
            }
            let between = |(_, end): (usize, usize)| &text[end..at.start()];
            let is_part = captures.name("over").is_some()
                || captures.name("part").is_some() && count.map(between) == Some(" ");
            let whole = count.filter(|count| is_part && between(*count).trim().is_empty());
            let start = whole.map_or(at.start(), |(start, _)| start);
            let is_count = at.as_str().bytes().all(|byte| byte.is_ascii_digit());
            count = is_count.then_some((at.start(), at.end()));
            let whole = whole.map(|(start, end)| &text[start..end]);
            last = Some(Self { start, end: at.end(), whole, captures });
        }
        last
    }

    fn part(&self, name: &str) -> Option<&'t str> {
        self.captures.name(name).map(|part| part.as_str())
    }

    /// Its value; `None` when it is beyond all bounds.
    fn number(&self, text: &str) -> Option<Number> {
        let (over, under) = self.value(&text[..self.start])?;
        let over = if self.is_negative(&text[..self.start]) { over.negated() } else { over };
        let is_percent = self.part("percent").is_some();
        Some(Number { over, under, is_percent, text: text[self.start..self.end].to_owned() })
    }

    fn value(&self, before: &str) -> Option<(Decimal, Decimal)> {
        let one = Decimal::parse("1")?;
        if let Some(ten) = self.part("ten") {
            return Some((Decimal::power_of_ten(exponent(ten)?)?, one));
        }
        let (over, under) = match (self.part("over"), self.part("under"), self.part("digits")) {
            (Some(over), Some(under), _) => (Decimal::parse(over)?, Decimal::parse(under)?),
            (_, _, Some(digits)) => {
                let raised = self.part("e").or(self.part("power")).or(self.part("raised"));
                let scale = Decimal::power_of_ten(raised.map_or(Some(0), exponent)?)?;
                let digits = Decimal::parse(&digits_of(digits, before))?;
                let under = self.part("part").map_or(Some(one.clone()), Decimal::parse)?;
                (digits.times(&scale), under)
            }
            _ => return None,
        };
        if under.is_zero() {
            // Nothing is a number of noughts: the last number is the nought itself.
            return Some((under, one));
        }
        let Some(whole) = self.whole.and_then(Decimal::parse) else {
            return Some((over, under));
        };
        Some((whole.times(&under).plus(&over), under))
    }

    /// A minus that comes after a word, a number or a bracket takes away or joins; it is no sign.
    fn is_negative(&self, before: &str) -> bool {
        let is_minus = |name| self.part(name).is_some_and(|sign| sign != "+");
        let joins = |c: char| c.is_alphanumeric() || [')', ']', '}', '%'].contains(&c);
        is_minus("inner") || is_minus("sign") && !before.ends_with(joins)
    }
}

/// Whether what follows belongs to a name, such as `H2O`, `GPT-4` and `x_1`, or is an exponent:
/// `cm^2`.
fn is_of_a_name(before: &str) -> bool {
    /// No currency, and no command, is longer.
    const LONGEST: usize = 12;
    let before = before.trim_end_matches('{');
    let start = before.len().saturating_sub(LONGEST);
    let tail = &before[before.ceil_char_boundary(start)..];
    let mut back = tail.chars().rev();
    match (back.next(), back.next()) {
        (Some('^'), _) => true,
        (Some('_'), Some(other)) => other.is_alphanumeric(),
        (Some(last), _) => last.is_ascii_alphabetic() && !NO_NAME.is_match(tail),
        _ => false,
    }
}

/// The digits of a number with a decimal point: of `1,234.5`, `1.234,5` and `1 234.5` the same.
/// One comma with three digits after it parts thousands; with any other count, it is the point.
fn digits_of(text: &str, before: &str) -> String {
    let text = match text.strip_prefix('.') {
        // `No.5` is five.
        Some(rest) if before.ends_with(|c: char| c.is_alphanumeric() || c == '.') => rest,
        _ => text,
    };
    let point = |mark: char| {
        let (whole, part) = text.rsplit_once(mark)?;
        let is_part = part.bytes().all(|byte| byte.is_ascii_digit()) && !whole.contains(mark);
        is_part.then_some((whole, part))
    };
    if let Some(whole) = ungrouped(text, &[',', '.']) {
        return whole;
    }
    if let Some((whole, part)) = point('.').filter(|(whole, _)| !whole.contains('.'))
        && let Some(whole) = ungrouped(whole, &[','])
    {
        return format!("{whole}.{part}");
    }
    if let Some((whole, part)) = point(',')
        && let Some(whole) = ungrouped(whole, &['.'])
    {
        return format!("{whole}.{part}");
    }
    // A list without spaces, a date or a version: its last number is the last.
    let is_digit = |c: char| c.is_ascii_digit();
    text.rsplit(|c| !is_digit(c)).next().unwrap_or_default().to_owned()
}

/// The digits of a whole number, whose thousands one of these marks may part, or any mark that is
/// no point anywhere.
fn ungrouped(text: &str, marks: &[char]) -> Option<String> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(text) {
        return Some(text.to_owned());
    }
    let mark = text.chars().find(|c| !c.is_ascii_digit())?;
    let groups: Vec<&str> = text.split(mark).collect();
    let (last, others) = groups.split_last()?;
    let (first, middle) = others.split_first()?;
    let is_thousands = middle.iter().all(|group| group.len() == 3);
    // 12,34,567 is how India writes 1,234,567.
    let is_lakhs = mark == ',' && !middle.is_empty() && middle.iter().all(|group| group.len() == 2);
    let is_grouped = (is_thousands && first.len() <= 3 || is_lakhs && first.len() <= 2)
        && last.len() == 3
        && !first.is_empty()
        && !first.starts_with('0')
        && groups.iter().all(|group| is_digits(group));
    // One point alone is always the decimal point: 1.234 is a little more than one.
    let is_mark = match mark {
        '.' if marks.contains(&',') => groups.len() > 2,
        ',' | '.' => marks.contains(&mark),
        _ => BETWEEN.contains(mark),
    };
    (is_grouped && is_mark).then(|| groups.concat())
}

fn exponent(text: &str) -> Option<i64> {
    const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";
    let mut number = String::new();
    for c in text.chars() {
        let raised = RAISED.chars().position(|raised| raised == c);
        match (raised, c) {
            (Some(digit), _) => number.push(char::from(b'0' + digit as u8)),
            (None, '+' | '⁺') => {}
            (None, c) if c.is_ascii_digit() => number.push(c),
            (None, _) => number.push('-'),
        }
    }
    number.parse().ok()
}

#[cfg(test)]
mod tests;
