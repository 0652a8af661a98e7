//! What the scorers of a plan will ask models about its answers: how many calls, and what they are
//! likely to cost. The answers are not there yet, so each is taken to be as long as is likely.

use std::sync::Arc;

use crate::audit::estimate::Estimator;
use crate::audit::estimate::history::History;
use crate::audit::estimate::sums::Sums;
use crate::call::money::Usd;
use crate::call::request::{Message, Request};
use crate::call::task::{Target, Task};
use crate::job::Job;
use crate::job::cases::Place;
use crate::job::forecast::{AtLimits, Load};
use crate::job::plan::Plan;
use crate::job::scorers::{JobScorer, Says};
use crate::mock::answers::Answers;

/// After so many answers the other calls of a scorer are taken to be like those so far.
const LOOKED_AT: u64 = 1_000;

/// A word that is one token in most vocabularies, and as long as a token is on average.
const TOKEN: &str = " the";

/// The questions of scorers, as the plan goes by.
pub(super) struct Questions<'j> {
    plan: &'j Plan,
    asking: Vec<Asking<'j>>,
    estimator: Estimator,
}

/// A scorer that asks a model.
struct Asking<'j> {
    scorer: &'j JobScorer,
    target: &'j Arc<Target>,
    lane: usize,
    /// The answers that it scores, at most.
    answers: u64,
}

/// What a scorer will ask.
#[derive(Debug)]
pub(super) struct Asks {
    /// Its column.
    pub(super) column: String,
    /// Its kind.
    pub(super) kind: String,
    /// Whom it asks.
    pub(super) target: Arc<Target>,
    /// What its calls will take, where every task has an answer.
    pub(super) sums: Sums,
    /// How long they take.
    pub(super) at: AtLimits,
}

impl<'j> Questions<'j> {
    pub(super) fn new(job: &'j Job, plan: &'j Plan) -> Self {
        let asking = |scorer: &'j JobScorer| {
            let asked = scorer.asked()?;
            Some(Asking { scorer, target: &asked.target, lane: asked.lane, answers: 0 })
        };
        let asking: Vec<Asking<'j>> = job.scorers.iter().filter_map(asking).collect();
        let targets = asking.iter().map(|asking| Arc::clone(asking.target));
        // What judges answered in earlier runs is not told apart by what they were asked.
        let (history, answers) = (History::default(), Answers::default());
        let estimator = Estimator::new(targets, history, answers, job.retry.max_attempts);
        Self { plan, asking, estimator }
    }

    /// Whether nobody asks anything.
    pub(super) fn are_none(&self) -> bool {
        self.asking.is_empty()
    }

    /// Takes a task, whose answer likely has so many tokens.
    pub(super) fn add(&mut self, task: &Task, place: &Place, tokens: u64) {
        for asking in &mut self.asking {
            let Some(range) = asking.scorer.reach.range(&task.prompt, &task.target.label) else {
                continue;
            };
            asking.answers += 1;
            if asking.answers > LOOKED_AT {
                continue;
            }
            let input = asked(task);
            let output = TOKEN.repeat(usize::try_from(tokens.max(1)).unwrap_or(usize::MAX));
            let text = |nth: usize| self.plan.text_of(place, range.start + nth, &input, &output);
            // A template that cannot be used with this stand-in may be used with the answer.
            let Ok(Some(says)) = asking.scorer.says(&input, &output, text) else { continue };
            for call in calls(task, asking.target, says) {
                self.estimator.add(&call);
            }
        }
    }

    /// What each of them will ask.
    pub(super) fn finish(self) -> Vec<Asks> {
        let estimate = self.estimator.finish(None, |_| None);
        let sums = self.asking.iter().zip(estimate.targets).map(|(asking, (_, sums))| {
            let looked_at = asking.answers.clamp(1, LOOKED_AT);
            // Rows without a text to compare with are not asked about.
            let calls = u128::from(sums.tasks) * u128::from(asking.answers) / u128::from(looked_at);
            Sums { is_exact: false, ..sums.scaled_to(u64::try_from(calls).unwrap_or(u64::MAX)) }
        });
        let sums: Vec<Sums> = sums.collect();
        let load = |(asking, sums): (&Asking<'_>, &Sums)| {
            let load = Load { requests: sums.tasks, input: sums.input, output: sums.output_likely };
            (asking.lane, load)
        };
        let loads: Vec<(usize, Load)> = self.asking.iter().zip(&sums).map(load).collect();
        let at = self.plan.lanes_at_limits(&loads);
        let asks = self.asking.iter().zip(sums).zip(at).map(|((asking, sums), at)| Asks {
            column: asking.scorer.head.column.clone(),
            kind: asking.scorer.head.kind.clone(),
            target: Arc::clone(asking.target),
            sums,
            at,
        });
        asks.collect()
    }
}

/// The last thing that the user says.
fn asked(task: &Task) -> String {
    let messages = &task.request.messages;
    let said = messages.iter().rev().find(|message| message.role == "user");
    said.or(messages.last()).map(Message::plain_text).unwrap_or_default()
}

/// The calls about one answer.
fn calls(task: &Task, target: &Arc<Target>, says: Says) -> impl Iterator<Item = Task> {
    let Says { operation, calls } = says;
    calls.into_iter().map(move |messages| Task {
        target: Arc::clone(target),
        request: Request {
            operation,
            model: Arc::clone(&target.model),
            messages,
            params: Arc::clone(&target.params),
        },
        fallbacks: Arc::default(),
        ..task.clone()
    })
}

/// The likely cost of these, and how many calls it lacks.
pub(super) fn cost(asks: &[Asks]) -> (Option<Usd>, u64) {
    let known = asks.iter().filter_map(|asks| asks.sums.likely.known());
    let unpriced = asks.iter().map(|asks| asks.sums.likely.unknown).sum();
    let is_known = asks.iter().any(|asks| asks.sums.likely.known().is_some());
    (is_known.then(|| known.sum()), unpriced)
}
