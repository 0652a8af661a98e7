//! Keys. A [`Secret`] has no `Debug` that shows it, no `Display` and no `Serialize`; [`Redactor`]
//! takes it out of whatever a server sends back.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use memchr::memmem;

/// What stands in the place of a key.
pub const REDACTED: &str = "[redacted]";

/// Shorter keys are not searched for: they would stand in innocent places too.
const SHORTEST: usize = 6;

/// Nor are shorter words and numbers. Servers that check no key are given `EMPTY`, `dummy`,
/// `ollama` or `1234`, and an answer that says so must stay as it is.
const SHORTEST_WORD: usize = 12;

/// A key. It can be sent, and not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the key as it was read, without the white space around it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// The key itself, for the header that carries it and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Takes the keys of a run out of texts that come from outside. Its clones know the same keys.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// The longest first.
    needles: Arc<RwLock<Vec<memmem::Finder<'static>>>>,
}

impl Redactor {
    /// A redactor of these keys, as they stand and however JSON may escape them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let redactor = Self::default();
        secrets.into_iter().for_each(|secret| redactor.learn(secret));
        redactor
    }

    /// From now on this key is taken out too, by every clone.
    pub fn learn(&self, secret: &Secret) {
        let needle = secret.expose().as_bytes();
        let mut needles = self.needles.write().unwrap_or_else(PoisonError::into_inner);
        if is_common(needle) || needles.iter().any(|known| known.needle() == needle) {
            return;
        }
        let place = needles.partition_point(|known| known.needle().len() >= needle.len());
        needles.insert(place, memmem::Finder::new(needle).into_owned());
    }

    /// The bytes without any key; the same buffer when there was none in it.
    pub fn clean_bytes(&self, bytes: Bytes) -> Bytes {
        self.cleaned(&bytes).map_or(bytes, Bytes::from)
    }

    /// The text without any key.
    pub fn clean_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.cleaned(text.as_bytes()) {
            None => Cow::Borrowed(text),
            Some(clean) => Cow::Owned(String::from_utf8_lossy(&clean).into_owned()),
        }
    }

    /// What is left without the keys; `None` where there is none of them.
    fn cleaned(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        // Escapes are looked for only where there can be any.
        let escapes = memchr::memchr(b'\\', bytes).is_some();
        let is_in = |needle: &memmem::Finder<'_>| {
            needle.find(bytes).is_some()
                || escapes && find_escaped(bytes, needle.needle()).is_some()
        };
        let needles = self.needles.read().unwrap_or_else(PoisonError::into_inner);
        needles.iter().any(is_in).then(|| {
            needles.iter().fold(bytes.to_vec(), |clean, needle| replace(&clean, needle.needle()))
        })
    }

    /// How many bytes at the end of a text may be the beginning of a key whose rest is still to
    /// come.
    pub fn unfinished(&self, text: &str) -> usize {
        let needles = self.needles.read().unwrap_or_else(PoisonError::into_inner);
        let longest = |needle: &memmem::Finder<'_>| {
            let (needle, text) = (needle.needle(), text.as_bytes());
            let from = text.len().saturating_sub(needle.len() - 1);
            let mut starts = memchr::memchr_iter(needle[0], &text[from..]);
            starts.find_map(|at| {
                needle.starts_with(&text[from + at..]).then(|| text.len() - from - at)
            })
        };
        needles.iter().filter_map(longest).max().unwrap_or(0)
    }
}

/// Whether this stands in texts that tell no key.
fn is_common(key: &[u8]) -> bool {
    let is_word = key.iter().all(u8::is_ascii_alphabetic);
    let is_number = key.iter().all(u8::is_ascii_digit);
    key.len() < SHORTEST || key.len() < SHORTEST_WORD && (is_word || is_number)
}

fn replace(bytes: &[u8], needle: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((start, end)) = find_escaped(rest, needle) {
        clean.extend_from_slice(&rest[..start]);
        clean.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[end..];
    }
    clean.extend_from_slice(rest);
    clean
}

