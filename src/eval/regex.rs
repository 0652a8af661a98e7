//! `regex`: the answer matches a pattern.

use regex::{Regex, RegexBuilder};

use crate::call::score::Score;

use super::note::quoted;
use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

/// The most memory that a compiled pattern takes: enough for what people write, and too little for
/// `\w{1000}{1000}` to stop a run.
const LARGEST: usize = 4 << 20;

scorer_spec! {
    /// The answer matches a regular expression. Whitespace around the answer does not count, so
    /// `$` is its last visible character.
    pub struct RegexSpec {
        /// A regular expression as the Rust crate `regex` knows it: like Perl's, without look-around
        /// and backreferences. A Jinja2 template of the row's columns. A row for which it is empty
        /// is not scored.
        #[schemars(length(min = 1))]
        pub pattern: String,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
        /// The whole answer must match, not a part of it.
        #[serde(default)]
        pub full: bool,
    }
}

impl Spec for RegexSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        vec![Text::of("pattern", &self.pattern)]
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let text = Text::of("pattern", &self.pattern);
        text.not_blank()?;
        let build = Build { ignore_case: self.ignore_case, full: self.full };
        let compiled = match text.is_template() {
            true => None,
            false => Some(build.pattern(text.text).map_err(|why| {
                let help = "mend the pattern; in TOML, write it in single quotes, so that `\\d` \
                            needs no second backslash";
                SpecFault::at("pattern", format!("this is no regular expression: {why}"), help)
            })?),
        };
        Ok(Box::new(Matches { build, compiled }))
    }
}

#[derive(Clone, Copy, Debug)]
struct Build {
    ignore_case: bool,
    full: bool,
}

impl Build {
    /// The pattern, or in a few words why it is none.
    fn pattern(self, text: &str) -> Result<Regex, String> {
        let plain = self.compiled(text)?;
        // The pattern is compiled by itself first: `a)(b` is one only between brackets.
        if self.full { self.compiled(&format!(r"\A(?:{text})\z")) } else { Ok(plain) }
    }

    fn compiled(self, text: &str) -> Result<Regex, String> {
        let built = RegexBuilder::new(text)
            .case_insensitive(self.ignore_case)
            .size_limit(LARGEST)
            .dfa_size_limit(LARGEST)
            .build();
        built.map_err(|why| match why {
            regex::Error::CompiledTooBig(_) => "it is too large; repeat less".to_owned(),
            why => {
                // What comes before shows the pattern with a mark below it, on lines of their own.
                let text = why.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })
    }
}

#[derive(Debug)]
struct Matches {
    build: Build,
    /// The pattern, where it is the same for every row.
    compiled: Option<Regex>,
}

impl Scorer for Matches {
    fn score(&self, case: &Case<'_>) -> Score {
        let answer = case.answer.trim();
        let is_match = match &self.compiled {
            Some(pattern) => pattern.is_match(answer),
            None => match self.of_row(case) {
                Ok(pattern) => pattern.is_match(answer),
                Err(score) => return score,
            },
        };
        if is_match { Score::verdict(true) } else { Score::verdict(false).with_note("no match") }
    }
}

impl Matches {
    fn of_row(&self, case: &Case<'_>) -> Result<Regex, Score> {
        let text = spec::expected(case, 0, "pattern")?;
        self.build.pattern(text).map_err(|why| {
            let text = quoted(text);
            let what_to_do = "mend the row, or escape what is no pattern in it";
            Score::broken(format!("`pattern` is {text} for this row: {why}; {what_to_do}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{broken, fault, note, passes, score, skipped};

    #[test]
    fn a_pattern_is_looked_for_anywhere_unless_the_whole_must_match() {
        let spec = json!({"regex": {"pattern": r"\d{2,3}$"}});
        assert!(passes(&spec, "it is 42\n") && !passes(&spec, "it is 42."));
        assert_eq!(note(&spec, "x"), "no match");
        let full = json!({"regex": {"pattern": "a|ab", "full": true}});
        assert!(passes(&full, "ab") && passes(&full, " a ") && !passes(&full, "abc"));
        let loose = json!({"regex": {"pattern": "^ÉCOLE", "ignore_case": true}});
        assert!(passes(&loose, "école"));
    }

    #[test]
    fn a_bad_pattern_is_told_before_anything_is_sent() {
        for (pattern, why) in [
            ("(a", "unclosed group"),
            ("(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
            (r"\w{1000}{1000}", "it is too large; repeat less"),
            ("a)(b", "unopened group"),
        ] {
            let (at, message) = fault(&json!({"regex": {"pattern": pattern, "full": true}}));
            assert_eq!(
                (at.as_str(), message),
                ("pattern", format!("this is no regular expression: {why}"))
            );
        }
    }

    #[test]
    fn a_pattern_of_a_row_is_read_with_the_row() {
        let spec = json!({"regex": {"pattern": "^{{ x }}"}});
        assert_eq!(score(&spec, "abc", &["^ab"]).pass, Some(true));
        assert!(broken(&spec, "abc", &["^(ab"]).contains("`^(ab` for this row: unclosed group"));
        assert!(skipped(&spec, "abc", &[""]).contains("nothing to compare with"));
    }
}
