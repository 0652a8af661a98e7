//! Scorers and gates as a job file states them.
//!
//! Scorers that only look at the answer are `eval`'s. Those that ask somebody (a model, a program)
//! name limits, prices and budgets as models do, so they stand here.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::call::duration::DurationText;
use crate::call::gate::{ErrorRule, Per};
use crate::eval::table::ScorerSpec;
use crate::job::file::{BudgetFile, LimitsFile, PriceFile};
use crate::job::file_values::{Named, UsdFile};
use crate::job::params::ParamsTable;

/// A scorer: one kind, and its keys.
#[derive(Debug)]
pub enum ScorerFile {
    /// It looks at the answer.
    Plain(ScorerSpec),
    /// It asks a model what it thinks of the answer.
    Judge(Box<JudgeFile>),
    /// It asks an embedding model how near the answer is to another text.
    Cosine(Box<CosineFile>),
    /// It asks a program.
    Command(CommandFile),
    /// It is of these kinds at once.
    Several(Vec<String>),
    /// It is none that is known, which the check of the job's shape has told.
    Unknown,
}

/// Another model grades the answer.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Judge")]
pub struct JudgeFile {
    /// The model that judges: a name that `model` takes in `[[models]]`, or the label of a model of
    /// this job.
    #[schemars(required, length(min = 1))]
    pub model: Option<String>,
    /// What makes an answer good; a Jinja2 template of the row's columns, in which `output` is the
    /// answer and `input` the last message of the user.
    #[schemars(required, length(min = 1))]
    pub rubric: Option<String>,
    /// An answer to compare with, as a template like `rubric`. The judge then says which of the two
    /// is better: 1 for the model's, 0 for this one, 0.5 for a tie. A row for which it is empty is
    /// not scored.
    pub reference: Option<String>,
    /// The whole message to the judge in place of the built-in one, as a template like `rubric`. It
    /// must ask for JSON such as {"reason": "...", "score": 7}, or {"choice": "..."} with `choices`.
    pub prompt: Option<String>,
    /// A system message for the judge, in place of the built-in one.
    pub system: Option<String>,
    /// The lowest and the highest grade; [1, 10] when left out.
    #[schemars(extend("minItems" = 2, "maxItems" = 2))]
    pub scale: Option<Vec<i64>>,
    /// Grades by name in place of numbers, each with its value from 0 to 1, such as
    /// { good = 1, fair = 0.5, poor = 0 }.
    #[schemars(with = "Option<std::collections::BTreeMap<String, f64>>")]
    pub choices: Option<Named<f64>>,
    /// How often the judge is asked about an answer; the score is the mean. 1 when left out.
    #[schemars(range(min = 1, max = 99))]
    pub votes: Option<u64>,
    /// With `reference`: each vote is asked twice, with the two answers in either order, because
    /// judges favour the first. The score is the mean of both.
    pub swap: Option<bool>,
    /// An answer passes from this value on.
    #[schemars(range(min = 0, max = 1))]
    pub threshold: Option<f64>,
    /// Parameters of the call. Only what stands here is sent.
    #[serde(default)]
    #[schemars(with = "ParamsTable")]
    pub params: Map<String, Value>,
    /// What its tokens cost, over the catalogue's price.
    pub price: Option<PriceFile>,
    /// What this scorer's calls may cost, a share of what the run may.
    pub budget: Option<BudgetFile>,
    /// What the provider allows for this model.
    #[serde(default)]
    pub limits: LimitsFile,
    /// How much it counts in the overall score, against the weights of the other scorers.
    #[schemars(range(min = 0))]
    pub weight: Option<f64>,
    /// The prompt sets whose answers it scores, by name or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub prompts: Option<Vec<String>>,
    /// The models whose answers it scores, by label or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
}

/// How near the answer is to another text: the cosine of their embeddings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cosine")]
pub struct CosineFile {
    /// The embedding model, such as `text-embedding-3-small` or `ollama/nomic-embed-text`.
    #[schemars(required, length(min = 1))]
    pub model: Option<String>,
    /// The text that the answer should be near; a Jinja2 template of the row's columns. A row for
    /// which it is empty is not scored.
    #[schemars(required, length(min = 1))]
    pub value: Option<String>,
    /// An answer passes from this value on.
    #[schemars(range(min = 0, max = 1))]
    pub threshold: Option<f64>,
    /// Parameters of the call, such as `dimensions`. Those of chats are none of an embedding's.
    #[serde(default)]
    #[schemars(with = "ParamsTable")]
    pub params: Map<String, Value>,
    /// What its tokens cost, over the catalogue's price.
    pub price: Option<EmbeddingPriceFile>,
    /// What this scorer's calls may cost, a share of what the run may.
    pub budget: Option<BudgetFile>,
    /// What the provider allows for this model.
    #[serde(default)]
    pub limits: LimitsFile,
    /// How much it counts in the overall score, against the weights of the other scorers.
    #[schemars(range(min = 0))]
    pub weight: Option<f64>,
    /// The prompt sets whose answers it scores, by name or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub prompts: Option<Vec<String>>,
    /// The models whose answers it scores, by label or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
}

/// A price in USD per million tokens: a number, or text such as "0.02". An embedding has no output.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmbeddingPrice")]
pub struct EmbeddingPriceFile {
    /// A million tokens of input.
    #[schemars(required)]
    pub input: Option<UsdFile>,
    /// A million tokens of output, of which there are none; 0 when left out.
    pub output: Option<UsdFile>,
}

