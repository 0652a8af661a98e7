//! Answers with a slip in their form: a byte-order mark, a key that stands twice, a number where
//! text belongs. What was answered was paid for, so it is not thrown away for that.

use bytes::Bytes;
use serde_json::{Map, Value};

/// The answer with its slips mended; `Err` when it is no JSON object at all.
pub(super) fn mended(body: &[u8]) -> serde_json::Result<Bytes> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    // Of a key that stands twice, the last one counts.
    let mut answer: Map<String, Value> = serde_json::from_slice(body)?;
    for key in ["id", "object"] {
        answer.entry(key).and_modify(as_text);
    }
    answer.entry("usage").and_modify(|usage| {
        keep_object(usage);
        for key in ["prompt_tokens_details", "completion_tokens_details"] {
            usage.as_object_mut().and_then(|usage| usage.get_mut(key)).map(keep_object);
        }
    });
    answer.entry("choices").and_modify(|choices| {
        if let Value::Object(_) = choices {
            *choices = Value::Array(vec![choices.take()]);
        }
        if !choices.is_array() {
            *choices = Value::Null;
        }
        let choices = choices.as_array_mut().into_iter().flatten();
        choices.filter_map(Value::as_object_mut).for_each(mend_choice);
    });
    serde_json::to_vec(&answer).map(Bytes::from)
}

fn mend_choice(choice: &mut Map<String, Value>) {
    choice.entry("finish_reason").and_modify(as_text);
    choice.entry("message").and_modify(keep_object);
    // Some hosts answer a chat like a completion.
    if let Some(Value::String(text)) = choice.get("text").cloned() {
        let message = serde_json::json!({"role": "assistant", "content": text});
        choice.entry("message").or_insert(message);
    }
}

/// A number becomes its digits; whatever else is no text becomes null.
fn as_text(value: &mut Value) {
    *value = match value.take() {
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(text),
        _ => Value::Null,
    };
}

fn keep_object(value: &mut Value) {
    if !value.is_object() {
        *value = Value::Null;
    }
}
