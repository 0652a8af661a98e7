//! Before a run: what its tasks will take and cost, low, likely and high.
//!
//! - *low* is the least that the calls can sensibly cost: their input, and one token of output for
//!   each choice, in the cheaper hours of the day.
//! - *likely* rests, in this order, on the answer that the built-in provider will give, on the
//!   answers of earlier runs ([`history`]), and on what the prompts obviously ask for, within the
//!   stated `max_tokens` ([`output`]).
//! - *high* is passed by no cost that is told: every call at its bound (`call::bound`), answered
//!   twice, as an answer that was billed and is none is asked for once more, and so by each of its
//!   fallbacks; with a schema, once more for each time that a model may be told that its answer does
//!   not fit, every talk at its longest. Calls that break off are asked for again as well; what they cost nobody tells.
//!
//! Tasks are taken one by one and nothing of them is kept, so a plan of millions takes no room.

pub mod cost;
#[cfg_attr(not(feature = "tokenizers"), path = "estimate/unencoded.rs")]
mod encoded;
pub mod history;
pub mod input;
pub mod output;
pub mod picture;
pub mod sums;
pub mod vocabulary;
pub mod weights;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::audit::estimate::cost::Tokens;
use crate::audit::estimate::history::History;
use crate::audit::estimate::input::{Counted, Talk, param_tokens};
use crate::audit::estimate::output::assumed;
use crate::audit::estimate::sums::{Basis, Estimate, Sums};
use crate::audit::estimate::vocabulary::{Text, Vocabulary};
use crate::call::bound::output_at_most;
use crate::call::money::Usd;
use crate::call::request::{Operation, Params, Request};
use crate::call::task::{Target, Task};
use crate::mock::answers::Answers;
use crate::provider::models;

/// The least part of an estimate that the true count is taken to have (the 5th percentile of
/// estimates by weights).
const LEAST: f64 = 0.7;

/// Takes the tasks of a plan, and sums up what they will take.
pub struct Estimator {
    history: History,
    answers: Answers,
    /// How many answers of one model a task may be billed for.
    billed: u64,
    talk: Talk,
    asked: Vec<Asked>,
    /// The place of each target in `asked`, by its address.
    places: HashMap<usize, usize>,
}

/// One who is asked, with what is known of it.
struct Asked {
    target: Arc<Target>,
    vocabulary: Vocabulary,
    /// Whether it thinks before it answers, as far as nobody says otherwise.
    reasons: bool,
    /// The input tokens that the last parameters took.
    params: Option<(Arc<Params>, Counted)>,
    /// What is left of fractions of tokens, so that sums of means come out right.
    left: Left,
    sums: Sums,
}

#[derive(Default)]
struct Left {
    input: f64,
    output: f64,
}

/// What a call is taken to use, and why.
struct Foreseen {
    tokens: Tokens,
    is_exact: bool,
    /// The least input.
    least: u64,
    basis: Basis,
}

impl Estimator {
    /// An estimator for these targets. `answers` are those that the built-in provider was given,
    /// `max_attempts` is how often the job sends a call.
    pub fn new(
        targets: impl IntoIterator<Item = Arc<Target>>,
        history: History,
        answers: Answers,
        max_attempts: u32,
    ) -> Self {
        let asked: Vec<Asked> = targets.into_iter().map(Asked::new).collect();
        let places = asked.iter().enumerate();
        let places = places.map(|(place, asked)| (address(&asked.target), place)).collect();
        let billed = u64::from(max_attempts.clamp(1, 2));
        Self { history, answers, billed, talk: Talk::default(), asked, places }
    }

    /// Takes a task, and gives the likely tokens of the text of its answer. It is quickest where the
    /// targets and repeats of a row follow each other.
    pub fn add(&mut self, task: &Task) -> u64 {
        let Some(place) = self.places.get(&address(&task.target)) else { return 0 };
        let asked = &mut self.asked[*place];
        let foreseen = match asked.vocabulary.text {
            _ if task.request.operation == Operation::Embed => {
                embedding(&task.request, &asked.vocabulary)
            }
            Text::Builtin => builtin(&task.request, &self.answers),
            _ => asked.foresee(task, &mut self.talk, &self.history),
        };
        let Foreseen { tokens, is_exact, least, basis } = foreseen;
        let (request, price) = (&task.request, task.target.price.as_ref());
        let choices = request.params.choices();
        let likely = cost::likely(price, request, tokens);
        let fewest = choices.min(tokens.output);
        let least = Tokens { input: least, output: fewest, ..Tokens::default() };
        let low = cost::cheaply(price, request, least).min(likely);
        let high = cost::at_most(task, self.billed);
        let sums = &mut asked.sums;
        sums.tasks += 1;
        sums.input += tokens.input;
        sums.is_exact &= is_exact;
        sums.output_low += fewest;
        sums.output_likely += tokens.output;
        let most = output_at_most(request, task.target.max_output);
        sums.output_high.add(most.map(|most| most.max(tokens.output)));
        sums.low.add(low);
        sums.likely.add(likely);
        // What comes from outside may be longer than any bound: a prepared answer.
        sums.high.add(high.map(|high| high.max(likely.unwrap_or_default().times(self.billed))));
        sums.rests_on.note(basis);
        tokens.output.saturating_sub(tokens.reasoning) / choices
    }

