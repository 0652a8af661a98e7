//! What is looked at before a dialect reads JSON from outside: whether reading it is safe, and
//! whether a slip in it would spoil what was paid for.

use bytes::Bytes;
use memchr::{memchr, memchr2_iter, memmem};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::frames::Frame;
use crate::wire::message::WireReply;

/// The deepest answer that is kept. Readers of JSON stop at 128 levels, and a line of the reports
/// has a few of its own around the answer.
const DEEPEST: usize = 100;

/// The most values of an answer: 16,000 tokens with twenty log probabilities each have as many. Each
/// takes up to a hundred bytes when it is read, and only two on the wire.
const MOST_VALUES: usize = 3_000_000;

/// The most values of one frame of a stream.
const MOST_OF_A_FRAME: usize = 300_000;

/// The reply, where it can be read without harm. Halves of characters, which JSON can escape and
/// no text can hold, become U+FFFD.
pub fn reply(reply: WireReply) -> Result<WireReply, Failure> {
    if !(200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let safe = check(&reply.body, MOST_VALUES);
    safe.map_err(|failure| Failure { http_status: Some(reply.status), ..failure })?;
    let body = without_halves(&reply.body).map(Bytes::from);
    Ok(WireReply { body: body.unwrap_or(reply.body), ..reply })
}

/// The same of a frame of a stream.
pub fn frame(frame: Frame) -> Result<Frame, Failure> {
    check(frame.data.as_bytes(), MOST_OF_A_FRAME)?;
    let data = without_halves(frame.data.as_bytes()).and_then(|data| String::from_utf8(data).ok());
    Ok(Frame { data: data.unwrap_or(frame.data), ..frame })
}

fn check(json: &[u8], most_values: usize) -> Result<(), Failure> {
    // Most answers are so short, and open so few lists and objects, that there is nothing to count.
    let opened = memchr2_iter(b'[', b'{', json).take(DEEPEST + 1).count();
    if json.len() <= most_values && opened <= DEEPEST {
        return Ok(());
    }
    let Size { depth, values } = Size::of(json);
    let message = match () {
        () if depth > DEEPEST => format!("the answer is nested more than {DEEPEST} levels deep"),
        () if values > most_values => format!("the answer has more than {most_values} values"),
        () => return Ok(()),
    };
    Err(Failure::new(FailureKind::ApiResponseValidation, message).with_remedy(Remedy::GiveUp))
}

/// How large a JSON text is for whoever reads it.
#[derive(Default)]
struct Size {
    /// How deep its lists and objects go.
    depth: usize,
    /// How many values it has, at the most.
    values: usize,
}

impl Size {
    fn of(json: &[u8]) -> Self {
        let (mut size, mut depth) = (Self::default(), 0_usize);
        let (mut in_text, mut is_escaped) = (false, false);
        for byte in json {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_text => is_escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b'[' | b'{' => {
                    depth += 1;
                    size.values += 1;
                    size.depth = size.depth.max(depth);
                }
                b',' => size.values += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        size
    }
}

/// The JSON with U+FFFD for each escaped half of a character; `None` where there is none.
fn without_halves(json: &[u8]) -> Option<Vec<u8>> {
    memchr(b'\\', json)?;
    let can_have =
        [r"\ud", r"\uD"].iter().any(|start| memmem::find(json, start.as_bytes()).is_some());
    if !can_have {
        return None;
    }
    let (mut mended, mut rest, mut was_mended) = (Vec::with_capacity(json.len()), json, false);
    while let Some(at) = memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        mended.extend_from_slice(before);
        let width = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => 12,
            (Some(0xD800..0xE000), _) => {
                mended.extend_from_slice(br"\ufffd");
                was_mended = true;
                rest = &escape[6..];
                continue;
            }
            _ => escape.len().min(2),
        };
        mended.extend_from_slice(&escape[..width]);
        rest = &escape[width..];
    }
    mended.extend_from_slice(rest);
    was_mended.then_some(mended)
}

/// The number in an escape such as `\ud83e` at the start of these bytes.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(br"\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    is_hex.then(|| u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_answer_is_that_of_its_lists_and_objects() {
        for (json, depth, values) in [
            ("", 0, 0),
            ("[]", 1, 1),
            (r#"{"a":[{"b":"[[,["}]}"#, 3, 3),
            (r#"{"a":"\\\"[[[","b":[]}"#, 2, 3),
            ("[[],[],[]]", 2, 6),
            ("]]]", 0, 0),
        ] {
            let size = Size::of(json.as_bytes());
            assert_eq!((size.depth, size.values), (depth, values), "{json}");
        }
    }

    #[test]
    fn what_would_harm_its_reader_is_refused() {
        for (json, is_safe) in [
            ("[".repeat(101), false),
            ("[".repeat(100), true),
            ("[],".repeat(101), true),
            (format!("\"{}\"", "[".repeat(1000)), true),
            ("1,".repeat(1001), false),
            (format!("\"{}\"", "1,".repeat(5000)), true),
        ] {
            assert_eq!(check(json.as_bytes(), 1000).is_ok(), is_safe, "{json:.20}");
        }
    }

    #[test]
    fn halves_of_characters_are_mended_and_nothing_else_is() {
        for (json, mended) in [
            (r#""a""#, None),
            (r#""\ud83e\udd80 \uD83E\uDD80""#, None),
            (r#""\\ud83e""#, None),
            (r#""\ud83e""#, Some(r#""\ufffd""#)),
            (r#""\udd80\ud83e""#, Some(r#""\ufffd\ufffd""#)),
            (r#""\ud83e\ud83e\udd80\n""#, Some(r#""\ufffd\ud83e\udd80\n""#)),
            (r#""\ud83e\"x\\""#, Some(r#""\ufffd\"x\\""#)),
            (r"\ud83e", Some(r"\ufffd")),
            (r"\ud8", None),
        ] {
            let made = without_halves(json.as_bytes());
            assert_eq!(made.as_deref(), mended.map(str::as_bytes), "{json}");
        }
    }
}
