//! An answer in the making: what a stream brings piece by piece, and what the dialects whose form
//! is not `OpenAI`'s put together, until it is a `chat.completion`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::call::json::Json;
use crate::call::moment::Moment;
use crate::call::response::Response;
use crate::call::usage::Usage;
use crate::provider::Rejected;
use crate::provider::finish::{self, Finish};

/// An answer in the making.
#[derive(Debug, Default)]
pub struct Draft {
    /// The provider's name for the answer.
    pub id: Option<String>,
    /// The model that answered, by the provider's word.
    pub model: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// The tokens told so far; what comes later replaces what came before.
    pub usage: Option<Usage>,
    /// The tokens that are charged, where they are told apart.
    pub billed: Option<Box<Usage>>,
    /// Keys of the whole answer beside `OpenAI`'s usual ones, such as `service_tier`.
    pub extra: Map<String, Value>,
    /// Numbers that a dialect must remember from one frame to the next, such as which block is
    /// which tool call.
    pub notes: BTreeMap<u64, usize>,
    choices: Vec<Choice>,
    fresh: String,
    has_begun: bool,
}

#[derive(Debug, Default)]
struct Choice {
    content: String,
    reasoning: String,
    refusal: String,
    calls: Vec<Call>,
    media: Vec<String>,
    finish: Option<(Finish, String)>,
    extra: Map<String, Value>,
}

#[derive(Debug, Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
    extra: Map<String, Value>,
}

impl Draft {
    /// More of the text of a choice.
    pub fn text(&mut self, choice: usize, piece: &str) {
        self.begin(piece);
        if choice == 0 {
            self.fresh.push_str(piece);
        }
        self.choice(choice).content.push_str(piece);
    }

    /// More of the reasoning of a choice.
    pub fn reasoning(&mut self, choice: usize, piece: &str) {
        self.begin(piece);
        self.choice(choice).reasoning.push_str(piece);
    }

    /// More of the words with which the model declines.
    pub fn refusal(&mut self, choice: usize, piece: &str) {
        self.begin(piece);
        self.choice(choice).refusal.push_str(piece);
    }

    /// More of a tool call: its id and name are told once, its arguments in pieces of JSON text.
    pub fn call(&mut self, choice: usize, nth: usize, id: &str, name: &str, arguments: &str) {
        self.has_begun = true;
        let call = self.call_at(choice, nth);
        if call.id.is_empty() {
            id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            name.clone_into(&mut call.name);
        }
        call.arguments.push_str(arguments);
    }

    /// A picture or sound that the model made, as a `data:` URL; it goes into `images`, as hosts
    /// that mimic `OpenAI` have it.
    pub fn media(&mut self, choice: usize, url: &str) {
        self.begin(url);
        self.choice(choice).media.push(url.to_owned());
    }

    /// A key of a tool call beside `OpenAI`'s, such as a signature that must come back.
    pub fn call_extra(&mut self, choice: usize, nth: usize, key: &str, value: Value) {
        self.call_at(choice, nth).extra.insert(key.to_owned(), value);
    }

    /// A key of a choice's message beside `OpenAI`'s.
    pub fn message_extra(&mut self, choice: usize, key: &str, value: Value) {
        self.choice(choice).extra.insert(key.to_owned(), value);
    }

    /// A key of a choice's message beside `OpenAI`'s, to be added to; null where it is new.
    pub fn message_extra_mut(&mut self, choice: usize, key: &str) -> &mut Value {
        self.choice(choice).extra.entry(key).or_insert(Value::Null)
    }

    /// How many tool calls a choice has so far.
    pub fn calls(&self, choice: usize) -> usize {
        self.choices.get(choice).map_or(0, |choice| choice.calls.len())
    }

    /// Why a choice ended; `raw` is the provider's own word.
    pub fn finish(&mut self, choice: usize, finish: Finish, raw: &str) {
        self.choice(choice).finish = Some((finish, raw.to_owned()));
    }

    /// Whether the first choice has ended.
    pub fn is_finished(&self) -> bool {
        self.choices.first().is_some_and(|choice| choice.finish.is_some())
    }

    /// Whether any token has come: the time to the first one ends here.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// The text of the first choice that came since the last time.
    pub fn take_fresh(&mut self) -> String {
        std::mem::take(&mut self.fresh)
    }

    /// Counts that a later frame tells: they replace those told before, and what they leave out
    /// holds on.
    pub fn counted(&mut self, told: Option<Usage>) {
        if let Some(told) = told {
            self.usage = Some(self.usage.map_or(told, |before| told.over(&before)));
        }
    }

    /// The whole answer, or why it is none. One without choices was counted all the same.
    pub fn response(self) -> Result<Response, Rejected> {
        if self.choices.is_empty() {
            let failure = finish::no_choices();
            return Err(match self.usage {
                None => failure.into(),
                Some(_) => Rejected { failure, response: Some(Box::new(self.made(None))) },
            });
        }
        let first = &self.choices[0];
        let (finish, raw) = first.ending();
        let fault = finish.fault(&raw, first.is_empty());
        let told = first.finish.as_ref().map(|(_, raw)| raw.clone());
        let response = self.made(told);
        match fault {
            None => Ok(response),
            Some(failure) => Err(Rejected { failure, response: Some(Box::new(response)) }),
        }
    }

    /// What came of an answer that failed on the way: its text may be worth reading, and its
    /// tokens may have been billed. The output of one that did not end was not counted to its end:
    /// Anthropic's first frame says 1, and Gemini's first frames say nothing.
    pub fn broken(mut self, failure: Failure) -> Rejected {
        if !self.is_finished() {
            let uncounted =
                |told| Usage { output: None, reasoning: None, audio_output: None, ..told };
            self.usage = self.usage.map(uncounted);
        }
        if self.choices.is_empty() && self.usage.is_none() {
            return failure.into();
        }
        let told = self.choices.first().and_then(|first| first.finish.as_ref());
        let told = told.map(|(_, raw)| raw.clone());
        Rejected { failure, response: Some(Box::new(self.made(told))) }
    }

