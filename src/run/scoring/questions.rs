//! What scorers ask models about the answers of a run: the tasks of the second plan.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::call::request::{Message, Operation, Params, Request};
use crate::call::task::{ContentHash, Task, TaskId};
use crate::job::plan::Plan;
use crate::job::scorers::{Asked, JobScorer, Says};
use crate::run::error::RunError;
use crate::run::lanes::Parts;

use super::answers::{Answer, Answers};

/// Questions about one answer that can be told apart in the order of reports.
const PER_ANSWER: u64 = 1 << 16;

/// One question of a scorer.
pub(super) struct Question {
    /// The lane that it goes through, by its number in the job.
    pub(super) lane: usize,
    /// The task that it is.
    pub(super) task: Task,
}

/// The questions about all answers of a run, in their order.
pub(super) struct Questions {
    plan: Plan,
    scorers: Arc<[JobScorer]>,
    answers: Answers,
    waiting: VecDeque<Question>,
}

impl Questions {
    pub(super) fn new(parts: &Parts<'_>, answers: Answers) -> Self {
        let scorers = parts.job.scorers.clone().into();
        Self { plan: parts.plan.clone(), scorers, answers, waiting: VecDeque::new() }
    }
}

impl Iterator for Questions {
    type Item = Result<Question, RunError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.waiting.is_empty() {
            let answer = match self.answers.next()? {
                Ok(answer) => answer,
                Err(why) => return Some(Err(why)),
            };
            let mut first = 0;
            for scorer in self.scorers.iter() {
                // What cannot be asked is told when the scores are made.
                let asked = asked(&self.plan, scorer, &answer).unwrap_or_default();
                let tasks = asked.into_iter().flat_map(|asked| asked.tasks(scorer, &answer, first));
                self.waiting.extend(tasks);
                first += u64::from(scorer.calls());
            }
        }
        self.waiting.pop_front().map(Ok)
    }
}

/// What one scorer asks about one answer.
pub(super) struct AboutOne<'s> {
    asked: &'s Asked,
    /// What is wanted of whoever is asked.
    operation: Operation,
    /// What is said in each call.
    calls: Vec<Vec<Message>>,
}

/// What a scorer asks about an answer; `None` where it does not score it, or there is nothing to
/// hold it against. The error says why it cannot be asked.
pub(super) fn asked<'s>(
    plan: &Plan,
    scorer: &'s JobScorer,
    answer: &Answer,
) -> Result<Option<AboutOne<'s>>, String> {
    let Some(asked) = scorer.asked() else { return Ok(None) };
    let (set, model) = (&answer.record.prompt, &answer.record.model);
    let Some(range) = scorer.reach.range(set, model) else { return Ok(None) };
    let (input, output) = (answer.input(), answer.answered.text());
    let text = |nth: usize| plan.text_of(&answer.place, range.start + nth, &input, output);
    let says = scorer.says(&input, output, text).map_err(|fault| {
        format!("a template cannot be used with this answer: {}", fault.message)
    })?;
    Ok(says.map(|Says { operation, calls }| AboutOne { asked, operation, calls }))
}

impl AboutOne<'_> {
    /// The names of its calls.
    pub(super) fn ids(&self, answer: &Answer) -> Vec<TaskId> {
        let calls = self.calls.iter().zip(0..);
        calls.map(|(messages, nth)| self.id(messages, nth, answer)).collect()
    }

    fn id(&self, messages: &[Message], nth: u32, answer: &Answer) -> TaskId {
        let content = ContentHash::of_prompt(messages, &Params::default());
        TaskId::of_judgement(&content, &self.asked.hash, nth, answer.record.task)
    }

    /// Its calls, the first of them at this place among all calls about the answer.
    fn tasks(self, scorer: &JobScorer, answer: &Answer, first: u64) -> Vec<Question> {
        let ids = self.ids(answer);
        let Self { asked: Asked { target, lane, .. }, operation, .. } = self;
        let record = &answer.record;
        let begin = answer.place.index * PER_ANSWER + first;
        let calls = self.calls.into_iter().zip(ids).zip(begin..);
        let question = |((messages, id), index)| Question {
            lane: *lane,
            task: Task {
                id,
                index,
                prompt: Arc::clone(&record.prompt),
                row: record.row.clone(),
                repeat: record.repeat,
                target: Arc::clone(target),
                request: Request {
                    operation,
                    model: Arc::clone(&target.model),
                    messages,
                    params: Arc::clone(&target.params),
                },
                dropped: Arc::clone(&target.dropped),
                fallbacks: Arc::default(),
                form: None,
                attempts_before: 0,
                expected: Arc::default(),
                scorer: Some(scorer.head.column.as_str().into()),
            },
        };
        calls.map(question).collect()
    }
}
