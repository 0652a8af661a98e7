//! Which parameters can be said, and those that take more than a new name.

use serde_json::{Value, json};

use super::ability::{Ability, Thinking};
use super::{schema, tools};
use crate::provider::asked;

/// The least budget of thinking.
const LEAST_BUDGET: u64 = 1024;

/// What is left for the answer when the budget of thinking has to shrink.
const ROOM_FOR_TEXT: u64 = 1024;

/// Whether a parameter can be said to a model.
pub(super) fn accepts(model: &str, name: &str, value: &Value) -> Result<(), String> {
    let ability = Ability::of(model);
    if value.is_null() {
        return Ok(());
    }
    match name {
        "max_tokens" | "max_completion_tokens" => match value.as_u64() {
            Some(_) => Ok(()),
            None => Err(format!("`{name}` is a whole number of tokens")),
        },
        "temperature" | "top_p" | "top_k" if !ability.sampling => {
            Err("this model takes no sampling parameters".to_owned())
        }
        "top_k" if !value.is_u64() => Err("`top_k` is a whole number, 0 or more".to_owned()),
        "temperature" | "top_p" => match value.as_f64() {
            Some(number) if number >= 0.0 && (name == "temperature" || number <= 1.0) => Ok(()),
            _ => Err(format!("Anthropic takes `{name}` from 0 to 1")),
        },
        "n" if value != &json!(1) => Err("Anthropic gives one answer a call".to_owned()),
        "stop" => stop_sequences(value).map(drop),
        "frequency_penalty" | "presence_penalty" if value.as_f64() == Some(0.0) => Ok(()),
        "logprobs" | "store" if value == false => Ok(()),
        "logit_bias" if value.as_object().is_some_and(|bias| bias.is_empty()) => Ok(()),
        "modalities" if value == &json!(["text"]) => Ok(()),
        "user" | "safety_identifier" => user(value).map(drop),
        "metadata" => metadata(value),
        "service_tier" => service_tier(value).map(drop),
        "reasoning_effort" => effort(ability, value),
        "thinking" if value["budget_tokens"].as_u64().is_some_and(|told| told < LEAST_BUDGET) => {
            Err(format!("`budget_tokens` is {LEAST_BUDGET} or more"))
        }
        "parallel_tool_calls" if !value.is_boolean() => {
            Err("`parallel_tool_calls` is true or false".to_owned())
        }
        "response_format" => response_format(ability, value),
        "tools" => tools::tools(value).map(drop),
        "functions" => tools::functions(value).map(drop),
        "tool_choice" | "function_call" => tools::choice(ability, value).map(drop),
        "frequency_penalty"
        | "presence_penalty"
        | "logprobs"
        | "top_logprobs"
        | "store"
        | "logit_bias"
        | "modalities"
        | "seed"
        | "verbosity"
        | "prediction"
        | "audio"
        | "web_search_options"
        | "prompt_cache_key"
        | "prompt_cache_retention"
        | "prompt_cache_options"
        | "moderation" => Err(format!("Anthropic has nothing like `{name}`")),
        _ if asked::SAMPLING_OF_SERVERS.contains(&name) => {
            Err(format!("Anthropic has nothing like `{name}`"))
        }
        _ => Ok(()),
    }
}

/// `stop` as a list. A stop sequence of white space alone is refused.
pub(super) fn stop_sequences(value: &Value) -> Result<Vec<Value>, String> {
    let all = match value {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    match all.iter().all(|one| one.as_str().is_some_and(|text| !text.trim().is_empty())) {
        true => Ok(all),
        false => Err("Anthropic takes no stop sequence of white space alone".to_owned()),
    }
}

/// The name of an end user; an address would be refused.
pub(super) fn user(value: &Value) -> Result<&str, String> {
    match value.as_str() {
        Some(name) if name.contains('@') => {
            Err("Anthropic refuses an e-mail address as the name of a user".to_owned())
        }
        Some(name) => Ok(name),
        None => Err("the name of a user is text".to_owned()),
    }
}

fn metadata(value: &Value) -> Result<(), String> {
    let map = value.as_object().ok_or("`metadata` is no table")?;
    match map.keys().all(|key| key == "user_id") {
        true => Ok(()),
        false => Err("Anthropic takes nothing in `metadata` but `user_id`".to_owned()),
    }
}

pub(super) fn service_tier(value: &Value) -> Result<&'static str, String> {
    match value.as_str() {
        Some("auto") => Ok("auto"),
        Some("default" | "standard_only") => Ok("standard_only"),
        _ => Err(format!("Anthropic has no service tier {value}; there are auto and default")),
    }
}

pub(in crate::provider) fn effort(ability: Ability, value: &Value) -> Result<(), String> {
    let Some(effort) = value.as_str() else { return Err("an effort is a word".to_owned()) };
    match (effort, ability.thinking) {
        ("none", Thinking::Adaptive { always: true, .. }) => {
            Err("this model always thinks".to_owned())
        }
        ("none", _) => Ok(()),
        (_, Thinking::Never) => Err("this model does not think".to_owned()),
        ("xhigh", Thinking::Adaptive { xhigh: false, .. }) => {
            Err("this model does not know the effort xhigh; it knows max".to_owned())
        }
        (_, Thinking::Adaptive { .. }) if adaptive_effort(effort).is_some() => Ok(()),
        (_, Thinking::Budget) if budget(effort).is_some() => Ok(()),
        _ => Err(format!("there is no effort `{effort}`")),
    }
}

/// The effort in Anthropic's word.
pub(in crate::provider) fn adaptive_effort(effort: &str) -> Option<&str> {
    match effort {
        "minimal" | "low" => Some("low"),
        "medium" | "high" | "xhigh" | "max" => Some(effort),
        _ => None,
    }
}

/// The tokens that an effort may think for, at models that want a number.
pub(super) fn budget(effort: &str) -> Option<u64> {
    match effort {
        "minimal" | "low" => Some(LEAST_BUDGET),
        "medium" => Some(2048),
        "high" => Some(4096),
        "xhigh" => Some(8192),
        "max" => Some(16384),
        _ => None,
    }
}

/// The budget of an effort below the most tokens that the user stated, which it is part of.
pub(in crate::provider) fn budget_within(
    effort: &str,
    most: Option<u64>,
) -> Result<Option<u64>, String> {
    let (Some(budget), Some(most)) = (budget(effort), most) else { return Ok(budget(effort)) };
    if budget < most {
        return Ok(Some(budget));
    }
    let least = LEAST_BUDGET + ROOM_FOR_TEXT;
    match most.checked_sub(ROOM_FOR_TEXT).filter(|budget| *budget >= LEAST_BUDGET) {
        Some(budget) => Ok(Some(budget)),
        None => Err(format!(
            "this model thinks for {LEAST_BUDGET} tokens or more, and max_tokens is {most}; raise it to {least}"
        )),
    }
}

fn response_format(ability: Ability, value: &Value) -> Result<(), String> {
    match value["type"].as_str() {
        Some("text" | "json_object") => Ok(()),
        Some("json_schema") => match (&value["json_schema"]["schema"], ability.json_schema) {
            (told @ Value::Object(_), true) => schema::strict(told).map(drop),
            (Value::Object(_), false) => Ok(()),
            _ => Err("`response_format` has no schema in `json_schema.schema`".to_owned()),
        },
        _ => Err(format!("Anthropic knows no such `response_format`: {value}")),
    }
}
