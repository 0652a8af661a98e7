//! A task: one prompt for one target, named by the hash of what is asked.

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::call::bound::MostOutput;
use crate::call::fallback::{Fallback, FallbackOn};
use crate::call::form::{Demand, is_dropped};
use crate::call::money::Price;
use crate::call::request::{Content, Message, Params, Request};

/// One prompt of one target, ready to be asked.
#[derive(Clone, Debug)]
pub struct Task {
    /// The hash of what is asked.
    pub id: TaskId,
    /// Its place in the plan, which is the order of every report.
    pub index: u64,
    /// The prompt set it comes from.
    pub prompt: Arc<str>,
    /// The row's name within that set.
    pub row: String,
    /// Which of the repeats this is, from 0.
    pub repeat: u32,
    /// Who is asked.
    pub target: Arc<Target>,
    /// What is asked.
    pub request: Request,
    /// Parameters that were stated, here or for the target, and that the provider does not take.
    pub dropped: Arc<Vec<String>>,
    /// Who is asked the same when the target cannot answer, in this order. Their parameters are
    /// those of this task: where its row brings some, they are not those of the target's fallbacks.
    pub fallbacks: Arc<[Fallback]>,
    /// The form that its answers must have, where one is demanded.
    pub form: Option<Arc<Demand>>,
    /// Attempts that earlier sessions of this run made in vain.
    pub attempts_before: u32,
    /// What scorers hold the answer against: their texts, rendered for the row.
    pub expected: Arc<[String]>,
    /// The scorer that asks, where it is not the job.
    pub scorer: Option<Arc<str>>,
}

impl Task {
    /// What is asked of a fallback: the same, and in words where it takes no schema.
    pub fn request_to(&self, fallback: &Fallback) -> Request {
        let mut request = fallback.request(&self.request);
        if let Some(form) = self.form.as_ref().filter(|_| !is_dropped(&self.dropped)) {
            form.say_if_dropped(&fallback.target.dropped, &mut request.messages);
        }
        request
    }
}

/// Provider, model and parameters: who is asked, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// How reports name it.
    pub label: Arc<str>,
    /// The provider's name in the catalogue or the job.
    pub provider: Arc<str>,
    /// The model's name as the provider knows it.
    pub model: Arc<str>,
    /// The combination of matrix parameters, such as `top_p=0.5`; `None` without a matrix.
    pub variant: Option<Arc<str>>,
    /// The parameters of the job, of the model and of the matrix.
    pub params: Arc<Params>,
    /// Parameters that were stated and that the provider does not take.
    pub dropped: Arc<Vec<String>>,
    /// What a token costs here, if that is known.
    pub price: Option<Price>,
    /// The tokens that fit into its context window, as far as that is known.
    pub window: Option<u64>,
    /// The most output tokens that it gives to one choice, as far as that is known.
    pub max_output: MostOutput,
    /// Who is asked when it cannot answer, in this order. They are no part of what a task asks, so
    /// they do not change its id.
    pub fallbacks: Arc<[Fallback]>,
    /// For which failures they are asked.
    pub fallback_on: FallbackOn,
}

impl Target {
    /// `provider/model`, as the column `model_used` has it.
    pub fn model_used(&self) -> Arc<str> {
        format!("{}/{}", self.provider, self.model).into()
    }
}

/// 16 bytes that name what is asked: same question, same id. Written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId([u8; 16]);

impl TaskId {
    /// The id of a question to a target: the `repeat`th asking of the `occurrence`th prompt with
    /// this content. Two like prompts differ only in how many like them came before.
    pub fn new(content: &ContentHash, target: &ContentHash, repeat: u32, occurrence: u32) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&content.0);
        hasher.update(&target.0);
        hasher.update(&repeat.to_le_bytes());
        hasher.update(&occurrence.to_le_bytes());
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self(id)
    }
}

impl TaskId {
    /// The id of a scorer's `nth` question about the answer to a task.
    pub fn of_judgement(
        content: &ContentHash,
        target: &ContentHash,
        nth: u32,
        judged: Self,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&Self::new(content, target, nth, 0).0);
        hasher.update(&judged.0);
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self(id)
    }
}

impl TaskId {
    /// Its 16 bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Its 32 hex digits.
    pub fn digits(self) -> [u8; 32] {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        text
    }
}

fn ascii(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).expect("hex digits are ASCII")
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.digits()))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// What each byte counts as a hex digit, and `NO_DIGIT` for one that is none.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        values[HEX[digit as usize] as usize] = digit;
        values[HEX[digit as usize].to_ascii_uppercase() as usize] = digit;
        digit += 1;
    }
    values
};
const NO_DIGIT: u8 = 0xff;

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

/// A text that is not 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task is named by 32 hex digits")]
pub struct NotATaskId;

impl FromStr for TaskId {
    type Err = NotATaskId;

    fn from_str(text: &str) -> Result<Self, NotATaskId> {
        let text: &[u8; 32] = text.as_bytes().try_into().map_err(|_| NotATaskId)?;
        // A report reads two of them a task: all digits are looked at before any is judged.
        let (mut id, mut seen) = ([0; 16], 0);
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
            seen |= high | low;
            *byte = high << 4 | low;
        }
        if seen == NO_DIGIT { Err(NotATaskId) } else { Ok(Self(id)) }
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.digits()))
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for TaskId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TaskId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
            "description": "the hash of what is asked"
        })
    }
}

