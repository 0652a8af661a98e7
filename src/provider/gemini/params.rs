//! Parameters: from `OpenAI`'s names to Gemini's places, and which of them it cannot say.

use serde_json::{Map, Value, json};

use super::thinking;
use super::tools::Tools;
use crate::provider::asked;

/// Names that only differ; all of them stand in `generationConfig`.
const RENAMED: &[(&str, &str)] = &[
    ("max_tokens", "maxOutputTokens"),
    ("max_completion_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("n", "candidateCount"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    // Not a slip: the number has the name that the switch has at `OpenAI`.
    ("top_logprobs", "logprobs"),
];

/// What Gemini has no words for, and what to do instead.
const UNSAID: &[(&str, &str)] = &[
    ("logit_bias", "Gemini has no bias of tokens"),
    ("user", "Gemini keeps no user"),
    ("safety_identifier", "Gemini keeps no user"),
    ("store", "Gemini stores no answers"),
    ("prediction", "Gemini takes no predicted output"),
    ("verbosity", "Gemini has no verbosity"),
    ("audio", "Gemini takes a voice as `speechConfig`"),
    ("prompt_cache_key", "Gemini caches by itself, or by `cachedContent`"),
    ("prompt_cache_retention", "Gemini caches by itself, or by `cachedContent`"),
];

/// Fields of the body itself; every other field of Gemini's own stands in `generationConfig`.
const TOP_FIELDS: &[&str] =
    &["safetySettings", "cachedContent", "labels", "serviceTier", "systemInstruction"];

/// What is asked beside the talk.
#[derive(Debug, Default)]
pub(super) struct Asked {
    top: Map<String, Value>,
    config: Map<String, Value>,
    tools: Tools,
    extra: Map<String, Value>,
}

impl Asked {
    /// Takes one parameter; `Err` tells people why it cannot be said.
    pub(super) fn take(&mut self, model: &str, name: &str, value: &Value) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        if let Some((_, why)) = UNSAID.iter().find(|(known, _)| *known == name) {
            return Err((*why).to_owned());
        }
        if asked::SAMPLING_OF_SERVERS.contains(&name) {
            return Err("Gemini has no such parameter".to_owned());
        }
        if let Some((_, theirs)) = RENAMED.iter().find(|(known, _)| *known == name) {
            fits(model, name, value)?;
            return self.set(theirs, value.clone());
        }
        match name {
            "stream" => Ok(()),
            "stop" => self.set("stopSequences", stops(value)?),
            "response_format" => self.form(value),
            "modalities" => self.set("responseModalities", modalities(value)?),
            "reasoning_effort" => self.think(&thinking::of_effort(model, value)?),
            "thinking" => self.think(&thinking::of_thinking(value)?),
            "thinking_budget" => self.think(&json!({"thinkingBudget": value})),
            "include_thoughts" => self.think(&json!({"includeThoughts": value})),
            "thinkingConfig" | "thinking_config" => self.think(value),
            "tools" => self.tools.take(value),
            "functions" => self.tools.take_functions(value),
            "tool_choice" => self.tools.choose(value),
            "function_call" => self.tools.choose_function(value),
            "parallel_tool_calls" => parallel(value),
            "web_search_options" => self.tools.search(value),
            "stream_options" => only_usage(value),
            "service_tier" => self.tier(value),
            "metadata" => self.top("labels", value.clone()),
            "toolConfig" | "tool_config" => self.top("toolConfig", value.clone()),
            "generationConfig" | "generation_config" => {
                merge(&mut self.config, object(value)?);
                Ok(())
            }
            "extra" => {
                merge(&mut self.extra, object(value)?);
                Ok(())
            }
            "safety_settings" => self.top("safetySettings", value.clone()),
            "cached_content" => self.top("cachedContent", value.clone()),
            name if TOP_FIELDS.contains(&name) => self.top(name, value.clone()),
            name => self.set(name, value.clone()),
        }
    }

    /// The fields of the body, with the user's own fields laid over them.
    pub(super) fn into_fields(self) -> Map<String, Value> {
        let mut fields = self.tools.into_fields();
        if !self.config.is_empty() {
            fields.insert("generationConfig".to_owned(), self.config.into());
        }
        merge(&mut fields, self.top);
        merge(&mut fields, self.extra);
        if let Some(Value::String(cache)) = fields.get_mut("cachedContent")
            && !cache.contains('/')
        {
            // Google's own library takes the bare id, too.
            cache.insert_str(0, "cachedContents/");
        }
        fields
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends every arm of the table above")]
    fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        self.config.insert(name.to_owned(), value);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends every arm of the table above")]
    fn top(&mut self, name: &str, value: Value) -> Result<(), String> {
        self.top.insert(name.to_owned(), value);
        Ok(())
    }

    fn think(&mut self, thinking: &Value) -> Result<(), String> {
        let thinking = object(thinking)?;
        let wrapped = Map::from_iter([("thinkingConfig".to_owned(), thinking.into())]);
        merge(&mut self.config, wrapped);
        Ok(())
    }

    fn form(&mut self, value: &Value) -> Result<(), String> {
        match value["type"].as_str() {
            Some("text") => return Ok(()),
            Some("json_schema") if value.pointer("/json_schema/schema").is_none() => {
                return Err("it needs the schema at `json_schema.schema`".to_owned());
            }
            Some("json_object" | "json_schema") => {}
            _ => return Err("its `type` is text, json_object or json_schema".to_owned()),
        }
        // The twin `responseSchema` knows only a part of JSON Schema.
        if let Some(schema) = value.pointer("/json_schema/schema") {
            self.set("responseJsonSchema", schema.clone())?;
        }
        self.set("responseMimeType", "application/json".into())
    }

    fn tier(&mut self, value: &Value) -> Result<(), String> {
        match value.as_str() {
            Some("auto") => Ok(()),
            Some("default" | "standard") => self.top("serviceTier", "standard".into()),
            Some(tier @ ("flex" | "priority")) => self.top("serviceTier", tier.into()),
            _ => Err("it is auto, default, flex or priority".to_owned()),
        }
    }
}

/// Lays fields over others; an object goes into an object.
pub(super) fn merge(under: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (under.get_mut(&name), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            (_, value) => {
                under.insert(name, value);
            }
        }
    }
}

