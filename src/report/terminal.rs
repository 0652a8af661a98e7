//! What is told at the end of a run, for a terminal: the table by model, scores and gates.

use comfy_table::{
    CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Row, Table, TableStyle,
};

use crate::call::gate::GateResult;

use super::figures::{cost, count, millis, tokens};
use super::ruling::{self, mark, share};
use super::scores::ScoreSummary;
use super::summary::{Summary, Totals};

const HEADER: [&str; 10] = [
    "model",
    "ok",
    "failed",
    "skipped",
    "retries",
    "tokens in",
    "tokens out",
    "cost",
    "p50",
    "p95",
];

/// One thin line below the header, and nothing else.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none());

/// With more gates than this, those that passed are only counted.
const MANY_GATES: usize = 12;

/// All that is told of a run, without a line end after its last line: the table by model, the
/// scores where there are scorers, and a line for each gate.
pub fn overview(summary: &Summary) -> String {
    let parts = [Some(table(summary)), scores(summary), gates(&summary.gates)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// The table by model and by scorer that made calls, without a line end after its last line. A last
/// line sums up where there are several.
pub fn table(summary: &Summary) -> String {
    draw(HEADER, summary.lines().iter().map(|(name, totals)| line(name, totals)).collect())
}

/// The scores by model, a column each; `None` without scorers.
fn scores(summary: &Summary) -> Option<String> {
    let columns: Vec<&str> = summary.scores.iter().map(|score| &*score.column).collect();
    if columns.is_empty() {
        return None;
    }
    // One alone is the overall score.
    let overall = columns.len() > 1 && summary.by_model.iter().any(|model| model.score.is_some());
    let header = ["model"].into_iter().chain(columns.iter().copied());
    let header: Vec<String> = header.chain(overall.then_some("score")).map(plain).collect();
    let lines = summary.by_model.iter().map(|model| {
        let of = |column: &&str| model.scores.iter().find(|score| score.column == *column);
        let mut cells = vec![plain(&model.name())];
        cells.extend(columns.iter().map(|column| of(column).map(score).unwrap_or_default()));
        if overall {
            cells.push(model.score.map(share).unwrap_or_default());
        }
        cells
    });
    Some(draw_after(1, header, lines.collect()))
}

/// A mean with its interval, and how many answers are not in it although they were to be scored.
fn score(score: &ScoreSummary) -> String {
    match score.broken {
        0 => ruling::mean(score),
        broken => format!("{}, {} broken", ruling::mean(score), count(broken)),
    }
}

/// A line for each gate, and what to do about those that failed; `None` without gates.
fn gates(gates: &[GateResult]) -> Option<String> {
    if gates.is_empty() {
        return None;
    }
    let is_told = |gate: &&GateResult| !gate.passed || gates.len() <= MANY_GATES;
    let mut lines: Vec<String> = gates
        .iter()
        .filter(is_told)
        .map(|gate| format!("{} {}", mark(gate.passed), plain(&ruling::line(gate))))
        .collect();
    let untold = gates.len() - lines.len();
    if untold > 0 {
        lines.push(format!(
            "{} {} passed",
            mark(true),
            ruling::counted(untold as u64, "more gate")
        ));
    }
    let mut helps: Vec<String> = Vec::new();
    for gate in gates.iter().filter(|gate| !gate.passed) {
        let help = format!("help: {}", plain(&ruling::help(gate)));
        if !helps.contains(&help) {
            helps.push(help);
        }
    }
    lines.extend(helps);
    Some(lines.join("\n"))
}

/// A label may hold anything; a terminal obeys control characters.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Lines under a header: the first column is text, the others are numbers.
pub fn draw<const N: usize>(header: [&str; N], lines: Vec<[String; N]>) -> String {
    draw_after(1, header, lines)
}

/// Lines under a header: so many columns are text, and those after them are numbers.
pub fn draw_after<H: Into<Row>, L: Into<Row>>(texts: usize, header: H, lines: Vec<L>) -> String {
    let mut table = laid(header, lines);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Lines of text under a header.
pub fn draw_left<const N: usize>(header: [&str; N], lines: Vec<[String; N]>) -> String {
    laid(header, lines).trim_fmt()
}

fn laid<H: Into<Row>, L: Into<Row>>(header: H, lines: Vec<L>) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    // Wide names make the table wide: what is cut off cannot be searched for.
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table.add_rows(lines);
    table
}

fn line(name: &str, totals: &Totals) -> [String; 10] {
    [
        plain(name),
        count(totals.ok),
        count(totals.error),
        count(totals.skipped),
        count(totals.retries),
        tokens(totals.tokens.prompt_tokens),
        tokens(totals.tokens.completion_tokens),
        cost(totals.cost_usd, totals.unpriced),
        millis(totals.latency_ms.p50),
        millis(totals.latency_ms.p95),
    ]
}
