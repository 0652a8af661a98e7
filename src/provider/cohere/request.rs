//! What is asked, in Cohere's words.

use serde_json::{Map, Value, json};

use crate::call::failure::Failure;
use crate::call::request::{Content, Message, Params, Request};
use crate::provider::{answered, asked};

/// Parameters of `OpenAI`'s that Cohere has no word for.
const UNKNOWN: &[&str] = &[
    "logit_bias",
    "top_logprobs",
    "user",
    "parallel_tool_calls",
    "service_tier",
    "verbosity",
    "store",
    "metadata",
    "prediction",
    "audio",
    "web_search_options",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
];

/// The most that Cohere takes as `k`.
const MOST_K: f64 = 500.0;

/// Cohere takes this many stop sequences.
const MOST_STOPS: usize = 5;

/// `top_p` lies within these bounds; what `OpenAI` allows beyond them means the nearest of them.
const TOP_P: (f64, f64) = (0.01, 0.99);

pub(super) fn accepts(name: &str, value: &Value) -> Result<(), String> {
    match name {
        _ if value.is_null() => Ok(()),
        _ if UNKNOWN.contains(&name) || asked::SAMPLING_OF_SERVERS.contains(&name) => {
            Err("Cohere has no such parameter".to_owned())
        }
        "top_k" => asked::within(value, 0.0, MOST_K),
        // Cohere's scale ends at 1; more than that means the end of it.
        "temperature" => asked::within(value, 0.0, f64::INFINITY),
        "top_p" | "frequency_penalty" | "presence_penalty" => asked::within(value, 0.0, 1.0),
        "n" => asked::only_one(value),
        "modalities" => asked::only_text(value),
        "stop" if value.as_array().is_some_and(|stops| stops.len() > MOST_STOPS) => {
            Err(format!("Cohere takes at most {MOST_STOPS} stop sequences"))
        }
        "response_format" => asked::known_format(value),
        "reasoning_effort" => asked::known_effort(value),
        "tools" => {
            asked::only_functions(value)?;
            let names = answered::each(Some(value)).iter().filter_map(|tool| tool.get("function"));
            names.map(|function| answered::text(function, "name")).try_for_each(sayable_name)
        }
        "functions" => {
            let functions = answered::each(Some(value)).iter();
            functions.map(|function| answered::text(function, "name")).try_for_each(sayable_name)
        }
        "tool_choice" | "function_call" => match value.as_str() {
            Some("auto" | "required" | "none") => Ok(()),
            _ => Err("Cohere cannot be told which tool to call; only `auto`, `required` or `none`"
                .to_owned()),
        },
        _ => Ok(()),
    }
}

fn sayable_name(name: &str) -> Result<(), String> {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_plain && !name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok(()),
        false => Err(format!(
            "Cohere's tools are named by letters, digits and `_`, a letter first; not `{name}`"
        )),
    }
}

pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    let messages: Result<Vec<Value>, Failure> =
        request.messages.iter().map(|one| message(&asked::modern(one))).collect();
    let mut body = Map::new();
    body.insert("model".to_owned(), (*request.model).into());
    body.insert("messages".to_owned(), messages?.into());
    for (name, value) in request.params.iter().filter(|(_, value)| !value.is_null()) {
        place(&mut body, name, value);
    }
    add_tools(&mut body, &request.params);
    let has_schema =
        body.get("response_format").is_some_and(|told| told["json_schema"].is_object());
    if let Some(other) = ["tools", "documents"].into_iter().find(|key| body.contains_key(*key))
        && has_schema
    {
        let why = format!("Cohere takes no JSON Schema (`response_format`) beside `{other}`");
        return Err(asked::unsupported(why));
    }
    asked::add_extra(&mut body, &request.params);
    Ok(body)
}

fn place(body: &mut Map<String, Value>, name: &str, value: &Value) {
    let (name, value) = match name {
        "max_tokens" if body.contains_key("max_tokens") => return,
        "max_completion_tokens" => ("max_tokens", value.clone()),
        "temperature" => ("temperature", clamped(value, 0.0, 1.0)),
        "top_p" => ("p", clamped(value, TOP_P.0, TOP_P.1)),
        "top_k" => ("k", value.clone()),
        "stop" => ("stop_sequences", asked::stops(value)),
        "response_format" => ("response_format", format(value)),
        "reasoning_effort" if body.contains_key("thinking") => return,
        "reasoning_effort" => ("thinking", effort(value)),
        "thinking" => ("thinking", thinking(value)),
        // The usage always comes at the end of a stream; one text answer is all there is; and
        // tools have a place of their own.
        "stream_options" | "n" | "modalities" | "tools" | "functions" | "tool_choice"
        | "function_call" => return,
        "extra" if value.is_object() => return,
        own => (own, value.clone()),
    };
    body.insert(name.to_owned(), value);
}

