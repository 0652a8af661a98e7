//! How much a model thinks: a level since Gemini 3, a budget of tokens in Gemini 2.5.

use serde_json::{Value, json};

/// The version in a model's name: `(2, 5)` of `gemini-2.5-flash`. `gemini-flash-latest` and the
/// names of other families tell none.
pub(super) fn version(model: &str) -> Option<(u32, u32)> {
    let name = model.rsplit('/').next().unwrap_or(model).strip_prefix("gemini-")?;
    let number = name.split('-').next()?;
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether a model is of Gemini 3 or later; `gemini-flash-latest` and its like are.
pub(super) fn is_third(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    match version(model) {
        Some((major, _)) => major >= 3,
        None => name.starts_with("gemini-") && name.ends_with("-latest"),
    }
}

/// The `thinkingConfig` that says this effort to this model.
pub(super) fn of_effort(model: &str, effort: &Value) -> Result<Value, String> {
    let effort = effort.as_str().unwrap_or_default();
    if !matches!(effort, "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max") {
        return Err("it is none, minimal, low, medium, high or xhigh".to_owned());
    }
    match version(model) {
        Some((0..=1, _) | (2, 0..=4)) => Err(format!("`{model}` does not think")),
        Some((2, _)) => budget(model, effort).map(|budget| json!({"thinkingBudget": budget})),
        _ => Ok(json!({"thinkingLevel": level(model, effort)})),
    }
}

fn level(model: &str, effort: &str) -> &'static str {
    // Thinking cannot be switched off. The flash models before 3.7 have one level below `low`.
    let has_minimal = model.contains("flash") && version(model).is_some_and(|v| v < (3, 7));
    match effort {
        "none" | "minimal" if has_minimal => "minimal",
        "none" | "minimal" | "low" => "low",
        "medium" => "medium",
        _ => "high",
    }
}

fn budget(model: &str, effort: &str) -> Result<u32, String> {
    let is_pro = model.contains("-pro");
    match effort {
        "none" if is_pro => Err(format!("`{model}` always thinks; the least is minimal")),
        "none" => Ok(0),
        "minimal" if is_pro => Ok(128),
        "minimal" if model.contains("flash-lite") => Ok(512),
        "minimal" => Ok(1),
        "low" => Ok(1024),
        "medium" => Ok(2048),
        _ => Ok(4096),
    }
}

/// The `thinkingConfig` of `thinking`, as Anthropic's users know it.
pub(super) fn of_thinking(value: &Value) -> Result<Value, String> {
    match (value["type"].as_str(), value["budget_tokens"].as_u64()) {
        (Some("enabled"), Some(budget)) => {
            Ok(json!({"thinkingBudget": budget, "includeThoughts": true}))
        }
        (Some("enabled"), None) => Ok(json!({"includeThoughts": true})),
        (Some("disabled"), _) => Ok(json!({"thinkingBudget": 0})),
        _ => Err("its `type` is enabled or disabled".to_owned()),
    }
}
