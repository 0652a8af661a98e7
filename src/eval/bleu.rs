//! `bleu`: how many of the answer's runs of up to four words stand in a reference.

use std::collections::HashMap;

use serde::Deserialize;

use crate::call::score::Score;

use super::spec::{self, Files, Spec, SpecFault, Text, scorer_spec};
use super::tokens::{self, Numbers};
use super::{Case, Scorer};

/// The longest run of words that counts.
const LONGEST: usize = 4;

scorer_spec! {
    /// The share of the answer's runs of one to four words that stand in a reference, less where
    /// the answer is shorter: `sentence_bleu` of the Python package `sacrebleu`, over 100. It is
    /// made for translations; means over many answers say more than one value.
    pub struct BleuSpec {
        /// The reference; a Jinja2 template of the row's columns. A row without any is not scored.
        #[schemars(length(min = 1))]
        pub value: Option<String>,
        /// Several references, of which each run of words may come from any; Jinja2 templates. One
        /// that is empty for a row is left out.
        #[schemars(length(min = 1), inner(length(min = 1)))]
        pub values: Option<Vec<String>>,
        /// How the texts are cut into words; `13a` when left out.
        pub tokenize: Option<Tokenize>,
        /// What a run of words is worth that stands in no reference; `exp` when left out.
        pub smooth: Option<Smooth>,
        /// Upper and lower case are the same.
        #[serde(default)]
        pub ignore_case: bool,
        /// From which value on an answer passes; without it, answers are graded only.
        #[schemars(range(min = 0, max = 1))]
        pub threshold: Option<f64>,
    }
}

/// How texts are cut into words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
pub enum Tokenize {
    /// At spaces and punctuation, as conferences on translation do.
    #[default]
    #[serde(rename = "13a")]
    Mteval13a,
    /// At spaces alone, for texts that are cut already.
    #[serde(rename = "none")]
    Spaces,
    /// Each character by itself, for scripts without spaces such as Chinese and Japanese.
    #[serde(rename = "char")]
    Characters,
}

/// What a run of words is worth that stands in no reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Smooth {
    /// Half as much for each length of run without any match.
    #[default]
    Exp,
    /// A tenth of a match.
    Floor,
    /// One match more for each length from two on, whether there are any or not.
    AddK,
    /// Nothing: an answer without four words in a row of a reference has the value 0.
    None,
}

impl Spec for BleuSpec {
    fn texts(&self) -> Vec<Text<'_>> {
        let one = self.value.iter().map(|value| Text::of("value", value));
        one.chain(Text::all("values", self.values.as_deref().unwrap_or_default())).collect()
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        let texts = self.texts();
        if texts.is_empty() {
            let help = "state the reference, `value`, or several, `values`";
            return Err(SpecFault::at("", "there is no reference", help));
        }
        texts.iter().try_for_each(Text::not_blank)?;
        Ok(Box::new(Bleu {
            tokenize: self.tokenize.unwrap_or_default(),
            smooth: self.smooth.unwrap_or_default(),
            ignore_case: self.ignore_case,
            threshold: self.threshold,
        }))
    }
}

#[derive(Debug)]
struct Bleu {
    tokenize: Tokenize,
    smooth: Smooth,
    ignore_case: bool,
    threshold: Option<f64>,
}

impl Scorer for Bleu {
    fn score(&self, case: &Case<'_>) -> Score {
        if let Err(score) = spec::rendered(case, 0) {
            return score;
        }
        let references: Vec<&str> =
            case.texts.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
        if references.is_empty() {
            return spec::nothing_expected("value");
        }
        spec::graded(self.value(case.answer, &references), self.threshold)
    }
}

impl Bleu {
    fn value(&self, answer: &str, references: &[&str]) -> f64 {
        let cut = |text: &str| match self.ignore_case {
            true => tokens::cut(&text.to_lowercase(), self.tokenize),
            false => tokens::cut(text, self.tokenize),
        };
        let answer = cut(answer);
        let references: Vec<String> = references.iter().map(|text| cut(text)).collect();
        let mut numbers = Numbers::default();
        let mut numbered = |text| numbers.of(tokens::words(text));
        let (answer, references) =
            (numbered(&answer), references.iter().map(|text| numbered(text)).collect::<Vec<_>>());
        Counts::of(&answer, &references).bleu(self.smooth)
    }
}

type Runs<'t> = HashMap<&'t [u32], usize>;

fn runs(words: &[u32]) -> Runs<'_> {
    let mut runs = Runs::new();
    for length in 1..=LONGEST {
        words.windows(length).for_each(|run| *runs.entry(run).or_default() += 1);
    }
    runs
}

/// What BLEU is reckoned from, by the length of the runs.
#[derive(Debug)]
struct Counts {
    found: [usize; LONGEST],
    all: [usize; LONGEST],
    answer: usize,
    /// The length of the reference that is nearest to the answer's.
    reference: usize,
}

impl Counts {
    fn of(answer: &[u32], references: &[Vec<u32>]) -> Self {
        let mut allowed = Runs::new();
        for words in references {
            for (run, count) in runs(words) {
                let most = allowed.entry(run).or_default();
                *most = count.max(*most);
            }
        }
        let (mut found, mut all) = ([0; LONGEST], [0; LONGEST]);
        for (run, count) in runs(answer) {
            all[run.len() - 1] += count;
            found[run.len() - 1] += count.min(allowed.get(run).copied().unwrap_or(0));
        }
        let lengths = references.iter().map(Vec::len);
        let nearest = lengths.min_by_key(|length| (length.abs_diff(answer.len()), *length));
        Self { found, all, answer: answer.len(), reference: nearest.unwrap_or(0) }
    }

    /// From 0 to 1; runs longer than the answer do not count, the "effective order".
    fn bleu(&self, smooth: Smooth) -> f64 {
        if self.found.iter().all(|found| *found == 0) {
            return 0.0;
        }
        let mut logarithms = 0.0;
        let mut order = 0;
        let mut halves = 1.0;
        for (nth, (found, all)) in self.found.iter().zip(self.all).enumerate() {
            let more = if smooth == Smooth::AddK && nth > 0 { 1.0 } else { 0.0 };
            let (found, all) = (*found as f64 + more, all as f64 + more);
            if all == 0.0 {
                break;
            }
            order += 1;
            let worth = match smooth {
                _ if found > 0.0 => found,
                Smooth::Exp => {
                    halves *= 2.0;
                    1.0 / halves
                }
                Smooth::Floor => 0.1,
                Smooth::AddK | Smooth::None => return 0.0,
            };
            logarithms += f64::ln(worth / all);
        }
        let shortness = match self.answer < self.reference {
            true => f64::exp(1.0 - self.reference as f64 / self.answer as f64),
            false => 1.0,
        };
        shortness * f64::exp(logarithms / f64::from(order))
    }
}

#[cfg(test)]
mod tests;