fn clamped(value: &Value, low: f64, high: f64) -> Value {
    match value.as_f64() {
        Some(number) if number < low => low.into(),
        Some(number) if number > high => high.into(),
        _ => value.clone(),
    }
}

/// A schema stands beside the type `json_object`, bare.
fn format(value: &Value) -> Value {
    match asked::schema(value) {
        Some(schema) => json!({"type": "json_object", "json_schema": schema}),
        None => json!({"type": asked::kind(value)}),
    }
}

/// Cohere thinks or does not: it knows budgets, and no levels.
fn effort(value: &Value) -> Value {
    match value.as_str() {
        Some("none") => json!({"type": "disabled"}),
        _ => json!({"type": "enabled"}),
    }
}

/// `thinking` as Cohere takes it; the budget's name that Anthropic made common is understood too.
fn thinking(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut()
        && let Some(budget) = map.remove("budget_tokens")
    {
        map.entry("token_budget").or_insert(budget);
    }
    value
}

/// `strict` is a word of the whole request here, and of each tool at `OpenAI`.
fn add_tools(body: &mut Map<String, Value>, params: &Params) {
    if let Some(tools) = asked::tools(params) {
        let mut tools = tools.into_owned();
        let mut is_strict = false;
        for tool in &mut tools {
            let function = tool.get_mut("function").and_then(Value::as_object_mut);
            let Some(function) = function else { continue };
            is_strict |= function.remove("strict").is_some_and(|strict| strict == true);
            // Demanded here, and left out at OpenAI where a function takes nothing.
            let nothing = || json!({"type": "object", "properties": {}});
            function.entry("parameters").or_insert_with(nothing);
        }
        if is_strict {
            body.insert("strict_tools".to_owned(), true.into());
        }
        body.insert("tools".to_owned(), tools.into());
    }
    let choice = match asked::tool_choice(params).and_then(Value::as_str) {
        Some("required") => "REQUIRED",
        Some("none") => "NONE",
        // Left out, the model is free to choose.
        _ => return,
    };
    body.insert("tool_choice".to_owned(), choice.into());
}

fn message(message: &Message) -> Result<Value, Failure> {
    let mut map = Map::new();
    let role = match message.role.as_str() {
        "developer" => "system",
        role => role,
    };
    map.insert("role".to_owned(), role.into());
    let calls = asked::calls(message);
    match calls.is_empty() {
        true => {
            if let Some(content) = content(message)? {
                map.insert("content".to_owned(), content);
            }
        }
        false => add_calls(&mut map, message, calls),
    }
    if let Some(id) = message.rest.get("tool_call_id") {
        map.insert("tool_call_id".to_owned(), id.clone());
    }
    for (name, value) in asked::own_keys(message) {
        map.insert(name.clone(), value.clone());
    }
    Ok(map.into())
}

/// What is said beside tool calls is the plan of using them.
fn add_calls(map: &mut Map<String, Value>, message: &Message, calls: &[Value]) {
    let plan = message.plain_text();
    if !plan.is_empty() {
        map.insert("tool_plan".to_owned(), plan.into());
    }
    if let Some(thoughts) = asked::reasoning(message) {
        let block = json!([{"type": "thinking", "thinking": thoughts}]);
        map.insert("content".to_owned(), block);
    }
    let mut calls = calls.to_vec();
    for function in calls.iter_mut().filter_map(|call| call.get_mut("function")) {
        if function.get("arguments").is_some_and(Value::is_object) {
            function["arguments"] = function["arguments"].to_string().into();
        }
    }
    map.insert("tool_calls".to_owned(), calls.into());
}

fn content(message: &Message) -> Result<Option<Value>, Failure> {
    let said = match &message.content {
        Content::Text(text) => Some(Value::String(text.clone())),
        Content::Parts(Value::Array(parts)) => {
            Some(parts.iter().map(part).collect::<Result<Vec<_>, _>>()?.into())
        }
        Content::Parts(_) | Content::Absent => None,
    };
    let Some(thoughts) = asked::reasoning(message) else { return Ok(said) };
    let mut blocks = vec![json!({"type": "thinking", "thinking": thoughts})];
    match said {
        Some(Value::Array(said)) => blocks.extend(said),
        Some(text) => blocks.push(json!({"type": "text", "text": text})),
        None => {}
    }
    Ok(Some(blocks.into()))
}

/// Text and images have `OpenAI`'s form; parts of other types may be Cohere's own.
fn part(part: &Value) -> Result<Value, Failure> {
    match asked::kind(part) {
        kind @ ("input_audio" | "file") => Err(asked::unsayable(format!(
            "Cohere takes no part of type `{kind}`, only text and images"
        ))),
        "image_url" if part.get("image_url").is_some_and(Value::is_string) => {
            Ok(json!({"type": "image_url", "image_url": {"url": part["image_url"]}}))
        }
        "refusal" => Ok(json!({"type": "text", "text": answered::text(part, "refusal")})),
        _ => Ok(part.clone()),
    }
}
