//! The job file as it is written: plain serde, no meaning.
//!
//! The doc comments here are the descriptions of the JSON Schema, which editors show while a job
//! is written; they speak to users. Almost everything is optional to serde: what is missing or of
//! the wrong type is told by `shape.rs`, all of it at once, from that same schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::call::duration::DurationText;
use crate::call::fallback::FallbackCause;
use crate::call::form::OnInvalid;
use crate::job::file_scorers::{GateFile, ScorerFile};
use crate::job::file_values::{HeaderFile, InlineRow, Named, OneOrMany, SchemaFile, UsdFile};
use crate::job::params::{MatrixTable, ParamsTable};
use crate::mock::faults::Faults;
use crate::report::table::ReportSpec;
use crate::store::durability::Durability;

/// A job: prompts, the models that are asked, and how.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Job", rename = "Job")]
pub struct JobFile {
    /// The job's name; its runs are kept under it.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// What the job is for, in a sentence.
    pub description: Option<String>,
    /// How often each prompt is asked of each model; 1 when left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeats: Option<u64>,
    /// Names and values that every record carries, for sums by team, environment and the like.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Parameters for every model, by their OpenAI names. Only what stands here is sent.
    #[serde(default)]
    #[schemars(with = "ParamsTable")]
    pub params: Map<String, Value>,
    /// What to do about a parameter that a provider does not take; `error` when left out.
    pub on_unsupported: Option<OnUnsupported>,
    /// Lists of values of parameters: each model and prompt is asked once for every combination.
    #[schemars(with = "MatrixTable")]
    #[serde(default)]
    pub matrix: Map<String, Value>,
    /// The JSON Schema that every answer must fit: a table, or the path of a JSON file. It is sent
    /// in each provider's form, and every answer is checked.
    pub response_schema: Option<SchemaFile>,
    /// What becomes of an answer that does not fit its schema; `retry` when left out.
    pub on_invalid: Option<OnInvalid>,
    /// With `on_invalid = "retry"`: how often a model is told what does not fit and asked again; 2
    /// when left out. These do not count against `retry.max_attempts`.
    #[schemars(range(min = 1, max = 100))]
    pub invalid_retries: Option<u64>,
    /// The models that are asked; at least one.
    #[schemars(required, length(min = 1))]
    pub models: Option<Vec<ModelFile>>,
    /// Changes to providers of the catalogue, and providers of your own, by name.
    #[serde(default)]
    pub providers: Named<ProviderFile>,
    /// The prompt sets, by name; at least one.
    #[schemars(required, extend("minProperties" = 1))]
    pub prompts: Option<Named<PromptsFile>>,
    /// What says how good each answer is: `[scorers.<column>.<kind>]`; reports show it in a column of
    /// that name.
    #[serde(default)]
    pub scorers: Named<ScorerFile>,
    /// Bounds that the run has to keep; the exit code is 1 where one is not kept.
    #[serde(default)]
    pub gates: Vec<GateFile>,
    /// What holds for the run as a whole, and for each attempt.
    #[serde(default)]
    pub limits: RunLimitsFile,
    /// How often an attempt that failed is made again, and when.
    #[serde(default)]
    pub retry: RetryFile,
    /// What the run may spend.
    #[serde(default)]
    pub budget: BudgetFile,
    /// A first share of every model's tasks is run first; the run stops with exit code 4 before the
    /// rest is sent when too many of them fail. The table alone, `[canary]`, turns it on.
    pub canary: Option<CanaryFile>,
    /// Where the run folders go, and which reports are written.
    #[serde(default)]
    pub output: OutputFile,
}

/// What to do about a parameter that a provider does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnUnsupported {
    /// It is a fault of the job, found before anything is sent.
    #[default]
    Error,
    /// It is left out; every row says so.
    Drop,
    /// The same, and a warning is logged.
    Warn,
}