/// 32 bytes that stand for a prompt's content, or for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash of a prompt: its messages and the parameters that its row brings.
    pub fn of_prompt(messages: &[Message], params: &Params) -> Self {
        let mut said = Said(ROOM.take());
        for message in messages {
            said.message(message);
        }
        said.map(params);
        let hash = said.hash();
        said.0.clear();
        said.0.shrink_to(KEPT);
        ROOM.set(said.0);
        hash
    }

    /// The hash of a target: who is asked and with what, whatever its label. `nth` tells apart
    /// two targets of a job that are alike in all else.
    pub fn of_target(target: &Target, nth: u32) -> Self {
        let mut said = Said::default();
        said.text(&target.provider);
        said.text(&target.model);
        said.map(&target.params);
        said.0.extend_from_slice(&nth.to_le_bytes());
        said.hash()
    }

    /// The first eight bytes, for sets in which a rare collision does no harm.
    pub fn short(&self) -> u64 {
        u64::from_le_bytes(self.0[..8].try_into().expect("8 of 32 bytes"))
    }
}

thread_local! {
    /// Room for what is said in a prompt: to have it for each anew takes longer than to hash it.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most room that is kept after a long prompt, in bytes.
const KEPT: usize = 64 << 10;

/// What is hashed, gathered first: one long text is hashed faster than many short ones.
#[derive(Default)]
struct Said(Vec<u8>);

impl Said {
    fn hash(&self) -> ContentHash {
        ContentHash(*blake3::hash(&self.0).as_bytes())
    }

    /// The same as the message's JSON; the common one need not be made JSON for it.
    fn message(&mut self, message: &Message) {
        if let (Content::Text(text), true) = (&message.content, message.rest.is_empty()) {
            self.length(b"{", 2);
            self.text("content");
            self.string(text);
            self.text("role");
            self.string(&message.role);
            return;
        }
        self.value(&serde_json::to_value(message).expect("a message is JSON"));
    }

    /// A JSON value, so that the order of keys does not matter.
    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.push(b'n'),
            Value::Bool(yes) => self.0.push(if *yes { b't' } else { b'f' }),
            Value::Number(number) => {
                self.0.push(b'#');
                self.text(&number.to_string());
            }
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.length(b"[", items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(map) => self.map(map),
        }
    }

    fn map(&mut self, map: &serde_json::Map<String, Value>) {
        self.length(b"{", map.len());
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort_unstable();
        for key in keys {
            self.text(key);
            self.value(&map[key]);
        }
    }

    fn string(&mut self, text: &str) {
        self.0.push(b's');
        self.text(text);
    }

    fn text(&mut self, text: &str) {
        self.length(b"", text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn length(&mut self, mark: &[u8], length: usize) {
        self.0.extend_from_slice(mark);
        self.0.extend_from_slice(&(length as u64).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(text: &str) -> ContentHash {
        ContentHash::of_prompt(&[Message::text("user", text)], &Params::default())
    }

    fn target(params: Value) -> Target {
        Target {
            label: "m".into(),
            provider: "lab".into(),
            model: "m".into(),
            variant: None,
            params: Arc::new(serde_json::from_value(params).expect("params")),
            dropped: Arc::default(),
            price: None,
            window: None,
            max_output: MostOutput::Unknown,
            fallbacks: Arc::default(),
            fallback_on: FallbackOn::default(),
        }
    }

    #[test]
    fn an_id_reads_back_from_its_hex_digits() {
        let target = ContentHash::of_target(&target(json!({})), 0);
        let id = TaskId::new(&content("hi"), &target, 0, 0);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("x".repeat(32).parse::<TaskId>(), Err(NotATaskId));
        assert_eq!("é".repeat(16).parse::<TaskId>(), Err(NotATaskId));
    }

    #[test]
    fn a_prompt_has_the_hash_that_older_runs_gave_it() {
        let plain = Message::text("user", "hi");
        let mut named = plain.clone();
        named.rest.insert("name".to_owned(), json!(["a", null, true, 1.5]));
        let params: Params =
            serde_json::from_value(json!({"b": 1, "a": {"y": 2, "x": "z"}})).unwrap();
        let hashes = [
            ContentHash::of_prompt(std::slice::from_ref(&plain), &Params::default()),
            ContentHash::of_prompt(&[plain, named], &params),
        ];
        let hex = hashes.map(|hash| format!("{:016x}", hash.short()));
        assert_eq!(hex, ["077f1b809748762e", "ab932b7762e8e942"]);
    }

    #[test]
    fn all_that_is_asked_counts_and_nothing_else() {
        let ab = ContentHash::of_target(&target(json!({"a": 1, "b": {"c": 1, "d": 2}})), 0);
        let ba = ContentHash::of_target(&target(json!({"b": {"d": 2, "c": 1}, "a": 1})), 0);
        assert_eq!(ab, ba);
        let mut relabelled = target(json!({"a": 1, "b": {"c": 1, "d": 2}}));
        relabelled.label = "other".into();
        relabelled.fallbacks =
            [Fallback { target: Arc::new(target(json!({}))), window: None, lane: 1 }].into();
        relabelled.fallback_on = FallbackOn::only(&[]);
        assert_eq!(ab, ContentHash::of_target(&relabelled, 0));

        let ids = [
            TaskId::new(&content("hi"), &ab, 0, 0),
            TaskId::new(&content("ho"), &ab, 0, 0),
            TaskId::new(&content("hi"), &ContentHash::of_target(&target(json!({"a": 2})), 0), 0, 0),
            TaskId::new(&content("hi"), &ContentHash::of_target(&relabelled, 1), 0, 0),
            TaskId::new(&content("hi"), &ab, 1, 0),
            TaskId::new(&content("hi"), &ab, 0, 1),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
