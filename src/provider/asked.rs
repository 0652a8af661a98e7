//! What a request asks, read for the dialects whose form is not `OpenAI`'s: old words made new,
//! and the questions that each of them puts to a parameter.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::call::failure::{Failure, FailureKind};
use crate::call::request::{Content, Message, Params};

/// Keys of an `OpenAI` message that another dialect either translates or has no place for, and
/// those that answers of other dialects bring into a talk.
const MESSAGE_KEYS: &[&str] = &[
    "name",
    "refusal",
    "annotations",
    "audio",
    "function_call",
    "tool_calls",
    "tool_call_id",
    "reasoning_content",
    "thinking_blocks",
    "stop_details",
    "extra_content",
    "logprobs_result",
    "grounding_metadata",
    "citation_metadata",
];

/// A message in today's words: `function_call` becomes `tool_calls`, and the role `function`
/// becomes `tool`. Those old words had no ids, so a function's name stands in for one.
pub fn modern(message: &Message) -> Cow<'_, Message> {
    let name = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    if message.role == "function" {
        let mut tool = message.clone();
        "tool".clone_into(&mut tool.role);
        let id = format!("call_{}", name(message.rest.get("name")));
        tool.rest.insert("tool_call_id".to_owned(), id.into());
        return Cow::Owned(tool);
    }
    let Some(function) = message.rest.get("function_call").filter(|call| call.is_object()) else {
        return Cow::Borrowed(message);
    };
    let mut caller = message.clone();
    let id = format!("call_{}", name(function.get("name")));
    let call = json!([{"id": id, "type": "function", "function": function}]);
    caller.rest.remove("function_call");
    caller.rest.entry("tool_calls").or_insert(call);
    Cow::Owned(caller)
}

/// The tool calls of an assistant's turn.
pub fn calls(message: &Message) -> &[Value] {
    message.rest.get("tool_calls").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The parts of a message that is a list of parts.
pub fn parts(message: &Message) -> Option<&[Value]> {
    match &message.content {
        Content::Parts(Value::Array(parts)) => Some(parts),
        _ => None,
    }
}

/// Keys of a message that are no words of `OpenAI`'s: they are the provider's own and travel as
/// they stand.
pub fn own_keys(message: &Message) -> impl Iterator<Item = (&String, &Value)> {
    message.rest.iter().filter(|(name, _)| !MESSAGE_KEYS.contains(&name.as_str()))
}

/// The reasoning of an assistant's turn, as answers of ours carry it.
pub fn reasoning(message: &Message) -> Option<&str> {
    let text = message.rest.get("reasoning_content").and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// The kind of a part of a message.
pub fn kind(part: &Value) -> &str {
    part.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// Where the image of a part is: `image_url` is an object with a `url`, or the URL itself.
pub fn image_url(part: &Value) -> Option<&str> {
    let image = part.get("image_url")?;
    image.get("url").unwrap_or(image).as_str()
}

/// The tools that the model may call; `functions` is their old name.
pub fn tools(params: &Params) -> Option<Cow<'_, [Value]>> {
    if let Some(tools) = params.get("tools").and_then(Value::as_array) {
        return Some(Cow::Borrowed(tools));
    }
    let functions = params.get("functions").and_then(Value::as_array)?;
    let tool = |function: &Value| json!({"type": "function", "function": function});
    Some(functions.iter().map(tool).collect())
}

/// `tool_choice`, or `function_call` as it used to be called.
pub fn tool_choice(params: &Params) -> Option<&Value> {
    let told = |name| params.get(name).filter(|value: &&Value| !value.is_null());
    told("tool_choice").or_else(|| told("function_call"))
}

/// Parameters of sampling that servers of open models take, and no vendor of its own models.
pub const SAMPLING_OF_SERVERS: &[&str] =
    &["min_p", "top_a", "typical_p", "repetition_penalty", "length_penalty"];

/// Stop sequences as a list: one alone may be a plain string.
pub fn stops(value: &Value) -> Value {
    match value {
        Value::String(_) => json!([value]),
        list => list.clone(),
    }
}

/// The bare schema of a `response_format` of type `json_schema`.
pub fn schema(format: &Value) -> Option<&Value> {
    format.get("json_schema")?.get("schema")
}

/// Lays `extra` over the body, whatever it holds.
pub fn add_extra(body: &mut Map<String, Value>, params: &Params) {
    if let Some(Value::Object(extra)) = params.get("extra") {
        body.extend(extra.clone());
    }
}

/// A request that this dialect cannot say.
pub fn unsayable(why: impl Into<String>) -> Failure {
    Failure::new(FailureKind::BadRequest, why)
}

/// A request that cannot be written down.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub fn no_json(why: serde_json::Error) -> Failure {
    unsayable(format!("the request is no JSON: {why}"))
}

/// Parameters that this dialect cannot say together.
pub fn unsupported(why: impl Into<String>) -> Failure {
    Failure::new(FailureKind::UnsupportedParams, why)
}

/// Whether a value is a number within these bounds, both included.
pub fn within(value: &Value, low: f64, high: f64) -> Result<(), String> {
    match value.as_f64() {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        _ if high == f64::INFINITY => Err(format!("it must be a number from {low}")),
        _ => Err(format!("it must be a number from {low} to {high}")),
    }
}

/// Whether one answer is asked for: more cannot be had in one call.
pub fn only_one(value: &Value) -> Result<(), String> {
    match value.as_u64() {
        Some(1) => Ok(()),
        _ => Err("it gives one answer a call; use `repeats` for more".to_owned()),
    }
}

/// Whether plain text is asked for, and nothing else.
pub fn only_text(value: &Value) -> Result<(), String> {
    match *value == json!(["text"]) {
        true => Ok(()),
        false => Err("it answers in text alone".to_owned()),
    }
}

/// Whether every tool is a function: other kinds run on `OpenAI`'s own servers.
pub fn only_functions(value: &Value) -> Result<(), String> {
    let is_function = |tool: &Value| tool.get("type").is_none_or(|kind| *kind == "function");
    match value.as_array() {
        Some(tools) if tools.iter().all(is_function) => Ok(()),
        Some(_) => Err("it knows tools of the type `function` alone".to_owned()),
        None => Err("it must be a list".to_owned()),
    }
}

/// Whether a `response_format` is one of the three kinds, and a schema is there where it must be.
pub fn known_format(value: &Value) -> Result<(), String> {
    match kind(value) {
        "text" | "json_object" => Ok(()),
        "json_schema" if schema(value).is_some() => Ok(()),
        "json_schema" => Err("it needs the schema at `json_schema.schema`".to_owned()),
        _ => Err("its `type` must be `text`, `json_object` or `json_schema`".to_owned()),
    }
}

/// Whether this is one of the levels of `reasoning_effort`.
pub fn known_effort(value: &Value) -> Result<(), String> {
    const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    match value.as_str().is_some_and(|effort| EFFORTS.contains(&effort)) {
        true => Ok(()),
        false => Err(format!("it must be one of `{}`", EFFORTS.join("`, `"))),
    }
}
