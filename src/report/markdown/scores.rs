//! What scorers and gates say, as the tables of `summary.md`.

use crate::call::gate::GateResult;

use super::super::figures::count;
use super::super::ruling::{self, interval, mark, share};
use super::super::scores::{ModelComparison, ScoreSummary};
use super::super::summary::{ModelSummary, PromptSummary, Summary};
use super::{FOLDED, escape, table};

/// The table of gates. Where it is long, those that failed stand before it.
pub(super) fn gates(page: &mut String, summary: &Summary) {
    if summary.gates.is_empty() {
        return;
    }
    page.push_str("\n## Gates\n");
    let header = "\n| | gate | of | value | bound | samples | failed tasks | note |\n\
                  |---|---|---|--:|---|--:|---|---|\n";
    let failed: Vec<&GateResult> = summary.gates.iter().filter(|gate| !gate.passed).collect();
    if summary.gates.len() > FOLDED && !failed.is_empty() && failed.len() <= FOLDED {
        table(page, header, &failed.into_iter().map(gate).collect::<Vec<_>>());
    }
    table(page, header, &summary.gates.iter().map(gate).collect::<Vec<_>>());
}

fn gate(gate: &GateResult) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} |",
        mark(gate.passed),
        escape(&gate.gate),
        escape(gate.subject.as_deref().unwrap_or("the run")),
        escape(&ruling::value(gate)),
        escape(&gate.bound),
        ruling::samples(gate),
        count(gate.errors),
        escape(gate.note.as_deref().unwrap_or_default()),
    )
}

/// The table of scores by model, and that by prompt set where there are several.
pub(super) fn scores(page: &mut String, summary: &Summary) {
    if summary.scores.is_empty() {
        return;
    }
    page.push_str(
        "\n## Scores\n\nMeans from 0 to 1, with 95 % intervals for prompts of this kind.\n",
    );
    let of = |model: &ModelSummary| {
        let name = model.name();
        let overall = model.score.filter(|_| model.scores.len() > 1).map(|score| {
            format!("| {} | all, by weight | {} | | | | | | | |", escape(&name), share(score))
        });
        let each = model.scores.iter().map(|score| self::score(&name, score));
        each.chain(overall).collect::<Vec<_>>()
    };
    let lines: Vec<String> = summary.by_model.iter().flat_map(of).collect();
    table(page, &header("model"), &lines);
    if summary.by_prompt.len() > 1 {
        let of = |prompt: &PromptSummary| {
            let each = prompt.scores.iter().map(|score| self::score(&prompt.prompt, score));
            each.collect::<Vec<_>>()
        };
        let lines: Vec<String> = summary.by_prompt.iter().flat_map(of).collect();
        table(page, &header("prompt set"), &lines);
    }
}

fn header(of: &str) -> String {
    format!(
        "\n| {of} | scorer | mean | 95 % | passed | failed | skipped | broken | prompts | flip rate |\n\
         |---|---|--:|---|--:|--:|--:|--:|--:|--:|\n"
    )
}

fn score(of: &str, score: &ScoreSummary) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        escape(of),
        escape(&score.column),
        or_dash(score.value.map(share)),
        or_dash(interval(score.low, score.high)),
        count(score.passed),
        count(score.failed),
        count(score.skipped),
        count(score.broken),
        count(score.prompts),
        or_dash(score.flip_rate.map(share)),
    )
}

/// The models held against each other.
pub(super) fn comparisons(page: &mut String, summary: &Summary) {
    if summary.comparisons.is_empty() {
        return;
    }
    page.push_str("\n## Models compared\n\nOn the prompts that both answered; p is corrected (Holm) for how many pairs there are.\n");
    let header = "\n| scorer | model | against | difference | 95 % | p | prompts | verdict |\n\
                  |---|---|---|--:|---|--:|--:|---|\n";
    table(page, header, &summary.comparisons.iter().map(comparison).collect::<Vec<_>>());
}

fn comparison(pair: &ModelComparison) -> String {
    let sign = if pair.difference > 0.0 { "+" } else { "" };
    format!(
        "| {} | {} | {} | {sign}{} | {} | {} | {} | {} |",
        escape(&pair.column),
        escape(&pair.new),
        escape(&pair.base),
        share(pair.difference),
        interval(pair.low, pair.high).unwrap_or_else(|| "-".to_owned()),
        chance(pair.p),
        count(pair.prompts),
        pair.verdict,
    )
}

/// A p-value; one too small to tell is told as that.
fn chance(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { share(p) }
}
