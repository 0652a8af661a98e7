//! What an answer says: the two things of a `chat.completion` that a flat report shows.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The first choice of an answer.
#[derive(Debug, Default, PartialEq)]
pub struct Answer<'a> {
    /// Why it ended, in OpenAI's words.
    pub finish_reason: Option<Cow<'a, str>>,
    /// Its text; of a list of parts, the text parts joined by newlines.
    pub content: Option<Cow<'a, str>>,
}

impl<'a> Answer<'a> {
    /// Reads a `chat.completion`; what is not there or has another form is left out.
    pub fn read(response: &'a RawValue) -> Self {
        // Nearly every answer is two texts.
        if let Some(choice) = first::<Text<'a>>(response) {
            let content = choice.message.and_then(|message| message.content);
            let [finish_reason, content] =
                [choice.finish_reason, content].map(|text| Some(text?.0));
            return Self { finish_reason, content };
        }
        let Some(choice) = first::<&'a RawValue>(response) else { return Self::default() };
        Self {
            finish_reason: choice.finish_reason.and_then(text),
            content: choice.message.and_then(|message| message.content).and_then(content),
        }
    }
}

/// The first choice of a `chat.completion`, with its texts in this form.
fn first<'a, T: Deserialize<'a>>(response: &'a RawValue) -> Option<Choice<T>> {
    let completion = serde_json::from_str::<Completion<Choice<T>>>(response.get()).ok()?;
    completion.choices?.0
}

#[derive(Deserialize)]
struct Completion<C> {
    choices: Option<First<C>>,
}

#[derive(Deserialize)]
struct Choice<T> {
    finish_reason: Option<T>,
    message: Option<Message<T>>,
}

#[derive(Deserialize)]
struct Message<T> {
    content: Option<T>,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(json: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json.get()).ok().map(|text| text.0)
}

fn content(json: &RawValue) -> Option<Cow<'_, str>> {
    if !json.get().starts_with('[') {
        return text(json);
    }
    let parts: Vec<Value> = serde_json::from_str(json.get()).ok()?;
    let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
    Some(texts.join("\n").into())
}

/// The first item of a list; the others are skipped, whatever they are.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Items<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<First<T>, A::Error> {
                let first = items.next_element()?;
                while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }

        deserializer.deserialize_seq(Items(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<String>, Option<String>) {
        let response: Box<RawValue> = serde_json::from_str(json).unwrap();
        let answer = Answer::read(&response);
        (answer.finish_reason.map(Cow::into_owned), answer.content.map(Cow::into_owned))
    }

    #[test]
    fn the_text_of_the_first_choice_is_found() {
        let some = |text: &str| Some(text.to_owned());
        for (json, reason, text) in [
            (
                r#"{"choices":[{"finish_reason":"stop","message":{"content":"a\nb"}},{"x":1}]}"#,
                some("stop"),
                some("a\nb"),
            ),
            (
                r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"x"},{"text":"b"}]}}]}"#,
                None,
                some("a\nb"),
            ),
            (
                r#"{"choices":[{"finish_reason":"tool_calls","message":{"content":null}}]}"#,
                some("tool_calls"),
                None,
            ),
            (r#"{"choices":[{"finish_reason":7,"message":{"content":7}}]}"#, None, None),
            (r#"{"choices":[]}"#, None, None),
            (r#"{"choices":7}"#, None, None),
            ("[]", None, None),
        ] {
            assert_eq!(read(json), (reason, text), "{json}");
        }
    }
}
