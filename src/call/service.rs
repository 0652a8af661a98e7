//! The service that a call is served by, such as `flex` or `priority`: what the answer says, else
//! what was asked for.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Words for the service that everybody gets.
const USUAL: &[&str] = &["", "default", "standard", "standard_only", "on_demand"];

/// The word that leaves it to the provider.
const AUTO: &str = "auto";

/// The names of the parameter: `OpenAI`'s, and what `extra` hands to Gemini and Bedrock.
const NAMES: [&str; 2] = ["service_tier", "serviceTier"];

/// A service, as far as it is known by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served<'w> {
    /// The one that everybody gets.
    Usual,
    /// Whichever the provider takes.
    Auto,
    /// One with a price of its own.
    Named(Cow<'w, str>),
}

impl<'w> Served<'w> {
    /// What these parameters ask for.
    pub fn asked(params: &'w Map<String, Value>) -> Self {
        let extra = params.get("extra").and_then(Value::as_object);
        let stated = [Some(params), extra].into_iter().flatten().find_map(|params| {
            let value = NAMES.iter().find_map(|name| params.get(*name))?;
            // Bedrock's is a table.
            value.get("type").unwrap_or(value).as_str()
        });
        stated.map_or(Self::Usual, Self::of)
    }

    /// What a call pays: what the answer says was served, else what was asked for.
    pub fn paid(told: Option<&'w str>, params: &'w Map<String, Value>) -> Self {
        match told.map(Self::of) {
            None | Some(Self::Auto) => match Self::asked(params) {
                Self::Auto => Self::Usual,
                asked => asked,
            },
            Some(served) => served,
        }
    }

    fn of(word: &'w str) -> Self {
        let word = match word.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(word.to_ascii_lowercase()),
            false => Cow::Borrowed(word),
        };
        match &*word {
            AUTO => Self::Auto,
            usual if USUAL.contains(&usual) => Self::Usual,
            // `OpenAI` answers the one with the other.
            "fast" => Self::Named("priority".into()),
            _ => Self::Named(word),
        }
    }
}

/// What an answer in `OpenAI`'s form says of it.
#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow, default)]
    service_tier: Option<Cow<'b, str>>,
}

/// The service that a `chat.completion` says it was served by, for those who read one again.
pub fn told(body: &str) -> Option<String> {
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    body.service_tier.map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_answer_says_what_was_served_and_else_the_request() {
        let named = |name: &'static str| Served::Named(name.into());
        for (told, params, paid) in [
            (None, json!({}), Served::Usual),
            (None, json!({"service_tier": "auto"}), Served::Usual),
            (None, json!({"service_tier": "flex"}), named("flex")),
            (None, json!({"extra": {"serviceTier": {"type": "flex"}}}), named("flex")),
            (Some("default"), json!({"service_tier": "priority"}), Served::Usual),
            (Some("STANDARD"), json!({"service_tier": "priority"}), Served::Usual),
            (Some("auto"), json!({"service_tier": "flex"}), named("flex")),
            (Some("priority"), json!({}), named("priority")),
            (Some("fast"), json!({}), named("priority")),
            (Some("batch"), json!({"service_tier": "flex"}), named("batch")),
        ] {
            let params = params.as_object().expect("params");
            assert_eq!(Served::paid(told, params), paid, "{told:?} {params:?}");
        }
        assert_eq!(
            Served::asked(json!({"service_tier": "auto"}).as_object().unwrap()),
            Served::Auto
        );
        assert_eq!(told(r#"{"id":"x","service_tier":"flex"}"#).as_deref(), Some("flex"));
        assert_eq!(told(r#"{"id":"x","service_tier":null}"#), None);
    }
}
