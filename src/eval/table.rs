//! Which scorers there are. To add one: a variant here, and its arm in `parts`.

use schemars::Schema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Scorer;
use super::bleu::BleuSpec;
use super::choice::ChoiceSpec;
use super::contains::ContainsSpec;
use super::cost::CostSpec;
use super::equals::EqualsSpec;
use super::json::JsonSpec;
use super::json_path::JsonPathSpec;
use super::latency::LatencySpec;
use super::length::LengthSpec;
use super::levenshtein::LevenshteinSpec;
use super::numeric::NumericSpec;
use super::refusal::RefusalSpec;
use super::regex::RegexSpec;
use super::rouge_l::RougeLSpec;
use super::spec::{Common, Files, Spec, SpecFault, Text};
use super::starts_with::StartsWithSpec;
use super::tool_call::ToolCallSpec;

/// A scorer as a job states it: one kind, and its keys.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Scorer", transform = one_table)]
pub enum ScorerSpec {
    /// The answer is this text.
    Equals(EqualsSpec),
    /// The answer holds these texts, or does not.
    Contains(ContainsSpec),
    /// The answer matches a regular expression.
    Regex(RegexSpec),
    /// The answer begins with this text.
    StartsWith(StartsWithSpec),
    /// The last number of the answer is this number.
    Numeric(NumericSpec),
    /// The answer picks the right one of some choices.
    Choice(ChoiceSpec),
    /// The answer is JSON, of the shape that a JSON Schema states.
    Json(JsonSpec),
    /// A part of the answer's JSON is what was expected.
    JsonPath(JsonPathSpec),
    /// The model calls a tool with the right arguments.
    ToolCall(ToolCallSpec),
    /// Whether the model declines to answer.
    Refusal(RefusalSpec),
    /// How near the answer is to a text, character by character.
    Levenshtein(LevenshteinSpec),
    /// How much of a reference the answer has, in its order.
    RougeL(RougeLSpec),
    /// How many of the answer's runs of up to four words stand in a reference.
    Bleu(BleuSpec),
    /// The answer is neither too short nor too long.
    Length(LengthSpec),
    /// The answer came in time.
    Latency(LatencySpec),
    /// The answer cost no more than it may.
    Cost(CostSpec),
}

impl ScorerSpec {
    fn parts(&self) -> (&'static str, &dyn Spec) {
        match self {
            Self::Equals(spec) => ("equals", spec),
            Self::Contains(spec) => ("contains", spec),
            Self::Regex(spec) => ("regex", spec),
            Self::StartsWith(spec) => ("starts_with", spec),
            Self::Numeric(spec) => ("numeric", spec),
            Self::Choice(spec) => ("choice", spec),
            Self::Json(spec) => ("json", spec),
            Self::JsonPath(spec) => ("json_path", spec),
            Self::ToolCall(spec) => ("tool_call", spec),
            Self::Refusal(spec) => ("refusal", spec),
            Self::Levenshtein(spec) => ("levenshtein", spec),
            Self::RougeL(spec) => ("rouge_l", spec),
            Self::Bleu(spec) => ("bleu", spec),
            Self::Length(spec) => ("length", spec),
            Self::Latency(spec) => ("latency", spec),
            Self::Cost(spec) => ("cost", spec),
        }
    }

    /// The name of the kind, as jobs write it.
    pub fn kind(&self) -> &'static str {
        self.parts().0
    }

    /// The keys that all kinds share.
    pub fn common(&self) -> Common<'_> {
        self.parts().1.common()
    }

    /// Every text that is a template over the columns of a row. Rendered in this order, they are
    /// what `Case::texts` holds.
    pub fn texts(&self) -> Vec<Text<'_>> {
        self.parts().1.texts()
    }

    /// The scorer. Whatever can be checked before a row is known is a fault here: a pattern, a
    /// number or a file that is none.
    pub fn scorer(&self, files: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        self.parts().1.scorer(files)
    }
}

/// Makes one table of the alternatives: a property for each kind, of which exactly one is stated.
/// Editors complete it, and a misspelt kind is told with the nearest one.
fn one_table(schema: &mut Schema) {
    let Some(Value::Array(kinds)) = schema.remove("oneOf") else { return };
    let mut properties = Map::new();
    for mut kind in kinds {
        let about = kind["description"].take();
        let Some(Value::Object(stated)) = kind.get_mut("properties").map(Value::take) else {
            continue;
        };
        for (name, mut table) in stated {
            if let Some(table) = table.as_object_mut() {
                table.insert("description".to_owned(), about.clone());
            }
            properties.insert(name, table);
        }
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.insert("minProperties".to_owned(), json!(1));
    schema.insert("maxProperties".to_owned(), json!(1));
}

#[cfg(test)]
pub(super) mod testing;

#[cfg(test)]
mod tests;