fn object(value: &Value) -> Result<Map<String, Value>, String> {
    value.as_object().cloned().ok_or_else(|| "it is an object".to_owned())
}

/// Whether a value is one that Gemini takes, where `OpenAI` takes more.
fn fits(model: &str, name: &str, value: &Value) -> Result<(), String> {
    let is_within = |low: f64, high: f64| value.as_f64().is_some_and(|n| n >= low && n <= high);
    match name {
        "temperature" if !is_within(0.0, 2.0) => Err("it is 0 to 2".to_owned()),
        "top_k" if !is_within(0.0, f64::INFINITY) => Err("it is 0 or more".to_owned()),
        "n" if !is_within(1.0, 8.0) => Err("Gemini gives 1 to 8 answers".to_owned()),
        "seed" if !is_within(f64::from(i32::MIN), f64::from(i32::MAX)) => {
            Err("Gemini's seeds are of 32 bits".to_owned())
        }
        "logprobs" if !value.is_boolean() => Err("it is true or false".to_owned()),
        "presence_penalty" | "frequency_penalty" if thinking::is_third(model) => {
            Err("Gemini 3 and later take no penalties".to_owned())
        }
        _ => Ok(()),
    }
}

fn stops(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(_) => Ok(json!([value])),
        Value::Array(texts) if texts.len() > 5 => {
            Err("Gemini takes up to 5 stop sequences".to_owned())
        }
        Value::Array(_) => Ok(value.clone()),
        _ => Err("it is a text or a list of texts".to_owned()),
    }
}

fn modalities(value: &Value) -> Result<Value, String> {
    let upper = |word: &Value| match word.as_str().map(str::to_uppercase) {
        Some(word) if matches!(&*word, "TEXT" | "IMAGE" | "AUDIO") => Ok(Value::from(word)),
        _ => Err("Gemini answers in text, image or audio".to_owned()),
    };
    let words = value.as_array().ok_or_else(|| "it is a list".to_owned())?;
    words.iter().map(upper).collect()
}

/// Several calls at once are the model's own choice.
fn parallel(value: &Value) -> Result<(), String> {
    match value {
        Value::Bool(true) => Ok(()),
        _ => Err("Gemini cannot be kept from calling several tools at once".to_owned()),
    }
}

/// Every stream tells its tokens, so that asking for them needs no words.
fn only_usage(value: &Value) -> Result<(), String> {
    match value.as_object() {
        Some(options) if options.keys().all(|name| name == "include_usage") => Ok(()),
        _ => Err("Gemini's streams have no options".to_owned()),
    }
}
