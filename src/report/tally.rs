//! Adds up rows to a [`Summary`], in memory that does not grow with their number.

use std::collections::{BTreeMap, HashMap};

use crate::call::failure::FailureKind;
use crate::call::money::CostStatus;
use crate::call::record::Status;
use crate::call::score::ScorerHead;
use crate::store::damage::Damages;
use crate::store::manifest::{Manifest, Session};

use super::gates::GateBook;
use super::histogram::Histogram;
use super::pace;
use super::scores::{ScoreBook, overall};
use super::summary::{
    ErrorSummary, Latency, MadeFrom, ModelSummary, PromptSummary, ProviderSummary, ScorerSummary,
    Spread, Summary, TokenTotals, Totals, VERSION, model_name,
};
use super::sums::{Money, TokenSums};
use super::{Attempt, Row};

/// The most characters of a message that serves as an example.
const EXAMPLE: usize = 200;

/// The sums so far.
#[derive(Debug, Default)]
pub struct Tally {
    scorers: Vec<ScorerHead>,
    scores: ScoreBook,
    gates: GateBook,
    /// The calls of scorers.
    calls: Groups<String>,
    job: Option<String>,
    all: Count,
    errors: BTreeMap<FailureKind, ErrorCount>,
    models: Groups<ModelHead>,
    prompts: Groups<String>,
    providers: Groups<String>,
}

#[derive(Debug)]
struct ModelHead {
    model: String,
    variant: Option<String>,
    provider: String,
    model_used: String,
}

#[derive(Debug, Default)]
struct ErrorCount {
    tasks: u64,
    attempts: u64,
    example: String,
}

impl Tally {
    /// The tally of a run with these scorers and gates.
    pub fn new(manifest: Option<&Manifest>) -> Self {
        let scorers = manifest.map(|manifest| &*manifest.scorers).unwrap_or_default();
        let gates = manifest.map(|manifest| &*manifest.gates).unwrap_or_default();
        Self {
            scorers: scorers.to_vec(),
            scores: ScoreBook::new(scorers),
            gates: GateBook::new(gates),
            ..Self::default()
        }
    }

    /// Counts a row.
    pub fn add(&mut self, row: &Row<'_>) {
        let record = &row.record;
        self.job.get_or_insert_with(|| record.job.clone().into_owned());
        self.gates.add(row);
        match &record.scorer {
            None => self.task(row),
            Some(scorer) => {
                let calls = self.calls.of(&[scorer], || scorer.to_string());
                calls.row(row);
                for count in [&mut self.all, calls] {
                    row.attempts.iter().for_each(|attempt| count.attempt(attempt));
                }
            }
        }
        self.provider(row);
    }

    /// Counts a task of the job, for its model and its prompt set.
    fn task(&mut self, row: &Row<'_>) {
        let record = &row.record;
        let variant = record.variant.as_deref();
        let marker = if variant.is_some() { "with" } else { "without" };
        let name = [&*record.model, marker, variant.unwrap_or("")];
        let model = self.models.place(&name, || ModelHead {
            model: record.model.to_string(),
            variant: variant.map(str::to_owned),
            provider: record.provider.to_string(),
            model_used: record.model_used.to_string(),
        });
        let prompt = self.prompts.place(&[&record.prompt], || record.prompt.to_string());
        for count in [&mut self.all, self.models.at(model), self.prompts.at(prompt)] {
            count.row(row);
            row.attempts.iter().for_each(|attempt| count.attempt(attempt));
        }
        if row.planned {
            self.scores.add(row, model, prompt);
        }
    }

    fn provider(&mut self, row: &Row<'_>) {
        let record = &row.record;
        let provider = |name: &str| name.to_owned();
        let asked = self.providers.of(&[&record.provider], || provider(&record.provider));
        if record.scorer.is_none() {
            asked.row(row);
        }
        for attempt in &row.attempts {
            let count = self.providers.of(&[&attempt.provider], || provider(&attempt.provider));
            count.attempt(attempt);
            self.error(attempt, row.is_task());
        }
    }

    fn error(&mut self, attempt: &Attempt, is_of_task: bool) {
        let Some(failure) = &attempt.failure else { return };
        let count = self.errors.entry(failure.kind).or_default();
        count.tasks += u64::from(attempt.is_final && is_of_task);
        count.attempts += u64::from(attempt.number.is_some());
        if count.example.is_empty() {
            count.example = failure.message.chars().take(EXAMPLE).collect();
        }
    }

