//! The talk so far, as a list of items.

use serde_json::{Map, Value, json};

use super::answer::REASONING_ITEMS;
use crate::call::request::{Content, Message};
use crate::provider::{answered, asked};

/// The items of these messages; `Err` tells people what cannot be said.
pub(super) fn of(messages: &[Message]) -> Result<Vec<Value>, String> {
    let mut items = Vec::new();
    for message in messages {
        let message = asked::modern(message);
        match message.role.as_str() {
            "assistant" => assistant(&mut items, &message)?,
            "tool" => items.push(result(&message)?),
            role => {
                if let Some(content) = content(&message.content)? {
                    items.push(json!({"type": "message", "role": role, "content": content}));
                }
            }
        }
    }
    match items.is_empty() {
        true => Err("there is nothing to ask: every message is empty".to_owned()),
        false => Ok(items),
    }
}

/// What the model said, thought and called before. Its reasoning comes first: it is refused behind
/// the calls that it led to.
fn assistant(items: &mut Vec<Value>, message: &Message) -> Result<(), String> {
    let thoughts = message.rest.get(REASONING_ITEMS).and_then(Value::as_array);
    items.extend(thoughts.into_iter().flatten().cloned());
    let said = said(message)?;
    if !said.is_empty() {
        items.push(json!({"type": "message", "role": "assistant", "content": said}));
    }
    for call in asked::calls(message) {
        let function = call.get("function").unwrap_or(&Value::Null);
        let arguments = answered::arguments(function.get("arguments"));
        items.push(json!({
            "type": "function_call",
            "call_id": answered::text(call, "id"),
            "name": answered::text(function, "name"),
            "arguments": if arguments.is_empty() { "{}".to_owned() } else { arguments },
        }));
    }
    Ok(())
}

/// The words of an assistant's turn: as one text, which needs no id of an earlier answer.
fn said(message: &Message) -> Result<String, String> {
    let Some(parts) = asked::parts(message) else { return Ok(message.plain_text()) };
    let texts = parts.iter().map(|part| match asked::kind(part) {
        "text" => Ok(answered::text(part, "text")),
        "refusal" => Ok(answered::text(part, "refusal")),
        kind => Err(format!("an assistant's turn is text, and has no part of type `{kind}`")),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// What a tool answered.
fn result(message: &Message) -> Result<Value, String> {
    let id = message.rest.get("tool_call_id").and_then(Value::as_str);
    let id = id.ok_or("a `tool` message has no `tool_call_id`")?;
    let is_text = |parts: &[Value]| parts.iter().all(|part| asked::kind(part) == "text");
    let output = match asked::parts(message).filter(|parts| !is_text(parts)) {
        Some(parts) => parts.iter().map(part).collect::<Result<Vec<_>, _>>()?.into(),
        None => Value::from(message.plain_text()),
    };
    Ok(json!({"type": "function_call_output", "call_id": id, "output": output}))
}

/// The parts of a message; `None` for one that says nothing.
fn content(content: &Content) -> Result<Option<Value>, String> {
    match content {
        Content::Text(text) => Ok(Some(json!([{"type": "input_text", "text": text}]))),
        Content::Parts(Value::Array(parts)) => {
            Ok(Some(parts.iter().map(part).collect::<Result<Vec<_>, _>>()?.into()))
        }
        Content::Parts(Value::Null) | Content::Absent => Ok(None),
        Content::Parts(_) => Err("a message's content is neither text nor a list".to_owned()),
    }
}

fn part(part: &Value) -> Result<Value, String> {
    let mut made = match asked::kind(part) {
        "text" => json!({"type": "input_text", "text": part["text"]}),
        "image_url" => {
            let url = asked::image_url(part).ok_or("an image has no `image_url.url`")?;
            let detail = part.pointer("/image_url/detail").cloned().unwrap_or("auto".into());
            json!({"type": "input_image", "image_url": url, "detail": detail})
        }
        "file" => {
            let mut file = Map::from_iter([("type".to_owned(), "input_file".into())]);
            for key in ["filename", "file_data", "file_id"] {
                if let Some(value) = part["file"].get(key) {
                    file.insert(key.to_owned(), value.clone());
                }
            }
            file.into()
        }
        "input_audio" => return Err("the Responses API takes no audio".to_owned()),
        // A part in its own words.
        _ => return Ok(part.clone()),
    };
    if let Some(mark) = part.get("prompt_cache_breakpoint") {
        made["prompt_cache_breakpoint"] = mark.clone();
    }
    Ok(made)
}