/// Where the needle stands, each of its bytes as it is or in one of JSON's escapes.
fn find_escaped(bytes: &[u8], needle: &[u8]) -> Option<(usize, usize)> {
    let first = *needle.first()?;
    let starts = memchr::memchr2_iter(first, b'\\', bytes);
    starts.into_iter().find_map(|start| Some((start, start + length_at(&bytes[start..], needle)?)))
}

/// How many bytes the needle takes at the start of these; `None` when it does not stand there.
fn length_at(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let mut at = 0;
    for wanted in needle {
        let rest = &bytes[at..];
        at += match rest {
            [b'\\', b'u' | b'U', b'0', b'0', high, low, ..] => {
                let digits = std::str::from_utf8(&[*high, *low]).ok()?.to_owned();
                (u8::from_str_radix(&digits, 16).ok()? == *wanted).then_some(6)?
            }
            [b'\\', escaped, ..] if escaped == wanted => 2,
            [plain, ..] if plain == wanted => 1,
            _ => return None,
        };
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_shown() {
        let secret = Secret::new(" sk-canary-123\n");
        assert_eq!(secret.expose(), "sk-canary-123");
        assert_eq!(format!("{secret:?}"), REDACTED);
    }

    #[test]
    fn what_is_given_to_a_server_that_checks_no_key_stays_in_texts() {
        for key in ["", "x", "EMPTY", "dummy", "ollama", "placeholder", "12345678"] {
            let text = format!("a test of {key} and more");
            assert_eq!(Redactor::new(&[Secret::new(key)]).clean_text(&text), text);
        }
        for key in ["sk-1234", "hunter2", "sk-canary", "correcthorsebattery", "123456789012"] {
            let text = format!("a test of {key}");
            let redactor = Redactor::new(&[Secret::new(key)]);
            assert_eq!(redactor.clean_text(&text), "a test of [redacted]");
        }
    }

    #[test]
    fn every_key_is_taken_out_wherever_it_stands() {
        let redactor = Redactor::new(&[Secret::new("sk-canary-123"), Secret::new("pa\"ss\\word")]);
        let text = r#"bad key sk-canary-123, twice sk-canary-123, and "pa\"ss\\word""#;
        let clean = redactor.clean_text(text);
        assert_eq!(clean, r#"bad key [redacted], twice [redacted], and "[redacted]""#);
        for text in [r"sk\u002dcanary-123", r"s\u006B-canary-123", r"\u0073k-canary\u002D123"] {
            assert_eq!(redactor.clean_text(text), REDACTED, "{text}");
        }
        let slashes = Redactor::new(&[Secret::new("ab/cd+ef==")]);
        assert_eq!(slashes.clean_text(r#""ab\/cd+ef==""#), "\"[redacted]\"");
        assert_eq!(slashes.clean_text(r"C:\path\ab/cd+ef="), r"C:\path\ab/cd+ef=");
        let later = slashes.clone();
        slashes.learn(&Secret::new("a-later-token"));
        assert_eq!(later.clean_text("a-later-token"), REDACTED);
        let innocent = Bytes::from_static(b"nothing here");
        assert_eq!(redactor.clean_bytes(innocent.clone()), innocent);
    }

    #[test]
    fn the_beginning_of_a_key_at_the_end_of_a_text_is_seen() {
        let redactor = Redactor::new(&[Secret::new("sk-canary-123"), Secret::new("ss-other")]);
        for (text, length) in [
            ("", 0),
            ("no", 0),
            ("so is", 1),
            ("the key is sk-can", 6),
            ("sk-canary-12", 12),
            ("sk-canary-123", 0),
            ("sk-canary-124", 0),
            ("s", 1),
            ("ss", 2),
            ("größe s", 1),
        ] {
            assert_eq!(redactor.unfinished(text), length, "{text}");
        }
    }
}
