//! How the dialects whose form is not `OpenAI`'s read JSON from outside: whatever is missing, null
//! or of another type was not told.

use serde_json::Value;

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::message::WireReply;

/// The JSON of a whole reply.
pub fn json(reply: &WireReply) -> Result<Value, Failure> {
    match serde_json::from_slice(&reply.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(unreadable(reply, "it is no JSON object")),
        Err(why) => Err(unreadable(reply, &why.to_string())),
    }
}

/// The JSON of one frame of a stream.
pub fn piece(data: &str) -> Result<Value, Failure> {
    serde_json::from_str(data).map_err(|why| {
        let message = format!("a piece of the stream cannot be read: {why}");
        Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::Retry)
    })
}

/// The text at a key; empty where there is none.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A count: a whole number, also where it is written as `3.0`.
pub fn count(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0);
    value.as_u64().or(whole.map(|number| number as u64))
}

/// What is there, whether it is a list or stands alone.
pub fn each(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(list)) => list,
        Some(alone) => std::slice::from_ref(alone),
    }
}

/// The arguments of a tool call as a JSON string, whether they came as one or as an object.
pub fn arguments(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(object) => object.to_string(),
    }
}

fn unreadable(reply: &WireReply, why: &str) -> Failure {
    let kind = reply.headers.get("content-type").unwrap_or("of no type");
    let message = match kind.contains("json") {
        true => format!("the answer cannot be read: {why}"),
        false => format!("the answer is not JSON but `{kind}`; check base_url"),
    };
    let mut failure = Failure::new(FailureKind::ApiResponseValidation, message);
    failure.http_status = Some(reply.status);
    failure.with_remedy(Remedy::Retry)
}
