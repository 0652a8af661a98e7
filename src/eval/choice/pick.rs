//! Which choice an answer picks: by what it states, then by where a choice stands alone.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use crate::eval::number::boxed;

/// What an answer picks, by the place of the choice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pick {
    One(usize),
    Several(Vec<usize>),
    Nothing,
}

impl Pick {
    fn of(choices: impl IntoIterator<Item = usize>) -> Self {
        let all: BTreeSet<usize> = choices.into_iter().collect();
        match (all.first(), all.len()) {
            (None, _) => Self::Nothing,
            (Some(one), 1) => Self::One(*one),
            _ => Self::Several(all.into_iter().collect()),
        }
    }

    fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Nothing { other() } else { self }
    }

    /// The same where it is clear, and nothing else.
    fn clear(self) -> Self {
        if matches!(self, Self::Several(_)) { Self::Nothing } else { self }
    }
}

/// Finds choices in answers.
#[derive(Debug)]
pub(super) struct Picker {
    any: Regex,
    choices: Vec<String>,
}

/// Where a choice is named.
#[derive(Clone, Copy, Debug)]
struct Mention {
    start: usize,
    end: usize,
    choice: usize,
    /// Written as the job has it: `A` and not `a`.
    is_exact: bool,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("it is a regular expression")
}

/// What announces a choice, right before it.
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    let noun = "answer|choice|option|solution|selection|pick|réponse|antwort|lösung|respuesta|\
                risposta|resposta|antwoord|odpowiedź|ответ";
    let verb = r"is|are|was|be|est|ist|lautet|es|è|é|jest|:|=|->|→|—|–|-";
    let filler = "the|most|likely|probably|clearly|definitely|therefore|thus|then|correct|right|\
                  best|final|option|choice|letter|answer|number|statement|la|le|die|der|das|el";
    let fillers = format!(r"(?:\s+(?:{filler})\b)*");
    let named = [
        "<answer>".to_owned(),
        format!(r"\b(?:{noun})\b[^.;\n]{{0,40}}?(?:\b|\s)(?:{verb}){fillers}"),
        r"\b(?:final|correct|right|best)\s+(?:answer|choice|option)|\banswer".to_owned(),
        "(?:答案|正确选项|正確答案|选项|選項|答え|正解|정답)(?:应该|應該)?(?:是|为|為|选|は|은|는)?"
            .to_owned(),
        "[选選]".to_owned(),
        format!(r"\bi(?:['’]d|['’]ll|\s+would|\s+will)?\s+(?:choose|chose|pick|select|go\s+with|say){fillers}"),
    ];
    regex(&format!(r"(?is)(?:{})\s*:?\s*$", named.join("|")))
});

/// What makes the opposite of an announcement.
static OPPOSITE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\bnot\b|\bcannot\b|n['’]t\b|\bnever\b"));

/// The same, before its first word.
static OPPOSITE_BEFORE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)\b(?:incorrect|wrong|worst|false|other)\s+$"));

/// What says of the choice before it that it is right.
static CONFIRMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^\s+(?:is|would be|must be|seems|looks)\s+(?:(?:the|clearly|definitely|therefore|most|likely|thus)\s+)*(?:correct|right|best|answer|true)\b",
    )
});

/// What says that the choice after it is not meant.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:\bnot|n't|n’t|\bnever|\bneither|\bnor|\brather than|\binstead of|\bunlike)\s+(?:(?:the|option|choice|answer)\s+)*$",
    )
});

/// What joins two choices that are both picked.
static JOINED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)^\s*(?:,?\s*(?:or|and|oder|und|ou|et|o|y|或|和|と)|[,/&+])\s*(?:option|choice)?\s*$",
    )
});

/// Words after `A` or `I` that do not make an article or a pronoun of it.
static NO_NOUN: LazyLock<Regex> = LazyLock::new(|| {
    let words = "because|since|as|and|or|for|which|with|but|due|given|is|from|based";
    regex(&format!(r"(?i)^\s+(?:{words})\b"))
});

/// What stands around a text to set it off, and says nothing.
const BRACKETS: &[char] =
    &['(', ')', '[', ']', '{', '}', '"', '\'', '“', '”', '‘', '’', '«', '»', '<', '>', '【', '】'];

