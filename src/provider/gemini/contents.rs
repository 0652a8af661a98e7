//! The talk: messages to `systemInstruction` and `contents`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parts;
use super::thinking;
use crate::call::request::{Content, Message};

/// Stands where a signature must, on calls that another model made: the base64 of
/// `skip_thought_signature_validator`.
const NO_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// The fields `systemInstruction` and `contents` of the body; `Err` tells people what is wrong.
pub(super) fn talk(model: &str, messages: &[Message]) -> Result<Map<String, Value>, String> {
    let mut talk = Talk { is_signed: thinking::is_third(model), ..Talk::default() };
    for (nth, message) in messages.iter().enumerate() {
        talk.take(message).map_err(|why| format!("message {}: {why}", nth + 1))?;
    }
    Ok(talk.into_fields())
}

#[derive(Debug, Default)]
struct Talk {
    system: Vec<Value>,
    turns: Vec<(&'static str, Vec<Value>)>,
    /// The names of the tools by the ids of their calls: a result must name its tool.
    names: BTreeMap<String, String>,
    /// Whether the model wants its signatures back.
    is_signed: bool,
}

impl Talk {
    fn take(&mut self, message: &Message) -> Result<(), String> {
        match message.role.as_str() {
            "system" | "developer" => self.system.extend(said(message)?),
            "user" => self.say("user", said(message)?),
            "assistant" => {
                let parts = self.answered(message)?;
                self.say("model", parts);
            }
            "tool" | "function" => {
                let part = self.result(message)?;
                self.say("user", vec![part]);
            }
            role => return Err(format!("Gemini knows no role `{role}`")),
        }
        Ok(())
    }

    /// Adds to the talk; neighbours of one role are one turn.
    fn say(&mut self, role: &'static str, parts: Vec<Value>) {
        match self.turns.last_mut() {
            _ if parts.is_empty() => {}
            Some((last, turn)) if *last == role => turn.extend(parts),
            _ => self.turns.push((role, parts)),
        }
    }

    /// The parts of an assistant's turn: its text, then its calls.
    fn answered(&mut self, message: &Message) -> Result<Vec<Value>, String> {
        let mut parts = said(message)?;
        parts.retain(|part| part["text"] != "");
        if let (Some(signature), Some(last)) = (signature(&message.rest), parts.last_mut()) {
            last["thoughtSignature"] = signature.clone();
        }
        let calls = message.rest.get("tool_calls").and_then(Value::as_array);
        let older = message.rest.get("function_call").filter(|call| call.is_object());
        for (nth, call) in calls.into_iter().flatten().enumerate() {
            let part = self.call(call, &call["function"], nth == 0)?;
            parts.push(part);
        }
        if let Some(call) = older {
            parts.push(self.call(call, call, true)?);
        }
        Ok(parts)
    }

    fn call(&mut self, call: &Value, function: &Value, is_first: bool) -> Result<Value, String> {
        let name = function["name"].as_str().ok_or_else(|| "a tool call has no name".to_owned())?;
        let mut said = Map::new();
        if let Some(id) = call["id"].as_str().filter(|id| !id.is_empty()) {
            self.names.insert(id.to_owned(), name.to_owned());
            said.insert("id".to_owned(), id.into());
        }
        said.insert("name".to_owned(), name.into());
        said.insert("args".to_owned(), arguments(&function["arguments"])?);
        let mut part = json!({"functionCall": said});
        match call.as_object().and_then(signature) {
            Some(signature) => part["thoughtSignature"] = signature.clone(),
            None if self.is_signed && is_first => part["thoughtSignature"] = NO_SIGNATURE.into(),
            None => {}
        }
        Ok(part)
    }

    fn result(&self, message: &Message) -> Result<Value, String> {
        let id = message.rest.get("tool_call_id").and_then(Value::as_str);
        let stated = message.rest.get("name").and_then(Value::as_str);
        let name = id.and_then(|id| self.names.get(id)).map(String::as_str).or(stated);
        let name = name.ok_or_else(|| match id {
            Some(id) => format!("no tool call before it has the id `{id}`"),
            None => "a tool's result needs its `tool_call_id`".to_owned(),
        })?;
        let text = message.plain_text();
        let response = match serde_json::from_str(&text) {
            Ok(response @ Value::Object(_)) => response,
            _ => json!({"output": text}),
        };
        let mut said = Map::new();
        if let Some(id) = id {
            said.insert("id".to_owned(), id.into());
        }
        said.insert("name".to_owned(), name.into());
        said.insert("response".to_owned(), response);
        Ok(json!({"functionResponse": said}))
    }

    fn into_fields(self) -> Map<String, Value> {
        let mut turns = self.turns;
        if turns.first().is_none_or(|(role, _)| *role == "model") {
            // A talk begins with the user, and an empty one is refused.
            turns.insert(0, ("user", vec![json!({"text": " "})]));
        }
        let turn = |(role, parts)| json!({"role": role, "parts": Value::Array(parts)});
        let mut fields = Map::new();
        if !self.system.is_empty() {
            fields.insert("systemInstruction".to_owned(), json!({"parts": self.system}));
        }
        fields.insert("contents".to_owned(), turns.into_iter().map(turn).collect());
        fields
    }
}

fn said(message: &Message) -> Result<Vec<Value>, String> {
    match &message.content {
        Content::Text(text) => Ok(vec![json!({"text": text})]),
        Content::Parts(Value::Array(parts)) => parts.iter().map(parts::part).collect(),
        Content::Parts(Value::Null) | Content::Absent => Ok(Vec::new()),
        Content::Parts(_) => Err("its content is neither text nor a list of parts".to_owned()),
    }
}

/// The arguments of a call as an object; `OpenAI` has them as a text.
fn arguments(arguments: &Value) -> Result<Value, String> {
    let read = match arguments {
        Value::String(text) if text.trim().is_empty() => return Ok(json!({})),
        Value::Null => return Ok(json!({})),
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    match read {
        Value::Object(_) => Ok(read),
        _ => Err("the arguments of a tool call are no JSON object".to_owned()),
    }
}

/// The signature that came with an answer, where Google's own imitation of `OpenAI` puts it.
fn signature(map: &Map<String, Value>) -> Option<&Value> {
    let signature = map.get("extra_content")?.pointer("/google/thought_signature")?;
    signature.is_string().then_some(signature)
}