/// One model that is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Model")]
pub struct ModelFile {
    /// `provider/name`, or a well-known bare name such as `gpt-4o-mini`. The first slash splits.
    #[schemars(required, length(min = 1))]
    pub model: Option<String>,
    /// How reports name it; the model's name when left out.
    #[schemars(length(min = 1))]
    pub label: Option<String>,
    /// Parameters for this model, over those of `[params]`.
    #[serde(default)]
    #[schemars(with = "ParamsTable")]
    pub params: Map<String, Value>,
    /// What to do about a parameter that this model does not take, over the job's.
    pub on_unsupported: Option<OnUnsupported>,
    /// The prompt sets it gets; all of them when left out.
    #[schemars(length(min = 1))]
    pub prompts: Option<Vec<String>>,
    /// Who is asked the same when this model cannot answer, in this order: other models of this
    /// job by `label` or `model`, or any model by a name that `model` takes. Parameters that one of
    /// them does not take follow `on_unsupported`.
    #[schemars(length(min = 1))]
    pub fallbacks: Option<Vec<String>>,
    /// For which failures the fallbacks are asked; for all of these when left out.
    #[schemars(length(min = 1))]
    pub on: Option<Vec<FallbackCause>>,
    /// What its tokens cost, over the catalogue's price.
    pub price: Option<PriceFile>,
    /// What the tasks of this model may cost, those of its fallbacks included.
    pub budget: Option<BudgetFile>,
    /// What the provider allows for this model.
    #[serde(default)]
    pub limits: LimitsFile,
}

impl ModelFile {
    /// How reports name it; `None` where neither label nor model is stated, which is a fault.
    pub fn name(&self) -> Option<&str> {
        self.label.as_deref().or(self.model.as_deref())
    }
}

/// A price in USD per million tokens: a number, or text such as "0.0375".
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Price")]
pub struct PriceFile {
    /// A million tokens of input.
    #[schemars(required)]
    pub input: Option<UsdFile>,
    /// A million tokens of output.
    #[schemars(required)]
    pub output: Option<UsdFile>,
    /// A million tokens of input that were read from a cache; the input's price when left out.
    pub cache_read: Option<UsdFile>,
    /// A million tokens of input that were written to a cache; the input's price when left out.
    pub cache_write: Option<UsdFile>,
    /// A million tokens of input that were written to a cache for an hour; the price of
    /// `cache_write` when left out.
    pub cache_write_1h: Option<UsdFile>,
    /// A million tokens of reasoning; the output's price when left out.
    pub reasoning: Option<UsdFile>,
}

/// What a provider or a model allows. What is left out is not limited.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct LimitsFile {
    /// Requests per minute.
    #[schemars(range(min = 1))]
    pub rpm: Option<u64>,
    /// Requests per second; may be a fraction, one in a day at the least.
    #[schemars(range(min = 0.00001))]
    pub rps: Option<f64>,
    /// Requests per day.
    #[schemars(range(min = 1))]
    pub rpd: Option<u64>,
    /// Tokens per minute, input and output together.
    #[schemars(range(min = 1))]
    pub tpm: Option<u64>,
    /// Input tokens per minute.
    #[schemars(range(min = 1))]
    pub itpm: Option<u64>,
    /// Output tokens per minute.
    #[schemars(range(min = 1))]
    pub otpm: Option<u64>,
    /// The most calls in flight at once; when left out, the runner finds out how many the provider
    /// takes.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrency: Option<u64>,
}

