//! How dialects read JSON from outside: whatever is missing, null or of another type was not told.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::message::WireReply;

/// No answer has more tokens: what is beyond was counted by nobody.
const MOST_TOKENS: u64 = 1_000_000_000;

/// The JSON of a whole reply.
pub fn json(reply: &WireReply) -> Result<Value, Failure> {
    let object = serde_json::from_slice::<Map<String, Value>>(&reply.body);
    object.map(Value::Object).map_err(|why| unreadable(reply, &why))
}

/// The JSON of one frame of a stream.
pub fn piece<'f, T: Deserialize<'f>>(data: &'f str) -> Result<T, Failure> {
    serde_json::from_str(data).map_err(|why| {
        let message = format!("a piece of the stream cannot be read: {why}");
        Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::Retry)
    })
}

/// The failure of a reply of status 200 that is no JSON, or not the JSON that was awaited.
pub fn unreadable(reply: &WireReply, why: &serde_json::Error) -> Failure {
    let kind = reply.headers.get("content-type");
    let message = match kind {
        _ if reply.body.trim_ascii().is_empty() => {
            format!("status {} with an empty body", reply.status)
        }
        Some(kind) if !kind.contains("json") => {
            format!("the answer is not JSON but `{kind}`; check base_url")
        }
        _ if why.is_data() => "the answer is not a JSON object".to_owned(),
        _ => format!("the answer cannot be read: {why}"),
    };
    let mut failure = Failure::new(FailureKind::ApiResponseValidation, message);
    failure.http_status = Some(reply.status);
    failure.with_remedy(Remedy::Retry)
}

/// The text at a key; empty where there is none.
pub fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A count of tokens: a whole number, also where it is written as `3.0` or as text.
pub fn count(value: Option<&Value>) -> Option<u64> {
    let whole = |float: f64| (float.fract() == 0.0 && float >= 0.0).then_some(float as u64);
    let count = match value? {
        Value::Number(number) => number.as_u64().or(number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    count.filter(|count| *count <= MOST_TOKENS)
}

/// The same, for a field of a typed answer.
pub fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(count(Some(&Value::deserialize(deserializer)?)))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::count;

    #[test]
    fn a_count_is_a_whole_number_that_an_answer_can_have() {
        for (told, expected) in [
            (json!(7), Some(7)),
            (json!(7.0), Some(7)),
            (json!(" 7 "), Some(7)),
            (json!(7.5), None),
            (json!(-7), None),
            (json!("many"), None),
            (json!(u64::MAX), None),
            (json!(1e30), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            assert_eq!(count(Some(&told)), expected, "{told}");
        }
    }
}
