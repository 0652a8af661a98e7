//! `contains`: the answer holds these texts, or does not.

use crate::call::score::Score;

use super::fold::without_case;
use super::note::all_quoted;
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer holds these texts, or does not. Where several keys are stated, all must hold.
    pub struct ContainsSpec {
        /// The answer holds this text; a Jinja2 template of the row's columns.
        #[schemars(length(min = 1))]
        pub value: Option<String>,
        /// It holds each of these; Jinja2 templates. One that is empty for a row is left out.
        #[schemars(length(min = 1), inner(length(min = 1)))]
        pub all: Option<Vec<String>>,
        /// It holds one of these at least; Jinja2 templates. One that is empty for a row is left
        /// out.
        #[schemars(length(min = 1), inner(length(min = 1)))]
        pub any: Option<Vec<String>>,
        /// It holds none of these; Jinja2 templates. One that is empty for a row is left out.
        #[schemars(length(min = 1), inner(length(min = 1)))]
        pub none: Option<Vec<String>>,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
    }
}

impl Spec for ContainsSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        let mut texts: Vec<Text<'_>> =
            self.value.iter().map(|value| Text::of("value", value)).collect();
        for (name, list) in [("all", &self.all), ("any", &self.any), ("none", &self.none)] {
            texts.extend(Text::all(name, list.as_deref().unwrap_or_default()));
        }
        texts
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let texts = self.texts();
        if texts.is_empty() {
            let help = "state what an answer must hold: `value`, `all`, `any` or `none`";
            return Err(SpecFault::at("", "nothing is looked for", help));
        }
        texts.iter().try_for_each(Text::not_blank)?;
        let count = |list: &Option<Vec<String>>| list.as_ref().map_or(0, Vec::len);
        Ok(Box::new(Contains {
            all: usize::from(self.value.is_some()) + count(&self.all),
            any: count(&self.any),
            ignore_case: self.ignore_case,
        }))
    }
}

/// The first texts must all be there, of the next ones any, and of the rest none.
#[derive(Debug)]
struct Contains {
    all: usize,
    any: usize,
    ignore_case: bool,
}

impl Contains {
    fn folded(&self, text: &str) -> String {
        if self.ignore_case { without_case(text) } else { text.to_owned() }
    }
}

impl Scorer for Contains {
    fn score(&self, case: &Case<'_>) -> Score {
        let Some((all, rest)) = case.texts.split_at_checked(self.all) else {
            return spec::unrendered();
        };
        let (any, none) = rest.split_at(self.any.min(rest.len()));
        // An empty text is in every answer, so looking for it would say nothing.
        let needles = |texts: &'_ [String]| {
            texts.iter().filter(|text| !text.trim().is_empty()).cloned().collect::<Vec<_>>()
        };
        let (all, any, none) = (needles(all), needles(any), needles(none));
        if all.is_empty() && any.is_empty() && none.is_empty() {
            let why = "every text is empty for this row: there is nothing to look for";
            return Score::skipped(why);
        }
        let answer = self.folded(case.answer);
        let has = |text: &&String| answer.contains(&self.folded(text));
        let missing: Vec<&String> = all.iter().filter(|text| !has(text)).collect();
        let present: Vec<&String> = none.iter().filter(has).collect();
        let one_of = any.is_empty() || any.iter().any(|text| has(&text));
        let names = |texts: &[&String]| all_quoted(texts.iter().map(|text| text.as_str()));
        let mut notes = Vec::new();
        if !missing.is_empty() {
            notes.push(format!("does not hold {}", names(&missing)));
        }
        if !one_of {
            let any: Vec<&String> = any.iter().collect();
            notes.push(format!("holds none of {}", names(&any)));
        }
        if !present.is_empty() {
            notes.push(format!("holds {}", names(&present)));
        }
        if notes.is_empty() {
            return Score::verdict(true);
        }
        Score::verdict(false).with_note(notes.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, note, passes, score, skipped};

    #[test]
    fn all_any_and_none_are_told_apart() {
        let spec = json!({"contains": {
            "value": "Paris", "all": ["Seine"], "any": ["France", "Frankreich"], "none": ["London"]
        }});
        assert!(passes(&spec, "Paris (Frankreich) on the Seine"));
        assert_eq!(
            note(&spec, "Paris"),
            "does not hold `Seine`; holds none of `France`, `Frankreich`"
        );
        assert_eq!(note(&spec, "Paris, Seine, France, London"), "holds `London`");
        assert_eq!(note(&spec, "France"), "does not hold `Paris`, `Seine`");
    }

    #[test]
    fn case_counts_unless_it_is_ignored() {
        assert!(!passes(&json!({"contains": {"value": "straße"}}), "STRASSE"));
        assert!(passes(
            &json!({"contains": {"value": "straße", "ignore_case": true}}),
            "STRASSE 1"
        ));
    }

    #[test]
    fn an_empty_text_is_never_found() {
        let any = json!({"contains": {"any": ["{{ a }}", "{{ b }}"]}});
        assert_eq!(score(&any, "x y", &["", "z"]).pass, Some(false));
        assert!(skipped(&any, "x", &["", " "]).contains("nothing to look for"));
        let none = json!({"contains": {"none": ["{{ a }}"]}});
        assert!(skipped(&none, "x", &[""]).contains("nothing to look for"));
        assert_eq!(fault(&json!({"contains": {"any": ["a", ""]}})).0, "any[1]");
        assert_eq!(
            fault(&json!({"contains": {}})),
            (String::new(), "nothing is looked for".into())
        );
    }
}