/// A provider of the catalogue, changed, or one of your own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Provider")]
pub struct ProviderFile {
    /// The tongue it speaks; `openai` for all that mimic OpenAI.
    pub dialect: Option<String>,
    /// Where it is, up to what the dialect adds: `https://host/v1`.
    pub base_url: Option<String>,
    /// Where its key is found. The key itself never stands in a job file.
    pub api_key: Option<KeyFile>,
    /// The header that carries the key, such as `x-api-key`; `authorization: Bearer` for most when
    /// left out.
    #[schemars(length(min = 1))]
    pub key_header: Option<String>,
    /// Headers that go with every request: text, or `{ env = "NAME" }` for what is secret.
    #[serde(default)]
    pub headers: Named<HeaderFile>,
    /// Parameters that it knows by another name: `{ max_tokens = "max_new_tokens" }`.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Parameters that it does not take; `on_unsupported` says what happens to them.
    #[serde(default)]
    pub unsupported: Vec<String>,
    /// The version of its API, where its address or a header names one.
    #[schemars(length(min = 1))]
    pub api_version: Option<String>,
    /// The region that answers.
    #[schemars(length(min = 1))]
    pub region: Option<String>,
    /// The project that is billed.
    #[schemars(length(min = 1))]
    pub project: Option<String>,
    /// The location that answers.
    #[schemars(length(min = 1))]
    pub location: Option<String>,
    /// The account that is billed.
    #[schemars(length(min = 1))]
    pub account: Option<String>,
    /// What calls to it may cost.
    pub budget: Option<BudgetFile>,
    /// What it allows; `[providers.mock]`: what the built-in provider enforces.
    #[serde(default)]
    pub limits: LimitsFile,
    /// `[providers.mock]` only: how long an answer takes, as the median.
    #[schemars(with = "Option<DurationText>")]
    pub latency: Option<String>,
    /// `[providers.mock]` only: which share of the calls goes wrong.
    pub faults: Option<Faults>,
    /// `[providers.mock]` only: the wait it asks for with status 429; one second when left out.
    #[schemars(with = "Option<DurationText>")]
    pub retry_after: Option<String>,
    /// `[providers.mock]` only: a file of prompts and their answers.
    #[schemars(length(min = 1))]
    pub answers: Option<String>,
    /// `[providers.mock]` only: another number makes other calls slow and faulty.
    pub seed: Option<u64>,
}

/// Where a key is found: one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ApiKey", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct KeyFile {
    /// A variable of the environment, or several: the first that is set.
    pub env: Option<OneOrMany>,
    /// A file that holds the key and nothing else.
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// A program and its arguments; what it prints is the key. No shell is involved.
    #[schemars(length(min = 1))]
    pub command: Option<Vec<String>>,
}

/// A prompt set: rows, from a `file` or `inline`, and what is made of each.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Prompts")]
pub struct PromptsFile {
    /// A csv, tsv, jsonl, json, toml or txt file (a prompt a line), a folder or glob of text files
    /// (a prompt each), or `-` for standard input.
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// The rows themselves: text, or tables of columns.
    #[schemars(length(min = 1), with = "Option<Vec<InlineRow>>")]
    pub inline: Option<Vec<Value>>,
    /// The format of `file`, where its name does not tell.
    pub format: Option<FormatFile>,
    /// A system message for every row; a Jinja2 template of the row's columns.
    pub system: Option<String>,
    /// The user's message; a Jinja2 template of the row's columns, such as `{{ question }}`. When
    /// left out, the column `messages` or `prompt` is what is asked.
    pub user: Option<String>,
    /// A picture that goes with the user's message: a path from the job file's folder, or a URL; a
    /// Jinja2 template of the row's columns, such as `{{ picture }}`. A row for which it is empty
    /// has none.
    pub image: Option<String>,
    /// The column that names a row in reports; the row's number when left out.
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// The JSON Schema that answers to this set must fit, over the job's.
    pub response_schema: Option<SchemaFile>,
    /// What becomes of an answer that does not fit it, over the job's.
    pub on_invalid: Option<OnInvalid>,
    /// How often a model is told what does not fit and asked again, over the job's.
    #[schemars(range(min = 1, max = 100))]
    pub invalid_retries: Option<u64>,
}

