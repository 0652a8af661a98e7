//! What a message says, as requests of all dialects write it: a text, or a list of parts.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};

/// A text, borrowed from the request where it stands there without escapes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Words<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// A part of which only the text matters: pictures have none.
#[derive(Clone, Debug, Deserialize)]
pub struct Part<'a> {
    #[serde(borrow)]
    text: Option<Words<'a>>,
}

/// A text, or a list of parts.
#[derive(Clone, Debug)]
pub enum Content<'a, P = Part<'a>> {
    /// A text.
    Text(Cow<'a, str>),
    /// A list of parts.
    Parts(Vec<P>),
}

impl<'a> Content<'a> {
    /// The text; that of parts is joined by newlines.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => joined(parts.into_iter().filter_map(|part| part.text)),
        }
    }
}

/// Texts joined by newlines.
pub fn joined<'a>(texts: impl IntoIterator<Item = Words<'a>>) -> Cow<'a, str> {
    let mut texts = texts.into_iter();
    let Some(Words(mut all)) = texts.next() else { return Cow::Borrowed("") };
    for Words(text) in texts {
        let all = all.to_mut();
        all.push('\n');
        all.push_str(&text);
    }
    all
}

/// The text of a content that may be left out.
pub fn text(content: Option<Content<'_>>) -> Cow<'_, str> {
    content.map_or(Cow::Borrowed(""), Content::text)
}

impl<'de: 'a, 'a, P: Deserialize<'de>> Deserialize<'de> for Content<'a, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(PhantomData))
    }
}

struct ContentVisitor<P>(PhantomData<P>);

impl<'de, P: Deserialize<'de>> Visitor<'de> for ContentVisitor<P> {
    type Value = Content<'de, P>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of parts")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(parts)).map(Content::Parts)
    }
}
