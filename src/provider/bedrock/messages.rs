//! The talk so far, as Converse wants it: the system text apart, roles that alternate, and the
//! results of tools in the user's turn.

use serde_json::{Value, json};

use super::parts;
use crate::call::request::Message;
use crate::provider::anthropic::answer::THINKING_BLOCKS;
use crate::provider::anthropic::messages::{tool_id, tool_use};
use crate::provider::asked;

/// The longest id of a tool's call.
const LONGEST_ID: usize = 64;

/// A talk in Converse's words.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Blocks of the system messages.
    pub(super) system: Vec<Value>,
    /// Everything else: the user first, then in turns.
    pub(super) messages: Vec<Value>,
}

impl Talk {
    pub(super) fn of(messages: &[Message]) -> Result<Self, String> {
        let mut talk = Self::default();
        for message in messages {
            let message = asked::modern(message);
            match message.role.as_str() {
                "system" | "developer" => talk.system(&message)?,
                "user" => talk.push("user", marked(&message)?),
                "assistant" => {
                    let blocks = assistant(&message)?;
                    talk.push("assistant", blocks);
                }
                "tool" => talk.push("user", result(&message)?),
                other => return Err(format!("Bedrock knows no role `{other}`")),
            }
        }
        match talk.messages.first() {
            None => Err("Bedrock wants a message of the user beside the system text".to_owned()),
            Some(first) if first["role"] != "user" => {
                Err("Bedrock wants a message of the user first".to_owned())
            }
            Some(_) => talk.check().map(|()| talk),
        }
    }

    /// What the service's own description of a message asks for.
    fn check(&self) -> Result<(), String> {
        for message in &self.messages {
            let blocks = message["content"].as_array().map_or(&[][..], Vec::as_slice);
            let has = |key: &str| blocks.iter().any(|block| block.get(key).is_some());
            if has("document") && !has("text") {
                return Err("Bedrock wants a text beside a file, in the same message".to_owned());
            }
            if message["role"] == "assistant" && (has("image") || has("document")) {
                return Err("Bedrock takes pictures and files from the user alone".to_owned());
            }
        }
        Ok(())
    }

    /// The names of the tools that were called, each once.
    pub(super) fn called(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for message in &self.messages {
            for block in message["content"].as_array().into_iter().flatten() {
                if let Some(name) = block["toolUse"]["name"].as_str()
                    && !names.contains(&name)
                {
                    names.push(name);
                }
            }
        }
        names
    }

    fn system(&mut self, message: &Message) -> Result<(), String> {
        let blocks = marked(message)?;
        let is_fit = |block: &Value| {
            ["text", "cachePoint", "guardContent"].iter().any(|key| block.get(key).is_some())
        };
        match blocks.iter().all(is_fit) {
            true => self.system.extend(blocks),
            false => return Err("a system message is text".to_owned()),
        }
        Ok(())
    }

    /// Adds to the last turn where it is of the same role: two in a row are refused.
    fn push(&mut self, role: &str, blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        let last = self.messages.last_mut().filter(|last| last["role"] == role);
        match last.and_then(|last| last["content"].as_array_mut()) {
            Some(content) => content.extend(blocks),
            None => self.messages.push(json!({"role": role, "content": blocks})),
        }
    }
}

/// The blocks of a message; its mark of the cache stands after them.
fn marked(message: &Message) -> Result<Vec<Value>, String> {
    let mut blocks = parts::blocks(&message.content)?;
    if !blocks.is_empty() {
        blocks.extend(message.rest.get("cache_control").map(parts::cache_point));
    }
    Ok(blocks)
}

fn assistant(message: &Message) -> Result<Vec<Value>, String> {
    let thinking = message.rest.get(THINKING_BLOCKS).and_then(Value::as_array);
    // They are signed, and refused when anything stands before them.
    let mut blocks: Vec<Value> = thinking.into_iter().flatten().filter_map(reasoning).collect();
    blocks.extend(marked(message)?);
    for call in asked::calls(message) {
        let name = call["function"]["name"].as_str().unwrap_or_default();
        let input = tool_use("", &call["function"])?["input"].take();
        let id = id(call["id"].as_str().unwrap_or_default());
        blocks.push(json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}));
    }
    Ok(blocks)
}

/// Thinking of an earlier answer; what is not signed is not taken back.
fn reasoning(block: &Value) -> Option<Value> {
    if let Some(data) = block["data"].as_str() {
        return Some(json!({"reasoningContent": {"redactedContent": data}}));
    }
    let signature = block["signature"].as_str().filter(|signature| !signature.is_empty())?;
    let text = block["thinking"].as_str().unwrap_or_default();
    let told = json!({"text": text, "signature": signature});
    Some(json!({"reasoningContent": {"reasoningText": told}}))
}

/// The result of a tool. A mark of the cache stands after it: inside there is no place for one.
fn result(message: &Message) -> Result<Vec<Value>, String> {
    let told = message.rest.get("tool_call_id").and_then(Value::as_str);
    let id = id(told.ok_or("a `tool` message has no `tool_call_id`")?);
    let is_mark = |block: &Value| block.get("cachePoint").is_some();
    let blocks = parts::blocks(&message.content)?;
    let (marks, content): (Vec<Value>, Vec<Value>) = blocks.into_iter().partition(is_mark);
    let mark = message.rest.get("cache_control").map(parts::cache_point);
    let mut result = json!({"toolUseId": id, "content": content});
    // Only some makers take a status, and success goes without saying.
    if message.rest.get("is_error").is_some_and(|is_error| is_error == true) {
        result["status"] = "error".into();
    }
    let result = json!({"toolResult": result});
    Ok([result].into_iter().chain(mark.or_else(|| marks.into_iter().next_back())).collect())
}

/// An id that is taken; one that is too long becomes its hash, so that two never become one.
fn id(told: &str) -> String {
    let id = tool_id(told);
    match id.len() > LONGEST_ID {
        true => blake3::hash(id.as_bytes()).to_hex()[..32].to_owned(),
        false => id,
    }
}
