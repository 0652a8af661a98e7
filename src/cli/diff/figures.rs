//! The figures of a comparison as people read them, and the sentences of its verdict.

use crate::audit::difference::{Percent, between};
use crate::call::metric::Metric;
use crate::call::money::Usd;
use crate::cli::page;
use crate::report::compare::changes::Told;
use crate::report::compare::comparison::{Comparison, Drift, MetricChange, Spent, Subject, Times};
use crate::report::compare::held::Held;
use crate::report::figures::{cost, count, dollars, millis, tokens};

use super::Shown;

/// The header of the table of metrics: two columns of text, and numbers.
pub(super) const METRICS: [&str; 10] =
    ["model", "metric", "base", "new", "change", "95 % interval", "p", "better", "worse", "shows"];

/// The header of the table of times and costs.
pub(super) const DRIFTS: [&str; 7] = [
    "model",
    "latency p50",
    "typical change",
    "latency p95",
    "first token p50",
    "cost per task",
    "typical change",
];

/// The lines of the table of metrics.
pub(super) fn metrics(comparison: &Comparison) -> Vec<[String; 10]> {
    let lines = |subject: &Subject| {
        let name = subject.name();
        subject.metrics.iter().map(move |change| metric(&name, change)).collect::<Vec<_>>()
    };
    comparison.subjects().flat_map(lines).collect()
}

fn metric(name: &str, change: &MetricChange) -> [String; 10] {
    let same = change.same;
    let of = |number: u64| format!("{} of {}", count(number), count(change.pairs));
    let shows = match (same == change.pairs, change.verdict.as_str()) {
        (true, _) => "no change",
        (false, shown) => shown,
    };
    [
        name.to_owned(),
        change.metric.to_string(),
        share(change.base),
        share(change.new),
        signed(change.change),
        interval(change),
        p_value(change.p),
        of(change.better),
        of(change.worse),
        shows.to_owned(),
    ]
}

/// The lines of the table of times and costs.
pub(super) fn drifts(comparison: &Comparison) -> Vec<[String; 7]> {
    let pair = |base: Option<u64>, new: Option<u64>| match (base, new) {
        (None, None) => "-".to_owned(),
        _ => format!("{} -> {}", millis(base), millis(new)),
    };
    let line = |subject: &Subject| {
        let Drift { base_p50, new_p50, base_p95, new_p95, ratio } = subject.latency_ms;
        let (cost, ttft) = (&subject.cost, &subject.ttft_ms);
        let costs = match (cost.base_per_task_usd, cost.new_per_task_usd) {
            (Some(base), Some(new)) => format!("{} -> {}", rough(base), rough(new)),
            _ => "unknown".to_owned(),
        };
        [
            subject.name(),
            pair(base_p50, new_p50),
            times(&ratio),
            pair(base_p95, new_p95),
            pair(ttft.base_p50, ttft.new_p50),
            costs,
            times(&cost.ratio),
        ]
    };
    comparison.subjects().map(line).collect()
}

/// A mean for people; the sums are exact.
fn rough(usd: Usd) -> String {
    dollars(usd).replace('~', "")
}

/// The verdict: what got worse, or which condition is true; one sentence each.
pub(super) fn verdict(shown: &Shown<'_>) -> Vec<String> {
    let comparison = &shown.comparison;
    let matched = count(comparison.tasks.matched);
    if shown.is_asked {
        let failed = shown.held.iter().filter(|held| held.failed);
        let mut lines: Vec<String> =
            failed.map(|held| format!("regression: {}", condition(held))).collect();
        if lines.is_empty() {
            let kept = shown.held.iter().map(|held| format!("kept: {}", condition(held)));
            lines.push(format!(
                "no regression by what --fail-on says, in {matched} tasks of both runs"
            ));
            lines.extend(kept);
        }
        return lines;
    }
    let worse = comparison.regressions();
    let mut lines: Vec<String> =
        worse.map(|(subject, change)| moved("regression", subject, change)).collect();
    if lines.is_empty() {
        lines.push(format!("no regression shown in {matched} tasks of both runs"));
    }
    lines
}

fn moved(word: &str, subject: &Subject, change: &MetricChange) -> String {
    format!(
        "{word}: `{}` of {} went from {} to {} ({}, 95 %: {}, p {})",
        change.metric,
        subject.name(),
        share(change.base),
        share(change.new),
        signed(change.change),
        interval(change),
        p_value(change.p)
    )
}