/// The format of a prompt file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Format")]
pub enum FormatFile {
    /// Values separated by commas, with a header line.
    Csv,
    /// Values separated by tabs, with a header line.
    Tsv,
    /// A JSON object a line.
    Jsonl,
    /// One JSON array, or an object that holds one.
    Json,
    /// One array of tables.
    Toml,
    /// A prompt a line.
    Txt,
}

/// What holds for the run as a whole, and for each attempt.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RunLimits")]
pub struct RunLimitsFile {
    /// The most calls in flight over all providers; when left out, each model's lane finds its own
    /// width.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrency: Option<u64>,
    /// How long one attempt may take; ten minutes when left out.
    #[schemars(with = "Option<DurationText>")]
    pub timeout: Option<String>,
    /// How long making a connection may take; ten seconds when left out.
    #[schemars(with = "Option<DurationText>")]
    pub connect_timeout: Option<String>,
    /// How long the first byte of an answer may take.
    #[schemars(with = "Option<DurationText>")]
    pub first_byte_timeout: Option<String>,
    /// How long nothing may come in the middle of an answer.
    #[schemars(with = "Option<DurationText>")]
    pub idle_timeout: Option<String>,
    /// The most bytes of one answer, whole or streamed; 67108864 (64 MiB) when left out. A longer
    /// one is given up where it passes this, and not asked for again.
    #[schemars(range(min = 1024, max = 1_073_741_824))]
    pub max_response_bytes: Option<u64>,
    /// How long one task may take with all its attempts and waits, from its first send.
    #[schemars(with = "Option<DurationText>")]
    pub task_timeout: Option<String>,
    /// How long the run may take: then it stops with exit code 4, and `--resume` goes on, with the
    /// whole time anew.
    #[schemars(with = "Option<DurationText>")]
    pub deadline: Option<String>,
}

/// How often an attempt that failed is made again, and when.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retry")]
pub struct RetryFile {
    /// Attempts in all, the first included.
    #[schemars(range(min = 1, max = 1000))]
    pub max_attempts: Option<u64>,
    /// The longest first wait; it doubles with each attempt.
    #[schemars(with = "Option<DurationText>")]
    pub initial: Option<String>,
    /// The longest wait. What a provider asks for may be longer.
    #[schemars(with = "Option<DurationText>")]
    pub max: Option<String>,
    /// While a provider is in a storm of failures (status 5xx, timeouts, broken connections),
    /// retries may be at most this share of the calls to it; 0.1 when left out.
    #[schemars(range(min = 0, max = 10))]
    pub budget: Option<f64>,
    /// How long a provider may be away, every call failing, before the rest of its tasks are
    /// skipped; `--resume` takes them up. Three minutes when left out.
    #[schemars(with = "Option<DurationText>")]
    pub max_outage: Option<String>,
}

/// What may be spent. It is never passed: the most that a call can cost is held back before the
/// call is sent. When what is left is too little for the next call, the run stops with exit code 4,
/// and `--resume` with a larger budget goes on. Every model needs a known price then.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Budget")]
pub struct BudgetFile {
    /// USD, over all sessions of a run: a number, or text such as "2.50".
    #[schemars(with = "Option<UsdFile>")]
    pub max_usd: Option<UsdFile>,
}

/// A first share of every model's tasks, which is run before the rest.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Canary")]
pub struct CanaryFile {
    /// Which share of every model's tasks is run first, one task at the least; 0.02 when left out.
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub share: Option<f64>,
    /// The run stops when more than this share of any model's first tasks fail; 0.1 when left out.
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    pub max_error_rate: Option<f64>,
}

/// Where the run folders go, and which reports are written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Output")]
pub struct OutputFile {
    /// The folder of all runs, from the job file's folder; `runs` when left out.
    #[schemars(length(min = 1))]
    pub dir: Option<String>,
    /// The reports that are written; all of them when left out.
    pub reports: Option<Vec<ReportSpec>>,
    /// What an answer that counts as done survives: the death of the process, which is usual, or that
    /// of the machine too, as when the power goes.
    pub durability: Option<Durability>,
}
