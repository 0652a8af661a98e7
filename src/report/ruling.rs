//! How gates and scores are told: the same words on the terminal, in Markdown, for CI and for
//! GitHub.

use crate::call::gate::{ErrorRule, GateResult};
use crate::call::metric::Metric;

use super::figures::count;
use super::scores::ScoreSummary;
use super::summary::Summary;

/// Digits of a number that are worth telling.
const DIGITS: usize = 6;

/// A number in up to six digits, without zeros at its end.
pub fn figure(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    let magnitude = value.abs().log10().floor() as i32;
    let decimals = (DIGITS as i32 - 1 - magnitude).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A score, a share or a difference of them: three decimals are more than any run of this size
/// can tell.
pub fn share(value: f64) -> String {
    // `-0.000` says less than `0.000`.
    let rounded = (value * 1000.0).round() / 1000.0;
    format!("{:.3}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// A share with the interval that it may lie in: `0.925 (0.841 to 0.968)`.
pub fn with_interval(value: f64, low: Option<f64>, high: Option<f64>) -> String {
    match interval(low, high) {
        Some(interval) => format!("{} ({interval})", share(value)),
        None => share(value),
    }
}

/// An interval: `0.841 to 0.968`.
pub fn interval(low: Option<f64>, high: Option<f64>) -> Option<String> {
    Some(format!("{} to {}", share(low?), share(high?)))
}

/// The mean of a scorer's values with its interval; a dash where there is none.
pub fn mean(score: &ScoreSummary) -> String {
    let mean = score.value.map(|value| with_interval(value, score.low, score.high));
    mean.unwrap_or_else(|| "-".to_owned())
}

/// The gate, and whom it is about: `right >= 0.9, small`.
pub fn name(gate: &GateResult) -> String {
    match &gate.subject {
        Some(subject) => format!("{}, {subject}", gate.gate),
        None => gate.gate.clone(),
    }
}

/// What was measured, in its unit.
pub fn value(gate: &GateResult) -> String {
    let Some(value) = gate.value else { return "nothing".to_owned() };
    match &gate.metric {
        Metric::Latency(_) | Metric::Ttft(_) => format!("{} ms", figure(value)),
        Metric::CostUsd | Metric::CostPerTaskUsd => format!("${}", figure(value)),
        Metric::PromptTokens | Metric::CompletionTokens | Metric::TotalTokens => {
            count(value.max(0.0) as u64)
        }
        Metric::Score(_) | Metric::PassRate(_) | Metric::FlipRate(_) | Metric::ErrorRate => {
            figure(value)
        }
    }
}

/// How many values that rests on, and of what: `40 answers`.
pub fn samples(gate: &GateResult) -> String {
    let noun = match &gate.metric {
        Metric::Score(_) | Metric::PassRate(_) if gate.error_rule == ErrorRule::Count => "task",
        Metric::FlipRate(_) => "prompt",
        Metric::ErrorRate => "task",
        Metric::Score(_) | Metric::PassRate(_) | Metric::Latency(_) | Metric::Ttft(_) => "answer",
        Metric::CostUsd
        | Metric::CostPerTaskUsd
        | Metric::PromptTokens
        | Metric::CompletionTokens
        | Metric::TotalTokens => "attempt",
    };
    counted(gate.samples, noun)
}

/// What came of a gate, in one line: `right >= 0.9, small: 0.85 over 40 answers; a note`.
pub fn line(gate: &GateResult) -> String {
    let note = gate.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
    match gate.value {
        Some(_) => format!("{}: {} over {}{note}", name(gate), value(gate), samples(gate)),
        None => format!("{}: not measured{note}", name(gate)),
    }
}

/// What to do about a gate that failed.
pub fn help(gate: &GateResult) -> String {
    if gate.value.is_none() {
        return "a gate that has nothing to measure fails; errors.csv says why answers are missing, \
                and the notes of scores in responses.jsonl why they are not scored"
            .to_owned();
    }
    match &gate.metric {
        Metric::Score(column) | Metric::PassRate(column) | Metric::FlipRate(column) => format!(
            "each answer's score stands in responses.csv as `{column}`, and why in responses.jsonl"
        ),
        Metric::ErrorRate => "errors.csv says why; --resume asks again what failed".to_owned(),
        Metric::Latency(_) | Metric::Ttft(_) => {
            "`latency_ms` and `ttft_ms` in responses.csv have the time of each answer".to_owned()
        }
        Metric::CostUsd
        | Metric::CostPerTaskUsd
        | Metric::PromptTokens
        | Metric::CompletionTokens
        | Metric::TotalTokens => "usage.csv has tokens and cost of every attempt".to_owned(),
    }
}

/// The mark of a gate.
pub fn mark(passed: bool) -> &'static str {
    if passed { "✅" } else { "❌" }
}

/// Calls of scorers that failed or were given up.
pub fn unanswered_calls(summary: &Summary) -> u64 {
    let calls = summary.scorers.iter().filter_map(|scorer| scorer.calls.as_ref());
    calls.map(|calls| calls.error + calls.skipped).sum()
}

/// What is to be known of the run before anything else: its mark, and a few words each on how it
/// ended, its gates, its tasks and its scorers.
pub fn verdict(summary: &Summary) -> (&'static str, Vec<String>) {
    let totals = &summary.totals;
    let planned = summary.planned.unwrap_or(totals.tasks);
    let missing = planned.saturating_sub(totals.tasks);
    let failed_gates = summary.gates.iter().filter(|gate| !gate.passed).count() as u64;
    let calls = unanswered_calls(summary);
    let mut parts = Vec::new();
    let ending = ending(summary);
    parts.extend(ending.map(str::to_owned));
    if summary.going {
        parts.push(format!("{} of {} so far", count(totals.tasks), counted(planned, "task")));
    } else if missing > 0 {
        parts.push(format!("{} of {} not done", count(missing), counted(planned, "task")));
    }
    match (failed_gates, summary.gates.len() as u64) {
        (_, 0) => {}
        (0, 1) => parts.push("the gate passed".to_owned()),
        (0, gates) => parts.push(format!("all {} passed", counted(gates, "gate"))),
        (failed, gates) => {
            parts.push(format!("{} of {} failed", count(failed), counted(gates, "gate")));
        }
    }
    for (number, what) in [(totals.error, "failed"), (totals.skipped, "skipped")] {
        if number > 0 {
            parts.push(format!("{} of {} {what}", count(number), counted(planned, "task")));
        }
    }
    if calls > 0 {
        parts.push(format!("{} of scorers failed", counted(calls, "call")));
    }
    let is_whole = totals.ok == planned && planned > 0;
    if is_whole {
        parts.push(format!("{} answered", counted(planned, "task")));
    } else if planned == 0 {
        parts.push("nothing was asked".to_owned());
    }
    let is_well = is_whole && failed_gates + calls == 0 && ending.is_none();
    let mark = if summary.going { "⏳" } else { mark(is_well) };
    (mark, parts)
}

/// How the last session ended, unless it did all there was to do.
fn ending(summary: &Summary) -> Option<&'static str> {
    if summary.going {
        return Some("still going");
    }
    match summary.ended.as_deref() {
        Some("done") => None,
        Some("interrupted") => Some("interrupted"),
        Some("budget") => Some("stopped by the budget"),
        Some("deadline") => Some("stopped by the deadline"),
        Some("canary") => Some("stopped by the canary"),
        Some(_) => Some("broken off"),
        None => summary.started_at.map(|_| "killed"),
    }
}

/// A number of things: `1 task`, `2,000 tasks`.
pub fn counted(number: u64, noun: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{} {noun}{end}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_in_as_many_digits_as_matter() {
        for (value, text) in [
            (0.0, "0"),
            (0.9, "0.9"),
            (0.899_96, "0.89996"),
            (2.0 / 3.0, "0.666667"),
            (812.0, "812"),
            (1_234_567.8, "1234568"),
            (0.000_012_345_67, "0.0000123457"),
            (100.0, "100"),
            (-0.25, "-0.25"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!([0.92549, -0.0001, -0.25].map(share), ["0.925", "0.000", "-0.250"]);
        assert_eq!(with_interval(0.5, Some(0.25), Some(0.75)), "0.500 (0.250 to 0.750)");
        assert_eq!(counted(1, "task"), "1 task");
    }
}