impl Picker {
    pub(super) fn of(choices: &[String]) -> Self {
        // Of two choices that begin alike, the longer one is looked for first.
        let mut longest_first: Vec<&String> = choices.iter().collect();
        longest_first.sort_by_key(|choice| std::cmp::Reverse(choice.len()));
        let any: Vec<String> = longest_first.iter().map(|choice| regex::escape(choice)).collect();
        let any = RegexBuilder::new(&any.join("|"))
            .case_insensitive(true)
            .size_limit(usize::MAX)
            .build()
            .expect("every choice is escaped");
        Self { any, choices: choices.to_vec() }
    }

    /// What the answer picks.
    pub(super) fn pick(&self, answer: &str) -> Pick {
        /// A choice that is picked is told near the end of a long answer.
        const ENOUGH: usize = 50_000;
        let end = answer.ceil_char_boundary(answer.len().saturating_sub(ENOUGH));
        let text = plain(&answer[end..]);
        let mentions: Vec<Mention> = self.mentions(&text);
        self.in_box(&text)
            .or_else(|| Pick::of(self.alone(&text)))
            .or_else(|| stated(&text, &mentions))
            .or_else(|| Pick::of(text.lines().filter_map(|line| self.alone(line))))
            .or_else(|| self.at_the_start(&text, &mentions))
            .or_else(|| of_lines(&text, &mentions).clear())
            .or_else(|| Pick::of(bracketed(&text, &mentions)).clear())
            .or_else(|| self.anywhere(&text, &mentions))
    }

    fn mentions(&self, text: &str) -> Vec<Mention> {
        let ends_word = |c: Option<char>| c.is_none_or(|c| !is_of_a_word(c));
        let mention = |found: regex::Match<'_>| {
            let (before, after) = (&text[..found.start()], &text[found.end()..]);
            // In scripts without spaces, words end anywhere.
            let is_whole = ends_word(before.chars().next_back()) && ends_word(after.chars().next())
                || !found.as_str().chars().all(is_of_a_word);
            let is_shortened =
                after.starts_with(['\'', '’']) && after.chars().nth(1).is_some_and(is_of_a_word);
            let choice = self.named(found.as_str())?;
            let is_exact = found.as_str() == self.choices[choice];
            let mention = Mention { start: found.start(), end: found.end(), choice, is_exact };
            (is_whole && !is_shortened).then_some(mention)
        };
        self.any.find_iter(text).filter_map(mention).collect()
    }

    fn named(&self, text: &str) -> Option<usize> {
        let exact = self.choices.iter().position(|choice| choice == text);
        let folded = || crate::eval::fold::without_case(text);
        let is_it = |choice: &String| crate::eval::fold::without_case(choice) == folded();
        exact.or_else(|| self.choices.iter().position(is_it))
    }

    /// The choice that a text is, but for brackets and a full stop.
    fn alone(&self, text: &str) -> Option<usize> {
        let dots: &[char] = &['.', ':', ',', ';', '!', '。', '-', '•', ' '];
        let bare = text.trim().trim_matches(|c| BRACKETS.contains(&c) || dots.contains(&c));
        self.named(text.trim()).or_else(|| self.named(bare))
    }

    fn in_box(&self, text: &str) -> Pick {
        let Some(inner) = boxed(text) else { return Pick::Nothing };
        if let Some(choice) = self.alone(inner) {
            return Pick::One(choice);
        }
        let mentions = self.mentions(inner);
        Pick::of(mentions.iter().filter(|mention| mention.is_exact).map(|mention| mention.choice))
    }

    /// `B, because ...`, `Yes. ...`: the answer begins with the choice.
    fn at_the_start(&self, text: &str, mentions: &[Mention]) -> Pick {
        let Some(first) = mentions.first() else { return Pick::Nothing };
        let before = text[..first.start].trim_start();
        let after = &text[first.end..];
        let is_set_off = after
            .starts_with([',', '.', ':', ';', '!', ')', ']', '。', '，', '、', '\n'])
            || after.trim_start().starts_with(['-', '–', '—'])
            || NO_NOUN.is_match(after);
        let is_first = before.chars().all(|c| BRACKETS.contains(&c));
        // Where several lines begin so, the choices are told again and none is picked.
        let is_list = matches!(of_lines(text, mentions), Pick::Several(_));
        let is_said = first.is_exact || self.choices[first.choice].chars().count() > 1;
        match is_first && is_set_off && is_said && !is_list {
            true => Pick::One(first.choice),
            false => Pick::Nothing,
        }
    }

    fn anywhere(&self, text: &str, mentions: &[Mention]) -> Pick {
        let counts = |mention: &&Mention| {
            let is_word = self.choices[mention.choice].chars().count() > 1;
            let is_denied = DENIED.is_match(tail(&text[..mention.start]));
            !is_denied && (is_word || mention.is_exact && !is_article(text, mention))
        };
        Pick::of(mentions.iter().filter(counts).map(|mention| mention.choice))
    }
}

