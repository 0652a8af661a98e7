//! A request's JSON: what the user stated, in Converse's words and places.

use serde_json::{Map, Value, json};

use super::family::{Effort, Family};
use super::messages::Talk;
use super::params;
use super::tools::{self, Choice};
use crate::call::failure::{Failure, FailureKind};
use crate::call::request::Request;
use crate::provider::anthropic::JSON_TOOL;
use crate::provider::anthropic::ability::Thinking;
use crate::provider::anthropic::body::{ASK_FOR_JSON, IS_OPENAIS, MOST_TOKENS};
use crate::provider::anthropic::params::{adaptive_effort, budget_within};
use crate::provider::anthropic::tools::input_schema;

/// How a model that cannot be forced to call a tool is asked to answer with one.
const ASK_FOR_TOOL: &str = "Give your answer by calling the tool json_tool_call.";

/// Where the fields go that only some makers know.
const ADDITIONAL: &str = "additionalModelRequestFields";

/// The fields of a request in Converse's own words; what has another name goes to the maker.
const OWN: &[&str] = &[
    ADDITIONAL,
    "additionalModelResponseFieldPaths",
    "guardrailConfig",
    "inferenceConfig",
    "outputConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "serviceTier",
    "toolConfig",
];

/// The body of a request.
pub(super) fn of(request: &Request) -> Result<Value, Failure> {
    let bad = |why| Failure::new(FailureKind::BadRequest, why);
    let talk = Talk::of(&request.messages).map_err(bad)?;
    let unsupported = |why| Failure::new(FailureKind::UnsupportedParams, why);
    let family = Family::of(&request.model);
    let mut body = Body { request, family, talk, map: Map::new() };
    body.inference().map_err(unsupported)?;
    body.thinking().map_err(unsupported)?;
    body.tools().map_err(unsupported)?;
    body.rest().map_err(unsupported)?;
    body.check().map_err(unsupported)?;
    Ok(body.done())
}

struct Body<'r> {
    request: &'r Request,
    family: Family,
    talk: Talk,
    map: Map<String, Value>,
}

