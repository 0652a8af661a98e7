//! Tools and the choice among them.

use serde_json::{Value, json};

use super::family::Family;
use super::parts;
use crate::provider::anthropic::tools::input_schema;
use crate::provider::asked;

/// The longest name of a tool.
const LONGEST_NAME: usize = 64;

/// A list of tools; one in Converse's own words goes as it stands.
pub(super) fn tools(family: &Family, tools: &[Value]) -> Result<Vec<Value>, String> {
    let mut made = Vec::with_capacity(tools.len());
    for tool in tools {
        let map = tool.as_object().ok_or("a tool is no object")?;
        if map.contains_key("toolSpec") || map.contains_key("cachePoint") {
            made.push(tool.clone());
            continue;
        }
        if tool.get("type").is_some_and(|kind| *kind != "function") {
            return Err("Bedrock knows tools of the type `function` alone".to_owned());
        }
        made.push(spec(family, &tool["function"])?);
        made.extend(map.get("cache_control").map(parts::cache_point));
    }
    Ok(made)
}

fn spec(family: &Family, function: &Value) -> Result<Value, String> {
    let name = function["name"].as_str().unwrap_or_default();
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_known) {
        return Err(format!("`{name}` is no name of a tool: 1 to 64 of a-z, A-Z, 0-9, _ and -"));
    }
    let mut spec = json!({"name": name});
    if let Some(text) = function["description"].as_str().filter(|text| !text.is_empty()) {
        spec["description"] = text.into();
    }
    spec["inputSchema"] = json!({"json": input_schema(&function["parameters"])});
    // Some models refuse the word; the same tool goes without it.
    if function["strict"] == true && family.strict_tools {
        spec["strict"] = true.into();
    }
    Ok(json!({"toolSpec": spec}))
}

/// A tool of which no more than the name is known, for a talk in which it was called.
pub(super) fn bare(name: &str) -> Value {
    json!({"toolSpec": {"name": name, "inputSchema": {"json": input_schema(&Value::Null)}}})
}

/// What is said of the choice among the tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The model chooses, or calls none.
    Auto,
    /// No tool may be called.
    None,
    /// Some tool must be called.
    Any,
    /// This tool must be called.
    Tool(String),
}

impl Choice {
    /// `tool_choice`, or `function_call` as it used to be called.
    pub(super) fn read(family: &Family, value: &Value) -> Result<Self, String> {
        let named = || value["function"]["name"].as_str().or(value["name"].as_str());
        let kind = value.as_str().or(value["type"].as_str());
        let choice = match (kind, named()) {
            (Some("auto"), _) => Self::Auto,
            (Some("none"), _) => Self::None,
            (Some("required" | "any"), _) => Self::Any,
            (Some("function" | "tool") | None, Some(name)) => Self::Tool(name.to_owned()),
            _ => return Err(format!("Bedrock cannot say this choice of tools: {value}")),
        };
        match matches!(choice, Self::Any | Self::Tool(_)) && !family.forced_tools() {
            true => Err("this model cannot be forced to call a tool; say `auto`".to_owned()),
            false => Ok(choice),
        }
    }

    /// Converse's word; there is none for calling no tool.
    pub(super) fn json(&self) -> Option<Value> {
        match self {
            Self::Auto => Some(json!({"auto": {}})),
            Self::None => None,
            Self::Any => Some(json!({"any": {}})),
            Self::Tool(name) => Some(json!({"tool": {"name": name}})),
        }
    }

    /// Anthropic's word, with one call at a time.
    pub(super) fn one_at_a_time(&self) -> Option<Value> {
        let mut choice = match self {
            Self::Auto => json!({"type": "auto"}),
            Self::None => return None,
            Self::Any => json!({"type": "any"}),
            Self::Tool(name) => json!({"type": "tool", "name": name}),
        };
        choice["disable_parallel_tool_use"] = true.into();
        Some(choice)
    }
}

/// Whether every tool and choice can be said.
pub(super) fn accepts(family: &Family, name: &str, value: &Value) -> Result<(), String> {
    match name {
        "tool_choice" | "function_call" => Choice::read(family, value).map(drop),
        "functions" => {
            let functions = value.as_array().ok_or("`functions` is no list")?;
            functions.iter().try_for_each(|function| spec(family, function).map(drop))
        }
        _ => tools(family, value.as_array().ok_or("`tools` is no list")?).map(drop),
    }
}

/// The tools that are stated, in whatever words.
pub(super) fn stated(
    family: &Family,
    params: &crate::call::request::Params,
) -> Result<Vec<Value>, String> {
    asked::tools(params).map_or(Ok(Vec::new()), |told| tools(family, &told))
}
