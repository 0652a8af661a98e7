//! What the simulated server reads and says: OpenAI's form, or Anthropic's where its headers are
//! asked for.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::{Conduct, Failing, Told};
use super::limit::{Cost, Unit};
use super::server::Barred;
use crate::call::duration::parse_duration;
use crate::call::moment::Moment;
use crate::wire::message::{Headers, WireReply, WireRequest};

/// The wall clock when a scenario begins, since the Unix epoch: Sun, 22 Nov 2026 02:00:00 GMT.
const BEGAN: Duration = Duration::from_hours(498_698);

/// What a call asks for.
pub(super) struct Asked {
    /// Tokens of the prompt as the runner estimates them: four bytes each, and seven for the call.
    pub(super) tokens: u64,
    pub(super) max_tokens: Option<u64>,
}

impl Asked {
    pub(super) fn read(wire: &WireRequest) -> Self {
        let body: Body<'_> = serde_json::from_slice(&wire.body).expect("a request is JSON");
        let bytes: usize = body.messages.iter().map(|said| said.content.len()).sum();
        let max_tokens = body.max_completion_tokens.or(body.max_tokens);
        Self { tokens: bytes.div_ceil(4) as u64 + 7, max_tokens }
    }
}

#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow)]
    messages: Vec<Said<'b>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Said<'b> {
    #[serde(borrow)]
    content: Cow<'b, str>,
}

/// What is left of a limit.
pub(super) struct Left {
    pub(super) unit: Unit,
    pub(super) limit: f64,
    pub(super) remaining: f64,
    pub(super) reset: Duration,
}

/// A whole answer, which is sent at this time.
pub(super) fn answer(conduct: &Conduct, used: Cost, left: &[Left], at: Duration) -> WireReply {
    let Cost { input, output, .. } = used;
    let total = input + output;
    // Written as text: there are many of them, and a debug build is slow to write JSON values.
    let body = match conduct.headers {
        Told::Anthropic => format!(
            r#"{{"id":"m","type":"message","role":"assistant","model":"m","stop_reason":"end_turn",
            "content":[{{"type":"text","text":"ok"}}],
            "usage":{{"input_tokens":{input},"output_tokens":{output}}}}}"#
        ),
        Told::None | Told::Openai => format!(
            r#"{{"id":"c","object":"chat.completion","created":0,"model":"m","choices":[{{"index":0,
            "finish_reason":"stop","message":{{"role":"assistant","content":"ok"}}}}],
            "usage":{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total}}}}}"#
        ),
    };
    WireReply { status: 200, headers: headers(conduct, left, at), body: body.into() }
}

/// A 429, which is sent at this time.
pub(super) fn refusal(
    conduct: &Conduct,
    barred: Barred,
    wait: Option<Duration>,
    left: &[Left],
    at: Duration,
) -> WireReply {
    let mut headers = headers(conduct, left, at);
    let asks = match conduct.retry_after.as_deref() {
        None => None,
        Some("exact") => wait,
        Some(text) => Some(parse_duration(text).expect("`retry_after` is a duration or `exact`")),
    };
    if let Some(asks) = asks {
        ask_to_wait(&mut headers, asks, conduct.retry_after_ms);
    }
    let message = match barred {
        Barred::Slots => "Too many concurrent requests",
        Barred::TooLarge => "Request too large: it needs more tokens than the limit allows",
        Barred::Limit(Unit::Requests) => "Rate limit reached on requests",
        Barred::Limit(_) => "Rate limit reached on tokens",
    };
    reply(429, headers, &error(conduct, "rate_limit_exceeded", message))
}

/// An error that has nothing to do with limits.
pub(super) fn failing(conduct: &Conduct, failing: &Failing) -> WireReply {
    let mut headers = Headers::default();
    if let Some(asks) = failing.retry_after {
        ask_to_wait(&mut headers, asks.0, conduct.retry_after_ms);
    }
    let code = failing.code.as_deref().unwrap_or("server_error");
    reply(failing.status, headers, &error(conduct, code, "it fails by chance"))
}

fn error(conduct: &Conduct, code: &str, message: &str) -> Value {
    let error = json!({"message": message, "type": code, "code": code});
    match conduct.headers {
        Told::Anthropic => json!({"type": "error", "error": error}),
        Told::None | Told::Openai => json!({"error": error}),
    }
}

/// `retry-after` holds whole seconds, so it asks for a little more.
fn ask_to_wait(headers: &mut Headers, wait: Duration, in_millis: bool) {
    headers.push("retry-after", &wait.as_secs_f64().ceil().to_string());
    if in_millis {
        headers.push("retry-after-ms", &(wait.as_secs_f64() * 1000.0).ceil().to_string());
    }
}

fn headers(conduct: &Conduct, left: &[Left], at: Duration) -> Headers {
    let mut headers = Headers::default();
    let now = BEGAN + at;
    for Left { unit, limit, remaining, reset } in left {
        let (prefix, what, reset) = match conduct.headers {
            Told::None => break,
            Told::Openai => ("x-ratelimit", unit.word(), in_gos_form(*reset)),
            Told::Anthropic => {
                let moment = Moment::from_millis((now + *reset).as_millis() as i64);
                ("anthropic-ratelimit", unit.word(), moment.to_string())
            }
        };
        let figures = [
            ("limit", limit.to_string()),
            ("remaining", remaining.floor().to_string()),
            ("reset", reset),
        ];
        for (figure, value) in figures {
            let name = match conduct.headers {
                Told::Anthropic => format!("{prefix}-{what}-{figure}"),
                Told::None | Told::Openai => format!("{prefix}-{figure}-{what}"),
            };
            headers.push(&name, &value);
        }
    }
    if conduct.headers != Told::None {
        headers.push("date", &httpdate::fmt_http_date(UNIX_EPOCH + now));
    }
    headers
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Input => "input-tokens",
            Self::Output => "output-tokens",
        }
    }
}

/// `12ms`, `1.5s`, `6m0s`.
fn in_gos_form(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        return format!("{}ms", duration.as_millis());
    }
    let mut text = String::new();
    let minutes = (seconds / 60.0).floor();
    if minutes > 0.0 {
        write!(text, "{minutes}m").expect("a text takes it all");
    }
    write!(text, "{:.3}s", seconds - minutes * 60.0).expect("a text takes it all");
    text
}

fn reply(status: u16, headers: Headers, error: &Value) -> WireReply {
    WireReply { status, headers, body: error.to_string().into() }
}
