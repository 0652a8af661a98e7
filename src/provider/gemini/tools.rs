//! Tools and who chooses among them.

use serde_json::{Map, Value, json};

/// The tools that were stated, and the choice among them.
#[derive(Debug, Default)]
pub(super) struct Tools {
    functions: Vec<Value>,
    /// Gemini's own tools, such as `{"codeExecution": {}}`.
    own: Vec<Value>,
    choice: Option<Value>,
    is_strict: bool,
}

impl Tools {
    /// Takes `tools`.
    pub(super) fn take(&mut self, tools: &Value) -> Result<(), String> {
        for tool in tools.as_array().ok_or_else(|| "it is a list of tools".to_owned())? {
            match tool.get("type").and_then(Value::as_str) {
                Some("function") => self.declare(&tool["function"])?,
                None if tool.is_object() => self.own.push(tool.clone()),
                _ => return Err("Gemini takes tools of the type function".to_owned()),
            }
        }
        Ok(())
    }

    /// Takes `functions`, the older form of `tools`.
    pub(super) fn take_functions(&mut self, functions: &Value) -> Result<(), String> {
        let functions = functions.as_array().ok_or_else(|| "it is a list".to_owned())?;
        functions.iter().try_for_each(|function| self.declare(function))
    }

    /// Takes `tool_choice`.
    pub(super) fn choose(&mut self, choice: &Value) -> Result<(), String> {
        let unknown = || "it is none, auto, required or a function by its name".to_owned();
        self.choice = Some(match (choice.as_str(), choice["type"].as_str()) {
            (Some("none"), _) => json!({"mode": "NONE"}),
            (Some("auto"), _) => json!({"mode": "AUTO"}),
            (Some("required"), _) => json!({"mode": "ANY"}),
            (_, Some("function")) => one(&choice["function"]["name"]).ok_or_else(unknown)?,
            (_, Some("allowed_tools")) => some(&choice["allowed_tools"]).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        });
        Ok(())
    }

    /// Takes `function_call`, the older form of `tool_choice`.
    pub(super) fn choose_function(&mut self, choice: &Value) -> Result<(), String> {
        match choice {
            Value::String(_) => self.choose(choice),
            _ => self.choose(&json!({"type": "function", "function": choice})),
        }
    }

    /// Takes `web_search_options`: Gemini searches by itself, with nothing to set.
    pub(super) fn search(&mut self, options: &Value) -> Result<(), String> {
        if options.as_object().is_none_or(|options| !options.is_empty()) {
            return Err("Gemini's search has no options; {} asks for it".to_owned());
        }
        self.own.push(json!({"googleSearch": {}}));
        Ok(())
    }

    /// The fields `tools` and `toolConfig` of the body.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut tools = self.own;
        if !self.functions.is_empty() {
            tools.insert(0, json!({"functionDeclarations": self.functions}));
        }
        if !tools.is_empty() {
            fields.insert("tools".to_owned(), tools.into());
        }
        let mut choice = self.choice;
        if self.is_strict && choice.as_ref().is_none_or(|choice| choice["mode"] == "AUTO") {
            // The model still chooses, and its arguments are held to the schema.
            choice = Some(json!({"mode": "VALIDATED"}));
        }
        if let Some(choice) = choice {
            fields.insert("toolConfig".to_owned(), json!({"functionCallingConfig": choice}));
        }
        fields
    }

    fn declare(&mut self, function: &Value) -> Result<(), String> {
        let name = function["name"].as_str().ok_or_else(|| "a function has no name".to_owned())?;
        let mut declared = Map::new();
        declared.insert("name".to_owned(), name.into());
        if let Some(description) = function.get("description").filter(|text| !text.is_null()) {
            declared.insert("description".to_owned(), description.clone());
        }
        if let Some(schema) = function.get("parameters").filter(|schema| has_parameters(schema)) {
            // The twin `parameters` knows only a part of JSON Schema.
            declared.insert("parametersJsonSchema".to_owned(), schema.clone());
        }
        self.is_strict |= function["strict"] == true;
        self.functions.push(declared.into());
        Ok(())
    }
}

/// Whether a schema names any parameter: Gemini refuses an object without one.
fn has_parameters(schema: &Value) -> bool {
    let has_properties = schema["properties"].as_object().is_some_and(|map| !map.is_empty());
    let is_composed = ["$ref", "anyOf", "oneOf", "allOf"].iter().any(|key| !schema[key].is_null());
    has_properties || is_composed
}

fn one(name: &Value) -> Option<Value> {
    let name = name.as_str()?;
    Some(json!({"mode": "ANY", "allowedFunctionNames": [name]}))
}

/// A few tools by their names. Names go with `VALIDATED`, not with `AUTO`.
fn some(allowed: &Value) -> Option<Value> {
    let mode = match allowed["mode"].as_str()? {
        "required" => "ANY",
        "auto" => "VALIDATED",
        _ => return None,
    };
    let name = |tool: &Value| tool["function"]["name"].as_str().map(str::to_owned);
    let names: Option<Vec<String>> = allowed["tools"].as_array()?.iter().map(name).collect();
    Some(json!({"mode": mode, "allowedFunctionNames": names?}))
}