/// The text without what only sets it off: emphasis, LaTeX and wide forms of letters.
fn plain(text: &str) -> String {
    static STYLED: LazyLock<Regex> =
        LazyLock::new(|| regex(r"\\(?:text|textbf|mathrm|mathbf|mathsf|mathit)\s*\{([^{}]*)\}"));
    let narrow = |c: char| match c {
        '！'..='～' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{a0}' => ' ',
        _ => c,
    };
    let text: String =
        text.trim().chars().filter(|c| !['*', '`', '$'].contains(c)).map(narrow).collect();
    let text = STYLED.replace_all(&text, "$1");
    text.replace("__", "").replace("\\(", "").replace("\\)", "")
}

/// Whether a letter or digit belongs to a word in a script with spaces between words.
fn is_of_a_word(c: char) -> bool {
    /// Where the scripts without spaces begin, CJK first.
    const CJK: char = '\u{2e80}';
    c == '_' || c.is_alphanumeric() && c < CJK
}

/// The end of a text, enough for what announces a choice.
fn tail(text: &str) -> &str {
    const ENOUGH: usize = 120;
    &text[text.ceil_char_boundary(text.len().saturating_sub(ENOUGH))..]
}

/// Whether it is the article of `A car`, or the pronoun of `I think`.
fn is_article(text: &str, mention: &Mention) -> bool {
    let after = &text[mention.end..];
    let is_followed =
        after.strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
    let is_one = ["A", "a", "I", "i"].contains(&&text[mention.start..mention.end]);
    is_one && is_followed && !NO_NOUN.is_match(after)
}

/// The last choice that the answer states to be right.
fn stated(text: &str, mentions: &[Mention]) -> Pick {
    let is_stated = |mention: &Mention| {
        let before = text[..mention.start].trim_end_matches(|c| BRACKETS.contains(&c) && c != '>');
        let after = text[mention.end..].trim_start_matches(BRACKETS);
        let is_said = mention.is_exact
            || mention.end - mention.start > 1
            || !after.starts_with(' ')
            || NO_NOUN.is_match(after);
        let is_announced = is_said && is_announced(tail(before));
        let is_confirmed = mention.is_exact && CONFIRMED.is_match(after);
        let is_denied = DENIED.is_match(tail(before));
        (is_announced || is_confirmed) && !is_denied && !is_article(text, mention)
    };
    let Some(last) = mentions.iter().rposition(is_stated) else { return Pick::Nothing };
    let mut picked = vec![mentions[last].choice];
    // `B or C` picks both; `B, C is wrong` does not.
    for pair in mentions[last..].windows(2) {
        let between = text[pair[0].end..pair[1].start].trim_matches(BRACKETS);
        let after = text[pair[1].end..].trim_start_matches(BRACKETS);
        let is_next = JOINED.is_match(between) && !after.starts_with(" is ") && pair[1].is_exact;
        if !is_next || is_article(text, &pair[1]) {
            break;
        }
        picked.push(pair[1].choice);
    }
    Pick::of(picked)
}

/// Whether a text ends with what announces a choice.
fn is_announced(text: &str) -> bool {
    ANNOUNCED.find(text).is_some_and(|found| {
        !OPPOSITE.is_match(found.as_str()) && !OPPOSITE_BEFORE.is_match(&text[..found.start()])
    })
}

/// The choices with which lines begin: `B. Paris`, `(B) Paris`.
fn of_lines(text: &str, mentions: &[Mention]) -> Pick {
    let begins = |mention: &&Mention| {
        let line = text[..mention.start].rfind('\n').map_or(0, |end| end + 1);
        let is_first = text[line..mention.start].trim_matches(BRACKETS).trim().is_empty();
        is_first && mention.is_exact && text[mention.end..].starts_with([')', '.', ':', ']'])
    };
    Pick::of(mentions.iter().filter(begins).map(|mention| mention.choice))
}

/// The choices in brackets: `(B)`.
fn bracketed(text: &str, mentions: &[Mention]) -> Vec<usize> {
    let is_bracketed = |mention: &&Mention| {
        text[..mention.start].ends_with(['(', '['])
            && text[mention.end..].starts_with([')', ']'])
            && !DENIED.is_match(tail(text[..mention.start].trim_end_matches(BRACKETS)))
    };
    mentions.iter().filter(is_bracketed).map(|mention| mention.choice).collect()
}
