//! The talk so far, as Anthropic wants it: the system text apart, the results of tools gathered in
//! one message of the user.

use serde_json::{Value, json};

use super::answer::THINKING_BLOCKS;
use super::parts;
use crate::call::request::Message;

/// A talk in Anthropic's words.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Text blocks of the system messages.
    pub(super) system: Vec<Value>,
    /// Everything else.
    pub(super) messages: Vec<Value>,
    /// How many of the calls came under the old name `function_call`; those have no id.
    legacy_calls: usize,
}

impl Talk {
    /// The talk of these messages. System messages stay in their place only where the model takes
    /// them there; the others all go before the talk.
    pub(super) fn of(messages: &[Message], later_system: bool) -> Result<Self, String> {
        let mut talk = Self::default();
        for message in messages {
            match message.role.as_str() {
                "system" | "developer" => talk.system(message, later_system)?,
                "user" => {
                    let blocks = marked(parts::blocks(&message.content)?, message);
                    talk.push("user", blocks);
                }
                "assistant" => talk.assistant(message)?,
                "tool" => talk.result(message, text(message, "tool_call_id").map(tool_id))?,
                "function" => {
                    let id = talk.legacy_id();
                    talk.result(message, Some(id))?;
                }
                other => return Err(format!("Anthropic knows no role `{other}`")),
            }
        }
        if talk.messages.is_empty() {
            return Err("Anthropic wants a message of the user beside the system text".to_owned());
        }
        Ok(talk)
    }

    /// The system text: one string, unless a block has marks to keep.
    pub(super) fn system_json(&self) -> Option<Value> {
        let whole = || self.system.clone().into();
        let text = parts::plain(&self.system).map_or_else(whole, Value::from);
        (!self.system.is_empty()).then_some(text)
    }

    fn push(&mut self, role: &str, blocks: Vec<Value>) {
        if !blocks.is_empty() {
            self.messages.push(json!({"role": role, "content": parts::content(blocks)}));
        }
    }

    fn system(&mut self, message: &Message, later: bool) -> Result<(), String> {
        let blocks = marked(parts::blocks(&message.content)?, message);
        if let Some(other) = blocks.iter().find(|block| block["type"] != "text") {
            return Err(format!("a system message is text, not {}", other["type"]));
        }
        let follows_user = self.messages.last().is_some_and(|last| last["role"] == "user");
        match later && follows_user {
            true => self.push("system", blocks),
            false => self.system.extend(blocks),
        }
        Ok(())
    }

    fn assistant(&mut self, message: &Message) -> Result<(), String> {
        let thinking = message.rest.get(THINKING_BLOCKS).and_then(Value::as_array);
        // They are signed, and refused when anything stands before them.
        let mut blocks = thinking.cloned().unwrap_or_default();
        blocks.extend(marked(parts::blocks(&message.content)?, message));
        let calls = message.rest.get("tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            let id = tool_id(call["id"].as_str().unwrap_or_default());
            blocks.push(tool_use(&id, &call["function"])?);
        }
        if let Some(call) = message.rest.get("function_call").filter(|call| call.is_object()) {
            self.legacy_calls += 1;
            blocks.push(tool_use(&self.legacy_id(), call)?);
        }
        self.push("assistant", blocks);
        Ok(())
    }

    fn legacy_id(&self) -> String {
        format!("call_{}", self.legacy_calls)
    }

    /// The result of a tool: beside those before it, where there are any.
    fn result(&mut self, message: &Message, id: Option<String>) -> Result<(), String> {
        let id = id.ok_or("a `tool` message has no `tool_call_id`")?;
        let mut block = json!({"type": "tool_result", "tool_use_id": id});
        let content = parts::blocks(&message.content)?;
        if !content.is_empty() {
            block["content"] = parts::content(content);
        }
        for key in ["is_error", "cache_control"] {
            if let Some(value) = message.rest.get(key) {
                block[key] = value.clone();
            }
        }
        let last = self.messages.last_mut().filter(|last| last["role"] == "user");
        let results = last.and_then(|last| last["content"].as_array_mut());
        match results.filter(|blocks| blocks.iter().all(|one| one["type"] == "tool_result")) {
            Some(results) => results.push(block),
            None => self.messages.push(json!({"role": "user", "content": [block]})),
        }
        Ok(())
    }
}

fn text<'m>(message: &'m Message, key: &str) -> Option<&'m str> {
    message.rest.get(key).and_then(Value::as_str)
}

/// A mark of the cache on a message is one on its last block.
fn marked(mut blocks: Vec<Value>, message: &Message) -> Vec<Value> {
    if let (Some(last), Some(mark)) = (blocks.last_mut(), message.rest.get("cache_control")) {
        last["cache_control"] = mark.clone();
    }
    blocks
}

pub(in crate::provider) fn tool_use(id: &str, function: &Value) -> Result<Value, String> {
    let name = function["name"].as_str().unwrap_or_default();
    let input = match &function["arguments"] {
        Value::Null => json!({}),
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        other => other.clone(),
    };
    if !input.is_object() {
        return Err(format!("the arguments of the call of `{name}` are no JSON object"));
    }
    Ok(json!({"type": "tool_use", "id": id, "name": name, "input": input}))
}

/// An id that Anthropic takes: a foreign character becomes its number, so that two ids never
/// become one.
pub(in crate::provider) fn tool_id(id: &str) -> String {
    if id.is_empty() {
        return "call".to_owned();
    }
    let legal = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character.to_string(),
        other => format!("_{:x}", u32::from(other)),
    };
    id.chars().map(legal).collect()
}
