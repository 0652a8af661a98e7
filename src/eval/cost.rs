//! `cost`: the answer cost no more than it may.

use crate::call::money::Usd;
use crate::call::score::Score;

use super::numeric::NumberText;
use super::spec::{Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer cost no more than this. An answer whose cost is not known is not scored.
    pub struct CostSpec {
        /// The most it may cost, in USD: a number, or text such as "0.0025".
        #[schemars(with = "AmountText")]
        pub max_usd: NumberText,
    }
}

/// The schema of an amount.
struct AmountText;

impl schemars::JsonSchema for AmountText {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AmountUsd".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$" }
            ],
            "examples": ["0.0025"]
        })
    }
}

impl Spec for CostSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        Vec::new()
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let text = self.max_usd.0.trim();
        let fault = |why: String| {
            let help = "state an amount in USD, such as 0.01 or \"0.0025\"";
            SpecFault::at("max_usd", format!("`{text}` {why}"), help)
        };
        let max: Usd =
            text.parse().map_err(|why: crate::call::money::UsdError| fault(why.to_string()))?;
        if max < Usd::ZERO {
            return Err(fault("is below zero".to_owned()));
        }
        Ok(Box::new(Cost { max }))
    }
}

#[derive(Debug)]
struct Cost {
    max: Usd,
}

impl Scorer for Cost {
    fn score(&self, case: &Case<'_>) -> Score {
        match case.cost_usd {
            None => Score::skipped("what it cost is not known; state the model's `price`"),
            Some(cost) => Score::verdict(cost <= self.max).with_note(format!("cost ${cost}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, score_case};
    use super::*;
    use crate::call::score::ScoreState;

    #[test]
    fn an_unknown_cost_is_never_zero() {
        let spec = json!({"cost": {"max_usd": "0.0025"}});
        let of = |usd: Option<&str>| {
            let cost_usd = usd.map(|usd| usd.parse().expect("an amount"));
            score_case(&spec, &Case { cost_usd, ..Case::default() })
        };
        assert_eq!(of(Some("0.0025")), Score::verdict(true).with_note("cost $0.0025"));
        assert_eq!(of(Some("0.002500000001")).pass, Some(false));
        assert_eq!(of(None).state, ScoreState::Skipped);
    }

    #[test]
    fn an_amount_is_one() {
        let fault = |max: serde_json::Value| fault(&json!({"cost": {"max_usd": max}}));
        assert_eq!(
            fault(json!("a cent")),
            ("max_usd".into(), "`a cent` is not a decimal number".into())
        );
        assert_eq!(fault(json!(-1)).1, "`-1` is below zero");
    }
}
