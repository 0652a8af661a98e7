//! A request's JSON: what the user stated, in Anthropic's words and places.

use serde_json::{Map, Value, json};

use super::ability::{Ability, Thinking};
use super::messages::Talk;
use super::{JSON_TOOL, params, schema, tools};
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;

/// The most tokens of an answer where the user stated none: Anthropic demands a number.
pub(in crate::provider) const MOST_TOKENS: u64 = 4096;

/// How a model without a schema is asked for JSON.
pub(in crate::provider) const ASK_FOR_JSON: &str = "Answer with one JSON object and nothing else.";

/// The body of a request.
pub(super) fn of(request: &Request) -> Result<Value, Failure> {
    let ability = Ability::of(&request.model);
    let bad = |why| Failure::new(FailureKind::BadRequest, why);
    let mut talk = Talk::of(&request.messages, ability.later_system).map_err(bad)?;
    let mut body = Body { request, ability, map: Map::new() };
    if body.stated("response_format").is_some_and(|format| format["type"] == "json_object") {
        talk.system.push(json!({"type": "text", "text": ASK_FOR_JSON}));
    }
    let unsupported = |why| Failure::new(FailureKind::UnsupportedParams, why);
    body.put("model", &*request.model);
    body.put("max_tokens", MOST_TOKENS);
    if let Some(system) = talk.system_json() {
        body.put("system", system);
    }
    body.put("messages", talk.messages);
    body.plain().map_err(unsupported)?;
    body.thinking().map_err(unsupported)?;
    body.tools().map_err(unsupported)?;
    body.json().map_err(unsupported)?;
    body.own();
    body.most_tokens();
    body.check().map_err(unsupported)?;
    if let Some(extra) = body.stated("extra").and_then(Value::as_object) {
        body.map.extend(extra.clone());
    }
    Ok(body.map.into())
}

struct Body<'r> {
    request: &'r Request,
    ability: Ability,
    map: Map<String, Value>,
}

