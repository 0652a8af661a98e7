//! Tools and the choice among them.

use serde_json::{Map, Value, json};

use super::ability::Ability;

/// The longest name of a tool.
const LONGEST_NAME: usize = 128;

/// A list of tools; one in Anthropic's own words goes as it stands.
pub(super) fn tools(value: &Value) -> Result<Vec<Value>, String> {
    let tools = value.as_array().ok_or("`tools` is no list")?;
    tools.iter().map(tool).collect()
}

/// The list `functions` by its old name.
pub(super) fn functions(value: &Value) -> Result<Vec<Value>, String> {
    let functions = value.as_array().ok_or("`functions` is no list")?;
    functions.iter().map(|function| function_tool(function, &Map::new())).collect()
}

fn tool(value: &Value) -> Result<Value, String> {
    let map = value.as_object().ok_or("a tool is no object")?;
    if value["type"] == "custom" && map.contains_key("custom") {
        return Err("Anthropic has no tools with free text as input".to_owned());
    }
    match map.get("function") {
        Some(function) => function_tool(function, map),
        None => Ok(value.clone()),
    }
}

fn function_tool(function: &Value, around: &Map<String, Value>) -> Result<Value, String> {
    let name = function["name"].as_str().unwrap_or_default();
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_known) {
        return Err(format!("`{name}` is no name of a tool: 1 to 128 of a-z, A-Z, 0-9, _ and -"));
    }
    let mut made = json!({"name": name});
    if let Some(text) = function["description"].as_str() {
        made["description"] = text.into();
    }
    made["input_schema"] = input_schema(&function["parameters"]);
    for (key, value) in function.as_object().into_iter().flatten().chain(around) {
        let is_said =
            matches!(key.as_str(), "name" | "description" | "parameters" | "type" | "function");
        if !is_said && !value.is_null() {
            made[key] = value.clone();
        }
    }
    Ok(made)
}

/// A tool's input is always an object.
pub(in crate::provider) fn input_schema(parameters: &Value) -> Value {
    match parameters {
        Value::Object(map) if map.get("type").is_some_and(|kind| kind == "object") => {
            parameters.clone()
        }
        Value::Object(map) => {
            let mut map = map.clone();
            map.insert("type".to_owned(), "object".into());
            map.into()
        }
        _ => json!({"type": "object", "properties": {}}),
    }
}

/// `tool_choice` or `function_call`; a choice in Anthropic's own words goes as it stands.
pub(super) fn choice(ability: Ability, value: &Value) -> Result<Value, String> {
    let named = || value["function"]["name"].as_str().or(value["name"].as_str());
    let kind = value.as_str().or(value["type"].as_str());
    let made = match (kind, named()) {
        (Some("auto" | "none" | "any" | "tool"), _) if value.is_object() => value.clone(),
        (Some(kind @ ("auto" | "none")), _) => json!({"type": kind}),
        (Some("required" | "any"), _) => json!({"type": "any"}),
        (Some("function") | None, Some(name)) => json!({"type": "tool", "name": name}),
        _ => return Err(format!("Anthropic cannot say this choice of tools: {value}")),
    };
    match is_forced(&made) && !ability.forced_tools {
        true => Err("this model cannot be forced to call a tool; say `auto`".to_owned()),
        false => Ok(made),
    }
}

/// Whether the model has to call a tool.
pub(super) fn is_forced(choice: &Value) -> bool {
    choice["type"] == "any" || choice["type"] == "tool"
}
