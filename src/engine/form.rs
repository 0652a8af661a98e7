//! Answers, held against the form that their task demands.

use serde_json::Value;

use crate::call::completion::{Choice, Completion};
use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::form::{Demand, OnInvalid};
use crate::call::json::Json;
use crate::call::request::Message;
use crate::call::response::Response;
use crate::provider::Rejected;

/// The most characters of the words with which a model declines that are told.
const LONGEST: usize = 200;

/// What becomes of an answer.
pub(super) enum Held {
    /// It is the task's answer.
    Taken(Box<Taken>),
    /// It does not have the form, and the model is asked again; this is said to it.
    Again { rejected: Rejected, talk: Box<[Message; 2]> },
    /// It does not have the form, and the task has failed.
    Refused(Rejected),
}

/// The answer of a task.
pub(super) struct Taken {
    pub(super) response: Response,
    /// Whether it has the form; `None` where none is demanded, and where it only calls tools.
    pub(super) fits: Option<bool>,
    /// What does not fit, where it is kept all the same.
    pub(super) fault: Option<String>,
}

/// Why an answer does not have the form.
struct Misfit {
    why: String,
    /// What was said, to go on from; `None` where telling the model would not help.
    said: Option<String>,
}

/// Holds an answer against the form, after the model was told `told` times what does not fit.
pub(super) fn held(response: Response, demand: Option<&Demand>, told: u32) -> Held {
    let taken = |response, fits, fault| Held::Taken(Box::new(Taken { response, fits, fault }));
    let Some(demand) = demand else { return taken(response, None, None) };
    let completion: Completion = serde_json::from_str(response.body.get()).unwrap_or_default();
    let judged: Result<Vec<Option<&str>>, Misfit> =
        (1..).zip(&completion.choices).map(|(nth, choice)| judge(choice, nth, demand)).collect();
    let Misfit { why, said } = match judged {
        Ok(texts) if texts.iter().all(Option::is_none) => return taken(response, None, None),
        Ok(texts) => return taken(bare(response, &texts), Some(true), None),
        Err(misfit) => misfit,
    };
    if demand.on_invalid == OnInvalid::Keep {
        return taken(response, Some(false), Some(why));
    }
    let failure = Failure::new(FailureKind::ApiResponseValidation, why);
    let response = Some(Box::new(response));
    match (said, demand.on_invalid) {
        (Some(said), OnInvalid::Retry) if told < demand.retries => {
            let talk = [Message::text("assistant", said), Message::text("user", asked(&failure))];
            Held::Again { rejected: Rejected { failure, response }, talk: Box::new(talk) }
        }
        (Some(_), OnInvalid::Retry) => Held::Refused(Rejected { failure, response }),
        _ => {
            let failure = failure.with_remedy(Remedy::GiveUp);
            Held::Refused(Rejected { failure, response })
        }
    }
}

/// What a model is told of an answer that does not fit.
fn asked(failure: &Failure) -> String {
    format!(
        "{}. Answer again with the corrected JSON alone: no words around it, and no code fence.",
        failure.message
    )
}

/// The JSON of a choice that has the form; `None` where it only calls tools.
fn judge<'c>(choice: &'c Choice, nth: usize, demand: &Demand) -> Result<Option<&'c str>, Misfit> {
    let said = &choice.message;
    let content = said.content.trim();
    if content.is_empty() && !said.tool_calls.is_empty() {
        return Ok(None);
    }
    let which = if nth == 1 { "the answer".to_owned() } else { format!("choice {nth}") };
    if !said.declined().is_empty() {
        let words: String = said.declined().chars().take(LONGEST).collect();
        return Err(Misfit { why: format!("{which} declines: {words}"), said: None });
    }
    if content.is_empty() {
        let why = format!("{which} has no text to hold against `response_schema`");
        return Err(Misfit { why, said: None });
    }
    let text = unfenced(content).unwrap_or(content);
    let Some(fault) = demand.form.fault(text) else { return Ok(Some(text)) };
    if choice.finish_reason == "length" {
        let why = format!("{which} was cut off before its JSON was whole; raise max_tokens");
        return Err(Misfit { why, said: None });
    }
    let why = format!("{which} does not fit the JSON Schema (`response_schema`): {fault}");
    Err(Misfit { why, said: Some(said.content.clone()) })
}

/// What stands in a code fence that is all there is. Models without a JSON mode love to put one
/// around, and nobody should pay for another answer because of it.
fn unfenced(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("```")?.strip_suffix("```")?;
    let (language, inner) = inner.split_once('\n')?;
    matches!(language.trim(), "" | "json" | "JSON").then(|| inner.trim())
}

/// The answer with the JSON alone as its content, where a fence stood around it.
fn bare(response: Response, texts: &[Option<&str>]) -> Response {
    if !response.body.get().contains("```") {
        return response;
    }
    let Ok(mut body) = serde_json::from_str::<Value>(response.body.get()) else { return response };
    let mut is_changed = false;
    for (nth, text) in texts.iter().enumerate() {
        let content = body.pointer_mut(&format!("/choices/{nth}/message/content"));
        if let (Some(Value::String(content)), Some(text)) = (content, text)
            && content.trim() != *text
        {
            (*text).clone_into(content);
            is_changed = true;
        }
    }
    match is_changed {
        true => Response { body: Json::from(&body), ..response },
        false => response,
    }
}