    /// A stream that ended before the answer did.
    pub fn cut_off(self) -> Rejected {
        let message = "the stream ended before the answer did";
        let failure = Failure::new(FailureKind::ApiResponseValidation, message);
        self.broken(failure.with_remedy(Remedy::Retry))
    }

    fn begin(&mut self, piece: &str) {
        self.has_begun |= !piece.is_empty();
    }

    fn choice(&mut self, nth: usize) -> &mut Choice {
        if self.choices.len() <= nth {
            // No provider gives more than 128 choices, and a number from outside is only a number.
            self.choices.resize_with(nth.min(127) + 1, Choice::default);
        }
        let last = self.choices.len() - 1;
        &mut self.choices[nth.min(last)]
    }

    fn call_at(&mut self, choice: usize, nth: usize) -> &mut Call {
        let calls = &mut self.choice(choice).calls;
        if calls.len() <= nth {
            calls.resize_with(nth.min(127) + 1, Call::default);
        }
        let last = calls.len() - 1;
        &mut calls[nth.min(last)]
    }

    fn made(self, finish_reason_raw: Option<String>) -> Response {
        let choices: Vec<Value> =
            self.choices.into_iter().enumerate().map(|(nth, choice)| choice.json(nth)).collect();
        let created = self.created.unwrap_or_else(|| Moment::now().as_millis() / 1000);
        let mut body = Map::new();
        body.insert("id".to_owned(), self.id.unwrap_or_default().into());
        body.insert("object".to_owned(), "chat.completion".into());
        body.insert("created".to_owned(), created.into());
        body.insert("model".to_owned(), self.model.unwrap_or_default().into());
        body.insert("choices".to_owned(), choices.into());
        if let Some(usage) = &self.usage {
            body.insert("usage".to_owned(), usage_json(usage));
        }
        let tier = self.extra.get("service_tier").and_then(Value::as_str);
        let service_tier = tier.map(Box::from);
        body.extend(self.extra);
        let body = Json::from(&Value::from(body));
        let (usage, billed) = (self.usage, self.billed);
        Response { body, finish_reason_raw, usage, billed, service_tier }
    }
}

impl Choice {
    fn ending(&self) -> (Finish, String) {
        let told = self.finish.clone();
        let (finish, raw) = told.unwrap_or((Finish::Stop, "stop".to_owned()));
        match finish {
            // Several providers have no word of their own for it.
            Finish::Stop if !self.calls.is_empty() => (Finish::ToolCalls, raw),
            finish => (finish, raw),
        }
    }

    fn is_empty(&self) -> bool {
        self.content.trim().is_empty()
            && self.refusal.is_empty()
            && self.calls.is_empty()
            && self.media.is_empty()
    }

    fn json(self, index: usize) -> Value {
        let finish_reason = self.ending().0.as_str();
        let text = |text: String| if text.is_empty() { Value::Null } else { text.into() };
        let content = match (self.content.is_empty(), self.calls.is_empty()) {
            (true, false) => Value::Null,
            _ => self.content.into(),
        };
        let mut message = Map::new();
        message.insert("role".to_owned(), "assistant".into());
        message.insert("content".to_owned(), content);
        if !self.refusal.is_empty() {
            message.insert("refusal".to_owned(), text(self.refusal));
        }
        if !self.reasoning.is_empty() {
            message.insert("reasoning_content".to_owned(), text(self.reasoning));
        }
        if !self.calls.is_empty() {
            let calls = self.calls.into_iter().map(Call::json);
            message.insert("tool_calls".to_owned(), calls.collect());
        }
        if !self.media.is_empty() {
            let image = |url| json!({"type": "image_url", "image_url": {"url": url}});
            message.insert("images".to_owned(), self.media.into_iter().map(image).collect());
        }
        message.extend(self.extra);
        json!({"index": index, "message": message, "finish_reason": finish_reason})
    }
}

impl Call {
    fn json(self) -> Value {
        // A call without arguments may send none at all.
        let arguments =
            if self.arguments.trim().is_empty() { "{}".to_owned() } else { self.arguments };
        let mut call = Map::new();
        call.insert("id".to_owned(), self.id.into());
        call.insert("type".to_owned(), "function".into());
        call.insert("function".to_owned(), json!({"name": self.name, "arguments": arguments}));
        call.extend(self.extra);
        Value::Object(call)
    }
}

/// Tokens in `OpenAI`'s form.
fn usage_json(usage: &Usage) -> Value {
    let mut told = Map::new();
    told.insert("prompt_tokens".to_owned(), usage.prompt_tokens().into());
    told.insert("completion_tokens".to_owned(), usage.completion_tokens().into());
    told.insert("total_tokens".to_owned(), usage.total_tokens().into());
    let prompt = [
        ("cached_tokens", usage.cached),
        ("cache_write_tokens", usage.cache_write_tokens()),
        ("audio_tokens", usage.audio_input),
    ];
    let completion = [("reasoning_tokens", usage.reasoning), ("audio_tokens", usage.audio_output)];
    for (name, parts) in [
        ("prompt_tokens_details", prompt.as_slice()),
        ("completion_tokens_details", completion.as_slice()),
    ] {
        let parts =
            parts.iter().filter_map(|(name, tokens)| Some(((*name).to_owned(), (*tokens)?.into())));
        let parts: Map<String, Value> = parts.collect();
        if !parts.is_empty() {
            told.insert(name.to_owned(), parts.into());
        }
    }
    Value::Object(told)
}