impl EmbeddingPriceFile {
    /// As the price of a model that is asked for answers.
    pub fn whole(&self) -> PriceFile {
        let output = self.output.clone().unwrap_or_else(|| UsdFile("0".to_owned()));
        PriceFile { input: self.input.clone(), output: Some(output), ..PriceFile::default() }
    }
}

/// A program of your own says how good the answer is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Command")]
pub struct CommandFile {
    /// The program and its arguments, started without a shell in the job file's folder. It gets the
    /// case as one JSON object on stdin, and answers on stdout with a number from 0 to 1, with
    /// `true` or `false`, or with JSON: {"value": 0.5, "pass": true, "note": "..."}.
    #[schemars(required, length(min = 1))]
    pub command: Option<Vec<String>>,
    /// What was expected, given to the program as `expected`; a Jinja2 template of the row's columns.
    pub value: Option<String>,
    /// How long one answer may take it; 30 seconds when left out.
    #[schemars(with = "Option<DurationText>")]
    pub timeout: Option<String>,
    /// An answer passes from this value on, where the program does not say.
    #[schemars(range(min = 0, max = 1))]
    pub threshold: Option<f64>,
    /// How much it counts in the overall score, against the weights of the other scorers.
    #[schemars(range(min = 0))]
    pub weight: Option<f64>,
    /// The prompt sets whose answers it scores, by name or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub prompts: Option<Vec<String>>,
    /// The models whose answers it scores, by label or by a glob; all of them when left out.
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
}

/// A bound that the run has to keep; one that is not kept makes the exit code 1.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gate")]
pub struct GateFile {
    /// What is measured: the column of a scorer (the mean of its values), `<column>.pass_rate`,
    /// `<column>.flip_rate`, `error_rate`, `latency_p50_ms` (also p90, p95, p99, mean, max),
    /// `ttft_p50_ms`, `cost_usd`, `cost_per_task_usd`, `prompt_tokens`, `completion_tokens` or
    /// `total_tokens`.
    #[schemars(required, length(min = 1))]
    pub metric: Option<String>,
    /// The least that it may be.
    pub min: Option<f64>,
    /// The most that it may be.
    pub max: Option<f64>,
    /// Of whom it is measured: of each `model`, or of the `run` as a whole, which is usual.
    pub per: Option<Per>,
    /// Only these models, by label or by a glob.
    #[schemars(length(min = 1))]
    pub models: Option<Vec<String>>,
    /// Only these prompt sets, by name or by a glob.
    #[schemars(length(min = 1))]
    pub prompts: Option<Vec<String>>,
    /// What tasks that failed count for in scores: `exclude` (nothing, which is usual) or `count`
    /// (a score of 0).
    pub errors: Option<ErrorRule>,
    /// Another run that this one is held against: `pinned` (see `runner baseline`), `previous`,
    /// `latest~3`, or a run folder.
    #[schemars(length(min = 1))]
    pub baseline: Option<String>,
    /// With `baseline`: how far the metric may drop, as a number, or as a share such as "5%".
    pub max_drop: Option<Slack>,
    /// With `baseline`: how far the metric may rise, as a number, or as a share such as "20%".
    pub max_rise: Option<Slack>,
    /// With `baseline`: how sure one must be that it moved further; 0.95 when left out, where the
    /// metric allows for it.
    #[schemars(range(min = 0.5), extend("exclusiveMaximum" = 1))]
    pub confidence: Option<f64>,
}

/// How far a metric may move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slack {
    /// In the metric's unit, or as a share; no number where the text is none, which the check of the
    /// gates tells.
    pub amount: f64,
    /// Whether it is a share.
    pub is_relative: bool,
}

/// Kinds that ask somebody, by the key that states them.
const ASKING: [&str; 3] = ["judge", "cosine", "command"];

impl<'de> Deserialize<'de> for ScorerFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut kinds = Map::<String, Value>::deserialize(deserializer)?;
        if kinds.len() > 1 {
            return Ok(Self::Several(kinds.into_iter().map(|(kind, _)| kind).collect()));
        }
        let asking = ASKING.into_iter().find_map(|kind| Some((kind, kinds.remove(kind)?)));
        let read = match asking {
            None if kinds.is_empty() => Ok(Self::Unknown),
            None => serde_json::from_value(Value::Object(kinds)).map(Self::Plain),
            Some(("judge", judge)) => serde_json::from_value(judge).map(Self::Judge),
            Some(("cosine", cosine)) => serde_json::from_value(cosine).map(Self::Cosine),
            Some((_, command)) => serde_json::from_value(command).map(Self::Command),
        };
        read.map_err(de::Error::custom)
    }
}

impl JsonSchema for ScorerFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scorer".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ScorerSpec::json_schema(generator);
        let asking = [
            generator.subschema_for::<JudgeFile>(),
            generator.subschema_for::<CosineFile>(),
            generator.subschema_for::<CommandFile>(),
        ];
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for (kind, asked) in ASKING.into_iter().zip(asking) {
                properties.insert(kind.to_owned(), asked.to_value());
            }
        }
        schema
    }
}

impl<'de> Deserialize<'de> for Slack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Text(String),
        }

        let text = match Form::deserialize(deserializer)? {
            Form::Number(amount) => return Ok(Self { amount, is_relative: false }),
            Form::Text(text) => text,
        };
        let share = text.trim().strip_suffix('%').and_then(|share| share.trim().parse().ok());
        let share = share.filter(|share: &f64| share.is_finite() && *share >= 0.0);
        Ok(Self { amount: share.unwrap_or(f64::NAN) / 100.0, is_relative: true })
    }
}

impl JsonSchema for Slack {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Slack".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "a number, or a share such as \"5%\"",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%\\s*$" }
            ]
        })
    }
}
