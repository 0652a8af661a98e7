//! The parameters of a call that a job may state: what is known of them, and which wins.
//!
//! A parameter that stands in no list here goes to the provider as it is; so the lists refuse
//! what cannot be right and never what is merely new.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::call::request::Params;

/// Keys of a request that are no parameters, and what to do instead.
pub const NOT_PARAMS: &[(&str, &str)] = &[
    ("messages", "what is asked stands in [prompts.<name>]"),
    ("model", "models stand in [[models]]"),
    ("api_key", "where a key is found stands in [providers.<name>]: api_key = { env = \"NAME\" }"),
    ("base_url", "where a provider is stands in [providers.<name>]"),
    ("timeout", "times stand in [limits]"),
];

/// Names of one and the same parameter; a call may have only one of them.
const TWINS: [&str; 2] = ["max_tokens", "max_completion_tokens"];

/// What is known of a parameter.
struct Known {
    name: &'static str,
    schema: fn() -> Value,
    description: &'static str,
}

const KNOWN: &[Known] = &[
    known("temperature", || range(0, 2), "How freely tokens are chosen; 0 to 2."),
    known("top_p", || range(0, 1), "Only the likeliest tokens of this share; 0 to 1."),
    known("max_tokens", whole, "The most tokens of an answer."),
    known("max_completion_tokens", whole, "The most tokens of an answer, reasoning included."),
    known("n", whole, "How many answers to one prompt; each is billed."),
    known("presence_penalty", || range(-2, 2), "Against tokens that were there before; -2 to 2."),
    known("frequency_penalty", || range(-2, 2), "Against tokens that are frequent; -2 to 2."),
    known("seed", || json!({ "type": "integer" }), "The same seed aims at the same answer."),
    known("stop", || json!({}), "Text, or a list of text, at which an answer ends."),
    known("user", || json!({ "type": "string" }), "A name for your end user."),
    known("response_format", || json!({ "type": "object" }), "JSON mode or a JSON Schema."),
    known("reasoning_effort", || json!({ "type": "string" }), "How long to think."),
    known("logprobs", || json!({ "type": "boolean" }), "Whether to return log probabilities."),
    known("top_logprobs", || range_of("integer", 0, 20), "How many log probabilities a token."),
    known(
        "stream",
        || json!({ "type": "boolean" }),
        "Whether the answer comes as a stream: the same answer, with the time to its first token.",
    ),
];

const fn known(name: &'static str, schema: fn() -> Value, description: &'static str) -> Known {
    Known { name, schema, description }
}

fn range(least: i64, most: i64) -> Value {
    range_of("number", least, most)
}

fn range_of(kind: &str, least: i64, most: i64) -> Value {
    json!({ "type": kind, "minimum": least, "maximum": most })
}

fn whole() -> Value {
    json!({ "type": "integer", "minimum": 1 })
}

/// A known parameter that this one is most likely a slip of the pen for.
///
/// Only long names count: short ones, such as `top_a` beside `top_p`, lie close together and both
/// exist.
pub fn meant(name: &str) -> Option<&'static str> {
    const SHORTEST: usize = 8;
    if name.len() < SHORTEST || KNOWN.iter().any(|known| known.name == name) {
        return None;
    }
    let near = |known: &&Known| {
        known.name.len() >= SHORTEST && strsim::damerau_levenshtein(known.name, name) <= 2
    };
    KNOWN.iter().find(near).map(|known| known.name)
}

/// Parameters that a row may have beside its `messages`, as lines for fine-tuning and other whole
/// requests do. `user`, `metadata` and the like are not among them: data sets have columns of
/// these names that mean something else.
const BESIDE_MESSAGES: &[&str] = &[
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "response_format",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
];

/// The parameters among the columns of a row that has `messages`.
pub fn beside_messages(columns: Map<String, Value>) -> Params {
    let is_stated = |name: &str, value: &Value| BESIDE_MESSAGES.contains(&name) && !value.is_null();
    let params: Map<String, Value> =
        columns.into_iter().filter(|(name, value)| is_stated(name, value)).collect();
    params.into()
}

/// Whether this is a parameter that we know.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.name == name)
}

/// Both names of one parameter, where both are stated.
pub fn stated_twice(params: &Map<String, Value>) -> Option<[&'static str; 2]> {
    TWINS.iter().all(|name| params.contains_key(*name)).then_some(TWINS)
}

/// `below` with `above` laid over it. A parameter with two names has one value: the upper one.
pub fn overlaid(below: &Params, above: &Params) -> Params {
    let mut all = below.clone();
    for (name, value) in above.iter() {
        if TWINS.contains(&name.as_str()) {
            all.retain(|other, _| other == name || !TWINS.contains(&other.as_str()));
        }
        all.insert(name.clone(), value.clone());
    }
    all
}

/// Whether `name` is one of `names`, or another name for one of them.
pub fn is_among(name: &str, names: &[String]) -> bool {
    let twin = TWINS.contains(&name);
    names.iter().any(|other| other == name || twin && TWINS.contains(&other.as_str()))
}

/// The schema of `[params]`.
pub struct ParamsTable;

impl JsonSchema for ParamsTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Params".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let properties: Map<String, Value> =
            KNOWN.iter().map(|known| (known.name.to_owned(), described(known))).collect();
        schemars::json_schema!({
            "description": "parameters by their OpenAI names; others go to the provider as they are",
            "type": "object",
            "properties": properties
        })
    }
}

/// The schema of `[matrix]`.
pub struct MatrixTable;

impl JsonSchema for MatrixTable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let list = |items: Value| json!({ "type": "array", "minItems": 1, "items": items });
        let properties: Map<String, Value> =
            KNOWN.iter().map(|known| (known.name.to_owned(), list(described(known)))).collect();
        schemars::json_schema!({
            "description": "lists of values of parameters; every combination is asked",
            "type": "object",
            "properties": properties,
            "additionalProperties": { "type": "array", "minItems": 1 }
        })
    }
}

fn described(known: &Known) -> Value {
    let mut schema = (known.schema)();
    schema["description"] = known.description.into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(value: Value) -> Params {
        serde_json::from_value(value).expect("params")
    }

    #[test]
    fn the_upper_value_wins_under_either_name() {
        let below = params(json!({"max_tokens": 5, "top_p": 1}));
        let above = params(json!({"max_completion_tokens": 9}));
        let both = overlaid(&below, &above);
        assert_eq!(both, params(json!({"top_p": 1, "max_completion_tokens": 9})));
        assert!(is_among("max_tokens", &["max_completion_tokens".to_owned()]));
        assert!(!is_among("top_p", &["max_completion_tokens".to_owned()]));
    }

    #[test]
    fn a_slip_of_the_pen_is_told_from_a_parameter_we_do_not_know() {
        assert_eq!(meant("temprature"), Some("temperature"));
        assert_eq!(meant("max_token"), Some("max_tokens"));
        for name in ["top_k", "top_a", "min_p", "repetition_penalty", "temperature", "top_logprobs"]
        {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}