    /// The sums. No run with a budget costs more than it: the whole no more than `budget`, and what
    /// is asked of a model no more than `cap` says.
    pub fn finish(self, budget: Option<Usd>, cap: impl Fn(&Target) -> Option<Usd>) -> Estimate {
        let sums = self.asked.into_iter().map(|asked| (asked.target, asked.sums));
        Estimate::of(sums, budget, cap)
    }
}

impl Asked {
    fn new(target: Arc<Target>) -> Self {
        let listing = models::find(&target.provider, &target.model);
        let can = listing.and_then(|listing| listing.abilities.has("reasoning")) == Some(true);
        // A Claude thinks only where it is told to.
        let reasons = can && !target.model.contains("claude");
        let vocabulary = Vocabulary::of(&target.provider, &target.model);
        let (params, left, sums) = (None, Left::default(), Sums::default());
        Self { target, vocabulary, reasons, params, left, sums }
    }

    /// What a call will use, by what was answered before or else by what is asked.
    fn foresee(&mut self, task: &Task, talk: &mut Talk, history: &History) -> Foreseen {
        let request = &task.request;
        let counted = self.input(request, talk);
        let known = history.of_task(&task.id);
        let like = history.of(&self.target, &task.prompt);
        let correction = like.and_then(|like| like.correction());
        let input = match (known, correction) {
            (Some((input, _)), _) => input,
            (None, Some(factor)) => whole(counted.tokens as f64 * factor, &mut self.left.input),
            (None, None) => counted.tokens,
        };
        let is_exact = counted.is_exact && input == counted.tokens;
        let is_sure = is_exact || known.is_some();
        let least = if is_sure { input } else { (input as f64 * LEAST) as u64 };
        let most = output_at_most(request, task.target.max_output).unwrap_or(u64::MAX);
        let (output, reasoning, basis) = match (known, like) {
            (Some((_, output)), Some(like)) => {
                (output, part(output, like.reasoning()), Basis::History(like.nth, like.answers))
            }
            (None, Some(like)) => {
                let output = whole(like.mean_output(), &mut self.left.output).min(most);
                (output, part(output, like.reasoning()), Basis::History(like.nth, like.answers))
            }
            (_, None) => {
                let length = assumed(request, self.reasons || is_told_to_think(&request.params));
                let basis = if length.is_cut { Basis::MaxTokens } else { Basis::Assumed };
                (length.output.min(most), length.reasoning, basis)
            }
        };
        let (cached, written) = like.map(|like| like.cached()).unwrap_or_default();
        let (cached, written) = (part(input, cached), part(input, written));
        let tokens = Tokens { input, cached, written, output, reasoning: reasoning.min(output) };
        Foreseen { tokens, is_exact, least, basis }
    }

    fn input(&mut self, request: &Request, talk: &mut Talk) -> Counted {
        let said = talk.count(&request.messages, &self.vocabulary, &self.target.model);
        let known = self.params.as_ref().filter(|(params, _)| Arc::ptr_eq(params, &request.params));
        if let Some((_, counted)) = known {
            return said.plus(*counted);
        }
        let beside = param_tokens(&request.params, &self.vocabulary);
        self.params = Some((Arc::clone(&request.params), beside));
        said.plus(beside)
    }
}

/// What the built-in provider will count, and answer.
fn builtin(request: &Request, answers: &Answers) -> Foreseen {
    let (input, output) = output::builtin(request, answers);
    let tokens = Tokens { input, output, ..Tokens::default() };
    Foreseen { tokens, is_exact: true, least: input, basis: Basis::Builtin }
}

/// What an embedding takes: its text, and nothing around it.
fn embedding(request: &Request, vocabulary: &Vocabulary) -> Foreseen {
    let counted = request.messages.iter().map(|said| vocabulary.tokens(&said.plain_text()));
    let (input, is_exact) = counted
        .fold((0, vocabulary.is_exact), |(all, is_exact), (tokens, is_whole)| {
            (all + tokens, is_exact && is_whole)
        });
    let least = if is_exact { input } else { (input as f64 * LEAST) as u64 };
    let tokens = Tokens { input, ..Tokens::default() };
    Foreseen { tokens, is_exact, least, basis: Basis::None }
}

/// Whether parameters ask for thought.
fn is_told_to_think(params: &Params) -> bool {
    let named = |name: &str| params.get(name).is_some_and(|value| !value.is_null());
    named("reasoning_effort") || params.get("thinking").is_some_and(Value::is_object)
}

fn address(target: &Arc<Target>) -> usize {
    Arc::as_ptr(target) as usize
}

fn part(tokens: u64, share: f64) -> u64 {
    (tokens as f64 * share).round() as u64
}

/// Whole tokens; what is left of them is for the next call.
fn whole(tokens: f64, left: &mut f64) -> u64 {
    let all = tokens + *left;
    *left = all - all.floor();
    all.floor() as u64
}

#[cfg(test)]
mod tests;