impl<'r> Body<'r> {
    /// What the user stated; null states nothing.
    fn stated(&self, name: &str) -> Option<&'r Value> {
        self.request.params.get(name).filter(|value| !value.is_null())
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.map.insert(name.to_owned(), value.into());
    }

    /// Parameters that only change their name or form.
    fn plain(&mut self) -> Result<(), String> {
        if let Some(value) = self.stated("temperature") {
            // OpenAI's scale goes to 2, Anthropic's to 1.
            let is_over = value.as_f64().is_some_and(|number| number > 1.0);
            self.put("temperature", if is_over { json!(1) } else { value.clone() });
        }
        for name in ["top_p", "stream"] {
            if let Some(value) = self.stated(name) {
                self.put(name, value.clone());
            }
        }
        if let Some(value) = self.stated("stop") {
            let all = params::stop_sequences(value)?;
            if !all.is_empty() {
                self.put("stop_sequences", all);
            }
        }
        if let Some(value) = self.stated("metadata") {
            self.put("metadata", value.clone());
        }
        if let Some(value) = self.stated("user").or_else(|| self.stated("safety_identifier")) {
            self.put("metadata", json!({"user_id": params::user(value)?}));
        }
        if let Some(value) = self.stated("service_tier") {
            self.put("service_tier", params::service_tier(value)?);
        }
        Ok(())
    }

    fn thinking(&mut self) -> Result<(), String> {
        let Some(effort) = self.stated("reasoning_effort").and_then(Value::as_str) else {
            return Ok(());
        };
        match self.ability.thinking {
            Thinking::Adaptive { .. } => match params::adaptive_effort(effort) {
                Some(effort) => {
                    // Without `display` the thinking comes back without its text.
                    self.put("thinking", json!({"type": "adaptive", "display": "summarized"}));
                    self.output_config("effort", effort.into());
                }
                None => self.put("thinking", json!({"type": "disabled"})),
            },
            Thinking::Budget => {
                let most = self.request.params.max_tokens();
                if let Some(budget) = params::budget_within(effort, most)? {
                    let thinking = json!({"type": "enabled", "budget_tokens": budget});
                    self.put("thinking", thinking);
                }
            }
            Thinking::Never => {}
        }
        Ok(())
    }

    fn tools(&mut self) -> Result<(), String> {
        let mut all = self.stated("tools").map(tools::tools).transpose()?.unwrap_or_default();
        if let Some(functions) = self.stated("functions") {
            all.extend(tools::functions(functions)?);
        }
        if all.is_empty() {
            // A choice without anything to choose from is refused.
            return Ok(());
        }
        self.put("tools", all);
        let choice = self.stated("tool_choice").or_else(|| self.stated("function_call"));
        let mut choice = choice.map(|told| tools::choice(self.ability, told)).transpose()?;
        if self.stated("parallel_tool_calls").is_some_and(|parallel| parallel == false) {
            let choice = choice.get_or_insert_with(|| json!({"type": "auto"}));
            if choice["type"] != "none" {
                choice["disable_parallel_tool_use"] = true.into();
            }
        }
        if let Some(choice) = choice {
            self.put("tool_choice", choice);
        }
        Ok(())
    }

    /// An answer in a JSON Schema: the model's own way, or a tool that takes such an object.
    fn json(&mut self) -> Result<(), String> {
        let format = self.stated("response_format").filter(|told| told["type"] == "json_schema");
        let Some(told) = format.map(|format| &format["json_schema"]) else { return Ok(()) };
        if self.ability.json_schema {
            let schema = schema::strict(&told["schema"])?;
            self.output_config("format", json!({"type": "json_schema", "schema": schema}));
            return Ok(());
        }
        let about = told["description"].as_str().unwrap_or("Gives the answer.");
        let tool = json!({"name": JSON_TOOL, "description": about, "input_schema": tools::input_schema(&told["schema"])});
        let others = self.map.entry("tools").or_insert_with(|| json!([]));
        others.as_array_mut().into_iter().for_each(|tools| tools.push(tool.clone()));
        let kind = self.map.get("tool_choice").map(|choice| choice["type"].clone());
        let has_others = self.map["tools"].as_array().is_some_and(|tools| tools.len() > 1);
        match kind.as_ref().and_then(Value::as_str) {
            None | Some("auto") if has_others => self.map_choice("any"),
            None | Some("auto" | "none") => {
                self.put("tool_choice", json!({"type": "tool", "name": JSON_TOOL}));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Changes the kind of choice, and keeps what else is said of it.
    fn map_choice(&mut self, kind: &str) {
        let choice = self.map.entry("tool_choice").or_insert_with(|| json!({}));
        choice["type"] = kind.into();
    }

    fn output_config(&mut self, key: &str, value: Value) {
        let config = self.map.entry("output_config").or_insert_with(|| json!({}));
        config[key] = value;
    }

    /// Parameters of Anthropic's own go to the top level as they stand.
    fn own(&mut self) {
        for (name, value) in self.request.params.iter() {
            match (name.as_str(), value) {
                (known, _) if IS_OPENAIS.contains(&known) => {}
                ("extra" | "betas", _) => {}
                ("output_config", Value::Object(config)) => {
                    for (key, value) in config {
                        self.output_config(key, value.clone());
                    }
                }
                _ => self.put(name, value.clone()),
            }
        }
    }

    /// The user's number, or ours above what is set apart for thinking.
    fn most_tokens(&mut self) {
        let stated = self.stated("max_completion_tokens").or_else(|| self.stated("max_tokens"));
        let budget = self.map.get("thinking").and_then(|told| told["budget_tokens"].as_u64());
        let most = MOST_TOKENS.saturating_add(budget.unwrap_or(0));
        self.put("max_tokens", stated.cloned().unwrap_or_else(|| most.into()));
    }

    /// What Anthropic would refuse of parameters that are right one by one.
    fn check(&self) -> Result<(), String> {
        let has = |name| self.map.contains_key(name);
        if !self.ability.both_samplings && has("temperature") && has("top_p") {
            return Err("this model takes temperature or top_p, not both".to_owned());
        }
        let thinks = self.map.get("thinking").is_some_and(|told| told["type"] != "disabled");
        if thinks && self.map.get("tool_choice").is_some_and(tools::is_forced) {
            return Err(match self.map["tool_choice"]["name"] == JSON_TOOL {
                true => "this model cannot both think and answer in a JSON Schema",
                false => "a model that thinks cannot be forced to call a tool",
            }
            .to_owned());
        }
        Ok(())
    }
}

/// `OpenAI`'s parameters: those that have been taken above, and those that have no counterpart.
pub(in crate::provider) const IS_OPENAIS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
