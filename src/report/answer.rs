//! What an answer says: the few things of a `chat.completion` that reports show.
//!
//! It is read in the same pass as the record around it. What is not there, or is something else than
//! it should be, is left out, so that no answer makes its record unreadable.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The first choice of an answer; each part of it as it stands there.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    finish_reason: Option<&'a RawValue>,
    message: Message<'a>,
}

#[derive(Debug, Default)]
struct Message<'a> {
    content: Option<&'a RawValue>,
    refusal: Option<&'a RawValue>,
    tool_calls: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    /// Why it ended, in OpenAI's words.
    pub fn finish_reason(&self) -> Option<Cow<'a, str>> {
        text(self.finish_reason?)
    }

    /// Its text; of a list of parts, the text parts joined by newlines.
    pub fn content(&self) -> Option<Cow<'a, str>> {
        let content = self.message.content?;
        if !content.get().starts_with('[') {
            return text(content);
        }
        let parts: Vec<Value> = serde_json::from_str(content.get()).ok()?;
        let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
        Some(texts.join("\n").into())
    }

    /// The words with which the model declines.
    pub fn refusal(&self) -> Option<Cow<'a, str>> {
        text(self.message.refusal?)
    }

    /// The tools that it calls, as OpenAI writes them.
    pub fn tool_calls(&self) -> Vec<Value> {
        let calls = self.message.tool_calls.map(|calls| serde_json::from_str(calls.get()));
        calls.and_then(Result::ok).unwrap_or_default()
    }
}

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    let inner = json.get().strip_prefix('"')?.strip_suffix('"')?;
    match memchr(b'\\', inner.as_bytes()) {
        None => Some(inner.into()),
        Some(_) => serde_json::from_str::<String>(json.get()).ok().map(Cow::Owned),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Answer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let completion: Completion<'de> = read(deserializer)?;
        Ok(completion.choices.0)
    }
}

#[derive(Default)]
struct Completion<'a> {
    choices: First<Answer<'a>>,
}

/// The first item of a list.
#[derive(Default)]
struct First<T>(T);

/// What is taken from an object or from a list; nothing from anything else.
trait Taken<'de>: Default {
    /// Takes the value of a key, or says that it does not. Of a key that stands twice, the last
    /// counts.
    fn of_field<A: MapAccess<'de>>(&mut self, _: &str, _: &mut A) -> Result<bool, A::Error> {
        Ok(false)
    }

    /// Takes from the beginning of a list.
    fn of_list<A: SeqAccess<'de>>(&mut self, _: &mut A) -> Result<(), A::Error> {
        Ok(())
    }
}

impl<'de> Taken<'de> for Completion<'de> {
    fn of_field<A: MapAccess<'de>>(&mut self, key: &str, object: &mut A) -> Result<bool, A::Error> {
        match key {
            "choices" => self.choices = object.next_value::<Any<_>>()?.0,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Taken<'de> for Answer<'de> {
    fn of_field<A: MapAccess<'de>>(&mut self, key: &str, object: &mut A) -> Result<bool, A::Error> {
        match key {
            "finish_reason" => self.finish_reason = object.next_value()?,
            "message" => self.message = object.next_value::<Any<_>>()?.0,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Taken<'de> for Message<'de> {
    fn of_field<A: MapAccess<'de>>(&mut self, key: &str, object: &mut A) -> Result<bool, A::Error> {
        let field = match key {
            "content" => &mut self.content,
            "refusal" => &mut self.refusal,
            "tool_calls" => &mut self.tool_calls,
            _ => return Ok(false),
        };
        *field = object.next_value()?;
        Ok(true)
    }
}

impl<'de, T: Taken<'de>> Taken<'de> for First<T> {
    fn of_list<A: SeqAccess<'de>>(&mut self, list: &mut A) -> Result<(), A::Error> {
        self.0 = list.next_element::<Any<T>>()?.unwrap_or_default().0;
        Ok(())
    }
}

/// What is taken from a value of any form.
#[derive(Default)]
struct Any<T>(T);

impl<'de, T: Taken<'de>> Deserialize<'de> for Any<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer).map(Self)
    }
}

fn read<'de, D: Deserializer<'de>, T: Taken<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Taking(PhantomData))
}

struct Taking<T>(PhantomData<T>);

impl<'de, T: Taken<'de>> Visitor<'de> for Taking<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<T, A::Error> {
        #[derive(serde::Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut taken = T::default();
        while let Some(Key(key)) = object.next_key()? {
            if !taken.of_field(&key, &mut object)? {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(taken)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        let mut taken = T::default();
        taken.of_list(&mut list)?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(taken)
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<Cow<'_, str>>, Option<Cow<'_, str>>) {
        let answer: Answer<'_> = serde_json::from_str(json).unwrap();
        (answer.finish_reason(), answer.content())
    }

    #[test]
    fn the_text_of_the_first_choice_is_found() {
        for (json, reason, text) in [
            (
                r#"{"choices":[{"finish_reason":"stop","message":{"content":"a\nb"}},{"x":1}]}"#,
                Some("stop"),
                Some("a\nb"),
            ),
            (
                r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]}}]}"#,
                None,
                Some("a\nb"),
            ),
            (
                r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":null}}]}"#,
                Some("tool_calls"),
                None,
            ),
            (
                r#"{"choices":[{"message":{"content":"a","cont\u0065nt":"b"},"message":{"content":"c"}}]}"#,
                None,
                Some("c"),
            ),
            (r#"{"choices":[{"finish_reason":7,"message":{"content":1e999}}]}"#, None, None),
            (r#"{"choices":[{"message":["a","b","c","d","e"]},1e999]}"#, None, None),
            (r#"{"choices":["a","b"]}"#, None, None),
            (r#"{"choices":[]}"#, None, None),
            (r#"{"choices":7}"#, None, None),
            ("[]", None, None),
        ] {
            let (read_reason, read_text) = read(json);
            assert_eq!((read_reason.as_deref(), read_text.as_deref()), (reason, text), "{json}");
        }
    }

    #[test]
    fn tools_and_refusals_are_those_of_the_first_choice() {
        for (json, tools, refusal) in [
            (r#"{"choices":[{"message":{"tool_calls":[{"a":1},2]}}]}"#, 2, None),
            (
                r#"{"choices":[{"message":{"tool_calls":[1e999],"refusal":"no\t"}}]}"#,
                0,
                Some("no\t"),
            ),
            (r#"{"choices":[{"message":{"tool_calls":null,"refusal":null}}]}"#, 0, None),
        ] {
            let answer: Answer<'_> = serde_json::from_str(json).unwrap();
            let found = (answer.tool_calls().len(), answer.refusal());
            assert_eq!((found.0, found.1.as_deref()), (tools, refusal), "{json}");
        }
    }
}
