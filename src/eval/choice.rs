//! `choice`: the answer picks the right one of some choices, usually letters.

use serde::Deserialize;
use serde::de::Error;
use serde_json::Value;

use crate::call::score::Score;

use super::note::{all_quoted, quoted};
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

mod pick;

use pick::{Pick, Picker};

scorer_spec! {
    /// The answer picks the right choice, whatever it says beside it: `B`, `(B)`, `B. Paris`,
    /// `Answer: **B**`, `\boxed{B}`, `I think the answer is B because A is wrong`. Of several
    /// statements the last one counts; an answer that picks two, or none, fails.
    pub struct ChoiceSpec {
        /// The right choice; a Jinja2 template of the row's columns. A row for which it is empty is
        /// not scored.
        #[schemars(length(min = 1))]
        pub value: String,
        /// The choices: letters such as `ABCD`, or a list of words such as `["yes", "no"]`; the
        /// letters A to J when left out.
        pub choices: Option<Choices>,
    }
}

/// Choices as they were written: the letters of a text, or a list.
#[derive(Clone, Debug)]
pub struct Choices(pub Vec<String>);

impl Choices {
    fn letters(text: &str) -> Self {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        Self(letters.map(|letter| letter.to_string()).collect())
    }
}

impl<'de> Deserialize<'de> for Choices {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(letters) => Ok(Self::letters(&letters)),
            list => serde_json::from_value(list).map(Self).map_err(D::Error::custom),
        }
    }
}

impl schemars::JsonSchema for Choices {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Choices".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "minLength": 2 },
                { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 2 }
            ],
            "examples": ["ABCD"]
        })
    }
}

impl Spec for ChoiceSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("value", &self.value)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let value = Text::of("value", &self.value);
        value.not_blank()?;
        let choices = self.choices.clone().unwrap_or_else(|| Choices::letters("ABCDEFGHIJ")).0;
        let choices: Vec<String> = choices.iter().map(|choice| choice.trim().to_owned()).collect();
        if let Some(why) = unfit(&choices) {
            let help = "state the letters, such as \"ABCD\", or a list, such as [\"yes\", \"no\"]";
            return Err(SpecFault::at("choices", why, help));
        }
        let choice = Choice { picker: Picker::of(&choices), choices };
        if !value.is_template() && choice.named(value.text).is_none() {
            let message = format!("{} is none of the choices", quoted(value.text));
            return Err(SpecFault::at("value", message, choice.help()));
        }
        Ok(Box::new(choice))
    }
}

fn unfit(choices: &[String]) -> Option<String> {
    if choices.len() < 2 {
        return Some("there must be two choices at least".to_owned());
    }
    if choices.iter().any(String::is_empty) {
        return Some("a choice is empty".to_owned());
    }
    let is_twin = |nth: usize| choices[..nth].iter().any(|other| same(other, &choices[nth]));
    let twin = (1..choices.len()).find(|nth| is_twin(*nth));
    twin.map(|nth| format!("{} stands there twice", quoted(&choices[nth])))
}

fn same(one: &str, other: &str) -> bool {
    super::fold::without_case(one) == super::fold::without_case(other)
}

#[derive(Debug)]
struct Choice {
    choices: Vec<String>,
    picker: Picker,
}

impl Choice {
    /// The choice that a text such as `b` or `(B)` names.
    fn named(&self, text: &str) -> Option<usize> {
        let bare = text.trim().trim_matches(['(', ')', '[', ']', '.']);
        self.choices.iter().position(|choice| same(choice, text.trim()) || same(choice, bare))
    }

    fn help(&self) -> String {
        let choices = all_quoted(self.choices.iter().map(String::as_str));
        format!("it can be one of {choices}; `choices` names others")
    }
}

impl Scorer for Choice {
    fn score(&self, case: &Case<'_>) -> Score {
        let value = match spec::expected(case, 0, "value") {
            Ok(value) => value,
            Err(score) => return score,
        };
        let Some(right) = self.named(value) else {
            let value = quoted(value);
            return Score::broken(format!("`value` is {value} for this row: {}", self.help()));
        };
        let name = |nth: usize| quoted(&self.choices[nth]);
        let note = match self.picker.pick(case.answer) {
            Pick::One(picked) if picked == right => return Score::verdict(true),
            Pick::One(picked) => format!("picked {}, expected {}", name(picked), name(right)),
            Pick::Several(all) => {
                let all: Vec<String> = all.into_iter().map(name).collect();
                format!("names {}, so it is not clear which is picked", all.join(" and "))
            }
            Pick::Nothing => "picks none of the choices".to_owned(),
        };
        Score::verdict(false).with_note(note)
    }
}

#[cfg(test)]
mod tests;
