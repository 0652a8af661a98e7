//! Keys. A [`Secret`] has no `Debug` that shows it, no `Display` and no `Serialize`; [`Redactor`]
//! takes it out of whatever a server sends back.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

/// What stands in the place of a key.
pub const REDACTED: &str = "[redacted]";

/// Shorter texts are not searched for: they would stand in innocent places too.
const SHORTEST: usize = 6;

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

/// Takes the keys of a run out of texts that come from outside.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    needles: Arc<Vec<memmem::Finder<'static>>>,
}

impl Redactor {
    /// A redactor of these keys, as they stand and as JSON would escape them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles: Vec<String> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.0.len() >= SHORTEST) {
            let plain = secret.expose().to_owned();
            let quoted = serde_json::Value::String(plain.clone()).to_string();
            let escaped = quoted[1..quoted.len() - 1].to_owned();
            needles.extend([plain, escaped]);
        }
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles.dedup();
        let finders = needles.iter().map(|needle| memmem::Finder::new(needle).into_owned());
        Self { needles: Arc::new(finders.collect()) }
    }

    /// The bytes without any key; the same buffer when there was none in it.
    pub fn clean_bytes(&self, bytes: Bytes) -> Bytes {
        if self.needles.iter().all(|needle| needle.find(&bytes).is_none()) {
            return bytes;
        }
        let mut clean = bytes.to_vec();
        for needle in self.needles.iter() {
            clean = replace(&clean, needle);
        }
        clean.into()
    }

    /// The text without any key.
    pub fn clean_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.needles.iter().all(|needle| needle.find(text.as_bytes()).is_none()) {
            return Cow::Borrowed(text);
        }
        let clean = self.clean_bytes(Bytes::copy_from_slice(text.as_bytes()));
        Cow::Owned(String::from_utf8_lossy(&clean).into_owned())
    }
}

fn replace(bytes: &[u8], needle: &memmem::Finder<'_>) -> Vec<u8> {
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = needle.find(rest) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(REDACTED.as_bytes());
        rest = &rest[at + needle.needle().len()..];
    }
    clean.extend_from_slice(rest);
    clean
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
    fn every_key_is_taken_out_wherever_it_stands() {
        let redactor = Redactor::new(&[Secret::new("sk-canary-123"), Secret::new("pa\"ss\\word")]);
        let text = r#"bad key sk-canary-123, twice sk-canary-123, and "pa\"ss\\word""#;
        let clean = redactor.clean_text(text);
        assert_eq!(clean, r#"bad key [redacted], twice [redacted], and "[redacted]""#);
        let innocent = Bytes::from_static(b"nothing here");
        assert_eq!(redactor.clean_bytes(innocent.clone()), innocent);
    }
}
