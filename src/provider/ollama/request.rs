//! What is asked, in Ollama's words.

use serde_json::{Map, Value, json};

use crate::call::failure::Failure;
use crate::call::request::{Message, Params, Request};
use crate::provider::{answered, asked};

/// Parameters of `OpenAI`'s that Ollama has no word for.
const UNKNOWN: &[&str] = &[
    "logit_bias",
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

/// Parameters that stand under `options`, by the name they have in both tongues or in Ollama's
/// alone (the server's own list). What is not here stands at the top level.
const OPTIONS: &[&str] = &[
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "num_ctx",
    "num_predict",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "repeat_last_n",
    "num_keep",
    "num_batch",
    "num_gpu",
    "num_thread",
    "main_gpu",
    "use_mmap",
];

/// The most alternatives that are told for a token.
const MOST_LOGPROBS: f64 = 20.0;

/// The levels of the models that think at levels.
const LEVELS: &[&str] = &["low", "medium", "high", "max"];

pub(super) fn accepts(model: &str, name: &str, value: &Value) -> Result<(), String> {
    match name {
        _ if value.is_null() => Ok(()),
        _ if UNKNOWN.contains(&name) => Err("Ollama has no such parameter".to_owned()),
        "n" => asked::only_one(value),
        "modalities" => asked::only_text(value),
        "top_logprobs" => asked::within(value, 0.0, MOST_LOGPROBS),
        "response_format" => asked::known_format(value),
        "tools" => asked::only_functions(value),
        "tool_choice" | "function_call" => match value.as_str() {
            Some("auto" | "none") => Ok(()),
            _ => Err("Ollama cannot be told to call a tool; only `auto` or `none`".to_owned()),
        },
        "reasoning_effort" if thinks_at_levels(model) => {
            match value.as_str().is_some_and(|level| LEVELS.contains(&level)) {
                true => Ok(()),
                false => Err(format!("this model thinks at `{}`", LEVELS.join("`, `"))),
            }
        }
        "reasoning_effort" => asked::known_effort(value),
        "options" if !value.is_object() => Err("it must be an object".to_owned()),
        _ => Ok(()),
    }
}

/// gpt-oss wants a level; every other model thinks or does not, and refuses a level.
fn thinks_at_levels(model: &str) -> bool {
    model.contains("gpt-oss")
}

pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    body.insert("model".to_owned(), (*request.model).into());
    body.insert("messages".to_owned(), messages(&request.messages)?.into());
    // Without the word the server streams.
    body.insert("stream".to_owned(), request.is_streamed().into());
    let mut options = Map::new();
    for (name, value) in request.params.iter().filter(|(_, value)| !value.is_null()) {
        if let Some((option, value)) = option(name, value, &request.params) {
            options.insert(option.to_owned(), value);
        } else if let Some((key, value)) = top(name, value, &request.model, &request.params) {
            body.insert(key.to_owned(), value);
        }
    }
    if let Some(Value::Object(own)) = request.params.get("options") {
        options.extend(own.clone());
    }
    if !options.is_empty() {
        body.insert("options".to_owned(), options.into());
    }
    let is_free = asked::tool_choice(&request.params).is_none_or(|choice| *choice != "none");
    if let Some(tools) = asked::tools(&request.params).filter(|_| is_free) {
        body.insert("tools".to_owned(), tools.into_owned().into());
    }
    asked::add_extra(&mut body, &request.params);
    Ok(body)
}

/// The parameter as one of the `options`.
fn option<'n>(name: &'n str, value: &Value, params: &Params) -> Option<(&'n str, Value)> {
    let has_newer = params.get("max_completion_tokens").is_some_and(|newer| !newer.is_null());
    match name {
        "max_tokens" if has_newer => None,
        "max_tokens" | "max_completion_tokens" => Some(("num_predict", value.clone())),
        "stop" => Some(("stop", asked::stops(value))),
        _ if OPTIONS.contains(&name) => Some((name, value.clone())),
        _ => None,
    }
}

