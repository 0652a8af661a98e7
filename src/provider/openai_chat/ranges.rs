//! What a parameter may be: its type at every host, and its range at `OpenAI` (the vendor's API
//! description).

use serde_json::Value;

use crate::provider::asked;

/// What `OpenAI` calls its tiers.
const TIERS: &[&str] = &["auto", "default", "flex", "scale", "priority", "fast"];

/// The most stop sequences.
const MOST_STOPS: usize = 4;

/// The most tools of a call.
const MOST_TOOLS: usize = 128;

/// The longest name of a tool or a schema.
const LONGEST_NAME: usize = 64;

/// Whether a value is of a type that any host could take.
pub(in crate::provider) fn right_type(name: &str, value: &Value) -> Result<(), String> {
    let (fits, kind) = match name {
        "temperature" | "top_p" => {
            (value.as_f64().is_some_and(|number| number >= 0.0), "a number from 0")
        }
        "frequency_penalty" | "presence_penalty" => (value.is_number(), "a number"),
        "max_tokens" | "max_completion_tokens" => (value.is_u64(), "a whole number of tokens"),
        "n" => (value.as_u64().is_some_and(|n| n > 0), "a whole number from 1"),
        "seed" => (value.is_i64() || value.is_u64(), "a whole number"),
        "top_logprobs" => (value.is_u64(), "a whole number from 0"),
        // Some hosts want the number here that `top_logprobs` is elsewhere.
        "logprobs" => (value.is_boolean() || value.is_u64(), "true or false"),
        "stream" | "store" | "parallel_tool_calls" => (value.is_boolean(), "true or false"),
        "stop" => (texts(value).is_some(), "a text or a list of texts"),
        "user"
        | "reasoning_effort"
        | "verbosity"
        | "service_tier"
        | "prompt_cache_key"
        | "safety_identifier"
        | "prompt_cache_retention" => (value.is_string(), "a text"),
        "logit_bias"
        | "metadata"
        | "stream_options"
        | "prediction"
        | "audio"
        | "web_search_options"
        | "response_format"
        | "prompt_cache_options" => (value.is_object(), "a table"),
        "tools" | "functions" => (is_list_of(value, Value::is_object), "a list of tables"),
        "modalities" => (is_list_of(value, Value::is_string), "a list of texts"),
        "tool_choice" | "function_call" => {
            (value.is_string() || value.is_object(), "a text or a table")
        }
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(format!("it must be {kind}")) }
}

/// Whether a value is one that `OpenAI` takes of some model. Its type is right.
pub(in crate::provider) fn in_range(name: &str, value: &Value) -> Result<(), String> {
    match name {
        "temperature" => asked::within(value, 0.0, 2.0),
        "top_p" => asked::within(value, 0.0, 1.0),
        "frequency_penalty" | "presence_penalty" => asked::within(value, -2.0, 2.0),
        "max_tokens" | "max_completion_tokens" => asked::within(value, 1.0, f64::INFINITY),
        "n" => asked::within(value, 1.0, 128.0),
        "top_logprobs" => asked::within(value, 0.0, 20.0),
        "logprobs" if !value.is_boolean() => Err("it must be true or false".to_owned()),
        "stop" => match texts(value) {
            Some(stops) if stops.len() <= MOST_STOPS => Ok(()),
            _ => Err(format!("at most {MOST_STOPS} stop sequences are taken")),
        },
        "reasoning_effort" => asked::known_effort(value),
        "verbosity" => one_of(value, &["low", "medium", "high"]),
        "service_tier" => one_of(value, TIERS),
        "prompt_cache_retention" => one_of(value, &["in_memory", "in-memory", "24h"]),
        "safety_identifier" => shorter(value.as_str().unwrap_or_default(), 64),
        "logit_bias" => value
            .as_object()
            .into_iter()
            .flatten()
            .try_for_each(|(_, bias)| asked::within(bias, -100.0, 100.0)),
        "metadata" => metadata(value),
        "response_format" => format(value),
        "tools" | "functions" => tools(value),
        "tool_choice" if value.is_string() => one_of(value, &["none", "auto", "required"]),
        "function_call" if value.is_string() => one_of(value, &["none", "auto"]),
        _ => Ok(()),
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn is_list_of(value: &Value, is_one: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(is_one))
}

fn one_of(value: &Value, known: &[&str]) -> Result<(), String> {
    match value.as_str().is_some_and(|word| known.contains(&word)) {
        true => Ok(()),
        false => Err(format!("it must be one of `{}`", known.join("`, `"))),
    }
}

fn shorter(text: &str, most: usize) -> Result<(), String> {
    match text.chars().count() <= most {
        true => Ok(()),
        false => Err(format!("at most {most} characters are taken")),
    }
}

fn metadata(value: &Value) -> Result<(), String> {
    let Some(pairs) = value.as_object().filter(|pairs| pairs.len() <= 16) else {
        return Err("at most 16 pairs are taken".to_owned());
    };
    pairs.iter().try_for_each(|(key, value)| {
        shorter(key, 64)?;
        match value.as_str() {
            Some(text) => shorter(text, 512),
            None => Err(format!("the value of `{key}` must be a text")),
        }
    })
}

fn format(value: &Value) -> Result<(), String> {
    asked::known_format(value)?;
    match value.pointer("/json_schema/name").and_then(Value::as_str) {
        _ if asked::kind(value) != "json_schema" => Ok(()),
        Some(name) => sayable_name(name),
        None => Err("the schema needs a `json_schema.name`".to_owned()),
    }
}

/// The names of functions; tools of other types are `OpenAI`'s own.
fn tools(value: &Value) -> Result<(), String> {
    let tools = value.as_array().map_or(&[][..], Vec::as_slice);
    if tools.len() > MOST_TOOLS {
        return Err(format!("at most {MOST_TOOLS} tools are taken"));
    }
    tools.iter().try_for_each(|tool| {
        let function = match tool.get("type") {
            Some(kind) if *kind == "function" => tool.get("function").unwrap_or(tool),
            Some(_) => return Ok(()),
            None => tool,
        };
        match function.get("name").and_then(Value::as_str) {
            Some(name) => sayable_name(name),
            None => Err("a tool needs a name at `function.name`".to_owned()),
        }
    })
}

pub(super) fn sayable_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no name of up to {LONGEST_NAME} letters, digits, `_` and `-`",
            name.escape_debug()
        )),
    }
}
