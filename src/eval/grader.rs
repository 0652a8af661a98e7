//! The pure scorers of a job, and what each of them scores.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use crate::call::completion::{Choice, Completion};
use crate::call::record::{Record, Status};
use crate::call::score::{Score, Scores};

use super::{Case, Scorer};

/// Whose answers a scorer scores, and where its texts stand among those of a prompt set.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Its texts in each prompt set that it scores, by the set's name.
    pub sets: HashMap<Arc<str>, Range<usize>>,
    /// The labels of the models; all when `None`.
    pub models: Option<Vec<Arc<str>>>,
}

impl Reach {
    /// Its texts for an answer of this model to a prompt of this set; `None` where it does not score
    /// that. `expected` are the texts of all scorers of the set.
    pub fn texts<'t>(
        &self,
        set: &str,
        model: &str,
        expected: &'t [String],
    ) -> Option<&'t [String]> {
        self.range(set, model).and_then(|range| expected.get(range))
    }

    /// Where those texts stand.
    pub fn range(&self, set: &str, model: &str) -> Option<Range<usize>> {
        let is_in = |models: &Vec<Arc<str>>| models.iter().any(|label| **label == *model);
        if self.models.as_ref().is_none_or(is_in) { self.sets.get(set).cloned() } else { None }
    }

    /// Whether it scores answers of this model to prompts of this set.
    pub fn covers(&self, set: &str, model: &str) -> bool {
        self.range(set, model).is_some()
    }
}

/// Scores answers as soon as they are there.
#[derive(Clone, Debug, Default)]
pub struct Grader(Vec<Column>);

#[derive(Clone, Debug)]
struct Column {
    name: String,
    scorer: Arc<dyn Scorer>,
    reach: Reach,
}

impl Grader {
    /// Adds a scorer under its column.
    pub fn add(&mut self, name: &str, scorer: Arc<dyn Scorer>, reach: Reach) {
        self.0.push(Column { name: name.to_owned(), scorer, reach });
    }

    /// Whether there is nobody to score.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The scores of a task's answer; none where it failed. `expected` are the texts of all scorers
    /// of its prompt set.
    pub fn grade(&self, record: &Record, expected: &[String]) -> Scores {
        if record.status != Status::Ok || record.scorer.is_some() || self.is_empty() {
            return Scores::new();
        }
        let answered = Answered::of(record);
        let scored = self.0.iter().filter_map(|column| {
            let texts = column.reach.texts(&record.prompt, &record.model, expected)?;
            let score = match &answered {
                Ok(answered) => column.scorer.score(&answered.case(record, texts)),
                Err(why) => Score::broken(why.clone()),
            };
            Some((column.name.clone(), score))
        });
        scored.collect()
    }
}

/// The first choice of an answer, read.
#[derive(Debug, Default)]
pub struct Answered(Choice);

impl Answered {
    /// What a record answers, or why that cannot be read.
    pub fn of(record: &Record) -> Result<Self, String> {
        let body = record.response.as_ref().map_or("{}", |body| body.get());
        let completion: Completion = serde_json::from_str(body)
            .map_err(|why| format!("the answer cannot be read again: {why}"))?;
        Ok(Self(completion.choices.into_iter().next().unwrap_or_default()))
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0.message.content
    }

    /// The tools that it wants called.
    pub fn tool_calls(&self) -> &[Value] {
        &self.0.message.tool_calls
    }

    /// The case of a scorer with these texts.
    pub fn case<'a>(&'a self, record: &'a Record, texts: &'a [String]) -> Case<'a> {
        Case {
            answer: self.text(),
            declined: self.0.message.declined(),
            tool_calls: self.tool_calls(),
            finish_reason: &self.0.finish_reason,
            latency_ms: record.latency_ms,
            ttft_ms: record.ttft_ms,
            cost_usd: record.cost_usd,
            usage: record.usage.as_ref(),
            texts,
        }
    }
}
