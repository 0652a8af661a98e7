//! `length`: the answer is as long as it may be.

use serde::Deserialize;

use crate::call::score::Score;

use super::spec::{Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer is neither too short nor too long. Whitespace around it does not count.
    pub struct LengthSpec {
        /// How long it must be at the least.
        pub min: Option<u64>,
        /// How long it may be at the most.
        pub max: Option<u64>,
        /// What is counted; `characters` when left out.
        pub unit: Option<LengthUnit>,
    }
}

/// What the length of an answer is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LengthUnit {
    /// Characters as Unicode counts them, spaces too.
    #[default]
    Characters,
    /// Runs of characters with whitespace between.
    Words,
    /// Lines, empty ones too.
    Lines,
}

impl LengthUnit {
    fn count(self, text: &str) -> u64 {
        let text = text.trim();
        let count = match self {
            Self::Characters => text.chars().count(),
            Self::Words => text.split_whitespace().count(),
            Self::Lines => text.lines().count(),
        };
        count as u64
    }

    fn name(self) -> &'static str {
        match self {
            Self::Characters => "character",
            Self::Words => "word",
            Self::Lines => "line",
        }
    }
}

impl Spec for LengthSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        Vec::new()
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        if self.min.is_none() && self.max.is_none() {
            let help = "state the bounds of the length: `min`, `max` or both";
            return Err(SpecFault::at("", "there is no bound", help));
        }
        if let (Some(min), Some(max)) = (self.min, self.max)
            && min > max
        {
            let message = format!("no length is {min} at the least and {max} at the most");
            return Err(SpecFault::at("max", message, "make `max` no smaller than `min`"));
        }
        let (min, max) = (self.min.unwrap_or(0), self.max.unwrap_or(u64::MAX));
        Ok(Box::new(Length { min, max, unit: self.unit.unwrap_or_default() }))
    }
}

#[derive(Debug)]
struct Length {
    min: u64,
    max: u64,
    unit: LengthUnit,
}

impl Scorer for Length {
    fn score(&self, case: &Case<'_>) -> Score {
        let count = self.unit.count(case.answer);
        let plural = if count == 1 { "" } else { "s" };
        let note = format!("{count} {}{plural}", self.unit.name());
        Score::verdict((self.min..=self.max).contains(&count)).with_note(note)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, note, passes};

    #[test]
    fn a_length_is_counted_in_what_was_asked_for() {
        let answer = " Où est-il ?\nIci. \n";
        for (unit, count) in
            [("characters", "16 characters"), ("words", "4 words"), ("lines", "2 lines")]
        {
            let spec = json!({"length": {"max": 4, "unit": unit}});
            assert_eq!(note(&spec, answer), count);
            assert_eq!(passes(&spec, answer), unit != "characters");
        }
        let spec = json!({"length": {"min": 1, "max": 3}});
        assert!(!passes(&spec, " \n") && passes(&spec, "äöü") && !passes(&spec, "äöüß"));
        assert_eq!(note(&spec, "a"), "1 character");
    }

    #[test]
    fn bounds_must_leave_something() {
        assert_eq!(fault(&json!({"length": {}})).1, "there is no bound");
        assert_eq!(fault(&json!({"length": {"min": 3, "max": 2}})).0, "max");
    }
}
