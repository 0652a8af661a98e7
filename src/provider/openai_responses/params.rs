//! Parameters: from the names of chat completions to those of this interface, and which of them it
//! cannot say.

use serde_json::{Map, Value, json};

use super::{bare, items, tools};
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::provider::asked;
use crate::provider::openai_chat::{body, ranges, rules};
use crate::provider::quirks::Quirks;

/// The least limit of tokens.
const LEAST_TOKENS: u64 = 16;

/// What there are no words for.
const UNSAID: &[&str] = &[
    "stop",
    "seed",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "prediction",
    "audio",
];

/// Whether a parameter can be said at all.
pub(super) fn accepts(name: &str, value: &Value) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    ranges::right_type(name, value)?;
    match name {
        _ if UNSAID.contains(&name) && !rules::is_default(name, value) => {
            Err("the Responses API, where this model is asked, has no such parameter".to_owned())
        }
        "n" => asked::only_one(value),
        "modalities" => asked::only_text(value),
        "max_tokens" | "max_completion_tokens" if value.as_u64() < Some(LEAST_TOKENS) => Err(
            format!("the Responses API, where this model is asked, wants {LEAST_TOKENS} at least"),
        ),
        "response_format" => asked::known_format(value),
        "web_search_options" => {
            Err("the Responses API searches with a tool: tools = [{ type = \"web_search\" }]"
                .to_owned())
        }
        "background" if value == true => {
            Err("an answer that is made in the background is not waited for".to_owned())
        }
        _ => Ok(()),
    }
}

/// The body of a request.
pub(in crate::provider) fn body(quirks: &Quirks, request: &Request) -> Result<Vec<u8>, Failure> {
    let mut body = Map::new();
    body.insert("model".to_owned(), bare(&request.model).into());
    let items = items::of(&request.messages).map_err(asked::unsayable)?;
    body.insert("input".to_owned(), items.into());
    // Left out, OpenAI would keep the talk for thirty days; chat completions keep nothing unless
    // they are told to, and neither does a model that happens to be asked here.
    body.insert("store".to_owned(), false.into());
    for (name, value) in request.params.iter().filter(|(_, value)| !value.is_null()) {
        // What the job states was looked at before; a row of its prompts may bring more.
        let accepted = accepts(name, value);
        accepted.and_then(|()| rules::accepts(quirks, &request.model, name, value)).map_err(
            |why| {
                let message = format!("`{name}` cannot be sent: {why}");
                Failure::new(FailureKind::UnsupportedParams, message)
            },
        )?;
        if !(quirks.openai_rules && rules::goes_unsaid(&request.model, name, value)) {
            place(&mut body, request, name, value);
        }
    }
    asked::add_extra(&mut body, &request.params);
    serde_json::to_vec(&body).map_err(asked::no_json)
}

fn place(body: &mut Map<String, Value>, request: &Request, name: &str, value: &Value) {
    let (name, value) = match name {
        "max_tokens" | "max_completion_tokens" => ("max_output_tokens", value.clone()),
        "reasoning_effort" => return within(body, "reasoning", "effort", value.clone()),
        "verbosity" => return within(body, "text", "verbosity", value.clone()),
        "response_format" => return within(body, "text", "format", format(value)),
        "reasoning" | "text" if value.is_object() => {
            for (key, value) in value.as_object().into_iter().flatten() {
                within(body, name, key, value.clone());
            }
            return;
        }
        "tools" => ("tools", tools::flat(value)),
        "tool_choice" => ("tool_choice", tools::choice(value)),
        "functions" | "function_call" => match body::modern(&request.params, name) {
            Some(("tools", value)) => ("tools", tools::flat(&value)),
            Some((name, value)) => (name, tools::choice(&value)),
            None => return,
        },
        // The usage always comes at the end of a stream.
        "stream_options" => match value.get("include_obfuscation") {
            Some(padding) => ("stream_options", json!({"include_obfuscation": padding})),
            None => return,
        },
        // One text answer is all there is.
        "n" | "modalities" => return,
        "extra" if value.is_object() => return,
        name if UNSAID.contains(&name) => return,
        own => (own, value.clone()),
    };
    body.insert(name.to_owned(), value);
}

/// Puts a value into a table of the body.
fn within(body: &mut Map<String, Value>, table: &str, key: &str, value: Value) {
    let table = body.entry(table).or_insert_with(|| json!({}));
    if let Some(table) = table.as_object_mut() {
        table.insert(key.to_owned(), value);
    }
}

/// A schema stands beside the type, flat.
fn format(value: &Value) -> Value {
    let mut made = Map::from_iter([("type".to_owned(), asked::kind(value).into())]);
    if let Some(told) = value.get("json_schema").and_then(Value::as_object) {
        made.extend(told.clone());
    }
    made.into()
}
