//! Gates held against the rows of a run: what was measured, of how many, and whether it is enough.
//!
//! A gate that has nothing to measure fails: nobody is told that all is well by a run without an
//! answer.

use crate::call::gate::{ErrorRule, Gate, GateResult, Per};
use crate::call::metric::{Metric, Point};
use crate::call::record::Status;
use crate::call::score::ScoreState;
use crate::eval::stats::cluster::{self, Cluster};
use crate::eval::stats::flips::flip_rate;

use super::Row;
use super::histogram::Histogram;
use super::ruling::counted;
use super::sums::{Money, TokenSums};

/// Picodollars in a dollar.
const PICO: f64 = 1e12;

/// The gates of a run, and what was measured for each so far.
#[derive(Debug, Default)]
pub(super) struct GateBook(Vec<Measured>);

#[derive(Debug)]
struct Measured {
    gate: Gate,
    subjects: Vec<(Option<String>, Measure)>,
}

/// What one gate measures of one subject.
#[derive(Debug, Default)]
struct Measure {
    tasks: u64,
    errors: u64,
    /// The scores so far.
    sum: f64,
    scored: u64,
    passed: u64,
    judged: u64,
    /// Answers that there was nothing to hold against.
    skipped: u64,
    /// Answers that the scorer could not score.
    broken: u64,
    /// The scores by prompt, where repeats are compared.
    clusters: Vec<Cluster>,
    current: Option<(String, String)>,
    prompt: u32,
    times: Histogram,
    cost: Money,
    tokens: TokenSums,
    answered: u64,
}

/// What came of it.
struct Reading {
    value: Option<f64>,
    samples: u64,
    note: Option<String>,
}

impl GateBook {
    /// The book of these gates; those that look at another run are none of it.
    pub(super) fn new(gates: &[Gate]) -> Self {
        let own = gates.iter().filter(|gate| gate.since.is_none());
        let measured = |gate: &Gate| Measured { gate: gate.clone(), subjects: Vec::new() };
        Self(own.map(measured).collect())
    }

    /// Counts a task of the job. What a scorer asked, and what the job no longer asks, counts for
    /// what the run as a whole has spent.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let record = &row.record;
        for Measured { gate, subjects } in &mut self.0 {
            if !gate.covers(&record.model, &record.prompt) || !row.is_task() && gate.per != Per::Run
            {
                continue;
            }
            let subject = (gate.per == Per::Model).then(|| row.model_name());
            let place = subjects.iter().position(|(known, _)| *known == subject);
            let place = place.unwrap_or_else(|| {
                subjects.push((subject, Measure::default()));
                subjects.len() - 1
            });
            let measure = &mut subjects[place].1;
            measure.spend(row);
            if row.is_task() {
                measure.add(row, gate);
            }
        }
    }

    /// How each turned out, for each subject.
    pub(super) fn finish(self) -> Vec<GateResult> {
        let mut results = Vec::new();
        for Measured { gate, mut subjects } in self.0 {
            if subjects.is_empty() {
                subjects.push((None, Measure::default()));
            }
            let each = subjects.into_iter();
            results.extend(each.map(|(subject, measure)| measure.result(&gate, subject)));
        }
        results
    }
}

impl Measure {
    fn add(&mut self, row: &Row<'_>, gate: &Gate) {
        let record = &row.record;
        self.tasks += 1;
        let failed = record.status != Status::Ok;
        self.errors += u64::from(failed);
        match &gate.metric {
            Metric::Score(column) | Metric::PassRate(column) | Metric::FlipRate(column) => {
                let score = record.scores.get(column);
                let value = score.and_then(|score| score.value);
                let state = score.map(|score| score.state);
                self.skipped += u64::from(state == Some(ScoreState::Skipped));
                self.broken += u64::from(state == Some(ScoreState::Broken));
                let counted = value.map(|value| (value, score.and_then(|score| score.pass)));
                let is_counted = failed && gate.errors == ErrorRule::Count;
                if let Some((value, pass)) = counted.or(is_counted.then_some((0.0, Some(false)))) {
                    self.score(row, value, pass);
                }
            }
            Metric::Latency(_) if !failed => self.time(record.latency_ms),
            Metric::Ttft(_) if !failed => self.time(record.ttft_ms),
            _ => {}
        }
    }

    fn spend(&mut self, row: &Row<'_>) {
        for attempt in row.attempts.iter().filter(|attempt| attempt.was_answered()) {
            self.answered += 1;
            self.cost.add(attempt.cost_usd);
            self.tokens.add(attempt.usage.as_ref());
        }
    }