/// The parameter as a key of the body itself.
fn top<'n>(name: &'n str, value: &Value, model: &str, params: &Params) -> Option<(&'n str, Value)> {
    match name {
        // The counts always come with the last line; one text answer is all there is; and the rest
        // has a place of its own.
        "stream_options" | "n" | "modalities" | "max_tokens" | "stream" | "options" | "tools"
        | "functions" | "tool_choice" | "function_call" => None,
        "extra" if value.is_object() => None,
        "response_format" => Some(("format", format(value)?)),
        "reasoning_effort" if params.contains_key("think") => None,
        "reasoning_effort" if thinks_at_levels(model) => Some(("think", value.clone())),
        "reasoning_effort" => Some(("think", (*value != "none").into())),
        own => Some((own, value.clone())),
    }
}

/// `json`, or the bare schema; plain text needs no word.
fn format(value: &Value) -> Option<Value> {
    match asked::kind(value) {
        "json_object" => Some("json".into()),
        "json_schema" => asked::schema(value).cloned(),
        _ => None,
    }
}

fn messages(messages: &[Message]) -> Result<Vec<Value>, Failure> {
    let mut names = Map::new();
    let mut said = Vec::with_capacity(messages.len());
    for message in messages {
        let message = asked::modern(message);
        for call in asked::calls(&message) {
            if let Some(name) = call.pointer("/function/name") {
                names.insert(answered::text(call, "id").to_owned(), name.clone());
            }
        }
        said.push(self::message(&message, &names)?);
    }
    Ok(said)
}

/// One message; `names` are the functions that were called so far, by the id of the call.
fn message(message: &Message, names: &Map<String, Value>) -> Result<Value, Failure> {
    let role = match message.role.as_str() {
        // Templates of models know nothing of developers.
        "developer" => "system",
        role => role,
    };
    let mut map = Map::new();
    map.insert("role".to_owned(), role.into());
    map.insert("content".to_owned(), message.plain_text().into());
    let images = images(message)?;
    if !images.is_empty() {
        map.insert("images".to_owned(), images.into());
    }
    if let Some(thoughts) = asked::reasoning(message) {
        map.insert("thinking".to_owned(), thoughts.into());
    }
    let calls = asked::calls(message);
    if !calls.is_empty() {
        let calls: Result<Vec<Value>, Failure> =
            calls.iter().enumerate().map(|(nth, one)| call(nth, one)).collect();
        map.insert("tool_calls".to_owned(), calls?.into());
    }
    if let Some(id) = message.rest.get("tool_call_id") {
        let told = message.rest.get("name").filter(|name| name.is_string());
        let name = told.or_else(|| names.get(id.as_str()?));
        if let Some(name) = name {
            map.insert("tool_name".to_owned(), name.clone());
        }
        map.insert("tool_call_id".to_owned(), id.clone());
    }
    for (name, value) in asked::own_keys(message) {
        map.insert(name.clone(), value.clone());
    }
    Ok(map.into())
}

/// The arguments are an object here, and the text of one at `OpenAI`.
fn call(nth: usize, call: &Value) -> Result<Value, Failure> {
    let function = call.get("function").unwrap_or(&Value::Null);
    let name = answered::text(function, "name");
    let arguments = match answered::arguments(function.get("arguments")) {
        empty if empty.trim().is_empty() => json!({}),
        text => {
            serde_json::from_str::<Map<String, Value>>(&text).map(Value::Object).map_err(|why| {
                asked::unsayable(format!(
                    "the arguments of the call of `{name}` are no JSON object: {why}"
                ))
            })?
        }
    };
    let function = json!({"index": nth, "name": name, "arguments": arguments});
    let mut told = Map::new();
    if let Some(id) = call.get("id") {
        told.insert("id".to_owned(), id.clone());
    }
    told.insert("function".to_owned(), function);
    Ok(told.into())
}

/// The images of a message in raw base64. The server fetches nothing by itself.
fn images(message: &Message) -> Result<Vec<Value>, Failure> {
    let mut images = Vec::new();
    for part in asked::parts(message).unwrap_or_default() {
        match asked::kind(part) {
            "text" | "refusal" => {}
            "image_url" => {
                let url = asked::image_url(part).unwrap_or_default();
                let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
                let Some((_, base64)) = data else {
                    return Err(asked::unsayable(
                        "Ollama fetches no images; give the image itself, as a file or a `data:` URL in base64",
                    ));
                };
                images.push(base64.into());
            }
            kind => {
                return Err(asked::unsayable(format!(
                    "Ollama takes no part of type `{kind}`, only text and images"
                )));
            }
        }
    }
    Ok(images)
}
