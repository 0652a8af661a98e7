//! Which parameters can be said to a model behind Converse, and those that take more than a new
//! name.

use serde_json::{Value, json};

use super::family::{Effort, Family};
use super::tools;
use crate::provider::anthropic::params as anthropic;
use crate::provider::anthropic::schema;
use crate::provider::asked;

/// The most pairs that `metadata` may have.
const MOST_PAIRS: usize = 16;

/// The longest key and value of such a pair.
const LONGEST_PAIR: usize = 256;

/// Whether a parameter can be said to a model.
pub(super) fn accepts(model: &str, name: &str, value: &Value) -> Result<(), String> {
    let family = Family::of(model);
    match name {
        _ if value.is_null() => Ok(()),
        "max_tokens" | "max_completion_tokens" => match value.as_u64() {
            Some(1..) => Ok(()),
            _ => Err(format!("`{name}` is a whole number of tokens, from 1")),
        },
        "temperature" | "top_p" | "top_k" if !family.sampling => {
            Err("this model takes no sampling parameters".to_owned())
        }
        // What is above 1 goes out as 1: OpenAI's scale goes to 2.
        "temperature" => asked::within(value, 0.0, f64::INFINITY),
        "top_p" => asked::within(value, 0.0, 1.0),
        "top_k" => value.as_u64().map(drop).ok_or_else(|| "it is a whole number".to_owned()),
        "n" => asked::only_one(value),
        "stop" => stop_sequences(value).map(drop),
        "metadata" => metadata(value),
        "service_tier" => service_tier(value).map(drop),
        "reasoning_effort" => effort(&family, value).map(drop),
        "response_format" => response_format(&family, value),
        "tools" | "functions" | "tool_choice" | "function_call" => {
            tools::accepts(&family, name, value)
        }
        "parallel_tool_calls" if value == false && family.claude.is_none() => {
            Err("only Anthropic's models can be held to one call at a time there".to_owned())
        }
        "parallel_tool_calls" if !value.is_boolean() => {
            Err("`parallel_tool_calls` is true or false".to_owned())
        }
        "modalities" => asked::only_text(value),
        _ if is_nothing(name, value) => Ok(()),
        _ if HAS_NONE.contains(&name) => Err(format!("Bedrock has nothing like `{name}`")),
        _ => Ok(()),
    }
}

/// `OpenAI`'s parameters without a counterpart.
const HAS_NONE: &[&str] = &[
    "audio",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "moderation",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "store",
    "top_logprobs",
    "user",
    "verbosity",
    "web_search_options",
];

/// Whether a parameter asks for what happens without it.
fn is_nothing(name: &str, value: &Value) -> bool {
    match name {
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logprobs" | "store" => value == false,
        "logit_bias" => value.as_object().is_some_and(|bias| bias.is_empty()),
        _ => false,
    }
}

/// `stop` as a list. A blank one is refused.
pub(super) fn stop_sequences(value: &Value) -> Result<Vec<Value>, String> {
    let Value::Array(all) = asked::stops(value) else {
        return Err("`stop` is text, or a list of texts".to_owned());
    };
    match all.iter().all(|one| one.as_str().is_some_and(|text| !text.trim().is_empty())) {
        true => Ok(all),
        false => Err("Bedrock takes no stop sequence of white space alone".to_owned()),
    }
}

fn metadata(value: &Value) -> Result<(), String> {
    let map = value.as_object().ok_or("`metadata` is no table")?;
    if map.len() > MOST_PAIRS {
        return Err(format!("Bedrock takes up to {MOST_PAIRS} pairs of `metadata`"));
    }
    let is_fit = |(key, value): (&String, &Value)| {
        let value = value.as_str();
        !key.is_empty()
            && key.len() <= LONGEST_PAIR
            && value.is_some_and(|text| text.len() <= LONGEST_PAIR)
    };
    match map.iter().all(is_fit) {
        true => Ok(()),
        false => Err(format!("`metadata` is texts of up to {LONGEST_PAIR} bytes")),
    }
}

/// The tier in Converse's word; `None` for the one that is taken anyway.
pub(super) fn service_tier(value: &Value) -> Result<Option<&str>, String> {
    match value.as_str() {
        Some("auto") => Ok(None),
        Some(tier @ ("default" | "priority" | "flex" | "reserved")) => Ok(Some(tier)),
        _ => Err(format!(
            "Bedrock has no service tier {value}; there are default, priority, flex and reserved"
        )),
    }
}

/// An effort as a model is told it; `None` where nothing is said.
pub(super) fn effort<'v>(family: &Family, value: &'v Value) -> Result<Option<&'v str>, String> {
    asked::known_effort(value)?;
    let effort = value.as_str().unwrap_or_default();
    let lowest = if effort == "minimal" { "low" } else { effort };
    let three = matches!(lowest, "low" | "medium" | "high");
    match family.effort {
        Effort::Never if effort == "none" => Ok(None),
        Effort::Never => Err("this model does not think, or cannot be told how long".to_owned()),
        Effort::Claude { max: false, .. } if effort == "max" => {
            Err("the highest effort of this model is xhigh behind Converse".to_owned())
        }
        Effort::Claude { .. } => {
            let ability = family.claude.ok_or("this model is no Claude")?;
            anthropic::effort(ability, value).map(|()| Some(effort))
        }
        Effort::Nova if three || effort == "none" => Ok(Some(lowest)),
        Effort::Field if three => Ok(Some(lowest)),
        Effort::Output if effort != "minimal" => Ok(Some(effort)),
        Effort::Output => Err("this model knows no effort below low but none".to_owned()),
        Effort::Nova | Effort::Field => {
            Err(format!("this model has the efforts low, medium and high, and not {effort}"))
        }
    }
}

fn response_format(family: &Family, value: &Value) -> Result<(), String> {
    asked::known_format(value)?;
    match asked::schema(value) {
        Some(told) if family.json_schema && family.claude.is_some() => {
            schema::strict(told).map(drop)
        }
        Some(told) if !told.is_object() => Err("its schema is no object".to_owned()),
        _ => Ok(()),
    }
}

/// How Converse is asked for an answer in a schema, which travels as text.
pub(super) fn text_format(family: &Family, format: &Value) -> Result<Value, String> {
    let told = &format["json_schema"];
    let schema = match family.claude {
        Some(_) => schema::strict(&told["schema"])?,
        None => told["schema"].clone(),
    };
    let mut made = json!({"schema": schema.to_string()});
    for key in ["name", "description"] {
        if let Some(text) = told[key].as_str() {
            made[key] = text.into();
        }
    }
    Ok(json!({"type": "json_schema", "structure": {"jsonSchema": made}}))
}