    /// The summary of all rows so far; `run.json` tells what the journal does not.
    pub fn finish(self, run: String, manifest: Option<Manifest>) -> Summary {
        let sessions = manifest.as_ref().map(|manifest| &*manifest.sessions).unwrap_or_default();
        let last = sessions.last();
        let heads = &self.scorers;
        let names = self.models.heads(|head| model_name(&head.model, head.variant.as_deref()));
        let comparisons = self.scores.comparisons(&names);
        let [models, prompts, all] = self.scores.finish();
        let (mut models, mut prompts) = (models.into_iter(), prompts.into_iter());
        let mut summary = Summary {
            v: VERSION,
            job: self.job.unwrap_or_default(),
            run,
            made_from: MadeFrom { sessions: sessions.len() as u64, ..MadeFrom::default() },
            tags: BTreeMap::new(),
            started_at: sessions.first().map(|session| session.started_at),
            ended_at: last.and_then(|session| session.ended_at),
            ended: last.and_then(|session| session.ended.clone()),
            going: false,
            wall_ms: wall(sessions),
            planned: None,
            totals: self.all.totals(),
            errors: errors(self.errors),
            by_model: self.models.finish(|head, totals| {
                let scores = models.next().unwrap_or_default();
                ModelSummary {
                    model: head.model,
                    variant: head.variant,
                    provider: head.provider,
                    model_used: head.model_used,
                    score: overall(&scores, heads),
                    scores,
                    totals,
                }
            }),
            by_prompt: self.prompts.finish(|prompt, totals| {
                let scores = prompts.next().unwrap_or_default();
                PromptSummary { prompt, scores, totals }
            }),
            by_provider: self
                .providers
                .finish(|provider, totals| ProviderSummary { provider, totals }),
            scorers: scorers(&self.scorers, self.calls),
            scores: all.into_iter().next().unwrap_or_default(),
            gates: self.gates.finish(),
            comparisons,
            pace: pace::over(sessions),
            budget: last.map(|session| session.budget.clone()).unwrap_or_default(),
            lost: sessions.iter().flat_map(|session| session.lost.clone()).collect(),
            damaged: Damages::default(),
        };
        if let Some(manifest) = manifest {
            summary.job = manifest.job;
            summary.tags = manifest.tags;
            summary.planned = Some(manifest.tasks);
            summary.made_from.runner_version = Some(manifest.runner_version);
            summary.made_from.job_hash = Some(manifest.job_hash);
            summary.made_from.prices_hash = manifest.prices_hash;
        }
        summary
    }
}

/// The scorers, each with the calls that it made.
fn scorers(heads: &[ScorerHead], calls: Groups<String>) -> Vec<ScorerSummary> {
    let mut calls: HashMap<String, Totals> =
        calls.finish(|scorer, totals| (scorer, totals)).into_iter().collect();
    let scorer = |head: &ScorerHead| ScorerSummary {
        head: head.clone(),
        calls: calls.remove(&head.column).map(Box::new),
    };
    heads.iter().map(scorer).collect()
}

/// The time of all sessions together; `None` when one of them has no end.
fn wall(sessions: &[Session]) -> Option<u64> {
    if sessions.is_empty() {
        return None;
    }
    let times = sessions.iter().map(|session| {
        let millis = session.ended_at?.as_millis() - session.started_at.as_millis();
        // Older runners kept no time of their own. A clock that was set back makes no session
        // shorter than nothing.
        session.wall_ms.or(Some(millis.max(0).unsigned_abs()))
    });
    times.sum()
}

fn errors(counts: BTreeMap<FailureKind, ErrorCount>) -> Vec<ErrorSummary> {
    let mut errors: Vec<ErrorSummary> = counts
        .into_iter()
        .map(|(kind, count)| ErrorSummary {
            kind,
            tasks: count.tasks,
            attempts: count.attempts,
            example: count.example,
        })
        .collect();
    errors.sort_by_key(|error| std::cmp::Reverse((error.tasks, error.attempts)));
    errors
}

/// Counts by name, in the order in which the names first came.
#[derive(Debug)]
struct Groups<H> {
    counts: Vec<(H, Count)>,
    places: HashMap<String, usize>,
    /// The name that is looked up, kept so that a row costs no allocation.
    name: String,
}

