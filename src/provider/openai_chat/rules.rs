//! Which parameters can be said. At every host: of the right type. At `OpenAI` itself also: within
//! its ranges, and such as the model takes.

use serde_json::Value;

use super::ability::{Ability, Efforts, Sampling};
use super::ranges;
use crate::call::request::Params;
use crate::provider::asked;
use crate::provider::quirks::Quirks;

/// Parameters of other houses that `OpenAI` refuses. What is merely not known here passes.
const FOREIGN: &[&str] = &["top_k", "min_p", "repetition_penalty", "thinking", "random_seed"];

/// Parameters with which a thinking model's words could be chosen more freely.
const SAMPLING: &[&str] = &["temperature", "top_p", "logprobs", "top_logprobs"];

/// Whether a parameter can be said to this model of a host with these quirks.
pub(in crate::provider) fn accepts(
    quirks: &Quirks,
    model: &str,
    name: &str,
    value: &Value,
) -> Result<(), String> {
    if value.is_null() {
        return Ok(());
    }
    ranges::right_type(name, value)?;
    let word = quirks.values.get(name).and_then(|words| words.get(value.as_str()?));
    if word.is_some_and(String::is_empty) {
        return Err(format!("the provider knows no `{name}` of this kind"));
    }
    if let ("temperature", Some(most)) = (name, quirks.max_temperature) {
        asked::within(value, 0.0, most)?;
    }
    match quirks.openai_rules {
        true => {
            ranges::in_range(name, value)?;
            taken(Ability::of(model), name, value)
        }
        false => Ok(()),
    }
}

/// Whether `OpenAI`'s model takes it at all.
fn taken(ability: Ability, name: &str, value: &Value) -> Result<(), String> {
    let never = |takes: bool| match takes || is_default(name, value) {
        true => Ok(()),
        false => Err(format!("this model takes no `{name}`")),
    };
    match name {
        "stop" => never(ability.stop),
        "frequency_penalty" | "presence_penalty" => never(ability.penalties),
        "logit_bias" | "prediction" => never(ability.bias),
        "verbosity" => never(ability.verbosity),
        "temperature" | "top_p" | "logprobs" | "top_logprobs"
            if ability.sampling == Sampling::Never =>
        {
            match is_default(name, value) {
                true => Ok(()),
                false => Err(format!("this model thinks, and takes no `{name}` of yours")),
            }
        }
        "reasoning_effort" => effort(ability, value),
        _ if ability.is_known && FOREIGN.contains(&name) => {
            Err("OpenAI knows no such parameter; what must be sent all the same goes into `extra`"
                .to_owned())
        }
        _ => Ok(()),
    }
}

fn effort(ability: Ability, value: &Value) -> Result<(), String> {
    match ability.efforts {
        Efforts::Any => Ok(()),
        Efforts::No => Err("this model does not think".to_owned()),
        Efforts::Of(levels) if value.as_str().is_some_and(|level| levels.contains(&level)) => {
            Ok(())
        }
        Efforts::Of(levels) => Err(format!("this model knows `{}`", levels.join("`, `"))),
    }
}

/// Whether this value says what is so anyway. A model that does not take the parameter is not told
/// it then: some models refuse even that.
pub(in crate::provider) fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "temperature" | "top_p" => value.as_f64() == Some(1.0),
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logprobs" => value == false,
        "logit_bias" => value.as_object().is_some_and(serde_json::Map::is_empty),
        "verbosity" => value == "medium",
        _ => false,
    }
}

/// Whether a model is not told this parameter, because it would say what is so anyway. All models
/// take a temperature of 1.
pub(in crate::provider) fn goes_unsaid(model: &str, name: &str, value: &Value) -> bool {
    let ability = Ability::of(model);
    let is_taken = match name {
        "top_p" | "logprobs" => ability.sampling == Sampling::Free,
        "frequency_penalty" | "presence_penalty" => ability.penalties,
        "logit_bias" => ability.bias,
        "verbosity" => ability.verbosity,
        _ => true,
    };
    !is_taken && is_default(name, value)
}

/// Parameters that cannot be said beside the others of a call.
pub(in crate::provider) fn clashes(
    quirks: &Quirks,
    model: &str,
    params: &Params,
) -> Vec<(&'static str, String)> {
    let mut clashes = Vec::new();
    if !quirks.openai_rules {
        return clashes;
    }
    let told = |name: &str| params.get(name).filter(|value| !value.is_null());
    let extra = |name: &str| told("extra").is_some_and(|extra| extra.get(name).is_some());
    if told("top_logprobs").is_some() && told("logprobs").is_none_or(|value| value != true) {
        clashes.push(("top_logprobs", "it needs `logprobs = true` beside it".to_owned()));
    }
    if told("stream_options").is_some() && told("stream").is_none_or(|value| value != true) {
        clashes.push(("stream_options", "it needs `stream = true` beside it".to_owned()));
    }
    let has_tools = told("tools").or(told("functions")).is_some() || extra("tools");
    for name in ["tool_choice", "function_call", "parallel_tool_calls"] {
        if told(name).is_some_and(|value| value != "none") && !has_tools {
            clashes.push((name, "it needs `tools` beside it".to_owned()));
        }
    }
    if let Sampling::Unthinking { by_default } = Ability::of(model).sampling {
        let effort = told("reasoning_effort").and_then(Value::as_str);
        if effort.map_or(!by_default, |effort| effort != "none") {
            let why = "this model takes it only with `reasoning_effort = \"none\"`";
            let stated = SAMPLING.iter().filter(|name| {
                told(name).is_some_and(|value| !is_default(name, value))
                    && !clashes.iter().any(|(other, _)| other == *name)
            });
            let stated: Vec<_> = stated.map(|name| (*name, why.to_owned())).collect();
            clashes.extend(stated);
        }
    }
    clashes
}
