//! The form that an answer must have, and what becomes of one that does not have it.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::request::{Content, Message};

/// The parameter that asks for a form, by its `OpenAI` name.
pub const PARAM: &str = "response_format";

/// A form that texts may have.
pub trait Form: Debug + Send + Sync {
    /// Why a text does not have it, in words that a model can act on; `None` where it has.
    fn fault(&self, text: &str) -> Option<String>;
}

/// What becomes of an answer that does not have its form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnInvalid {
    /// The model is told what is wrong and asked again, at once; it fails when that does not help.
    #[default]
    Retry,
    /// The task fails.
    Fail,
    /// The task is answered all the same; its row says what is wrong.
    Keep,
}

/// What a task demands of its answers.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The form.
    pub form: Arc<dyn Form>,
    /// What becomes of an answer that does not have it.
    pub on_invalid: OnInvalid,
    /// How often the model is told what is wrong, at most.
    pub retries: u32,
    /// The form in words, for models that do not take it as a parameter.
    pub in_words: Arc<str>,
}

impl Demand {
    /// Asks for the form in words, at the end of what the user says last: every model reads that.
    pub fn say(&self, messages: &mut Vec<Message>) {
        let Some(last) = messages.iter_mut().rfind(|message| message.role == "user") else {
            messages.push(Message::text("user", &*self.in_words));
            return;
        };
        match &mut last.content {
            Content::Text(text) => {
                text.push_str("\n\n");
                text.push_str(&self.in_words);
            }
            Content::Parts(Value::Array(parts)) => {
                parts.push(json!({"type": "text", "text": &*self.in_words}));
            }
            absent => *absent = Content::Text(self.in_words.to_string()),
        }
    }

    /// How often a model may be told that its answer does not fit.
    pub fn most_told(&self) -> u64 {
        if self.on_invalid == OnInvalid::Retry { u64::from(self.retries) } else { 0 }
    }

    /// Says it, where the model does not take the parameter: it is among those that are left out.
    pub fn say_if_dropped(&self, dropped: &[String], messages: &mut Vec<Message>) {
        if is_dropped(dropped) {
            self.say(messages);
        }
    }
}

/// Whether the parameter is among those that are left out.
pub fn is_dropped(dropped: &[String]) -> bool {
    dropped.iter().any(|name| name == PARAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Any;

    impl Form for Any {
        fn fault(&self, _: &str) -> Option<String> {
            None
        }
    }

    #[test]
    fn it_is_said_at_the_end_of_what_the_user_says_last() {
        let demand = Demand {
            form: Arc::new(Any),
            on_invalid: OnInvalid::default(),
            retries: 2,
            in_words: "as JSON".into(),
        };
        let said = |messages: Value| {
            let mut messages: Vec<Message> = serde_json::from_value(messages).expect("messages");
            demand.say(&mut messages);
            serde_json::to_value(messages).expect("JSON")
        };
        let user = |content: Value| json!([{"role": "user", "content": content}]);
        assert_eq!(said(user(json!("hi"))), user(json!("hi\n\nas JSON")));
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(said(user(json!([text("hi")]))), user(json!([text("hi"), text("as JSON")])));
        assert_eq!(said(user(Value::Null)), user(json!("as JSON")));
        assert_eq!(said(json!([])), user(json!("as JSON")));
        let talk = json!([
            {"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"},
        ]);
        let told = said(talk);
        assert_eq!(
            (&told[0]["content"], &told[1]["content"]),
            (&json!("hi\n\nas JSON"), &json!("ho"))
        );
    }
}