impl<H> Default for Groups<H> {
    fn default() -> Self {
        Self { counts: Vec::new(), places: HashMap::new(), name: String::new() }
    }
}

impl<H> Groups<H> {
    fn of(&mut self, name: &[&str], head: impl FnOnce() -> H) -> &mut Count {
        let place = self.place(name, head);
        self.at(place)
    }

    fn at(&mut self, place: usize) -> &mut Count {
        &mut self.counts[place].1
    }

    fn place(&mut self, name: &[&str], head: impl FnOnce() -> H) -> usize {
        self.name.clear();
        for part in name {
            self.name.push_str(part);
            self.name.push('\0');
        }
        self.places.get(&self.name).copied().unwrap_or_else(|| {
            let place = self.counts.len();
            self.places.insert(self.name.clone(), place);
            self.counts.push((head(), Count::default()));
            place
        })
    }

    fn heads<T>(&self, of: impl Fn(&H) -> T) -> Vec<T> {
        self.counts.iter().map(|(head, _)| of(head)).collect()
    }

    fn finish<T>(self, mut make: impl FnMut(H, Totals) -> T) -> Vec<T> {
        self.counts.into_iter().map(|(head, count)| make(head, count.totals())).collect()
    }
}

#[derive(Debug, Default)]
struct Count {
    /// The plain counts; the sums of money and tokens are filled in at the end.
    totals: Totals,
    tokens: TokenSums,
    cost: Money,
    final_cost: Money,
    latency: Histogram,
    ttft: Histogram,
    queued: Histogram,
}

impl Count {
    fn row(&mut self, row: &Row<'_>) {
        let record = &row.record;
        let totals = &mut self.totals;
        if !row.planned {
            totals.dropped += 1;
            return;
        }
        totals.tasks += 1;
        totals.repairs += u64::from(row.was_repaired());
        match record.status {
            Status::Ok => totals.ok += 1,
            Status::Error => totals.error += 1,
            Status::Skipped => totals.skipped += 1,
        }
        if record.status == Status::Ok {
            record.latency_ms.into_iter().for_each(|latency| self.latency.add(latency));
            record.ttft_ms.into_iter().for_each(|ttft| self.ttft.add(ttft));
        }
        if record.started_at.is_some() {
            self.queued.add(record.queued_ms);
        }
        if record.cost_status != CostStatus::NoAnswer {
            self.final_cost.add(record.cost_usd);
        }
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let totals = &mut self.totals;
        if let Some(number) = attempt.number {
            totals.attempts += 1;
            totals.retries += u64::from(number > 1);
            totals.failed_attempts += u64::from(attempt.failure.is_some());
            totals.invalid_answers += u64::from(attempt.invalid);
        }
        if !attempt.was_answered() {
            return;
        }
        totals.answered_attempts += 1;
        self.cost.add(attempt.cost_usd);
        self.tokens.add(attempt.usage.as_ref());
    }

    fn totals(self) -> Totals {
        let answered = self.totals.answered_attempts;
        let [prompt, cached, cache_write, completion, reasoning, total] = self.tokens.of(answered);
        let tokens = TokenTotals {
            prompt_tokens: prompt,
            cached_tokens: cached,
            cache_write_tokens: cache_write,
            completion_tokens: completion,
            reasoning_tokens: reasoning,
            total_tokens: total,
            missing: self.tokens.missing(answered),
        };
        let latency = &self.latency;
        Totals {
            tokens,
            cost_usd: self.cost.usd(),
            unpriced: self.cost.unknown,
            final_cost_usd: self.final_cost.usd(),
            final_unpriced: self.final_cost.unknown,
            latency_ms: Latency {
                p50: latency.percentile(50),
                p90: latency.percentile(90),
                p95: latency.percentile(95),
                p99: latency.percentile(99),
                max: latency.max(),
                mean: latency.mean(),
            },
            ttft_ms: spread(&self.ttft),
            queued_ms: spread(&self.queued),
            ..self.totals
        }
    }
}

fn spread(histogram: &Histogram) -> Spread {
    Spread { p50: histogram.percentile(50), p95: histogram.percentile(95) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_of_their_first_rows() {
        let mut groups = Groups::default();
        for name in ["b", "a", "b"] {
            groups.of(&[name], || name).totals.tasks += 1;
        }
        let counts = groups.finish(|name, totals| (name, totals.tasks));
        assert_eq!(counts, [("b", 2), ("a", 1)]);
    }
}