    fn score(&mut self, row: &Row<'_>, value: f64, pass: Option<bool>) {
        let record = &row.record;
        let is_same = |(set, name): &(String, String)| *set == record.prompt && *name == record.row;
        if !self.current.as_ref().is_some_and(is_same) {
            self.prompt += 1;
            self.current = Some((record.prompt.to_string(), record.row.to_string()));
        }
        self.sum += value;
        self.scored += 1;
        self.passed += u64::from(pass == Some(true));
        self.judged += u64::from(pass.is_some());
        cluster::add(&mut self.clusters, self.prompt, value, pass);
    }

    fn time(&mut self, millis: Option<u64>) {
        millis.into_iter().for_each(|millis| self.times.add(millis));
    }

    fn reading(&self, metric: &Metric) -> Reading {
        let share = |part: f64, of: u64| (of > 0).then(|| part / of as f64);
        let plain = |value: Option<f64>, samples: u64| Reading { value, samples, note: None };
        match metric {
            Metric::Score(_) => plain(share(self.sum, self.scored), self.scored),
            Metric::PassRate(_) => plain(share(self.passed as f64, self.judged), self.judged),
            Metric::FlipRate(_) => {
                let flips = flip_rate(&self.clusters);
                let samples = flips.as_ref().map_or(0, |flips| flips.prompts);
                plain(flips.map(|flips| flips.value), samples)
            }
            Metric::ErrorRate => plain(share(self.errors as f64, self.tasks), self.tasks),
            Metric::Latency(point) | Metric::Ttft(point) => {
                let times = &self.times;
                let value = match point {
                    Point::Percentile(percent) => times.percentile(u64::from(*percent)),
                    Point::Mean => times.mean(),
                    Point::Max => times.max(),
                };
                plain(value.map(|millis| millis as f64), times.count())
            }
            Metric::CostUsd => self.money(1),
            Metric::CostPerTaskUsd => self.money(self.tasks),
            Metric::PromptTokens => self.tokens_of(0),
            Metric::CompletionTokens => self.tokens_of(3),
            Metric::TotalTokens => self.tokens_of(5),
        }
    }

    /// The cost, shared out over so many. What is not known makes it unknown: it may be any amount.
    fn money(&self, over: u64) -> Reading {
        let unpriced = self.cost.unknown;
        let known = match self.answered {
            0 => Some(0.0),
            _ => self.cost.usd().map(|usd| usd.as_pico() as f64 / PICO),
        };
        let value = known.filter(|_| unpriced == 0 && over > 0);
        let note = (unpriced > 0)
            .then(|| format!("the cost of {} is not known", counted(unpriced, "attempt")));
        Reading { value: value.map(|usd| usd / over as f64), samples: self.answered, note }
    }

    fn tokens_of(&self, kind: usize) -> Reading {
        let missing = self.tokens.missing(self.answered);
        let sum = self.tokens.of(self.answered)[kind];
        let sum = if self.answered == 0 { Some(0) } else { sum };
        let note = (missing > 0).then(|| format!("{} told no tokens", counted(missing, "answer")));
        let value = sum.filter(|_| missing == 0).map(|tokens| tokens as f64);
        Reading { value, samples: self.answered, note }
    }

    fn result(&self, gate: &Gate, subject: Option<String>) -> GateResult {
        let Reading { value, samples, note } = self.reading(&gate.metric);
        let keeps = |value: f64| {
            gate.min.is_none_or(|min| value >= min) && gate.max.is_none_or(|max| value <= max)
        };
        let note = note.or_else(|| self.note(gate, value));
        GateResult {
            gate: gate.to_string(),
            metric: gate.metric.clone(),
            per: gate.per,
            subject,
            value,
            bound: gate.bound(),
            samples,
            errors: self.errors,
            error_rule: gate.errors,
            passed: value.is_some_and(keeps),
            note,
        }
    }

    fn note(&self, gate: &Gate, value: Option<f64>) -> Option<String> {
        let nothing = value.is_none().then(|| "there was nothing to measure".to_owned());
        if gate.metric.column().is_none() {
            return nothing;
        }
        let mut notes = Vec::from_iter(nothing);
        if self.errors > 0 {
            notes.push(match gate.errors {
                ErrorRule::Exclude => {
                    format!("{} not counted", counted(self.errors, "failed task"))
                }
                ErrorRule::Count => format!("{} counted as 0", counted(self.errors, "failed task")),
            });
        }
        for (number, why) in
            [(self.skipped, "had nothing to be held against"), (self.broken, "could not be scored")]
        {
            if number > 0 {
                notes.push(format!("{} {why}", counted(number, "answer")));
            }
        }
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}
