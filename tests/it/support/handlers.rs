//! Ready-made handlers and replies in the form of `OpenAI`'s chat completions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::server::{Headers, Reply, Seen};

/// The text of every answer is this.
pub(crate) fn answers(text: &str) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let text = text.to_owned();
    move |seen: &Seen| Reply::ok(completion(seen, &text))
}

/// The text of every answer is the last message of the user.
pub(crate) fn echo() -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen: &Seen| Reply::ok(completion(seen, &seen.text))
}

/// The first `times` requests with each text get this reply, later ones go on to `inner`.
pub(crate) fn failing_first(
    times: usize,
    reply: Reply,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen: &Seen| if seen.n_of_this_text < times { reply.clone() } else { inner(seen) }
}

/// The very first request gets this reply, later ones go on to `inner`.
pub(crate) fn once(
    reply: Reply,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    let done = AtomicBool::new(false);
    move |seen: &Seen| match done.swap(true, Ordering::Relaxed) {
        false => reply.clone(),
        true => inner(seen),
    }
}

/// Every answer comes after this wait.
pub(crate) fn slowly(
    wait: Duration,
    inner: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen: &Seen| inner(seen).after(wait)
}

/// A `chat.completion` with one choice; a token is a word.
pub(crate) fn completion(seen: &Seen, text: &str) -> Value {
    let words = |text: &str| text.split_whitespace().count();
    let (prompt, answer) = (words(&seen.text), words(text));
    json!({
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1_735_689_600,
        "model": seen.body["model"],
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
        },
    })
}

/// An error in `OpenAI`'s form.
pub(crate) fn error(status: u16, kind: &str, code: &str, message: &str) -> Reply {
    Reply::Json(status, Headers::new(), error_body(kind, code, message))
}

/// The body of an error in `OpenAI`'s form.
pub(crate) fn error_body(kind: &str, code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}