impl<'r> Body<'r> {
    /// What the user stated; null states nothing.
    fn stated(&self, name: &str) -> Option<&'r Value> {
        self.request.params.get(name).filter(|value| !value.is_null())
    }

    /// Sets a field below these keys.
    fn put(&mut self, keys: &[&str], value: impl Into<Value>) {
        let Some((last, above)) = keys.split_last() else { return };
        let mut map = &mut self.map;
        for key in above {
            let below = map.entry(*key).or_insert_with(|| json!({}));
            if !below.is_object() {
                *below = json!({});
            }
            let Value::Object(below) = below else { return };
            map = below;
        }
        map.insert((*last).to_owned(), value.into());
    }

    fn inference(&mut self) -> Result<(), String> {
        let most = self.stated("max_completion_tokens").or_else(|| self.stated("max_tokens"));
        if let Some(most) = most {
            self.put(&["inferenceConfig", "maxTokens"], most.clone());
        }
        if let Some(value) = self.stated("temperature") {
            let is_over = value.as_f64().is_some_and(|number| number > 1.0);
            let value = if is_over { json!(1) } else { value.clone() };
            self.put(&["inferenceConfig", "temperature"], value);
        }
        if let Some(value) = self.stated("top_p") {
            self.put(&["inferenceConfig", "topP"], value.clone());
        }
        if let Some(value) = self.stated("stop") {
            let all = params::stop_sequences(value)?;
            if !all.is_empty() {
                self.put(&["inferenceConfig", "stopSequences"], all);
            }
        }
        if let Some(value) = self.stated("top_k") {
            let place = [&[ADDITIONAL], self.family.top_k].concat();
            self.put(&place, value.clone());
        }
        Ok(())
    }

    fn thinking(&mut self) -> Result<(), String> {
        let Some(stated) = self.stated("reasoning_effort") else { return Ok(()) };
        let Some(effort) = params::effort(&self.family, stated)? else { return Ok(()) };
        match self.family.effort {
            Effort::Claude { thinking, .. } => self.claude_thinking(thinking, effort)?,
            Effort::Nova => {
                let config = match effort {
                    "none" => json!({"type": "disabled"}),
                    _ => json!({"type": "enabled", "maxReasoningEffort": effort}),
                };
                self.put(&[ADDITIONAL, "reasoningConfig"], config);
            }
            Effort::Output => self.put(&["outputConfig", "effort"], effort),
            Effort::Field => self.put(&[ADDITIONAL, "reasoning_effort"], effort),
            Effort::Never => {}
        }
        Ok(())
    }

    fn claude_thinking(&mut self, thinking: Thinking, effort: &str) -> Result<(), String> {
        match (thinking, adaptive_effort(effort)) {
            (Thinking::Adaptive { .. }, Some(effort)) => {
                // Without `display` the thinking comes back without its text.
                let told = json!({"type": "adaptive", "display": "summarized"});
                self.put(&[ADDITIONAL, "thinking"], told);
                self.put(&[ADDITIONAL, "output_config", "effort"], effort);
            }
            (Thinking::Adaptive { .. }, None) => {
                self.put(&[ADDITIONAL, "thinking"], json!({"type": "disabled"}));
            }
            (Thinking::Budget, _) => {
                let most = self.request.params.max_tokens();
                let Some(budget) = budget_within(effort, most)? else { return Ok(()) };
                let told = json!({"type": "enabled", "budget_tokens": budget});
                self.put(&[ADDITIONAL, "thinking"], told);
                if most.is_none() {
                    // The budget is part of the most tokens, whose usual number may be less.
                    self.put(&["inferenceConfig", "maxTokens"], MOST_TOKENS + budget);
                }
            }
            (Thinking::Never, _) => {}
        }
        Ok(())
    }

    /// Whether the model is asked to think in a way that forbids forcing it to call a tool.
    fn thinks(&self) -> bool {
        let told = self.map.get(ADDITIONAL).and_then(|fields| fields.get("thinking"));
        told.is_some_and(|told| told["type"] != "disabled")
    }

    fn tools(&mut self) -> Result<(), String> {
        let mut all = tools::stated(&self.family, &self.request.params)?;
        let told = self.stated("tool_choice").or_else(|| self.stated("function_call"));
        let mut choice = told.map(|told| Choice::read(&self.family, told)).transpose()?;
        if choice == Some(Choice::None) && self.talk.called().is_empty() {
            // There is no word for it, and a model without tools calls none.
            all.clear();
        }
        if all.is_empty() {
            choice = None;
        }
        self.json(&mut all, &mut choice)?;
        if all.is_empty() {
            // A talk in which tools were called is refused without any.
            all = self.talk.called().into_iter().map(tools::bare).collect();
        }
        if all.is_empty() {
            return Ok(());
        }
        self.put(&["toolConfig", "tools"], all);
        if self.stated("parallel_tool_calls").is_some_and(|parallel| parallel == false)
            && let Some(one) = choice.as_ref().unwrap_or(&Choice::Auto).one_at_a_time()
        {
            self.put(&[ADDITIONAL, "tool_choice"], one);
        }
        let word = choice.and_then(|choice| choice.json());
        if let Some(word) = word.filter(|_| self.family.tool_choice) {
            self.put(&["toolConfig", "toolChoice"], word);
        }
        Ok(())
    }

    /// An answer in JSON: the model's own way, a tool that takes such an object, or plain words.
    fn json(&mut self, all: &mut Vec<Value>, choice: &mut Option<Choice>) -> Result<(), String> {
        let Some(format) = self.stated("response_format") else { return Ok(()) };
        if format["type"] == "json_object" {
            self.talk.system.push(json!({"text": ASK_FOR_JSON}));
        }
        if format["type"] != "json_schema" {
            return Ok(());
        }
        if self.family.json_schema {
            let text_format = params::text_format(&self.family, format)?;
            self.put(&["outputConfig", "textFormat"], text_format);
            return Ok(());
        }
        let told = &format["json_schema"];
        let about = told["description"].as_str().filter(|about| !about.is_empty());
        let schema = json!({"json": input_schema(&told["schema"])});
        let about = about.unwrap_or("Gives the answer.");
        let has_others = !all.is_empty();
        all.push(
            json!({"toolSpec": {"name": JSON_TOOL, "description": about, "inputSchema": schema}}),
        );
        if !self.family.forced_tools() || self.thinks() {
            self.talk.system.push(json!({"text": ASK_FOR_TOOL}));
            return Ok(());
        }
        *choice = Some(match choice.take() {
            Some(stated @ (Choice::Any | Choice::Tool(_))) => stated,
            _ if has_others => Choice::Any,
            _ => Choice::Tool(JSON_TOOL.to_owned()),
        });
        Ok(())
    }

    /// Metadata, tier, and what is Converse's or the maker's own.
    fn rest(&mut self) -> Result<(), String> {
        if let Some(pairs) = self.stated("metadata") {
            self.put(&["requestMetadata"], pairs.clone());
        }
        if let Some(tier) = self.stated("service_tier").map(params::service_tier).transpose()? {
            tier.into_iter().for_each(|tier| self.put(&["serviceTier", "type"], tier));
        }
        for (name, value) in self.request.params.iter() {
            let name = name.as_str();
            match name {
                "extra" | "top_k" => {}
                _ if IS_OPENAIS.contains(&name) => {}
                _ if OWN.contains(&name) => lay(&mut self.map, name, value),
                _ => self.put(&[ADDITIONAL, name], value.clone()),
            }
        }
        if let Some(extra) = self.stated("extra").and_then(Value::as_object) {
            extra.iter().for_each(|(name, value)| lay(&mut self.map, name, value));
        }
        Ok(())
    }

    /// What would be refused of parameters that are right one by one.
    fn check(&self) -> Result<(), String> {
        let Some(ability) = self.family.claude else { return Ok(()) };
        let has = |name| self.stated(name).is_some();
        if !ability.both_samplings && has("temperature") && has("top_p") {
            return Err("this model takes temperature or top_p, not both".to_owned());
        }
        let choice = self.map.get("toolConfig").and_then(|config| config.get("toolChoice"));
        let is_forced = choice.is_some_and(|choice| choice.get("auto").is_none());
        match is_forced && self.thinks() {
            true => Err("a model that thinks cannot be forced to call a tool".to_owned()),
            false => Ok(()),
        }
    }

    fn done(self) -> Value {
        let mut body = Map::new();
        body.insert("messages".to_owned(), self.talk.messages.into());
        if !self.talk.system.is_empty() {
            body.insert("system".to_owned(), self.talk.system.into());
        }
        self.map.iter().for_each(|(name, value)| lay(&mut body, name, value));
        body.into()
    }
}

/// Lays a field over a body: what is a table on both sides is joined.
fn lay(body: &mut Map<String, Value>, name: &str, value: &Value) {
    match (body.get_mut(name), value) {
        (Some(Value::Object(there)), Value::Object(more)) => there.extend(more.clone()),
        _ => {
            body.insert(name.to_owned(), value.clone());
        }
    }
}
