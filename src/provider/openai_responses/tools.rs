//! Tools and the choice among them: flat, where chat completions nest them.

use serde_json::{Map, Value, json};

/// A list of tools; one in the interface's own words goes as it stands.
pub(super) fn flat(tools: &Value) -> Value {
    tools.as_array().into_iter().flatten().map(tool).collect()
}

fn tool(tool: &Value) -> Value {
    let Some((kind, inner)) = nested(tool) else { return tool.clone() };
    let mut made = Map::from_iter([("type".to_owned(), kind.into())]);
    made.extend(inner.clone());
    if kind == "function" {
        // What chat completions take for no is taken for yes here.
        made.entry("strict").or_insert(false.into());
        made.entry("parameters").or_insert_with(|| json!({"type": "object", "properties": {}}));
    }
    made.into()
}

/// A tool or a choice whose name stands one level deeper than it does here.
fn nested(value: &Value) -> Option<(&'static str, &Map<String, Value>)> {
    let mut kinds = ["function", "custom"].into_iter();
    kinds.find_map(|kind| Some((kind, value.get(kind)?.as_object()?)))
}

/// The choice among tools.
pub(super) fn choice(choice: &Value) -> Value {
    if let Some((kind, inner)) = nested(choice) {
        let mut made = Map::from_iter([("type".to_owned(), kind.into())]);
        made.extend(inner.clone());
        return made.into();
    }
    match choice.get("allowed_tools").and_then(Value::as_object) {
        Some(allowed) => {
            let mut made = Map::from_iter([("type".to_owned(), "allowed_tools".into())]);
            made.extend(allowed.clone());
            if let Some(tools) = allowed.get("tools").and_then(Value::as_array) {
                made.insert("tools".to_owned(), tools.iter().map(self::choice).collect());
            }
            made.into()
        }
        None => choice.clone(),
    }
}