/// A condition, and what was measured.
pub(super) fn condition(held: &Held) -> String {
    let subject = held.subject.as_deref().unwrap_or("the run");
    let value = |value: f64| amount(&held.metric, value);
    let measured = match (held.base, held.new, held.change) {
        (Some(base), Some(new), Some(change)) => {
            let change = match held.is_relative {
                true if change.is_infinite() => "from nothing".to_owned(),
                true => format!("{:+.2} %", change * 100.0),
                false if change < 0.0 => format!("-{}", value(-change)),
                false => format!("+{}", value(change)),
            };
            format!("{} -> {} ({change}), {} samples", value(base), value(new), count(held.samples))
        }
        _ => "not measured".to_owned(),
    };
    let note = held.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    format!("{} of {subject}: {measured}{note}", held.condition)
}

fn amount(metric: &Metric, value: f64) -> String {
    match metric {
        Metric::Latency(_) | Metric::Ttft(_) => millis(Some(value.round() as u64)),
        Metric::CostUsd | Metric::CostPerTaskUsd => {
            rough(Usd::from_pico((value * 1e12).round() as i128))
        }
        Metric::PromptTokens | Metric::CompletionTokens | Metric::TotalTokens => {
            count(value.round() as u64)
        }
        _ => share(value),
    }
}

/// What is compared with what.
pub(super) fn heading(comparison: &Comparison) -> Vec<String> {
    let tasks = &comparison.tasks;
    let head = |run: &crate::report::compare::comparison::RunHead| match &run.job {
        Some(job) => format!("{job}/{}", run.run),
        None => run.run.clone(),
    };
    let mut told = vec![
        format!("{} tasks in both runs", count(tasks.matched)),
        format!("{} changed", count(tasks.changed)),
    ];
    let others = [(tasks.new, "only in the new one"), (tasks.removed, "only in the base")];
    let others = others.iter().filter(|(number, _)| *number > 0);
    told.extend(others.map(|(number, what)| format!("{} {what}", count(*number))));
    if tasks.matched_by_content > 0 {
        let found = count(tasks.matched_by_content);
        told.push(format!("{found} found by their text, as the model or its parameters changed"));
    }
    vec![
        format!("base: {}", head(&comparison.base)),
        format!("new:  {}", head(&comparison.new)),
        told.join("; "),
    ]
}

/// What the runs cost as a whole.
pub(super) fn spending(comparison: &Comparison) -> String {
    let (base, new) = (&comparison.spent.base, &comparison.spent.new);
    let all = |spent: &Spent| cost(spent.cost_usd, spent.unpriced);
    let apart = base.cost_usd.zip(new.cost_usd).filter(|_| base.unpriced + new.unpriced == 0);
    let apart = apart.and_then(|(base, new)| Percent::of(between(base, new), base));
    let apart = apart.map(|apart| format!(" ({})", page::percent(Some(apart))));
    let told = |spent: &Spent| tokens(spent.total_tokens);
    format!(
        "whole runs: cost {} -> {}{}; tokens {} -> {}",
        all(base),
        all(new),
        apart.unwrap_or_default(),
        told(base),
        told(new)
    )
}

/// The scores and the error of an answer, in a few words.
pub(super) fn scores(told: &Told) -> String {
    let score = |(column, score): (&String, &crate::call::score::Score)| {
        let value =
            score.value.map_or_else(|| "-".to_owned(), |value| format!("{}", rounded(value)));
        format!("{column} {value}")
    };
    told.scores.iter().map(score).collect::<Vec<_>>().join(", ")
}

/// What was said, or why not.
pub(super) fn answer(told: &Told) -> String {
    match (&told.error, &told.content) {
        (Some(error), _) => format!("{}: {}", error.kind, error.message),
        (None, Some(content)) => content.clone(),
        (None, None) => told.status.as_str().to_owned(),
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn share(value: f64) -> String {
    format!("{value:.3}")
}

fn signed(value: f64) -> String {
    // A negative zero is none.
    format!("{:+.3}", rounded(value) + 0.0)
}

fn interval(change: &MetricChange) -> String {
    match (change.low, change.high) {
        (Some(low), Some(high)) => format!("{} to {}", signed(low), signed(high)),
        _ => "-".to_owned(),
    }
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }
}

fn times(times: &Times) -> String {
    let percent = |ratio: f64| format!("{:+.1}", rounded(ratio - 1.0) * 100.0 + 0.0);
    match (times.ratio, times.low, times.high) {
        (Some(ratio), Some(low), Some(high)) => {
            format!("{} % ({} to {})", percent(ratio), percent(low), percent(high))
        }
        (Some(ratio), ..) => format!("{} % (too few pairs)", percent(ratio)),
        (None, ..) if times.pairs > 0 => "from nothing".to_owned(),
        (None, ..) => "-".to_owned(),
    }
}
