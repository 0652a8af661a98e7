//! How dialects read JSON from outside: whatever is missing, null or of another type was not told.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::message::WireReply;

/// No answer has more tokens: what is beyond was counted by nobody.
const MOST_TOKENS: u64 = 1_000_000_000;

/// The most choices of an answer and calls of a choice.
const FEW: usize = 128;

/// How much is shown of what is no answer, in characters.
const EXCERPT: usize = 80;

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
            let excerpt = excerpt(&reply.body);
            format!("the answer is not JSON but `{kind}`; check base_url; it begins {excerpt}")
        }
        _ if std::str::from_utf8(&reply.body).is_err() => "the answer is not UTF-8".to_owned(),
        _ if why.is_data() => "the answer is not a JSON object".to_owned(),
        _ => format!("the answer cannot be read: {why}"),
    };
    let mut failure = Failure::new(FailureKind::ApiResponseValidation, message);
    failure.http_status = Some(reply.status);
    failure.with_remedy(Remedy::Retry)
}

/// The first words of what is no answer, harmless to whoever reads them.
pub fn excerpt(body: &[u8]) -> String {
    // Four bytes a character are the most, and some of them may be white space.
    let start = &body[..body.len().min(8 * EXCERPT)];
    let text = String::from_utf8_lossy(start);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let visible = text.chars().filter(|c| !c.is_control()).collect::<String>();
    let mut excerpt: String = visible.chars().take(EXCERPT).collect();
    if excerpt.len() < visible.len() || start.len() < body.len() {
        excerpt.push('…');
    }
    format!("`{excerpt}`")
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

/// The first items of a list; what else there is of it is passed over. No provider gives more
/// choices or calls, and a list from outside is as long as it likes.
pub fn few<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Option<Vec<T>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while items.len() < FEW {
                match list.next_element()? {
                    Some(item) => items.push(item),
                    None => return Ok(Some(items)),
                }
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Some(items))
        }
    }

    deserializer.deserialize_any(Items(PhantomData))
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

    use super::{count, excerpt};

    #[test]
    fn an_excerpt_is_one_short_harmless_line() {
        let page = b"<html>\n\t<b>\x1b[31mLog\xff in</b>";
        assert_eq!(excerpt(page), "`<html> <b>[31mLog\u{fffd} in</b>`");
        let long = excerpt("ü".repeat(500).as_bytes());
        assert_eq!(long, format!("`{}…`", "ü".repeat(80)));
        assert_eq!(excerpt("x".repeat(80).as_bytes()), format!("`{}`", "x".repeat(80)));
    }

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
